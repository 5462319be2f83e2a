"""Auditing a log: is it the one that was written, does every transfer add up, and does it end where the market stands?

Without agents: the money is moved again (`replay`) from endowments and rewards to bankruptcies, in integers. At every
trade the parties must be those who owned and bought the right, and the balances it touches must give the check digits
that were logged; at every snapshot all balances must be equal, and add up to 0; at every checkpoint balances and flows
must be the ledger's. The parts' chain of digests must end in the link that the checkpoint holds.
"""

from pathlib import Path
from typing import Any

import numpy as np

from marketic.errors import CorruptFile, InputError
from marketic.events.audit_result import Audit
from marketic.events.evidence import checkpoints, difference, final_market, outside_trade, unsettled
from marketic.events.log import EventLog, log_folder
from marketic.events.manifest import AlteredLog, Manifest
from marketic.events.parts import altered
from marketic.events.replay import (
    FAULTS,
    FINE,
    NO_ROOM,
    NO_SUCH_RIGHT,
    Books,
    Trades,
)
from marketic.ledger import MEMOS

AGAIN = 3
"""Times that a log is audited again at most."""


def audit(run: str | Path) -> Audit:
    """Audit the log of a run. Raises InputError if there is none, or it holds no trades (level summary).

    A run that goes on, or is resumed, may write new parts and take old ones away while they are read. A log that seems not to
    be sound is therefore audited again if it has changed meanwhile.
    """
    found = _audited(run)
    for _ in range(AGAIN):
        if found.sound or _newest_link(Path(run)) == found.link:
            break
        found = _audited(run)
    return found


def _newest_link(run: Path) -> str:
    """The link of the log as it is now; "" if it cannot be read."""
    try:
        return Manifest.read(log_folder(run)).head
    except InputError:
        return ""


def _audited(run: str | Path) -> Audit:
    folder = log_folder(Path(run))
    try:
        log = EventLog(folder)
    except AlteredLog as error:
        return Audit(str(run), [str(error)])
    if log.manifest.header_altered:  # nothing can be replayed by terms that nobody vouches for
        return Audit(str(run), [str(log.manifest.broken())], link=log.manifest.head)
    if log.level == "summary" and "trades" in log.tables:
        return Audit(str(run), ["the manifest's header was altered: a summary holds no trades, and this log does"])
    if log.level == "summary":
        raise InputError(
            f"the event log in {folder} is a summary, without trades: train with --log trades to audit where money went"
        )
    try:
        auditor = _Auditor(log, Path(run))
    except AlteredLog as error:
        return Audit(str(run), [str(error)], link=log.manifest.head)
    return auditor.result()


class _Auditor:
    """One audit under way."""

    def __init__(self, log: EventLog, run: Path) -> None:
        self.log, self.books = log, Books.open(log.header)
        self.found = Audit(str(run), notes=list(log.notes), link=log.manifest.head)
        self.checkpoints = checkpoints(log.folder.parent, self.found.notes)
        self.snapshot = np.zeros(0, dtype=np.int64)
        self.gap = log.header["step"] > 0  # agents that left before the log began have numbers, but no entry
        room = 100_000 + 100 * log.members * len(log.header["weights"]) if log.level == "everything" else 0
        self.journal, self.moved = np.zeros((room, 5), dtype=np.int64), []  # type: np.ndarray, list[np.ndarray]

    def result(self) -> Audit:
        found, log = self.found, self.log
        broken = log.manifest.broken()
        if broken:
            found.problems.append(broken)
        for name, arrays in self.checkpoints.items():
            self._compare_link(name, arrays)
        try:
            for part in log.manifest.parts:
                wrong = [
                    w
                    for table, entry in part["tables"].items()
                    if (w := altered(log.folder, table, part["part"], entry))
                ]
                found.problems += [f"part {part['part']}: {words}" for words in wrong]
                if not self._part(part):
                    break
        except CorruptFile as error:
            found.problems.append(str(error))
        self._finish()
        return found

    def _part(self, part: dict[str, Any]) -> bool:
        """Replay a part, and compare it with its snapshot and checkpoints. Returns whether to go on."""
        self.moved = []
        problem = self._replay(part) or self._compare_transfers(part) or self._compare_snapshot(part)
        if problem is None:
            for name, arrays in self.checkpoints.items():
                if int(arrays["run/events"][0]) == part["part"] + 1:
                    problem = problem or self._compare_checkpoint(name, arrays)
                    self.found.checkpoints += problem is None
        if problem is not None:
            self.found.problems.append(problem)
        return problem is None

    def _replay(self, part: dict[str, Any]) -> str | None:
        trades = self._read(part, "trades")
        outside = self._read(part, "transfers")
        entries = self._read(part, "agents")
        problem = self._admit(part, entries)
        if problem is not None:
            return problem
        rows = None if trades is None else Trades(trades, self.log.members)
        first = self.found.trades
        if rows is not None and rows.first != first:
            return f"part {part['part']} starts with trade {rows.first} instead of {first}: trades are missing"
        if rows is not None and not rows.in_order:
            return (
                f"the trades of part {part['part']} are not numbered one by one: some are missing, or stand elsewhere"
            )
        moved = outside_trade(outside)
        at = 0
        for trade, memo, payer, payee, ticks in [*moved, (first + len(rows or ()), None, 0, 0, 0)]:
            stop = trade - first
            if not at <= stop <= len(rows or ()):
                return (
                    f"a transfer of part {part['part']} ({memo}) stands before trade {trade}, which is in another part"
                )
            problem = None if rows is None else self._trades(rows, at, stop)
            at = stop
            if problem is None and memo is not None:
                problem = self._transfer(trade, memo, payer, payee, ticks)
            if problem is not None:
                return problem
        self.found.trades += len(rows or ())
        self.rows = len(rows or ())
        return (
            None
            if part["trades"] == self.found.trades
            else (f"part {part['part']} ends with {self.found.trades} trades, but the manifest counts {part['trades']}")
        )

    def _trades(self, rows: Trades, start: int, stop: int) -> str | None:
        """Replay trades start to below stop; what is wrong with the first that does not add up."""
        for at, answer, moved in rows.replay(self.books, start, stop, self.journal):
            self.moved.append(moved)
            if answer not in (FINE, NO_ROOM):
                trade = {name: rows.table.column(name)[at].as_py() for name in rows.table.column_names}
                there = answer != NO_SUCH_RIGHT and self.books.place[trade["row"], 2]
                owner = int(self.books.owner[trade["row"], 0]) if there else 1
                self.found.trades += at
                words = FAULTS[answer].format(owner=owner, **trade)
                return f"trade {trade['trade']} (step {trade['step']}, row {trade['row']}) {words}"
        return None

    def _transfer(self, trade: int, memo: str, payer: int, payee: int, ticks: int) -> str | None:
        """Apply one transfer outside of trade."""
        accounts = len(self.books.balance)
        if memo not in MEMOS or not (0 <= payer < accounts and 0 <= payee < accounts):
            return f"the transfer before trade {trade} ({memo}, from {payer} to {payee}) has no such party or memo"
        self.books.transfer(memo, payer, payee, ticks)
        self.found.outside += 1
        if memo == "exit":
            self.books.closed[payer] = True
            if self.books.balance[payer] != 0:
                left = int(self.books.balance[payer])
                return f"account {payer} left before trade {trade} with {left} ticks on it: its exit did not settle it"
        return None

    def _admit(self, part: dict[str, Any], entries: Any) -> str | None:
        """Open the accounts that a part's entries name, and set out from the balances that the log began with."""
        opened, baseline = len(self.books.balance), self.log.header["baseline"]
        if entries is not None and len(entries):
            number = entries.column("account").to_numpy()
            if number.min() < 0 or not (self.gap or number.max() < opened + len(entries)):  # every account has an entry
                return f"the entries of part {part['part']} name account {number.max()}, but {opened} were open before"
            self.gap = self.gap and part["part"] == 0  # those who come after the first part have their numbers in a row
            self.books.enter(int(number.max()))
        if part["part"] == 0 and baseline:
            accounts = self._read(part, "accounts")
            if accounts is None or len(accounts) < baseline:
                return f"the log begins with {baseline} balances, which part 0 does not hold"
            number, balance = (accounts.column(name).to_numpy()[:baseline] for name in ("account", "balance"))
            if number.min() < 0 or number.max() >= len(self.books.balance):
                return f"the log begins with a balance of account {number.max()}, which was never opened"
            self.books.balance[number] = balance
        if part["part"] == 0:
            self.start = self.books.balance.copy()
        return None

    def _compare_transfers(self, part: dict[str, Any]) -> str | None:
        """At level everything, the replayed transfers must be those of the ledger's journal."""
        if not len(self.journal):
            return None
        moved = np.concatenate([np.zeros((0, 5), dtype=np.int64), *self.moved])
        moved[:, 4] += self.found.trades - self.rows
        return unsettled(moved, self._read(part, "transfers"))

    def _compare_snapshot(self, part: dict[str, Any]) -> str | None:
        table = self._read(part, "accounts")
        if self.books.balance.sum() != 0:
            return (
                f"after part {part['part']} all balances add up to {int(self.books.balance.sum())} ticks instead of 0"
            )
        if table is None:
            return None
        more = len(self.books.balance) - len(self.snapshot)
        self.snapshot = np.concatenate([self.snapshot, np.zeros(max(more, 0), dtype=np.int64)])
        if part["part"] == 0:  # a log may begin with the balances of a market that has traded before
            self.snapshot[: len(self.start)] = self.start
            table = table.slice(self.log.header["baseline"])
            if not len(table):
                return None
        number = table.column("account").to_numpy()
        if len(number) and not 0 <= number.min() <= number.max() < len(self.snapshot):
            return f"the snapshot of part {part['part']} names account {number.max()}, which was never opened"
        self.snapshot[number] = table.column("balance").to_numpy()
        self.found.snapshots += 1
        return difference(self.books.balance, self.snapshot, f"the snapshot of part {part['part']}")

    def _compare_checkpoint(self, name: str, arrays: dict[str, np.ndarray]) -> str | None:
        """Balances and flows of a checkpoint, or of the final market, must be those of the replay."""
        balance, flows = arrays["ledger/balance"], arrays["ledger/flows"]
        self.books.enter(len(balance) - 1)
        if len(balance) != len(self.books.balance):
            return f"{name} has {len(balance)} accounts, the log {len(self.books.balance)}"
        if (flows != self.books.flows).any():
            memo = int(np.flatnonzero(flows != self.books.flows)[0])
            return (
                f"{name} says that {int(flows[memo])} ticks moved as {MEMOS[memo]}, the replay says "
                f"{int(self.books.flows[memo])}"
            )
        return difference(self.books.balance, balance, name)

    def _compare_link(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """The checkpoint's link must be the one at its place in the chain."""
        parts, link = int(arrays["run/events"][0]), bytes(arrays["run/events_link"]).hex()
        there = self.log.manifest.parts
        if parts > len(there):
            self.found.problems.append(
                f"{name} counts {parts} parts of the log, but {len(there)} are there: the log was cut short"
            )
        elif parts and there[parts - 1].get("chain") != link:
            self.found.problems.append(
                f"{name} holds another link than part {parts - 1}: the log was altered after it was written"
            )

    def _finish(self) -> None:
        found, books, log = self.found, self.books, self.log
        final = None if found.problems else final_market(log.folder.parent, found.notes)
        problem = None if final is None else self._compare_checkpoint("final.market", final)
        found.problems += [] if problem is None else [problem]
        tick = log.tick
        found.flows = {memo: float(books.flows[k] * tick) for k, memo in enumerate(MEMOS)}
        found.world, found.house = float(books.balance[0] * tick), float(books.balance[1] * tick)
        found.agents = float(books.balance[2:].sum() * tick)
        parts = len(log.manifest.parts)
        last = max((int(arrays["run/events"][0]) for arrays in self.checkpoints.values()), default=0)
        if not self.checkpoints:
            found.notes.append("there is no checkpoint to compare the final balances with")
        elif last < parts:
            found.notes.append(
                f"{parts - last} parts are newer than the last checkpoint (the run was cut short there, or still "
                "runs): `marketic resume` will write them again"
            )

    def _read(self, part: dict[str, Any], table: str) -> Any:
        """A table of a part; None if it has no rows there."""
        if table not in part["tables"]:
            return None
        return self.log.read(table, part["part"])
