"""What a click tells: an agent's program, ledger, trades and children; the trades behind an arrow."""

from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.dashboard.scenes import amounts, ledger_columns
from marketic.graph.trades import Trades, account_name
from marketic.reporting.page import escape, number

if TYPE_CHECKING:
    from marketic.dashboard.page import Page

MOST_CHILDREN = 20
PLAIN = (
    ".slick-row.even,.slick-row.odd,.slick-cell,.slick-header-column{background:transparent!important;color:inherit}"
)
COLUMNS = (("step", "step", 70, "0,0"), ("buyer", "buyer", 85, ""), ("seller", "seller", 85, ""),
           ("price", "price", 75, "0,0.0000"), ("paid", "paid", 85, "0,0.0000"),
           ("reward", "reward", 70, "0,0.0000"))  # fmt: skip
"""Field, heading, width in pixels, format of numbers; amounts are in units of reward."""


class Details:
    """The panel beside the graph. What was chosen stays chosen when time moves."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.chosen: tuple[int, ...] = ()

    def view(self) -> Any:
        """Text and table."""
        from bokeh.layouts import column
        from bokeh.models import InlineStyleSheet
        from bokeh.models.widgets import DataTable, Div, NumberFormatter, StringFormatter, TableColumn

        self.text = Div(text="Click an agent or an arrow.", name="details", sizing_mode="stretch_width")
        made = [
            TableColumn(
                field=field,
                title=title,
                width=width,
                formatter=NumberFormatter(format=shown) if shown else StringFormatter(),
            )
            for field, title, width, shown in COLUMNS
        ]
        table = DataTable(
            source=self.page.sources["ledger"], columns=made, height=210, index_position=None, reorderable=False,
            stylesheets=[InlineStyleSheet(css=PLAIN)], sizing_mode="stretch_width", name="ledger-table",
        )  # fmt: skip
        return column(self.text, table, sizing_mode="stretch_width")

    def agent(self, account: int) -> None:
        """An agent was clicked."""
        self.chosen = (account,)
        self.again(self.page.feed.sales(*self.page.span))

    def edge(self, payer: int, payee: int) -> None:
        """An arrow was clicked."""
        self.chosen = (payer, payee)
        self.again(self.page.feed.sales(*self.page.span))

    def again(self, trades: Trades) -> None:
        """Tell about what is chosen, in the window that is shown."""
        if not self.chosen:
            return
        self.page.sources["ledger"].data = ledger_columns(trades, *self.chosen)
        self.text.text = (
            self._agent(trades, *self.chosen) if len(self.chosen) == 1 else self._edge(trades, *self.chosen)
        )

    def _agent(self, trades: Trades, account: int) -> str:
        last = self.page.span[1]
        bought, sold = trades.buyer == account, trades.seller == account
        held = float(amounts(np.array([account]), self.page.feed.wealth(last))[0])
        parent, children = self._family(account)
        lines = [
            f"<b>{escape(account_name(account))}</b>: {escape(self.page.books.program(account))}",
            f"wealth {number(held)} units of reward at step {last:,}",
            f"in this window: bought {bought.sum():,} for {number(float(trades.paid[bought].sum()))}, "
            f"sold {sold.sum():,} for {number(float(trades.paid[sold].sum()))}, "
            f"rewards {number(float(trades.reward[bought].sum()))}",
            f"parent: {parent}; children: {', '.join(children) if children else 'none'}",
        ]
        return "<br>".join(lines)

    def _family(self, account: int) -> tuple[str, list[str]]:
        """The parents' names, and those of the agents that this one is a parent of, by the log."""
        for book in self.page.feed.kin:
            rows = np.flatnonzero(book.account == account)
            if not len(rows):
                continue
            parents = book.facts(int(rows[-1])).parents
            found = np.flatnonzero((book.family.parents == book.family.uid[rows[-1]]).any(axis=1)).tolist()
            names = [book.name(row) for row in found[:MOST_CHILDREN]]
            more = [f"and {len(found) - MOST_CHILDREN} more"] if len(found) > MOST_CHILDREN else []
            return ", ".join(parents) or "none", names + more
        return "none" if self.page.feed.kin else "unknown", []

    def _edge(self, trades: Trades, payer: int, payee: int) -> str:
        between = (trades.buyer == payer) & (trades.seller == payee)
        count, paid = int(between.sum()), float(trades.paid[between].sum())
        mean = number(float(trades.price[between].mean())) if count else "–"
        names = escape(account_name(payer)), escape(account_name(payee))
        return (
            f"<b>{names[0]}</b> paid <b>{names[1]}</b> {number(paid)} units of reward for {count:,} "
            f"right{'' if count == 1 else 's'} in this window; mean price {mean}"
        )
