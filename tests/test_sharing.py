"""Shares of rival goods at corners: stores that are worth nothing on some days, against bounded least squares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from marketic import InputError
from marketic.economy import Consumer, Economy, Good
from marketic.economy.consumer import log_consumer
from marketic.economy.sharing import share_out
from marketic.economy.time import storage, unroll
from marketic.mechanisms.equilibrium import post


def granary(days: int, keeps: float, discount: float, size: float = 1.0) -> Economy:
    """Who eats c of the grain is worth 5 c - c^2 / 2 happier, in a currency of which `size` are one."""
    eaters = [
        Consumer(name, "grain", lambda x: size * (5 * x - x**2 / 2)[:, 0], lambda x: size * (5 - x), concave=True)
        for name in ("eater", "heir")
    ]
    goods = [Good("grain", dated=True, rival=True)]
    return unroll(
        goods, [storage("barn", "grain", keeps=keeps)], eaters[:1], days, discount=discount, terminal=eaters[1:]
    )


def best_plan(harvests: np.ndarray, keeps: float, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """What is eaten, [T + 1], and stored, [T]: sum of discount^t (5 - c_t)^2 is least, c linear in what is stored."""
    days = len(harvests) - 1
    weight = discount ** (np.arange(days + 1) / 2)[:, None]
    moved = keeps * np.eye(days + 1, days, k=-1) - np.eye(days + 1, days)
    stored = lsq_linear(weight * moved, weight[:, 0] * (5 - harvests), bounds=(0, np.inf), method="bvls", tol=1e-15).x
    return harvests + moved @ stored, stored


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), days=st.integers(1, 4), money=st.floats(-12, 12))
def test_stores_are_filled_on_the_right_days(seed: int, days: int, money: float) -> None:
    rng = np.random.default_rng(seed)
    keeps, discount, harvests, size = (
        rng.uniform(0.5, 0.95),
        rng.uniform(0.7, 1),
        rng.uniform(0.2, 3, days + 1),
        10**money,
    )
    prices = share_out(
        granary(days, keeps, discount, size),
        {f"grain@{t}": [[have]] for t, have in enumerate(harvests)},
        tolerance=1e-9,
    )
    eaten, stored = best_plan(harvests, keeps, discount)
    told = np.array([prices[f"grain@{t}"].item() for t in range(days + 1)])
    assert told == pytest.approx(size * discount ** np.arange(days + 1) * (5 - eaten), rel=1e-6)
    assert [prices.state.outputs[f"barn@{t}"].item() / keeps for t in range(days)] == pytest.approx(stored, abs=1e-6)
    assert prices.certificate.status == "optimal"
    assert prices.agreed(1e-6)  # slowly, where next to nothing is stored; 1e-9 within the limit elsewhere


def test_a_store_that_nothing_is_worth_putting_into_is_empty() -> None:
    found = post(granary(2, 0.5, 0.9), {"grain@0": [[1.0]], "grain@1": [[1.0]], "grain@2": [[1.0]]})
    assert found.certificate.status == "optimal"
    assert [found.allocation.outputs[f"barn@{t}"].item() for t in range(2)] == [0, 0]
    assert found.prices["grain@1"].item() == pytest.approx(0.9 * 4, rel=1e-12)


@pytest.mark.parametrize("rich", [1.0, 1e6, 1e15])
def test_who_is_poor_keeps_a_share_however_small(rich: float) -> None:
    """Demand for a good of weight w falls to a share w / sum w, never to nothing."""
    poor = log_consumer("poor", ["grain", "salt"], [1.0, 1.0])
    economy = Economy([Good("grain", rival=True), Good("salt")], [], [poor, log_consumer("rich", ["grain"], [rich])])
    prices = share_out(economy, {"grain": [[3.0]], "salt": [[1.0]]}, damping=0.5)
    assert economy.shares["grain"]["poor"].item() == pytest.approx(1 / (1 + rich), rel=1e-9)
    assert prices["grain"].item() == pytest.approx((1 + rich) / 3, rel=1e-9)


@pytest.mark.parametrize("options", [{"tolerance": np.nan}, {"limit": 0.5}, {"limit": -1}, {"damping": "half"}])
def test_options_that_cannot_work_are_named(options) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        share_out(granary(1, 0.5, 0.9), {"grain@0": [[1.0]], "grain@1": [[1.0]]}, **options)
