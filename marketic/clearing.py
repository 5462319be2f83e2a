"""What a mechanism answers: who gets what, who pays what, at which announced price, and how we know it is right."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Certificate:
    """Evidence that travels with an answer, computed independently of the solver that found it.

    clearing:   largest absolute excess demand over goods, units of the goods.
    budget:     largest absolute budget violation over traders, currency.
    optimality: largest violation of the optimality conditions, currency per unit.
    gap:        upper bound on the distance of the objective from its optimum, currency.
    status:     "optimal", "approximate" or "refused".
    """

    clearing: float
    budget: float
    optimality: float
    gap: float
    status: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """The outcome of one batch of auctions.

    allocation: bool or float64 [..., n] (one good) or [..., n, m]. 1 where the bidder receives the good; a mechanism
                that was given no `rng` may return the lottery (probabilities) instead of a draw.
    payments:   float64 [..., n], currency, signed: positive amounts are paid by the bidder.
    prices:     float64 [...] (one good) or [..., m], currency: what is announced. NaN where nothing was sold.
    certificate: evidence, where the mechanism solves an optimisation or equilibrium problem.
    """

    allocation: np.ndarray
    payments: np.ndarray
    prices: np.ndarray
    certificate: Certificate | None = None
