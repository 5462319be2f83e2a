"""Guarded programs for any task: evolved agents that ask about the observation, act, and may go on until a literal holds.

A program is a guard (literals, all of which must hold), an action, and perhaps a literal that ends its repetition: "pole
angle > 0 and pole speed > 0: push right until pole angle < 0". Programs that match and want the same action bid as one
syndicate and learn together (`marketic.agents.program_prices`). Where few programs speak for an action, one is written whose
guard holds there and nearby (covering, Wilson 1995); children of those who just traded start at their syndicate's bid, so that
their entry changes nothing until they know better. Places are taken from those who add least to the bids that they share in
(generate and test: Mahmood and Sutton 2013).

For whole episodes with one prize, and programs that find each other, `marketic.hayek` is the economy to use.
"""

from typing import Any

import numpy as np

from marketic.agents.program_literals import Literals, literal_holds
from marketic.agents.program_prices import TRIAL, form_syndicates, settle, trade_on_paper
from marketic.agents.program_writing import crossed, near
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.population import Receipt
from marketic.words import NO_WORDS, Words, rule

LONGEST_TAPE = 1000
"""Trades of an episode that are remembered; after as many it is settled on paper as if it had been cut short."""
Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Syndicates: members int64 [B, A, K], value float64 [B, A], how many members int64 [B, A]."""


class Programs:
    """A population of programs that evolves while it trades.

    literals: what guards can say. actions: how many there are, >= 1. slots: the most programs, >= 2 * actions.
    members:  programs in a syndicate at most, >= 1; with fewer than `few`, one more is written. guards: literals, >= 0.
    loops:    share of programs that repeat their action; longest: steps, >= 1, after which every repetition ends.
    births:   probability of a birth after a trade.
    rate:     of a price's move to what its right was worth, in [0, 1], at once; paper: the same, when the episode is over and
              with `royalty` in [0, 1] (0: no trades on paper). Both fall as 1 / (1 + trades / horizon).
    initial_bid: price of the programs that are there first. What is too high falls by trade, so optimism explores.
    steady:   trades, >= 0, over which greedy play averages prices. licence: 0, or the number of training episodes whose mean
              return must be the best so far for greedy play to follow newer prices.

    While a repetition runs, its syndicate is the only bidder: it buys the right from itself. Greedy play has no repetitions:
    who values a state most acts. Raises InputError for numbers out of range.
    """

    def __init__(
        self,
        literals: Literals,
        actions: int,
        *,
        slots: int = 2000,
        members: int = 16,
        few: int = 8,
        guards: int = 8,
        loops: float = 0.0,
        longest: int = 20,
        births: float = 0.05,
        rate: float = 0.05,
        paper: float = 0.1,
        royalty: float = 0.9,
        horizon: float = np.inf,
        initial_bid: float = 0.0,
        steady: float = 2000.0,
        licence: int = 0,
        rng: np.random.Generator,
    ) -> None:
        if actions < 1 or slots < 2 * actions or members < 1 or guards < 0 or longest < 1 or licence < 0:
            raise InputError(
                f"Programs(actions={actions}, slots={slots}, members={members}, guards={guards}, longest={longest}, "
                f"licence={licence}): wanted actions, members and longest >= 1, at least twice as many slots as actions, "
                "guards and licence >= 0"
            )
        if not (0 <= loops <= 1 and 0 <= births <= 1 and 0 <= royalty <= 1):
            raise InputError(f"Programs(loops={loops}, births={births}, royalty={royalty}): wanted shares from 0 to 1")
        if not (0 <= rate <= 1 and 0 <= paper <= 1 and rate + paper > 0 and horizon > 0 and 0 <= steady < np.inf):
            raise InputError(
                f"Programs(rate={rate}, paper={paper}, horizon={horizon}, steady={steady}): wanted rate or paper above 0, "
                "both at most 1, horizon above 0, steady >= 0"
            )
        self.literals, self.rng, self.n_agents, self.n_bidders = literals, rng, int(slots), int(actions)
        self.members, self.few, self.loops = int(members), min(int(few), int(members)), loops
        self.longest, self.births = int(longest), births
        self.rate, self.paper, self.royalty, self.horizon = rate, paper, royalty, horizon
        self.initial_bid, self.steady, self.licence = initial_bid, steady, int(licence)
        self._flat = (literals.left, literals.comparison, literals.right, literals.constant)
        whole = lambda value: np.full(slots, value, dtype=np.int64)  # noqa: E731
        self.guard = np.full((slots, guards), -1, dtype=np.int64)
        self.action, self.until, self.uid, self.parent = whole(0), whole(-1), whole(-1), whole(-1)
        self.live, self.born, self.trades, self.last_win = np.zeros(slots, dtype=bool), whole(0), whole(0), whole(0)
        self.price, self.average, self.merit = np.zeros(slots), np.zeros(slots), np.zeros(slots)
        self.counters = np.zeros(2, dtype=np.int64)  # trades, births
        self.shown, self.licensed = np.zeros(slots), np.zeros(slots, dtype=bool)
        self.revenue = np.full(1 + licence, -np.inf)  # best mean so far, the last returns
        self.start(1)
        for slot in range(actions):  # one program for each action, everywhere: nobody is ever without a bid
            self._enrol(slot, np.full(guards, -1), slot, -1, initial_bid + 1e-6 * rng.random())

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Programs":
        """Programs about a task's observation, with literals derived from its goods unless `literals` are given."""
        literals = options.pop("literals", None) or Literals.derive(goods)
        if literals.components != len(goods):
            raise InputError(f"literals about {literals.components} components: this task has {len(goods)}")
        options.setdefault("slots", max(2000, 2 * actions))
        return cls(literals, actions, rng=rng, **options)

    @property
    def _programs(self) -> tuple[np.ndarray, ...]:
        """What compiled code reads of them."""
        return (self.guard, self.action, self.live, self.merit, self.trades, *self._flat)

    def start(self, rows: int) -> None:
        """Nobody repeats or owns anything. rows: how many auctions are held at a time."""
        self._repeats, self._ran = np.full(rows, -1, dtype=np.int64), np.zeros(rows, dtype=np.int64)
        self._tapes: list[list[tuple[np.ndarray, int, float]]] = [[] for _ in range(rows)]
        self._held = False

    def _syndicates(self, observation: np.ndarray, price: np.ndarray, programs: tuple[np.ndarray, ...]) -> Found:
        """Who bids for what."""
        rows = len(observation)
        members = np.zeros((rows, self.n_bidders, self.members), dtype=np.int64)
        value, count = np.zeros((rows, self.n_bidders)), np.zeros((rows, self.n_bidders), dtype=np.int64)
        form_syndicates(np.ascontiguousarray(observation, dtype=float), programs, price, members, value, count)
        return members, value, count

    def appraise(self, observation: np.ndarray) -> Bids:
        """The syndicates' bids, [B, actions], with their members, at steady prices."""
        price, programs = self.average if self.steady else self.price, self._programs
        if np.isfinite(self.revenue[0]):
            price, programs = self.shown, (self.guard, self.action, self.licensed, *programs[3:])
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
        """Whoever repeats action a goes on; else the member of most merit in its syndicate may begin to."""
        kept = int(self._repeats[row])
        if kept >= 0 and self.action[kept] == a:
            self._ran[row] += 1
        else:
            assert self._offered.bidder is not None
            syndicate = self._offered.bidder[row, a]
            kept, self._ran[row] = int(syndicate[self.merit[syndicate].argmax()]), 1
        loops = self._offered.active[row, a] and self.until[kept] >= 0 and self._ran[row] < self.longest
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
        for k, row in enumerate(valid.tolist()):
            a, here = int(receipt.winner[row]), np.array(receipt.observation[row], dtype=float)
            self.counters[0] += 1
            slow = 1.0 / (1.0 + self.counters[0] / self.horizon)
            settle(members[k, a], count[k, a], value[k, a], float(receipt.realised[row]), self.rate * slow, self.counters[0],
                   self.price, self.merit, self.trades, self.last_win)  # fmt: skip
            for b in range(self.n_bidders):
                if count[k, b] < self.few:
                    self._cover(here, b, float(value[k, b]))
            if self.births and self.rng.random() < self.births:
                self._bear(np.unique(members[k, a]), here, float(value[k, a]))
            self._tape(row, receipt, here, a, slow, bool(ended[row]))

    def _tape(self, row: int, receipt: Receipt, here: np.ndarray, a: int, slow: float, ended: bool) -> None:
        """Remember a trade; when the episode is over, trade on paper and renew what greedy play reads."""
        tape = self._tapes[row]
        tape.append((here, a, float(receipt.reward[row])))
        if not ended and len(tape) < LONGEST_TAPE:
            return
        seen, owner, reward = zip(*tape, strict=True)
        final = np.array(receipt.next_observation[row], dtype=float)
        if self.paper:
            trade_on_paper(np.array(seen), np.array(owner), np.array(reward), final, bool(receipt.terminated[row]),
                           receipt.discount, self.royalty, self.paper * slow, self._programs, self.price, self.last_win,
                           self.counters[0], self.n_bidders, self.members)  # fmt: skip
        if self.steady:
            share = 1.0 - np.exp(-len(tape) / self.steady)
            self.average += share * (self.price - self.average)
        self._tapes[row] = []
        if self.licence and row == 0:
            self.revenue[1:] = np.append(self.revenue[2:], sum(reward))
            mean = self.revenue[1:].mean()
            if mean >= self.revenue[0] and np.isfinite(mean):
                self.revenue[0] = mean
                self.shown[:], self.licensed[:] = self.average if self.steady else self.price, self.live

    def _cover(self, observation: np.ndarray, a: int, price: float) -> None:
        """One more program for this action, about here."""
        self._admit(near(observation, self.literals, self.guard.shape[1], self.rng), a, -1, price)

    def _admit(self, guard: np.ndarray, a: int, parent: int, price: float) -> None:
        """Let a program in unless its twin is there."""
        if (self.live & (self.action == a) & (self.guard == guard).all(axis=1)).any():
            return
        self._enrol(self._vacancy(), guard, a, parent, price)

    def _bear(self, syndicate: np.ndarray, observation: np.ndarray, price: float) -> None:
        """A child of two of these, by merit."""
        odds = self.merit[syndicate] + 1e-9
        mother, father = self.rng.choice(syndicate, 2, p=odds / odds.sum()).tolist()
        guard = crossed(self.guard[mother], self.guard[father], observation, self.literals, self.rng)
        self._admit(guard, int(self.action[mother]), int(mother), price)

    def _vacancy(self) -> int:
        """An empty slot, or of a dozen random ones that whose program adds least or has long been idle."""
        empty = np.flatnonzero(~self.live)
        if len(empty):
            return int(empty[0])
        some = self.rng.integers(self.n_bidders, self.n_agents, 12)
        waited = (self.counters[0] - self.last_win[some]) / (5.0 * self.n_agents)
        worth = np.where(self.trades[some] < TRIAL, self.merit.mean(), self.merit[some]) / (1.0 + waited)
        return int(some[np.argmin(worth)])

    def _enrol(self, slot: int, guard: np.ndarray, action: int, parent: int, price: float) -> None:
        self.parent[slot] = self.uid[parent] if parent >= 0 else -1
        inherited = parent >= 0 and self.rng.random() < 0.9
        until = int(self.rng.integers(len(self.literals))) if self.rng.random() < self.loops else -1
        self.until[slot] = self.until[parent] if inherited else until
        self.guard[slot], self.action[slot], self.live[slot] = guard, action, True
        self.uid[slot], self.born[slot], self.last_win[slot] = self.counters[1], self.counters[0], self.counters[0]
        self.counters[1] += 1
        self.price[slot], self.average[slot], self.trades[slot], self.merit[slot] = price, price, 0, 0.0
        self.licensed[slot] = slot < self.n_bidders

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """A program in plain words."""
        conditions = [self.literals.say(k, words) for k in dict.fromkeys(self.guard[agent].tolist()) if k >= 0]
        stop = f" until {self.literals.say(self.until[agent], words)}" if self.until[agent] >= 0 else ""
        return rule(conditions, words.move(int(self.action[agent])) + stop, self.price[agent])

    def best(self, count: int = 10, words: Words = NO_WORDS) -> list[str]:
        """The programs with the most merit, in plain words."""
        order = np.argsort(-self.merit * self.live, kind="stable")[:count]
        return [self.describe(int(i), words) for i in order if self.live[i]]

    _SAVED = ("guard", "action", "until", "uid", "parent", "live", "born", "trades", "last_win", "price", "average", "merit",
              "shown", "licensed", "revenue", "counters", "_repeats", "_ran")  # fmt: skip

    def state_dict(self) -> dict[str, np.ndarray]:
        """All programs, their prices, the repetitions that run, and the episodes under way."""
        state = {name.lstrip("_"): np.array(getattr(self, name)) for name in self._SAVED}
        lines = [[row, a, paid, *seen] for row, tape in enumerate(self._tapes) for seen, a, paid in tape]
        return {**state, "tape": np.array(lines, dtype=float).reshape(len(lines), 3 + self.literals.components)}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore what `state_dict` saved. Raises InputError for arrays of another shape."""
        for name in self._SAVED:
            given = np.array(state[name.lstrip("_")])
            if not name.startswith("_") and given.shape != getattr(self, name).shape:
                raise InputError(
                    f"{name} has shape {given.shape}: wanted {getattr(self, name).shape}; use the same options"
                )
            setattr(self, name, given)
        self._tapes = [[] for _ in self._repeats]
        for line in state["tape"]:
            self._tapes[int(line[0])].append((np.array(line[3:]), int(line[1]), float(line[2])))
