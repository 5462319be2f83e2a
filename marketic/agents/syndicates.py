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

from marketic.agents.hindsight import EPISODE_STEPS, Hindsight, PaperTrades, SteadyBids, look_back
from marketic.agents.kernels import Kernels
from marketic.agents.learning_rate import VISIT_EXPONENT, LearningRate, learning_rate
from marketic.agents.rehearsals import RehearsalRoom, Rehearsals
from marketic.bids import Bids
from marketic.chain import lien_length
from marketic.errors import InputError
from marketic.function_pointer import call_adapt, call_enter
from marketic.numbers import MOST_ENTRIES, check_observations, count_text, currency, flag, whole
from marketic.population import Receipt
from marketic.settlement import SALE, TERMINATED, TRUNCATED

MOST_AGENTS = MOST_ENTRIES
"""Agents of one population: beyond that its arrays would need many GiB."""


class Syndicates(ABC):
    """A population of condition-action agents. Subclasses say which agents' conditions hold (`kernels`).

    Attributes: `price` float64 [n_agents], each agent's own bid, currency; `trades` int64 [n_agents], how many rights
    each has owned; `actions`, `members` (K), `clones`, and `components` (D of an observation).

    clones: twins per action; twin c of action a is bidder a * clones + c.
    public: True: all twins of an action learn from the trades of each (the ledger is public); False: only the owner.
    """

    def __init__(
        self,
        n_agents: int,
        actions: int,
        members: int,
        *,
        components: int,
        learning_rate: LearningRate,
        initial_bid: float,
        tie_noise: float,
        clones: int = 1,
        public: bool = True,
        paper_trades: PaperTrades | None = None,
        greedy: SteadyBids | None = None,
        rehearsals: Rehearsals | None = None,
        rng: np.random.Generator,
    ) -> None:
        check_size(n_agents)
        initial_bid, tie_noise = currency("initial_bid", initial_bid), currency("tie_noise", tie_noise, least=0.0)
        clones, public = whole("clones", clones, 1), flag("public", public)
        self.n_agents, self.actions, self.members, self.clones, self.public = n_agents, actions, members, clones, public
        self.n_bidders, self.components = actions * clones, components
        self.rate = learning_rate
        self.price = initial_bid + tie_noise * rng.random(n_agents)
        self.trades = np.zeros(n_agents, dtype=np.int64)
        self.clock = np.zeros(1, dtype=np.int64)  # trades in the whole market
        room = None if rehearsals is None else RehearsalRoom(rehearsals, n_agents, actions, clones, members, rng)
        self.hindsight = Hindsight(self.price, paper_trades, greedy, room)
        self.start(1)

    @property
    @abstractmethod
    def kernels(self) -> Kernels:
        """The family's compiled functions: which agents' conditions hold, and what happens after they learned."""

    def start(self, rows: int) -> None:
        """Forget open trades and make room for `rows` parallel rows."""
        self._claims = np.zeros((rows, 3, self.members), dtype=np.int64)
        self._open = np.zeros((rows, 2), dtype=np.int64)
        self.hindsight.start()

    def open_past(self, rows: int, decay: float) -> np.ndarray:
        """Make room for the owners that royalties reach back to, with weight `decay` per sale; returns the weights by age."""
        length = lien_length(decay)
        shape = (rows, 3, self.members * length)
        if self._claims.shape != shape:
            self._claims = np.zeros(shape, dtype=np.int64)
            self._open = np.zeros((rows, 2), dtype=np.int64)
        return np.concatenate([[1.0], np.full(length - 1, decay)]).cumprod()

    @property
    def learning_arrays(self) -> tuple[Any, ...]:
        """What `learn_rows` reads and writes, in its order."""
        twins = self.clones if self.public else 1
        learned = (self.price, self.trades, self.clock, self.rate.parameters, self._claims, self._open)
        return *learned, twins, self.hindsight.arrays

    def match(self, observation: np.ndarray) -> np.ndarray:
        """The agents behind each bidder, int64 [B, n_bidders, K], for `observation` float64 [B, D].

        Raises InputError for observations of another width.
        """
        check_observations(observation, self.components)
        kernels = self.kernels
        matched = np.empty((len(observation), self.n_bidders, self.members), dtype=np.int64)
        kernels.match(observation, kernels.integers, kernels.reals, matched)
        return matched

    def bid(self, observation: np.ndarray) -> Bids:
        """Mean bid of every syndicate, [B, n_bidders]."""
        matched = self.match(observation)
        value = np.empty(matched.shape[:2])
        mean_bids(self.price, matched, value)
        return Bids.unchecked(value, bidder=matched)

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Each syndicate takes its own action."""
        return winner // self.clones if self.clones > 1 else winner

    def learn(self, receipt: Receipt) -> None:
        """Move the owners' bids, and those of the owners before them, towards what was realised."""
        rows, columns = receipt.observation.shape
        weights = self.open_past(rows, receipt.discount * receipt.royalty)
        self.open_tape(rows, columns)
        kernels = self.kernels
        stage = np.where(receipt.truncated, TRUNCATED, np.where(receipt.terminated, TERMINATED, SALE))
        learn_rows(
            receipt.valid, receipt.winner, receipt.realised, receipt.reward, stage, receipt.observation,
            receipt.next_observation, self.match(receipt.observation), weights, receipt.discount, kernels.addresses,
            kernels.integers, kernels.reals, *self.learning_arrays,
        )  # fmt: skip

    def open_tape(self, rows: int, columns: int) -> None:
        """Make room to remember episodes of `rows` rows, where the population trades on paper."""
        tape = self.hindsight.tape
        if (tape.shape[0], tape.shape[2]) != (rows, columns + 2):
            self.hindsight.open(rows, columns)

    def appraise(self, observation: np.ndarray) -> Bids:
        """The bids that greedy play reads: steady ones, if the population keeps them."""
        shown = self.hindsight.shown
        if shown is None:
            return self.bid(observation)
        matched = self.match(observation)
        value = np.empty(matched.shape[:2])
        mean_bids(shown, matched, value)
        return Bids.unchecked(value, bidder=matched)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays that make this population."""
        state = {"price": self.price.copy(), "trades": self.trades.copy(), "clock": self.clock.copy()}
        return {**state, **{f"hindsight_{name}": array for name, array in self.hindsight.state_dict().items()}}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays."""
        if state["price"].shape != self.price.shape:
            raise InputError(f"saved population has {len(state['price'])} agents, this one {len(self.price)}")
        self.price = np.array(state["price"])
        self.trades = np.array(state["trades"])
        self.clock = np.array(state["clock"])
        prefix = "hindsight_"
        self.hindsight.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})


def check_size(agents: int, why: str = "", repair: str = "choose fewer conditions") -> None:
    """Raise InputError for more than MOST_AGENTS agents. why: where they come from."""
    if agents > MOST_AGENTS:
        raise InputError(
            f"{why}{count_text(agents)} agents: wanted at most {MOST_AGENTS:,}, to fit into memory; {repair}"
        )


@njit(cache=True, forceinline=True)
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
def learn_rows(valid, winner, realised, reward, stage, observation, final, matched, weights, discount, addresses,
               integers, reals, price, trades, clock, rate, claims, opened, twins, hindsight):  # type: ignore[no-untyped-def]  # fmt: skip
    """One learning step per row, in order of rows: `learn_row` where valid, bool [B].

    winner, stage int64 [B]; realised, reward float64 [B]; addresses int64 [3]: of the family's match, enter and adapt.
    """
    for row in range(valid.shape[0]):
        if valid[row]:
            learn_row(row, winner[row], realised[row], reward[row], stage[row], observation, final, matched, weights,
                      discount, addresses, integers, reals, price, trades, clock, rate, claims, opened, twins,
                      hindsight)  # fmt: skip


@njit(cache=True, forceinline=True)
def learn_row(row, owner, realised, reward, stage, observation, final, matched, weights, discount, addresses,
              integers, reals, price, trades, clock, rate, claims, opened, twins, hindsight):  # type: ignore[no-untyped-def]  # fmt: skip
    """What bidder `owner` learns in one row when its right brought in `realised`, `reward` of it from the world.

    stage: SALE, TERMINATED or TRUNCATED (of `marketic.settlement`), the latter two at the end of an episode, the last
    with its final state in final[row]. observation float64 [B, D] and matched int64 [B, n, K]: where each right was
    bought, and the agents there; weights float64 [L]: of the last L owners, by age; claims int64 [B, 3, K * L] and
    opened int64 [B, 2]: see `_pay_claims`; twins: how many clones of an action learn from the trades of one.
    """
    members = matched[row, owner]
    if addresses[1] != 0:
        call_enter(
            addresses[1], observation, row, owner, members, integers, reals, price, trades, hindsight[0], hindsight[1]
        )
    bid = 0.0
    for k in range(members.shape[0]):
        trades[members[k]] += 1
        bid += price[members[k]]
    delta = realised - bid / members.shape[0]
    clock[0] += 1
    common = learning_rate(rate, 1, clock[0])
    if weights.shape[0] > 1:
        _pay_claims(row, matched, delta, common, weights, price, trades, clock, rate, claims, opened)
    for k in range(members.shape[0]):
        agent = members[k]
        alpha = common if rate[VISIT_EXPONENT] == 0.0 else learning_rate(rate, trades[agent], clock[0])
        price[agent] += alpha * delta
        if weights.shape[0] > 1:
            claim = opened[row, 0]
            claims[row, 0, claim], claims[row, 1, claim], claims[row, 2, claim] = agent, k, opened[row, 1]
            opened[row, 0] = claim + 1
    opened[row, 1] += 1
    if twins > 1:
        _copy_to_twins(row, matched, owner, twins, delta, price, trades, clock, rate)
    if addresses[2] != 0:
        call_adapt(addresses[2], observation, row, members, realised, delta, integers, reals, price, trades,
                   hindsight[0], hindsight[1])  # fmt: skip
    if stage != SALE:
        opened[row, 0], opened[row, 1] = 0, 0
    marks, returns = hindsight[5], hindsight[6]
    # without tape and rehearsals `look_back` would only count, and calls cost more than that
    if stage == SALE and hindsight[4].shape[1] == 0 and hindsight[8][0] == 0:
        marks[row, EPISODE_STEPS] += 1
        returns[row] += reward
        return
    look_back(row, owner, reward, stage, discount, observation, final, addresses[0], integers, reals, price, rate, clock[0],
              matched.shape[1], matched.shape[2], hindsight)  # fmt: skip


@njit(cache=True, forceinline=True)
def _pay_claims(row, matched, delta, common, weights, price, trades, clock, rate, claims, opened):  # type: ignore[no-untyped-def]  # fmt: skip
    """Earlier owners move their bids by their royalty of the surprise.

    The first opened[row, 0] claims are open: their agents, sectors, and the sales at which they bought are the three lines of
    claims[row]; opened[row, 1] counts the row's sales. A claim runs out with its weight, and replacing traces end it too:
    agents that stand where the right was bought, for any action, start anew (agent k of a syndicate only ever stands in
    sector k). Which claims end is hard to predict, so that there is no branch on it.
    """
    agents, sectors, sales = claims[row, 0], claims[row, 1], claims[row, 2]
    now, oldest, shared, kept = opened[row, 1], weights.shape[0] - 1, rate[VISIT_EXPONENT] == 0.0, 0
    for claim in range(opened[row, 0]):
        agent, sector, sale = agents[claim], sectors[claim], sales[claim]
        ends = 1 if now - sale > oldest else 0
        for i in range(matched.shape[1]):
            ends += 1 if matched[row, i, sector] == agent else 0
        alpha = common if shared else learning_rate(rate, trades[agent], clock[0])
        step = alpha * weights[min(now - sale, oldest)] * delta
        price[agent] += 0.0 if ends > 0 else step
        agents[kept], sectors[kept], sales[kept] = agent, sector, sale
        kept += 0 if ends > 0 else 1
    opened[row, 0] = kept


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
