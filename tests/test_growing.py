"""Growing markets: the trees partition the space, and agents enter where there is novelty or error, and only there."""

import math

import gymnasium as gym
import numpy as np
import pytest

from marketic import Goods, InputError
from marketic.agents import growing_memory as memory
from marketic.agents.growing import Growing
from marketic.agents.growing_tree import enter_market, keep_ledger
from marketic.agents.hindsight import SteadyBids
from marketic.market import Market
from marketic.presets import make
from marketic.words import Words

NEVER = math.inf


def market(features: int = 2, seed: int = 0, **options) -> Growing:
    settings = {"actions": 2, "sectors": 4, "capacity": 2000, "tie_noise": 0.0, **options}
    return Growing([-1.0] * features, [3.0] * features, rng=np.random.default_rng(seed), **settings)


def slow_copies(population: Growing) -> tuple[np.ndarray, np.ndarray]:
    return population.price + 100.0, population.price + 200.0


def enter(population: Growing, observation, owner: int, copies=None) -> np.ndarray:
    """Let the syndicate of `owner` enter at an observation [D]; returns its members."""
    rows = np.asarray(observation, dtype=float)[None]
    members = population.match(rows)[0, owner].copy()
    kernels, learned = population.kernels, (population.price, population.trades)
    steady, licence = copies or slow_copies(population)
    enter_market(rows, 0, owner, members, kernels.integers, kernels.reals, *learned, steady, licence)
    return members


def trade(population: Growing, observation, owner: int, surprise: float, copies=None) -> np.ndarray:
    """One trade as the core settles it, bids left alone; returns the members."""
    rows = np.asarray(observation, dtype=float)[None]
    members = enter(population, observation, owner, copies)
    population.trades[members] += 1
    kernels, learned = population.kernels, (population.price, population.trades)
    steady, licence = copies or slow_copies(population)
    keep_ledger(rows, 0, members, surprise, surprise, kernels.integers, kernels.reals, *learned, steady, licence)
    return members


def places(count: int, features: int = 2, seed: int = 1) -> np.ndarray:
    """Observations in and around the range."""
    return np.random.default_rng(seed).uniform(-1.5, 3.5, (count, features))


def grown(**options) -> Growing:
    """A market after 3000 trades whose surprises depend on the place."""
    population, choose = market(**options), np.random.default_rng(2)
    for place in places(3000, len(population.low), seed=3):
        trade(population, place, int(choose.integers(2)), float(place[0] > 1.2) + 0.1 * choose.normal())
    return population


def by_boxes(population: Growing, observation: np.ndarray) -> np.ndarray:
    """Members [B, actions, sectors], by looking at every agent's box; fails unless exactly one holds each place."""
    share = np.clip((observation - population.low) / (population.high - population.low), 0.0, 1.0)
    integers, reals = population.kernels.integers, population.kernels.reals
    founder = memory.founders(integers)
    book = reals[integers[memory.BOOK_AT] :].reshape(population.n_agents, -1)[: population.alive]
    features = len(population.low)
    shift, _ = memory.displacements(np.full(features, 0.25), population.sectors)
    answer = np.empty((len(share), population.actions, population.sectors), dtype=np.int64)
    for sector in range(population.sectors):
        moved = (share + shift[sector])[:, None]
        holds = ((moved >= book[:, :features]) & (moved < book[:, features : 2 * features])).all(-1)
        for action in range(population.actions):
            mine = holds & (founder == sector * population.actions + action)
            assert (mine.sum(1) == 1).all()
            answer[:, action, sector] = mine.argmax(1)
    return answer


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


def side(value: float) -> int:
    return int(value > 1.0)


def test_specialists_enter_where_surprises_differ():
    """Surprises of action 0 depend on feature 0 only: all cuts by evidence are there, in action 0's trees."""
    population, random = market(cover=1.0, sectors=1, narrowest=0.2), np.random.default_rng(4)
    for place in places(600, seed=4):
        trade(population, place, 0, side(place[0]) - 0.5 + 0.05 * random.normal())
        trade(population, place, 1, 0.05 * random.normal())
    integers = population.kernels.integers
    nodes = integers[integers[memory.NODE_AT] : integers[memory.AGENT_AT]].reshape(-1, 2)[: integers[memory.NODES], 0]
    founder = memory.founders(integers)
    covered = 3  # births of novelty per tree: boxes of 2 x 2 down to 1 x 1 around the first place, then elsewhere
    assert population.splits >= 1
    assert np.count_nonzero(founder == 1) - 1 <= covered
    assert np.count_nonzero(founder == 0) - 1 == population.splits + np.count_nonzero(founder == 1) - 1
    assert np.count_nonzero(nodes == 1) <= np.count_nonzero(founder == 1) + 1


def test_equal_surprises_bring_nobody_in():
    population, random = market(cover=1.0, entry_trades=20, entry_evidence=6.0), np.random.default_rng(6)
    for place in places(2000, seed=6):
        trade(population, place, 0, random.normal())
    assert population.splits == 0


def test_boxes_are_not_split_below_the_narrowest():
    population, random = market(features=1, cover=1.0, sectors=1, narrowest=0.25), np.random.default_rng(7)
    for place in places(3000, 1, seed=7):
        trade(population, place, 0, 10 * place[0] + 0.01 * random.normal())
    lower, upper = population.boxes
    assert (upper - lower).min() == 0.25


def test_too_few_trades_split_nothing():
    population = market(cover=1.0, entry_trades=50)
    for count, place in enumerate(places(49, seed=8)):
        trade(population, place, 0, float(place[0] > 1.0))
        assert population.splits == 0, count


def test_heirs_inherit_and_start_with_an_empty_ledger():
    population = market(cover=1.0, sectors=1, initial_bid=5.0, entry_trades=20)
    population.trades[:] = 1  # no novices: the first split is by evidence
    copies, turn = slow_copies(population), 0
    while population.splits == 0:
        turn += 1
        trade(population, [3.0 if turn % 2 else -1.0, 0.0], 0, turn % 2 - 0.5, copies)
        population.price[0], copies[0][0], copies[1][0] = turn, 10 + turn, 20 + turn
        assert turn < 100
    turn -= 1  # what the parent had when it was split
    assert population.births().tolist() == [[0, 2]]
    assert population.price[2] == turn
    assert copies[0][2] == 10 + turn
    assert copies[1][2] == 20 + turn
    assert population.trades[2] == population.trades[0] == turn + 2
    integers, reals = population.kernels.integers, population.kernels.reals
    books = reals[integers[memory.BOOK_AT] :].reshape(-1, 13)
    assert not books[[0, 2], 4:].any()
    np.testing.assert_array_equal(books[0, :4], [0, 0, 1, 2])
    np.testing.assert_array_equal(books[2, :4], [1, 0, 2, 2])


def test_ledgers_fade_when_they_find_nothing():
    population = market(cover=1.0, sectors=1, entry_trades=10)
    population.trades[:] = 1
    for turn in range(40):
        trade(population, [3.0 if turn % 2 else -1.0, 0.0], 0, 1.0)
    integers, reals = population.kernels.integers, population.kernels.reals
    book = reals[integers[memory.BOOK_AT] :][:13]
    np.testing.assert_array_equal(book[4:], [20, 10, 10, 20, 0, 10, 10, 20, 0])


def test_a_full_market_admits_nobody():
    population = grown(capacity=50)
    here = places(100, seed=9)
    assert population.alive == 50
    np.testing.assert_array_equal(population.match(here), by_boxes(population, here))


def test_births_are_told_once_and_name_everyone():
    population = grown()
    births = population.births()
    np.testing.assert_array_equal(births[:, 1], np.arange(8, population.alive))
    assert (births[:, 0] < births[:, 1]).all()
    assert population.births().shape == (0, 2)
    before = population.alive
    trade(population, [-1.0, 3.0], 0, 1.0)
    assert len(population.births()) == population.alive - before


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
