"""A wide market: every part of a factored task trades, and prices of what is scarce hold the parts together.

Goods of three kinds (see `marketic.factoring` for how a task declares its parts):
- the right to set a component of the action: one auction each, held by the market's mechanism;
- scarce resources, rival: price lambda per unit, moved by excess demand, lambda <- lambda + eta (demand - capacity) /
  capacity (tatonnement). Values are net of it, so a part holds back when others need a resource more. In each step the
  units there are go to the bids that offer most (`share_out`), at the first bid that lost, which may be below lambda:
  lambda balances supply and demand on average, and a crew that stands idle today is free;
- states of parts, non-rival: what it is worth that part i is in state y tomorrow is a price, a table over y: the part's
  own value plus what its children offer for it (`price_states`). Offers for one and the same state add up.

With the Lagrangian prices and one resource this is the index policy of weakly coupled decision processes (Hawkins 2003;
Whittle 1988); with parents it is factored policy iteration (Guestrin, Koller and Parr 2002) by trade.
"""

from typing import Any

import numpy as np

from marketic.agents.goods_market_kernels import share_out
from marketic.agents.goods_market_learning import Model, Trades
from marketic.agents.goods_market_parts import Parts
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.factoring import Factoring, factoring_of
from marketic.goods import Goods
from marketic.numbers import currency, number, share, whole
from marketic.population import Receipt

KNOWLEDGE = ("counted", "trades", "given")
TICK = 1e-6
"""Rents are whole numbers of this, currency."""
HAIR = 2.0**-18
"""By how much the action that is to win is bid above the others, currency."""

STATE = ("resource_prices", "rent_paid", "rent_received", "clock", "discount")
"""What training changes, beside what the learner knows."""


class GoodsMarket:
    """Agents, one per part and action: agent = part * A + action. Part i's bids are for component i of the action.

    factoring: what the parts are. goods: of the observation. actions: int64 [n], how many each part has.
    knowledge: "counted": parts count what follows their actions and value it (default); "trades": no model, Q-learning in
              every part's own table; "given": the factoring's model, nothing but prices is learned.
    explore:  chance of a step in which the resources go to random bids, in [0, 1].
    trials:   how often every action is tried in every local state before what is known of it counts, >= 0.
    price_rate: eta, how fast prices follow excess demand at first, > 0; it falls with experience.
    exponent: of the visits in the rates of "trades", in (0.5, 1].
    discount: until the first receipt brings the chain's.

    resource_prices: float64 [K], lambda, currency per unit. rent_paid int64 [n], rent_received int64 [K]: what parts paid
    for resources in all training steps, at each step's own prices, in millionths; their sums are equal.
    """

    takes_views = True  # parts read one observation, and never write to it

    def __init__(
        self,
        factoring: Factoring,
        goods: Goods,
        actions: np.ndarray,
        *,
        knowledge: str = "counted",
        explore: float = 0.05,
        trials: int = 2,
        price_rate: float = 0.05,
        exponent: float = 0.7,
        discount: float = 0.95,
        rng: np.random.Generator,
    ) -> None:
        _check(knowledge, explore, trials, price_rate, exponent, discount)
        if knowledge == "given" and factoring.model is None:
            raise InputError("knowledge='given': the environment's factoring has no model; take 'counted' or 'trades'")
        self.factoring, self.parts = factoring, Parts.of(factoring, goods, np.asarray(actions))
        self.knowledge, self.explore, self.price_rate = knowledge, float(explore), float(price_rate)
        self.discount, self.rng = float(discount), rng
        self.trials = 0 if knowledge == "given" else int(trials)
        self.n_bidders, self.n_agents = self.parts.actions, self.parts.n * self.parts.actions
        self.seats = self.parts.present.sum(
            axis=1
        )  # bidders of each right: components may have different numbers of actions
        self.learner: Trades | Model = (
            Trades(self.parts, exponent)
            if knowledge == "trades"
            else Model(self.parts, factoring.model if knowledge == "given" else None)
        )
        self.resource_prices = np.zeros(len(self.parts.capacity))
        self.rent_paid = np.zeros(self.parts.n, dtype=np.int64)
        self.rent_received = np.zeros(len(self.parts.capacity), dtype=np.int64)
        self.clock = np.zeros(2)  # steps learned from, mean size of a part's reward
        self._agents = np.arange(self.n_agents).reshape(self.parts.n, -1, 1)
        mean_use = self.parts.uses.sum(axis=(0, 1)) / np.maximum((self.parts.uses > 0).sum(axis=(0, 1)), 1)
        self._unit = np.where(mean_use > 0, mean_use, 1.0)

    @classmethod
    def for_market(
        cls, env: Any, goods: Goods, rights: Goods, *, rng: np.random.Generator, **options: Any
    ) -> "GoodsMarket":
        """A goods market for a task and all its rights at once. Raises InputError where no part can read its state."""
        return cls(factoring_of(env, goods, rights), goods, rights.sizes, rng=rng, **options)

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "GoodsMarket":
        """A market of one part that reads everything, for a task with one right. Raises InputError if a good is real."""
        if goods.states is None:
            raise InputError(
                f"a goods market needs finite observations, not {goods.space}: try agents='tiles' or 'bank'"
            )
        return cls(Factoring(reads=[range(len(goods))]), goods, np.array([actions]), rng=rng, **options)

    def bid(self, observation: np.ndarray) -> Bids:
        """Bids [B, A], B = copies * n, that lead to what the resources allow; sometimes a random allocation of them."""
        return self._bids(observation, True)

    def appraise(self, observation: np.ndarray) -> Bids:
        """The same without exploration."""
        return self._bids(observation, False)

    def _bids(self, observation: np.ndarray, training: bool) -> Bids:
        parts = self.parts
        local = parts.local(parts.own(observation[:: parts.n]))
        value = np.empty((len(observation), parts.actions))
        for copy, here in enumerate(local):
            rows = slice(copy * parts.n, (copy + 1) * parts.n)
            value[rows] = self._offers(here, self._curiosity(here) if training else None)
        copies = len(local)
        active, bidder = np.tile(parts.present, (copies, 1)), np.tile(self._agents, (copies, 1, 1))
        return Bids.unchecked(np.where(active, value, 0.0), active, bidder=bidder)

    def _curiosity(self, local: np.ndarray) -> np.ndarray | None:
        """Bids of a training step made to find out, float64 [n, A]: nan where there is none. None: none at all."""
        parts = self.parts
        if self.explore > 0.0 and self.rng.random() < self.explore:
            return self.rng.random(parts.present.shape)
        untried = (self.learner.visits[parts.kind, local] < self.trials) & parts.present
        return np.where(untried, self.rng.random(untried.shape), np.nan) if untried.any() else None

    def _offers(self, local: np.ndarray, curiosity: np.ndarray | None) -> np.ndarray:
        """What each part bids for each of its actions, net of today's price of what it uses, float64 [n, A]."""
        parts, rows = self.parts, np.arange(self.parts.n)
        quality = self.learner.quality(local, self.resource_prices, self.discount)
        asked = quality
        if curiosity is not None:  # curious bids come before all others
            above = quality.max() - np.where(parts.present, quality, np.inf).min() + 1.0
            asked = np.where(np.isnan(curiosity), quality, quality.max() + above * (1.0 + curiosity))
            asked[~parts.present] = -np.inf
        chosen, spot = self.allocate(asked)
        offers = quality - parts.uses @ spot if curiosity is None else quality
        offers[rows, chosen] = np.maximum(offers[rows, chosen], offers.max(axis=1) + HAIR)
        return offers

    def allocate(self, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The actions that the resources allow, int64 [n], and today's prices, float64 [K]; quality float64 [n, A].

        With several resources, bids are ranked at the long-run prices and at prices tilted towards each resource in
        turn; the ranking that creates most value is kept.
        """
        parts, gain = self.parts, quality - quality[:, :1]
        worth = self.resource_prices + 1e-6 * (self.resource_prices.max(initial=0.0) or 1.0) * self._scale()
        tilts = [np.ones_like(worth)]
        if len(worth) > 1:
            tilts += [1.0 + (factor - 1.0) * unit for factor in (0.5, 2.0) for unit in np.eye(len(worth))]
        best = -np.inf
        for tilt in tilts:
            trial = np.zeros(parts.n, dtype=np.int64)
            cut_off = share_out(gain, parts.uses, parts.capacity, worth * tilt, trial)
            total = float(gain[np.arange(parts.n), trial].sum())
            if total > best:
                best, chosen = total, trial
                spot = cut_off * worth * tilt if np.isfinite(cut_off) else np.zeros_like(worth)
        return chosen, spot

    def _scale(self) -> np.ndarray:
        """A natural unit of the resources' prices, float64 [K]: inverse of what one typical use takes."""
        return 1.0 / self._unit

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Bidder number a takes action a."""
        return winner

    def learn(self, receipt: Receipt) -> None:
        """Learn from every copy's step, then let prices follow what would be wanted at them."""
        parts, self.discount = self.parts, float(receipt.discount)
        for first in range(0, len(receipt.valid), parts.n):
            if not receipt.valid[first]:
                continue
            rows = slice(first, first + parts.n)
            own = parts.own(receipt.observation[first : first + 1])
            next_own = parts.own(receipt.next_observation[first : first + 1])
            local, following = parts.local(own)[0], parts.local(next_own)[0]
            action, reward = receipt.winner[rows], receipt.reward[rows]
            self.clock[0] += 1
            self.clock[1] += (np.abs(reward).mean() - self.clock[1]) / self.clock[0]
            if len(self.resource_prices):
                self._trade_resources(local, action)
            self.learner.record(
                local, action, reward, following, next_own[0], bool(receipt.terminated[first]),
                self.resource_prices, self.discount,
            )  # fmt: skip
            self.learner.review(self.resource_prices, self.discount)

    def _trade_resources(self, local: np.ndarray, action: np.ndarray) -> None:
        """Book the rents of this step's uses, and move the long-run prices towards balance."""
        parts, rows = self.parts, np.arange(self.parts.n)
        quality = self.learner.quality(local, self.resource_prices, self.discount)
        _, spot = self.allocate(quality)
        rent = np.rint(parts.uses[rows, action] * spot / TICK).astype(np.int64)
        self.rent_paid += rent.sum(axis=1)
        self.rent_received += rent.sum(axis=0)
        wanted = (quality - parts.uses @ self.resource_prices).argmax(axis=1)
        excess = parts.uses[rows, wanted].sum(axis=0) / parts.capacity - 1.0
        rate = self.price_rate / (1.0 + self.clock[0] / 1000.0) ** 0.75
        step = rate * self.clock[1] * self._scale() * np.clip(excess, -1.0, 1.0)
        self.resource_prices = np.maximum(self.resource_prices + step, 0.0)

    def state_dict(self) -> dict[str, np.ndarray]:
        """What learning changed."""
        mine = {name: np.array(getattr(self, name)) for name in STATE}
        return {**mine, **{f"learner.{name}": getattr(self.learner, name).copy() for name in self.learner.arrays}}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays."""
        for name, array in state.items():
            owner, _, field = name.rpartition(".")
            setattr(self.learner if owner else self, field, np.array(array))
        self.discount = float(self.discount)
        if isinstance(self.learner, Model):
            self.learner.load()


def _check(knowledge: str, explore: float, trials: int, price_rate: float, exponent: float, discount: float) -> None:
    if not isinstance(knowledge, str) or knowledge not in KNOWLEDGE:
        raise InputError(f"knowledge={knowledge!r}: wanted one of {', '.join(KNOWLEDGE)}")
    share("explore", explore)
    whole("trials", trials, 0)
    currency("price_rate", number("price_rate", price_rate, above=0))
    if share("exponent", exponent) <= 0.5:
        raise InputError(f"exponent={exponent!r}: wanted a number above 0.5 and at most 1")
    if share("discount", discount) == 1.0:
        raise InputError(f"discount={discount!r}: wanted a number from 0 to below 1")
