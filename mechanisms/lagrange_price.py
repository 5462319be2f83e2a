"""`lagrange_price` among the solvers: prices of scarce resources that parts of a problem share.

The method lives in `marketic.economy.lagrange_price`, where environments and agents can reach it too; here it is offered in
the shape of all equilibrium solvers.
"""

from marketic.economy.resource_market import ScarcityPrices
from marketic.mechanisms.equilibrium import lagrange_price

__all__ = ["ScarcityPrices", "lagrange_price"]
