"""Agents with a condition, an action and one bid, joined in syndicates: what tables, tiles and growing rules share.

For every action there is one syndicate per state: the K agents of that action whose conditions hold there (one per
sector: K = 1 in a table, the number of tilings for tiles). It bids the mean of its members' bids. When its
right has been resold, every member moves its bid by alpha * delta, delta = realised - bid of the syndicate, and the
owners before it by alpha * delta * (discount * royalty)**age: their royalties. With a complete set of conditions this is
Q(lambda) with replacing traces (Sutton and Barto 2018, section 12); the market's names are kept because the
payment rule, the royalties and the structure are free here.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numba import njit

from marketic.agents.kernels import Kernels
from marketic.agents.learning_rate import LearningRate, learning_rate
from marketic.bids import Bids
from marketic.chain import lien_length
from marketic.errors import InputError
from marketic.function_pointer import call_adapt
from marketic.population import Receipt


class Syndicates(ABC):
    """A population of condition-action agents. Subclasses say which agents' conditions hold (`kernels`).

    Attributes: `price` float64 [n_agents], each agent's own bid, currency; `trades` int64 [n_agents], how many rights
    each has owned; `actions`, `members` (K) and `clones`.

    clones: twins per action; twin c of action a is bidder a * clones + c.
    public: True: all twins of an action learn from the trades of each (the ledger is public); False: only the owner.
    """

    def __init__(
        self,
        n_agents: int,
        actions: int,
        members: int,
        *,
        learning_rate: LearningRate,
        initial_bid: float,
        tie_noise: float,
        clones: int,
        public: bool,
        rng: np.random.Generator,
    ) -> None:
        if clones < 1:
            raise InputError(f"clones={clones}: wanted an integer >= 1")
        if not np.isfinite(initial_bid):
            raise InputError(f"initial_bid={initial_bid}: wanted a finite amount of currency")
        self.n_agents, self.actions, self.members, self.clones, self.public = n_agents, actions, members, clones, public
        self.n_bidders = actions * clones
        self.rate = learning_rate
        self.price = initial_bid + tie_noise * rng.random(n_agents)
        self.trades = np.zeros(n_agents, dtype=np.int64)
        self.clock = np.zeros(1, dtype=np.int64)  # trades in the whole market
        self.start(1)

    @property
    @abstractmethod
    def kernels(self) -> Kernels:
        """The family's compiled functions: which agents' conditions hold, and what happens after they learned."""

    def start(self, rows: int) -> None:
        """Forget open trades and make room for `rows` parallel rows."""
        self._past = np.full((rows, 1, self.members), -1, dtype=np.int64)
        self._newest = np.zeros(rows, dtype=np.int64)

    def open_past(self, rows: int, decay: float) -> None:
        """Make room for the owners that royalties reach back to, with weight `decay` per sale."""
        shape = (rows, lien_length(decay), self.members)
        if self._past.shape != shape:
            self._past = np.full(shape, -1, dtype=np.int64)
            self._newest = np.zeros(rows, dtype=np.int64)

    @property
    def learning_arrays(self) -> tuple[Any, ...]:
        """What `learn_rows` reads and writes, in its order."""
        twins = self.clones if self.public else 1
        return self.price, self.trades, self.clock, self.rate.parameters, self._past, self._newest, twins

    def match(self, observation: np.ndarray) -> np.ndarray:
        """The agents behind each bidder, int64 [B, n_bidders, K], for `observation` float64 [B, D]."""
        kernels = self.kernels
        matched = np.empty((len(observation), self.n_bidders, self.members), dtype=np.int64)
        kernels.match(observation, kernels.integers, kernels.reals, matched)
        return matched

    def bid(self, observation: np.ndarray) -> Bids:
        """Mean bid of every syndicate, [B, n_bidders]."""
        matched = self.match(observation)
        value = np.empty(matched.shape[:2])
        mean_bids(self.price, matched, value)
        return Bids(value, bidder=matched)

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Each syndicate takes its own action."""
        return winner // self.clones if self.clones > 1 else winner

    def learn(self, receipt: Receipt) -> None:
        """Move the owners' bids, and those of the owners before them, towards what was realised."""
        decay = receipt.discount * receipt.royalty
        self.open_past(len(receipt.valid), decay)
        kernels = self.kernels
        learn_rows(
            receipt.valid, receipt.winner, receipt.realised, receipt.terminated | receipt.truncated, receipt.observation,
            self.match(receipt.observation), decay, kernels.addresses[1], kernels.integers, kernels.reals,
            *self.learning_arrays,
        )  # fmt: skip

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays that make this population."""
        return {"price": self.price.copy(), "trades": self.trades.copy(), "clock": self.clock.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays."""
        if state["price"].shape != self.price.shape:
            raise InputError(f"saved population has {len(state['price'])} agents, this one {len(self.price)}")
        self.price = np.array(state["price"])
        self.trades = np.array(state["trades"])
        self.clock = np.array(state["clock"])


@njit(cache=True)
def mean_bids(price, matched, value):  # type: ignore[no-untyped-def]
    """Write the mean of the members' bids into `value` [B, n]; matched int64 [B, n, K]."""
    members = matched.shape[2]
    for row in range(matched.shape[0]):
        for i in range(matched.shape[1]):
            total = 0.0
            for k in range(members):
                total += price[matched[row, i, k]]
            value[row, i] = total / members


@njit(cache=True)
def forget_claims(row, matched, past):  # type: ignore[no-untyped-def]
    """Replacing traces: agents that stand where the right was bought, of any action, lose their older claims.

    Agent k of a syndicate only ever stands in sector k, so only column k of `past` needs a look.
    """
    for k in range(matched.shape[2]):
        for slot in range(past.shape[1]):
            held = past[row, slot, k]
            if held >= 0:
                for i in range(matched.shape[1]):
                    if matched[row, i, k] == held:
                        past[row, slot, k] = -1


@njit(cache=True)
def learn_rows(valid, winner, realised, ended, observation, matched, decay, adapt, integers, reals,
               price, trades, clock, rate, past, newest, twins):  # type: ignore[no-untyped-def]  # fmt: skip
    """One learning step per row, in order of rows.

    valid, ended bool [B]; winner int64 [B]; realised float64 [B]; observation float64 [B, D] and matched int64 [B, n, K]:
    where each right was bought, and the agents there; past int64 [B, L, K]: the last L owners' members, a ring whose head
    is newest [B] (-1: claim closed); adapt: address of the family's function, or 0; twins: how many clones of an action
    learn from the trades of one.
    """
    length = past.shape[1]
    for row in range(valid.shape[0]):
        if not valid[row]:
            continue
        owner = winner[row]
        if length > 1:
            forget_claims(row, matched, past)
        newest[row] = (newest[row] + 1) % length
        members = past[row, newest[row]]
        bid = 0.0
        for k in range(members.shape[0]):
            members[k] = matched[row, owner, k]
            trades[members[k]] += 1
            bid += price[members[k]]
        delta = realised[row] - bid / members.shape[0]
        clock[0] += 1
        _move_bids(row, delta, decay, price, trades, clock, rate, past, newest)
        if twins > 1:
            _copy_to_twins(row, matched, owner, twins, delta, price, trades, clock, rate)
        if adapt != 0:
            call_adapt(adapt, observation, row, matched[row, owner], realised[row], delta, integers, reals, price, trades)
        if ended[row]:
            past[row] = -1


@njit(cache=True)
def _move_bids(row, delta, decay, price, trades, clock, rate, past, newest):  # type: ignore[no-untyped-def]
    """The owner's bid moves by its rate times delta, those of the owners before it by their royalty of that."""
    length = past.shape[1]
    weight = 1.0
    for age in range(length):
        slot = newest[row] - age if newest[row] >= age else newest[row] - age + length
        for k in range(past.shape[2]):
            agent = past[row, slot, k]
            if agent >= 0:
                price[agent] += learning_rate(rate, trades[agent], clock[0]) * weight * delta
        weight *= decay


@njit(cache=True)
def _copy_to_twins(row, matched, owner, twins, delta, price, trades, clock, rate):  # type: ignore[no-untyped-def]
    """The owner's twins read its trade in the public ledger and move by the same surprise."""
    first = owner // twins * twins
    for twin in range(first, first + twins):
        if twin != owner:
            for k in range(matched.shape[2]):
                agent = matched[row, twin, k]
                trades[agent] += 1
                price[agent] += learning_rate(rate, trades[agent], clock[0]) * delta
