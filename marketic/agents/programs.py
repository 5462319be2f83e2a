"""Guarded macro programs for any task: evolved agents that ask about the observation, act, and may go on until a literal holds.

A program is a guard (literals, all of which must hold), an action, and perhaps a literal that ends its repetition: "pole
angle > 0 and pole speed > 0: push right until pole angle < 0". Programs that match and want the same action bid as one
syndicate: the mean of their prices, weighted by accuracy. What the right turned out to be worth moves their prices. As in
Wilson's XCS (1995), merit is accuracy relative to one's syndicate, parents are chosen by merit among those who just traded, and
places are taken from large, inaccurate syndicates. Where few programs speak for an action, one is written (covering).

For whole episodes with one prize, and programs that find each other, `marketic.hayek` is the economy to use.
"""

from typing import Any

import numpy as np

from marketic.agents.program_literals import Literals, literal_holds
from marketic.agents.program_syndicates import form_syndicates, share_outcome
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.population import Receipt
from marketic.words import NO_WORDS, Words, rule

FEW = 3
"""With fewer programs than this in a syndicate, one more is written."""


class Programs:
    """A population of programs that evolves while it trades.

    literals: what guards can say. actions: how many there are, >= 1. slots: the most programs, >= 2 * actions.
    members:  programs in a syndicate, >= 1. guards: literals in a guard, >= 0.
    loops:    share of programs that repeat their action; longest: steps, >= 1, after which every repetition ends.
    births:   probability of a birth after a trade. rate: least weight of the newest trade in a price, in (0, 1].
    tolerance: error, as a share of the spread of outcomes, at which a program counts 1/16 of an exact one. > 0.
    initial_bid: price of programs that are written where few spoke; what is too high falls by trade, so optimism explores.
    None: what the right was worth just now.

    While a repetition runs, its syndicate is the only bidder: it buys the right from itself. Greedy play has no repetitions:
    who values a state most acts. Raises InputError for numbers out of range.
    """

    def __init__(
        self,
        literals: Literals,
        actions: int,
        *,
        slots: int = 400,
        members: int = 10,
        guards: int = 4,
        loops: float = 0.05,
        longest: int = 20,
        births: float = 0.3,
        rate: float = 0.1,
        tolerance: float = 0.02,
        initial_bid: float | None = None,
        rng: np.random.Generator,
    ) -> None:
        if actions < 1 or slots < 2 * actions or members < 1 or guards < 0 or longest < 1:
            raise InputError(
                f"Programs(actions={actions}, slots={slots}, members={members}, guards={guards}, longest={longest}): wanted "
                "actions, members and longest >= 1, at least twice as many slots as actions, guards >= 0"
            )
        if not (0 <= loops <= 1 and 0 <= births <= 1 and 0 < rate <= 1 and 0 < tolerance < np.inf):
            raise InputError(
                f"Programs(loops={loops}, births={births}, rate={rate}, tolerance={tolerance}): wanted shares from 0 to 1, "
                "rate and tolerance above 0"
            )
        self.literals, self.rng, self.n_agents, self.n_bidders = literals, rng, int(slots), int(actions)
        self.members, self.loops, self.longest, self.births = int(members), loops, int(longest), births
        self.rate, self.tolerance, self.initial_bid = rate, tolerance, initial_bid
        self._flat = (literals.left, literals.comparison, literals.right, literals.constant)
        whole = lambda value: np.full(slots, value, dtype=np.int64)  # noqa: E731
        self.guard = np.full((slots, guards), -1, dtype=np.int64)
        self.action, self.until, self.uid, self.parent = whole(0), whole(-1), whole(-1), whole(-1)
        self.live, self.born, self.trades, self.last_win = np.zeros(slots, dtype=bool), whole(0), whole(0), whole(0)
        self.price, self.error, self.weight = np.zeros(slots), np.zeros(slots), np.zeros(slots)
        self.merit, self.company = np.zeros(slots), np.zeros(slots)
        self.counters = np.zeros(2, dtype=np.int64)  # trades, births
        self.outcomes = np.array([np.inf, -np.inf])  # least and most that a right was worth so far
        for slot in range(actions):  # one program for each action, everywhere: nobody is ever without a bid
            self._enrol(slot, np.full(guards, -1), slot, -1, (initial_bid or 0.0) + 1e-6 * rng.random())
        self.start(1)

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Programs":
        """Programs about a task's observation, with literals derived from its goods unless `literals` are given."""
        literals = options.pop("literals", None) or Literals.derive(goods)
        if literals.components != len(goods):
            raise InputError(f"literals about {literals.components} components: this task has {len(goods)}")
        options.setdefault("slots", max(400, 2 * actions))
        return cls(literals, actions, rng=rng, **options)

    def start(self, rows: int) -> None:
        """Nobody repeats or owns anything. rows: how many auctions are held at a time."""
        self._repeats, self._ran = np.full(rows, -1, dtype=np.int64), np.zeros(rows, dtype=np.int64)
        self._held = False

    def appraise(self, observation: np.ndarray) -> Bids:
        """The syndicates' bids, [B, actions], with their members."""
        rows = len(observation)
        members = np.zeros((rows, self.n_bidders, self.members), dtype=np.int64)
        value, active = np.zeros((rows, self.n_bidders)), np.zeros((rows, self.n_bidders), dtype=bool)
        given = np.ascontiguousarray(observation, dtype=float)
        form_syndicates(
            given, self.guard, self.action, self.live, self.price, self.weight, *self._flat, members, value, active
        )
        return Bids(value, active, bidder=members)

    def bid(self, observation: np.ndarray) -> Bids:
        """As `appraise`; where a repetition runs, its syndicate alone bids."""
        bids = self.appraise(observation)
        self._held = len(observation) == len(self._repeats)
        if self._held:
            for row in np.flatnonzero(self._repeats >= 0).tolist():
                i = int(self._repeats[row])
                over = self._ran[row] >= self.longest or literal_holds(self.until[i], observation[row], *self._flat)
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
        """Whoever repeats action a goes on; else the most accurate member of its syndicate may begin to."""
        kept = int(self._repeats[row])
        if kept >= 0 and self.action[kept] == a:
            self._ran[row] += 1
        else:
            assert self._offered.bidder is not None
            syndicate = self._offered.bidder[row, a]
            kept, self._ran[row] = int(syndicate[self.weight[syndicate].argmax()]), 1
        loops = self._offered.active[row, a] and self.until[kept] >= 0 and self._ran[row] < self.longest
        self._repeats[row] = kept if loops else -1

    def learn(self, receipt: Receipt) -> None:
        """Syndicates learn what their rights were worth, and sometimes have a child; where nobody spoke, somebody now does."""
        ended = receipt.terminated | receipt.truncated
        if len(ended) == len(self._repeats):
            self._repeats[ended] = -1
        valid = np.flatnonzero(receipt.valid)
        if len(valid) == 0:
            return
        self.outcomes[0] = min(self.outcomes[0], receipt.realised[valid].min())
        self.outcomes[1] = max(self.outcomes[1], receipt.realised[valid].max())
        tolerance = self.tolerance * max(float(np.ptp(self.outcomes)), 1e-6)
        bids = self.appraise(receipt.observation[valid])
        for k, row in enumerate(valid.tolist()):
            a, realised = int(receipt.winner[row]), float(receipt.realised[row])
            self.counters[0] += 1
            if not bids.active[k, a]:
                self._cover(receipt.observation[row], a, realised)
                continue
            assert bids.bidder is not None
            syndicate = bids.bidder[k, a]
            size = share_outcome(syndicate, realised, self.rate, tolerance, self.counters[0], self.price, self.error,
                                 self.weight, self.merit, self.company, self.trades, self.last_win)  # fmt: skip
            if size < FEW and self.rng.random() < 0.5:
                self._cover(receipt.observation[row], a, realised)
            elif self.rng.random() < self.births:
                self._bear(np.unique(syndicate), receipt.observation[row])

    def _cover(self, observation: np.ndarray, a: int, price: float) -> None:
        """One more program for this action: some literals that hold here."""
        guard = [self._true_literal(observation) for _ in range(self.guard.shape[1])]
        keep = self.rng.random(len(guard)) < 0.5
        self._enrol(
            self._vacancy(), np.where(keep, guard, -1), a, -1, price if self.initial_bid is None else self.initial_bid
        )

    def _true_literal(self, observation: np.ndarray) -> int:
        """A random literal that holds here; -1 if none was found."""
        for literal in self.rng.integers(len(self.literals), size=8).tolist():
            if literal_holds(literal, observation, *self._flat):
                return int(literal)
        return -1

    def _bear(self, syndicate: np.ndarray, observation: np.ndarray) -> None:
        """A child of two of these, by merit: some guards of each, some changed to others that hold here."""
        odds = self.merit[syndicate] + 1e-9
        mother, father = self.rng.choice(syndicate, 2, p=odds / odds.sum()).tolist()
        guard = np.where(self.rng.random(self.guard.shape[1]) < 0.5, self.guard[mother], self.guard[father])
        for g in np.flatnonzero(self.rng.random(len(guard)) < 0.2).tolist():
            guard[g] = -1 if self.rng.random() < 0.5 else self._true_literal(observation)
        action = int(self.action[mother]) if self.rng.random() < 0.95 else int(self.rng.integers(self.n_bidders))
        guard = np.sort(guard)[::-1]
        twins = self.live[syndicate] & (self.action[syndicate] == action) & (self.guard[syndicate] == guard).all(axis=1)
        if twins.any():
            return
        start = self.price[mother], self.error[mother], self.merit[mother], self.company[mother]
        slot = self._vacancy()
        self._enrol(slot, guard, action, int(mother), start[0])
        self.error[slot], self.merit[slot], self.company[slot] = start[1], 0.1 * start[2], start[3]

    def _vacancy(self) -> int:
        """An empty slot, or one of a program from a large syndicate with little merit, of a dozen random ones."""
        empty = np.flatnonzero(~self.live)
        if len(empty):
            return int(empty[0])
        some = self.rng.integers(0, self.n_agents, 12)
        usual = self.merit.mean()
        proven = np.where(self.trades[some] > 20, usual / (self.merit[some] + 0.01 * usual), 1.0)
        votes = self.company[some] * proven
        waited = self.counters[0] - np.maximum(self.last_win[some], self.born[some])
        return int(some[np.argmax(votes * (1.0 + waited / (50.0 * self.n_agents)))])

    def _enrol(self, slot: int, guard: np.ndarray, action: int, parent_slot: int, price: float) -> None:
        self.parent[slot] = self.uid[parent_slot] if parent_slot >= 0 else -1
        until = self.rng.integers(len(self.literals)) if self.rng.random() < self.loops else -1
        inherited = parent_slot >= 0 and self.rng.random() < 0.9
        self.until[slot] = self.until[parent_slot] if inherited else until
        self.guard[slot], self.action[slot], self.live[slot] = np.sort(guard)[::-1], action, True
        self.uid[slot], self.born[slot], self.last_win[slot] = self.counters[1], self.counters[0], self.counters[0]
        self.counters[1] += 1
        self.price[slot], self.trades[slot], self.company[slot] = price, 0, 1.0
        self.error[slot], self.weight[slot], self.merit[slot] = 0.0, 1e-6, 1e-3

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """A program in plain words."""
        conditions = [self.literals.say(k, words) for k in dict.fromkeys(self.guard[agent].tolist()) if k >= 0]
        stop = f" until {self.literals.say(self.until[agent], words)}" if self.until[agent] >= 0 else ""
        return rule(conditions, words.move(int(self.action[agent])) + stop, self.price[agent])

    def best(self, count: int = 10, words: Words = NO_WORDS) -> list[str]:
        """The programs with the most merit, in plain words."""
        order = np.argsort(-self.merit * self.live, kind="stable")[:count]
        return [self.describe(int(i), words) for i in order if self.live[i]]

    _SAVED = ("guard", "action", "until", "uid", "parent", "live", "born", "trades", "last_win", "price", "error", "weight",
              "merit", "company", "counters", "outcomes", "_repeats", "_ran")  # fmt: skip

    def state_dict(self) -> dict[str, np.ndarray]:
        """All programs, their prices, and the repetitions that run."""
        return {name.lstrip("_"): np.array(getattr(self, name)) for name in self._SAVED}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore what `state_dict` saved. Raises InputError for arrays of another shape."""
        for name in self._SAVED:
            given = np.array(state[name.lstrip("_")])
            if not name.startswith("_") and given.shape != getattr(self, name).shape:
                raise InputError(
                    f"{name} has shape {given.shape}: wanted {getattr(self, name).shape}; use the same options"
                )
            setattr(self, name, given)
