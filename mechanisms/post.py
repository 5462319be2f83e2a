"""The posted-price rule of economies of goods: firms post what their inputs are worth to them (Wentworth 2018).

A firm that sells at prices p_out pays J^T p_out for one more unit of its inputs; a non-rival good costs the sum of what its
users offer, and users of a rival good get shares in proportion to share times offer until they agree on one price
(`marketic.economy.posting`, `marketic.economy.sharing`). Certified by the residuals of the chain rule, recomputed from the
announced prices. Exact for gradients; with fixed, non-concave production it is an equilibrium only locally.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marketic.economy.economy import Economy
from marketic.economy.sharing import share_out
from marketic.errors import InputError
from marketic.mechanisms.equilibrium import Equilibrium


@dataclass(frozen=True)
class Post:
    """A solver for `marketic.economy.Economy`, no `Mechanism`.

    mode: of posting, "topological" or "synchronous"; ignored where goods are rival. tolerance: of the users' disagreement on a
    rival good, relative to its price. limit: rounds in which shares move. damping: see `share_out`. With complements (CES of
    elasticity below 1) users of rival goods may overshoot, and shares swing until the limit ("approximate") or until an offer
    is infinite (`InputError`): damping = the elasticity settles them.
    """

    mode: str = "topological"
    tolerance: float = 1e-9
    limit: int = 10_000
    damping: float = 1.0

    def solve(self, economy: Economy, endowment: Mapping[str, Any]) -> Equilibrium:
        """Prices: good -> float64 [days, dim], units of welfare; allocation: the `State` produced. Moves rival shares.

        certificate: clearing: residual of the quantities; budget: 0; optimality: largest residual of the chain rule or
        disagreement of users; gap: NaN, since there is no global objective to compare with; "optimal" wants both small.
        Raises InputError as `Economy.produce` and `Economy.prices` do.
        """
        if not isinstance(economy, Economy):
            raise InputError(f"post wants a marketic.economy.Economy, not {type(economy).__name__}")
        if economy.shares:
            prices = share_out(economy, endowment, tolerance=self.tolerance, limit=self.limit, damping=self.damping)
        else:
            mode = "synchronous" if economy.cycle else self.mode
            prices = economy.prices(economy.produce(endowment), mode)
        chain = prices.certificate
        found = chain.summary(prices.state.residual)
        if not prices.agreed(self.tolerance):
            found = type(found)(found.clearing, found.budget, found.optimality, found.gap, "approximate")
        welfare = float(economy.welfare(prices.state).mean())
        return Equilibrium(prices.values, prices.state, found, welfare, float("nan"), prices.rounds)
