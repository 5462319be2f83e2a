"""Linear-quadratic economies whose stocks grow by themselves, against Riccati's equation in fractions."""

from fractions import Fraction

import numpy as np
import pytest

from marketic import InputError
from marketic.economy.consumer import Consumer
from marketic.economy.time import current_price, linear_quadratic


def scalar_truth(a: float, b: np.ndarray, q: float, r: float, horizon: int) -> float:
    """S_0 for one stock, and controls that cost r u'u, exactly."""
    a, q, r = map(Fraction, (a, q, r))
    reach, s = sum(Fraction(one) ** 2 for one in b.tolist()), q
    for _ in range(horizon):
        s = q + a * a * s - reach * (a * s) ** 2 / (r + reach * s)
    return float(s)


@pytest.mark.parametrize("seed", range(40))
def test_plans_cost_what_riccati_says_whatever_grows(seed: int) -> None:
    """Controls that were planned by other rounding than that of production let 1e-16 grow to 1e60."""
    rng = np.random.default_rng(seed)
    a, q, r = 10 ** rng.uniform([-1, -6, -6], [2, 6, 6])
    b, horizon = 10 ** rng.uniform(-3, 3) * rng.normal(size=3), int(rng.integers(1, 60))
    lq = linear_quadratic(a, b[None], q, r * np.eye(3), horizon)
    truth = scalar_truth(a, b, q, r, horizon)
    assert lq.values[0].item() == pytest.approx(truth, rel=1e-9)
    state = lq.economy.produce(lq.plan([1.0]))
    assert lq.economy.welfare(state)[0] == pytest.approx(-truth, rel=1e-9)
    assert lq.economy.prices(state)["state@0"].item() == pytest.approx(-2 * truth, rel=2e-6)


@pytest.mark.parametrize("seed", range(10))
def test_values_of_many_stocks_stay_above_zero_and_are_reached(seed: int) -> None:
    """One control of four stocks: S_t came out as the rest of numbers 1e12 times as large, below 0 even."""
    rng = np.random.default_rng(seed)
    A, B = 8 * rng.standard_normal((4, 4)), rng.standard_normal((4, 1))
    lq = linear_quadratic(A, B, np.eye(4), [[1e-3]], 12, discount=0.95)
    assert np.linalg.eigvalsh(lq.values).min() > 0
    start, x, cost = rng.standard_normal(4), np.zeros(4), 0.0
    x = start.copy()
    for t, gain in enumerate(lq.gains):
        u = -gain @ x
        cost += 0.95**t * (x @ x + 1e-3 * u @ u)
        x = A @ x + B @ u
    assert start @ lq.values[0] @ start == pytest.approx(cost + 0.95**12 * x @ x, rel=1e-8)


def test_what_rounding_would_swallow_is_refused() -> None:
    rng = np.random.default_rng(0)
    A, B = 12 * rng.standard_normal((4, 4)), rng.standard_normal((4, 1))
    with pytest.raises(InputError, match="plan: 30 periods are too many for dynamics whose largest eigenvalue is"):
        linear_quadratic(A, B, np.eye(4), 1e-3, 30).plan(np.ones(4))
    with pytest.raises(InputError, match="beyond what numbers can hold"):
        linear_quadratic(2.0, 0.0, 1.0, 1.0, 2000)
    lq = linear_quadratic(0.5, 1.0, 1.0, 1.0, 400, discount=0.1)
    prices = lq.economy.prices(lq.economy.produce(lq.plan([1.0])))
    with pytest.raises(InputError, match=r"discount\*\*t = 0.1\*\*350 is too small"):
        current_price(prices, "state", 350, 0.1)


def test_amounts_near_the_end_of_floats_refute_no_concavity() -> None:
    """Squares of 1e-162 are what rounding leaves of them: 4.9e-324 above the tangent is no violation."""
    consumer = Consumer("c", "x", lambda x: -np.sum(x**2, axis=1), lambda x: -2 * x, concave=True)
    for seed in range(50):
        consumer.refute_concavity(np.random.default_rng(seed).normal(size=(3, 2)) * 10.0 ** -(161 + seed / 25))
