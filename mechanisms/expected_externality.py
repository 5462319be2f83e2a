"""Expected externality mechanisms (Arrow 1979; d'Aspremont and Gerard-Varet 1979; "AGV"): efficient and balanced.

The house knows the bidders' priors. Bidder i is paid what its report is expected to be worth to the others,
  xi_i(v_i) = E[ the others' worth in the efficient decision at (v_i, V_-i) ],
and the others pay for it in equal parts. What i pays for the others does not depend on its report, so i maximises the
expected sum of all worths, which the truth does: truth is a Bayes-Nash equilibrium, if all values are independent draws
from the prior. Payments cancel in every single case. Truth is not dominant: whoever knows the others' reports can do better.
Reference: Krishna 2010, section 5.3.

Auction of one good, n bidders, G(x) = F(x)^(n-1) the distribution of the others' best value:
  xi(v) = integral_v^inf x dG(x);  uniform on [0, h]: h (n-1)/n (1 - (v/h)^n).
The lowest type expects xi(0) - E[xi] >= 0, so that bidders take part gladly before they know the others' values.

Public project of a cost that all share equally, values uniform on [0, h], S the sum of the n-1 others' values:
  xi(v) = E[ (S - (n-1)/n cost) 1{S >= cost - v} ],
by the Irwin-Hall distribution of S. Here some expect to lose: who values the project little must still help to pay for it.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from marketic.bids import LARGEST_BID, Bids
from marketic.claims import Claim, Holds, Refutation, Terms
from marketic.clearing import Clearing
from marketic.domains.public_project import PublicProject
from marketic.errors import InputError
from marketic.mechanism import single_winner
from marketic.mechanisms.priors import Uniform, check_prior
from marketic.numbers import check_kinds

BALANCED = frozenset({Claim.BIC, Claim.BUDGET_BALANCED, Claim.NO_DEFICIT, Claim.EFFICIENT, Claim.ANONYMOUS})
SOURCE = "d'Aspremont and Gerard-Varet 1979"
NODES = 64


@dataclass(frozen=True)
class ExpectedExternality:
    """AGV for one good: the highest report wins, and payments cancel. `bids.value` [..., n] >= 0 -> payments [..., n].

    prior: of all bidders alike, `Uniform` or a frozen continuous distribution of `scipy.stats` with a finite mean. The price is
    what the winner pays, at times less than nothing.
    """

    prior: Any = field(default_factory=Uniform)
    claims: ClassVar[frozenset[Claim]] = BALANCED | {Claim.INTERIM_RATIONAL}

    def __post_init__(self) -> None:
        check_prior("ExpectedExternality: prior", self.prior, "sf", "isf", "rvs")

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Truth is an equilibrium for values from the prior."""
        terms = Terms(Holds.EQUILIBRIUM, prior=self.prior, source="Krishna 2010, section 5.3")
        return {Claim.BIC: terms, Claim.INTERIM_RATIONAL: terms}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """A loser that knows it will lose understates; the runner-up of three pays for the lowest one."""
        if self.prior != Uniform():
            return ()
        return (
            Refutation(Claim.DSIC, Bids([0.5, 0.9]), Bids([0.0, 0.9]), source=SOURCE),
            Refutation(Claim.INDIVIDUALLY_RATIONAL, Bids([0.9, 1.0, 0.0]), source=SOURCE),
        )

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Sell to the first highest active bid; all pay each other their expected externalities."""
        bids = bids.at_least(0.0)
        wins, _, _, sold = single_winner(bids.value, bids.active)
        heads = np.broadcast_to(bids.active.sum(axis=-1, keepdims=True), bids.value.shape)
        expected = np.zeros(bids.value.shape)
        for n in np.unique(heads[heads > 1]):
            rows = heads == n
            expected[rows] = self.externality(bids.value[rows], int(n))
        payments = _cancelling(expected, bids.active)
        return Clearing(wins, payments, np.where(sold, np.where(wins, payments, 0.0).sum(axis=-1), np.nan))

    def externality(self, value: np.ndarray, bidders: int) -> np.ndarray:
        """xi(v) for any number of values, float64, currency: what `bidders` - 1 others expect if this one reports v."""
        value = np.asarray(value, dtype=float)
        if isinstance(self.prior, Uniform) and self.prior.low == 0.0:
            share = np.minimum(value / self.prior.high, 1.0)
            return self.prior.high * (bidders - 1) / bidders * (1.0 - share**bidders)
        value, again = np.unique(value, return_inverse=True)
        # x dG(x) = x(s) (n-1) (1-s)^(n-2) ds with s = P(V > x) from 0 to P(V > v); s = P(V > v) w^3 tames the upper tail
        node, weight = np.polynomial.legendre.leggauss(NODES)
        w, weight = (node + 1.0) / 2.0, weight / 2.0
        above = np.asarray(self.prior.sf(value), dtype=float)[..., None]
        chance = above * w**3
        rest = (bidders - 1) * (1.0 - chance) ** (bidders - 2)
        best = np.where(above > 0.0, self.prior.isf(np.where(above > 0.0, chance, 0.5)), 0.0)
        return np.asarray(((best * rest * above * 3.0 * w**2) @ weight)[again])


@dataclass(frozen=True)
class ExpectedExternalityProject:
    """AGV for a public project. `bids.value` [..., n] -> allocation 1.0 for all present if built; payments cancel.

    cost: currency, >= 0, shared equally by those present on top of the payments. high: values are expected to be uniform on
    [0, high]. The price announced is the cost, NaN if nothing is built.
    """

    cost: float = 1.0
    high: float = 1.0
    claims: ClassVar[frozenset[Claim]] = BALANCED

    def __post_init__(self) -> None:
        check_kinds(self)
        if not (0.0 <= self.cost <= LARGEST_BID and 1.0 / LARGEST_BID <= self.high <= LARGEST_BID):
            raise InputError(
                f"ExpectedExternalityProject(cost={self.cost}, high={self.high}): wanted a cost from 0, and high "
                f"from {1 / LARGEST_BID:.3g}, to {LARGEST_BID:.3g}"
            )

    @property
    def terms(self) -> dict[Claim, Terms]:
        """Truth is an equilibrium for values from the prior."""
        return {Claim.BIC: Terms(Holds.EQUILIBRIUM, prior=Uniform(0.0, self.high), source="Krishna 2010, section 5.3")}

    @property
    def refuted(self) -> tuple[Refutation, ...]:
        """Whoever is outvoted pays its share of the cost."""
        if (self.cost, self.high) != (1.0, 1.0):
            return ()
        return (
            Refutation(Claim.DSIC, Bids([0.6, 1.0]), Bids([0.5, 1.0]), source=SOURCE),
            Refutation(Claim.INDIVIDUALLY_RATIONAL, Bids([0.1, 1.0]), source=SOURCE),
        )

    @property
    def domain(self) -> PublicProject:
        """The project; values are not negative."""
        return PublicProject(self.cost, lowest=0.0)

    def clear(self, bids: Bids, *, rng: np.random.Generator | None = None) -> Clearing:
        """Build if the reports add up to the cost; all pay each other their expected externalities."""
        bids = bids.at_least(0.0)
        present = bids.active
        total = np.sort(np.where(present, bids.value, 0.0)).sum(axis=-1)
        built = (total >= self.cost) & present.any(axis=-1)
        heads = np.broadcast_to(present.sum(axis=-1, keepdims=True), present.shape)
        expected = np.zeros(present.shape)
        for n in np.unique(heads[heads > 1]):
            rows = heads == n
            expected[rows] = self.externality(bids.value[rows], int(n))
        return Clearing(
            allocation=np.where(built[..., None] & present, 1.0, 0.0),
            payments=_cancelling(expected, present),
            prices=np.where(built, self.cost, np.nan),
        )

    def externality(self, value: np.ndarray, bidders: int) -> np.ndarray:
        """xi(v) for any number of values, float64, currency: what `bidders` - 1 others expect if this one reports v."""
        others = bidders - 1
        threshold = (self.cost - np.asarray(value, dtype=float)) / self.high
        burden = others / bidders * self.cost / self.high
        left = others - np.clip(threshold, 0.0, others)  # S is distributed like (n-1) - S
        chance, area = irwin_hall(left, others)
        return self.high * np.where(threshold > 0.0, (others - left - burden) * chance + area, others / 2.0 - burden)


def irwin_hall(x: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """P(S <= x) and its integral from 0 to x, for the sum S of n independent uniform values on [0, 1]; x in [0, n]."""
    x = np.asarray(x, dtype=float)
    near = np.minimum(x, n - x)  # the alternating sums keep their digits in the lower half
    chance, area = np.zeros(x.shape), np.zeros(x.shape)
    for k in range(n // 2 + 1):
        power = np.maximum(near - k, 0.0)
        sign = (-1.0) ** k * math.comb(n, k)
        chance += sign * power**n / math.factorial(n)
        area += sign * power ** (n + 1) / math.factorial(n + 1)
    upper = x > n - x
    return np.where(upper, 1.0 - chance, chance), np.where(upper, x - n / 2.0 + area, area)


def _cancelling(expected: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Everybody receives its expected externality, in equal parts from the others. [..., n] -> payments [..., n]."""
    partners = np.maximum(active.sum(axis=-1, keepdims=True) - 1, 1)
    top = np.where(active, expected, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf)
    expected = np.where(
        active, expected - top, 0.0
    )  # only differences matter; so equals pay each other exactly nothing
    from_others = (expected.sum(axis=-1, keepdims=True) - expected) / partners
    alone = active.sum(axis=-1, keepdims=True) <= 1
    return np.where(active & ~alone, from_others - expected, 0.0) + 0.0
