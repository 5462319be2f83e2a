"""Who is in the market at a step, by what its log says of entries, exits, and of seats that are taken and left.

A population with room to grow has accounts that nobody holds yet, and families with seats have empty ones: whoever counts
those as agents without wealth finds inequality that is not there.
"""

from typing import Any

import numpy as np

from marketic.events.kinship import genealogies
from marketic.events.snapshots import alive_agents
from marketic.genealogy import ALIVE
from marketic.market import Market
from marketic.words import NO_WORDS

NEVER = np.iinfo(np.int64).max


def present(market: Market) -> np.ndarray:
    """Which of a market's agents there are, bool [n_agents]: not those for whom there is only room, or an empty seat.

    Whoever has money or debts counts in any case.
    """
    population = market.population
    found = [np.arange(part.n_agents) < alive_agents(part) for part in getattr(population, "populations", [population])]
    there = np.concatenate(found)
    first = np.cumsum([0, *map(len, found)])
    for right, family, _ in genealogies(market, NO_WORDS):
        there[first[right] : first[right + 1]] = False
        there[first[right] + family.agent[family.agent >= 0]] = True
    return there | (market.wealth() != 0)


class Residents:
    """Accounts and when somebody came to hold them, for a log that may grow. Births are known from the next snapshot on.

    log: an `EventLog`; after it was started afresh, another object is needed.
    """

    def __init__(self, log: Any) -> None:
        self.log = log
        self._came, self._left = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._seats: dict[tuple[int, int], int] = {}  # (right, uid) -> account
        self._holder: dict[int, tuple[int, int]] = {}
        self._parts = 0

    @property
    def highest(self) -> int:
        """The highest account of which a part that is complete told; -1: none."""
        self._catch_up()
        return len(self._came) - 1

    def at(self, step: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Of accounts 0 .. size - 1, bool [size] each: whose agent is there after `step` steps, and whose has left."""
        self._catch_up()
        closed = len(self.log.manifest.parts)
        came, left, seats, holder = self._came, self._left, self._seats, self._holder
        if len(self.log.parts) > closed:  # what waits may be other rows next time
            self._came, self._left, self._seats, self._holder = came.copy(), left.copy(), dict(seats), dict(holder)
            self._take(closed)
        self._room(size)
        here, gone = self._came[:size] <= step, self._left[:size] <= step
        self._came, self._left, self._seats, self._holder = came, left, seats, holder
        return here & ~gone, gone

    def _catch_up(self) -> None:
        """Read the parts that are complete and new."""
        while self._parts < len(self.log.manifest.parts):
            self._take(self._parts)
            self._parts += 1

    def _take(self, number: int) -> None:
        """Read what a part says."""
        tables = self.log.parts[number]["tables"]
        if "agents" in tables:
            self._enter(self.log.read("agents", number, ["step", "account", "event", "cause"]))
        if "genealogy" in tables:
            rows = self.log.read("genealogy", number, ["step", "right", "uid", "account", "died"])
            self._sit(*(rows.column(name).to_pylist() for name in ("step", "right", "uid", "account", "died")))

    def _enter(self, rows: Any) -> None:
        step, account = (rows.column(name).to_numpy().astype(np.int64) for name in ("step", "account"))
        event, cause = (np.array(rows.column(name).to_pylist(), dtype=object) for name in ("event", "cause"))
        self._room(int(account.max(initial=-1)) + 1)
        seat = (cause == "founder") & ("genealogy" in self.log.tables)  # the seats were there, but nobody on them
        came = (event == "entry") & ~seat
        self._came[account[came]] = step[came]
        self._left[account[event == "exit"]] = step[event == "exit"]

    def _sit(self, step: list[int], right: list[int], uid: list[int], account: list[int], died: list[int]) -> None:
        """Births first: in one snapshot, an agent may take the seat of one that died."""
        self._room(max(account, default=-1) + 1)
        rows = list(zip(step, right, uid, account, died, strict=True))
        for now, k, number, seat, _ in rows:
            if seat >= 0:
                self._seats[k, number], self._holder[seat] = seat, (k, number)
                self._came[seat], self._left[seat] = min(self._came[seat], now), NEVER
        for now, k, number, _, end in rows:
            seat = self._seats.get((k, number), -1)
            if end != ALIVE and self._holder.get(seat) == (k, number):
                self._left[seat] = now

    def _room(self, size: int) -> None:
        more = np.full(max(size - len(self._came), 0), NEVER)
        self._came, self._left = np.concatenate([self._came, more]), np.concatenate([self._left, more])
