"""Level `everything`: every single transfer (the ledger's journal) and every bid, in plain rounds."""

from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.bids import Bids
from marketic.events import tape as tapes
from marketic.ledger import MEMOS

if TYPE_CHECKING:
    from marketic.market import Market


class Transcript:
    """Collects a market's journal and bids. Turns the journal on, which makes training go step by step."""

    def __init__(self, market: "Market") -> None:
        self.ledger, self.tick = market.ledger, market.ledger.tick
        self._ours = not self.ledger.journal
        self.ledger.keep_journal()
        self._seen = self.ledger.journal_length
        self._marks: list[tuple[int, int, int]] = []
        self._trade = 0
        self._outside: list[tuple[int, int]] = []
        self._bids: list[dict[str, np.ndarray]] = []

    def go_on(self, trade: int) -> None:
        """Start again before a trade: nothing is waiting."""
        self._seen, self._trade = self.ledger.journal_length, trade
        self._marks, self._bids, self._outside = [], [], []

    def mark(self, trade: int, step: int) -> None:
        """Transfers until now belong to the trades before number `trade`."""
        self._marks.append((self.ledger.journal_length, self._trade, step))
        self._trade = trade

    def note_outside(self, count: int, trade: int) -> None:
        """The last `count` transfers belong to no trade; they happened before number `trade`."""
        length = self.ledger.journal_length
        self._outside += [(place, trade) for place in range(length - count, length)]

    def note_bids(self, bids: Bids, settled: np.ndarray, first: int) -> None:
        """Bids of one round. settled: its trades, as rows of the tape; first: the number of the first one."""
        sales = np.flatnonzero(settled[:, tapes.AT_KIND] == tapes.SALE)
        trade = np.full(len(bids.value), -1)  # of each row; -1: nothing was sold
        trade[settled[sales, tapes.AT_ROW]] = first + sales
        row, bidder = np.nonzero(bids.active & (trade >= 0)[:, None])
        ticks = np.rint(bids.value[row, bidder] / self.tick).astype(np.int64)
        self._bids.append({"trade": trade[row], "row": row, "bidder": bidder, "ticks": ticks})

    def forget(self, trade: int) -> None:
        """All before number `trade` is written."""
        if self._ours:  # a journal that the user asked for stays whole
            self.ledger.forget_journal()
        self._seen, self._marks, self._bids, self._outside = self.ledger.journal_length, [], [], []
        self._trade = trade

    def columns(self, trade: int, step: int) -> dict[str, dict[str, Any]]:
        """Transfers and bids that wait, as columns of the tables `transfers` and `bids`.

        trade, step: the next trade's number, and environment steps made.
        """
        ends, trades, steps = np.array([*self._marks, (self.ledger.journal_length, self._trade, step)]).T
        rows = self.ledger.journal_rows[self._seen :]
        place = np.searchsorted(ends, np.arange(self._seen, self._seen + len(rows)), side="right")
        settled = np.ones(len(rows), dtype=bool)
        number = trades[place]
        for at, before in self._outside:
            settled[at - self._seen], number[at - self._seen] = False, before
        moved = rows[:, 3] != 0
        rows, place, settled = rows[moved], place[moved], settled[moved]
        names = np.array(MEMOS, dtype=object)[rows[:, 0]]
        transfers = {"trade": number[moved], "step": steps[place], "memo": names}
        transfers |= {"payer": rows[:, 1], "payee": rows[:, 2], "ticks": rows[:, 3], "settled": settled}
        tables = {"transfers": transfers}
        if self._bids:
            tables["bids"] = {name: np.concatenate([part[name] for part in self._bids]) for name in self._bids[0]}
        return tables
