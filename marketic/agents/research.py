"""Market research: a table whose agents bid from a counted model of the task instead of from their own trades alone.

All agents read one record of what followed each (state, action), a *claim*: how often it led where and with which reward.
Between trades the record is turned into prices by value iteration where something changed (prioritised sweeping, Moore
and Atkeson 1993). Bids are optimistic in proportion to what one more visit can still teach (`research_prices.prospectus`);
the sober prices that greedy play reads have no bonus. The most that a claim can be worth is not given but measured: the
best return realised so far and a margin.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from marketic.agents.counted_model import BUCKETS, GRID, KINDS, record
from marketic.agents.research_prices import audit, enqueue, quote, reprice
from marketic.agents.tabular import describe_state, state_strides
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.numbers import number, whole
from marketic.population import Receipt
from marketic.words import NO_WORDS, Words, rule

SPAN = 1000  # rewards kept per row for measuring realised returns
FLOOR = 1e-3  # smallest premium of an untried claim, currency (matters only while all rewards are 0)
TIE_BREAK = 2.0**-18  # currency: four ticks of the default ledger
LONGEST_VIEW = 0.999  # the worst price of an untried claim needs a finite horizon, also at discount 1
MODEL = ("visits", "kinds", "head", "sibling", "to", "ends", "count", "mean", "spread")
BUYERS = ("parent", "cousin", "claim")
QUEUES = ("queue", "queued", "cursor")
BELIEF = ("fresh", "trials", "evenness")
ENTRY = ("sibling", "cousin", "claim", "to", "ends", "count", "mean", "spread")
(USED, ENROLLED, INFORMED, STALE) = range(4)  # entries of `book`


class Research:
    """Agents, one per (state, action), that share one counted model; agent number = state * actions + action.

    states:    number of states, or the sizes of the finite goods that make a state (as in `Tabular`).
    actions:   number of actions, >= 1.
    bonus:     weight of the uncertainty about what is known, >= 0 (see `research_prices.prospectus`).
    doubt:     how slowly a claim that never surprised is trusted, > 0.
    margin:    premium of an untried claim over the best return realised so far, as a share of it, >= 0.
    precision: price changes below this share of the highest price are not passed on, > 0.
    effort:    most states repriced after one trade, >= 1.
    rounds:    states priced afresh after each trade because beliefs shared by all claims move, >= 0.

    It learns from transitions, whatever the payment rule: credit and realised of a receipt are not read.
    """

    def __init__(
        self,
        states: int | Sequence[int],
        actions: int,
        *,
        bonus: float = 1.0,
        doubt: float = 2.0,
        margin: float = 0.5,
        precision: float = 1e-4,
        effort: int = 1000,
        rounds: int = 4,
        rng: np.random.Generator,
    ) -> None:
        self.bonus, self.doubt = number("bonus", bonus, least=0), number("doubt", doubt, above=0)
        self.margin, self.precision = number("margin", margin, least=0), number("precision", precision, above=0)
        self.effort, self.rounds = whole("effort", effort, 1), whole("rounds", rounds, 0)
        self.states, self._strides = state_strides(states, actions)
        self.actions, self.rng = actions, rng
        self.discount = 0.99  # the chain's discount arrives with the first receipt
        self.n_agents, self.n_bidders = self.states * actions, actions
        self._open_model()
        self._open_prices()

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Research":
        """Market research for a task whose observations are finite goods. Raises InputError if one is real."""
        if goods.states is None:
            raise InputError(
                f"research agents need finite observations, not {goods.space}: try agents='tiles' or 'bank'"
            )
        return cls([good.size or 1 for good in goods], actions, rng=rng, **options)

    def _open_model(self) -> None:
        claims = self.n_agents
        self.visits, self.kinds = np.zeros(claims, np.int64), np.zeros(claims, np.int64)
        self.head, self.parent = np.full(claims, -1), np.full(self.states, -1)
        room = 64  # entries; doubled when they are used up
        self.sibling, self.cousin = np.zeros(room, np.int64), np.zeros(room, np.int64)
        self.claim, self.to, self.count = (np.zeros(room, np.int64) for _ in range(3))
        self.ends, self.mean, self.spread = np.zeros(room, np.bool_), np.zeros(room), np.zeros(room)
        self.fresh, self.trials = np.zeros((KINDS, BUCKETS)), np.zeros((KINDS, BUCKETS))
        self.likelihood, self.evenness = np.zeros((KINDS, GRID.size)), np.zeros(KINDS)

    def _open_prices(self) -> None:
        states = self.states
        self.price, self.audited = np.zeros(states), np.zeros(states)
        self.queue, self.queued = np.zeros(states, np.int64), np.zeros(states, np.bool_)
        self.cursor = np.zeros(3, np.int64)  # start, length, next state of the round
        self.roll, self.enlisted = np.zeros(states, np.int64), np.zeros(states, np.bool_)
        self.book = np.array([0, 0, 0, 1])
        self.range = np.zeros(2)  # ceiling, lowest reward (<= 0)
        self.diary, self.pages = np.zeros((0, SPAN)), np.zeros(0, np.int64)

    def prices(self) -> np.ndarray:
        """Sober bids as a table, float64 [states, actions, 1], currency."""
        states = np.arange(self.states)
        return self._sober(states)[:, :, None]

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, e.g. "in state 14: action 1, bids 0.83"."""
        state, action = divmod(int(agent), self.actions)
        bid = self._sober(np.array([state]))[0, action]
        return rule(describe_state(state, self._strides, words), words.move(action), bid)

    @property
    def trades(self) -> np.ndarray:
        """How many rights each agent has owned, int64 [n_agents]."""
        return self.visits

    def bid(self, observation: np.ndarray) -> Bids:
        """Optimistic bids, [B, actions]; ties are broken by a random premium of a few ticks."""
        states = self._state_of(observation)
        value = self._quote(states, False)
        premium = max(1e-7 * abs(self.range[0]), TIE_BREAK)
        return Bids.unchecked(value + premium * self.rng.random(value.shape), bidder=self._agents_at(states))

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Bidder number a takes action a."""
        return winner

    def appraise(self, observation: np.ndarray) -> Bids:
        """Sober bids: no bonus, and untried claims at the worst price. Prices afresh if something was learned since."""
        states = self._state_of(observation)
        return Bids.unchecked(self._sober(states), bidder=self._agents_at(states))

    def _sober(self, states: np.ndarray) -> np.ndarray:
        """Sober prices of states int64 [B], float64 [B, actions]."""
        if self.book[STALE]:
            most = 3000  # sweeps; value iteration at discount 0.99 needs about a thousand for its tolerance
            audit(self.actions, self.discount, self._worst(), 0.01 * self._tolerance(), most, self.audited, self.roll,
                  int(self.book[ENROLLED]), self._arrays(MODEL), self.evenness)  # fmt: skip
            self.book[STALE] = 0
        return self._quote(states, True)

    def learn(self, receipt: Receipt) -> None:
        """Enter the trades in the model and reprice what they changed."""
        self.discount = receipt.discount
        here, there = self._state_of(receipt.observation), self._state_of(receipt.next_observation)
        if self.pages.size != here.size:
            self.diary, self.pages = np.zeros((here.size, SPAN)), np.zeros(here.size, np.int64)
        for i in np.flatnonzero(receipt.valid).tolist():
            ended, cut = bool(receipt.terminated[i]), bool(receipt.truncated[i])
            self._enter(i, int(here[i]), int(receipt.winner[i]), float(receipt.reward[i]), int(there[i]), ended, cut)

    def _enter(self, row: int, s: int, a: int, reward: float, state: int, last: bool, cut: bool) -> None:
        if self.book[USED] == self.claim.size:
            for name in ENTRY:
                old = getattr(self, name)
                setattr(self, name, np.concatenate((old, np.zeros_like(old))))
        self._enlist(s)
        if not last:
            self._enlist(state)
        model, buyers, belief = self._arrays(MODEL), self._arrays(BUYERS), self._arrays(BELIEF)
        claim = s * self.actions + a
        self.book[USED] = record(claim, reward, state, last, model, buyers, belief, self.likelihood, self.book[USED])
        self.range[1] = min(self.range[1], reward)
        self.book[STALE] = 1
        self._measure(row, reward, last or cut)
        queues = self._arrays(QUEUES)
        enqueue(s, queues)
        for _ in range(min(self.rounds, int(self.book[ENROLLED]))):
            self.cursor[2] = (self.cursor[2] + 1) % self.book[ENROLLED]
            enqueue(self.roll[self.cursor[2]], queues)
        reprice(self.actions, self._terms(), self._tolerance(), self.effort, self.price, queues, buyers, model, belief)

    def _enlist(self, s: int) -> None:
        if not self.enlisted[s]:
            self.enlisted[s] = True
            self.roll[self.book[ENROLLED]] = s
            self.book[ENROLLED] += 1

    def _measure(self, row: int, reward: float, over: bool) -> None:
        """Keep the row's rewards; when its episode (or page) ends, price the best return among its suffixes."""
        best = reward
        self.diary[row, self.pages[row]] = reward
        self.pages[row] += 1
        if over or self.pages[row] == SPAN:
            tail = 0.0
            for r in self.diary[row, : self.pages[row]][::-1].tolist():
                tail = r + self.discount * tail
                best = max(best, tail)
            self.pages[row] = 0
        if not self.book[INFORMED] or best > self.range[0]:
            self._raise(best)

    def _raise(self, best: float) -> None:
        """Move the ceiling above the best realised return and let every known state be priced afresh.

        The margin makes the number of raises logarithmic in the size of the returns.
        """
        self.book[INFORMED] = 1
        self.range[0] = best + self.margin * abs(best) + FLOOR
        self.price[:] = self.range[0]
        for s in self.roll[: self.book[ENROLLED]]:
            enqueue(s, self._arrays(QUEUES))

    def _tolerance(self) -> float:
        return self.precision * max(abs(self.range[0]), FLOOR)

    def _worst(self) -> float:
        return float(self.range[1] / (1.0 - min(self.discount, LONGEST_VIEW)))

    def _terms(self) -> tuple[float, float, float, float]:
        return self.discount, float(self.range[0]), self.bonus, self.doubt

    def _arrays(self, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        return tuple(getattr(self, name) for name in names)

    def _quote(self, states: np.ndarray, frank: bool) -> np.ndarray:
        value = np.empty((states.size, self.actions))
        price = self.audited if frank else self.price
        model, belief = self._arrays(MODEL), self._arrays(BELIEF)
        quote(states, self.actions, self._terms(), self._worst(), frank, price, model, belief, value)
        return value

    def _agents_at(self, states: np.ndarray) -> np.ndarray:
        return (states[:, None] * self.actions + np.arange(self.actions))[:, :, None]

    def _state_of(self, observation: np.ndarray) -> np.ndarray:
        return (observation @ self._strides).astype(np.int64)

    def state_dict(self) -> dict[str, np.ndarray]:
        """All arrays (the generator's position belongs to whoever made it)."""
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray) and name[0] != "_"}
        return {**{name: np.array(value) for name, value in arrays.items()}, "discount": np.array([self.discount])}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays."""
        if state["visits"].shape != self.visits.shape:
            raise InputError(f"saved population has {len(state['visits'])} agents, this one {len(self.visits)}")
        if state["likelihood"].shape != self.likelihood.shape:
            raise InputError(
                f"saved population compares {state['likelihood'].shape[1]} degrees of evenness, not {GRID.size}"
            )
        arrays = {name: np.array(value) for name, value in state.items()}
        self.discount = float(arrays.pop("discount", [self.discount])[0])
        arrays.setdefault("spread", np.zeros_like(arrays["mean"]))  # saved before rewards were told apart
        for name, value in arrays.items():
            setattr(self, name, value)
