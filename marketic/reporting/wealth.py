"""Who is rich, by which rule, how unequal they are, and the proof that no money was made or lost."""

import numpy as np

from marketic.graph.measures import gini, lorenz
from marketic.graph.residents import present
from marketic.ledger import HOUSE, MEMOS, WORLD
from marketic.market import Market
from marketic.reporting.charts import Series, line_chart
from marketic.reporting.page import card, escape, figure, table
from marketic.words import Words

RICHEST = 10


def rich_card(market: Market, words: Words) -> str:
    """The ten richest agents that have traded, their wealth, and their rules where the family can say them."""
    wealth = market.wealth()
    trades = getattr(market.population, "trades", None)
    traded = (
        np.flatnonzero(trades)
        if isinstance(trades, np.ndarray) and len(trades) == len(wealth)
        else np.arange(len(wealth))
    )
    order = traded[np.argsort(-wealth[traded], kind="stable")][:RICHEST].tolist()
    describe = getattr(market.population, "describe", None)
    rows = [
        [
            f"{agent:,}",
            figure(f"wealth-{rank}", float(wealth[agent])),
            escape(describe(agent, words)) if describe else "",
        ]
        for rank, agent in enumerate(order, start=1)
    ]
    head = ["Agent", "Wealth", "Rule: when, what it does, and its bid" if describe else ""]
    note = f"The first {len(order)} of {len(traded):,} agents that have traded; wealth and bids in units of reward."
    if not describe:
        note += f" {type(market.population).__name__} agents have no describe(): their rules cannot be shown in words."
    return card("Who is rich", table(head, rows, (0, 1)), note, wide=True)


def lorenz_card(market: Market) -> str:
    """Lorenz curve and Gini coefficient of the agents that there are."""
    wealth = market.wealth()[present(market)]
    agents, shares = lorenz(wealth)
    inequality = gini(wealth)
    rich, nothing, debt = (int(kind.sum()) for kind in (wealth > 0, wealth == 0, wealth < 0))
    counts = f"{rich:,} hold wealth, {nothing:,} hold nothing, {debt:,} are in debt"
    ends = np.array([0.0, 100.0])
    lines = [
        Series("wealth", 100 * agents, 100 * shares),
        Series("if all were equal", ends, ends, dashed=True, colour=6),
    ]
    if np.isnan(inequality):
        drawing = '<p class="note">No agent holds any wealth: all reward so far was negative or has not arrived.</p>'
    else:
        drawing = line_chart(lines, "agents, poorest first (%)", "Share of all wealth (%), debts counted as 0")
    text = f"<p>Gini coefficient {figure('gini', inequality)}: {escape(counts)}, of {len(wealth):,} agents.</p>"
    return card("How wealth is shared", text + drawing)


def ledger_card(market: Market) -> str:
    """Totals by kind of account, the flows by reason, and the proof line."""
    ledger = market.ledger
    ticks = {
        "world": int(ledger.balance[WORLD]),
        "house": int(ledger.balance[HOUSE]),
        "agents": int(ledger.balance[2:].sum()),
    }
    total = sum(ticks.values())
    meaning = {
        "world": "minus the rewards that it paid",
        "house": "what it kept, less what it added",
        "agents": "what all of them hold",
    }
    rows = [
        [name, figure(f"ledger-{name}", amount * ledger.tick), f'<span class="note">{meaning[name]}</span>']
        for name, amount in ticks.items()
    ]
    moved = {memo: int(ticks) * ledger.tick for memo, ticks in zip(MEMOS, ledger.flows, strict=False) if ticks}
    flows = [[memo, figure(f"flow-{memo}", amount)] for memo, amount in moved.items()]
    proof = f'<p class="proof">sum of all accounts = <b>{figure("ledger-sum-ticks", total, str(total))} ticks</b></p>'
    note = f"One tick is {ledger.tick:.3g} of a unit of reward; money is counted in whole ticks."
    return card("The ledger", table(["Account", "Balance", ""], rows, (1,)) + proof, note) + card(
        "Where the money went",
        table(["Reason", "Moved, net"], flows, (1,)),
        "Sum of all transfers with this reason, in units of reward.",
    )
