"""The language of conditions: how a task's observation becomes bits, and how a condition reads.

A finite component of two values is one position; one of n > 2 values is n positions ("is it v?"); a real one has a position
per cut ("is it at least t?"), so that a ternary condition over cuts is an interval, in the sense of Wilson's XCSR (2000) but
with ends on a grid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketic.agents.ranges import ends_of
from marketic.agents.rule_bits import pack, unpack
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.numbers import check_list, check_wholes, whole
from marketic.words import NO_WORDS, Words, interval
from marketic.words import number as constant

MOST_POSITIONS = 4096


@dataclass(frozen=True)
class Component:
    """One component of the observation: finite with `size` values, or real with increasing `cuts`."""

    size: int = 0
    cuts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_wholes(self, size=0)
        cuts = check_list(self, "cuts")
        if not (np.isfinite(cuts).all() and (np.diff(cuts) > 0).all() and (self.size == 0 or not len(cuts))):
            raise InputError(f"{self}: wanted a size, or increasing finite cuts")

    @property
    def positions(self) -> int:
        """How many positions it takes."""
        return len(self.cuts) if not self.size else (1 if self.size == 2 else self.size)


class Alphabet:
    """Components in order. `positions`: in all. `binary`: whether every component is one bit, so that conditions are ternary
    strings.

    >>> bits = Alphabet([Component(size=2)] * 4)
    >>> bits.text(*bits.parse("01#1"))
    '01#1'
    >>> mixed = Alphabet([Component(size=3), Component(cuts=(0.0, 0.5))])
    >>> mixed.text(*mixed.naming(np.array([2.0, 0.3]), [2, 3, 4]))
    'x0 = 2 and 0 <= x1 < 0.5'
    """

    def __init__(self, components: Sequence[Component]) -> None:
        self.components = tuple(components)
        self.first = np.cumsum([0] + [part.positions for part in self.components])
        self.positions = int(self.first[-1])
        self.binary = all(part.size == 2 for part in self.components)
        if not 1 <= self.positions <= MOST_POSITIONS:
            raise InputError(
                f"conditions over {self.positions} positions: wanted 1 to {MOST_POSITIONS}; observe less, or give fewer cuts"
            )

    @classmethod
    def of(cls, goods: Goods, cuts: int | Sequence[Sequence[float]] = 7) -> "Alphabet":
        """The language of a task's observations.

        cuts: how many per real component, evenly inside its range, or the cuts themselves, one increasing list per real one.
        """
        real = sum(good.size is None for good in goods)
        if isinstance(cuts, int | np.integer) and not isinstance(cuts, bool):
            if cuts < 1:
                raise InputError(f"cuts={cuts}: wanted at least one per real component")
            cuts = whole("cuts", cuts, 1, MOST_POSITIONS)
            lists = [_even(*ends_of(good), cuts) for good in goods if good.size is None]
        else:
            lists = _own_cuts(cuts, real)
        given = iter(lists)
        return cls([Component(cuts=next(given)) if good.size is None else Component(size=good.size) for good in goods])

    def encode(self, observation: np.ndarray) -> np.ndarray:
        """Encoded observations, float64 [B, D] -> uint64 [B, words]. Raises InputError for a wrong number of components."""
        seen = np.asarray(observation, dtype=np.float64)
        if seen.ndim != 2 or seen.shape[1] != len(self.components):
            raise InputError(f"observations{seen.shape}: wanted [B, {len(self.components)}], one column per component")
        if self.binary:
            return pack(seen > 0.5)
        bits = np.zeros((len(seen), self.positions), dtype=bool)
        for number, part in enumerate(self.components):
            column, place = seen[:, [number]], slice(self.first[number], self.first[number + 1])
            if part.size == 2:
                bits[:, place] = column > 0.5
            elif part.size:
                bits[:, place] = column == np.arange(part.size)
            else:
                bits[:, place] = column >= np.array(part.cuts)
        return pack(bits)

    def parse(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """A ternary string as (mask, value), bool [positions] each. Raises InputError if it is none, or of wrong length."""
        if not self.binary:
            raise InputError(f"condition {text!r}: ternary strings are for observations of bits alone")
        if len(text) != self.positions or not set(text) <= set("01#"):
            raise InputError(f"condition {text!r}: wanted {self.positions} characters of 0, 1 and #")
        letters = np.array(list(text))
        return letters != "#", letters == "1"

    def naming(self, observation: np.ndarray, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """The condition that names `places` with the values of an observation, float64 [D]: (mask, value)."""
        mask = np.zeros(self.positions, dtype=bool)
        mask[list(places)] = True
        return mask, unpack(self.encode(np.asarray(observation)[None]), self.positions)[0] & mask

    def text(self, mask: np.ndarray, value: np.ndarray) -> str:
        """A condition, bool [positions] each, as one reads it: `01#1##`, or `0.1 <= x0 < 0.5 and x1 = 3`."""
        if self.binary:
            return "".join("#" if not m else str(int(v)) for m, v in zip(mask, value, strict=True))
        parts = [self._clause(number, mask, value) for number in range(len(self.components))]
        return " and ".join(filter(None, parts)) or "always"

    def clauses(self, mask: np.ndarray, value: np.ndarray, words: Words = NO_WORDS) -> list[str]:
        """A condition in a task's own words, one clause per component that it names."""
        found = []
        for number, part in enumerate(self.components):
            name, unit = words.component(number)
            if part.size:
                found.append(self._clause(number, mask, value, name, "is"))
            else:
                found.append(interval(name, unit, *self._ends(number, mask, value)))
        return [clause for clause in found if clause]

    def _clause(self, number: int, mask: np.ndarray, value: np.ndarray, name: str = "", verb: str = "=") -> str:
        part, first, name = self.components[number], int(self.first[number]), name or f"x{number}"
        if part.size == 2:
            return f"{name} {verb} {int(value[first])}" if mask[first] else ""
        if part.size:
            places = range(first, first + part.size)
            yes = [place - first for place in places if mask[place] and value[place]]
            no = [place - first for place in places if mask[place] and not value[place]]
            if yes:
                return f"{name} {verb} {yes[0]}"
            return f"{name} {'is not' if verb == 'is' else '!='} {', '.join(map(str, no))}" if no else ""
        low, high = self._ends(number, mask, value)
        left = f"{constant(low)} <= " if low > -math.inf else ""
        right = f" < {constant(high)}" if high < math.inf else ""
        return f"{left}{name}{right}" if left or right else ""

    def _ends(self, number: int, mask: np.ndarray, value: np.ndarray) -> tuple[float, float]:
        """The tightest interval among a real component's positions."""
        low, high, first = -math.inf, math.inf, int(self.first[number])
        for k, cut in enumerate(self.components[number].cuts):
            if mask[first + k] and value[first + k]:
                low = max(low, cut)
            elif mask[first + k]:
                high = min(high, cut)
        return low, high


def _even(low: float, high: float, cuts: int) -> tuple[float, ...]:
    """Cuts evenly inside a range."""
    between = np.linspace(low, high, cuts + 2)[1:-1]
    if not (low < high and (np.diff(between) > 0).all()):
        raise InputError(
            f"a real component from {low} to {high}: wanted a range with room for {cuts} cuts; give its cuts"
        )
    return tuple(between.tolist())


def _own_cuts(cuts: object, real: int) -> list[tuple[float, ...]]:
    """A user's cuts. Raises InputError unless there is an increasing finite list for each real component."""
    try:
        lists = [tuple(float(cut) for cut in given) for given in cuts]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        lists = []
    sound = all(given and np.isfinite(given).all() and (np.diff(given) > 0).all() for given in lists)
    if len(lists) != real or not sound:
        raise InputError(
            f"cuts={cuts!r}: wanted a whole number >= 1, or {real} increasing lists, one per real component"
        )
    return lists
