"""Proportional sharing: money in, shares out, and the price of anticipation."""

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.errors import InputError
from marketic.mechanisms.proportional_share import ProportionalShare, anticipating_bids


@pytest.mark.parametrize("capacity", [1.0, 0.25, 3.5])
def test_the_conformance_kit_passes(capacity):
    check_mechanism(ProportionalShare(capacity), budget=4_000)


def test_shares_are_in_proportion_and_payments_are_the_bids():
    cleared = ProportionalShare(capacity=10.0).clear(Bids([1.0, 3.0, 5.0], [True, True, False]))
    assert cleared.allocation.tolist() == [2.5, 7.5, 0.0]
    assert cleared.payments.tolist() == [1.0, 3.0, 0.0]
    assert float(cleared.prices) == 0.4


def test_no_money_buys_nothing():
    cleared = ProportionalShare().clear(Bids([[0.0, 0.0], [-1.0, 2.0]]))
    assert cleared.allocation.tolist() == [[0, 0], [0, 1]]
    assert np.isnan(cleared.prices).tolist() == [True, False]
    assert ProportionalShare().clear(Bids([])).payments.shape == (0,)


def _worst_case(n):
    """Slopes for which n bidders who anticipate lose most (Johari and Tsitsiklis 2004, section 3)."""
    low = 0.5 / (1.0 - 1.0 / (2.0 * (n - 1)))
    return np.array([1.0, *[low] * (n - 1)])


@pytest.mark.parametrize(
    ("n", "efficiency", "digits"), [(3, 0.8333, 4), (101, 0.7513, 4), (10_001, 0.75001, 5)], ids=["3", "101", "10001"]
)
def test_the_worst_case_tends_to_three_quarters(n, efficiency, digits):
    """Johari and Tsitsiklis 2004."""
    slope = _worst_case(n)
    cleared = ProportionalShare().clear(Bids(anticipating_bids(slope)))
    assert cleared.allocation[0] == pytest.approx(0.5)
    reached = float((slope * cleared.allocation).sum()) / slope.max()
    assert reached == pytest.approx(efficiency, abs=0.5 * 10.0**-digits)
    assert reached > 0.75


def test_nobody_gains_by_leaving_the_equilibrium():
    rng = np.random.default_rng(0)
    slope = rng.uniform(0.1, 2.0, size=(50, 4))
    money = anticipating_bids(slope)
    mechanism = ProportionalShare()

    def profit(bids):
        cleared = mechanism.clear(Bids(bids))
        return slope * cleared.allocation - cleared.payments

    here = profit(money)
    for bidder in range(4):
        for other in np.linspace(0.0, 1.0, 201):
            changed = money.copy()
            changed[:, bidder] = other * slope[:, bidder]
            assert (profit(changed)[:, bidder] <= here[:, bidder] + 1e-12).all()


def test_equilibria_of_random_markets_are_three_quarters_efficient():
    slope = np.random.default_rng(1).pareto(1.0, size=(2_000, 5)) + 1e-3
    share = ProportionalShare().clear(Bids(anticipating_bids(slope))).allocation
    efficiency = (slope * share).sum(axis=-1) / slope.max(axis=-1)
    assert (efficiency >= 0.75).all()
    assert efficiency.min() < 0.9


def test_equal_bidders_pay_the_known_price():
    assert anticipating_bids([2.0, 2.0, 2.0]).tolist() == pytest.approx([4 / 9] * 3)  # (n - 1) / n^2 of the slope
    assert anticipating_bids([2.0]).tolist() == [0.0]
    assert anticipating_bids(np.zeros((3, 0))).shape == (3, 0)


@pytest.mark.parametrize("capacity", [0.0, -1.0, np.inf, np.nan])
def test_bad_capacities_raise(capacity):
    with pytest.raises(InputError):
        ProportionalShare(capacity)


def test_slopes_must_be_positive():
    with pytest.raises(InputError):
        anticipating_bids([1.0, 0.0])
