"""A portfolio: societies of different families live on one record, and the one that earns most acts.

Which family suits a task (a table, tiles, a network) cannot be read from its spaces alone. So all that the spaces allow are
founded, each with its family's own defaults. One of them *rules* at a time: its bids decide who acts. All of them learn from
every trade, whoever ruled; a society whose bids are learned from prices is quoted its own, not the ruler's. This is
algorithm selection over off-policy learners (Laroche and Feraud 2018): a society that never rules still learns.

Episodes are auctioned among the societies (`portfolio_books`). Mostly the ruler bids as it does in training,
novices and optimism included; every third time it *shows* the bids that greedy play would read. Only shown episodes
enter the books: what a society earns while it explores says little about what it has learned. Greedy play reads the society
with the best books.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from marketic.agents.bank import ABOVE, Bank
from marketic.agents.firm_books import part_of
from marketic.agents.portfolio_books import RevenueBooks
from marketic.agents.portfolio_guests import GUESTS, GuestBank
from marketic.agents.research import Research
from marketic.agents.syndicates import Syndicates
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.numbers import number, share
from marketic.population import Population, Receipt
from marketic.registry import resolve
from marketic.words import NO_WORDS, Words

MOST_TILED = 16
"""Most components of an observation that tiles are laid over by default: their number grows with its square."""
SHOWN_EVERY = 3
"""Of so many episodes that a society rules, it shows one."""
LONG = 2  # a rule ends in mid-episode after this many times the longest episode that ever ended
OWN_RECORD = (Bank, Research)  # they price from rewards and states alone, whatever a receipt says of prices
RULE = ("rows", "ruler", "longest", "served", "time", "count", "whole", "_next")
Parts = dict[str, np.ndarray]


class Portfolio:
    """A population of whole societies, of which one acts at a time and all learn from every trade.

    societies: populations with the same number of bidders, bidder i of each taking the same action. The agents of the first
               come first, then the second's, and so on.
    terms:     for each society the `discount` and `royalty` by which it values what follows; those left out are the chain's.
    rng:       of the auctions and of the novices; whoever made it saves its position.
    forgetting: how soon revenues are forgotten, >= 0 (see `portfolio_books`); 0: never.
    novice:    probability per step that a random bidder outbids the rest while a society rules that does not explore by
               itself (`Syndicates`), in [0, 1].

    Episodes are those of row 0: another society can take over when one ends, or when a rule has lasted twice as long as
    the longest episode that ever ended, so that a task without a time limit cannot be stalled; what it earned until then
    is its revenue. Training that stops (`Market.learn`) drops the episode that is open. Societies founded by `for_spaces`
    have their family's defaults and no options. Observations of other rows than those in training are bid for without novices.

    Raises InputError for no societies, for numbers out of range, and for societies that cannot share an auction.
    """

    def __init__(
        self,
        societies: Sequence[Population],
        *,
        terms: Sequence[dict[str, float]] | None = None,
        rng: np.random.Generator,
        forgetting: float = 2.0,
        novice: float = 0.05,
    ) -> None:
        if not societies or len({society.n_bidders for society in societies}) != 1:
            raise InputError("Portfolio: wanted one society or more, all with the same number of bidders")
        if terms is not None and len(terms) != len(societies):
            raise InputError(f"Portfolio: {len(terms)} terms for {len(societies)} societies: wanted one for each")
        forgetting, self.novice = number("forgetting", forgetting, least=0), share("novice", novice)
        self.societies, self.rng = list(societies), rng
        self.terms = list(terms or [{}] * len(societies))
        self.n_bidders = societies[0].n_bidders
        self.n_agents = sum(society.n_agents for society in societies)
        self._first = np.cumsum([0] + [society.n_agents for society in societies])
        self._members = max(getattr(society, "members", 1) for society in societies)
        self.books = RevenueBooks(len(societies), forgetting)
        self.rules = np.zeros(len(societies), dtype=np.int64)  # how often each has ruled
        self.ruler, self.longest, self.time = 0, 0, 1  # time: trades so far
        self.start(1)

    @classmethod
    def for_spaces(
        cls,
        goods: Goods,
        actions: int,
        *,
        rng: np.random.Generator,
        families: Sequence[Any] | None = None,
        forgetting: float = 2.0,
        novice: float = 0.05,
    ) -> "Portfolio":
        """A society of each of `families` (names, "module:Name", classes), with that family's defaults.

        None: market research if the states fit a table, tiles if a component is real, and the bank.
        """
        from marketic.preset_table import for_any  # it imports the families

        fits = isinstance(families, list | tuple) and families and all(map(_is_family, families))
        if families is not None and not fits:
            raise InputError(f"families={families!r}: wanted a list of families: names, module:Name or classes")
        chosen = _fitting(goods) if families is None else list(families)
        defaults = [for_any(goods.states, family) if isinstance(family, str) else None for family in chosen]
        terms = [{} if it is None else {"discount": it.discount, "royalty": it.royalty} for it in defaults]
        named = [resolve("agents", family) if isinstance(family, str) else family for family in chosen]
        found = [GUESTS.get(family, family) for family in named]
        societies = [getattr(family, "for_spaces", family)(goods, actions, rng=rng) for family in found]
        return cls(societies, terms=terms, rng=rng, forgetting=forgetting, novice=novice)

    @property
    def incumbent(self) -> int:
        """The number of the society that greedy play reads."""
        return self.books.best()

    @property
    def shows(self) -> bool:
        """Whether the present rule is one in which the ruler shows what greedy play would do."""
        return bool(self.rules[self.ruler] % SHOWN_EVERY == 0)

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, with its society's family in front."""
        number = int(np.searchsorted(self._first, agent, side="right")) - 1
        society, member = self.societies[number], int(agent - self._first[number])
        rule = society.describe(member, words) if hasattr(society, "describe") else f"agent {member}"
        return f"{type(society).__name__.lower().removeprefix('guest')}, {rule}"

    def start(self, rows: int) -> None:
        """Drop what is unfinished, and make room for `rows` parallel rows."""
        self.rows, self._next, self.served = rows, True, 0
        self.count, self.whole = 0, True  # row 0's episode: its steps, and whether one society ruled from its start
        self.earned = 0.0  # in this rule
        self._revenue = np.nan  # what goes into the books when it is over (nan: nothing)
        for society in self.societies:
            if hasattr(society, "start"):
                society.start(rows)

    def bid(self, observation: np.ndarray) -> Bids:
        """The ruler's bids. Before the first bid of an episode in row 0 it is decided who that is."""
        training = len(observation) == self.rows
        if self._next and training:
            self._decide()
        society = self.societies[self.ruler]
        if self.shows:
            return self._numbered(self.ruler, _shown(society, observation, "show"))
        bids = society.bid(observation)
        if training and self.novice and isinstance(society, Syndicates):
            for row, (enters, who) in enumerate(self.rng.random((self.rows, 2)).tolist()):
                if enters < self.novice:
                    bids.value[row, int(who * self.n_bidders)] = bids.value[row].max() + ABOVE
        return self._numbered(self.ruler, bids)

    def appraise(self, observation: np.ndarray) -> Bids:
        """What the society with the best books shows; as pure as its own appraisal."""
        best = self.incumbent
        return self._numbered(best, _shown(self.societies[best], observation))

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Bidder i takes the same action in every society."""
        return self.societies[self.ruler].act(winner, observation)

    def learn(self, receipt: Receipt) -> None:
        """Every society learns from every trade; returns of episodes that were shown are kept for the next decision."""
        for place, (society, terms) in enumerate(zip(self.societies, self.terms, strict=True)):
            if isinstance(society, GuestBank):
                society.ruling = place == self.ruler and not self.shows
            own = replace(receipt, **terms)  # type: ignore[arg-type]
            society.learn(own if isinstance(society, OWN_RECORD) else _at_own_prices(society, own))
        self.time += int(np.count_nonzero(receipt.valid))
        if receipt.valid[0]:
            self._count(float(receipt.reward[0]), bool(receipt.terminated[0] or receipt.truncated[0]))

    def _count(self, reward: float, ended: bool) -> None:
        """One more trade in row 0: is the rule over?"""
        self.earned += reward
        self.count += 1
        self.served += 1
        stalled = 0 < LONG * self.longest <= self.served
        if ended or stalled:
            self._next = True
            if self.shows and (self.whole or stalled):
                self._revenue = self.earned
        if ended:
            self.longest = max(self.longest, self.count)
            self.count, self.whole = 0, True

    def _decide(self) -> None:
        """Enter what the last rule earned, and auction the next."""
        if self._revenue == self._revenue:  # not nan: the rule was shown
            self.books.enter(self.ruler, self._revenue, self.time)
        self.earned, self._revenue, self._next, self.served = 0.0, np.nan, False, 0
        self.ruler = self.books.auction(self.rng)
        self.rules[self.ruler] += 1
        self.whole = self.count == 0  # an episode under way has two rulers now

    def _numbered(self, number: int, bids: Bids) -> Bids:
        """Bids under the account numbers of a society; those behind one bidder take turns to fill all of its places."""
        members = bids.bidder
        if members is None:
            members = np.broadcast_to(np.arange(self.n_bidders)[:, None], (*bids.value.shape, 1))
        filled = members[..., np.arange(self._members) % members.shape[-1]]
        return Bids.unchecked(bids.value, bids.active, bids.budget, bids.side, filled + self._first[number])

    def state_dict(self) -> Parts:
        """Books, the rule under way, and every society's arrays behind its number."""
        state = {"rules": self.rules.copy(), "books": self.books.entries.copy()}
        state["rule"] = np.array([getattr(self, name) for name in RULE] + [self.books.time], dtype=np.int64)
        state["revenue"] = np.array([self.earned, self._revenue])
        parts = [society.state_dict() for society in self.societies]  # type: ignore[attr-defined]
        return state | {f"{number}/{key}": array for number, part in enumerate(parts) for key, array in part.items()}

    def load_state_dict(self, state: Parts) -> None:
        """Restore `state_dict`'s arrays. Raises InputError if they are of other societies."""
        if state["rules"].shape != self.rules.shape:
            raise InputError(f"saved portfolio has {len(state['rules'])} societies, this one {len(self.rules)}")
        self.rules, self.books.entries = state["rules"].copy(), state["books"].copy()
        *rule, self.books.time = state["rule"].tolist()
        for name, value in zip(RULE, rule, strict=True):
            setattr(self, name, type(getattr(self, name))(value))
        self.earned, self._revenue = state["revenue"].tolist()
        for place, society in enumerate(self.societies):
            society.load_state_dict(part_of(state, f"{place}/"))  # type: ignore[attr-defined]


def _is_family(given: Any) -> bool:
    return isinstance(given, str) or callable(getattr(given, "for_spaces", given))


def _fitting(goods: Goods) -> list[str]:
    """Names of the families that an observation's space allows, the most exact one first."""
    from marketic.preset_table import LARGEST_TABLE  # it imports the families

    table = ["research"] if goods.states is not None and goods.states <= LARGEST_TABLE else []
    tiles = ["tiles"] if goods.states is None and len(goods) <= MOST_TILED else []
    return [*table, *tiles, "bank"]


def _shown(society: Population, observation: np.ndarray, method: str = "appraise") -> Bids:
    """What greedy play would read of a society; by another method, if it has that."""
    for name in (method, "appraise"):
        if hasattr(society, name):
            bids: Bids = getattr(society, name)(observation)
            return bids
    return society.bid(observation)


def _at_own_prices(society: Population, receipt: Receipt) -> Receipt:
    """The receipt as if the next right had fetched what this society would bid for it."""
    bids = _shown(society, receipt.next_observation)
    best = np.where(bids.active, bids.value, -np.inf).max(axis=1, initial=-np.inf)
    credit = np.where(receipt.terminated | ~np.isfinite(best), 0.0, best)
    return replace(receipt, credit=credit, realised=receipt.reward + receipt.discount * credit)
