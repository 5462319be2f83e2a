"""Who descends from whom: parents, birth, death and program of agents, in one shape for every family that has births.

A population may offer `genealogy(words) -> Genealogy`; event logs, trade graphs and their exports then tell its lineages. A
uid is an agent's own number, never used twice. It is not its number in the population, which is a seat that others take over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.errors import InputError

if TYPE_CHECKING:
    import networkx

ALIVE, LONG_DEAD = -1, -2
"""Deaths that are no time: has not died; has died, and nobody remembers when."""


@dataclass(frozen=True)
class Genealogy:
    """The agents that are remembered, one row each, in order of birth.

    uid:     int64 [n], growing.
    parents: int64 [n, P], P 1 or 2, uids of parents, all born before their child; -1: none. Lineages follow the first column.
    born, died: int64 [n], in `unit`; died ALIVE: it lives.
    agent:   int64 [n], its number in the population; -1: it has none, because it is dead.
    program: row -> what the agent does, in words.
    unit:    what births and deaths are counted in: "trades", "steps", "instances".

    Parents may be forgotten: their uids then have no row. Raises InputError for arrays that are no genealogy.
    """

    uid: np.ndarray
    parents: np.ndarray
    born: np.ndarray
    died: np.ndarray
    agent: np.ndarray
    program: Callable[[int], str]
    unit: str = "trades"

    def __post_init__(self) -> None:
        n, shape = len(self.uid), self.parents.shape
        same = all(column.shape == (n,) for column in (self.uid, self.born, self.died, self.agent))
        if not same or len(shape) != 2 or shape[0] != n or not 1 <= shape[1] <= 2:
            raise InputError(
                f"Genealogy: uid{self.uid.shape}, parents{shape}: wanted n rows each, with one or two parents"
            )
        if (np.diff(self.uid) <= 0).any() or (self.parents >= self.uid[:, None]).any():
            raise InputError("Genealogy: wanted growing uids, and parents with smaller uids than their children")

    def __len__(self) -> int:
        return len(self.uid)

    @property
    def parent(self) -> np.ndarray:
        """The first parent of each, int64 [n]; -1: none."""
        return self.parents[:, 0]

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {uid: row for row, uid in enumerate(self.uid.tolist())}

    def row(self, uid: int) -> int:
        """The row of an agent. Raises InputError for a uid that was never born or is forgotten."""
        if uid not in self._rows:
            raise InputError(f"no agent {uid} is remembered: the living and their ancestors are")
        return self._rows[uid]

    def remembers(self, uid: int) -> bool:
        """Whether an agent has a row."""
        return uid in self._rows

    def lineage(self, uid: int) -> list[int]:
        """An agent and its ancestors as far as they are remembered, youngest first. Raises InputError as `row` does."""
        line = [int(self.uid[self.row(uid)])]
        while (parent := int(self.parent[self._rows[line[-1]]])) in self._rows:
            line.append(parent)
        return line

    def tell(self, uid: int) -> list[str]:
        """The same in words, one line each."""
        return [self.describe(self._rows[ancestor]) for ancestor in self.lineage(uid)]

    def describe(self, row: int) -> str:
        """One agent in words: birth, end and program."""
        return f"{self.uid[row]} (born {self.born[row]}, {self.end(row)}): {self.program(row)}"

    def end(self, row: int) -> str:
        """How an agent's life stands, in words."""
        died = int(self.died[row])
        return {ALIVE: "alive", LONG_DEAD: "dead"}.get(died, f"died {died}")

    def graph(self) -> "networkx.DiGraph":
        """Everybody remembered, by uid (born, died, program), with an edge from each parent to its child."""
        import networkx

        found = networkx.DiGraph(unit=self.unit)
        for row, uid in enumerate(self.uid.tolist()):
            found.add_node(uid, born=int(self.born[row]), died=int(self.died[row]), program=self.program(row))
            found.add_edges_from((parent, uid) for parent in self.parents[row].tolist() if parent in self._rows)
        return found

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: lists by row, programs in words."""
        numbers = {name: getattr(self, name).tolist() for name in ("uid", "parents", "born", "died")}
        return {**numbers, "unit": self.unit, "program": [self.program(row) for row in range(len(self))]}
