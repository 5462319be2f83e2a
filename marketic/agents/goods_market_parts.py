"""Where the parts of a factored task keep what they know: small tables over their own state and their parents'."""

from dataclasses import dataclass

import numpy as np

from marketic.errors import InputError
from marketic.factoring import Factoring
from marketic.goods import Goods

LARGEST_PART = 20_000
"""Entries of one part's table, actions included, that are still small."""


@dataclass(frozen=True)
class Parts:
    """Index arrays of n parts with up to A actions, S own states and L local states (parents and self), in `kinds` kinds.

    sizes int64 [n]: own states. kind int64 [n]. present bool [n, A]: actions that are there.
    uses float64 [n, A, K]; capacity float64 [K]. members int64 [n, m]: parents, then the part itself last; -1: nobody.
    """

    sizes: np.ndarray
    kind: np.ndarray
    present: np.ndarray
    uses: np.ndarray
    capacity: np.ndarray
    members: np.ndarray
    strides: np.ndarray
    local_sizes: np.ndarray
    _reads: np.ndarray
    _read_strides: np.ndarray

    @classmethod
    def of(cls, factoring: Factoring, goods: Goods, actions: np.ndarray) -> "Parts":
        """The tables for a factoring. actions: int64 [n], of each part. Raises InputError for tables that are too large."""
        n = factoring.parts
        reads, read_strides, sizes = _mixed_radix([[goods[int(c)].size or 1 for c in r] for r in factoring.reads])
        _fill(reads, factoring.reads)
        parents = factoring.parents or [()] * n
        around = [[*other, part] for part, other in enumerate(parents)]
        members, strides, local = _mixed_radix([[int(sizes[part]) for part in group] for group in around])
        _fill(members, around)
        most = int(actions.max())
        if local.max() * most > LARGEST_PART:
            part = int(local.argmax())
            raise InputError(
                f"part {part} would need a table of {local.max():,} states times {most} actions: wanted at most "
                f"{LARGEST_PART:,} entries; let it read less, or depend on fewer parts"
            )
        kind = np.unique(factoring.kinds, return_inverse=True)[1] if len(factoring.kinds) else np.arange(n)
        uses = np.asarray(factoring.uses, dtype=float)
        if not uses.size:
            uses = np.zeros((n, most, 0))
        present = np.arange(most) < actions[:, None]
        layout = cls(
            sizes, kind.astype(np.int64), present, np.ascontiguousarray(uses), np.asarray(factoring.capacity, dtype=float),
            members, strides, local, reads, read_strides,
        )  # fmt: skip
        layout._check_kinds(local)
        return layout

    def _check_kinds(self, local: np.ndarray) -> None:
        first = np.unique(self.kind, return_index=True)[1][self.kind]
        same = (local == local[first]) & (self.present == self.present[first]).all(axis=1)
        same &= (self.uses == self.uses[first]).all(axis=(1, 2))
        if not same.all():
            part = int(np.flatnonzero(~same)[0])
            raise InputError(
                f"parts {first[part]} and {part} are declared to be of one kind but differ in states, actions or uses: "
                "give them different kinds"
            )

    @property
    def n(self) -> int:
        """How many parts there are."""
        return len(self.kind)

    @property
    def actions(self) -> int:
        """The largest number of actions."""
        return self.present.shape[1]

    @property
    def local_size(self) -> int:
        """L, the largest number of local states."""
        return int(self.local_sizes.max())

    @property
    def kinds(self) -> int:
        """How many kinds of parts there are."""
        return int(self.kind.max()) + 1

    @property
    def separable(self) -> bool:
        """Whether no part has parents: then only resources couple them."""
        return self.members.shape[1] == 1

    @property
    def examples(self) -> np.ndarray:
        """The first part of each kind, int64 [kinds]."""
        return np.unique(self.kind, return_index=True)[1]

    def own(self, observation: np.ndarray) -> np.ndarray:
        """Each part's own state, int64 [B, n], of encoded observations, float64 [B, D]."""
        return (observation[:, self._reads] * self._read_strides).sum(axis=-1).astype(np.int64)

    def local(self, own: np.ndarray) -> np.ndarray:
        """Each part's local state, int64 [B, n]: an index over (parents ..., self)."""
        return (own[:, self.members] * self.strides).sum(axis=-1)


def _mixed_radix(sizes: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An empty index matrix [n, widest], right-aligned strides of the same shape (0 where nobody is), and table sizes [n]."""
    widest = max(len(row) for row in sizes)
    strides, totals = np.zeros((len(sizes), widest), dtype=np.int64), np.ones(len(sizes), dtype=np.int64)
    for number, row in enumerate(sizes):
        total = 1
        for place in range(1, len(row) + 1):
            strides[number, -place] = total
            total *= row[-place]
        totals[number] = total
    return np.full((len(sizes), widest), -1, dtype=np.int64), strides, totals


def _fill(matrix: np.ndarray, rows: object) -> None:
    for number, row in enumerate(rows):  # type: ignore[arg-type,var-annotated]
        matrix[number, matrix.shape[1] - len(row) :] = row
