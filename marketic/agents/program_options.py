"""The numbers of the family `programs`, checked at the door."""

from dataclasses import dataclass, fields

import numpy as np

from marketic.agents.birth_table import CODE, PER_AGENT
from marketic.errors import InputError
from marketic.numbers import LARGEST_WHOLE, all_amounts, check_room, whole
from marketic.screening import LARGEST_BID, keep

WHOLE = {"slots": 2, "members": 1, "few": 0, "guards": 0, "longest": 1, "licence": 0}
"""Options that are whole numbers, and the least of each."""
MOST = {"members": 2**16, "licence": 2**24}
"""Beyond that they need too much memory at every step."""
SHARES = ("loops", "births", "rate", "paper", "paper_royalty")


@dataclass(frozen=True)
class ProgramOptions:
    """Raises InputError for numbers out of range.

    slots:    the most programs, >= 2 per action. guards: literals of a program, >= 0.
    members:  programs in a syndicate at most, >= 1; with fewer than `few` (0 to members), one more is written.
    loops:    share of programs that repeat their action; longest: steps, >= 1, after which every repetition ends.
    births:   probability of a birth after a trade.
    rate:     of a price's move to what its right was worth, in [0, 1], at once. paper: the same, when the episode is over, with
              `paper_royalty` in [0, 1], the share of later income in that settlement (the chain's `royalty` is another: it is
              about the money that really flows). Both rates fall as 1 / (1 + trades / horizon); 0: no such trades.
    initial_bid: price of the programs that are there first. What is too high falls by trade, so optimism explores.
    hopeful:  where fewer than `few` programs speak for an action, the free places count as bids of `initial_bid`, and whoever
              takes one starts with that: unknown states look promising.
    steady:   trades, >= 0, over which greedy play averages prices. licence: 0, or the number of training episodes whose mean
              return must be the best so far for greedy play to follow a newer copy of the programs.
    """

    slots: int = 2000
    members: int = 64
    few: int = 16
    guards: int = 8
    loops: float = 0.0
    longest: int = 20
    births: float = 0.02
    rate: float = 0.05
    paper: float = 0.1
    paper_royalty: float = 0.9
    horizon: float = np.inf
    initial_bid: float = 0.0
    hopeful: bool = False
    steady: float = 2000.0
    licence: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            given = getattr(self, field.name)
            number = isinstance(given, int | float | np.number) and not isinstance(given, bool)
            if field.name != "hopeful" and (not number or np.isnan(given)):
                raise InputError(f"programs: {field.name}={given!r}: wanted a number")
        for name, least in WHOLE.items():
            keep(self, name, whole(f"programs: {name}", getattr(self, name), least, MOST.get(name, LARGEST_WHOLE)))
        check_room(self.slots * PER_AGENT * (CODE + 2 + self.guards), f"programs: slots={self.slots} with "
                   f"guards={self.guards}", "choose fewer of either")  # fmt: skip
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"programs: {name}={getattr(self, name)}: wanted a share from 0 to 1")
        if not isinstance(self.hopeful, bool | np.bool_) or self.few > self.members:
            raise InputError(f"programs: few={self.few}, members={self.members}, hopeful={self.hopeful!r}: wanted few at "
                             "most members, and hopeful True or False")  # fmt: skip
        if self.rate + self.paper <= 0 or self.horizon <= 0 or not 0 <= self.steady < np.inf:
            raise InputError(
                f"programs: rate={self.rate}, paper={self.paper}, horizon={self.horizon}, steady={self.steady}: wanted rate or "
                "paper above 0, horizon above 0, steady >= 0"
            )
        if not all_amounts(self.initial_bid):
            raise InputError(f"programs: initial_bid={self.initial_bid}: wanted a finite price up to {LARGEST_BID:.3g}")
