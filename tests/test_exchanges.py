"""Double auctions against published examples, closed forms and each other."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.domains.exchange import Exchange
from marketic.errors import InputError
from marketic.mechanisms.balanced_exchange import BalancedExchange
from marketic.mechanisms.crossing import cross
from marketic.mechanisms.double_auction import DoubleAuction
from marketic.mechanisms.mcafee import McAfee
from marketic.mechanisms.trade_reduction import TradeReduction
from marketic.mechanisms.vcg_exchange import VCGExchange

ALL = [
    DoubleAuction(),
    DoubleAuction(0.0),
    DoubleAuction(1.0),
    VCGExchange(),
    TradeReduction(),
    McAfee(),
    McAfee(0.0, 1.0),
    BalancedExchange(),
]


def exchange(values, costs):
    """Buyers first, then sellers."""
    return Bids([*values, *costs], side=[1] * len(values) + [-1] * len(costs))


def outcome(mechanism, values, costs):
    """Trades, what buyers pay and what sellers get (0: nobody trades)."""
    cleared = mechanism.clear(exchange(values, costs))
    buyers, sellers = cleared.payments[: len(values)], -cleared.payments[len(values) :]
    return int(cleared.allocation[: len(values)].sum()), buyers.max(initial=0.0), sellers.max(initial=0.0)


@pytest.mark.parametrize("mechanism", ALL, ids=repr)
def test_the_conformance_kit_passes(mechanism):
    check_mechanism(mechanism, budget=6_000)


FIXTURES = [([9, 8], [3, 4]), ([9, 4], [3, 8]), ([9, 8, 7, 4], [2, 3, 4, 5])]


@pytest.mark.parametrize(
    ("mechanism", "expected"),
    [
        (McAfee(), [(1, 8, 4), (1, 6, 6), (3, 4.5, 4.5)]),
        (TradeReduction(), [(1, 8, 4), (0, 0, 0), (2, 7, 4)]),
        (VCGExchange(), [(2, 4, 8), (1, 4, 8), (3, 4, 5)]),
        (DoubleAuction(), [(2, 6, 6), (1, 6, 6), (3, 4.5, 4.5)]),
        (DoubleAuction(0.0), [(2, 4, 4), (1, 4, 4), (3, 4, 4)]),
        (DoubleAuction(1.0), [(2, 8, 8), (1, 8, 8), (3, 5, 5)]),
        (BalancedExchange(), [(1, 8, 4), (1, 8, 8), (3, 5, 5)]),  # the first: two sellers share one trade at 8
    ],
    ids=repr,
)
def test_small_markets_by_hand(mechanism, expected):
    """McAfee 1992 and its relatives, on markets of two to four a side."""
    assert [outcome(mechanism, *market) for market in FIXTURES] == expected


def test_mcafee_with_known_bounds_needs_no_reduction():
    assert outcome(McAfee(0.0, 12.0), [9, 8], [3, 4]) == (2, 6, 6)
    assert outcome(McAfee(0.0, 10.0), [9, 8], [1, 2, 10]) == (2, 5, 5)
    assert outcome(McAfee(), [9, 8], [1, 2, 10]) == (1, 8, 2)


def test_mcafees_bounds_need_not_hold():
    """A buyer who overbids to change places with the first one must not gain, whatever was thought of values."""
    assert outcome(McAfee(0.0, 10.0), [90, 70], [0]) == (0, 0, 0)
    check_mechanism(McAfee(0.25, 0.5), budget=40_000)


def test_ties_between_the_sides_trade():
    """McAfee's k counts b_k = s_k; SBBA's seller k + 1 sets the price where it asks as much as buyer k bids."""
    assert outcome(DoubleAuction(), [5], [5]) == (1, 5, 5)
    assert outcome(McAfee(), [9, 5, 1], [2, 5, 9]) == (2, 5, 5)
    assert outcome(BalancedExchange(), [9, 5], [1, 2, 5]) == (2, 5, 5)
    same = DoubleAuction().clear(exchange([5, 5, 5], [5, 5]))
    assert same.allocation.tolist() == [1, 1, 0, -1, -1]  # of equal bids the lower numbers trade
    free = VCGExchange().clear(exchange([0], [0]))
    assert (free.allocation.tolist(), str(free.prices)) == ([1, -1], "0.0")  # never -0.0


def test_chatterjee_and_samuelson():
    """In the linear equilibrium they trade iff v - c >= 1/4, for gains of 9/64; at truthful bids for 1/6."""
    grid = (np.arange(800) + 0.5) / 800
    value, cost = (a.ravel() for a in np.meshgrid(grid, grid))
    side = np.tile([1, -1], (len(value), 1))
    bids = np.stack([2 * value / 3 + 1 / 12, 2 * cost / 3 + 1 / 4], axis=-1)
    traded = DoubleAuction().clear(Bids(bids, side=side)).allocation[:, 0] == 1.0
    away = np.abs(value - cost - 0.25) > 1e-9
    assert np.array_equal(traded[away], (value - cost >= 0.25)[away])
    assert np.where(traded, value - cost, 0.0).mean() == pytest.approx(9 / 64, abs=1e-3)
    truthful = DoubleAuction().clear(Bids(np.stack([value, cost], axis=-1), side=side)).allocation[:, 0] == 1.0
    assert np.where(truthful, value - cost, 0.0).mean() == pytest.approx(1 / 6, abs=1e-3)


def test_chatterjee_and_samuelson_is_an_equilibrium():
    """Against an equilibrium seller no bid of the buyer does better than 2v/3 + 1/12, and the other way round."""
    grid = (np.arange(2_000) + 0.5) / 2_000
    other = np.linspace(0.0, 1.0, 101)
    for v in (0.4, 0.6, 0.9):
        asks = 2 * grid / 3 + 1 / 4
        candidates = np.append(other, 2 * v / 3 + 1 / 12)
        bids = np.stack(np.broadcast_arrays(candidates[:, None], asks), axis=-1)
        cleared = DoubleAuction().clear(Bids(bids, side=np.broadcast_to([1, -1], bids.shape)))
        profit = (v * cleared.allocation[..., 0] - cleared.payments[..., 0]).mean(axis=-1)
        assert profit[-1] >= profit.max() - 2e-4
        assert profit[np.abs(other - v).argmin()] < profit[-1] - 1e-3  # truth does worse
    for c in (0.1, 0.4, 0.6):
        offers = 2 * grid / 3 + 1 / 12
        candidates = np.append(other, 2 * c / 3 + 1 / 4)
        bids = np.stack(np.broadcast_arrays(offers, candidates[:, None]), axis=-1)
        cleared = DoubleAuction().clear(Bids(bids, side=np.broadcast_to([1, -1], bids.shape)))
        profit = (c * cleared.allocation[..., 1] - cleared.payments[..., 1]).mean(axis=-1)
        assert profit[-1] >= profit.max() - 2e-4


def test_myerson_and_satterthwaite():
    """The efficient and truthful exchange of one unit loses all the gains from trade: 1/6 with uniform values."""
    grid = (np.arange(400) + 0.5) / 400
    both = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    cleared = VCGExchange().clear(Bids(both, side=np.tile([1, -1], (len(both), 1))))
    assert -cleared.payments.sum(axis=-1).mean() == pytest.approx(1 / 6, abs=1e-3)


def test_vcg_payments_are_externalities():
    rng = np.random.default_rng(0)
    for n in (2, 3, 5):
        truth = Exchange().draw(rng, 200, n)
        truth = Bids(np.minimum(truth.value, 1e3), truth.active, side=truth.side)
        cleared = VCGExchange().clear(truth)
        worth = Exchange().worth(truth, cleared)
        for i in range(n):
            active = truth.active.copy()
            active[:, i] = False
            without = Exchange().optimum(Bids(truth.value, active, side=truth.side))
            contribution = Exchange().optimum(truth) - without
            assert worth[:, i] - cleared.payments[:, i] == pytest.approx(contribution, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_every_draw_of_the_balanced_exchange_balances(seed):
    rng = np.random.default_rng(seed)
    truth = Bids(rng.integers(0, 9, size=(200, 7)).astype(float), side=rng.choice([-1, 1], size=(200, 7)))
    cleared = BalancedExchange().clear(truth, rng=rng)
    assert np.array_equal(cleared.payments.sum(axis=-1), np.zeros(200))
    assert np.array_equal(cleared.allocation.sum(axis=-1), np.zeros(200))
    assert (Exchange().worth(truth, cleared) - cleared.payments >= 0.0).all()
    assert (Exchange().infeasible(truth, cleared)[0] <= 0.0).all()


def test_the_draws_of_the_balanced_exchange_have_the_lotterys_mean():
    truth = exchange([9, 8, 7], [1, 2, 3])
    lottery = BalancedExchange().clear(truth)
    assert lottery.allocation.tolist() == pytest.approx([1, 1, 0, -2 / 3, -2 / 3, -2 / 3])
    many = Bids(np.tile(truth.value, (20_000, 1)), side=np.tile(truth.side, (20_000, 1)))
    drawn = BalancedExchange().clear(many, rng=np.random.default_rng(0))
    assert drawn.allocation.mean(axis=0) == pytest.approx(lottery.allocation, abs=0.02)
    assert drawn.payments.mean(axis=0) == pytest.approx(lottery.payments, abs=0.15)


def test_what_reduction_costs():
    """Trade reduction and McAfee lose at most the least valuable of k trades (1/k of the gains); SBBA in expectation."""
    truth = Bids(np.random.default_rng(1).random((2_000, 12)), side=np.tile([1, -1], (2_000, 6)))
    best, trades = Exchange().optimum(truth), cross(truth).trades
    for mechanism in (TradeReduction(), McAfee(), BalancedExchange()):
        reached = Exchange().worth(truth, mechanism.clear(truth)).sum(axis=-1)
        assert (reached >= best * (1.0 - 1.0 / np.maximum(trades, 1)) - 1e-12).all()
        assert (reached < best - 1e-9).any()


def test_mcafee_loses_less_than_trade_reduction():
    truth = Bids(np.random.default_rng(2).random((2_000, 8)), side=np.tile([1, -1], (2_000, 4)))
    reduced, mcafee = (Exchange().worth(truth, m.clear(truth)).sum(axis=-1) for m in (TradeReduction(), McAfee()))
    assert (mcafee >= reduced - 1e-12).all()
    assert (mcafee > reduced + 1e-9).any()


@pytest.mark.parametrize("mechanism", ALL, ids=repr)
def test_empty_lonely_and_absent(mechanism):
    for bids in (Bids([], side=[]), Bids([5.0], side=[1]), Bids([5.0], side=[-1]), Bids([5.0, 4.0], side=[1, 1])):
        cleared = mechanism.clear(bids)
        assert not cleared.allocation.any()
        assert not cleared.payments.any()
        assert np.isnan(cleared.prices)
    gone = mechanism.clear(Bids([9.0, 1.0], [True, False], side=[1, -1]))
    assert not gone.allocation.any()
    burdens = mechanism.clear(Bids([9.0, -1.0], side=[1, -1]))
    assert not burdens.allocation.any()


@pytest.mark.parametrize("mechanism", ALL, ids=repr)
def test_an_exchange_needs_sides(mechanism):
    with pytest.raises(InputError, match="side"):
        mechanism.clear(Bids([1.0, 2.0]))


@pytest.mark.parametrize("call", [lambda: DoubleAuction(1.5), lambda: DoubleAuction(np.nan), lambda: McAfee(2.0, 1.0)])
def test_bad_parameters_raise(call):
    with pytest.raises(InputError):
        call()
