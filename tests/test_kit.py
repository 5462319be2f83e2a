"""The kit keeps its own word: one planted offender per check, each caught and named, and none without one."""

import subprocess
import sys

import numpy as np
import offender_mutants
import offenders
import pytest

from marketic import Bids, Claim, InputError, Refutation, Terms
from marketic.checks import ClaimRefuted, check_mechanism
from marketic.checks.basics import BASICS
from marketic.checks.mechanism import SESSION_CLAIMS, STATISTICAL
from marketic.checks.properties import PROPERTIES
from marketic.claims import Holds
from marketic.mechanisms import FirstPrice, SecondPrice
from marketic.mechanisms.boston import Boston
from marketic.registry import built


class BostonClaimsStability:
    claims = frozenset({Claim.STABLE})
    domain = Boston().domain

    def clear(self, rankings, *, rng=None):
        return Boston().clear(rankings)


ALL_OFFENDERS = offenders.PER_CHECK | {Claim.STABLE: BostonClaimsStability}


def named(offender):
    return offender.__name__ if isinstance(offender, type) else str(offender)


@pytest.mark.parametrize("mutant", offender_mutants.MUTANTS, ids=named)
def test_each_mutant_is_caught_and_its_broken_claims_are_named(mutant):
    report = check_mechanism(mutant(), raises=False)
    assert set(report.refuted) == {claim.name for claim in mutant.claims}
    with pytest.raises(ClaimRefuted, match=f"{mutant.__name__} claims {next(iter(report.refuted))}, but with"):
        check_mechanism(mutant())


@pytest.mark.parametrize(("claim", "offender"), ALL_OFFENDERS.items(), ids=named)
def test_each_false_claim_is_refuted_by_name(claim, offender):
    verdict = check_mechanism(offender(), raises=False).verdicts[claim.name]
    assert verdict.status == "refuted"
    assert verdict.explanation
    assert verdict.cases > 0


class FalselyClaims:
    """A sound mechanism with a claim that every textbook refutes; its stored counterexample is kept from the kit."""

    def __init__(self, mechanism, claim):
        self.mechanism, self.claims = mechanism, frozenset({claim})
        self.domain = getattr(mechanism, "domain", None)

    def clear(self, bids, *, rng=None):
        return self.mechanism.clear(bids, rng=rng)


TEXTBOOK = [
    ("first-price", Claim.DSIC),
    ("third-price", Claim.DSIC),
    ("all-pay", Claim.INDIVIDUALLY_RATIONAL),
    ("second-price-reserve", Claim.EFFICIENT),
    ("second-price", Claim.PAIR_PROOF),
    ("gsp", Claim.DSIC),
    ("uniform-price", Claim.DSIC),
    ("discriminatory", Claim.DSIC),
    ("double-auction", Claim.DSIC),
    ("vcg-exchange", Claim.NO_DEFICIT),
    ("mcafee", Claim.EFFICIENT),
    ("mcafee", Claim.BUDGET_BALANCED),
    ("clarke-pivot", Claim.BUDGET_BALANCED),
    ("vcg", Claim.FALSE_NAME_PROOF),
    ("vcg", Claim.REVENUE_MONOTONE),
    ("boston", Claim.DSIC),
    ("deferred-acceptance", Claim.EFFICIENT),
    ("top-trading-cycles", Claim.STABLE),
]


@pytest.mark.parametrize(("name", "claim"), TEXTBOOK, ids=[f"{name}-{claim.name}" for name, claim in TEXTBOOK])
def test_each_textbook_falsehood_is_found_by_search(name, claim):
    report = check_mechanism(FalselyClaims(built("mechanisms", name), claim), raises=False)
    assert set(report.refuted) == {claim.name}


WITHOUT_CLAIMS = [*offenders.WITHOUT_CLAIMS.items(), *offenders.MORE_WITHOUT_CLAIMS.items()]


@pytest.mark.parametrize(
    ("promise", "offender"), WITHOUT_CLAIMS, ids=[f"{p}-{o[0].__name__}" for p, o in WITHOUT_CLAIMS]
)
def test_impossible_answers_are_refuted_without_any_claim(promise, offender):
    mechanism, reason = offender
    verdict = check_mechanism(mechanism(), raises=False).verdicts[promise]
    assert verdict.status == "refuted"
    assert reason in verdict.explanation or "two verdicts" in verdict.explanation or "depends on" in verdict.explanation


def test_every_check_has_an_offender():
    testable = set(PROPERTIES) | STATISTICAL | SESSION_CLAIMS
    assert testable == set(Claim), "a claim that nothing tests"
    assert set(ALL_OFFENDERS) == set(PROPERTIES) | STATISTICAL, "sessions have theirs in test_session_kit.py"
    assert set(offenders.WITHOUT_CLAIMS) == {"ANSWERS", *BASICS}


def test_the_counterexample_is_small_and_its_five_lines_run_as_they_stand(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from marketic import Claim\n"
        "from marketic.mechanisms import FirstPrice\n"
        "class Mine:\n"
        "    claims = frozenset({Claim.DSIC})\n"
        "    def clear(self, bids, *, rng=None):\n"
        "        return FirstPrice().clear(bids)\n"
    )
    checking = "import mine; from marketic.checks import check_mechanism; check_mechanism(mine.Mine())"
    failed = subprocess.run([sys.executable, "-c", checking], cwd=tmp_path, capture_output=True, text=True, check=False)
    story = failed.stderr[failed.stderr.index("Mine claims DSIC, but") :].strip().splitlines()
    assert (
        story[0] == "Mine claims DSIC, but with values (1.0,): bidder 0 earns 0 with the truth and 1 by reporting 0.0"
    )
    assert len(story) == 6
    replay = "\n".join(line.strip() for line in story[1:])
    shown = subprocess.run([sys.executable, "-c", replay], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.count("Clearing(") == 2


HOSTILE = [*offenders.HOSTILE.items(), (offenders.Tampers, "PURE"), (offenders.NeedsSomebody, "ANSWERS")]


@pytest.mark.parametrize(("offender", "promise"), HOSTILE, ids=named)
def test_what_users_bring_without_meaning_to_is_named_and_its_lines_run(offender, promise, capsys):
    verdict = check_mechanism(offender(), raises=False).verdicts[promise]
    assert verdict.status == "refuted"
    lines = [line[4:] for line in verdict.explanation.splitlines()[1:]]
    assert 4 <= len(lines) <= 5
    if promise == "ANSWERS":
        with pytest.raises(ValueError, match="argmax"):
            exec("\n".join(lines), {})
        return
    exec("\n".join(lines), {})
    shown = capsys.readouterr().out
    assert "Clearing(" in shown or int(shown.split()[0]) > 1, "so many different answers"


def test_a_mechanism_that_ends_the_program_does_not_end_the_check():
    verdict = check_mechanism(offenders.Leaves(), budget=2_000, raises=False).verdicts["ANSWERS"]
    assert verdict.status == "refuted"
    assert "raised SystemExit: no ties please" in verdict.explanation


def test_a_refuted_claim_must_come_with_a_case_that_refutes_it():
    class Honest(offenders.Offender):
        refuted = (Refutation(Claim.DSIC, Bids([2.0, 1.0]), Bids([1.5, 1.0]), who=(0,), source="any textbook"),)

        def clear(self, bids, *, rng=None):
            return FirstPrice().clear(bids)

    class Mistaken(Honest):
        def clear(self, bids, *, rng=None):
            return SecondPrice().clear(bids)

    assert check_mechanism(Honest()).verdicts["not DSIC"].status == "kept"
    with pytest.raises(ClaimRefuted, match="not DSIC, but the stored case does not break DSIC"):
        check_mechanism(Mistaken())


def test_what_cannot_be_tested_is_said_and_not_passed_over():
    verdict = check_mechanism(offenders.KnowsNoRest(), raises=False).verdicts["STABLE"]
    assert (verdict.status, verdict.explanation) == ("could not test", "SingleGood has no method blocking_pairs")

    class InTheLimit(offenders.Vickrey, claims=(Claim.PAIR_PROOF, Claim.BOUNDED_LOSS)):
        terms = {Claim.PAIR_PROOF: Terms(holds=Holds.ASYMPTOTIC)}  # noqa: RUF012

    report = check_mechanism(InTheLimit(), raises=False)
    assert set(report.untested) == {"PAIR_PROOF", "BOUNDED_LOSS"}
    assert "in the limit" in report.untested["PAIR_PROOF"].explanation


def test_an_equilibrium_is_tested_with_the_strategy_and_prior_of_its_terms():
    class Shades(offenders.Offender, claims=(Claim.BIC, Claim.INTERIM_RATIONAL)):
        factor = 1.0

        @property
        def terms(self):
            return {
                Claim.BIC: Terms(Holds.EQUILIBRIUM, strategy=lambda v, n: self.factor * v * (n - 1) / n, sizes=(2, 3))
            }

        def clear(self, bids, *, rng=None):
            return FirstPrice().clear(bids)

    class ShadesMore(Shades, claims=(Claim.BIC,)):
        factor = 0.7

    assert check_mechanism(Shades()).passed
    assert not check_mechanism(ShadesMore(), raises=False).passed


def test_the_search_is_the_same_every_time():
    first, second = (check_mechanism(offender_mutants.Overcharges(), raises=False, seed=3) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: check_mechanism(object()), "is no mechanism"),
        (lambda: check_mechanism(SecondPrice), "is no mechanism"),
        (lambda: check_mechanism(SecondPrice(), budget=0), "budget=0"),
        (lambda: check_mechanism(type("Odd", (SecondPrice,), {"claims": {"DSIC"}})()), "hold 'DSIC'"),
    ],
    ids=["object", "class", "budget", "claims"],
)
def test_what_is_no_mechanism_is_refused(build, words):
    with pytest.raises(InputError, match=words):
        build()


def test_a_batch_of_cases_is_drawn_with_ties_absentees_and_extremes():
    drawn = np.random.default_rng(0)
    from marketic.domains import SingleGood

    bids = SingleGood().draw(drawn, 2_000, 3)
    assert (~bids.active).any(axis=1).any()
    assert (np.diff(np.sort(bids.value, axis=1), axis=1) == 0).any(axis=1).sum() > 400
    assert bids.value.max() > 1e11
    assert (bids.value[bids.value > 0].min()) < 1e-300
