"""Welfare programs and their duals: prices against hand and HiGHS, certificates that catch lies, packages without prices."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog, milp

from marketic.bundle_bids import BundleBids
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import walras_bundles, walras_lp
from marketic.mechanisms.walras_bundles import WalrasBundles
from marketic.mechanisms.walras_lp import WalrasLP


def test_two_activities_by_hand():
    """3 a + 2 b, a + b <= 4, 2 a + b <= 6: a = b = 2, and p1 + 2 p2 = 3, p1 + p2 = 2."""
    found = walras_lp([3, 2], [[1, 1], [2, 1]], [4, 6])
    np.testing.assert_allclose(found.prices, [1, 1], atol=1e-12)
    np.testing.assert_allclose(found.allocation, [2, 2], atol=1e-12)
    assert (found.welfare, found.bound, found.certificate.status) == (10.0, 10.0, "optimal")


def test_a_quadratic_consumer_by_hand():
    """4 x - x^2 / 2 with one unit: p = 3. With 5 units the good is free."""
    scarce, plenty = (walras_lp([4.0], [[1.0]], [supply], curvature=[1.0]) for supply in (1.0, 5.0))
    assert (scarce.prices[0], scarce.welfare) == pytest.approx((3.0, 3.5), abs=1e-6)
    assert (plenty.prices[0], plenty.welfare) == pytest.approx((0.0, 8.0), abs=1e-6)


def test_a_burden_has_a_negative_price_only_where_it_cannot_be_thrown_away():
    values, use = [-1.0], [[-1.0], [1.0]]  # a kiln eats one unit of ash (good 0) for a cost, and one of room
    assert walras_lp(values, [[1.0], [1.0]], [1.0, 5.0]).prices.tolist() == [0.0, 0.0]
    tied = walras_lp(values, [[1.0], [1.0]], [1.0, 5.0], disposal=[False, True])
    np.testing.assert_allclose(tied.prices, [-1.0, 0.0], atol=1e-12)
    bent = walras_lp(values, [[1.0], [1.0]], [1.0, 5.0], disposal=[False, True], curvature=[0.5])
    np.testing.assert_allclose(bent.prices, [-1.5, 0.0], atol=1e-6)
    with pytest.raises(InputError, match="supply of good 0 is infeasible"):
        walras_lp(values, use, [1.0, 5.0], disposal=[False, True])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6), m=st.integers(1, 6), k=st.integers(1, 8), curved=st.booleans(), limited=st.booleans()
)
def test_every_answer_proves_itself(seed, m, k, curved, limited):
    rng = np.random.default_rng(seed)
    values, use = rng.uniform(-1, 3, k), rng.uniform(0, 1, (m, k)) * (rng.random((m, k)) < 0.7)
    supply, limits = rng.uniform(0.5, 3, m), np.full(k, 4.0)
    root = rng.standard_normal((k, k))
    options = {"limits": limits, "curvature": root @ root.T if curved else None}
    if not limited and (use.max(axis=0) > 0.1).all():
        options["limits"] = None
    found = walras_lp(values, use, supply, **options)
    scale = max(1.0, abs(found.welfare))
    assert found.certificate.status == "optimal"
    assert abs(found.certificate.gap) <= 1e-7 * scale
    if not curved:
        most = np.full(k, np.inf) if options["limits"] is None else limits
        truth = linprog(-values, A_ub=use, b_ub=supply, bounds=np.column_stack([np.zeros(k), most]))
        assert found.welfare == pytest.approx(-truth.fun, abs=1e-7)
    judge = WalrasLP().certificate
    assert judge(found.prices, found.allocation, values, use, supply, **options).gap == found.certificate.gap
    if found.prices.max() > 0.1:
        wrong = judge(0.5 * found.prices, found.allocation, values, use, supply, **options)
        assert wrong.status == "approximate"
        greedy = judge(found.prices, found.allocation + 1.0, values, use, supply, **options)
        assert greedy.clearing > 0.1


@settings(max_examples=120, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([2, 5, 8]), curved=st.booleans(), makers=st.booleans())
def test_no_unit_is_special(seed, spread, curved, makers):
    """The same economy with every good, every activity and money counted in units of its own."""
    rng = np.random.default_rng(seed)
    m, k = int(rng.integers(1, 6)), int(rng.integers(1, 8))
    values, use = rng.normal(size=k), rng.uniform(-1.0 if makers else 0.0, 1.0, (m, k)) * (rng.random((m, k)) < 0.7)
    supply, limits, root = rng.random(m) * (rng.random(m) < 0.8), rng.random(k), rng.standard_normal((k, k))
    bend = root @ root.T if curved else None
    plain = walras_lp(values, use, supply, limits=limits, curvature=bend)
    good, level = 10.0 ** rng.uniform(-spread, spread, m), 10.0 ** rng.uniform(-spread, spread, k)
    money = 10.0 ** rng.uniform(-spread, spread)
    found = walras_lp(
        values * money / level, use * good[:, None] / level, supply * good, limits=limits * level,
        curvature=None if bend is None else bend * (money / np.outer(level, level)),
    )  # fmt: skip
    assert (plain.certificate.status, found.certificate.status) == ("optimal", "optimal")
    assert found.welfare / money == pytest.approx(plain.welfare, rel=1e-7, abs=1e-9)
    assert found.prices @ (supply * good) / money == pytest.approx(plain.prices @ supply, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("program", "prices", "levels"),
    [
        (([2e6, 1e6, 6e6], [[3, 2, 2], [3, 0, 3]], [8, 4]), [5e5, 5e6 / 3], [0, 8 / 3, 4 / 3]),
        (([2e6, 4e6, 5e6], [[3, 3, 3], [0, 2, 3]], [6, 7]), [5e6 / 3, 0], [0, 0, 2]),
        (([3e-10, 2e-10], [[1, 1], [1, 0]], [2, 1]), [2e-10, 1e-10], [1, 1]),
        (([3e-8], [[1]], [1e-8], [2.0]), [1e-8], [1e-8]),
    ],
)
def test_large_and_small_numbers_by_hand(program, prices, levels):
    found = walras_lp(*program[:3], curvature=program[3] if len(program) > 3 else None)
    assert found.certificate.status == "optimal"
    np.testing.assert_allclose(found.prices, prices, rtol=1e-9, atol=1e-9 * max(prices))
    np.testing.assert_allclose(found.allocation, levels, rtol=1e-9, atol=1e-9 * max(levels))


def test_a_small_market_is_judged_by_its_own_size():
    judge = WalrasLP().certificate
    alone = judge([0.0], [0.0], [1e-8], [[1.0]], [1.0])
    oversold = judge([1.0, 1.0], [1e8, 5.0], [1.0, 1.0], np.eye(2), [1e8, 1.0])
    cheap = judge([1e8, 0.0], [1.0, 1.0], [1e8, 5.0], np.eye(2), [1.0, 1.0])
    dear = judge([1e8, 7.0], [1.0, 0.0], [1e8, 5.0], np.eye(2), [1.0, 1.0])
    idle = judge([1e8, 5.0], [1.0, 0.5], [1e8, 5.0], np.eye(2), [1.0, 1.0])
    missing = judge([-1.0], [0.0], [-1.0], [[1.0]], [1e-10], disposal=False)
    assert {found.status for found in (alone, oversold, cheap, dear, idle, missing)} == {"approximate"}
    for values, supply in (([1.0, 1.0], [1e8, 1.0]), ([1e8, 5.0], [1.0, 1.0])):
        assert judge(values, supply, values, np.eye(2), supply).status == "optimal"
    assert walras_lp([-1.0], [[1.0]], [1e-10], disposal=False).allocation == pytest.approx(1e-10)


@pytest.mark.parametrize("power", [-8, 0, 8])
def test_what_has_no_prices_is_named_at_any_size(power):
    size = 10.0**power
    names = {"goods": ["ore", "tools"], "activities": ["dig", "forge", "trade"]}
    use = [[-1.0, 2.0, 1.0], [0.0, -1.0, 1.0]]  # digging needs nothing
    with pytest.raises(InputError, match="welfare has no bound: activity 'trade' can run for ever"):
        walras_lp(np.array([-0.1, -0.1, 1.0]) * size, use, [0.0, 0.0], **names)
    with pytest.raises(InputError, match="supply of good 'tools' is infeasible"):
        walras_lp([-0.1, -0.1, 1.0], use, [size, -size], limits=[size, 0.0, size], **names)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"values": [1.0, np.nan]}, "values of activity 'sell' is nan"),
        ({"supply": [np.inf]}, "supply of good 'oil' is inf"),
        ({"limits": [1.0, np.nan]}, "limit of activity 'sell' is nan"),
        ({"limits": [-1.0, 1.0]}, "limit of activity 'burn' is -1"),
        ({"curvature": [0.0, np.nan]}, "curvature of activity 'sell' is nan"),
        ({"values": [1.0]}, r"values of shape \(1,\): wanted \(2,\), one number per activity"),
        ({"use": np.zeros((0, 2)), "supply": []}, r"use of shape \(0, 2\): wanted goods x activities, at least one"),
        ({"use": [1.0, 1.0]}, r"use of shape \(2,\)"),
        ({"use": [["a", "b"]]}, "use: wanted numbers"),
        ({"values": ["a", "b"]}, "values: wanted numbers"),
        ({"disposal": [True, False]}, "disposal of shape"),
        ({"goods": []}, "goods lists 0 names: wanted 1"),
    ],
)
def test_bad_numbers_are_named(changes, words):
    given = {
        "values": [1.0, 1.0],
        "use": [[1.0, 1.0]],
        "supply": [1.0],
        "goods": ["oil"],
        "activities": ["burn", "sell"],
    }
    with pytest.raises(InputError, match=words):
        walras_lp(**{**given, **changes})


def test_one_more_unit_is_worth_its_price():
    rng = np.random.default_rng(3)
    values, use, supply = rng.uniform(1, 3, 12), rng.uniform(0.1, 1, (4, 12)), rng.uniform(1, 2, 4)
    curvature = rng.uniform(0.5, 1.0, 12)
    found = walras_lp(values, use, supply, curvature=curvature)
    for good in range(4):
        step = 1e-4 * np.eye(4)[good]
        more, less = (walras_lp(values, use, supply + sign * step, curvature=curvature).welfare for sign in (1, -1))
        assert (more - less) / 2e-4 == pytest.approx(found.prices[good], abs=1e-5)


def test_complements_without_prices_are_refused_with_the_gap():
    """A wants both for 3, B one of them for 2: halves are worth 3.5 (Bikhchandani and Mamer 1997)."""
    found = walras_bundles(BundleBids.of({"AB": 3}, {"A": 2, "B": 2}))
    assert found.refused
    assert np.isnan(found.prices).all()
    assert found.certificate.gap == pytest.approx(0.5)
    assert found.allocation.tolist() == [[True, True], [False, False]]
    assert (found.welfare, found.bound) == pytest.approx((3.0, 3.5))


@pytest.mark.parametrize("unit", [1e-10, 1.0, 1e10])
def test_packages_in_any_currency(unit):
    found = walras_bundles(BundleBids.of({"AB": 3 * unit}, {"A": 2 * unit, "B": 2 * unit}))
    assert found.refused
    assert found.certificate.gap == pytest.approx(0.5 * unit)
    rng, statuses = np.random.default_rng(0), []
    for _ in range(20):
        bids = BundleBids(unit * rng.random((4, 2)), rng.random((4, 2, 3)) < 0.5, exclusive=True)
        statuses.append(walras_bundles(bids).certificate.status)
    assert set(statuses) <= {"optimal", "refused"}
    two = BundleBids.of({"A": 1.0}, {"B": unit})  # neighbours: each is judged by its own value
    judge = WalrasBundles().certificate
    assert judge(two, np.array([1.0, unit]), two.live).status == "optimal"
    assert judge(two, np.array([1.0, 1.001 * unit]), two.live).status == "approximate"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), exclusive=st.booleans(), integers=st.booleans())
def test_packages_have_prices_if_and_only_if_the_programs_agree(seed, exclusive, integers):
    rng = np.random.default_rng(seed)
    n, k, m = (int(rng.integers(1, top)) for top in (5, 4, 5))
    value = rng.integers(0, 6, (n, k)).astype(float) if integers else rng.random((n, k))
    bids = BundleBids(value, rng.random((n, k, m)) < 0.5, exclusive=exclusive)
    found, flat = walras_bundles(bids), np.where(bids.live, bids.value, 0.0).ravel()
    rows = bids.bundle.reshape(-1, m).T.astype(float)
    if not exclusive:  # bidders choose among what their bids are worth together, in any way
        ways = np.array(list(itertools.product([0, 1], repeat=k)))
        ways = [[way for way in ways if (way @ bids.bundle[i] <= 1).all()] for i in range(n)]
        flat = np.array([way @ (bids.value * bids.live)[i] for i in range(n) for way in ways[i]])
        rows = np.array([way @ bids.bundle[i] for i in range(n) for way in ways[i]], dtype=float).T
    owner = np.repeat(np.arange(n), [k] * n if exclusive else [len(way) for way in ways])
    rows = np.vstack([rows, owner == np.arange(n)[:, None]])
    whole = milp(-flat, constraints=(rows, -np.inf, 1.0), integrality=1, bounds=(0, 1))
    halves = linprog(-flat, A_ub=rows, b_ub=np.ones(len(rows)), bounds=(0, 1))
    assert found.welfare == pytest.approx(-whole.fun, abs=1e-9)
    assert found.refused == (-halves.fun + whole.fun > 1e-7)
    if found.refused:
        assert found.certificate.gap == pytest.approx(whole.fun - halves.fun)
        return
    assert found.certificate.status == "optimal"
    surplus = np.where(bids.live, bids.value - bids.bundle @ found.prices, 0.0)
    assert (found.prices[~found.allocation.any(axis=0)] <= 1e-9).all(), "what is left over is free"
    if exclusive:  # nobody likes another package better than what it got
        inside = (bids.bundle <= found.allocation[:, None, :]).all(axis=2)
        got = np.where(inside, surplus, 0.0).max(axis=1, initial=0.0)
        assert (got >= surplus.max(axis=1) - 1e-7).all()


def test_bids_of_one_bidder_that_overlap_are_supported_together():
    triangle = {"AB": 1, "BC": 1, "AC": 1}  # halves of each would be worth 1.5, but its bidder can have one only
    found = walras_bundles(BundleBids.of(triangle, exclusive=False))
    assert found.certificate.status == "optimal"
    assert found.prices.tolist() == [0.0, 0.0, 0.0]
    assert walras_bundles(BundleBids.of(*({goods: 1} for goods in triangle), exclusive=False)).refused  # three bidders
    both = walras_bundles(BundleBids.of({**triangle, "CD": 1.5}, {"D": 1, "A": 0.25}, exclusive=False))
    assert both.certificate.status == "optimal"  # AB and CD, for 2.5; D alone would bring 1 and A a quarter
    assert both.welfare == 2.5
    assert (both.prices[[0, 3]] >= [0.25, 1.0]).all()


def test_more_unions_than_can_be_written_down_are_looked_at_one_by_one():
    chain = {chr(65 + i) + chr(66 + i): 1.0 for i in range(20)}
    found = walras_bundles(BundleBids.of(chain, exclusive=False))
    assert found.certificate.status == "optimal"
    assert found.welfare == 10.0


def test_an_exclusive_bidder_with_two_packages_is_no_equilibrium():
    bids = BundleBids.of({"A": 1, "B": 1})
    assert WalrasBundles().certificate(bids, np.zeros(2), bids.live).status == "approximate"


def test_prices_of_packages_are_judged():
    bids = BundleBids.of({"AB": 5}, {"A": 2, "B": 2})
    found, chosen = walras_bundles(bids), np.array([[True, False], [False, False]])
    assert found.certificate.gap == pytest.approx(0.0)
    judge = WalrasBundles().certificate
    assert judge(bids, np.array([1.0, 1.0]), chosen).gap == pytest.approx(1.0)  # B would rather buy
    assert judge(bids, np.array([3.0, 3.0]), chosen).budget == pytest.approx(1.0)  # A pays 6 for 5
    assert judge(bids, found.prices, ~chosen & bids.live).clearing == 0.0
    assert judge(bids, found.prices, np.ones((2, 2), dtype=bool) & bids.live).clearing == 1.0
    with pytest.raises(InputError, match="one auction"):
        walras_bundles(BundleBids(np.ones((2, 1, 1)), np.ones((2, 1, 1, 1), dtype=bool)))


@pytest.mark.parametrize("rich", [1.0, 1e12])
def test_a_rich_neighbour_hides_neither_a_gap_nor_prices(rich):
    missing = walras_bundles(BundleBids.of({"AB": 3}, {"A": 2, "B": 2}, {"C": rich}))
    assert missing.refused
    assert missing.certificate.gap == pytest.approx(0.5)
    found = walras_bundles(BundleBids.of({"AB": 5}, {"A": 2, "B": 2}, {"C": rich}, {"C": 0.5 * rich}))
    assert found.certificate.status == "optimal"
    assert found.prices[:2].sum() <= 5.0
    assert (found.prices[:2] >= 2.0).all()
    assert 0.5 <= found.prices[2] / rich <= 1.0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), blocks=st.booleans())
def test_auctions_with_values_of_very_different_sizes(seed, blocks):
    """One good each has prices always (Shapley and Shubik 1971): the truth is an assignment."""
    rng = np.random.default_rng(seed)
    n, k, m = int(rng.integers(2, 25)), 3, int(rng.integers(2, 15))
    bundle = np.zeros((n, k, m), dtype=bool)
    bundle[np.arange(n)[:, None], np.arange(k), rng.integers(0, m, (n, k))] = True
    if blocks:
        bundle[: n // 2, :, : m // 2], bundle[n // 2 :, :, m // 2 :] = False, False
    value = 10.0 ** rng.uniform(-4, 4, (n, 1)) * rng.random((n, k))
    found = walras_bundles(BundleBids(value, bundle))
    table = np.where(bundle, value[:, :, None], 0.0).max(axis=1)
    best = table[linear_sum_assignment(table, maximize=True)].sum()
    assert found.welfare == pytest.approx(best, rel=1e-9)
    assert found.certificate.status == "optimal"
    surplus = np.where(bundle.any(axis=2), value - bundle @ found.prices, 0.0).max(axis=1)
    kept = np.where(found.allocation, table - found.prices, 0.0).sum(axis=1)
    assert (np.maximum(surplus, 0.0) - kept <= 1e-8 * value.max(axis=1)).all()
