"""Bids on packages of goods: several per bidder, of which one at most wins (XOR) or all that are disjoint may win (OR*)."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from marketic.bids import Bids
from marketic.errors import InputError
from marketic.screening import LARGEST_BID, Reason, keep, mask, numbers, screen, sentences


@dataclass(frozen=True, slots=True)
class BundleBids:
    """Package bids of `n` bidders on `m` goods, `k` bids each, in each of a batch of auctions, screened at the door.

    value:     float64 [..., n, k], currency. What the bidder reports that the whole bundle is worth to it.
    bundle:    bool [..., n, k, m]. Which goods the bid is for. A bid for nothing is no bid.
    active:    bool [..., n]. False: this bidder stays away from the auction. Default: all take part.
    offered:   bool [..., n, k]. False: there is no such bid (padding). Default: all are made.
    exclusive: True: at most one bid of each bidder wins (XOR). False: disjoint bids may win together (OR); with dummy goods
               in the bundles that is OR* and as expressive as XOR (Nisan 2000).
    refused:   int8 [..., n] or None, set here: why a bidder was turned away (`marketic.screening.Reason`, 0: it was not).

    Goods are disposed of freely: a bundle is worth what the best bids inside it are worth. A bidder with a bid that is
    NaN, infinite or absurd is refused as a whole, and the others' auction goes on. Raises InputError for wrong shapes.

    >>> BundleBids([[3.0], [float("nan")]], [[[True, True]], [[True, False]]]).reasons()
    {1: 'the bid is not a number'}
    """

    PER_BIDDER: ClassVar[tuple[str, ...]] = ("value", "bundle", "active", "offered")

    value: np.ndarray
    bundle: np.ndarray
    active: np.ndarray = None  # type: ignore[assignment]  # replaced by an array in __post_init__
    offered: np.ndarray = None  # type: ignore[assignment]
    exclusive: bool = True
    refused: np.ndarray | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        value = numbers("BundleBids.value", self.value)
        if value.ndim < 2:
            raise InputError(f"BundleBids.value has shape {value.shape}: wanted [..., bidders, bids of each]")
        bundle = np.asarray(self.bundle)
        if bundle.shape[:-1] != value.shape or bundle.dtype != bool:
            raise InputError(
                f"BundleBids.bundle has shape {bundle.shape} and dtype {bundle.dtype}: wanted {value.shape} "
                "and one more axis for the goods, of bool"
            )
        offered = mask("BundleBids.offered", self.offered, value.shape) & bundle.any(axis=-1)
        active = mask("BundleBids.active", self.active, value.shape[:-1])
        value = np.where(offered, value, 0.0)
        reasons = screen(value)
        if reasons is not None:
            refused = reasons.max(axis=-1, initial=0)
            value = np.where(refused[..., None] > 0, 0.0, value)
            active = active & (refused == 0)
            keep(self, "refused", refused)
        keep(self, "value", value)
        keep(self, "bundle", bundle)
        keep(self, "active", active)
        keep(self, "offered", offered)
        keep(self, "exclusive", bool(self.exclusive))

    @property
    def goods(self) -> int:
        """m, the number of goods."""
        return int(self.bundle.shape[-1])

    @property
    def live(self) -> np.ndarray:
        """bool [..., n, k]: the bids that take part, those offered by active bidders."""
        return np.asarray(self.offered & self.active[..., None])

    def at_least(self, lowest: float = 0.0) -> "BundleBids":
        """These bids without the bidders who bid below `lowest`, who are refused: for goods that are no burden."""
        bad = np.asarray((self.live & (self.value < lowest)).any(axis=-1))
        if not bad.any():
            return self
        value = np.where(bad[..., None], 0.0, self.value)
        changed = BundleBids(value, self.bundle, self.active & ~bad, self.offered, self.exclusive)
        before = np.zeros(bad.shape, dtype=np.int8) if self.refused is None else self.refused
        keep(changed, "refused", np.where(bad, np.int8(Reason.NEGATIVE), before))
        return changed

    def reasons(self) -> dict[Any, str]:
        """Who was refused and why: index of the bidder (a tuple if there are batch axes) -> sentence."""
        return sentences(self.refused)

    @classmethod
    def of(cls, *bidders: dict[str, float], exclusive: bool = True) -> "BundleBids":
        """One auction written by hand: for each bidder {goods: value}, each good a letter.

        >>> BundleBids.of({"A": 2}, {"B": 2}, {"AB": 3}).bundle[:, 0].tolist()
        [[True, False], [False, True], [True, True]]
        """
        letters = sorted({letter for bids in bidders for goods in bids for letter in goods})
        most = max((len(bids) for bids in bidders), default=0)
        value = np.zeros((len(bidders), most))
        bundle = np.zeros((len(bidders), most, len(letters)), dtype=bool)
        for i, bids in enumerate(bidders):
            for j, (goods, amount) in enumerate(bids.items()):
                value[i, j] = amount
                bundle[i, j] = [letter in goods for letter in letters]
        return cls(value, bundle, exclusive=exclusive)

    @classmethod
    def single(cls, bids: Bids) -> "BundleBids":
        """Scalar bids for one good, value [..., n], as package bids with k = m = 1."""
        value = bids.value[..., None]
        return cls(value, np.ones((*value.shape, 1), dtype=bool), bids.active)


__all__ = ["LARGEST_BID", "BundleBids"]
