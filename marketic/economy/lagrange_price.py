"""Prices of scarce resources: a problem that falls apart but for what its parts share.

Parts i = 1 ... n choose x_i and share resources k: maximise sum_i r_i(x_i) subject to sum_i u_ik(x_i) <= c_k. At prices
p >= 0 each part alone maximises r_i(x_i) - p . u_i(x_i); call that v_i(p). Then, for any p >= 0 (weak duality),

    optimum  <=  g(p) = p . c + sum_i v_i(p),

g is convex with subgradient c - sum_i u_i: excess demand says where the least bound lies. Minimising g over tangents
(Kelley 1960) is column generation (Dantzig and Wolfe 1960) seen from the other side: the linear program's weights on the
answers seen so far are a plan that keeps within the capacities *on average*, and its value is a lower bound on min g. So
every answer is two numbers that nobody has to believe: the bound at the prices, and the value of the plan.

Weakly coupled decision processes (Hawkins 2003; Adelman and Mersereau 2008): a part's choice is its whole policy, u its
expected discounted use. Constant prices: c_k = capacity / (1 - discount), u the discounted total. Dated prices: one entry
per period, c_t = discount^t capacity, u_t = discount^t (expected use at t); prices come out in each period's own money.
"""

from typing import Any

import numpy as np

from marketic.economy.excess_demand import follow
from marketic.economy.resource_market import Demand, ResourceMarket, ScarcityPrices
from marketic.economy.tangents import Tangents
from marketic.errors import InputError


def lagrange_price(
    demand: Demand,
    capacity: Any,
    *,
    start: Any = None,
    tolerance: float = 1e-9,
    max_evaluations: int = 500,
    step: float = 0.3,
) -> ScarcityPrices:
    """Prices at which what the parts want of each resource is what there is.

    demand:   prices (float64, the shape of `capacity`, all >= 0) -> (use, value), or use alone. use: the shape of
              `capacity`, or [parts, *shape] (a tangent per part: far fewer evaluations). value: what each part gains at the
              prices, `max r - prices . use`, [parts], or one number. Without values prices move by excess demand only
              (bisection for one resource; else steps of `step` times the relative excess), and no gap is known.
    capacity: numbers >= 0 of any shape: [] or [K] for constant prices, [T] or [T, K] for dated ones, units. 0 is a balance:
              some parts make (use < 0) what others use.
    start:    where prices start, the shape of `capacity`; None: 0.
    tolerance: of bound - value, relative to |bound| or to the size of the plan's rewards, whichever is larger (without
              values: of excess demand / capacity, and of what is left over, as a share of what all capacities are worth).
    Raises InputError for other shapes, negative or NaN numbers, values that no maximum can have (a part would gain by
    another of its own answers, earlier or later), and for a resource that is short at any price, naming it.
    """
    limits = np.asarray(capacity, dtype=float)
    if limits.size == 0 or not (np.isfinite(limits) & (limits >= 0.0)).all():
        raise InputError(f"capacity = {capacity!r}: wanted finite numbers >= 0, at least one")
    if not tolerance > 0.0 or max_evaluations < 1 or not step > 0.0:
        raise InputError(f"tolerance={tolerance}, max_evaluations={max_evaluations}, step={step}: wanted all > 0")
    first = np.zeros(limits.shape) if start is None else np.asarray(start, dtype=float)
    if first.shape != limits.shape or not (np.isfinite(first) & (first >= 0.0)).all():
        raise InputError(f"start = {start!r}: wanted finite prices >= 0 of shape {limits.shape}")
    market = ResourceMarket(demand, limits)
    use, value = market.ask(first.ravel())
    if value is None:
        return follow(market, first.ravel(), use, tolerance, max_evaluations, step)
    return Tangents(market, first.ravel(), use, value).solve(tolerance, max_evaluations)
