"""What a mechanism may promise, in which sense, and what it is known to break."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


class Claim(enum.Enum):
    """A promise that the conformance kit can test. Undeclared means not asserted."""

    DSIC = "truth is a dominant strategy (strategyproof)"
    BIC = "the strategies in its terms (default: truth) are a Bayes-Nash equilibrium"
    INDIVIDUALLY_RATIONAL = "a truthful bidder never ends below zero (ex post)"
    INTERIM_RATIONAL = "a bidder in equilibrium expects not to end below zero, once it knows its own value"
    NO_DEFICIT = "the house never pays in (weak budget balance)"
    BUDGET_BALANCED = "the house neither gains nor pays (strong budget balance)"
    EFFICIENT = "nobody could make the bidders together better off at their reports (rankings: Pareto)"
    CORE = "no coalition of bidders and seller could do better among themselves"
    REVENUE_MONOTONE = "one more bidder never lowers the revenue"
    FALSE_NAME_PROOF = "bidding under two names never pays"
    PAIR_PROOF = "no two bidders gain together by misreporting, side payments allowed"
    ANONYMOUS = "names do not matter, ties apart"
    SCALE_FREE = "in another currency (times a power of two) the outcome is the same, to the bit"
    CONSERVES = "units and money received are units and money given, house included"
    STABLE = "no two partners would rather have each other (no blocking pair)"
    PATH_INDEPENDENT = "what trades cost together does not depend on how they are split"
    BOUNDED_LOSS = "the market maker never loses more than the bound in its terms"
    BOUNDED_REGRET = "it is never further behind the best trader than the bound in its terms"


class Holds(enum.Enum):
    """In which sense a claim holds."""

    EXACT = "in every single case"
    EXPECTED = "in expectation over the mechanism's own lottery, in every single case"
    EQUILIBRIUM = "when all bid by the strategy in the terms"
    ASYMPTOTIC = "in the limit of many bidders or trades"


@dataclass(frozen=True)
class Terms:
    """The small print of one claim.

    holds:    in which sense.
    domain:   in words, where it holds ("values >= 0", "marginal values never increase").
    bound:    of BOUNDED_LOSS and BOUNDED_REGRET, currency or nats, or a function of the session's opening state.
    strategy: of equilibrium claims: `strategy(value[..., n], n) -> bid[..., n]`; None: truth.
    prior:    of equilibrium claims: independent private values, a frozen scipy.stats distribution with `rvs`; None:
              uniform on [0, 1].
    sizes:    of equilibrium claims: numbers of bidders to test.
    tolerance: what rounding (or a clock's increment) may cost, currency; 0: 1e-9 of the largest amount, and of no less than 1.
    source:   where it is proved.
    """

    holds: Holds = Holds.EXACT
    domain: str = ""
    bound: float | Callable[[Any], float] | None = None
    strategy: Callable[[np.ndarray, int], np.ndarray] | None = None
    prior: Any = None
    sizes: tuple[int, ...] = (2, 3)
    tolerance: float = 0.0
    source: str = ""


SHOWN = 1e-6
"""Differences of fewer units of currency are not told from rounding in stored counterexamples."""


@dataclass(frozen=True)
class Refutation:
    """A claim that a mechanism is known to break, with a case that shows it.

    claim: what fails. truth: the truthful reports of one auction (bids without batch axes). other: the reports that it is
    compared with (one bidder lies; one stays away; a shill joins as the last bidder); None where nothing is compared.
    who:   numbers of the bidders who deviate: (liar,), (one, its shill), (one, the other).
    source: who found it.
    """

    claim: Claim
    truth: Any
    other: Any = None
    who: tuple[int, ...] = (0,)
    source: str = ""
