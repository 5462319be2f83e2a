"""Guarded programs for any task: evolved agents that ask about the observation, act, and may go on until a literal holds.

A program is a guard (literals, all of which must hold), an action, and perhaps a literal that ends its repetition: "pole
angle > 0 and pole speed > 0: push right until pole angle < 0". Programs that match and want the same action bid as one
syndicate and learn together (`marketic.agents.program_prices`). Where few programs speak for an action, one is written whose
guard holds there and nearby (covering, Wilson 1995); those who just traded have children, who enter epsilon above the winner.
Places are taken from those who add least to the bids that they share in (generate and test: Mahmood and Sutton 2013). All of
that can be swapped part by part (`marketic.agents.program_breeding`); who descends from whom is remembered.

For whole episodes with one prize, and programs that find each other, `marketic.hayek` is the economy to use.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from marketic.agents.birth_table import CODE, genealogy_of, note_birth, note_death, open_births
from marketic.agents.program_breeding import Breeding
from marketic.agents.program_licence import Licence
from marketic.agents.program_literals import Literals, literal_holds
from marketic.agents.program_options import ProgramOptions
from marketic.agents.program_prices import TRIAL, form_syndicates, settle, trade_on_paper
from marketic.agents.program_saved import check_saved
from marketic.agents.program_words import clauses, move_until, told
from marketic.agents.program_writing import twin_key
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.genealogy import Genealogy
from marketic.goods import Goods
from marketic.numbers import all_amounts, check_observations
from marketic.population import Receipt
from marketic.words import NO_WORDS, Words, rule

LONGEST_TAPE = 1000
"""Trades of an episode that are remembered; after as many it is settled on paper as if it had been cut short."""
PRIZE_RATE = 0.001
"""How fast the average worth of a right follows."""
Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Syndicates: members int64 [B, A, K], value float64 [B, A], how many members int64 [B, A]."""


class Programs:
    """A population of programs that evolves while it trades.

    literals: what guards can say. actions: how many there are, >= 1. options: see `ProgramOptions`; breeding: see `Breeding`.
    While a repetition runs, its syndicate is the only bidder: it buys the right from itself. Greedy play has no repetitions:
    who values a state most acts. Raises InputError for numbers out of range.
    """

    option_names = tuple(ProgramOptions.__dataclass_fields__)

    def __init__(
        self, literals: Literals, actions: int, *, breeding: Breeding | None = None, rng: np.random.Generator, **options: Any
    ) -> None:  # fmt: skip
        self.options = chosen = ProgramOptions(**options)
        if isinstance(actions, bool) or actions < 1 or chosen.slots < 2 * actions:
            raise InputError(f"Programs(actions={actions}, slots={chosen.slots}): wanted >= 1, and twice as many slots")
        if not isinstance(breeding, Breeding | None):
            raise InputError(f"Programs(breeding={breeding!r}): wanted a marketic.agents.program_breeding.Breeding")
        self.literals, self.rng, self.n_agents, self.n_bidders = literals, rng, chosen.slots, int(actions)
        self.breeding = breeding or Breeding()
        slots, guards = chosen.slots, chosen.guards
        self._flat = (literals.left, literals.comparison, literals.right, literals.constant)
        whole = lambda value: np.full(slots, value, dtype=np.int64)  # noqa: E731
        self.guard = np.full((slots, guards), -1, dtype=np.int64)
        self.action, self.until, self.uid, self.parent = whole(0), whole(-1), whole(-1), whole(-1)
        self.live, self.born, self.trades, self.last_win = np.zeros(slots, dtype=bool), whole(0), whole(0), whole(0)
        self.price, self.average, self.merit = np.zeros(slots), np.zeros(slots), np.zeros(slots)
        self.counters = np.zeros(2, dtype=np.int64)  # trades, births
        self.prize = np.zeros(1)  # what a right is worth on average, in absolute value
        self.licence = Licence(chosen.licence, slots, guards)
        self.kin = open_births(slots, guards + 2)
        self._hope = np.array([chosen.few if chosen.hopeful else 0.0, chosen.initial_bid])
        self._known: set[bytes] = set()
        self.start(1)
        for slot in range(actions):  # one program for each action, everywhere: nobody is ever without a bid
            self._enrol(slot, np.full(guards, -1), slot, -1, chosen.initial_bid + 1e-6 * rng.random())

    @classmethod
    def for_spaces(
        cls, goods: Goods, actions: int, *, rng: np.random.Generator, literals: Literals | None = None,
        low: Sequence[float] | None = None, high: Sequence[float] | None = None, **options: Any,
    ) -> "Programs":  # fmt: skip
        """Programs about a task's observation, with literals derived from its goods unless `literals` are given.

        low, high: float [D], where the constants of real components lie; default: the space's bounds, or around 0."""
        literals = Literals.derive(goods, low, high) if literals is None else literals
        if not isinstance(literals, Literals) or literals.components != len(goods):
            raise InputError(f"literals={literals!r}: wanted Literals; this task has {len(goods)} components")
        options.setdefault("slots", max(2000, 2 * actions * max([1, *(good.size or 0 for good in goods)])))
        return cls(literals, actions, rng=rng, **options)

    @property
    def _programs(self) -> tuple[np.ndarray, ...]:
        """What compiled code reads of them."""
        return (self.guard, self.action, self.live, self.merit, self.trades, *self._flat)

    @property
    def _steady(self) -> np.ndarray:  # prices of greedy play
        return self.average if self.options.steady else self.price

    def start(self, rows: int) -> None:
        """Nobody repeats or owns anything. rows: how many auctions are held at a time."""
        self._repeats, self._ran = np.full(rows, -1, dtype=np.int64), np.zeros(rows, dtype=np.int64)
        self._tapes: list[list[tuple[np.ndarray, int, float]]] = [[] for _ in range(rows)]
        self._held = False

    def _syndicates(self, observation: np.ndarray, price: np.ndarray, programs: tuple[np.ndarray, ...]) -> Found:
        """Who bids for what."""
        check_observations(observation, self.literals.components)
        rows = len(observation)
        members = np.zeros((rows, self.n_bidders, self.options.members), dtype=np.int64)
        value, count = np.zeros((rows, self.n_bidders)), np.zeros((rows, self.n_bidders), dtype=np.int64)
        seen = np.ascontiguousarray(observation, dtype=float)
        form_syndicates(seen, programs, price, self._hope, members, value, count)
        return members, value, count

    def appraise(self, observation: np.ndarray) -> Bids:
        """The syndicates' bids, [B, actions], with their members, at steady prices."""
        price, programs = self._steady, self._programs
        if self.licence.granted:
            price, programs = self.licence.price, (*self.licence.programs, *self._flat)
        members, value, count = self._syndicates(observation, price, programs)
        return Bids(value, count > 0, bidder=members)

    def bid(self, observation: np.ndarray) -> Bids:
        """At today's prices; where a repetition runs, its syndicate alone bids."""
        members, value, count = self._syndicates(observation, self.price, self._programs)
        bids = Bids(value, count > 0, bidder=members)
        self._held = len(observation) == len(self._repeats)
        if self._held:
            for row in np.flatnonzero(self._repeats >= 0).tolist():
                i = int(self._repeats[row])
                over = self._ran[row] >= self.options.longest or literal_holds(
                    self.until[i], observation[row], *self._flat
                )
                if not over and bids.active[row, self.action[i]]:
                    bids.active[row] = np.arange(self.n_bidders) == self.action[i]
        self._offered = bids
        return bids

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Syndicate a takes action a."""
        if self._held and len(winner) == len(self._repeats):
            self._held = False
            for row, a in enumerate(winner.tolist()):
                self._go_on(row, a)
        return winner.astype(np.int64)

    def _go_on(self, row: int, a: int) -> None:
        """Whoever repeats action a goes on; else the member of most merit in its syndicate may begin to."""
        kept = int(self._repeats[row])
        if kept >= 0 and self.action[kept] == a:
            self._ran[row] += 1
        else:
            assert self._offered.bidder is not None
            syndicate = self._offered.bidder[row, a]
            kept, self._ran[row] = int(syndicate[self.merit[syndicate].argmax()]), 1
        loops = self._offered.active[row, a] and self.until[kept] >= 0 and self._ran[row] < self.options.longest
        self._repeats[row] = kept if loops else -1

    def learn(self, receipt: Receipt) -> None:
        """Syndicates learn what their rights were worth; where few speak somebody joins them, and sometimes one has a child."""
        ended = receipt.terminated | receipt.truncated
        if len(ended) == len(self._repeats):
            self._repeats[ended] = -1
        else:
            self.start(len(ended))
        valid = np.flatnonzero(receipt.valid)
        if len(valid) == 0:
            return
        members, value, count = self._syndicates(receipt.observation[valid], self.price, self._programs)
        unborn = self.counters[1]
        for k, row in enumerate(valid.tolist()):
            a, here = int(receipt.winner[row]), np.array(receipt.observation[row], dtype=float)
            self.counters[0] += 1
            slow, worth = 1.0 / (1.0 + self.counters[0] / self.options.horizon), float(receipt.realised[row])
            self.prize += max(PRIZE_RATE, 1.0 / self.counters[0]) * (abs(worth) - self.prize)
            who = self._older(members[k, a, : count[k, a]], unborn)
            settle(who, len(who), value[k, a], worth, self.options.rate * slow, self.counters[0], self.price, self.merit,
                   self.trades, self.last_win)  # fmt: skip
            for b in range(self.n_bidders):
                if count[k, b] < self.options.few:
                    self._cover(here, b, float(value[k, b]))
            who = self._older(who, unborn)
            if self.options.births and self.rng.random() < self.options.births and len(who):
                self._bear(np.unique(who), here, float(value[k].max()), float(value[k, a]))
            self._tape(row, receipt, here, a, slow, bool(ended[row]))

    def _older(self, members: np.ndarray, unborn: int) -> np.ndarray:
        """Those of the members of a syndicate whose seats nobody has taken since."""
        return np.asarray(members[self.uid[members] < unborn])

    def _tape(self, row: int, receipt: Receipt, here: np.ndarray, a: int, slow: float, ended: bool) -> None:
        """Remember a trade; when the episode is over, trade on paper and renew what greedy play reads."""
        tape = self._tapes[row]
        tape.append((here, a, float(receipt.reward[row])))
        if not ended and len(tape) < LONGEST_TAPE:
            return
        seen, owner, reward = zip(*tape, strict=True)
        final = np.array(receipt.next_observation[row], dtype=float)
        if self.options.paper:
            trade_on_paper(np.array(seen), np.array(owner), np.array(reward), final, bool(receipt.terminated[row]),
                           receipt.discount, self.options.paper_royalty, self.options.paper * slow, self._programs,
                           self.price, self._hope, self.last_win, self.counters[0], self.n_bidders,
                           self.options.members)  # fmt: skip
        if self.options.steady:
            share = 1.0 - np.exp(-len(tape) / self.options.steady)
            self.average += share * (self.price - self.average)
        self._tapes[row] = []
        if row == 0:
            self.licence.note(sum(reward), self._programs[:5], self._steady)

    def _cover(self, observation: np.ndarray, a: int, price: float) -> None:
        """One more program for this action, about here."""
        guard = self.breeding.cover(observation, self.literals, self.options.guards, self.rng)
        self._admit(guard, a, -1, self.options.initial_bid if self.options.hopeful else price)

    def _admit(self, guard: np.ndarray, a: int, parent: int, price: float, other: int = -1) -> None:
        """Let a program in unless its twin is there."""
        if not all_amounts(price):
            raise InputError(f"Breeding: entry asked {price!r}: wanted a finite price, in currency")
        if twin_key(guard, a) not in self._known:
            self._enrol(self._vacancy(), guard, a, parent, float(price), other)

    def _bear(self, syndicate: np.ndarray, observation: np.ndarray, winner: float, price: float) -> None:
        """A child of two of these."""
        mother, father = (int(syndicate[place]) for place in self.breeding.couple(self.merit[syndicate], self.rng))
        guard = self.breeding.child(self.guard[mother], self.guard[father], observation, self.literals, self.rng)
        asked = self.breeding.entry(winner, price, float(self.prize[0]), self.rng)
        self._admit(guard, int(self.action[mother]), mother, asked, father if father != mother else -1)

    def _vacancy(self) -> int:
        """An empty slot, or that of the one who has to go; the first program of each action never has."""
        filled = len(self._known)
        if filled < self.n_agents:  # slots are filled in order, and never given up
            return filled
        waited = (self.counters[0] - self.last_win[self.n_bidders :]) / self.n_agents
        merit = np.where(self.trades < TRIAL, self.merit.mean(), self.merit)[self.n_bidders :]
        return self.n_bidders + self.breeding.leaver(merit, waited, self.rng)

    def _enrol(self, slot: int, guard: np.ndarray, action: int, parent: int, price: float, other: int = -1) -> None:
        mother, father = (int(self.uid[k]) if k >= 0 else -1 for k in (parent, other))
        if self.live[slot]:
            self._known.discard(twin_key(self.guard[slot], int(self.action[slot])))
            note_death(self.kin, self.uid[slot], self.counters[0])
            self._repeats[self._repeats == slot] = -1  # what the dead repeated, nobody goes on with
        inherited = parent >= 0 and self.rng.random() < 0.9
        until = int(self.rng.integers(len(self.literals))) if self.rng.random() < self.options.loops else -1
        self.until[slot] = self.until[parent] if inherited else until
        self.guard[slot], self.action[slot], self.live[slot], self.parent[slot] = guard, action, True, mother
        self.uid[slot], self.born[slot], self.last_win[slot] = self.counters[1], self.counters[0], self.counters[0]
        row = note_birth(self.kin, self.counters[1], mother, father, self.counters[0])
        self.kin[row, CODE:] = (action, self.until[slot], *guard)
        self.counters[1] += 1
        self.price[slot], self.average[slot], self.trades[slot], self.merit[slot] = price, price, 0, 0.0
        self._known.add(twin_key(guard, action))

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """A program in plain words."""
        does = move_until(self.literals, self.action[agent], self.until[agent], words)
        return rule(clauses(self.literals, self.guard[agent], words), does, self.price[agent])

    def genealogy(self, words: Words = NO_WORDS) -> Genealogy:
        """The programs alive and their ancestors, as far as memory goes (see `birth_table`); times in trades."""
        return genealogy_of(self.kin, np.where(self.live, self.uid, -1), partial(told, self.literals, words))

    def best(self, count: int = 10, words: Words = NO_WORDS) -> list[str]:
        """The programs with the most merit, in plain words."""
        order = np.argsort(-self.merit * self.live, kind="stable")[:count]
        return [self.describe(int(i), words) for i in order if self.live[i]]

    _SAVED = ("guard", "action", "until", "uid", "parent", "live", "born", "trades", "last_win", "price", "average", "merit",
              "counters", "prize", "kin", "_repeats", "_ran")  # fmt: skip

    def state_dict(self) -> dict[str, np.ndarray]:
        """All programs, their prices and ancestors, the repetitions that run, and the episodes under way."""
        state = {name.lstrip("_"): np.array(getattr(self, name)) for name in self._SAVED}
        lines = [[row, a, paid, *seen] for row, tape in enumerate(self._tapes) for seen, a, paid in tape]
        tape = np.array(lines, dtype=float).reshape(len(lines), 3 + self.literals.components)
        return {**state, **self.licence.state_dict(), "tape": tape}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore what `state_dict` saved. Raises InputError for arrays of other programs."""
        check_saved(state, self.state_dict(), len(self.literals), self.n_bidders)
        for name in self._SAVED:
            setattr(self, name, np.array(state[name.lstrip("_")]))
        self.licence.load_state_dict(state)
        self._known = {twin_key(self.guard[slot], int(self.action[slot])) for slot in np.flatnonzero(self.live)}
        self._tapes = [[] for _ in self._repeats]
        for line in state["tape"]:
            self._tapes[int(line[0])].append((np.array(line[3:]), int(line[1]), float(line[2])))
