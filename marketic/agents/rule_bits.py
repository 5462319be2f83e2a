"""Conditions as bits: packing, counting and matching 64 positions at a time.

A condition over n positions is two bit sets, `mask` (which positions it names) and `value` (what it wants there). It holds
for x if (x ^ value) & mask is 0. Rules lie side by side, word by word (uint64 [words, rules]), so that the processor
compares several rules at once. The last position of the last word is never an observed one, and a rule that wants a 1 there
(an empty seat) never matches.
"""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

BLOCK = 1024
"""Rules that are compared before anybody looks at the outcome: a multiple of 8."""
ONE = np.uint64(1)
NOTHING, EVERYTHING = np.uint64(0), np.uint64(2**64 - 1)


def words_for(positions: int) -> int:
    """Words that hold so many positions and one to spare."""
    return positions // 64 + 1


def _popcount(typing_context, word):  # type: ignore[no-untyped-def]

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return types.int64(types.uint64), generate


popcount: Any = intrinsic(_popcount)
"""How many bits of a uint64 are 1, int64: one machine instruction."""


def pack(bits: np.ndarray) -> np.ndarray:
    """Positions bool or 0/1 [B, n] -> uint64 [B, words], position i in bit i % 64 of word i // 64."""
    rows, positions = bits.shape
    padded = np.zeros((rows, words_for(positions) * 64), dtype=np.uint8)
    padded[:, :positions] = bits
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


def unpack(words: np.ndarray, positions: int) -> np.ndarray:
    """uint64 [..., words] -> bool [..., positions]."""
    bytes_ = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(bytes_, axis=-1, bitorder="little")[..., :positions].astype(bool)


@njit(cache=True, forceinline=True)
def has(words, position):  # type: ignore[no-untyped-def]
    """The bit at a position, as uint64 0 or 1; words uint64 [W]."""
    return (words[position >> 6] >> np.uint64(position & 63)) & ONE


@njit(cache=True, forceinline=True)
def flip(words, position):  # type: ignore[no-untyped-def]
    """Turn one bit over."""
    words[position >> 6] ^= ONE << np.uint64(position & 63)


@njit(cache=True, forceinline=True)
def named(mask, positions, out):  # type: ignore[no-untyped-def]
    """Write the positions that a mask uint64 [W] names to out, int64 [positions]; returns how many."""
    count = 0
    for position in range(positions):
        if has(mask, position):
            out[count] = position
            count += 1
    return count


@njit(cache=True)
def match(x, mask, value, top, flags, hits):  # type: ignore[no-untyped-def]
    """Rules 0 .. top-1 whose condition holds for x, in order, written to hits int64 [rules]; returns how many.

    x uint64 [W]; mask, value uint64 [W, rules]; flags uint8 [BLOCK], scratch. Few conditions survive their first word, so
    the others are looked at for those only; flags are read eight at a time.
    """
    values, masks, seen, wide, count = value[0], mask[0], x[0], flags.view(np.uint64), 0
    for start in range(0, top, BLOCK):
        size = min(BLOCK, top - start)
        wanted, named_bits = values[start : start + size], masks[start : start + size]
        for i in range(size):
            flags[i] = ((seen ^ wanted[i]) & named_bits[i]) == NOTHING
        eights = (size + 7) >> 3
        for i in range(size, 8 * eights):
            flags[i] = 0
        for k in range(eights):
            left = wide[k]
            while left != NOTHING:
                lowest = left & (~left + ONE)
                hits[count] = start + 8 * k + (popcount(lowest - ONE) >> 3)
                count += 1
                left ^= lowest
    kept = 0
    for k in range(count):
        rule, miss = hits[k], NOTHING
        for w in range(1, x.shape[0]):
            miss |= (x[w] ^ value[w, rule]) & mask[w, rule]
        hits[kept] = rule
        kept += miss == NOTHING
    return kept
