"""Claims about equilibria: tested by simulation, with intervals, and refuted only when the interval excludes the claim.

All bid by the strategy in the claim's terms, values drawn from its prior. For a bidder of given value we estimate what every
other report would earn against the *same* draws of the rivals (common random numbers). The best report is picked on one
half of the draws and judged on the other half, so that picking the luckiest of many does not look like a gain. What then
refutes the claim must do so once more, on many new draws.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.bids import Bids
from marketic.checks.scenario import answer
from marketic.claims import Claim, Terms

RIVALS = 4_000
"""Draws of the rivals' values per own value."""

SECOND_LOOK = 25
"""How many times as many draws judge what seems to refute a claim."""

OWN_VALUES = 7
REPORTS = 41
Z = 4.0
"""A gain must be this many standard errors above zero (one-sided: 3 in 100,000 by chance)."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error, currency."""

    mean: float
    error: float

    def surely_above(self, bar: float) -> bool:
        """Whether the interval lies above `bar`."""
        return self.mean - Z * self.error > bar


def check_equilibrium(mechanism: Any, domain: Any, claim: Claim, terms: Terms, *, seed: int) -> tuple[str, int]:
    """What refutes BIC or INTERIM_RATIONAL ("" if nothing does), and how many auctions were held.

    mechanism: takes scalar `Bids`. The smallest gain that counts is `terms.tolerance`, or 0.1 % of the mean value.
    """
    rng = np.random.default_rng(seed)
    held = 0
    for n in terms.sizes:
        values = _draw(terms, rng, (RIVALS, n - 1))
        owns = _quantiles(terms, rng)
        rivals = _strategy(terms, values, n)
        bar = terms.tolerance or 1e-3 * float(np.abs(owns).mean())
        again = _Again(mechanism, domain, terms, n, seed)
        for own in owns:
            honest = float(_strategy(terms, np.array([own]), n)[0])
            earned = _earnings(mechanism, domain, rivals, values, own, np.array([honest]))[:, 0]
            held += RIVALS
            if claim is Claim.INTERIM_RATIONAL:
                if _estimate(-earned).surely_above(bar) and again.loss(own, honest).surely_above(bar):
                    return f"a bidder of value {own:.4g} among {n} expects {earned.mean():.4g}", held
                continue
            reports = np.linspace(min(0.0, owns.min()), 1.25 * max(owns.max(), honest), REPORTS)
            gains = _earnings(mechanism, domain, rivals, values, own, reports) - earned[:, None]
            held += RIVALS * REPORTS
            best = int(gains[::2].mean(axis=0).argmax())
            if not _estimate(gains[1::2, best]).surely_above(bar):
                continue
            gain = again.gain(own, honest, reports[best])
            if gain.surely_above(bar):
                return (
                    f"among {n} bidders one of value {own:.4g} that should report {honest:.4g} gains "
                    f"{gain.mean:.4g} +- {2 * gain.error:.2g} by reporting {reports[best]:.4g}"
                ), held
    return "", held


@dataclass(frozen=True)
class _Again:
    """A second look at what seems to refute a claim, with many new draws: a rare loss may be missing among the first."""

    mechanism: Any
    domain: Any
    terms: Terms
    n: int
    seed: int

    def loss(self, own: float, honest: float) -> Estimate:
        """What truth is expected to lose."""
        return _estimate(-self._earned(own, np.array([honest]))[:, 0])

    def gain(self, own: float, honest: float, report: float) -> Estimate:
        """What another report is expected to gain."""
        earned = self._earned(own, np.array([honest, report]))
        return _estimate(earned[:, 1] - earned[:, 0])

    def _earned(self, own: float, reports: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([self.seed, SECOND_LOOK])
        values = _draw(self.terms, rng, (SECOND_LOOK * RIVALS, self.n - 1))
        return _earnings(self.mechanism, self.domain, _strategy(self.terms, values, self.n), values, own, reports)


def _earnings(
    mechanism: Any, domain: Any, rivals: np.ndarray, values: np.ndarray, own: float, reports: np.ndarray
) -> np.ndarray:
    """Utility of bidder 0 of value `own`, float64 [draws, reports], against rivals' bids (and values) [draws, n - 1]."""
    draws, others = rivals.shape
    told, true = (np.empty((draws, len(reports), others + 1)) for _ in range(2))
    told[..., 0], true[..., 0] = reports, own
    told[..., 1:], true[..., 1:] = rivals[:, None, :], values[:, None, :]
    cleared = answer(mechanism, Bids(told.reshape(-1, others + 1)))
    utility = domain.worth(Bids(true.reshape(-1, others + 1)), cleared) - cleared.payments
    return np.asarray(utility[:, 0].reshape(draws, len(reports)))


def _draw(terms: Terms, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.random(shape) if terms.prior is None else np.asarray(terms.prior.rvs(size=shape, random_state=rng))


def _quantiles(terms: Terms, rng: np.random.Generator) -> np.ndarray:
    """Own values to test: quantiles of the prior."""
    levels = (np.arange(OWN_VALUES) + 0.5) / OWN_VALUES
    return levels if terms.prior is None else np.quantile(_draw(terms, rng, (10_000,)), levels)


def _strategy(terms: Terms, values: np.ndarray, n: int) -> np.ndarray:
    return values if terms.strategy is None else np.asarray(terms.strategy(values, n), dtype=float)


def _estimate(sample: np.ndarray) -> Estimate:
    return Estimate(float(sample.mean()), float(sample.std(ddof=1) / np.sqrt(len(sample))))
