"""The assignment market against brute force: optimal matchings, both ends of the core, and VCG payments."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from marketic.assignment_bids import AssignmentBids
from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.claims import Claim
from marketic.domains.assignment import Assignment
from marketic.errors import InputError
from marketic.mechanisms.assignment_market import AssignmentMarket, certificate

HOUSES = AssignmentBids([[23, 26, 20], [22, 24, 21], [21, 22, 17]], cost=[18, 15, 19])
"""Shapley and Shubik 1971, section 3: three houses, three buyers; gains of 16."""


def _gains(value, cost):
    """The most that these buyers and goods gain, by trying every assignment."""
    n, m = value.shape
    gain = np.maximum(value - cost, 0.0)
    if n > m:
        gain = gain.T
    rows, columns = gain.shape
    return max(sum(gain[i, p[i]] for i in range(rows)) for p in itertools.permutations(range(columns), rows))


def _markets(cases=60, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(cases):
        n, m = rng.integers(1, 5, size=2)
        whole = rng.random() < 0.5
        value = rng.integers(0, 6, size=(n, m)).astype(float) if whole else rng.random((n, m))
        cost = rng.integers(0, 3, size=m).astype(float) if whole else rng.random(m) / 2
        yield value, cost


@pytest.mark.parametrize("sellers_share", [0.0, 0.5, 1.0])
def test_the_conformance_kit_passes(sellers_share):
    check_mechanism(AssignmentMarket(sellers_share), budget=4_000)


@pytest.mark.parametrize(
    ("sellers_share", "prices"), [(0.0, [20, 22, 19]), (1.0, [21, 24, 20])], ids=["lowest", "highest"]
)
def test_the_houses_of_shapley_and_shubik(sellers_share, prices):
    cleared = AssignmentMarket(sellers_share).clear(HOUSES)
    assert cleared.allocation.argmax(axis=-1).tolist() == [1, 2, 0]
    assert cleared.prices.tolist() == prices
    assert cleared.payments.tolist() == [prices[1], prices[2], prices[0]]
    gains = (HOUSES.value - HOUSES.cost)[cleared.allocation].sum()
    assert gains == 16
    assert cleared.certificate.status == "optimal"
    assert cleared.certificate.gap == 0.0


def test_gains_are_those_of_the_best_assignment():
    for value, cost in _markets():
        cleared = AssignmentMarket().clear(AssignmentBids(value, cost))
        assert cleared.allocation.sum(axis=0).max() <= 1
        assert cleared.allocation.sum(axis=1).max() <= 1
        assert (value - cost)[cleared.allocation].sum() == pytest.approx(_gains(value, cost))
        assert cleared.certificate.gap <= 1e-9


def test_lowest_prices_are_vcg_payments():
    for value, cost in _markets(seed=1):
        cleared = AssignmentMarket().clear(AssignmentBids(value, cost))
        surplus = np.where(cleared.allocation, value, 0.0).sum(axis=1) - cleared.payments
        for i in range(len(value)):
            contribution = _gains(value, cost) - _gains(np.delete(value, i, axis=0), cost)
            assert surplus[i] == pytest.approx(contribution, abs=1e-12)


def test_highest_prices_give_each_seller_its_contribution():
    for value, cost in _markets(seed=2):
        cleared = AssignmentMarket(1.0).clear(AssignmentBids(value, cost))
        profit = np.where(np.isnan(cleared.prices), 0.0, cleared.prices - cost)
        for j in range(len(cost)):
            contribution = _gains(value, cost) - _gains(np.delete(value, j, axis=1), np.delete(cost, j))
            assert profit[j] == pytest.approx(contribution, abs=1e-12)


def test_both_ends_are_those_of_the_dual_linear_program():
    """Minimise and maximise the sellers' total over the core itself, with another solver."""
    for value, cost in _markets(25, seed=3):
        n, m = value.shape
        gain, best = value - cost, _gains(value, cost)
        pairs = [(i, j) for i in range(n) for j in range(m)]
        blocked = np.zeros((len(pairs), n + m))
        for row, (i, j) in enumerate(pairs):
            blocked[row, i] = blocked[row, n + j] = -1.0
        sellers = np.concatenate([np.zeros(n), np.ones(m)])
        for share, sign in ((0.0, 1.0), (1.0, -1.0)):
            core = linprog(
                sign * sellers, blocked, [-gain[p] for p in pairs], np.ones((1, n + m)), [best], bounds=(0, None)
            )
            cleared = AssignmentMarket(share).clear(AssignmentBids(value, cost))
            total = np.where(np.isnan(cleared.prices), 0.0, cleared.prices - cost).sum()
            assert total == pytest.approx(sign * core.fun, abs=1e-7)


@pytest.mark.parametrize("sellers_share", [0.0, 0.3, 1.0])
def test_no_pair_blocks_with_costs(sellers_share):
    for value, cost in _markets(seed=4):
        cleared = AssignmentMarket(sellers_share).clear(AssignmentBids(value, cost))
        surplus = np.where(cleared.allocation, value, 0.0).sum(axis=1) - cleared.payments
        profit = np.where(np.isnan(cleared.prices), 0.0, cleared.prices - cost)
        assert surplus.min() >= -1e-12
        assert profit.min() >= -1e-12
        assert (value - cost - surplus[:, None] - profit).max() <= 1e-12


def test_the_domains_optimum_is_that_of_brute_force():
    rng = np.random.default_rng(5)
    for n in (1, 2, 4):
        value = rng.random((20, n, 3))
        found = Assignment(3).optimum(AssignmentBids(value))
        assert found == pytest.approx([_gains(v, np.zeros(3)) for v in value])


def test_one_good_is_a_second_price_auction():
    cleared = AssignmentMarket().clear(AssignmentBids([[3.0], [5.0], [4.0]]))
    assert cleared.payments.tolist() == [0, 4, 0]
    reserve = AssignmentMarket().clear(AssignmentBids([[3.0], [5.0], [4.0]], cost=[4.5]))
    assert reserve.payments.tolist() == [0, 4.5, 0]
    assert np.isnan(AssignmentMarket().clear(AssignmentBids([[3.0]], cost=[4.0])).prices).all()


def test_absent_and_refused_buyers_and_empty_markets():
    market = AssignmentMarket()
    bids = AssignmentBids([[9.0, 9.0], [np.nan, 1.0], [-1.0, 5.0], [2.0, 1.0]], active=[False, True, True, True])
    cleared = market.clear(bids)
    assert cleared.allocation.tolist() == [[False, False], [False, False], [False, False], [True, False]]
    assert cleared.payments.tolist() == [0, 0, 0, 0]
    assert set(bids.at_least(0.0).reasons()) == {1, 2}
    for shape in ((0, 3), (2, 0), (4, 0, 2), (0, 2, 2)):
        empty = market.clear(AssignmentBids(np.zeros(shape)))
        assert empty.allocation.shape == shape
        assert empty.prices.shape == (*shape[:-2], shape[-1])


def test_batches_are_answered_as_single_markets_are():
    value = np.random.default_rng(6).integers(0, 5, size=(2, 3, 4, 3)).astype(float)
    cost = np.random.default_rng(7).integers(0, 2, size=(2, 3, 3)).astype(float)
    together = AssignmentMarket(0.5).clear(AssignmentBids(value, cost))
    for index in np.ndindex(2, 3):
        alone = AssignmentMarket(0.5).clear(AssignmentBids(value[index], cost[index]))
        assert np.array_equal(alone.allocation, together.allocation[index])
        assert np.array_equal(alone.payments, together.payments[index])
        assert np.array_equal(alone.prices, together.prices[index], equal_nan=True)


@pytest.mark.parametrize("poor", [1.0, 1e-6, 1e-12])
def test_the_rich_do_not_hide_that_the_poor_are_badly_served(poor):
    value = np.array([[2.0, 0.0, 0.0], [0.0, 2.0 * poor, poor], [0.0, 2.0 * poor, 2.0 * poor]])
    worse, best = np.eye(3, dtype=bool)[[0, 2, 1]], np.eye(3, dtype=bool)
    for bought, status in ((best, "optimal"), (worse, "approximate")):
        assert certificate(value[None], bought[None], np.zeros((1, 3)), value[None]).status == status
    dear = np.array([0.0, 3.0 * poor, 0.0])  # a price above what it is worth to its buyer
    assert certificate(value[None], best[None], dear[None], value[None]).status == "approximate"


def test_truth_is_claimed_for_buyers_at_the_lowest_prices_only():
    assert Claim.DSIC in AssignmentMarket().claims
    assert Claim.DSIC not in AssignmentMarket(0.5).claims


@pytest.mark.parametrize(
    "call",
    [
        lambda: AssignmentMarket(1.5),
        lambda: AssignmentBids([1.0]),
        lambda: AssignmentBids([[1.0]], cost=[-1.0]),
        lambda: AssignmentBids([[1.0]], cost=[np.nan]),
        lambda: AssignmentBids([[1.0]], cost=[1.0, 2.0]),
        lambda: Assignment(0),
        lambda: AssignmentMarket().clear(Bids([1.0])),
    ],
    ids=["share", "flat", "negative", "nan", "shape", "domain", "scalar"],
)
def test_bad_parameters_raise(call):
    with pytest.raises(InputError):
        call()
