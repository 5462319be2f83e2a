"""Tatonnement: an auctioneer raises the prices of what is short and lowers those of what is left (Walras 1874).

    p_j  <-  p_j * exp(step * z_j / s_j),      z = demand(p) - supply s,      |z_j / s_j| cut at 1

It settles where demand is smooth enough and goods are gross substitutes (Arrow, Block and Hurwicz 1959), in Fisher markets
also for complements down to Leontief (Cheung, Cole and Devanur 2013: the steps descend on the Eisenberg-Gale dual), and it
need not anywhere else: Scarf (1960) has three traders for whom prices circle for ever; with linear utilities demand jumps
from one good to another at the very prices that would clear. Nothing of this is assumed of the demand that is given: the
rule runs, and what it found is measured. Prices at which goods are short or left over are refused, with the excess.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.clearing import Certificate
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import Equilibrium, floats
from marketic.mechanisms.fisher import FisherMarket, checked
from marketic.numbers import check_kinds, number, share, whole

Demand = Callable[[np.ndarray], Any]
PATIENCE = 1_000
"""Rounds without progress until steps are halved: prices of free goods take their time."""


@dataclass(frozen=True)
class Tatonnement:
    """A solver, no `Mechanism`.

    step: > 0, at most 1; halved when the excess has not fallen for PATIENCE rounds. max_rounds: >= 1.
    """

    step: float = 0.2
    max_rounds: int = 20_000

    def __post_init__(self) -> None:
        check_kinds(self)
        share("step", self.step, positive=True)
        whole("max_rounds", self.max_rounds, 1)

    def solve(
        self, demand: Demand, supply: Any, *, start: Any = None, income: Any = None, tolerance: float = 1e-8
    ) -> Equilibrium:
        """Prices [m], currency per unit (of mean 1 at the start), and the demand there: [n, m] or [m], units.

        demand: prices [m] > 0 -> what traders want, float64 [n, m] or in total [m], >= 0. supply: [m] > 0. start: [m] > 0.
        income: what the traders can spend at given prices, prices -> [n] or total, currency; None: the worth of the supply
        (an exchange economy). tolerance: excess as a share of the supply.
        Refused (NaN, and the smallest excess seen) if the rule does not settle, or traders spend what they do not have.
        Raises InputError, naming the good, for demand that is NaN or negative, or prices that run away.
        """
        supply = floats("supply", supply)
        number("tolerance", tolerance, above=0.0)
        if supply.ndim != 1 or not len(supply) or not ((supply > 0.0) & np.isfinite(supply)).all():
            raise InputError(f"supply = {supply!r}: wanted finite numbers > 0, one per good")
        prices = np.ones(len(supply)) if start is None else floats("start", start)
        if prices.shape != supply.shape or not ((prices > 0.0) & np.isfinite(prices)).all():
            raise InputError(f"start = {start!r}: wanted {len(supply)} finite prices > 0")
        best, wanted, rounds = self._follow(demand, supply, prices, tolerance)
        found = self.certificate(best, wanted, supply, income, tolerance=tolerance)
        if found.status != "optimal":
            refusal = Certificate(found.clearing, found.budget, found.optimality, found.gap, "refused")
            return Equilibrium(np.full(len(supply), np.nan), wanted, refusal, iterations=rounds)
        return Equilibrium(best, wanted, found, iterations=rounds)

    def certificate(
        self, prices: Any, wanted: Any, supply: Any, income: Any = None, *, tolerance: float = 1e-8
    ) -> Certificate:
        """Judge prices [m] and the demand at them, [n, m] or [m].

        clearing: largest excess demand, or what is left over of goods that are not free, units (free: all of it is worth at
        most `tolerance` times the supply that is worth most); budget: largest |spent - income|, currency (0 by Walras's law
        in an economy in equilibrium); optimality: 0, demand is taken at its word; gap: what the excess and all that is left
        over is worth, sum_j p_j |z_j|, currency. "optimal": clearing within `tolerance` of the supply, budgets within as
        much, once for every good and once more, of what each trader (where income is a total: all of them) has and spends.
        """
        prices, wanted, supply = floats("prices", prices), floats("demand", wanted), floats("supply", supply)
        total = _total(wanted)
        worth = prices * supply
        excess = np.where(worth > tolerance * worth.max(), np.abs(total - supply), np.maximum(total - supply, 0.0))
        spent = wanted @ prices
        owned = np.asarray(supply @ prices if income is None else income(prices), dtype=float)
        if owned.shape != spent.shape:
            owned, spent = owned.sum(), spent.sum()
        off = np.abs(spent - owned)
        settled = (excess <= tolerance * supply).all()
        paid = (off <= (len(prices) + 1) * tolerance * np.maximum(np.abs(owned), np.abs(spent))).all()
        return Certificate(
            float(excess.max()),
            float(off.max()),
            0.0,
            float(prices @ np.abs(total - supply)),
            "optimal" if settled and paid else "approximate",
        )

    def _follow(
        self, demand: Demand, supply: np.ndarray, prices: np.ndarray, tolerance: float
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """The prices of least excess seen, the demand there, and rounds."""
        step, least, since = self.step, np.inf, 0
        best, kept = prices, np.zeros_like(prices)
        cheap = np.zeros(len(prices), dtype=bool)  # goods of little worth that are not free: all of them must be sold
        for round_ in range(1, int(self.max_rounds) + 1):
            wanted = _asked(demand, prices)
            ratio = (_total(wanted) - supply) / supply
            worth = prices * supply
            left = np.minimum(-ratio, np.where(cheap, 1.0, worth / worth.max()))
            worst = float(np.maximum(ratio, left).max())  # short, or left over and dear
            if worst < least:
                since = 0 if worst < 0.999 * least else since + 1
                least, best, kept = worst, prices, wanted
            else:
                since += 1
            if least <= tolerance and (-ratio > tolerance).any():
                lower = _total(_asked(demand, np.where(-ratio > tolerance, tolerance * prices, prices)))
                found = (-ratio > tolerance) & ~(lower <= supply)
                cheap, least = cheap | found, np.inf if found.any() else least
            if least <= tolerance or step < 1e-6:
                return best, kept, round_
            if since >= PATIENCE:
                step, since = 0.5 * step, 0
            prices = prices * np.exp(step * np.clip(ratio, -1.0, 1.0))
            if not (np.isfinite(prices).all() and prices.max() > 0.0):
                raise InputError(
                    f"prices run away at good {int(np.argmax(~np.isfinite(prices)))}: it is short at any price"
                )
        return best, kept, self.max_rounds


def _asked(demand: Demand, prices: np.ndarray) -> np.ndarray:
    """Demand [n, m] or [m] at the prices; InputError names a good for which it is no number >= 0."""
    wanted = floats("demand", demand(prices.copy())).copy()  # demand may write there again
    if wanted.shape[-1:] != prices.shape or wanted.ndim not in (1, 2):
        raise InputError(f"demand of shape {wanted.shape}: wanted ({len(prices)},) or [traders, {len(prices)}]")
    total = _total(wanted)
    bad = ~(np.isfinite(total) & (total >= 0.0))
    if bad.any():
        at = int(bad.argmax())
        raise InputError(f"demand for good {at} is {total[at]} at price {prices[at]:g}: wanted a number >= 0")
    return wanted


def _total(wanted: np.ndarray) -> np.ndarray:
    return wanted if wanted.ndim == 1 else wanted.sum(axis=0)


def fisher_demand(weights: Any, budgets: Any, *, utility: str = "ces", elasticity: float | None = None) -> Demand:
    """Demand of Fisher's buyers: prices [m] -> float64 [n, m]. Utilities, arguments and errors as in `fisher`.

    With linear utilities all money goes to the first of the best goods: there, demand jumps, and tatonnement is refused.
    """
    FisherMarket(utility, elasticity)  # raises InputError for others
    edges, budgets, _ = checked(weights, budgets, 1.0)
    weights, budgets = edges.toarray(), budgets[:, None]

    def demand(prices: np.ndarray) -> np.ndarray:
        if utility == "leontief":
            return weights * budgets / (weights @ prices)[:, None]
        if utility == "linear":
            share = np.zeros_like(weights)
            share[np.arange(len(weights)), (weights / prices).argmax(axis=1)] = 1.0
        elif utility == "cobb-douglas":
            share = weights / weights.sum(axis=1, keepdims=True)
        else:
            power = (float(elasticity or 1.0) - 1.0) * np.log(np.where(weights > 0, weights / prices, 1.0))
            parts = np.where(weights > 0, np.exp(power - power.max(axis=1, keepdims=True)), 0.0)
            share = parts / parts.sum(axis=1, keepdims=True)
        return budgets * share / prices

    return demand


def scarf_demand(prices: np.ndarray) -> np.ndarray:
    """Scarf's (1960) economy, [3, 3]: trader i owns good i and wants it and the next in equal amounts, u = min(x_i, x_i+1)."""
    return np.array([[prices[i] / (prices[i] + prices[(i + 1) % 3]) * (j in (i, (i + 1) % 3)) for j in range(3)]
                     for i in range(3)])  # fmt: skip
