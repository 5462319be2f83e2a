"""Writing the log: what the tape, the ledger and the episodes bring in becomes parts, at set points of training.

A part is cut when 65,536 trades wait, at every snapshot, and at every checkpoint of a run; so the parts of a run that
was killed and resumed are those of a run that was not. A crash loses what waits for its part, and the reader says so.
What waits is shown every few seconds in between (`waiting`), beside the parts.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.bids import Bids
from marketic.events import tape as tapes
from marketic.events.header import header, require
from marketic.events.kinship import Kinship
from marketic.events.last_words import last_words
from marketic.events.log import EventLog
from marketic.events.manifest import Manifest
from marketic.events.outbox import Outbox
from marketic.events.parts import drop_parts, sync
from marketic.events.pending import Pending, TradeRows
from marketic.events.schema import LEVELS, SNAPSHOT_EVERY
from marketic.events.snapshots import Snapshots
from marketic.events.transcript import Transcript
from marketic.events.waiting import Live, forget_waiting, write_waiting
from marketic.vocabulary.words_of import words_of

if TYPE_CHECKING:
    from marketic.market import Market

PART_ROWS = 65_536
"""Trades in a full part."""
TAPE_ROWS, COMPILED_TAPE_ROWS = 512, 16_384
"""Rows of the tape, about: few, to stay in the processor's cache between two Python steps; more in a compiled loop."""


class EventWriter:
    """The log of one market, in a folder; `Market.log` holds it.

    level: "summary", "trades" or "everything" (see `marketic.events.schema.LEVELS`).
    snapshot_every: steps between two snapshots, >= 1.   part_rows: trades in a full part, >= 1.

    Raises InputError for another level, or a market whose `everything` cannot be seen (a compiled loop).
    """

    def __init__(
        self,
        folder: Path,
        market: "Market",
        level: str = "trades",
        *,
        snapshot_every: int = SNAPSHOT_EVERY,
        part_rows: int = PART_ROWS,
    ) -> None:
        require(market, level, snapshot_every, part_rows)
        self.folder, self.market, self.level = folder, market, level
        self.snapshot_every, self.part_rows = snapshot_every, part_rows
        self.state = np.zeros(tapes.HEAD + market.world.rows, dtype=np.int64)
        self.state[tapes.LEVEL], self.state[tapes.RIGHTS] = LEVELS.index(level), market.rights
        self._rows = TradeRows(self.state, 1, 0)
        self.manifest: Manifest | None = None
        self.trades = 0  # in parts, written or in the outbox
        self.snapshots, self.kinship = Snapshots(market), Kinship()
        self.transcript = Transcript(market) if level == "everything" else None
        self._pending = Pending()
        self._flows_before = market.ledger.flows.tolist()
        self._ended_episode, self._ended_at = 0, 0
        self.ends_at = -1  # the step after which training breaks off anyway
        self.look_at = self._regular_at = 0
        self.live = Live()
        self._due = self._next_snapshot()
        self.outbox = Outbox()
        market.ledger.watcher = self

    # What training calls

    def begin(self) -> None:
        """Training starts or goes on, with fresh episodes."""
        step = self.market.num_timesteps
        self.state[tapes.STEP], self._ended_at = step, step
        self._ended_episode = int(self.state[tapes.EPISODES])
        if self.waiting >= self.part_rows:
            self.flush()
        self.look_at = self._regular_at = step

    def open(self, members: int) -> tuple[np.ndarray, np.ndarray]:
        """State and tape for a settlement with K = `members` per buyer; starts the log if there is none yet."""
        if self.manifest is None:
            self._start(members)
        if self.level != "summary" and not self._rows.fits(members):
            self._rows = TradeRows(self.state, members, min(self.part_rows, PART_ROWS) + COMPILED_TAPE_ROWS)
        return self.make_room()

    def make_room(self) -> tuple[np.ndarray, np.ndarray]:
        """State and tape, long enough for what happens before `tick` is called."""
        if self.level != "summary":
            bidders = self.market.population.n_bidders
            self._per_step = (bidders + 1) * self.market.rights  # at worst all losers pay, and the episode ends
            usual = min(TAPE_ROWS if self.market.dynamics is None else COMPILED_TAPE_ROWS, self.part_rows)
            self._rows.lengthen(max(usual, 4 * self.market.world.rows * self._per_step))
            self.look_at = self._regular_at = self.market.num_timesteps
        return self.state, self._rows.tape

    @property
    def waiting(self) -> int:
        """Trades that wait for their part."""
        return len(self._rows)

    @property
    def leg(self) -> int:
        """Environment steps, >= 1, that a compiled loop may make before it calls `tick`."""
        return max(1, self.look_at - self.market.num_timesteps)

    @property
    def _steps_left(self) -> int:
        """Environment steps, >= 1, for which there is room, and no snapshot is due."""
        due = max(self._due - self.market.num_timesteps, 1)
        if self.level == "summary":
            return due
        return min(due, self._rows.room // self._per_step - self.market.world.rows + 1)

    def tick(self) -> None:
        """Write a part if it is time. Call this when `look_at` steps are made: after a round, or a leg of a compiled loop."""
        if (step := self.market.num_timesteps) < self.look_at:
            return
        if step >= self._regular_at:
            self._tick(step)
        self.look_at = self._regular_at
        if self.level != "summary":
            if self.live.due(step):
                self.show()
            self.look_at = min(self._regular_at, step + self.live.stride)

    def _tick(self, step: int) -> None:
        """Write a part if the steps made and the rows that wait, but not the clock, say so."""
        self._rows.take()
        if step >= self._due and step != self.ends_at:
            self.cut()
        elif self.waiting >= self.part_rows:
            self.flush()
        if self.transcript is None:
            self._regular_at = step + self._steps_left
        else:
            self.transcript.mark(self.trades + self.waiting, step)

    def end_episode(self, copy: int, episode_return: float, length: int) -> None:
        """An episode ended in a copy of the environment."""
        if self.market.world.rows == 1:  # a compiled loop tells of several at once: they came one after the other
            episode, self._ended_at = self._ended_episode, self._ended_at + length
            self._ended_episode, step = episode + 1, self._ended_at
        else:
            episode, step = int(self.state[tapes.HEAD + copy]), self.market.num_timesteps
        self._pending.episodes.append((episode, step, copy, episode_return, length))

    def note_bids(self, bids: Bids, first: int) -> None:
        """The bids of a round before which `first` trades waited; kept at level everything."""
        if self.transcript is not None:
            settled = self._rows.tape[first - self._rows.rows : self.state[tapes.CURSOR]]
            self.transcript.note_bids(bids, settled, self.trades + first)

    def pausing(self, pauses: bool) -> None:
        """While `pauses`, ends of chains are clean breaks of training, and not time limits."""
        self.state[tapes.CUT] = pauses

    # What the ledger calls

    def opened(self, accounts: np.ndarray) -> None:
        """Accounts were opened: agents entered."""
        self._note("agents", account=accounts, event="entry", cause="entrant", parent=-1)

    def transferred(self, memo: str, payers: np.ndarray, payees: np.ndarray, ticks: np.ndarray) -> None:
        """Money moved outside of trade; ticks int64 [k]."""
        if self.transcript is not None:  # the journal has it
            self.transcript.note_outside(len(ticks), self.trades + self.waiting)
        else:
            moved = ticks != 0
            parties = {"payer": payers[moved], "payee": payees[moved], "ticks": ticks[moved]}
            self._note("transfers", memo=memo, **parties, settled=False)
        if memo == "exit":
            words = "" if self.level == "summary" else last_words(self.market, payers)
            self._note("agents", account=payers, event="exit", cause="bankrupt", parent=-1, program=words)

    def cut(self) -> None:
        """Write all that happened so far, with a snapshot."""
        if self.manifest is not None:
            self._snapshot()
        self._due = self._next_snapshot()
        self.flush()

    def save(self, last: bool) -> None:
        """Before a checkpoint: everything is written and on the disk. last: training is over."""
        if last or self.market.num_timesteps >= self._due:
            self.cut()
        self.flush()
        if self.manifest is not None:
            sync([*self.outbox.unsynced, self.manifest.path])
            forget_waiting(self.folder)
        self.outbox.unsynced = []

    def _next_snapshot(self) -> int:
        return (self.market.num_timesteps // self.snapshot_every + 1) * self.snapshot_every

    def flush(self) -> None:
        """Write what waits as a part; one that failed before goes first."""
        if self.manifest is None:  # nothing was ever sold
            return
        self.live.wrote()
        self.outbox.deliver(self.manifest)
        self._rows.take()
        trades, tick = self.waiting, self.market.ledger.tick
        if trades and not self.snapshots.prices:
            account, bid, count = self._rows.last_bids()
            self._note("prices", account=account, price=bid * tick, trades=self.snapshots.count(account, count))
        tables = self._tables()
        self._pending.clear()
        if self.transcript is not None:
            self.transcript.forget(self.trades + trades)
        if not tables:
            return
        self.trades += trades
        self._rows.clear()
        self.outbox.send(self.manifest, self.market.num_timesteps, self.trades, tables)

    def show(self) -> None:
        """Let readers see what waits, as the log's open part; the log itself does not change."""
        self.live.wrote()
        if self.manifest is not None and not self.outbox.full and (tables := self._tables()):
            now = self.market.num_timesteps, self.trades + self.waiting
            write_waiting(self.folder, self.manifest.head, *now, tables, self.manifest.version)

    def _tables(self) -> dict[str, dict[str, Any]]:
        """Tables that have rows which wait, as columns."""
        tables = self._pending.columns()
        if self.transcript is not None:
            tables |= self.transcript.columns(self.trades + self.waiting, self.market.num_timesteps)
        self._rows.take()
        if self.waiting:
            tables["trades"] = self._rows.columns(self.trades)
        return {name: columns for name, columns in tables.items() if len(next(iter(columns.values())))}

    def _note(self, table: str, **columns: Any) -> None:
        """Keep rows for the next part; trade and step are those of now."""
        self._pending.note(table, {"trade": self.trades + self.waiting, "step": self.market.num_timesteps, **columns})

    def _snapshot(self) -> None:
        self._note("accounts", **self.snapshots.accounts())
        own = self.snapshots.own()
        sales, surprise = self.snapshots.learned()
        moved, mean = 0, np.nan
        if own is not None:
            change = (change := own.pop("change"))[np.isfinite(change) & (change > 0)]
            moved, mean = len(change), float(change.mean()) if len(change) else np.nan
            self._note("prices", **own)
        if sales or moved:
            self._note("updates", sales=sales, surprise=surprise, agents_changed=moved, price_change=mean)
        for account, parent in self.snapshots.newborn():
            self._note("agents", account=np.array([account]), event="entry", cause="born", parent=parent)
        for columns in self.kinship.news(self.market, None if self.level == "summary" else words_of(self.market)):
            self._note("genealogy", **columns)

    # Starting, saving, resuming

    def _start(self, members: int) -> None:
        """Begin a new log: header, and the market as it stands."""
        baseline = np.flatnonzero(self.snapshots.balance)
        self._note("accounts", account=baseline, balance=self.snapshots.balance[baseline])
        founders = np.array(self.market.accounts[: self.snapshots.known])
        self._note("agents", account=founders, event="entry", cause="founder", parent=-1)
        about = header(self.market, self.level, members, self.snapshot_every, self._flows_before, len(baseline))
        self.manifest = Manifest.create(self.folder, about)

    def state_dict(self) -> dict[str, np.ndarray]:
        """What a checkpoint must hold so that the log can go on behind it: parts, trades, episodes, and the newest link."""
        parts = 0 if self.manifest is None else len(self.manifest.parts)
        head = "" if self.manifest is None else self.manifest.head
        counters = np.array([parts, self.trades, self.state[tapes.EPISODES], self.snapshots.known])
        link = np.frombuffer(bytes.fromhex(head), dtype=np.uint8)
        return {"run/events": counters, "run/events_link": link, "run/events_surprise": self.snapshots.surprise.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a checkpoint: parts written after it are forgotten. Without its arrays: start again."""
        parts, trades, episodes, known = (int(n) for n in state.get("run/events", np.zeros(4)))
        if parts:
            self.manifest = Manifest.go_back(self.folder, parts, bytes(state["run/events_link"]).hex())
            self.snapshot_every = int(self.manifest.header["snapshot_every"])
        drop_parts(self.folder, parts)
        forget_waiting(self.folder)
        self.trades, self.state[tapes.EPISODES] = trades, episodes
        self._pending.clear()
        self._rows.clear()
        self.outbox.clear()
        if self.transcript is not None:
            self.transcript.go_on(trades)
        self._due = self._next_snapshot()
        if parts and self.manifest is not None:
            self.snapshots.restore(EventLog(self.folder), known, state["run/events_surprise"])
            self.kinship.restore(EventLog(self.folder))
        else:
            self.manifest, self.kinship = None, Kinship()
