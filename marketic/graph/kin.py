"""Kin of the agents in a trade graph: who their parents and ancestors are, and what those did, dead or alive.

A family's agents have uids, the nodes of a trade graph are accounts. An agent that lives is named after the account of its
seat; one that is dead, and whose seat others have taken, is called by its uid: "ancestor 17".
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.events.kinship import genealogies
from marketic.genealogy import ALIVE, LONG_DEAD, Genealogy
from marketic.graph.agent_facts import AgentFacts
from marketic.graph.trades import account_name
from marketic.words import NO_WORDS, Words

if TYPE_CHECKING:
    from marketic.market import Market

MOST_ANCESTORS = 10_000
"""Ancestors in a graph, at most, the youngest first: a graph stays readable, and its file small."""


@dataclass(frozen=True)
class Register:
    """A genealogy and the accounts of its agents, int64 [n], -1: none. right: which family's, if there are several."""

    family: Genealogy
    account: np.ndarray
    right: int | None = None

    def name(self, row: int) -> str:
        """What an agent is called in the graph."""
        if self.account[row] >= 0:
            return account_name(int(self.account[row]))
        return self._ancestor(int(self.family.uid[row]))

    def facts(self, row: int) -> AgentFacts:
        """What a genealogy knows of an agent."""
        family, died = self.family, int(self.family.died[row])
        parents = [self._parent(uid) for uid in family.parents[row].tolist() if uid >= 0]
        return AgentFacts(
            program=family.program(row), alive=died == ALIVE, uid=int(family.uid[row]), born=int(family.born[row]),
            died=None if died in (ALIVE, LONG_DEAD) else died, unit=family.unit, parents=tuple(parents),
        )  # fmt: skip

    def _parent(self, uid: int) -> str:
        if self.family.remembers(uid):
            return self.name(self.family.row(uid))
        return self._ancestor(uid)

    def _ancestor(self, uid: int) -> str:
        return f"ancestor {uid}" + (f" of right {self.right}" if self.right is not None else "")


def registers(market: "Market", words: Words = NO_WORDS) -> list[Register]:
    """What the families of a market remember now."""
    found = list(genealogies(market, words))
    return [Register(family, account, right if len(found) > 1 else None) for right, family, account in found]


def relatives(
    books: Iterable[Register], accounts: Iterable[int], most: int = MOST_ANCESTORS
) -> tuple[dict[int, AgentFacts], dict[str, AgentFacts]]:
    """Facts about the agents behind accounts and their ancestors, at most `most` of these: by account for all who have one,
    and by name for the others."""
    wanted = np.array(list(accounts), dtype=np.int64)
    known: dict[int, AgentFacts] = {}
    nameless: dict[str, AgentFacts] = {}
    for book in books:
        rows = np.flatnonzero(np.isin(book.account, wanted)).tolist()
        for row in [*rows, *_ancestors(book.family, rows, most)]:
            account = int(book.account[row])
            if account < 0:
                nameless[book.name(row)] = book.facts(row)
            else:
                known.setdefault(account, book.facts(row))
    return known, nameless


def _ancestors(family: Genealogy, rows: list[int], most: int) -> list[int]:
    """Rows of the ancestors of some agents, the youngest first."""
    found: list[int] = []
    seen = {-1, *family.uid[rows].tolist()}
    waiting = [-uid for uid in family.parents[rows].ravel().tolist()]
    heapq.heapify(waiting)
    while waiting and len(found) < most:
        uid = -heapq.heappop(waiting)  # the youngest: all its children were seen before it
        if uid not in seen and family.remembers(uid):
            found.append(family.row(uid))
            for parent in family.parents[found[-1]].tolist():
                heapq.heappush(waiting, -parent)
        seen.add(uid)
    return found


def registers_of(log: Any) -> list[Register]:
    """What an event log knows: the genealogies that families told it, and for all other agents who entered after whom."""
    found = []
    if "genealogy" in log.tables:
        names = ["right", "uid", "account", "parent", "other_parent", "born", "died", "unit", "program"]
        table = log.to_arrow("genealogy", names)
        right = table.column("right").to_numpy()
        rights = np.unique(right).tolist()
        for k in rights:
            found.append(_told(table.take(np.flatnonzero(right == k)), k if len(rights) > 1 else None))
    return [*found, *_entered(log, told=bool(found))]


def _told(table: Any, right: int | None) -> Register:
    """The genealogy of one right: the first row of an agent tells its birth, the last one its end."""
    column = {
        name: table.column(name).to_numpy() for name in ("uid", "account", "parent", "other_parent", "born", "died")
    }
    uid, first = np.unique(column["uid"], return_index=True)
    last = len(column["uid"]) - 1 - np.unique(column["uid"][::-1], return_index=True)[1]
    parents = np.stack([column["parent"][first], column["other_parent"][first]], axis=1).astype(np.int64)
    account = column["account"][last].astype(np.int64)
    program, unit = table.column("program"), table.column("unit")[0].as_py() if len(uid) else ""
    family = Genealogy(
        uid,
        parents,
        column["born"][first],
        column["died"][last],
        account,
        lambda row: program[int(first[row])].as_py(),
        unit,
    )
    return Register(family, account, right)


def _entered(log: Any, told: bool) -> list[Register]:
    """Agents that have accounts of their own: births are entries, counted in steps. told: founders have told of themselves."""
    if "agents" not in log.tables:
        return []
    rows = log.to_arrow("agents", ["step", "account", "event", "cause", "parent", "program"])
    step, account, parent = (rows.column(name).to_numpy().astype(np.int64) for name in ("step", "account", "parent"))
    event, cause = (np.array(rows.column(name).to_pylist(), dtype=object) for name in ("event", "cause"))
    entries = np.flatnonzero((event == "entry") & ((cause != "founder") | (not told)))
    uid, first = np.unique(account[entries], return_index=True)
    entries, died, words = entries[first], np.full(len(uid), ALIVE), np.full(len(uid), -1)
    for row in np.flatnonzero((event == "exit") & np.isin(account, uid)).tolist():
        place = np.searchsorted(uid, account[row])
        died[place], words[place] = step[row], row
    said = rows.column("program")
    family = Genealogy(
        uid, parent[entries][:, None], step[entries], died, uid,
        lambda row: said[int(words[row])].as_py() if words[row] >= 0 else "", "steps",
    )  # fmt: skip
    return [Register(family, uid)] if len(uid) else []
