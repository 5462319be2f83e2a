"""Prices beside V*, where the task shows its transitions."""

import numpy as np

from marketic.graph.values import price_error
from marketic.market import Market
from marketic.reporting.charts import Series, line_chart
from marketic.reporting.page import card, figure


def truth_card(market: Market) -> str:
    """Highest bids against V*; "" for a task without a table, or one whose values do not settle."""
    from marketic.errors import InputError

    try:
        error = price_error(market)
    except InputError:  # discount 1 and a paying loop: there is no V* to compare with
        return ""
    if error is None or not len(error.state):
        return ""
    order = np.argsort(error.value, kind="stable")
    rank = np.arange(len(order)) + 1.0
    lines = [
        Series("highest bid", rank, error.price[order], dots=len(rank) <= 200),
        Series("V*, by value iteration", rank, error.value[order], dashed=True, colour=6),
    ]
    text = (
        f"<p>Mean distance {figure('value-error-mean', error.mean)}, largest {figure('value-error-largest', error.largest)} "
        f"units of reward, over {figure('value-states', float(len(rank)))} states that the market has acted in; "
        f"discount {error.discount:g}.</p>"
    )
    drawing = line_chart(
        lines, "states, the least valuable first", "What the right to act is worth, in units of reward"
    )
    return card("Prices and the truth", text + drawing)
