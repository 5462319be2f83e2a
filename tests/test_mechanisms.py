"""One list of mechanisms, one list of properties; then the numbers that the theory gives for each."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import Bids, Clearing, InputError
from marketic.auction import Auction, read_clearing
from marketic.mechanism import single_winner
from marketic.mechanisms import GSP, FirstPrice, Rotation, SecondPrice, Softmax
from marketic.registry import names, resolve

MECHANISMS = [
    FirstPrice(), SecondPrice(), Softmax(0.1), Softmax(1e-6), Softmax(1e9),
    Rotation(FirstPrice()), Rotation(SecondPrice()),
]  # fmt: skip
EVERY = pytest.mark.parametrize("mechanism", MECHANISMS, ids=repr)
ATTACK = settings(max_examples=40, derandomize=True, deadline=None)
BIDS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1.0, 0.5, -1.0]),
    st.floats(-10, 10),
    st.sampled_from([1e12, -1e12, 1e-12, 2.0**40]),
)


@st.composite
def batches(draw):
    """Bids [B, n] with n even (clones), ties, absent bidders, empty auctions, heavy tails and burdens."""
    rows, n = draw(st.integers(1, 4)), draw(st.sampled_from([0, 2, 4, 6]))
    flat = draw(st.lists(BIDS, min_size=rows * n, max_size=rows * n))
    active = draw(st.lists(st.booleans(), min_size=rows * n, max_size=rows * n))
    return Bids(np.array(flat, dtype=float).reshape(rows, n), np.array(active, dtype=bool).reshape(rows, n))


@EVERY
@ATTACK
@given(bids=batches(), seed=st.integers(0, 99))
def test_plain_and_compiled_rules_agree_to_the_bit(mechanism, bids, seed) -> None:
    rule = getattr(mechanism, "rule", None)
    if rule is None or bids.value.shape[1] == 0:
        return  # nothing compiled to compare with
    winner, payments = read_clearing(mechanism, bids, mechanism.clear(bids, rng=np.random.default_rng(seed)))
    fast, paid = np.full(len(winner), 99), np.full(bids.value.shape, np.nan)
    uniform = np.random.default_rng(seed).random(len(winner))
    rule.function(bids.value, bids.active, uniform, rule.parameters, fast, paid)
    assert fast.tolist() == winner.tolist()
    assert paid.tobytes() == payments.tobytes()


def test_the_bit_comparison_covers_the_compiled_rules() -> None:
    assert {type(m).__name__ for m in MECHANISMS if hasattr(m, "rule")} == {"FirstPrice", "SecondPrice", "Softmax"}


@EVERY
@ATTACK
@given(bids=batches(), seed=st.integers(0, 99))
def test_clearings_are_feasible(mechanism, bids, seed) -> None:
    clearing = mechanism.clear(bids, rng=np.random.default_rng(seed))
    winner, payments = read_clearing(mechanism, bids, clearing)
    somebody = bids.active.any(-1)
    assert ((winner >= 0) == somebody).all(), "sold if, and only if, somebody bids"
    losers = np.arange(bids.value.shape[1]) != winner[:, None]
    assert not payments[losers].any(), "losers pay nothing"
    assert clearing.prices.shape == winner.shape
    assert (np.isnan(clearing.prices) == ~somebody).all(), "no price without a sale"


@EVERY
@ATTACK
@given(bids=batches(), seed=st.integers(0, 99), lottery=st.booleans())
def test_clearings_are_pure(mechanism, bids, seed, lottery) -> None:
    value, active = bids.value.copy(), bids.active.copy()
    first, second = (mechanism.clear(bids, rng=None if lottery else np.random.default_rng(seed)) for _ in range(2))
    for name in ("allocation", "payments", "prices"):
        assert np.asarray(getattr(first, name)).tobytes() == np.asarray(getattr(second, name)).tobytes()
    assert bids.value.tobytes() == value.tobytes()
    assert bids.active.tobytes() == active.tobytes()


@EVERY
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 1, 3, 4), (0, 4), (2, 0)])
@pytest.mark.parametrize("random", [False, True])
def test_any_number_of_batch_axes(mechanism, shape, random) -> None:
    draw = np.random.default_rng(0)
    bids = Bids(np.round(draw.normal(size=shape), 1), draw.random(shape) < 0.7)
    clearing = mechanism.clear(bids, rng=np.random.default_rng(5) if random else None)
    assert np.shape(clearing.allocation) == np.shape(clearing.payments) == shape
    assert np.shape(clearing.prices) == shape[:-1]
    rows = math.prod(shape[:-1])
    flat = Bids(bids.value.reshape(rows, shape[-1]), bids.active.reshape(rows, shape[-1]))
    wanted = mechanism.clear(flat, rng=np.random.default_rng(5) if random else None)
    assert np.asarray(clearing.payments).ravel().tolist() == np.asarray(wanted.payments).ravel().tolist()
    assert np.asarray(clearing.allocation).ravel().tolist() == np.asarray(wanted.allocation).ravel().tolist()


def clear(mechanism, *value, active=None, rng=None) -> Clearing:
    mask = np.ones(len(value), dtype=bool) if active is None else np.array(active)
    return mechanism.clear(Bids(np.array(value, dtype=float), mask), rng=rng)


@pytest.mark.parametrize(
    ("mechanism", "value", "active", "winner", "payment"),
    [
        (FirstPrice(), (3, 5, 4), None, 1, 5),
        (FirstPrice(), (5, 5, 4), None, 0, 5),
        (FirstPrice(), (3, 5, 4), (True, False, True), 2, 4),
        (FirstPrice(), (-3, -5), None, 0, -3),
        (SecondPrice(), (3, 5, 4), None, 1, 4),
        (SecondPrice(), (5, 5, 4), None, 0, 5),
        (SecondPrice(), (3, 5, 4), (True, False, True), 2, 3),
        (SecondPrice(), (3, 5, 4), (False, True, False), 1, 0),
        (SecondPrice(), (-3, -5), None, 0, -5),
        (SecondPrice(), (-3, -5), (True, False), 0, -3),
    ],
)
def test_known_outcomes(mechanism, value, active, winner, payment) -> None:
    clearing = clear(mechanism, *value, active=active)
    assert clearing.allocation.tolist() == [i == winner for i in range(len(value))]
    assert clearing.payments.tolist() == [payment if i == winner else 0 for i in range(len(value))]
    assert float(clearing.prices) == payment


def test_nobody_bids() -> None:
    wins, top, second, sold = single_winner(np.ones((1, 2)), np.zeros((1, 2), dtype=bool))
    assert (wins.tolist(), top.tolist(), second.tolist(), sold.tolist()) == (
        [[False] * 2],
        [-np.inf],
        [-np.inf],
        [False],
    )


def test_softmax_against_the_closed_form() -> None:
    """Huang and Kannan 2012, exponential mechanism: T = 1, bids (1, 0): x = .73106, payment = x - ln((1 + e) / 2) = .11094."""
    lottery = clear(Softmax(1.0), 1, 0)
    x = math.e / (1 + math.e)
    assert lottery.allocation == pytest.approx([x, 1 - x], abs=1e-15)
    assert lottery.payments[0] == pytest.approx(x - math.log((1 + math.e) / 2), abs=1e-15)
    draws = Softmax(1.0).clear(Bids(np.tile([1.0, 0.0], (20_000, 1))), rng=np.random.default_rng(0))
    assert draws.allocation.mean(0) == pytest.approx([x, 1 - x], abs=0.015)
    assert draws.payments.mean(0) == pytest.approx(lottery.payments, abs=0.005)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    others=st.lists(st.floats(0, 5), min_size=1, max_size=3),
    truth=st.floats(0, 5),
    temperature=st.sampled_from([0.05, 0.5, 5.0]),
)
def test_softmax_truth_is_best_in_expectation(others, truth, temperature) -> None:
    """A search over misreports, on the lottery itself; and truth never loses."""
    reports = np.concatenate([[truth], np.linspace(0, 6, 241), truth + np.array([-1e-3, 1e-3])])
    value = np.column_stack([reports, np.tile(others, (len(reports), 1))])
    lottery = Softmax(temperature).clear(Bids(value))
    utility = truth * lottery.allocation[:, 0] - lottery.payments[:, 0]
    assert utility[0] >= utility.max() - 1e-9
    assert utility[0] >= -1e-12
    assert (np.diff(lottery.allocation[1:242, 0]) >= -1e-12).all(), "a higher bid wins more often"


@pytest.mark.parametrize(
    "value", [(1e9, 0), (1e9, 1e9), (1e12, 1e12 - 1, 1e12 - 2), (1e12, 1, -1e12), (1e12,), (-5, -6)]
)
@pytest.mark.parametrize("temperature", [1e-6, 0.1, 1e3])
def test_softmax_does_not_overflow(value, temperature) -> None:
    lottery = clear(Softmax(temperature), *value)
    assert np.isfinite(lottery.allocation).all()
    assert np.isfinite(lottery.payments).all()
    assert lottery.allocation.sum() == pytest.approx(1, abs=1e-9)
    if min(value) >= 0:
        assert (lottery.payments >= 0).all()
        assert (lottery.payments <= np.array(value) * lottery.allocation).all()
    wanted = np.exp((np.array(value) - max(value)) / temperature)
    assert lottery.allocation == pytest.approx(wanted / wanted.sum(), abs=1e-9)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_softmax_refuses_a_temperature(temperature: float) -> None:
    with pytest.raises(InputError, match="wanted a finite number > 0"):
        Softmax(temperature)


def test_rotation_draws_uniformly_among_active_clones_and_conserves_the_payment() -> None:
    rows = 9000
    value = np.tile([1.0, 1, 1, 5, 5, 4, 0, 0, 0], (rows, 1))
    active = np.tile([True] * 5 + [False] + [True] * 3, (rows, 1))
    drawn = Rotation(SecondPrice(), clones=3).clear(Bids(value, active), rng=np.random.default_rng(0))
    share = drawn.allocation.mean(0)
    assert share[[0, 1, 2, 5, 6, 7, 8]].tolist() == [0.0] * 7
    assert share[3:5] == pytest.approx([0.5, 0.5], abs=0.02)
    assert (drawn.payments.sum(-1) == 5.0).all()
    assert (drawn.payments[drawn.allocation] == 5.0).all()
    wide = Rotation(FirstPrice(), clones=3).clear(Bids(value[:, :3]), rng=np.random.default_rng(1))
    assert wide.allocation.mean(0) == pytest.approx([1 / 3] * 3, abs=0.02)


def test_rotation_needs_whole_groups() -> None:
    with pytest.raises(InputError, match="got 3 bidders: wanted a multiple of 2"):
        clear(Rotation(SecondPrice()), 1, 2, 3)
    with pytest.raises(InputError, match="clones=0"):
        Rotation(SecondPrice(), clones=0)


def test_bids_are_checked_and_put_on_the_grid_before_clearing() -> None:
    auction = Auction(SecondPrice(), np.random.default_rng(0), tick=0.5)
    value = np.array([[1.2, math.nan, 3.3, math.inf, -math.inf, 1e300, 9.0]])
    active = np.array([[True] * 6 + [False]])
    bids, winner, payments = auction.hold(lambda _: Bids(value, active), np.zeros((1, 1)), 7)
    assert bids.value.tolist() == [[1.0, 0.0, 3.5, 0.0, 0.0, 0.0, 0.0]]
    assert bids.active.tolist() == [[True, False, True, False, False, False, False]]
    assert (winner.tolist(), payments.tolist(), auction.refused) == ([2], [[0, 0, 1.0, 0, 0, 0, 0]], 4)


def test_a_budget_caps_the_bid_and_who_names_nobody_is_refused() -> None:
    auction = Auction(FirstPrice(), np.random.default_rng(0), tick=0.5)
    capped = Bids([[9.0, 5.0]], budget=[[2.0, math.inf]])
    _, winner, payments = auction.hold(lambda _: capped, np.zeros((1, 1)), 2)
    assert (winner.tolist(), payments.tolist()) == ([1], [[0.0, 5.0]])
    strangers = Bids([[9.0, 8.0, 5.0]], bidder=[[[7], [-1], [1]]])
    bids, winner, payments = auction.hold(lambda _: strangers, np.zeros((1, 1)), 3, agents=3)
    assert (winner.tolist(), payments.tolist()) == ([2], [[0.0, 0.0, 5.0]])
    assert auction.refused == 2
    assert bids.active.tolist() == [[False, False, True]]


@pytest.mark.parametrize("name", sorted(names("mechanisms")))
def test_options_of_another_kind_are_refused_by_name(name) -> None:
    """A number, a switch: what is neither once ended in a TypeError about `<=`."""
    build = resolve("mechanisms", name)
    made = build()
    if not (isinstance(build, type) and dataclasses.is_dataclass(made)):
        return
    for field in dataclasses.fields(made):
        if field.init and "tuple" not in str(field.type) and isinstance(getattr(made, field.name), bool | int | float):
            for value in ("x", None, [1], 1j, np.array([1.0, 2.0]), object()):
                if value is not None or "None" not in str(field.type):
                    with pytest.raises(InputError, match=f"{field.name}="):
                        build(**{field.name: value})


def test_clicks_beyond_the_largest_bid_are_refused() -> None:
    """Their payments were infinite."""
    with pytest.raises(InputError, match="clicks="):
        GSP((1e300, 1e300))
