"""When rounds around a cycle may stop: nothing moves any more, at whatever scale.

Every number x is judged by itself, since one good may be counted in grams and another in tons. If a round moves it by m, it
has settled when m <= tolerance |x| and, should moves go on falling as they did, all those to come add up to at most 100 times
that: where a round keeps 0.9999 of an error, moves are 10,000 times smaller than what is missing. What rounding moves for
ever (a number that cancels to about 0, say) has settled when its moves have ceased to fall and are no larger than so many
rounds of rounding in the goods that it is made from.
"""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from marketic.economy.economy import Economy
    from marketic.economy.layout import Quantities

WINDOW = 32
"""Rounds from which the pace is taken, and in the first block; later blocks are a quarter of the rounds so far."""

ROUNDING = 4 * float(np.finfo(float).eps)
"""What rounding may move in a round, relative to the sizes that went into a number."""


class Settling:
    """Watches rounds of quantities, or of prices. `stuck`: something moves, as much as before, and not by rounding."""

    def __init__(self, economy: "Economy", start: "Quantities", tolerance: float, *, prices: bool = False) -> None:
        self.economy, self.tolerance, self.prices = economy, tolerance, prices
        self.values = economy.layout.pack(start, prices=prices)
        self.moves: deque[np.ndarray] = deque(maxlen=WINDOW)
        self.rounds, self.start, self.end, self.stuck = 0, 0, WINDOW, False
        self._most, self._before = np.zeros_like(self.values), np.full_like(self.values, np.inf)
        self._idle = np.zeros(self.values.shape, dtype=int)  # blocks, one after another, without progress

    def done(self, new: "Quantities") -> bool:
        """Note the next round; whether everything has settled."""
        before, self.values = self.values, self.economy.layout.pack(new, prices=self.prices)
        move = np.abs(self.values - before)
        self.rounds += 1
        self.moves.append(move)
        self._most = np.maximum(self._most, move)
        small = np.where(move < np.inf, self.tolerance * np.abs(self.values), -1.0)
        if (move <= small).all() and (self.to_come() <= 100 * small).all():
            return True
        if self.rounds < self.end:
            return False
        self.end += max(WINDOW, (self.rounds - self.start) // 4)
        self._idle = np.where(self._most < self._before, 0, self._idle + 1)
        self._before, self._most = self._most, np.zeros_like(move)
        moving = ~((move <= small) & (self.to_come() <= 100 * small))
        rounded = (self._idle >= 2) & (move <= ROUNDING * (self.rounds - self.start) * self._sizes(new))
        self.stuck = bool((moving & ~rounded & (self._idle >= 2)).any())
        return not (moving & ~rounded).any()

    def leap(self, new: "Quantities") -> "Quantities":
        """Start again from other values: what moved before says nothing about them."""
        self.values = self.economy.layout.pack(new, prices=self.prices)
        self.moves.clear()
        self.start, self.end, self.stuck = self.rounds, self.rounds + WINDOW, False
        self._most, self._before = np.zeros_like(self.values), np.full_like(self.values, np.inf)
        self._idle = np.zeros_like(self._idle)
        return new

    def to_come(self) -> np.ndarray:
        """The sum of all later moves, if they fall at the pace of the last ones."""
        seen = list(self.moves)
        half = len(seen) // 2
        late = np.max(seen[half:], axis=0)
        if not half:
            return np.where(late == 0, 0.0, np.inf)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            keeps = (late / np.max(seen[:half], axis=0)) ** (1 / (len(seen) - half))
            return np.where(late == 0, 0.0, np.where(keeps < 1, late * keeps / (1 - keeps), np.inf))

    def _sizes(self, new: "Quantities") -> np.ndarray:
        sizes = sources(self.economy, new, prices=self.prices)
        for name, good in self.economy.layout.goods.items():
            if good.kind == "finite" and not self.prices:
                sizes[name] = np.zeros_like(sizes[name])  # numbers of varieties are not rounded
        return self.economy.layout.pack(sizes, prices=self.prices)


class Tremor:
    """Tells moves that rounding makes for ever from small ones that go on falling. block: postings looked at together."""

    def __init__(self, block: int) -> None:
        self.block = self.end = block
        self._most: Quantities = {}
        self._before: Quantities = {}
        self._idle: dict[str, np.ndarray] = {}

    def lasts(self, now: int, moves: "Quantities") -> bool:
        """Whether all `moves` at posting `now`, in roundings, are of 1 at most, and have ceased to fall for two blocks."""
        if now >= self.end:
            self._close(now + max(self.block, now // 4))
        lasting = True
        for good, move in moves.items():
            if good not in self._most:
                self._most[good], self._before[good] = np.zeros_like(move), np.full_like(move, np.inf)
                self._idle[good] = np.zeros(move.shape, dtype=int)
            self._most[good] = np.maximum(self._most[good], move)
            lasting &= bool(((move == 0) | ((move <= 1) & (self._idle[good] >= 2))).all())
        return lasting

    def _close(self, end: int) -> None:
        """A block is over."""
        for good, most in self._most.items():
            self._idle[good] = np.where(most < self._before[good], 0, self._idle[good] + 1)
            self._before[good], self._most[good] = most, np.zeros_like(most)
        self.end = end


def sources(economy: "Economy", values: "Quantities", *, prices: bool = False) -> "Quantities":
    """Good -> [days, 1], the largest number that day in it or in a good from which it is made, through others.

    prices: in a good which is made from it, since prices follow those.
    """
    sizes = {name: np.abs(value).max(axis=1, keepdims=True) for name, value in values.items()}
    moved = True
    while moved:
        moved = False
        for firm in economy.firms.values():
            given, made = (firm.outs, firm.ins) if prices else (firm.ins, firm.outs)
            for name in made:
                largest = np.max([sizes[other] for other in (name, *given)], axis=0)
                if (largest > sizes[name]).any():
                    sizes[name], moved = largest, True
    return sizes
