"""The parts of an economy that one can swap or switch off, as plain numbers; compiled code reads them as one record."""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from marketic.errors import InputError
from marketic.hayek.parts import entry_address, parent_address
from marketic.numbers import LARGEST_WHOLE, MOST_ENTRIES, all_finite, all_numbers, check_flags, check_wholes

LARGEST_SHARE = 1000
"""Amounts in prizes and slopes go up to here, so that no sum of ticks leaves the range of int64."""
MOST_ASKED = 10**6
"""Agents in a tournament at most: there are never as many."""


@dataclass(frozen=True)
class Auction:
    """Who may bid, and what the winner pays.

    price:      "first": its own bid; "second": the second highest (Vickrey 1961), at least the reserve of one tick.
    idle_ban:   only agents whose body would change something now may bid.
    stop_loss:  an agent that lost more than this share of the prize since the instance began sits out the rest; inf: never.
    insolvency: bankrupt agents (see `Exits`) sit out at once, not only after the instance.
    prize:      "solved": the last owner gets the prize if the instance is solved; "progress": it gets the share of the prize
                that equals the share of the work done, solved or not, and need not sell for
                less: who bids less bids a tick more than that.
    form:       bids for progress x of an instance of n units. "value": 1 - slope * (1 - x) - offset / n; "progress":
                slope * x + offset.
    """

    price: str = "first"
    idle_ban: bool = True
    stop_loss: float = 0.1
    insolvency: bool = True
    form: str = "value"
    prize: str = "solved"

    def __post_init__(self) -> None:
        if self.price not in ("first", "second") or self.form not in ("value", "progress"):
            raise InputError(f"{self}: wanted price 'first' or 'second', and form 'value' or 'progress'")
        if self.prize not in ("solved", "progress"):
            raise InputError(f"{self}: wanted prize 'solved' or 'progress'")
        check_flags(self, "idle_ban", "insolvency")
        _positive(self, "stop_loss", most=np.inf)


@dataclass(frozen=True)
class Novices:
    """How agents without a price enter.

    trial:   probability that an instance admits novices at all: untested agents make the prices noisy.
    premium: a novice bids this share of PRIZE / size above the winner, at the first state where it applies, times a random
             number from 0.5 to 1.5; that fixes its price for life.
    entry:   "above": so. "random": a uniform share of the prize instead; it enters where it wins. Or a numba function of your
             own, see `marketic.hayek.parts`.
    twins:   a novice that would do the same as the winner may enter.
    """

    trial: float = 0.2
    premium: float = 0.02
    entry: Any = "above"
    twins: bool = False

    def __post_init__(self) -> None:
        _share(self, "trial")
        _positive(self, "premium")
        check_flags(self, "twins")
        entry_address(self.entry)


@dataclass(frozen=True)
class Taxes:
    """What goes to the treasury. move: share of PRIZE / size for every primitive step. wealth: share, per instance, of what an
    agent has beyond its endowment."""

    move: float = 0.05
    wealth: float = 0.0003

    def __post_init__(self) -> None:
        _positive(self, "move")
        _share(self, "wealth")


@dataclass(frozen=True)
class Births:
    """How agents are born and paid for.

    rate:       probability of a birth after an instance. fresh: share of births that are random programs.
    tournament: a parent is the richest of this many random agents with wealth above `rich` times the endowment; or as many are
                asked for by `parent`, "richest" or a numba function of your own, see `marketic.hayek.parts`.
    endowment:  in prizes. payer: "treasury" or "parent" (then the richest of the tournament, and only if it can).
    share:      of every instance's profit that goes to the parent, while it lives.
    slope:      the largest slope of a bid; at 1 or above, bids sink below 0. slope_change: probability that a child's
                differs, by a normal number of deviation 0.3.
    """

    rate: float = 0.5
    fresh: float = 0.3
    tournament: int = 6
    rich: float = 1.05
    endowment: float = 2.0
    payer: str = "treasury"
    share: float = 0.1
    slope: float = 0.8
    slope_change: float = 0.16
    parent: Any = "richest"

    def __post_init__(self) -> None:
        for name in ("rate", "fresh", "share", "slope_change"):
            _share(self, name)
        for name in ("rich", "slope"):
            _positive(self, name)
        parent_address(self.parent)
        numbers = all_finite(self.tournament, self.endowment)
        if (
            self.payer not in ("treasury", "parent")
            or not numbers
            or self.tournament < 1
            or not 0 < self.endowment <= LARGEST_SHARE
        ):
            raise InputError(
                f"{self}: wanted payer 'treasury' or 'parent', a tournament of at least 1, an endowment above 0 and up to 1000"
            )
        check_wholes(self, MOST_ASKED, tournament=1)


@dataclass(frozen=True)
class Exits:
    """Who dies, its wealth to the treasury. below: those with less than this share of the endowment. idle: those that won
    nothing for so many instances."""

    below: float = 0.9
    idle: int = 3000

    def __post_init__(self) -> None:
        _share(self, "below")
        if not all_finite(self.idle) or self.idle < 1:
            raise InputError(f"{self}: wanted idle >= 1 instances; give a large number to switch it off")
        check_wholes(self, idle=1)


@dataclass(frozen=True)
class Curriculum:
    """Which instances are played: sizes up to a level that follows success.

    smallest, largest: bounds of the level, 1 <= smallest <= largest. full: share of instances of the level's size; the
    others are log-uniform from `smallest` to it. prefix: share of instances that stand on 0 to level units solved already.
    rise, fall: the level grows by a tenth, at least 1, when the success rate exceeds `rise`, and shrinks by 15 % below
    `fall`. memory: weight of the past in that rate, which counts untried, full, unprefixed instances. patience: how many of
    these before it may rise.
    """

    smallest: int = 2
    largest: int = 200
    full: float = 0.5
    prefix: float = 0.5
    rise: float = 0.9
    fall: float = 0.4
    memory: float = 0.98
    patience: int = 30

    def __post_init__(self) -> None:
        if not all_finite(self.smallest, self.largest) or not 1 <= self.smallest <= self.largest:
            raise InputError(f"{self}: there are no instances in it; wanted 1 <= smallest <= largest")
        check_wholes(self, MOST_ENTRIES // 2, smallest=1, largest=1)
        check_wholes(self, LARGEST_WHOLE, patience=0)
        for name in ("full", "prefix", "rise", "fall", "memory"):
            _share(self, name)
        if self.full == 0.0 or self.fall > self.rise:
            raise InputError(f"{self}: wanted some full instances (full > 0) and fall <= rise")


class Rules(NamedTuple):
    """All parts, flat, for compiled code; every field float64."""

    second_price: float
    idle_ban: float
    stop_loss: float
    insolvency: float
    progress_form: float
    progress_prize: float
    trial: float
    premium: float
    twins: float
    move_tax: float
    wealth_tax: float
    birth_rate: float
    fresh: float
    tournament: float
    rich: float
    endowment: float
    parent_pays: float
    share: float
    slope: float
    slope_change: float
    below: float
    idle: float
    smallest: float
    largest: float
    full: float
    prefix: float
    level_rise: float
    level_fall: float
    memory: float
    patience: float


def flatten(
    auction: Auction, novices: Novices, taxes: Taxes, births: Births, exits: Exits, curriculum: Curriculum
) -> Rules:
    """The parts as one record."""
    numbers = [
        auction.price == "second", auction.idle_ban, auction.stop_loss, auction.insolvency, auction.form == "progress",
        auction.prize == "progress", novices.trial, novices.premium, novices.twins,
        taxes.move, taxes.wealth,
        births.rate, births.fresh, births.tournament, births.rich, births.endowment, births.payer == "parent", births.share,
        births.slope, births.slope_change, exits.below, exits.idle,
        *(getattr(curriculum, field.name) for field in fields(curriculum)),
    ]  # fmt: skip
    return Rules(*(float(number) for number in numbers))


def _share(part: Any, name: str) -> None:
    given = getattr(part, name)
    if not all_numbers(given) or not 0.0 <= given <= 1.0:
        raise InputError(f"{part}: wanted {name} from 0 to 1")


def _positive(part: Any, name: str, most: float = LARGEST_SHARE) -> None:
    given = getattr(part, name)
    if not all_numbers(given) or not 0.0 <= given <= most:
        limit = "" if most == np.inf else f" and at most {most:g}"
        raise InputError(f"{part}: wanted {name} >= 0{limit}")
