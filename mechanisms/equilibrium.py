"""One shape for every equilibrium: prices, who gets what, and the evidence. Never a bare price vector.

| solver | economy | method | certified by |
|---|---|---|---|
| `walras_lp` | activities with values, divisible goods, money of no limit | linear or quadratic program, duals | duality gap |
| `walras_bundles` | packages of indivisible goods | configuration program against integers | gap, or refusal with it |
| `fisher` | budgets, divisible goods | Newton, interior point, responses, Eisenberg-Gale | Eisenberg-Gale duality |
| `exchange` | endowments, linear utilities | Devanur-Garg-Vegh program | its optimal value, which is 0 |
| `assignment` | one good each, indivisible | optimal matching and longest paths, or an ascending auction | duality gap |
| `tatonnement` | any demand function | prices follow excess demand | excess demand; refused if it does not vanish |
| `lagrange_price` | a weakly coupled problem | tangents to its dual | duality gap |
| `post` | firms on a graph (`marketic.economy`) | firms post what goods are worth to them | residuals of the chain rule |

Each file says more. A `Certificate` is computed from the problem, the prices and the allocation alone. A market that has no
equilibrium is answered with status "refused", prices of NaN, and the gap; input that makes no sense raises `InputError`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.clearing import Certificate
from marketic.errors import InputError


@dataclass(frozen=True)
class Equilibrium:
    """What every solver returns.

    prices:      float64, one per good (the solver says in which shape), currency per unit; NaN if refused. For `post`: a
                 dict, good -> float64 [days, dim].
    allocation:  who gets or does how much, in the shape that the solver says.
    certificate: the evidence; see `marketic.clearing.Certificate`.
    welfare:     the objective reached, and `bound` what it cannot exceed, currency; NaN where there is none.
    iterations:  of the solver, in its own units; 0 where a program is solved directly.
    """

    prices: Any
    allocation: Any
    certificate: Certificate
    welfare: float = float("nan")
    bound: float = float("nan")
    iterations: int = 0

    @property
    def refused(self) -> bool:
        """Whether there are no prices to trust."""
        return self.certificate.status == "refused"


def walras_lp(values: Any, use: Any, supply: Any, **options: Any) -> Equilibrium:
    """See `walras_lp.WalrasLP.solve`."""
    from marketic.mechanisms.walras_lp import WalrasLP

    return WalrasLP().solve(values, use, supply, **options)


def walras_bundles(bids: Any) -> Equilibrium:
    """See `walras_bundles.WalrasBundles.solve`."""
    from marketic.mechanisms.walras_bundles import WalrasBundles

    return WalrasBundles().solve(bids)


def fisher(
    weights: Any,
    budgets: Any,
    supply: Any = 1.0,
    *,
    utility: str = "linear",
    elasticity: float | None = None,
    method: str = "newton",
    max_iterations: int | None = None,
    tolerance: float = 1e-8,
) -> Equilibrium:
    """See `fisher.FisherMarket`. allocation: csr_array [n, m]."""
    from marketic.mechanisms.fisher import FisherMarket

    market = FisherMarket(utility, elasticity, method, max_iterations)
    found = market.solve(weights, budgets, supply, tolerance=tolerance)
    return Equilibrium(found.prices, found.allocation, found.certificate, iterations=found.iterations)


def exchange(values: Any, endowments: Any, *, tolerance: float = 1e-6) -> Equilibrium:
    """See `arrow_debreu.LinearExchange.solve`."""
    from marketic.mechanisms.arrow_debreu import LinearExchange

    found = LinearExchange().solve(values, endowments, tolerance=tolerance)
    return Equilibrium(found.prices, found.allocation, found.certificate)


def assignment(bids: Any, *, sellers_share: float = 0.0, ascending: bool = False) -> Equilibrium:
    """See `assignment_market.AssignmentMarket`, or, if `ascending`, `assignment_ascending.AscendingAssignment`."""
    from marketic.mechanisms.assignment_ascending import AscendingAssignment
    from marketic.mechanisms.assignment_market import AssignmentMarket

    market = AscendingAssignment() if ascending else AssignmentMarket(sellers_share)
    found = market.clear(bids)
    assert found.certificate is not None
    worth = np.where(found.allocation, bids.value - bids.cost[..., None, :], 0.0).sum(axis=(-2, -1))
    welfare = float(worth) if np.ndim(worth) == 0 else float("nan")
    return Equilibrium(found.prices, found.allocation, found.certificate, welfare, welfare + found.certificate.gap)


def tatonnement(demand: Any, supply: Any, **options: Any) -> Equilibrium:
    """See `tatonnement.Tatonnement`; options of its own (`step`, `max_rounds`) and of `solve`."""
    from marketic.mechanisms.tatonnement import Tatonnement

    own = {name: options.pop(name) for name in ("step", "max_rounds") if name in options}
    return Tatonnement(**own).solve(demand, supply, **options)


def lagrange_price(demand: Any, capacity: Any, **options: Any) -> Equilibrium:
    """See `marketic.economy.lagrange_price`. allocation: the use of each resource, the shape of `capacity`."""
    from marketic.economy.lagrange_price import lagrange_price as solve

    found = solve(demand, capacity, **options)
    return Equilibrium(found.prices, found.use, found.certificate, found.value, found.bound, found.evaluations)


def post(economy: Any, endowment: Any, **options: Any) -> Equilibrium:
    """See `post.Post`; options of its own (`mode`, `tolerance`, `damping`, `limit`)."""
    from marketic.mechanisms.post import Post

    return Post(**options).solve(economy, endowment)


def floats(what: str, given: Any) -> np.ndarray:
    """Numbers given to a solver, float64 of any shape, or InputError."""
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: wanted numbers ({error})") from None
