"""The bank: bidders that share one learned valuation, and settle old claims over and over.

Every action of the environment has one bidder. Its value for the right to act at s is a row of a small neural
network (`bank_network`), trained on a record of n-step claims (`bank_record`), 64 at a time:

    y = c R_n + gamma^m Q_posted(s', argmax_a Q(s', a)),     minimise Huber(Q(s, a) - y) by Adam

Claims are drawn by age, young ones more often (`bank_record.recent`): they were made by bidders more like today's.
Today's bids choose who would buy the right at s'; a slower posted price says what he would pay. This is Double DQN
(van Hasselt, Guez and Silver 2016) with n-step returns, normalised layers and a Polyak posted price. It prices
from its own record: credit and realised of a receipt are not read, so any payment rule gives the same bank.
c is the currency: 1 / rms of the discounted sum of rewards, so one learning rate serves tasks of any scale. When c
changes ("currency reform"), the last layer of every copy is multiplied by c_new / c_old, and its first layer is rewritten for
observations that are standardised anew (`bank_units`): no price moves.

Five copies of the network are kept. BIDDING learns and bids; POSTED follows it and values the claims; STEADY follows
it more slowly. SHOWN is the copy of STEADY that stood when the mean revenue of the last `window` training episodes was
at its best (the newest of equals), and is what `appraise` reads. FORMER is the best of the term before: a record
lapses after two terms, so that a bank in a changing world does not show for ever what once was good. No evaluation
episode is used.
With `trial` copies also play episodes themselves, without novices, and are ranked by those (see `bank_trials`). Novices only
cost revenue, so what training earns is what STEADY would earn at least: where that, less its standard error, is more than the
best copy earned in its trial, STEADY takes its place without one.

Exploration: now and then a novice (a bidder drawn at random) outbids the rest, and keeps doing so for a lease of k
steps with probability about k^-2 (Dabney, Ostrovski and Barreto 2021). Single random acts never break a habit such as
hovering until the time limit; a lease of ten steps does.
"""

from dataclasses import fields
from typing import Any

import numpy as np

from marketic.agents.bank_network import draw_parameters
from marketic.agents.bank_record import recent, record, record_size
from marketic.agents.bank_settle import BIDDING, CHALLENGER, FORMER, SHOWN, STEADY, price, settle
from marketic.agents.bank_terms import BankTerms
from marketic.agents.bank_trials import TRIED, Trials
from marketic.agents.bank_units import restandardise, standards
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.numbers import check_observations, check_room
from marketic.population import Receipt
from marketic.words import NO_WORDS, Words, rule

REFORMS = 64  # the last reform of currency and standardisation is at step REFORMS * warm
DESCRIBED = 1000  # remembered situations, evenly chosen, by which a bidder is described
ABOVE = 2.0**-19  # what a novice bids above the best, currency: two ticks of the default ledger


class Bank:
    """A population of one bidder per action, on observations of `inputs` real numbers; bidder a always takes action a.

    inputs:  D, length of an encoded observation, >= 1.
    actions: n, >= 1.
    rng:     the population's stream; whoever made it saves its position.
    terms:   hyper-parameters, by the names of `BankTerms`.

    It learns from transitions, whatever the payment rule: credit and realised of a receipt are not read.
    """

    option_names = tuple(field.name for field in fields(BankTerms))

    def __init__(self, inputs: int, actions: int, *, rng: np.random.Generator, **terms: Any) -> None:
        unknown = sorted(set(terms) - set(self.option_names))
        if unknown:
            raise InputError(f"unknown option {unknown[0]!r} for Bank: wanted one of {', '.join(self.option_names)}")
        if inputs < 1 or actions < 1:
            raise InputError(f"Bank(inputs={inputs}, actions={actions}): wanted at least one of each")
        self.inputs, self.bidders, self.rng = inputs, actions, rng
        self.n_agents = self.n_bidders = actions
        self.discount = 0.99  # the chain's discount arrives with the first receipt
        self.terms = BankTerms(**terms)
        self._open_network()
        self._open(1)

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Bank":
        """A bank for any supported observation; finite goods are read as numbers."""
        return cls(len(goods), actions, rng=rng, **options)

    def _open_network(self) -> None:
        terms, inputs = self.terms, self.inputs
        claims = record_size(terms.capacity, inputs)
        for name, size, width in (
            ("capacity", claims, 2 * inputs + 3),
            ("horizon", terms.horizon, inputs + 3),
            ("batch", terms.batch, 6 * terms.hidden + 2 * inputs),
        ):
            why = f"{name}={size} (bank, {inputs} components, hidden={terms.hidden})"
            check_room(size * width, why, f"choose a lower {name}")
        theta = draw_parameters(inputs, terms.hidden, self.bidders, self.rng)
        self.copies = np.stack([theta] * (6 if terms.trial else 5))
        self.moments = np.zeros((2, theta.size), np.float32)
        self.ring = np.zeros((claims, 2 * inputs + 3), np.float32)
        self.place = np.zeros(2, np.int64)  # cursor and number of claims in the ring
        self.mean = np.zeros(inputs, np.float32)
        self.scale = np.ones(inputs, np.float32)
        self.sums = np.zeros(2)
        self.currency = 1.0
        self.steps, self.done, self.episodes, self.term = 0, 0, 0, 0
        self.revenue = np.zeros(terms.window)
        self.best, self.former = -np.inf, -np.inf
        self.trials = Trials(terms.window)

    def bid(self, observation: np.ndarray) -> Bids:
        """Bids for observations [B, D]: value [B, n] in reward units, of which sometimes one is a novice's.

        A novice bids two ticks above the best: he wins the right and almost no price changes, so exploration costs the
        seller nothing. During the warm-up there always is one. Draws random numbers and uses up leases: not pure.
        Where a challenger plays, the bids are his and there are no novices.
        Observations of other rows than those in training are bid for without novices.
        """
        value = self._value(BIDDING, observation)
        if len(observation) != len(self.count):
            return Bids.unchecked(value, bidder=np.broadcast_to(self.bidder[:1], (*value.shape, 1)))
        chance = self.terms.novice if self.steps >= self.terms.warm else 1.0
        for b, (enters, stays) in enumerate(self.rng.random((len(observation), 2)).tolist()):
            if self.trials.playing[b]:
                value[b] = self._value(CHALLENGER, observation[b : b + 1])[0]
                continue
            if self.lease[b, 0] == 0 and enters < chance:
                self.lease[b] = min(self.terms.lease, int(1 / (1 - stays))), int(enters / chance * self.bidders)
            if self.lease[b, 0] > 0:
                self.lease[b, 0] -= 1
                value[b, self.lease[b, 1]] = value[b].max() + ABOVE
        return Bids.unchecked(value, bidder=self.bidder)

    def appraise(self, observation: np.ndarray) -> Bids:
        """What the best copy so far would bid, without novices; pure."""
        bidder = np.broadcast_to(self.bidder[:1], (len(observation), self.bidders, 1))
        return Bids.unchecked(self._value(self._shown, observation), bidder=bidder)

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """In plain words: what a bidder does, how often it would win what the bank remembers, and what it bids on average."""
        if not self.place[1]:
            return f"{words.move(agent)}, bids by the shared valuation, which has seen nothing yet"
        remembered = np.linspace(0, self.place[1] - 1, min(DESCRIBED, int(self.place[1]))).astype(np.int64)
        bids = self._value(self._shown, self.ring[remembered, : self.inputs])
        wins = f"in {100 * (bids.argmax(axis=1) == agent).mean():.0f} % of what is remembered"
        return f"{rule([wins], words.move(agent), float(bids[:, agent].mean()))} on average"

    @property
    def _shown(self) -> int:
        return SHOWN if self.best >= self.former else FORMER

    def start(self, rows: int) -> None:
        """Make room for `rows` parallel rows; claims that are still open are dropped."""
        self._open(rows)

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Bidder a plays action a."""
        return winner

    def learn(self, receipt: Receipt) -> None:
        """Record one receipt per environment and, every `interval` steps, settle old claims."""
        before, self.discount = self.steps, receipt.discount
        ended = record(
            self.ring,
            self.place,
            self.open,
            self.count,
            receipt.valid,
            receipt.observation,
            receipt.winner,
            receipt.reward,
            receipt.terminated,
            receipt.truncated,
            receipt.next_observation,
            self.discount,
            self.running,
            self.sums,
        )
        self.steps += int(np.count_nonzero(receipt.valid))
        for b, revenue in enumerate(ended.tolist()):
            if revenue == revenue:  # not nan: an episode ended
                self.lease[b] = 0
                self._rank(b, revenue)
        warm = self.terms.warm
        if before < REFORMS * warm and any(before < warm << k <= self.steps for k in range(REFORMS.bit_length())):
            self._reform()
        bursts = self.steps // self.terms.interval - before // self.terms.interval
        if self.steps >= warm and bursts and self.place[1]:
            self._settle(bursts * self.terms.updates)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Every array that the future depends on, except the generator's state."""
        state = {name: getattr(self, name).copy() for name in ARRAYS}
        state["ring"] = self.ring[: self.place[1]].copy()
        state["counters"] = np.array([self.steps, self.done, self.episodes, self.term], np.int64)
        state["scalars"] = np.array([self.currency, self.best, self.former])
        if self.terms.trial:
            state |= {f"trials_{name}": array for name, array in self.trials.state_dict().items()}
        return state

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Continue from `state_dict` of a bank with the same shapes and terms."""
        if state["copies"].shape != self.copies.shape:
            raise InputError(
                f"saved bank has networks {state['copies'].shape}, this one {self.copies.shape}: same terms?"
            )
        for name in ARRAYS:
            setattr(self, name, state[name].copy())
        self._open(len(self.count), keep=True)
        self.ring[: len(state["ring"])] = state["ring"]
        self.steps, self.done, self.episodes, self.term = state["counters"].tolist()
        self.currency, self.best, self.former = state["scalars"].tolist()
        if self.terms.trial:
            self.trials.load_state_dict({name: state[f"trials_{name}"] for name in self.trials.state_dict()})

    def _open(self, rows: int, keep: bool = False) -> None:
        """Books for `rows` environments; without `keep`, open claims are dropped."""
        ids = np.arange(self.bidders)[None, :, None]
        self.bidder = np.broadcast_to(ids, (rows, self.bidders, 1))
        if not keep:
            self.open = np.zeros((rows, self.terms.horizon, self.inputs + 3), np.float32)
            self.count = np.zeros(rows, np.int64)
            self.running = np.zeros((rows, 2))
            self.lease = np.zeros((rows, 2), np.int64)  # steps left to a novice, and which bidder he is
            self.trials.playing = np.zeros(rows, np.int64)

    def _value(self, copy: int, observation: np.ndarray) -> np.ndarray:
        check_observations(observation, self.inputs)
        value = price(
            self.copies[copy], self.mean, self.scale, observation, self.bidders, self.terms.hidden, self.terms.normalise
        )
        return value.astype(np.float64) / self.currency

    def _rank(self, row: int, revenue: float) -> None:
        """An episode ended: compare the copy that is now judged with the best so far.

        Of two copies that earned alike the older stays where there are trials. Without, training episodes alone rank, played by
        today's bids: there the newer takes over, which has learned longer, and no return beats the highest there is.
        """
        terms, tried = self.terms, self.trials.playing[row] > 0
        self.episodes += 1
        if self.steps // terms.tenure > self.term:
            self.term = self.steps // terms.tenure
            self.copies[FORMER], self.former = self.copies[SHOWN], self.best
            self.best = -np.inf
        judged = CHALLENGER if tried else STEADY
        score = self.trials.enter(row, revenue, self.best) if tried else self._trained(revenue)
        if score > self.best or (score == self.best > -np.inf and not terms.trial):
            self.copies[SHOWN], self.best = self.copies[judged], score
        elif self.best == -np.inf:
            self.copies[SHOWN] = self.copies[STEADY]
        if terms.trial:
            wanted = self.steps >= TRIED * terms.warm and self.episodes % terms.trial == 0
            if self.trials.call(row, wanted):
                self.copies[CHALLENGER] = self.copies[STEADY]

    def _trained(self, revenue: float) -> float:
        """The score of STEADY by the last `window` episodes of training, of which `revenue` is the newest; -inf before."""
        window, count = self.terms.window, self.episodes - self.trials.played
        self.revenue[(count - 1) % window] = revenue
        if count < window:
            return -np.inf
        doubt = self.revenue.std() / np.sqrt(window) if self.terms.trial else 0.0
        return float(self.revenue.mean() - doubt)

    def _reform(self) -> None:
        """Standardise observations and the currency anew, at steps warm, 2 warm, ... REFORMS * warm."""
        if self.place[1]:
            before = self.mean, self.scale
            self.mean, self.scale = standards(self.ring[: self.place[1], : self.inputs])
            if self.done:  # first weights were drawn for standardised observations: they stay
                restandardise(self.copies, self.moments, self.terms.hidden, before, (self.mean, self.scale))
        currency = 1 / np.sqrt(self.sums[0] / self.sums[1]) if self.sums[0] > 0 else 1.0
        founded = self.currency != 1.0  # not before a reward was seen: random first bids would dwarf small rewards
        last = (self.terms.hidden + 1) * self.bidders
        self.copies[:, -last:] *= np.float32(currency / self.currency if founded else min(currency, 1.0))
        self.currency = float(currency)

    def _settle(self, updates: int) -> None:
        terms = self.terms
        index = recent(self.rng, self.place, len(self.ring), terms.recency, (updates, terms.batch))
        rate = terms.rate * max(terms.rate_floor, 1 - self.steps / terms.rate_steps)
        settle(
            self.copies,
            self.moments,
            self.ring,
            index,
            self.mean,
            self.scale,
            self.bidders,
            terms.hidden,
            terms.normalise,
            self.currency,
            terms.error_limit,
            (rate, terms.posted_rate, terms.steady_rate),
            self.done,
        )
        self.done += updates


ARRAYS = ("copies", "moments", "place", "mean", "scale", "sums", "revenue", "open", "count", "running", "lease")
