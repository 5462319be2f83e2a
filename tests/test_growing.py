"""Growing markets: the trees partition the space, and agents enter where there is novelty or error, and only there."""

import math

import gymnasium as gym
import numpy as np
import pytest
from growing_markets import NEVER, by_boxes, enter, grown, market, places, trade

from marketic import Goods, InputError
from marketic.agents import growing_memory as memory
from marketic.agents.growing import Growing
from marketic.agents.growing_tree import enter_market
from marketic.agents.hindsight import SteadyBids
from marketic.agents.ranges import ranges
from marketic.market import Market
from marketic.presets import make
from marketic.words import Words


@pytest.mark.parametrize("features", [1, 2, 3])
def test_trees_agree_with_a_search_over_boxes(features):
    population, here = grown(features=features), places(300, features, seed=5)
    assert population.alive > 50
    np.testing.assert_array_equal(population.match(here), by_boxes(population, here))


def test_leaves_partition_their_founders_box():
    population = grown()
    assert population.splits > 0
    lower, upper = population.boxes
    volume = np.bincount(memory.founders(population.kernels.integers), (upper - lower).prod(1))
    _, root = memory.displacements(np.array([0.25, 0.25]), 4)
    np.testing.assert_allclose(volume, root.prod(), rtol=1e-12)


def test_boxes_are_told_in_units_of_the_range():
    population, here = grown(), places(200, seed=12).clip(-1.0, 2.99)
    (lower, upper), members = population.boxes, population.match(here)
    share = ((here + 1.0) / 4.0)[:, None, None]
    assert (lower[members] <= share + 1e-12).all()
    assert (share < upper[members] + 1e-12).all()


def test_founders_hold_the_whole_range_wherever_they_are_moved():
    for cover in (1 / 16, 1 / 6, 0.3, 0.5, 1.0, 2.0):
        shift, root = memory.displacements(np.array([cover]), 16)
        assert shift.max() + 1.0 < root[0]
        assert shift.min() == 0.0
        assert math.log2(root[0] / min(cover, 0.5)).is_integer()


def test_sectors_are_displaced_differently_in_every_feature():
    shift, _ = memory.displacements(np.array([0.4, 0.4]), 4)
    np.testing.assert_allclose(shift, [[0, 0], [0.1, 0.3], [0.2, 0.2], [0.3, 0.1]])


def test_matching_changes_nothing():
    population = grown()
    before = population.state_dict()
    here = np.array([[np.nan, 0.0], [np.inf, -np.inf], [1e300, np.nan]])
    matched = population.match(here)
    assert (matched >= 0).all()
    assert (matched < population.alive).all()
    for name, array in population.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("cover", [0.25, 1 / 6, (0.5, 0.125)])
def test_novices_are_halved_down_to_the_cover(cover):
    population, here = market(cover=cover, entry_evidence=NEVER), [0.3, 2.2]
    members = enter(population, here, owner=1)
    lower, upper = population.boxes
    widths = (upper - lower)[members]
    np.testing.assert_allclose(widths, np.broadcast_to(cover, (4, 2)))
    np.testing.assert_array_equal(members, population.match(np.array([here]))[0, 1])
    assert (population.match(np.array([here]))[0, 0] < 8).all(), "the other action keeps its founders"
    assert population.splits == 0


def test_the_widest_feature_is_halved_first():
    population = market(cover=(0.5, 0.125), sectors=1, capacity=3)
    enter(population, [0.0, 0.0], owner=0)
    lower, upper = population.boxes
    np.testing.assert_allclose(upper - lower, [[2.0, 1.0], [2.0, 2.0], [2.0, 1.0]])


def test_who_has_traded_is_not_halved_for_the_cover():
    population = market(entry_evidence=NEVER)
    population.trades[:] = 1
    enter(population, [0.0, 0.0], owner=0)
    assert population.alive == 8


def test_entering_renews_members_that_split_meanwhile():
    population = market()
    rows, stale = np.array([[2.9, 2.9]]), population.match(np.array([[2.9, 2.9]]))[0, 0].copy()
    fresh = trade(population, rows[0], 0, 0.0)
    kernels = population.kernels
    enter_market(
        rows,
        0,
        0,
        stale,
        kernels.integers,
        kernels.reals,
        population.price,
        population.trades,
        np.zeros(0),
        np.zeros(0),
    )
    np.testing.assert_array_equal(stale, fresh)


def test_state_round_trip_keeps_the_arrays_and_goes_on_alike():
    first, second = grown(), market(seed=9)
    integers, reals = second.kernels.integers, second.kernels.reals
    second.load_state_dict(first.state_dict())
    assert second.kernels.integers is integers
    assert second.kernels.reals is reals
    for population in (first, second):
        for place in places(500, seed=11):
            trade(population, place, 0, float(place[1] > 0))
    for name, array in first.state_dict().items():
        np.testing.assert_array_equal(array, second.state_dict()[name], err_msg=name)


def test_a_saved_market_of_another_shape_is_refused():
    with pytest.raises(InputError, match="other features, sectors, actions or capacity"):
        market(sectors=2, actions=4).load_state_dict(market(sectors=4, actions=2).state_dict())


def test_rules_in_plain_words():
    words = Words(components=(("position", "m"), ("speed", "m/s")), moves=("left", "right"))
    population = market(sectors=1, cover=0.5, initial_bid=2.0)
    assert population.describe(1, words) == "always: right, bids 2"
    member = enter(population, [0.5, 2.5], owner=1)[0]
    assert population.describe(member, words) == "position below 1 m and speed 1 to 3 m/s: right, bids 2"
    with pytest.raises(InputError, match="there is no agent 1999"):
        population.describe(1999)


def trained(rows: int, *, quick: bool, **terms) -> Market:
    world = gym.make("CartPole-v1")
    if rows > 1:
        world = gym.make_vec("CartPole-v1", rows, vectorization_mode="sync")
    trained = make(world, agents=Growing, seed=5, sectors=4, cover=0.2, entry_trades=5, entry_evidence=2.0, **terms)
    if not quick:
        trained.compiled_parts, trained.auction.rule = False, None
    trained.learn(1500)
    trained.learn(50)
    return trained


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("terms", [{"royalty": 0.0}, {"royalty": 0.8, "greedy": SteadyBids(100, 3)}], ids=str)
def test_compiled_rounds_grow_the_same_market_as_plain_ones(rows, terms):
    first, second = trained(rows, quick=True, **terms), trained(rows, quick=False, **terms)
    assert first.population.alive > 100
    assert first.population.splits > 0
    for name, array in first.state_dict().items():
        np.testing.assert_array_equal(array, second.state_dict()[name], err_msg=name)


def test_angles_replace_their_components():
    population = Growing(
        [-np.pi, -1.0], [np.pi, 1.0], 2, angles=[(0, 1)], sectors=3, capacity=500, rng=np.random.default_rng(0)
    )
    for angle in np.linspace(-3, 3, 40):
        trade(population, [np.cos(angle), np.sin(angle), angle / 4], 0, 0.0)
    angle = np.random.default_rng(1).uniform(-3, 3, 50)
    plain = np.stack([angle, angle / 4], axis=1)
    matched = population.match(np.stack([np.cos(angle), np.sin(angle), angle / 4], axis=1))
    np.testing.assert_array_equal(matched, by_boxes(population, plain))
    assert "angle of observations 0 and 1" in population.describe(matched[0, 0, 0])


def test_ranges_come_from_the_space():
    goods = Goods.from_space(gym.spaces.Box(np.array([-2.0, -np.inf]), np.array([2.0, np.inf]), dtype=np.float64))
    population = Growing.for_spaces(goods, 3, rng=np.random.default_rng(0))
    assert (population.low.tolist(), population.high.tolist()) == ([-2, -10], [2, 10])
    assert (population.n_bidders, population.alive, population.n_agents) == (3, 48, 60_000)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.0, 255.0, (0, 255)),
        (1000.0, 1001.0, (1000, 1001)),
        (-200.0, -100.0, (-200, -100)),
        (-np.inf, np.inf, (-10, 10)),
        (-2.0, np.inf, (-2, 10)),
        (-3e38, 3e38, (-10, 10)),
        (100.0, np.inf, (100, 200)),
        (-np.inf, -1e9, (-2e9, -1e9)),
        (2.0, 2.0, (2, 4)),
        (1e17, 1e17, (1e17, 2e17)),
    ],
)
def test_a_range_with_two_ends_is_divided_up_to_both(low, high, found):
    """Ranges ended at 10: all pixels from 10 to 255 looked the same."""
    goods = Goods.from_space(gym.spaces.Box(low, high, (1,), dtype=np.float64))
    assert tuple(end[0] for end in ranges(goods, 1)) == found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capacity": 7}, "room for at least one agent"),
        ({"cover": 0.0}, "share > 0"),
        ({"narrowest": (0.1, 0.1, 0.1)}, "or 2 of them"),
        ({"entry_trades": 0}, "entry_trades >= 1"),
        ({"clones": 2}, "wanted 1"),
        ({"angles": [(0, 9)]}, "distinct components"),
    ],
)
def test_settings_that_make_no_market_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        market(**options)


def test_empty_ranges_are_refused():
    with pytest.raises(InputError, match="low < high"):
        Growing([0.0], [0.0], 2, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="finite"):
        Growing([0.0], [np.inf], 2, rng=np.random.default_rng(0))
