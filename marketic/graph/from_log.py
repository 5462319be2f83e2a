"""From a run's event log to arrays: sales as `Trades`, balances and bids at any step, births and deaths.

The log keeps one row per sale and one per end of a chain, with what the world paid the *seller* since it bought. Here
every sale carries what it brought its *buyer*: the reward of the next row of the same right.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.genealogy import ALIVE
from marketic.graph.agent_facts import AgentFacts
from marketic.graph.kin import registers_of, relatives
from marketic.graph.network import TradeGraph
from marketic.graph.trades import Trades

SALE, CONTRIBUTION = 1, 5  # kinds of entries in the log
NOTHING = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
COLUMNS = ["step", "episode", "row", "kind", "seller", "buyer", "bidder", "price", "paid", "reward"]


def trades_of(log: Any, *, parts: Iterable[int] | None = None, members: bool = False) -> Trades:
    """The sales of an event log (see `marketic.events`), or of some of its parts, by number.

    members: True: where syndicates of K agents trade, K rows per sale, one per pair of members, with a K-th of the money
    each; False: one row per sale, between the first members. What losers pay in auctions such as all-pay is no sale.
    """
    columns = [*COLUMNS, *(["buyers"] if members and int(log.header["members"]) > 1 else [])]
    if parts is None:
        return _sales(log, log.to_arrow("trades", columns), NOTHING)
    found = [_sales(log, next(log.batches("trades", columns, first_part=k)), _rewards_after(log, k)) for k in parts]
    names = Trades.__dataclass_fields__
    return (
        Trades(**{name: np.concatenate([getattr(t, name) for t in found]) for name in names})
        if found
        else Trades.none()
    )


def _rewards_after(log: Any, number: int) -> tuple[np.ndarray, np.ndarray]:
    """What the next part says that the owners at a part's end were paid: rows in order, and ticks, int64 [k] each."""
    rest = (k for k in range(number + 1, len(log.parts)) if "trades" in log.parts[k]["tables"])
    following = next(rest, None)
    if following is None:
        return NOTHING
    table = _settling(log.read("trades", following, ["row", "kind", "reward"]))
    row, first = np.unique(table.column("row").to_numpy(), return_index=True)
    return row, table.column("reward").to_numpy()[first]


def _settling(table: Any) -> Any:
    """Entries without the losers' contributions, which end no ownership."""
    import pyarrow

    kinds = table.column("kind").to_numpy()
    return table.filter(pyarrow.array(kinds != CONTRIBUTION)) if (kinds == CONTRIBUTION).any() else table


def _sales(log: Any, table: Any, after: tuple[np.ndarray, np.ndarray]) -> Trades:
    """The sales among the entries of a table. after: what its last owners were paid, see `_rewards_after`."""
    table, expand = _settling(table), "buyers" in table.column_names
    column = {name: table.column(name).to_numpy() for name in COLUMNS}
    rights, tick = int(log.header["rights"]), float(log.tick)
    sale, following = column["kind"] == SALE, _following(column["row"])
    reward = np.where(following >= 0, column["reward"][following], _looked_up(column["row"], *after))
    whole = Trades.of(
        step=column["step"][sale],
        episode=column["episode"][sale],
        good=column["row"][sale] % rights,
        seller=column["seller"][sale],
        buyer=column["buyer"][sale],
        bidder=column["bidder"][sale],
        price=column["price"][sale] * tick,
        paid=column["paid"][sale] * tick,
        reward=reward[sale] * tick,
    )
    return _expanded(whole, table, sale, following) if expand else whole


def graph_of(
    log: Any, window: tuple[int, int] | None = None, *, members: bool = False, goods: Iterable[str] = ()
) -> TradeGraph:
    """The trade graph of an event log, with what the log knows of its agents and their ancestors; see `Market.graph`.

    goods: what the rights to act are called. Raises InputError for a wrong window, or a log without trades.
    """
    if log.level == "summary":
        raise InputError(
            'this log keeps no trades (level "summary"): train with --log trades, or call '
            'market.log_to(folder, "trades") before learn'
        )
    graph = TradeGraph.of(trades_of(log, members=members), window, goods=goods)
    traders = graph.account[graph.account >= int(log.header["first_account"])].tolist()
    known, ancestors = relatives(registers_of(log), traders)
    wealth, entered = {}, entered_at(log) if "agents" in log.tables else {}
    if "accounts" in log.tables:
        held = Balances.of(log, "accounts", "balance", log.tick)(log.parts[-1]["step"])
        wealth = dict(zip(*(part.tolist() for part in held), strict=True))
    facts = {}
    for account in {*traders, *known}:
        one = known.get(account, AgentFacts())
        age = None if one.alive is False else log.parts[-1]["step"] - entered.get(account, 0)
        facts[account] = replace(one, wealth=wealth.get(account), age=age)
    return replace(graph, facts=facts, ancestors=ancestors)


def _looked_up(row: np.ndarray, known: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """The ticks of each row, int64 [k]; 0 for rows that are not known."""
    at = np.minimum(np.searchsorted(known, row), max(len(known) - 1, 0))
    return np.where(known[at] == row, ticks[at], 0) if len(known) else np.zeros(len(row), dtype=np.int64)


def _following(row: np.ndarray) -> np.ndarray:
    """For every entry the next one of the same row, int64 [k]; -1: there is none."""
    order = np.argsort(row, kind="stable")
    following = np.full(len(row), -1)
    same = row[order[1:]] == row[order[:-1]]
    following[order[:-1][same]] = order[1:][same]
    return following


def _expanded(trades: Trades, table: Any, sale: np.ndarray, following: np.ndarray) -> Trades:
    """One row per pair of members."""
    buyers = table.column("buyers").combine_chunks()
    size = buyers.type.list_size
    members = buyers.values.to_numpy(zero_copy_only=False).reshape(-1, size).astype(np.int64)
    sellers = np.repeat(table.column("seller").to_numpy()[:, None].astype(np.int64), size, axis=1)
    earlier = np.flatnonzero((following >= 0) & sale)
    sellers[following[earlier]] = members[earlier]
    many = {name: np.repeat(getattr(trades, name), size) for name in ("step", "episode", "good", "bidder")}
    money = {name: np.repeat(getattr(trades, name) / size, size) for name in ("price", "paid", "reward")}
    return Trades.of(**many, **money, seller=sellers[sale].ravel(), buyer=members[sale].ravel())


def entered_at(log: Any) -> dict[int, int]:
    """Account -> environment step at which its agent entered, for those that were not there from the start."""
    rows = log.to_arrow("agents", ["step", "account", "event"])
    columns = (rows.column(name).to_pylist() for name in ("step", "account", "event"))
    return {account: step for step, account, event in zip(*columns, strict=True) if event == "entry" and step}


def programs_of_the_gone(log: Any) -> dict[int, str]:
    """Account -> rule in words, for agents that left, where the log holds it (levels trades and everything)."""
    if "agents" not in log.tables:
        return {}
    rows = log.to_arrow("agents", ["account", "event", "program"])
    columns = (rows.column(name).to_pylist() for name in ("account", "event", "program"))
    return {account: words for account, event, words in zip(*columns, strict=True) if event == "exit" and words}


class Balances:
    """Who had how much, at any step: the last recorded balance of every account up to then.

    step, account: int64 [k], in order of steps; amount: float64 [k], currency.

    >>> book = Balances(np.array([0, 5, 9]), np.array([2, 3, 2]), np.array([1.0, 2.0, 0.5]))
    >>> [part.tolist() for part in book(5)], [part.tolist() for part in book(9)]
    ([[2, 3], [1.0, 2.0]], [[2, 3], [0.5, 2.0]])
    """

    def __init__(self, step: np.ndarray, account: np.ndarray, amount: np.ndarray) -> None:
        self.step, self.account, self.amount = step, account, amount
        self._size = int(account.max(initial=-1)) + 1

    @classmethod
    def of(cls, log: Any, table: str, column: str, scale: float = 1.0) -> "Balances":
        """From a table of snapshots in the log, agents only: ("accounts", "balance", log.tick) or ("prices", "price")."""
        rows = log.to_arrow(table, columns=["step", "account", column])
        step, account, amount = (rows.column(name).to_numpy() for name in ("step", "account", column))
        agents = account >= int(log.header["first_account"])
        return cls(step[agents], account[agents].astype(np.int64), amount[agents] * scale)

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Accounts on record by `step` (that step included), int64 [n], and their amounts, float64 [n]."""
        upto = int(np.searchsorted(self.step, step, side="right"))
        held = np.full(self._size, np.nan)
        held[self.account[:upto]] = self.amount[:upto]  # of several, the last one stays
        there = np.flatnonzero(~np.isnan(held))
        return there, held[there]


def entries_and_exits(log: Any) -> tuple[np.ndarray, np.ndarray]:
    """Steps at which agents entered (founders left out) and left, int64 each, births and deaths on seats included.

    The latter are dated by their family's clock where that counts steps, and else by the snapshot that tells of them.
    """
    rows = log.to_arrow("agents", columns=["step", "event", "cause"])
    step = rows.column("step").to_numpy()
    event, cause = (np.array(rows.column(name).to_pylist(), dtype=object) for name in ("event", "cause"))
    births, deaths = _on_seats(log) if "genealogy" in log.tables else (np.zeros(0, dtype=np.int64),) * 2
    entries, exits = step[(event == "entry") & (cause != "founder")], step[event == "exit"]
    return np.sort(np.concatenate([entries, births])), np.sort(np.concatenate([exits, deaths]))


def _on_seats(log: Any) -> tuple[np.ndarray, np.ndarray]:
    """Steps of births and deaths in families with seats, int64 each; those who were born before the first step are founders."""
    rows = log.to_arrow("genealogy", ["step", "right", "uid", "born", "died", "unit"])
    names = ("step", "right", "uid", "born", "died")
    step, right, uid, born, died = (rows.column(name).to_numpy().astype(np.int64) for name in names)
    steps = np.array(rows.column("unit").to_pylist(), dtype=object) == "steps"
    _, first = np.unique(
        np.stack([right, uid]), axis=1, return_index=True
    )  # the row of a birth; a later one tells of the end
    births = first[born[first] > int(log.header["step"])]
    ended = np.flatnonzero(died != ALIVE)
    return np.where(steps, born, step)[births], np.where(steps & (died >= 0), died, step)[ended]


class Following:
    """The same for a log that grows, or is too long to hold: only the amounts at the last step asked for are kept.

    Asking for later steps reads the parts since; asking for an earlier one starts again from the first part.
    """

    def __init__(self, table: str, column: str) -> None:
        self.table, self.column = table, column
        self._amount = np.zeros(0)
        self._parts = 0  # all of them are in `_amount`

    def at(self, log: Any, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Accounts of agents on record by `step`, int64 [n], and their amounts in currency, float64 [n]."""
        if log is None or self.table not in log.tables:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        parts = log.parts
        if self._parts > len(parts) or (self._parts and parts[self._parts - 1]["step"] > step):
            self._amount, self._parts = np.zeros(0), 0
        while self._parts < len(parts) and parts[self._parts]["step"] <= step and not parts[self._parts].get("open"):
            self._amount = self._with(log, self._parts, step)
            self._parts += 1
        held = self._amount if self._parts == len(parts) else self._with(log, self._parts, step)
        there = np.flatnonzero(~np.isnan(held))
        there = there[there >= int(log.header["first_account"])]
        return there, held[there]

    def _with(self, log: Any, part: int, step: int) -> np.ndarray:
        """The amounts after the rows of a part up to a step."""
        if self.table not in log.parts[part]["tables"]:
            return self._amount
        rows = next(log.batches(self.table, ["step", "account", self.column], first_part=part))
        chosen = rows.column("step").to_numpy() <= step
        account = rows.column("account").to_numpy()[chosen].astype(np.int64)
        amount = rows.column(self.column).to_numpy()[chosen] * (log.tick if self.column == "balance" else 1.0)
        grown = np.full(max(len(self._amount), int(account.max(initial=-1)) + 1), np.nan)
        grown[: len(self._amount)] = self._amount
        grown[account] = amount
        return grown
