"""Condition-action rules that trade: a classifier system whose fitness is wealth (Holland 1986; Wilson 1995; Baum 1999).

A rule is a condition over bits or intervals and an action, `01#1## -> 1`. All rules that match and want the same action
form a syndicate; what they quote together is its bid for the right to act, made by the richest of them. The rules' own
capital is in the population's books (see `rule_books`), apart from the market's ledger, and as exact: what they own, the
house and the world add up to 0 ticks after every trade. Two kinds of contract: `Bets` (win or lose in one step; accuracy
found by competition) and `Prices` (many steps; a bucket brigade).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.agents.birth_table import CODE, PER_AGENT, genealogy_of
from marketic.agents.rule_alphabet import Alphabet
from marketic.agents.rule_bits import pack, unpack, words_for
from marketic.agents.rule_books import BORN, HOUSE, MOST_MONEY, TICKS, WORLD, enter, total
from marketic.agents.rule_exchanges import BetExchange, PriceExchange, alive, open_exchange
from marketic.agents.rule_prices import Prices
from marketic.agents.rule_walk import check_table
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.genealogy import Genealogy
from marketic.goods import Goods
from marketic.in_process import InProcess
from marketic.numbers import all_amounts, all_finite, check_room, share, whole
from marketic.population import Receipt
from marketic.words import NO_WORDS, Words, deed, rule

MOST_SEATS = 2**24
"""Most rules, so that they fit into memory."""


@dataclass(frozen=True)
class Rule:
    """One rule as it stands. bid: its belief or price; wealth: currency; parent: uid, or -1; born: in trades so far."""

    condition: str
    action: int
    bid: float
    wealth: float
    trials: float
    uid: int
    parent: int
    born: int
    seat: int

    def __str__(self) -> str:
        arrow = f"{self.condition} -> {self.action}" if set(self.condition) <= set("01#") else ""
        return arrow or f"if {self.condition}: {self.action}"


class Rules(InProcess):
    """A population of rules; agent s < capacity is the rule on seat s, agent capacity + a the house's stall for action a.

    alphabet: the language of conditions (see `rule_alphabet`). actions: how many, >= 1. contract: `Bets(...)` or `Prices(...)`.
    capacity: seats, >= 1. rng: seeds all that is random here.
    """

    def __init__(
        self, alphabet: Alphabet, actions: int, *, contract: Any = None, capacity: int = 4096, rng: np.random.Generator
    ) -> None:
        if not all_finite(actions, capacity) or actions < 1 or capacity < 1:
            raise InputError(
                f"Rules(actions={actions}, capacity={capacity}): wanted at least one of each: nobody could enter"
            )
        self.alphabet, self.rng, self.actions = alphabet, rng, whole("actions", actions, 1)
        self.capacity = whole("capacity", capacity, 1, MOST_SEATS)
        check_room(
            self.capacity * PER_AGENT * (CODE + 1 + 2 * words_for(alphabet.positions)),
            f"capacity={capacity} for rules over {alphabet.positions} positions", "set a lower capacity",
        )  # fmt: skip
        self.contract = Prices() if contract is None else contract
        self.n_agents, self.n_bidders = self.capacity + self.actions, self.actions
        self.exchange = open_exchange(self.contract, self.actions, alphabet.positions, self.capacity, rng)
        self._shown = self._held = (np.zeros((0, 0)), np.zeros(0, dtype=bool))

    @classmethod
    def for_spaces(
        cls,
        goods: Goods,
        actions: int,
        *,
        rng: np.random.Generator,
        cuts: int | Sequence[Sequence[float]] = 7,
        **options: Any,
    ) -> "Rules":
        """Rules over a task's observation. cuts: of its real components (see `Alphabet.of`)."""
        return cls(Alphabet.of(goods, cuts), actions, rng=rng, **options)

    def bid(self, observation: np.ndarray) -> Bids:
        """Each action's quote, [B, actions]; where the market wants to explore, random bids."""
        bids = self.appraise(observation)
        explores = self.exchange.explores(bids.value, self.rng)
        if explores.any():
            bids.value[explores] = self.rng.random((int(explores.sum()), self.actions))
        self._shown = (observation.copy(), explores)
        return bids

    def appraise(self, observation: np.ndarray) -> Bids:
        """Each action's quote, [B, actions], without exploration."""
        value, lead = self.exchange.quote(self.alphabet.encode(observation))
        stalls = self.capacity + np.arange(self.actions)
        return Bids.unchecked(value, bidder=np.where(lead < 0, stalls, lead)[:, :, None])

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Bidder a takes action a."""
        if np.array_equal(observation, self._shown[0]):
            self._held = self._shown
        return winner

    def learn(self, receipt: Receipt) -> None:
        """Settle the rules' contracts on what their rights fetched."""
        observation, explored = self._held
        if observation.shape != receipt.observation.shape:
            explored = np.zeros(len(receipt.valid), dtype=bool)
        words = self.alphabet.encode(receipt.observation)
        for row in np.flatnonzero(receipt.valid).tolist():
            self.exchange.learn(words[row], int(receipt.winner[row]), float(receipt.realised[row]), bool(explored[row]))

    def study(self, observation: np.ndarray, payoff: np.ndarray, *, explore: float = 1.0) -> int:
        """Learn from one-step problems in one compiled loop; the number of wins. For `Bets` only.

        observation: [n, D], encoded. payoff: bool [n, actions], which actions would win; the market sees that of the one it
        takes. explore: share of the served problems at which it is drawn at random.
        """
        words, wins = self.alphabet.encode(observation), np.ascontiguousarray(payoff, dtype=bool)
        if not isinstance(self.exchange, BetExchange):
            raise InputError(
                "study() is for contracts that are won or lost: build the population with contract=Bets(...)"
            )
        if wins.shape != (len(words), self.actions):
            raise InputError(f"study(payoff{wins.shape}): wanted payoff[{len(words)}, {self.actions}]")
        return self.exchange.play(words, wins, share("study: explore", explore))

    def wander(
        self, observation: np.ndarray, following: np.ndarray, reward: np.ndarray, starts: np.ndarray, episodes: int,
        *, longest: int = 50, explore: float = 0.5, discount: float = 0.9,
    ) -> int:  # fmt: skip
        """Learn a table of situations in one compiled loop; the number of steps. For `Prices` only; see `rule_walk.walk`.

        longest: steps of an episode at most. explore: share of episodes at random. discount: in [0, 1]. Raises InputError
        for a table that is none.
        """
        if not isinstance(self.exchange, PriceExchange):
            raise InputError("wander() is for contracts with prices: build the population with contract=Prices(...)")
        words, size = self.alphabet.encode(observation), (len(observation), self.actions)
        table = check_table(following, reward, starts, size)
        episodes, longest = whole("wander: episodes", episodes, 0), whole("wander: longest", longest, 0)
        explore, discount = share("wander: explore", explore), share("wander: discount", discount)
        return self.exchange.walk((words, *table), episodes, longest, explore, discount)

    def answers(self, observation: np.ndarray) -> np.ndarray:
        """The action with the highest quote for each observation [B, D]; -1 where two tie: int64 [B]."""
        value, _ = self.exchange.quote(self.alphabet.encode(observation))
        top = value == value.max(axis=1, keepdims=True)
        return np.where(top.sum(axis=1) == 1, top.argmax(axis=1), -1)

    def close(self) -> None:
        """No more entrants, for `Prices`: rules that nobody buys from then die of the tax, and cheap ones become general.

        Let it then trade without exploration.
        """
        if not isinstance(self.exchange, PriceExchange):
            raise InputError("close() is for contracts with prices: for Bets, set entry=Offspring(children=0)")
        self.exchange.admits[0] = False

    @property
    def n_rules(self) -> int:
        """How many rules there are."""
        return alive(self.exchange)

    @property
    def trades(self) -> np.ndarray:
        """How many trades each agent's rule has learned from, int64 [n_agents]; 0 for empty seats and the house's stalls."""
        books = self.exchange.books
        return np.concatenate([np.where(books.uid >= 0, books.trials, 0.0), np.zeros(self.actions)]).astype(np.int64)

    @property
    def imbalance(self) -> int:
        """All the rules' money, the house's and the world's, in ticks: 0, always."""
        return total(self.exchange.books)

    @property
    def accounts(self) -> dict[str, int]:
        """The books in ticks of 2**-20: what the rules own together, the house, and the world."""
        books = self.exchange.books
        return {"rules": int(books.wealth.sum()), "house": int(books.money[HOUSE]), "world": int(books.money[WORLD])}

    def rules(self) -> list[Rule]:
        """Everybody, the richest first."""
        books = self.exchange.books
        seats = np.flatnonzero(books.uid >= 0)
        return [self.rule_on(seat) for seat in seats[np.argsort(-books.wealth[seats], kind="stable")].tolist()]

    def rule_on(self, seat: int) -> Rule:
        """The rule on a seat. Raises InputError if it is empty."""
        books = self.exchange.books
        if not 0 <= seat < self.capacity or books.uid[seat] < 0:
            raise InputError(f"nobody sits on seat {seat}: see rules()")
        text = self.alphabet.text(*self._condition(seat))
        return Rule(
            text, int(books.action[seat]), self.exchange.belief(seat), float(books.wealth[seat] / TICKS),
            float(books.trials[seat]), int(books.uid[seat]), int(books.parent[seat]), int(books.born[seat]), seat,
        )  # fmt: skip

    def _condition(self, seat: int) -> tuple[np.ndarray, np.ndarray]:
        books, positions = self.exchange.books, self.alphabet.positions
        mask, value = unpack(books.mask[:, seat], positions), unpack(books.value[:, seat], positions)
        return mask, value

    def admit(self, condition: str, action: int, *, endowment: float = 1.0) -> int:
        """Seat a rule written as a ternary string, such as "01#1##"; the house endows it. Returns its seat.

        Raises InputError for a string of another length, an action or an endowment that cannot be, or if all seats are taken.
        """
        mask, value = self.alphabet.parse(condition)
        sound = all_amounts(action, endowment) and action == int(action) and 1 / TICKS <= endowment <= MOST_MONEY
        if not (sound and 0 <= action < self.actions):
            raise InputError(
                f"admit(action={action!r}, endowment={endowment!r}): wanted an action below {self.actions}, money > 0 and "
                f"at most {MOST_MONEY:,}"
            )
        books = self.exchange.books
        seat = enter(books, pack(mask[None])[0], pack(value[None])[0], int(action), -1, -1, int(endowment * TICKS))
        if seat < 0:
            raise InputError(f"all {self.capacity} seats are taken: build the population with a larger capacity")
        return int(seat)

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, e.g. "observation 0 is 1 and observation 3 is 0: action 1, bids 0.98"."""
        if agent >= self.capacity:
            return rule([], words.move(agent - self.capacity), 0.0) + " (the house's stall)"
        if self.exchange.books.uid[agent] < 0:
            return "an empty seat"
        found = self.rule_on(agent)
        return rule(self.alphabet.clauses(*self._condition(agent), words), words.move(found.action), found.bid)

    def genealogy(self, words: Words = NO_WORDS) -> Genealogy:
        """The rules alive and their ancestors, as far as memory goes (see `marketic.agents.birth_table`); times in trades."""
        books = self.exchange.books
        size = len(books.mask)

        def says(code: np.ndarray) -> str:
            mask, value = code[1 : 1 + size].view(np.uint64), code[1 + size :].view(np.uint64)
            given, wanted = (unpack(part, self.alphabet.positions) for part in (mask, value))
            return deed(self.alphabet.clauses(given, wanted, words), words.move(int(code[0])))

        return genealogy_of(books.kin, books.uid, says)

    @property
    def births(self) -> int:
        """How many rules have entered so far."""
        return int(self.exchange.books.counts[BORN])

    def state_dict(self) -> dict[str, np.ndarray]:
        """All that learning changes, as arrays (the generator's position belongs to whoever made it)."""
        return self.exchange.state_dict()

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays. Raises InputError for those of another market."""
        self.exchange.load_state_dict(state)
        self._shown = self._held = (np.zeros((0, 0)), np.zeros(0, dtype=bool))
