"""Units in which a welfare program is told to a solver, whose tolerances are absolute: 1e-10 of what?

A level of activity a counts in steps of alpha_a, a good g in steps of gamma_g, money in steps of mu, chosen so that uses,
values, supplies, limits and curvatures come as close to 1 as they can all at once: the least squares of their logarithms
(Curtis and Reid 1972), by turns. All steps are powers of 2, so that nothing is rounded.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array

SWEEPS = 20
"""Turns of goods, activities and money; more would change the steps by less than they are rounded."""


@dataclass(frozen=True)
class Scales:
    """goods: float64 [m], units; levels: float64 [k], levels; money: currency. All > 0, powers of 2."""

    goods: np.ndarray
    levels: np.ndarray
    money: float

    def matrix(self, use: csr_array) -> csr_array:
        """Uses [m, k] in these units."""
        return csr_array(diags_array(1.0 / self.goods) @ use @ diags_array(self.levels))

    def bent(self, curvature: np.ndarray) -> np.ndarray:
        """A curvature [k] or [k, k] in these units."""
        step = self.levels**2 if curvature.ndim == 1 else np.outer(self.levels, self.levels)
        return curvature * step / self.money


def balanced(
    use: csr_array, values: np.ndarray, supply: np.ndarray, limits: np.ndarray, curvature: np.ndarray
) -> Scales:
    """The scales of a program; arguments as in `walras_program.Program`, zeros and infinite limits count for nothing."""
    entries = use.tocoo()
    kept = entries.data != 0.0
    row, column, size = entries.row[kept], entries.col[kept], np.log2(np.abs(entries.data[kept]))
    bend = np.abs(curvature if curvature.ndim == 1 else curvature.diagonal())
    (worth, has_worth), (stock, has_stock), (most, has_most), (bent, has_bend) = (
        _logs(array) for array in (np.abs(values), np.abs(supply), limits, bend)
    )
    shift = np.concatenate([stock[has_stock], most[has_most]])
    start = float(shift.mean()) if len(shift) else 0.0
    goods, levels, money = np.full(len(supply), start), np.full(len(values), start), 0.0
    per_good = np.bincount(row, minlength=len(goods)) + has_stock
    per_level = np.bincount(column, minlength=len(levels)) + has_worth + has_most + 2 * has_bend
    for _ in range(SWEEPS):
        told = np.concatenate([(worth + levels)[has_worth], (bent + 2.0 * levels)[has_bend]])
        money = float(told.mean()) if len(told) else 0.0
        wants = stock + np.bincount(row, size + levels[column], len(goods))
        goods = np.where(per_good > 0, wants / np.maximum(per_good, 1), goods)
        wants = np.bincount(column, goods[row] - size, len(levels)) + most
        wants += np.where(has_worth, money - worth, 0.0) + np.where(has_bend, money - bent, 0.0)
        levels = np.where(per_level > 0, wants / np.maximum(per_level, 1), levels)
    return Scales(np.exp2(np.rint(goods)), np.exp2(np.rint(levels)), float(np.exp2(np.rint(money))))


def _logs(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log2 of the entries that are finite and not 0 (of the others, 0), and which those are."""
    counts = (array > 0.0) & np.isfinite(array)
    return np.where(counts, np.log2(np.where(counts, array, 1.0)), 0.0), counts
