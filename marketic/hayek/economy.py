"""The Hayek machine: an economy of programs that earn the prize of an instance together (Baum 1999; Baum and Durdanovic 2000).

Programs are random at first. An instance is a chain of auctions (`marketic.hayek.instance`); between instances the treasury
collects taxes, buries the poor and the idle, and endows newborn programs (`marketic.hayek.lifecycle`). What a program pays
for the state it buys is its estimate of what the state it leaves behind will fetch; those whose estimate is too high go
bankrupt, those whose work is worth more than they pay get rich and have children. Nobody is told who did well.
"""

from typing import Any

import numpy as np

from marketic.array_table import ArrayTable
from marketic.errors import InputError
from marketic.hayek.books import (
    AUCTIONS,
    BORN,
    DEATH,
    EMPTY,
    INSTANCES,
    LEVEL,
    LOG,
    PRICED,
    PRIZE,
    PRIZES,
    STEPS,
    SUCCESS,
    TREASURY,
    Books,
    open_books,
)  # fmt: skip
from marketic.hayek.doors import check_agents, check_economy, check_table, part
from marketic.hayek.genealogy import EconomyGenealogy
from marketic.hayek.instance import list_agents
from marketic.hayek.interface import CODE, Species
from marketic.hayek.lifecycle import live
from marketic.hayek.parts import entry_address, parent_address
from marketic.hayek.rules import Auction, Births, Curriculum, Exits, Novices, Taxes, flatten
from marketic.hayek.snapshot import Snapshot
from marketic.hayek.trials import Outcomes, try_out
from marketic.numbers import MOST_ENTRIES, check_room, whole


class Economy:
    """An episodic economy of one species.

    species: how programs are written, bred and run, and in what world (see `marketic.hayek.interface`).
    auction, novices, taxes, births, exits, curriculum: its rules (see `marketic.hayek.rules`).
    slots:   the most agents at a time, >= 1. seed: int >= 0; the same seed, the same economy to the bit.
    agents:  agents to begin with (they have prices); None: nobody, all begins with random programs.
    largest: instances of up to this many units, prefix included, will be played or tried; at least twice the curriculum's
             largest, which is the default.

    Raises InputError for bad settings.
    """

    def __init__(
        self,
        species: Species,
        *,
        auction: Auction | None = None,
        novices: Novices | None = None,
        taxes: Taxes | None = None,
        births: Births | None = None,
        exits: Exits | None = None,
        curriculum: Curriculum | None = None,
        slots: int = 300,
        seed: int = 0,
        agents: Snapshot | None = None,
        largest: int | None = None,
    ) -> None:
        check_economy(species, slots, seed)
        novices, self.births = part("novices", novices, Novices), part("births", births, Births)
        self.curriculum = part("curriculum", curriculum, Curriculum)
        self.rules = flatten(
            part("auction", auction, Auction), novices, part("taxes", taxes, Taxes), self.births,
            part("exits", exits, Exits), self.curriculum,
        )  # fmt: skip
        if agents is not None:
            check_agents(agents, slots, species)
        self.species, self.slots, self.seed = species, int(slots), int(seed)
        if self.births.rate == 0.0 and (agents is None or len(agents) == 0):
            raise InputError(
                "Economy(births=Births(rate=0.0)): an empty population stays empty; give agents= or a rate above 0"
            )
        least = 2 * self.curriculum.largest
        self.largest = max(whole("largest", least if largest is None else largest, 1, MOST_ENTRIES), least)
        parts = [entry_address(novices.entry), parent_address(self.births.parent)]
        self.address = np.append(species.functions.addresses(), np.array(parts, dtype=np.int64))
        self.table: ArrayTable = species.table(self.slots, self.largest, self.seed)
        check_table(self.table.arrays, self.slots, species.code_length)
        self.books: Books = open_books(self.slots, 4 * self.slots, species.code_length)
        self.books.signal[LEVEL] = self.curriculum.smallest
        self.books.signal[SUCCESS] = 0.6
        self.immigrants: dict[int, tuple[int, int]] = {}  # uid: island and uid there
        if agents is not None:
            self.settle(agents)

    @property
    def code(self) -> np.ndarray:
        """Every slot's program, int64 [slots, L]."""
        code: np.ndarray = self.table.arrays[CODE]
        return code

    @property
    def level(self) -> float:
        """The size of instances that the curriculum has reached."""
        return float(self.books.signal[LEVEL])

    @property
    def treasury(self) -> int:
        """Ticks; negative while it has lent more than it took in."""
        return int(self.books.account[TREASURY])

    @property
    def prizes(self) -> int:
        """Ticks that the world has paid so far: always wealth + treasury."""
        return int(self.books.account[PRIZES])

    @property
    def instances(self) -> int:
        """Instances played so far."""
        return int(self.books.account[INSTANCES])

    @property
    def auctions(self) -> int:
        """Rights sold so far."""
        return int(self.books.account[AUCTIONS])

    @property
    def steps(self) -> int:
        """Primitive steps made so far."""
        return int(self.books.account[STEPS])

    def settle(self, agents: Snapshot) -> None:
        """Put agents with prices into the slots, with wealth from the treasury. Raises InputError if they do not fit."""
        check_agents(agents, self.slots, self.species)
        n, books = len(agents), self.books
        if (books.status != EMPTY).any():
            raise InputError("settle: there are agents already; settle them before anything is played")
        self._make_room(n)
        self.code[:n] = agents.code
        books.status[:n], books.wealth[:n], books.uid[:n] = PRICED, agents.wealth, np.arange(n)
        books.slope[:n], books.offset[:n], books.parent[:n], books.parent_slot[:n] = agents.slope, agents.offset, -1, -1
        books.log[:n] = (-1, 0, -1, 0)
        books.code_log[:n] = agents.code
        books.account[BORN] = n
        books.account[TREASURY] -= int(books.wealth[:n].sum())

    def admit(self, agents: Snapshot, *, island: int) -> list[int]:
        """Newcomers from another island, with the prices that they had there and an endowment from the treasury; if there is no
        room the poorest leave. island: where they come from. Returns their new uids.

        Raises InputError if they do not fit.
        """
        check_agents(agents, self.slots, self.species)
        island = whole("admit: island", island, 0)
        n, books, now = len(agents), self.books, self.instances
        self._make_room(n)
        order = np.lexsort((np.arange(self.slots), books.wealth, books.status != EMPTY))[:n]
        endowment, born = int(self.births.endowment * PRIZE), int(books.account[BORN])
        gone, uids = order[books.status[order] != EMPTY], np.arange(born, born + n)
        self.books.log[books.uid[gone], DEATH] = now
        books.account[TREASURY] += int(books.wealth[order].sum()) - n * endowment
        self.code[order], books.slope[order], books.offset[order] = agents.code, agents.slope, agents.offset
        books.wealth[order], books.status[order], books.uid[order], books.last_win[order] = endowment, PRICED, uids, now
        books.parent[order], books.parent_slot[order] = -1, -1
        self.books.log[uids], self.books.code_log[uids] = (-1, now, -1, 0), agents.code
        books.account[BORN] += n
        self.immigrants.update(zip(uids.tolist(), ((island, uid) for uid in agents.uid.tolist()), strict=True))
        return [int(uid) for uid in uids]

    def run(self, instances: int) -> "Economy":
        """Play this many more instances, >= 0, learning from each; returns the economy itself.

        Raises InputError if the species breaks its word (money gone, an instance that does not open).
        """
        if isinstance(instances, bool) or not isinstance(instances, int | np.integer) or instances < 0:
            raise InputError(f"run(instances={instances!r}): wanted a whole number >= 0")
        self._make_room(int(instances))
        list_agents(self.books)
        fault = live(self.table.rows, self.address, self.books, self.rules, int(instances))
        if fault:
            raise InputError(
                f"instance {self.instances}: " + ("money is missing: the species wrote to books that are not its own"
                if fault == 1 else f"begin did not open one of size up to {int(self.level)}: wanted 0 back")
            )  # fmt: skip
        return self

    def snapshot(self) -> Snapshot:
        """The agents that have a price and are not below their endowment: those that a frozen market consists of."""
        books = self.books
        kept = (books.status == PRICED) & (books.wealth >= int(self.births.endowment * PRIZE))
        parts = (self.code, books.slope, books.offset, books.wealth, books.uid, books.parent)
        return Snapshot(*(part[kept].copy() for part in parts))

    def genealogy(self) -> EconomyGenealogy:
        """Everybody born so far: who descends from whom, and what it does in words."""
        return EconomyGenealogy.of(self)

    def evaluate(self, size: int, count: int, *, seed: int, agents: Snapshot | None = None, **options: Any) -> Outcomes:
        """Let agents (default: `snapshot()`) play `count` instances without learning; see `marketic.hayek.trials.try_out`."""
        return try_out(
            self.species,
            self.snapshot() if agents is None else agents,
            size,
            count,
            seed=seed,
            rules=self.rules,
            **options,
        )

    def _make_room(self, births: int) -> None:
        """Room in the log for this many births; grows by half at least."""
        born, room = int(self.books.account[BORN]), len(self.books.log)
        width = max(LOG, self.species.code_length)
        check_room((born + births) * width, f"a record of {born + births:,} births", "play fewer instances")
        if born + births > room:
            more = max(born + births - room, room // 2)
            log = np.concatenate([self.books.log, np.zeros((more, LOG), dtype=np.int64)])
            code = np.concatenate([self.books.code_log, np.zeros((more, self.species.code_length), dtype=np.int64)])
            self.books = self.books._replace(log=log, code_log=code)
