"""The amounts that auctions stumble over: ties, zeros, heavy tails, huge and tiny ones; and lies around them.

Of ten planted bugs four show *only* with exact ties, a lone bidder or heavy tails, never with plain uniform draws.
"""

import numpy as np

HUGE = 1e12
"""Near the largest bid that is admitted."""


def amounts(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Non-negative float64 amounts, currency. The first axis is the cases, each of which is drawn in one of nine styles."""
    style = rng.integers(0, 9, size=(shape[0],) + (1,) * (len(shape) - 1))
    uniform = rng.random(shape)
    grid = rng.integers(0, 5, size=shape) / 4.0
    pareto = rng.pareto(1.5, size=shape)
    one = np.broadcast_to(rng.random((shape[0],) + (1,) * (len(shape) - 1)), shape)
    whole = rng.integers(0, 11, size=shape).astype(float)
    mixed = np.where(rng.random(shape) < 0.5, 0.0, uniform)
    extreme = np.where(rng.random(shape) < 0.5, HUGE * uniform, np.where(rng.random(shape) < 0.5, 5e-324, grid))
    scale = 10.0 ** rng.integers(-9, 12, size=(shape[0],) + (1,) * (len(shape) - 1))
    anywhere = (grid + 0.25) * np.where(rng.random(scale.shape) < 0.5, 1.0, scale)  # ties at every size
    nearly = one * (1.0 + 10.0 ** -rng.integers(3, 10, size=scale.shape) * grid)  # alike but for the last digits
    return np.choose(style, [uniform, grid, pareto, one, whole, mixed, extreme, anywhere, nearly])


def present(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Who takes part, bool [cases, n]: in half of the cases everybody, in a tenth one alone, else each with probability 3/4."""
    style, here = rng.random((shape[0], 1)), rng.random(shape)
    alone = here == here.max(axis=1, initial=0.0, keepdims=True)
    return np.asarray(np.where(style < 0.1, alone, (here < 0.75) | (style >= 0.5)))


def lies(rng: np.random.Generator, own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Other amounts that a bidder might name, float64 [cases], >= 0 where `own` is.

    own: float64 [cases], its true amount; others: float64 [cases, k], what the others name (k may be 0): the telling lies
    lie just above or below those, the highest above all, or exactly on them.
    """
    cases = len(own)
    style = rng.integers(0, 6, size=cases)
    target = others[np.arange(cases), rng.integers(0, others.shape[1], size=cases)] if others.shape[1] else own
    rival = np.where(others == own[:, None], -np.inf, others).max(axis=1, initial=-np.inf)
    target = np.where((rng.random(cases) < 0.5) & np.isfinite(rival), rival, target)
    step = 10.0 ** -rng.integers(0, 10, size=cases) * rng.choice([-1.0, 1.0], size=cases)
    near = np.where(rng.random(cases) < 0.5, target + step, target * (1.0 + step / 2))
    picked = np.choose(
        style,
        [
            rng.random(cases) * 2.0,
            near,
            own * rng.random(cases),
            own * (1.0 + rng.random(cases)),
            np.where(rng.random(cases) < 0.5, 0.0, target),
            np.where(rng.random(cases) < 0.5, own + step, rng.pareto(1.0, cases)),
        ],
    )
    return np.where(own >= 0, np.maximum(picked, 0.0), picked)
