"""What is new in the genealogies of a market's families since the last look: who was born, and who has died.

Agents of some families sit on seats, which are what has an account, and leave them to others. What the log's table `agents`
says is about accounts; the table `genealogy` is about the agents, by uid (see `marketic.genealogy`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.genealogy import ALIVE, LONG_DEAD, Genealogy
from marketic.words import Words

if TYPE_CHECKING:
    from marketic.market import Market


def genealogies(market: "Market", words: Words) -> Iterator[tuple[int, Genealogy, np.ndarray]]:
    """(right, genealogy, accounts int64 [n]: -1 for the dead) of every family in a market that offers one."""
    population, first = market.population, 0
    for right, part in enumerate(getattr(population, "populations", [population])):
        offered = getattr(part, "genealogy", None)
        if callable(offered):
            family: Genealogy = offered(words)
            seats = market.accounts[first : first + part.n_agents]
            there = family.agent >= 0
            yield right, family, np.where(there, seats[np.where(there, family.agent, 0)], -1)
        first += part.n_agents


class Kinship:
    """What a log has noted of each right's genealogy: the newest uid, and who was alive."""

    def __init__(self) -> None:
        self.newest: dict[int, int] = {}
        self.alive: dict[int, np.ndarray] = {}

    def news(self, market: "Market", words: Words | None) -> Iterator[dict[str, Any]]:
        """Rows of the log's table, as columns, for each family with births or deaths. words: None leaves programs out."""
        for right, family, account in genealogies(market, words or Words()):
            before = self.alive.get(right, np.zeros(0, dtype=np.int64))
            alive = family.uid[family.died == ALIVE]
            gone = np.setdiff1d(before, alive, assume_unique=True)
            new = family.uid > self.newest.get(right, -1)
            rows = np.flatnonzero(new | np.isin(family.uid, gone))
            forgotten = np.setdiff1d(gone, family.uid)
            self.alive[right], self.newest[right] = (
                alive,
                max(self.newest.get(right, -1), *family.uid[-1:].tolist(), -1),
            )
            if len(rows):
                yield {**_rows(family, rows, account, words is not None), "right": right}
            if len(forgotten):
                nobody = np.full(len(forgotten), -1)
                yield {"right": right, "uid": forgotten, "account": nobody, "parent": -1, "other_parent": -1, "born": -1,
                       "died": LONG_DEAD, "unit": family.unit, "program": ""}  # fmt: skip

    def restore(self, log: Any) -> None:
        """Take what a log says as noted."""
        self.__init__()  # type: ignore[misc]
        for batch in log.batches("genealogy", ["right", "uid", "died"]):
            right, uid, died = (batch.column(name).to_numpy() for name in ("right", "uid", "died"))
            for k in np.unique(right).tolist():
                mine, ended = uid[right == k], died[right == k] != ALIVE
                alive = np.union1d(self.alive.get(k, np.zeros(0, dtype=np.int64)), mine[~ended])
                self.alive[k] = np.setdiff1d(alive, mine[ended])
                self.newest[k] = max(self.newest.get(k, -1), int(mine.max()))


def _rows(family: Genealogy, rows: np.ndarray, account: np.ndarray, tell: bool) -> dict[str, Any]:
    """Some rows of a genealogy as columns of the table."""
    parents = family.parents[rows]
    program = np.array([_said(family, row) if tell else "" for row in rows.tolist()], dtype=object)
    return {"uid": family.uid[rows], "account": account[rows], "parent": parents[:, 0],
            "other_parent": parents[:, 1] if parents.shape[1] > 1 else -1, "born": family.born[rows],
            "died": family.died[rows], "unit": family.unit, "program": program}  # fmt: skip


def _said(family: Genealogy, row: int) -> str:
    """A program in words; an agent of the user's own that fails to describe itself does not stop training."""
    try:
        return family.program(row)
    except Exception:
        return ""
