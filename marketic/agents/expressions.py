"""Typed S-expressions for any task: evolved programs that ask about the observation, reckon with it, and choose an action.

    (program (> (+ observation[2] observation[3]) 0/1000) action-1)

Programs that choose the same action here bid for it as one syndicate: the mean of their prices, weighted by accuracy. What the
right turned out to be worth moves the members' prices. Merit is accuracy relative to one's syndicate (Wilson 1995);
parents are chosen by merit among those who just traded, children are mutants and crosses of the same types (Montana 1995), and
places are taken from large, inaccurate syndicates. Where no program chooses an action, one is written (covering).

For whole episodes with one prize, and programs that hand the work on, `marketic.hayek` is the economy to use.
"""

from typing import Any

import numpy as np

from marketic.agents.birth_table import CODE as WROTE
from marketic.agents.birth_table import genealogy_of, note_birth, note_death, open_births
from marketic.agents.expression_choice import choose, compile_all, decision_world, gather, tell
from marketic.agents.expression_kernels import compile_slot, write_child
from marketic.agents.expression_language import TRUE, Language
from marketic.agents.expression_species import ExpressionPrograms
from marketic.agents.program_syndicates import share_outcome
from marketic.agents.saved_arrays import check_arrays, check_births, check_range
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.genealogy import Genealogy
from marketic.goods import Goods
from marketic.hayek.interface import CODE, RANDOM
from marketic.numbers import all_finite, currency, flag, whole
from marketic.population import Receipt
from marketic.words import NO_WORDS, Words

TRIAL = 20
"""Trades for which a newcomer is let into a syndicate before all but the accurate: its weight there is next to nothing."""
FRESH = 0.3
"""Share of births that are random programs."""

MOST_SLOTS, MOST_MEMBERS = 2**24, 2**16
"""Most programs, and most of them in a syndicate, so that they fit into memory."""


class Expressions:
    """A population of programs that evolves while it trades.

    goods:    the observation's. actions: how many there are, >= 1. slots: the most programs, >= 2 * actions.
    tokens:   words of a program at most, >= 4. arithmetic: whether programs may add, subtract, multiply.
    members: programs in a syndicate, >= 1.
    births:   probability of a birth after a trade. rate: least weight of the newest trade in a price, in (0, 1].
    tolerance: error, as a share of the spread of outcomes, at which a program counts 1/16 of an exact one. > 0.
    initial_bid: price of the programs that are there at first. What is too high falls by trade: optimism explores.

    Raises InputError for numbers out of range, and for a task with nothing to observe.
    """

    def __init__(
        self,
        goods: Goods,
        actions: int,
        *,
        slots: int = 400,
        tokens: int = 12,
        arithmetic: bool = False,
        members: int = 10,
        births: float = 0.3,
        rate: float = 0.1,
        tolerance: float = 0.02,
        initial_bid: float = 0.0,
        rng: np.random.Generator,
    ) -> None:
        given = (actions, slots, members, births, rate, tolerance)
        if not all_finite(*given) or not (
            actions >= 1
            and slots >= 2 * actions
            and members >= 1
            and 0 <= births <= 1
            and 0 < rate <= 1
            and tolerance > 0
        ):
            raise InputError(
                f"Expressions(actions={actions}, slots={slots}, members={members}, births={births}, rate={rate}, "
                f"tolerance={tolerance}): wanted actions and members >= 1, at least twice as many slots as actions, shares "
                "from 0 to 1, rate and tolerance above 0"
            )
        slots, members = whole("slots", slots, 2, MOST_SLOTS), whole("members", members, 1, MOST_MEMBERS)
        currency("initial_bid", initial_bid)
        flag("arithmetic", arithmetic)
        self.goods, self.rng, self.n_agents, self.n_bidders = goods, rng, int(slots), int(actions)
        self.members, self.births, self.rate, self.tolerance = int(members), births, rate, tolerance
        self.species = ExpressionPrograms(
            Language(decision_world(goods, self.n_bidders), arithmetic=arithmetic), tokens
        )
        self.table = self.species.table(self.n_agents, 1, int(rng.integers(2**63)))
        self._true = next(k for k, one in enumerate(self.species.language.primitives) if one.operation == TRUE)
        zeros = lambda: np.zeros(self.n_agents, dtype=np.int64)  # noqa: E731
        self.code, self.random = self.table.arrays[CODE], self.table.arrays[RANDOM]
        self.live, self.uid, self.parent = zeros() > 0, zeros() - 1, zeros() - 1
        self.trades, self.last_win = zeros(), zeros()
        self.price, self.error, self.weight = np.zeros(slots), np.zeros(slots), np.zeros(slots)
        self.merit, self.company = np.zeros(slots), np.zeros(slots)
        self.counters = np.zeros(2, dtype=np.int64)  # trades, births
        self.kin = open_births(self.n_agents, self.species.code_length)
        self.outcomes = np.array([np.inf, -np.inf])  # least and most that a right was worth so far
        for a in range(self.n_bidders):  # one program for each action, everywhere: nobody is ever without a bid
            self.code[a] = self.species.read(f"(program true action-{a})")
            self._enrol(a, -1, initial_bid + 1e-6 * rng.random())

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Expressions":
        """Programs about a task's observation."""
        options.setdefault("slots", max(400, 2 * actions))
        return cls(goods, actions, rng=rng, **options)

    def bid(self, observation: np.ndarray) -> Bids:
        """The syndicates' bids, [B, actions], with their members."""
        return self.appraise(observation)

    def appraise(self, observation: np.ndarray) -> Bids:
        """As `bid`: what programs ask for does not depend on whether they learn."""
        rows = len(observation)
        members = np.zeros((rows, self.n_bidders, self.members), dtype=np.int64)
        value, active = np.zeros((rows, self.n_bidders)), np.zeros((rows, self.n_bidders), dtype=bool)
        standing = np.where(self.trades < TRIAL, np.maximum(self.weight, 0.3), self.weight)
        gather(self._choices(observation), self.price, self.weight, standing, members, value, active)
        return Bids(value, active, bidder=members)

    def _choices(self, observation: np.ndarray) -> np.ndarray:
        """What each program chooses, int64 [B, slots], -1 for nothing."""
        chosen = np.full((len(observation), self.n_agents), -1, dtype=np.int64)
        choose(self.table.rows, tell(self.goods, observation), self.live, chosen)
        return chosen

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Syndicate a takes action a."""
        return winner.astype(np.int64)

    def learn(self, receipt: Receipt) -> None:
        """Syndicates learn what their rights were worth, and sometimes have a child; where nobody spoke, somebody now does."""
        valid = np.flatnonzero(receipt.valid)
        if len(valid) == 0:
            return
        self.outcomes[0] = min(self.outcomes[0], receipt.realised[valid].min())
        self.outcomes[1] = max(self.outcomes[1], receipt.realised[valid].max())
        tolerance = self.tolerance * max(float(np.ptp(self.outcomes)), 1e-6)
        bids, unborn = self.appraise(receipt.observation[valid]), self.counters[1]
        for k, row in enumerate(valid.tolist()):
            a, realised = int(receipt.winner[row]), float(receipt.realised[row])
            self.counters[0] += 1
            if not bids.active[k, a]:
                self._write(receipt.observation[row], -1, -1, a, realised)
                continue
            assert bids.bidder is not None
            syndicate = bids.bidder[k, a]
            if self.counters[1] > unborn:  # those who traded in this row, not who has taken their seats since
                syndicate = syndicate[self.live[syndicate] & (self.uid[syndicate] < unborn)]
                if len(syndicate) == 0:
                    continue
            size = share_outcome(syndicate, realised, self.rate, tolerance, self.counters[0], self.price, self.error,
                                 self.weight, self.merit, self.company, self.trades, self.last_win)  # fmt: skip
            if self.rng.random() < self.births:
                parents = syndicate[:size]  # beyond them, a small syndicate names some of its members again
                odds = self.merit[parents] + 1e-9
                mother, father = self.rng.choice(parents, 2, p=odds / odds.sum()).tolist()
                price = self.price[mother]
                if self.rng.random() < FRESH:
                    self._write(receipt.observation[row], -1, -1, a, price)
                else:
                    self._write(receipt.observation[row], mother, father, -1, price)

    def _write(self, observation: np.ndarray, mother: int, father: int, action: int, price: float) -> None:
        """A new program that chooses something here (`action`, if >= 0), if a few random ones or children do. It has to say
        something: those that would choose without a look at anything are there from the beginning."""
        slot = self._vacancy(mother, father)
        if slot < 0:
            return
        if self.live[slot]:
            note_death(self.kin, self.uid[slot], self.counters[0])
        for _ in range(8):
            crossed = write_child(self.table.rows, slot, mother, father)
            compile_slot(self.table.rows, slot)
            if self.code[slot, 2] == self._true:
                continue
            chosen = np.full((1, slot + 1), -1, dtype=np.int64)
            only = np.arange(slot + 1) == slot
            choose(self.table.rows, tell(self.goods, observation[None]), only, chosen)
            if chosen[0, slot] == action or (action < 0 <= chosen[0, slot]):
                self._enrol(slot, mother, price, father if crossed else -1)
                return
        self.live[slot] = False

    def _vacancy(self, mother: int, father: int) -> int:
        """An empty slot, or one of a program from a large syndicate with little merit, of a dozen random ones.

        The parents keep theirs until the child is written; -1 if all slots are theirs or belong to the first programs.
        """
        empty = np.flatnonzero(~self.live)
        if len(empty):
            return int(empty[0])
        some = self.rng.integers(self.n_bidders, self.n_agents, 12)
        some = some[(some != mother) & (some != father)]
        if len(some) == 0:
            others = np.setdiff1d(np.arange(self.n_bidders, self.n_agents), (mother, father))
            if len(others) == 0:
                return -1
            some = others[-1:]
        poor = (self.trades[some] > 20) & (self.merit[some] < 0.1 * self.merit.mean())
        votes = (self.company[some] + 1e-3) * np.where(poor, self.merit.mean() / (self.merit[some] + 1e-9), 1.0)
        waited = (self.counters[0] - self.last_win[some]) / (50.0 * self.n_agents)
        return int(some[np.argmax(votes * (1.0 + waited))])

    def _enrol(self, slot: int, parent: int, price: float, donor: int = -1) -> None:
        """A program that has been written into a slot begins to bid. donor: the slot of who gave it code in a crossover."""
        compile_slot(self.table.rows, slot)
        inherits = parent >= 0
        self.parent[slot] = self.uid[parent] if inherits else -1
        self.error[slot], self.company[slot] = (self.error[parent], self.company[parent]) if inherits else (0.0, 1.0)
        self.merit[slot], self.weight[slot] = 0.1 * self.merit[parent] if inherits else 1e-3, 1e-6
        self.live[slot], self.price[slot], self.trades[slot] = True, price, 0
        self.uid[slot], self.last_win[slot] = self.counters[1], self.counters[0]
        other = self.uid[donor] if donor >= 0 else -1
        row = note_birth(self.kin, self.uid[slot], self.parent[slot], other, self.counters[0])
        self.kin[row, WROTE:] = self.code[slot]
        self.counters[1] += 1

    def genealogy(self, words: Words = NO_WORDS) -> Genealogy:
        """The programs alive and their ancestors, as far as memory goes (see `birth_table`); times in trades."""
        return genealogy_of(self.kin, np.where(self.live, self.uid, -1), self.species.text)

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """A program as an S-expression, with its price; a place without one says so."""
        if not self.live[agent]:
            return f"place {agent} is vacant"
        return f"{self.species.text(self.code[agent])} bids {self.price[agent]:.3g}"

    def best(self, count: int = 10, words: Words = NO_WORDS) -> list[str]:
        """The accurate programs that traded most."""
        order = np.argsort(-self.weight * self.trades * self.live, kind="stable")[:count]
        return [self.describe(int(i), words) for i in order if self.live[i]]

    _SAVED = ("code", "random", "live", "uid", "parent", "trades", "last_win", "price", "error", "weight", "merit", "company",
              "counters", "kin", "outcomes")  # fmt: skip

    def state_dict(self) -> dict[str, np.ndarray]:
        """All programs and their prices."""
        return {name: np.array(getattr(self, name)) for name in self._SAVED}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore what `state_dict` saved. Raises InputError for arrays of other programs."""
        check_arrays("expressions", state, self.state_dict())
        check_births("expressions", state["kin"])
        check_range("expressions", "trades", state["trades"], 0, 2**53)
        for name in self._SAVED:
            getattr(self, name)[...] = state[name]
        compile_all(self.table.rows, self.n_agents)
