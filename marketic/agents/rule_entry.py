"""Who may enter a market of rules, and on what knowledge: the entry rules one can swap.

`PublicRecord`: entrants study what became of past trades (see `rule_diligence`) and enter with those statistics. It learns
from each problem many times over.
`Offspring`: no memory of problems, as in XCS. After every win rich advocates have children, who believe what their first
parent believes and must hold their own in the market: an ignorant belief of 1/2 would lose its money to those who know better.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from marketic.agents.rule_bits import ONE, named, words_for
from marketic.agents.rule_books import ALIVE, MOST_CHILDREN, MOST_MONEY, TICKS, TOP, enter, leave
from marketic.agents.rule_diligence import NEVER, climb, judge
from marketic.agents.rule_parts import PROPOSE, SCORE, address_and_settings, call_propose
from marketic.agents.rule_proposals import MOST_TRIALS, Cover, CoverShare, Cross, Generalise, check_proposals
from marketic.agents.rule_record import words_used
from marketic.agents.rule_scores import Bound
from marketic.agents.splitmix import below, uniform
from marketic.errors import InputError
from marketic.numbers import MOST_ENTRIES, all_amounts, all_finite, check_flags, check_wholes

Proposals = tuple[tuple[Any, float], ...]
SCORED, IDEAS, MOVES, CHILDREN, LIMIT, SURPRISE = range(6)
"""Entries of `numbers`."""
FEE, LEAST, TRIES, ENDOWMENT, TRIALS, HURDLE, SEARCH = range(7)
"""Entries of `reals`."""
TOURNAMENT, POOREST_OF = 6, 20


@dataclass(frozen=True)
class PublicRecord:
    """Entry by due diligence in a record of the last `size` problems per action.

    size: a multiple of 64. ideas, moves: of due diligence. score: a scoring rule. proposals: pairs of a proposal and its
    share, one of which needs no parents. tries: about so many per problem, in [0, 1], spread over those that are open.
    surprise: a favourite that lost makes its situation open. hurdle: what an entrant must expect to earn at the price that the
    market quotes, log wealth (-inf: anybody may enter); search: more, per position named, in units of log(positions): who has
    looked at many conditions finds a lucky one. endowment: currency, from the house.
    """

    size: int = 32_768
    ideas: int = 200
    moves: int = 60
    score: Any = Bound()  # noqa: RUF009  frozen
    proposals: Proposals = ((Generalise(), 0.5), (Cover(3), 0.5))
    tries: float = 1.0
    surprise: bool = True
    hurdle: float = 1.0
    search: float = 0.7
    endowment: float = 1.0

    def __post_init__(self) -> None:
        check_wholes(self, MOST_ENTRIES, size=1)
        check_wholes(self, MOST_TRIALS, ideas=1, moves=0)
        if self.size % 64:
            raise InputError(f"{self}: wanted a size in multiples of 64")
        if not (all_amounts(self.tries, self.endowment) and 0 <= self.tries <= 1 and 0 < self.endowment <= MOST_MONEY):
            raise InputError(f"{self}: wanted tries as a probability and an endowment > 0, at most {MOST_MONEY:,}")
        if not all_finite(self.search, 0.0 if self.hurdle == -math.inf else self.hurdle):
            raise InputError(f"{self}: wanted a finite search, and a finite hurdle or -inf")
        check_flags(self, "surprise")
        check_proposals(self.proposals)


@dataclass(frozen=True)
class Offspring:
    """Entry without memory: `children` after every win, at most `limit` rules (or seats, if those are fewer); then the
    poorest on 20 seats drawn at random makes room.

    endowment: currency, from the house. trials: how much a novice trusts its first parent's belief, in trials.
    """

    children: int = 3
    limit: int = 2000
    endowment: float = 0.3
    trials: float = 2.0
    proposals: Proposals = ((Cross(0.07), 0.95), (CoverShare(0.25), 0.05))

    def __post_init__(self) -> None:
        if not (all_finite(self.children) and 0 <= self.children <= MOST_CHILDREN):
            raise InputError(f"{self}: wanted 0 to {MOST_CHILDREN} children")
        check_wholes(self, children=0, limit=1)
        if not (all_amounts(self.endowment, self.trials) and 0 < self.endowment <= MOST_MONEY and self.trials >= 0):
            raise InputError(f"{self}: wanted an endowment > 0, at most {MOST_MONEY:,}, and trials >= 0")
        check_proposals(self.proposals)


class Entry(NamedTuple):
    """An entry rule, ready for compiled code. addresses, parents: int64 [k]; chances: float64 [2, k], cumulative, for a
    market with rules in it (row 0) and for an empty one (row 1); settings: float64 [k, most]. The others are scratch."""

    numbers: np.ndarray
    reals: np.ndarray
    score: np.ndarray
    addresses: np.ndarray
    parents: np.ndarray
    chances: np.ndarray
    settings: np.ndarray
    masks: np.ndarray
    cases: np.ndarray
    places: np.ndarray
    out: np.ndarray


def prepare(entry: Any, positions: int, capacity: int) -> Entry:
    """Compile an entry rule's parts and lay out its scratch memory. Raises InputError for anything else."""
    if not isinstance(entry, PublicRecord | Offspring):
        raise InputError(f"entry={entry!r}: wanted PublicRecord(...) or Offspring(...)")
    address, score = (
        address_and_settings(entry.score, SCORE, "score") if isinstance(entry, PublicRecord) else (0, np.zeros(1))
    )
    made = [address_and_settings(part, PROPOSE, "proposal") for part, _ in entry.proposals]
    settings = np.zeros((len(made), max(len(parameters) for _, parameters in made)))
    for row, (_, parameters) in zip(settings, made, strict=True):
        row[: len(parameters)] = parameters
    share = np.array([share for _, share in entry.proposals], dtype=float)
    parents = np.array([part.parents for part, _ in entry.proposals], np.int64)
    orphan = parents == 0
    chances = np.cumsum([share / share.sum(), share * orphan / (share * orphan).sum()], axis=1)
    if isinstance(entry, PublicRecord):
        if not all_finite(getattr(entry.score, "fee", None), getattr(entry.score, "enter", None)):
            raise InputError(f"{entry.score!r} is no score: wanted finite numbers fee and enter, too")
        numbers = [address, entry.ideas, entry.moves, 0, 0, int(entry.surprise)]
        fee = entry.score.fee * np.log(max(positions, 2))
        search, size = entry.search * np.log(max(positions, 2)), entry.size // 64
        reals = [fee, entry.score.enter, entry.tries, entry.endowment, 0.0, entry.hurdle, search]
    else:
        numbers, size = [0, 0, 0, entry.children, min(entry.limit, capacity), 0], 1
        reals = [0.0, 0.0, 1.0, entry.endowment, entry.trials, -np.inf, 0.0]
    addresses = np.array([address for address, _ in made], np.int64)
    return Entry(
        np.array(numbers, np.int64), np.array(reals), score, addresses, parents, chances, settings,
        np.zeros((4, words_for(positions)), np.uint64), np.zeros(size, np.uint64), np.zeros(positions, np.int64), np.zeros(1),
    )  # fmt: skip


@njit(cache=True, forceinline=True)
def _propose(books, entry, x, parents, positions, orphan, mask):  # type: ignore[no-untyped-def]
    """Fill mask uint64 [W] by a proposal drawn at random; returns how many parents it has."""
    mask[:] = 0
    draw, k = uniform(books.random), 0
    while k < entry.addresses.shape[0] - 1 and draw >= entry.chances[orphan, k]:
        k += 1
    call_propose(entry.addresses[k], x, parents, positions, entry.settings[k], books.random, mask)
    mask[positions >> 6] &= (ONE << np.uint64(positions & 63)) - ONE  # what a stranger's proposal named beyond them
    return entry.parents[k]


@njit(cache=True, forceinline=True)
def _copy_mask(books, seat, mask):  # type: ignore[no-untyped-def]
    for w in range(mask.shape[0]):
        mask[w] = books.mask[w, seat]


@njit(cache=True)
def _rich(books):  # type: ignore[no-untyped-def]
    """The seat of the richest of six rules drawn at random."""
    best = -1
    for _ in range(TOURNAMENT):
        seat = below(books.random, books.counts[TOP])
        while books.uid[seat] < 0:
            seat = below(books.random, books.counts[TOP])
        if best < 0 or books.wealth[seat] > books.wealth[best]:
            best = seat
    return best


@njit(cache=True)
def _is_known(books, count, mask, action):  # type: ignore[no-untyped-def]
    """Whether one of the rules in books.hits[:count] has this condition (for the same situation) and action."""
    for k in range(count):
        seat = books.hits[k]
        if books.action[seat] == action and books.uid[seat] >= 0:
            same = True
            for w in range(mask.shape[0]):
                same = same and books.mask[w, seat] == mask[w]
            if same:
                return True
    return False


@njit(cache=True)
def earns(wins, losses, price):  # type: ignore[no-untyped-def]
    """Log wealth of a bettor without hindsight (Krichevsky and Trofimov 1981) who was offered `price` all along."""
    growth = math.lgamma(wins + 0.5) + math.lgamma(losses + 0.5) - math.log(math.pi) - math.lgamma(wins + losses + 1.0)
    return growth - wins * math.log(price) - losses * math.log(1.0 - price)


@njit(cache=True)
def enter_with_record(books, record, entry, x, count, action, price):  # type: ignore[no-untyped-def]
    """Let the best of many ideas in for an action, if its record is good enough; books.hits[:count] match x.

    Returns its seat or -1.
    """
    columns, used = record.columns[action], words_used(record, action)
    positions, masks, out = columns.shape[0] - 2, entry.masks, entry.out
    if used == 0:
        return -1
    score, settings = entry.numbers[SCORED], entry.score
    best, parent = NEVER, -1
    for _ in range(entry.numbers[IDEAS]):
        orphan, rich = 1, -1
        masks[:2] = 0
        if books.counts[ALIVE] > 0:
            orphan, rich = 0, _rich(books)
            _copy_mask(books, rich, masks[0])
            _copy_mask(books, rich, masks[1])
        bred = _propose(books, entry, x, masks[:2], positions, orphan, masks[2])
        worth, _, _ = judge(columns, used, x, masks[2], score, settings, entry.cases, entry.places, out)
        if worth > best:
            best, parent = worth, rich if bred else -1
            masks[3] = masks[2]
    worth, wins, seen = climb(record, action, x, masks[3], score, settings, entry.reals[FEE], entry.numbers[MOVES],
                              entry.cases, entry.places, out)  # fmt: skip
    hurdle = entry.reals[HURDLE] + entry.reals[SEARCH] * named(masks[3], positions, entry.places)
    if not worth >= entry.reals[LEAST] or earns(wins, seen - wins, price) < hurdle:
        return -1
    if _is_known(books, count, masks[3], action):
        return -1
    origin = books.uid[parent] if parent >= 0 else -1
    seat = enter(books, masks[3], x, action, origin, -1, np.int64(entry.reals[ENDOWMENT] * TICKS))
    if seat >= 0:
        books.wins[seat], books.trials[seat] = wins, seen
    return seat


@njit(cache=True)
def _advocate(books, count, action, total):  # type: ignore[no-untyped-def]
    """One of the advocates in books.hits[:count], drawn in proportion to wealth; -1 if there is none."""
    draw, chosen = uniform(books.random) * total, -1
    for k in range(count):
        seat = books.hits[k]
        if books.uid[seat] >= 0 and books.action[seat] == action and books.wealth[seat] > 0:
            chosen = seat
            draw -= books.wealth[seat]
            if draw < 0.0:
                break
    return chosen


@njit(cache=True)
def _make_room(books):  # type: ignore[no-untyped-def]
    """The poorest on twenty seats drawn at random leaves; where nobody sits on those, the first who is met."""
    poorest, draws = -1, 0
    while draws < POOREST_OF or (poorest < 0 and books.counts[ALIVE] > 0):
        draws += 1
        seat = below(books.random, books.counts[TOP])
        if books.uid[seat] >= 0 and (poorest < 0 or books.wealth[seat] < books.wealth[poorest]):
            poorest = seat
    if poorest >= 0:
        leave(books, poorest)


@njit(cache=True)
def bear_children(books, entry, positions, x, count, action):  # type: ignore[no-untyped-def]
    """Advocates of a winning action have children; books.hits[:count] match x (and are added to). Returns how many."""
    masks, born = entry.masks, 0
    for _ in range(entry.numbers[CHILDREN]):
        total = 0.0
        for k in range(count):
            seat = books.hits[k]
            if books.uid[seat] >= 0 and books.action[seat] == action:
                total += books.wealth[seat]
        first, second = _advocate(books, count, action, total), _advocate(books, count, action, total)
        orphan = 1 if first < 0 else 0
        if first >= 0:
            _copy_mask(books, first, masks[0])
            _copy_mask(books, second, masks[1])
        bred = _propose(books, entry, x, masks[:2], positions, orphan, masks[2])
        if _is_known(books, count, masks[2], action):
            continue
        belief = 0.5 if first < 0 else (books.wins[first] + 0.5) / (books.trials[first] + 1.0)
        origin = books.uid[first] if first >= 0 and bred else -1
        other = books.uid[second] if origin >= 0 and bred == 2 and second != first else -1
        if books.counts[ALIVE] >= entry.numbers[LIMIT]:
            _make_room(books)
        seat = enter(books, masks[2], x, action, origin, other, np.int64(entry.reals[ENDOWMENT] * TICKS))
        if seat < 0:
            break
        books.trials[seat], books.wins[seat] = entry.reals[TRIALS], entry.reals[TRIALS] * belief
        if not (books.hits[:count] == seat).any():  # it may have taken the seat of one that matched
            books.hits[count] = seat
            count += 1
        born += 1
    return born
