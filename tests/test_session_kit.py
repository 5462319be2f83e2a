"""The kit for sessions: it passes the sound ones, and names what is wrong with one planted offender per check."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from impure_sessions import Greedy
from session_offenders import OFFENDERS, Incoherent, Lazy, Naive, Optimist, PriceAfter, PriceBefore, Taxing

from marketic.checks.session_claims import CLAIMS
from marketic.checks.sessions import check_session_claims
from marketic.claims import Claim
from marketic.mechanisms.bayesian_market_maker import GaussianMaker, GlostenMilgrom
from marketic.mechanisms.constant_product import ConstantProduct
from marketic.mechanisms.cost_function import CostFunctionMarket, Quadratic
from marketic.mechanisms.english_clock import EnglishClock
from marketic.mechanisms.kelly_market import KellyMarket, KellyState
from marketic.mechanisms.liquidity_sensitive import LiquiditySensitive
from marketic.mechanisms.lmsr import LMSR
from marketic.mechanisms.parimutuel import Parimutuel
from marketic.mechanisms.second_price import SecondPrice
from marketic.session import lift

BUDGET = 400

SOUND = [
    LMSR(), LMSR(10.0, 3), LMSR(0.001, 2, (0.3, 0.7)), CostFunctionMarket(),
    CostFunctionMarket(Quadratic(5.0, 3, (0.1, 0.2, 0.7))),
    LiquiditySensitive(), LiquiditySensitive(0.2, 3, 2.0), ConstantProduct(), ConstantProduct(10.0, 3, (0.1, 0.2, 0.7)),
    ConstantProduct(10.0, fee=0.02), Parimutuel(), Parimutuel(3, 0.1), KellyMarket(), KellyMarket(3, (0.2, 0.5, 0.3, 0.0)),
    GlostenMilgrom(), GaussianMaker(),
]  # fmt: skip


@pytest.mark.parametrize("session", SOUND, ids=repr)
def test_sound_sessions_keep_all_they_claim(session) -> None:
    verdicts = check_session_claims(session, budget=BUDGET)
    assert {name: verdict for name, verdict in verdicts.items() if verdict[0] != "kept"} == {}
    assert {claim.name for claim in session.claims} <= set(verdicts)
    assert all(verdict[2] > 0 for verdict in verdicts.values()), "a promise on which nothing was tried is not kept"


def name_of(part) -> str:
    return part if isinstance(part, str) else type(part).__name__


@pytest.mark.parametrize(("session", "promise", "words"), OFFENDERS, ids=name_of)
def test_an_offender_is_named(session, promise, words) -> None:
    status, explanation, _ = check_session_claims(session, budget=BUDGET)[promise]
    assert status == "refuted", f"{type(session).__name__} got away with {promise}"
    assert words in explanation


def test_every_check_has_an_offender() -> None:
    checks = {"ANSWERS", "STATE", "PURE", "BATCHED", "PRICES", "not PATH_INDEPENDENT"} | {
        claim.name for claim in CLAIMS
    }
    assert {promise for _, promise, _ in OFFENDERS} == checks


@pytest.mark.parametrize(("session", "promise", "words"), OFFENDERS, ids=name_of)
def test_reproducers_run_as_they_stand(session, promise, words, capsys) -> None:
    explanation = check_session_claims(session, budget=BUDGET)[promise][1]
    lines = explanation.split("\n")[1:]
    assert len(lines) <= 5
    if lines and not isinstance(session, Greedy):  # that one shows it by the orders
        exec("\n".join(line[4:] for line in lines), {})
        assert capsys.readouterr().out.strip()


def numbers_printed(session, promise, capsys) -> list[float]:
    explanation = check_session_claims(session, budget=BUDGET)[promise][1]
    exec("\n".join(line[4:] for line in explanation.split("\n")[1:]), {})
    printed = capsys.readouterr().out.translate(str.maketrans("[](),", "     ")).replace("np.float64", " ")
    return [float(word) for word in printed.split()]


def test_reproducers_show_what_the_sentence_says(capsys) -> None:
    *losses, bound = numbers_printed(Optimist(), "BOUNDED_LOSS", capsys)
    assert max(losses) > bound
    assert max(numbers_printed(Lazy(), "BOUNDED_REGRET", capsys)) > np.log(2)
    honest, lying = numbers_printed(Taxing(), "DSIC", capsys)
    assert lying > honest
    assert numbers_printed(PriceBefore(), "PATH_INDEPENDENT", capsys)[0] < 0
    assert numbers_printed(PriceAfter(), "PATH_INDEPENDENT", capsys)[0] > 0
    *quoted, total = numbers_printed(Incoherent(), "PRICES", capsys)
    assert abs(sum(quoted) - total) < 1e-6 < total - 1.0


def test_what_cannot_be_tested_is_said() -> None:
    @dataclass(frozen=True)
    class Bare(Naive):
        claims: ClassVar[frozenset[Claim]] = frozenset({Claim.BOUNDED_LOSS, Claim.CONSERVES, Claim.CORE})
        settle = None

        def cost_of(self, q, shares):
            return LMSR(self.b).cost_of(q, shares)

    verdicts = check_session_claims(Bare(), budget=BUDGET)
    for name in ("BOUNDED_LOSS", "CONSERVES", "CORE"):
        assert verdicts[name][0] == "could not test"
        assert "give it `settle(state, outcome)`" in verdicts[name][1]

    class Payer(Bare):
        settle = Naive.settle

    verdicts = check_session_claims(Payer(), budget=BUDGET)
    for name, word in (("BOUNDED_LOSS", "with a bound"), ("CONSERVES", "house"), ("CORE", "knows no such test")):
        assert verdicts[name][0] == "could not test"
        assert word in verdicts[name][1]


def test_a_clock_is_checked_by_its_proxies() -> None:
    verdicts = check_session_claims(EnglishClock(), budget=BUDGET)
    assert {verdict[0] for verdict in verdicts.values()} == {"kept"}
    assert verdicts["DSIC"][2] > 0

    class Overcharging(EnglishClock):
        def step(self, state, orders, *, rng=None):
            after, cleared = super().step(state, orders, rng=rng)
            return after, replace(cleared, payments=1.5 * cleared.payments)

    assert check_session_claims(Overcharging(), budget=BUDGET)["DSIC"][0] == "refuted"


def test_the_kit_is_deterministic() -> None:
    assert check_session_claims(Taxing(), seed=3, budget=50) == check_session_claims(Taxing(), seed=3, budget=50)


def test_a_lifted_mechanism_is_checked_as_what_it_is() -> None:
    verdicts = check_session_claims(lift(SecondPrice()), budget=BUDGET)
    assert {verdict[0] for verdict in verdicts.values()} == {"kept"}
    assert {claim.name for claim in SecondPrice.claims} <= set(verdicts)


def test_states_are_plain_arrays() -> None:
    assert all(isinstance(array, np.ndarray) for array in vars(KellyMarket().open(3, (2,))).values())
    assert KellyState.__dataclass_params__.frozen
