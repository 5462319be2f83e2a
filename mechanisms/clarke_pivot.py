"""The pivot mechanism for a public project (Clarke 1971; Groves 1973).

Build if the reported values, less the cost, add up to zero or more. A bidder is *pivotal* if the others alone would decide
otherwise; then it pays what its presence costs them, else nothing. Truth is a dominant strategy, since the tax depends
on one's own report through the decision only. Taxes never balance: they must leave the group, or the incentives break.

Who bears the cost of the project:
  shared   all present in equal parts, on top of the taxes. What counts is then each one's value less its share; the clearing's
           payments are the taxes alone, and the shares go to the builder.
  not      the house. A bidder pays if the others' values fall short of the cost: the shortfall (Nisan et al. 2007, section
           9.3.5). These payments do not cover the cost.
Where some value the project negatively, or less than their share, nobody asks for their consent: not individually rational. And
two who both exaggerate may make each other's vote unnecessary, so that neither is pivotal.
"""

from dataclasses import dataclass

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import Claim, Refutation
from marketic.clearing import Clearing
from marketic.domains.public_project import PublicProject
from marketic.errors import InputError
from marketic.numbers import check_kinds


@dataclass(frozen=True)
class ClarkePivot:
    """Build or not, and tax the pivotal. `bids.value` [..., n], of either sign -> allocation 1.0 for all present if built.

    cost: currency, >= 0. shared: those present bear it in equal parts (else the house does). Payments [..., n] are the taxes;
    the price announced is the cost, NaN if nothing is built.

    >>> ClarkePivot().clear(Bids([3.0, 4.0, -5.0])).payments.tolist()
    [1.0, 2.0, 0.0]
    """

    cost: float = 0.0
    shared: bool = True

    def __post_init__(self) -> None:
        check_kinds(self)
        if not 0.0 <= self.cost <= LARGEST_BID:
            raise InputError(f"ClarkePivot(cost={self.cost}): wanted a finite amount >= 0, e.g. cost=1")

    @property
    def claims(self) -> frozenset[Claim]:
        """If the house bears the cost it pays in."""
        free = (
            {Claim.SCALE_FREE, Claim.NO_DEFICIT} if self.cost == 0.0 else {Claim.NO_DEFICIT} if self.shared else set()
        )
        return frozenset({Claim.DSIC, Claim.EFFICIENT, Claim.ANONYMOUS} | free)

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Taxes are left over, the harmed are not asked, and two exaggerate together."""
        if self.cost > 0.0:
            return ()
        pivots = Bids([3.0, 4.0, -5.0])
        pair = Refutation(
            Claim.PAIR_PROOF, Bids([1.0, 1.0, -5.0]), Bids([10.0, 10.0, -5.0]), (0, 1), "Green and Laffont 1979"
        )
        return (
            Refutation(Claim.BUDGET_BALANCED, pivots, source="Green and Laffont 1979"),
            Refutation(Claim.INDIVIDUALLY_RATIONAL, pivots, source="the third is outvoted"),
            pair,
        )

    @property
    def domain(self) -> PublicProject:
        """The project."""
        return PublicProject(self.cost, self.shared)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Decide, and tax the pivotal. Sums are taken in order of size, so that names cannot turn a decision by rounding."""
        present = bids.active
        heads = np.maximum(present.sum(axis=-1, keepdims=True), 1)
        share, missing = (self.cost / heads, 0.0) if self.shared else (0.0, self.cost)
        net = np.where(present, bids.value - share, 0.0)
        built = (np.sort(net).sum(axis=-1) >= missing) & present.any(axis=-1)
        others = _sum_of_others(net) - missing
        tax = np.where(built[..., None], np.maximum(-others, 0.0), np.maximum(others, 0.0))
        return Clearing(
            allocation=np.where(built[..., None] & present, 1.0, 0.0),
            payments=np.where(present, tax, 0.0) + 0.0,
            prices=np.where(built, self.cost, np.nan),
        )


def _sum_of_others(net: np.ndarray) -> np.ndarray:
    """Added up without the own entry rather than subtracted, which would lose digits. [..., n] -> [..., n]."""
    zero = np.zeros((*net.shape[:-1], 1))
    before = np.concatenate([zero, np.cumsum(net, axis=-1)], axis=-1)[..., :-1]
    after = np.concatenate([zero, np.cumsum(net[..., ::-1], axis=-1)], axis=-1)[..., :-1][..., ::-1]
    return before + after
