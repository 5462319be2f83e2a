"""Consumers: who wants goods for their own sake, and pays for them.

A *quasi-linear* consumer maximises `U(x) - p . x`: it offers the gradient of U, and prices are in units of welfare. A
*budgeted* one maximises U(x) subject to `p . x <= B`: it offers `grad U / mu`, where `mu = x . grad U / B` is what a
unit of money is worth to it, so it spends exactly B; prices are then gradients of `sum B log U` (Eisenberg and Gale
1959, U homogeneous of degree 1). The two are never mixed in one economy: only ratios of the latter's prices mean
anything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from marketic.economy import inputs
from marketic.errors import InputError

NOISE = 100.0
"""What lies above a tangent by so many times the rounding of U counts."""
EPSILON = float(np.finfo(float).eps)
TINY = float(np.finfo(float).tiny)
"""Numbers below it have lost digits, and lie above a tangent or below it by chance."""


@dataclass(eq=False)
class Consumer:
    """One household.

    goods:    names, in the order of the columns of x.
    utility:  x [days, D] -> [days], units of welfare.
    gradient: x [days, D] -> [days, P]: the derivative, `dim` columns for each good; for a finite good the table of
              utilities of its varieties, all else equal.
    budget:   None (quasi-linear) or money per day, > 0.
    concave:  True if it claims that utility is concave; the economy then looks for a counterexample near the bundles it has.
    """

    name: str
    goods: tuple[str, ...]
    utility: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    budget: float | None = None
    concave: bool = False

    def __post_init__(self) -> None:
        who = f"consumer {self.name!r}"
        self.goods = inputs.names(who, "goods", self.goods)
        if not self.goods:
            raise InputError(f"{who} wants no good: wanted at least one in goods")
        if not (callable(self.utility) and callable(self.gradient)):
            raise InputError(f"{who}: wanted functions utility and gradient")
        if self.budget is not None and inputs.number(f"{who} has budget", self.budget, least=0.0) == 0.0:
            raise InputError(f"{who} has budget={self.budget!r}: wanted a positive number or None")

    def welfare(self, x: np.ndarray) -> np.ndarray:
        """Its part of the objective, float64 [days]: U, or B log U with a budget."""
        utility = self._utility_at(x)
        if self.budget is None:
            return utility
        if (utility <= 0).any():
            raise InputError(f"consumer {self.name!r} has utility {utility.min():g}: a budgeted one needs U > 0")
        return self.budget * np.log(utility)

    def _utility_at(self, x: np.ndarray) -> np.ndarray:
        return inputs.answered(
            f"consumer {self.name!r} has a utility", self.utility(inputs.lent(x)), (len(x),), "one per day"
        )

    def slope(self, x: np.ndarray, columns: int) -> np.ndarray:
        """The gradient, float64 [days, columns], as many as its goods have price columns; InputError for another shape."""
        wanted, meaning = (len(x), columns), "days, price columns of goods"
        return inputs.answered(f"consumer {self.name!r} has a gradient", self.gradient(inputs.lent(x)), wanted, meaning)

    def offer(self, x: np.ndarray, columns: int) -> np.ndarray:
        """What it pays for one more unit of each good, float64 [days, columns]."""
        gradient = self.slope(x, columns)
        if self.budget is None:
            return gradient
        worth = np.sum(x * gradient, axis=1, keepdims=True)
        if (worth <= 0).any():
            raise InputError(f"consumer {self.name!r} gains nothing from what it has: its money has no worth")
        return self.budget * gradient / worth

    def refute_concavity(self, x: np.ndarray, tolerance: float = 1e-9) -> None:
        """Hold the claim `U(y) <= U(x) + grad U(x) . (y - x)` against other bundles y near those of x [days, D].

        They are the neighbouring days, half and one and a half times each bundle, and the same for its first goods alone; of a
        good that a day has none of, half as much and one and a half times as much as other days and goods have. What counts is
        a violation of more than `tolerance` of the largest term, and of more than U's own rounding.
        Raises InputError, naming the consumer and two bundles, if the claim is false.
        """
        here, slope = self._utility_at(x), self.slope(x, x.shape[1])
        for other in _neighbours(x):
            with np.errstate(all="ignore"):
                there, along = self._utility_at(other), slope * (other - x)
                above = there - here - np.sum(along, axis=1)
                scale = np.abs(there) + np.abs(here) + np.sum(np.abs(along), axis=1)
            found = np.isfinite(above) & (above > tolerance * scale + TINY)
            if found.any():  # a utility may be what is left of large terms, and then its rounding is larger than itself
                found &= above > NOISE * (self._rounding(x) + self._rounding(other))
            above = np.where(found, above, -np.inf)
            worst = int(above.argmax())
            if above[worst] == -np.inf:
                continue
            raise InputError(
                f"consumer {self.name!r} claims a concave utility, but U({other[worst].tolist()}) lies {above[worst]:g}"
                f" above the tangent at {x[worst].tolist()}: prices would not be an equilibrium; set concave=False"
            )

    def _rounding(self, x: np.ndarray) -> np.ndarray:
        """How much the utility of bundles x [days, D] changes if their amounts change by a rounding or two, [days]."""
        turns = np.where(np.arange(x.shape[1]) % 2, -EPSILON, EPSILON)
        with np.errstate(all="ignore"):
            here = self._utility_at(x)
            changes = [np.abs(self._utility_at(x * (1 + k * turns)) - here) for k in (-3, -1, 1, 3)]
        return np.nan_to_num(np.max(changes, axis=0), nan=0.0, posinf=0.0)


def _neighbours(x: np.ndarray) -> Iterator[np.ndarray]:
    """Bundles to compare those of x [days, D] with; amounts keep their signs."""
    if len(x) > 1:
        yield np.roll(x, 1, axis=0)
    size = np.abs(x).max(axis=0)
    size = np.where(size > 0, size, np.abs(x).max(initial=0.0) or 1.0)
    for factor in (0.5, 1.5):
        changed = np.where(x == 0, factor * size, factor * x)
        yield changed
        for column in range(min(8, x.shape[1])):
            other = x.copy()
            other[:, column] = changed[:, column]
            yield other


class LogScore(Consumer):
    """Rewards forecasts: U = log softmax(scores)[label], minus the cross-entropy loss of a classifier.

    scores: name of a vector good with one number per class; label: name of a finite good with as many varieties.
    """

    def __init__(self, name: str, scores: str, label: str) -> None:
        super().__init__(name, (scores, label), self._utility, self._gradient)

    @staticmethod
    def _utility(x: np.ndarray) -> np.ndarray:
        return _log_softmax(x[:, :-1])[np.arange(len(x)), x[:, -1].astype(int)]

    @staticmethod
    def _gradient(x: np.ndarray) -> np.ndarray:
        table = _log_softmax(x[:, :-1])
        slope = -np.exp(table)
        slope[np.arange(len(x)), x[:, -1].astype(int)] += 1
        return np.concatenate([slope, table], axis=1)


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_consumer(name: str, goods: Sequence[str], weights: Sequence[float]) -> Consumer:
    """A consumer with U = sum_j weights_j log x_j, concave; goods of dim 1, weights > 0.

    With nothing of a good, its price would be infinite: `Economy.prices` refuses that, and negative amounts.
    """
    share = inputs.finite_array(f"consumer {name!r} has weights", weights, (len(goods),))
    if not (share > 0).all():
        raise InputError(f"consumer {name!r} has weights={share.tolist()}: wanted positive numbers")

    def utility(x: np.ndarray) -> np.ndarray:
        if (x < 0).any():
            raise InputError(f"consumer {name!r} has {x.min():g} units of a good: its logarithm wants amounts >= 0")
        with np.errstate(divide="ignore"):  # without some good it is minus infinity
            return np.log(x) @ share

    def gradient(x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", over="ignore"):
            return share / x

    return Consumer(name, tuple(goods), utility, gradient, concave=True)
