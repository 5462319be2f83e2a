"""Payments of the softmax auction against arithmetic in 400 digits, from the coldest to the hottest lottery."""

import decimal

import numpy as np
import pytest

from marketic.bids import Bids
from marketic.mechanisms import Softmax


def softmax_payments(value, temperature):
    """Expected payments of a softmax auction in 400 digits: b x - T ln((Z + exp(b / T)) / (Z + 1)), Z over the others."""
    decimal.getcontext().prec = 400
    bids, heat = [decimal.Decimal(float(v)) for v in value], decimal.Decimal(temperature)

    def soft(amounts):
        return max(amounts) + heat * sum(((a - max(amounts)) / heat).exp() for a in amounts).ln()

    paid = []
    for i, bid in enumerate(bids):
        chance = ((bid - soft(bids)) / heat).exp()
        paid.append(float(bid * chance - soft(bids) + soft([*bids[:i], decimal.Decimal(0), *bids[i + 1 :]])))
    return np.array(paid)


@pytest.mark.parametrize("temperature", [1e-12, 1e-3, 1.0, 1e3, 1e7, 1e12, 1e15, 1e100, 1e300])
def test_softmax_payments_are_exact_at_any_temperature(temperature):
    """A hot lottery charged for the rounding of its logarithms: 4e-5 instead of 1e-13 where bids are 1 and it is 1e12."""
    rng = np.random.default_rng(0)
    for scale in (1e-9, 1.0, 1e6, 1e12):
        for n in (2, 3, 4):
            value = rng.random(n) * scale
            cleared = Softmax(temperature).clear(Bids(value))
            assert np.allclose(cleared.payments, softmax_payments(value, temperature), rtol=0, atol=1e-14 * n * scale)


def test_a_cold_softmax_auction_is_a_second_price_auction():
    for temperature in (1e-300, 5e-324, 1e-20):
        cleared = Softmax(temperature).clear(Bids([5.1e11, 5.2e11, 0.0]))
        assert cleared.payments.tolist() == [0.0, 5.1e11, 0.0]
