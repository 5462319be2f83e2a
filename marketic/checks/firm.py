"""Holding a firm of an economy to its contract: what it offers must be the derivative of what it makes.

A certificate of prices says that the chain rule was followed through the derivatives that firms told, not that they told the
truth. Here production is moved along random directions, and what that earns at random prices is compared with the offer.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from marketic.checks.mechanism import ClaimRefuted
from marketic.checks.report import Report, Verdict
from marketic.economy import inputs
from marketic.economy.firm import Capital, Firm, Table
from marketic.errors import InputError

DIRECTIONS = 5
"""Random directions, and random prices, that are tried."""

DAYS = 13
"""Numbers of days that are made together, from one day on."""

INVESTED = 0.01
"""By which part capital is moved, at most, before derivatives are asked for again: firms invest."""


def check_firm(
    firm: Firm, bundles: Any, *, tolerance: float = 1e-6, seed: int = 0, name: str | None = None, raises: bool = True
) -> Report:
    """Hold a firm of vector goods to its contract (`marketic.economy.Firm`), at the inputs `bundles`, float64 [days, D_in].

    tolerance: of derivatives, relative to the terms that add up to them; central differences reach about 1e-9. Choose inputs
          away from kinks, and of the size that the firm will see: steps are 1e-4 of them.
    seed: of directions and prices. name: in the report. raises: True: raise ClaimRefuted if a promise is broken.

    Promises: ANSWERS (finite numbers of the right shapes), UNTOUCHED (capital, arguments and earlier answers do not change),
    PURE (the same twice, and after other things were made), DAYS (each day is made, and paid for, from that day alone, however
    many there are), LINEAR (offers are proportional to prices), OFFERS (they are the derivative in the inputs, also once
    capital has moved a little), MARGINAL (likewise in the capital, summed over days).

    Raises InputError for what is no firm of vector goods, and for bundles that are no table of finite numbers.
    """
    if not isinstance(firm, Firm) or isinstance(firm, Table):
        raise InputError(f"check_firm({firm!r}): wanted a marketic.economy.Firm between vector goods")
    x = inputs.finite_array(f"check_firm({firm.name!r}): bundles", bundles, (None, None))
    inputs.number("tolerance", tolerance, least=0.0)
    verdicts: dict[str, Verdict] = {}
    for promise, holds in PROMISES.items():
        try:
            faults = list(holds(_Trial(firm, x, tolerance, np.random.default_rng(seed))))
        except (Exception, SystemExit) as error:  # whatever a firm raises on legal input breaks its promise
            faults = [f"it raised {type(error).__name__}: {error}"]
        broken = [fault for fault in faults if fault]
        verdicts[promise] = Verdict("refuted" if broken else "kept", broken[0] if broken else "", len(faults))
        if promise == "ANSWERS" and broken:
            break  # nothing else can be asked
    report = Report(name or firm.name, verdicts)
    if raises and not report.passed:
        wrong = [f"{report.name} must be {promise}, but {v.explanation}" for promise, v in report.refuted.items()]
        raise ClaimRefuted("\n".join(wrong))
    return report


class _Trial:
    """One firm with its own copies of everything, and prices drawn for what it makes."""

    def __init__(self, firm: Firm, x: np.ndarray, tolerance: float, rng: np.random.Generator) -> None:
        self.firm, self.x, self.tolerance, self.rng = firm, x, tolerance, rng
        self.y = self.make(x)

    def capital(self) -> Capital:
        return copy.deepcopy(self.firm.capital)

    def make(self, x: np.ndarray, capital: Capital | None = None) -> np.ndarray:
        """A copy of what it makes."""
        return _real(self.firm.alpha(capital or self.capital(), x.copy()))

    def prices(self) -> np.ndarray:
        return self.rng.uniform(0.5, 1.5, self.y.shape) * self.rng.choice([-1.0, 1.0], self.y.shape)

    def ask(
        self, p: np.ndarray, capital: Capital | None = None, days: np.ndarray | None = None
    ) -> tuple[np.ndarray, Capital]:
        """A copy of what it offers and of what its capital earns; days: numbers of the days that are asked about."""
        capital, x = capital or self.capital(), self.x if days is None else self.x[days]
        y = self.make(x, copy.deepcopy(capital))
        offer, marginal = self.firm.vjp(capital, x.copy(), y, p.copy())
        return _real(offer), {key: _real(value) for key, value in marginal.items()}

    def invested(self) -> Capital:
        """Capital a little away from where it started."""
        return {
            key: np.asarray(value) * (1.0 + INVESTED * self.rng.uniform(-1.0, 1.0, np.shape(value)))
            for key, value in self.capital().items()
        }

    def differs(self, one: np.ndarray, other: np.ndarray, size: float) -> bool:
        return not np.all(np.abs(one - other) <= self.tolerance * size)

    def against(self, told: np.ndarray, along: np.ndarray, moved: Callable[[float], np.ndarray]) -> str:
        """Compare told . along with the central difference of `moved`, step -> what production is worth."""
        said, terms = float(np.sum(told * along)), float(np.sum(np.abs(told * along)))
        wide, narrow = (float(np.sum(moved(h) - moved(-h))) / (2 * h) for h in (1e-4, 5e-5))
        found = (4 * narrow - wide) / 3
        noise = 1e-15 * float(np.sum(np.abs(moved(0.0)))) / 1e-4
        if abs(found - said) <= self.tolerance * max(terms, abs(found)) + 4 * abs(narrow - wide) + noise:
            return ""
        return f"along a random direction one more unit earns {found:.6g}, and vjp says {said:.6g}"


def _real(given: Any) -> np.ndarray:
    """A copy as float64; complex numbers would lose a part in silence."""
    if np.iscomplexobj(given):
        raise InputError("it answers with complex numbers: wanted real ones")
    return np.array(given, dtype=float)


def _answers(trial: _Trial) -> Iterator[str]:
    days, ins, outs = len(trial.x), trial.x.shape[1], trial.y.shape
    shaped = trial.y.ndim == 2 and outs[0] == days
    yield "" if shaped and np.isfinite(trial.y).all() else f"alpha made {outs}, wanted finite numbers [{days}, D_out]"
    offer, marginal = trial.ask(trial.prices())
    good = offer.shape == (days, ins) and np.isfinite(offer).all()
    yield "" if good else f"vjp offers {offer.shape}, wanted finite numbers {(days, ins)}"
    for key, value in trial.firm.capital.items():
        told = marginal.get(key)
        good = told is not None and told.shape == np.shape(value) and bool(np.isfinite(told).all())
        shape = None if told is None else told.shape
        yield "" if good else f"marginal[{key!r}] has shape {shape}, wanted finite numbers {np.shape(value)}"


def _untouched(trial: _Trial) -> Iterator[str]:
    capital, x, y, p = trial.capital(), trial.x.copy(), trial.y.copy(), trial.prices()
    p_before = p.copy()
    made = trial.firm.alpha(capital, x)
    offer = trial.firm.vjp(capital, x, y, p)[0]
    kept = [np.array(made), np.array(offer)]
    trial.firm.vjp(capital, 2 * x, trial.firm.alpha(capital, 2 * x), 2 * p)
    for what, now, before in (
        *((f"capital {key!r}", capital[key], value) for key, value in trial.firm.capital.items()),
        ("its inputs", x, trial.x),
        ("its products", y, trial.y),
        ("the prices", p, p_before),
        ("what it had made before", made, kept[0]),
        ("what it had offered before", offer, kept[1]),
    ):
        yield "" if np.array_equal(now, before) else f"it changed {what}"


def _pure(trial: _Trial) -> Iterator[str]:
    p = trial.prices()
    yield "" if np.array_equal(trial.make(trial.x), trial.y) else "the same inputs made something else"
    one, other = trial.ask(p), trial.ask(p)
    same = np.array_equal(one[0], other[0]) and all(np.array_equal(one[1][key], other[1][key]) for key in one[1])
    yield "" if same else "the same prices brought another offer, or other earnings of capital"
    trial.make(2 * trial.x)
    late = np.array(trial.firm.vjp(trial.capital(), trial.x.copy(), trial.y.copy(), p.copy())[0], dtype=float)
    yield "" if np.array_equal(one[0], late) else "its offer is another one once it has made something else"


def _days(trial: _Trial) -> Iterator[str]:
    made, paid = float(np.abs(trial.y).max(initial=0.0)), trial.prices()
    together = trial.ask(paid)[0]
    offered = float(np.abs(together).max(initial=0.0))
    for day in range(len(trial.x)):
        other = trial.differs(trial.make(trial.x[day : day + 1]), trial.y[day], made)
        yield f"day {day} makes something else alone than among others" if other else ""
    for number in range(1, DAYS + 1):
        days = np.arange(number) % len(trial.x)
        some = f"{number} day{'s' if number > 1 else ''}"
        other = trial.differs(trial.make(trial.x[days]), trial.y[days], made)
        yield f"{some} alone: it makes something else than among others" if other else ""
        other = trial.differs(trial.ask(paid[days], days=days)[0], together[days], offered)
        yield f"{some} alone: it offers something else than among others" if other else ""


def _linear(trial: _Trial) -> Iterator[str]:
    for _ in range(DIRECTIONS):
        p, q = trial.prices(), trial.prices()
        one, other, both = (trial.ask(price)[0] for price in (p, q, 2 * p - 3 * q))
        size = float(np.abs(one).max(initial=0.0) + np.abs(other).max(initial=0.0))
        yield (
            "offers at prices 2 p - 3 q are not 2 and -3 times those at p and q"
            if trial.differs(both, 2 * one - 3 * other, 5 * size)
            else ""
        )
    nothing, earned = trial.ask(np.zeros_like(trial.y))
    free = not nothing.any() and not any(value.any() for value in earned.values())
    yield "" if free else "at prices of 0 it offers something, or its capital earns something"


def _offers(trial: _Trial) -> Iterator[str]:
    size = np.where(trial.x == 0, np.abs(trial.x).max(initial=0.0) or 1.0, np.abs(trial.x))
    for number in range(2 * DIRECTIONS):
        p, along = trial.prices(), size * trial.rng.standard_normal(trial.x.shape)
        capital = trial.capital() if number < DIRECTIONS else trial.invested()

        def moved(h: float, p: np.ndarray = p, along: np.ndarray = along, capital: Capital = capital) -> np.ndarray:
            return p * trial.make(trial.x + h * along, copy.deepcopy(capital))

        fault = trial.against(trial.ask(p, copy.deepcopy(capital))[0], along, moved)
        when = "" if number < DIRECTIONS else " once capital has moved"
        yield f"offers are no derivatives{when}: {fault}" if fault else ""


def _marginal(trial: _Trial) -> Iterator[str]:
    for key, value in trial.firm.capital.items():
        size = np.where(value == 0, np.abs(value).max(initial=0.0) or 1.0, np.abs(value))
        for number in range(2 * DIRECTIONS):
            p, along = trial.prices(), size * trial.rng.standard_normal(value.shape)
            start = trial.capital() if number < DIRECTIONS else trial.invested()

            def moved(
                h: float, p: np.ndarray = p, key: str = key, along: np.ndarray = along, start: Capital = start
            ) -> np.ndarray:
                return p * trial.make(trial.x, copy.deepcopy(start) | {key: start[key] + h * along})

            fault = trial.against(trial.ask(p, copy.deepcopy(start))[1][key], along, moved)
            when = "" if number < DIRECTIONS else " once capital has moved"
            yield f"marginal[{key!r}] is no derivative{when}: {fault}" if fault else ""


PROMISES: dict[str, Callable[[_Trial], Iterator[str]]] = {
    "ANSWERS": _answers,
    "UNTOUCHED": _untouched,
    "PURE": _pure,
    "DAYS": _days,
    "LINEAR": _linear,
    "OFFERS": _offers,
    "MARGINAL": _marginal,
}
"""Promise -> one string per case tried: "" or what broke it, in words."""
