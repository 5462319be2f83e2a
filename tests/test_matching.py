"""Matching: textbook cases, and every small market compared with all of its matchings."""

import itertools

import numpy as np
import pytest
from matching_truths import (
    all_matchings,
    as_batch,
    batch_of_one,
    complete_markets,
    improves,
    is_stable,
    markets,
    partners,
    rank,
)

from marketic.checks import check_mechanism
from marketic.domains.base import taken
from marketic.domains.rankings import RankedObjects
from marketic.errors import InputError
from marketic.mechanisms.boston import LIE, TRUTH, Boston
from marketic.mechanisms.deferred_acceptance import PRICE_OF_STABILITY, DeferredAcceptance
from marketic.mechanisms.serial_dictatorship import SerialDictatorship
from marketic.mechanisms.top_trading_cycles import TopTradingCycles
from marketic.rankings import Rankings

EVERY = [
    DeferredAcceptance(), TopTradingCycles(), TopTradingCycles(endowed=False), SerialDictatorship(),
    SerialDictatorship(drawn=True), Boston(),
]  # fmt: skip
MECHANISMS = pytest.mark.parametrize("mechanism", EVERY, ids=repr)


def test_deferred_acceptance_is_the_best_stable_matching_for_every_proposer() -> None:
    several = 0
    for market in itertools.chain(markets(120), complete_markets(80)):
        stable = [match for match in all_matchings(market) if is_stable(market, match)]
        found = tuple(partners(DeferredAcceptance().clear(market)))
        assert found in stable
        for other in stable:
            assert all(rank(market, i, found[i]) <= rank(market, i, other[i]) for i in range(len(found)))
            assert [j >= 0 for j in other] == [j >= 0 for j in found], "rural hospitals: the same proposers are seated"
            assert sorted(other) == sorted(found), "rural hospitals: each object fills as many seats"
        several += len(stable) > 1
    assert several > 5, "markets with one stable matching only prove little"


def test_the_domain_knows_stability_and_pareto_efficiency() -> None:
    domain, dominated, unstable = RankedObjects(), 0, 0
    for market in markets(60, seed=1):
        possible = all_matchings(market)
        for match in possible[::3]:
            better = any(improves(market, other, match) for other in possible)
            assert bool(domain.dominated(batch_of_one(market), as_batch(match, market))[0]) is better
            blocked = domain.blocking_pairs(batch_of_one(market), as_batch(match, market))[0]
            assert bool(blocked == 0) is is_stable(market, match)
            dominated, unstable = dominated + better, unstable + (blocked > 0)
    assert min(dominated, unstable) > 50


@pytest.mark.parametrize("mechanism", [m for m in EVERY[1:] if m != SerialDictatorship(drawn=True)], ids=repr)
def test_the_efficient_ones_are_efficient(mechanism) -> None:
    for market in markets(150, endowed=mechanism == TopTradingCycles(), seed=2):
        found = tuple(partners(mechanism.clear(market)))
        assert found in all_matchings(market)
        assert not any(improves(market, other, found) for other in all_matchings(market))


def blocks(market: Rankings, match: tuple[int, ...], coalition: tuple[int, ...]) -> bool:
    """Whether owners could trade what they own, all of them seated, some better and none worse."""
    goods = [int(market.endowment[i]) for i in coalition]
    for given_to in itertools.permutations(goods):
        if not all(market.listed[i, j] for i, j in zip(coalition, given_to, strict=True)):
            continue
        change = [rank(market, i, match[i]) - rank(market, i, j) for i, j in zip(coalition, given_to, strict=True)]
        if min(change) >= 0 and max(change) > 0:
            return True
    return False


def coalitions(market: Rankings):
    owners = [i for i in range(len(market.active)) if market.active[i] and market.endowment[i] >= 0]
    for size in range(1, len(owners) + 1):
        yield from itertools.combinations(owners, size)


def test_top_trading_cycles_is_in_the_core_and_rational() -> None:
    for market in markets(200, endowed=True, seed=3):
        found = tuple(partners(TopTradingCycles().clear(market)))
        assert not any(blocks(market, found, coalition) for coalition in coalitions(market))
        for i in np.flatnonzero(market.active & (market.endowment >= 0)):
            assert rank(market, i, found[i]) <= rank(market, i, int(market.endowment[i]))


def test_the_domain_knows_the_core() -> None:
    outside = 0
    for market in markets(80, endowed=True, seed=4):
        for match in all_matchings(market)[::4]:
            blocked = any(blocks(market, match, coalition) for coalition in coalitions(market))
            gain = RankedObjects().blocking_gain(batch_of_one(market), as_batch(match, market))[0]
            assert bool(gain > 0) is blocked
            outside += blocked
    assert outside > 20


def test_the_core_of_a_housing_market_is_that_one_allocation() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):  # complete strict lists, everyone an owner: Roth and Postlewaite 1977
        market = Rankings(rng.random((4, 4)).argsort(axis=1), endowment=rng.permutation(4))
        core = [
            match for match in itertools.permutations(range(4))
            if not any(blocks(market, match, coalition) for coalition in coalitions(market))
        ]  # fmt: skip
        assert core == [tuple(partners(TopTradingCycles().clear(market)))]


def test_gale_and_shapley_textbook_cases() -> None:
    # Gale and Shapley 1962, example 1: three men, three women, a ring of wishes; the men's choices are all granted
    ring = Rankings(order=[[0, 1, 2], [1, 2, 0], [2, 0, 1]], priority=[[1, 2, 0], [2, 0, 1], [0, 1, 2]])
    assert partners(DeferredAcceptance().clear(ring)) == [0, 1, 2]
    women_first = Rankings(order=ring.priority, priority=ring.order)
    assert partners(DeferredAcceptance().clear(women_first)) == [1, 2, 0]
    # their example 2, four and four: the only stable matching is (alpha C, beta D, gamma A, delta B)
    four = Rankings(
        order=[[0, 1, 2, 3], [0, 3, 2, 1], [1, 0, 2, 3], [3, 1, 2, 0]],
        priority=[[3, 2, 0, 1], [1, 3, 0, 2], [3, 0, 1, 2], [2, 1, 0, 3]],
    )
    assert partners(DeferredAcceptance().clear(four)) == [2, 3, 0, 1]
    # Roth 1982: receivers may lie. Woman 0 drops the man she likes least and gets her first choice
    market = {"order": [[0, 1, 2], [1, 0, 2], [0, 1, 2]], "priority": [[1, 0, 2], [0, 1, 2], [0, 1, 2]]}
    assert partners(DeferredAcceptance().clear(Rankings(**market))) == [0, 1, 2]
    lie = Rankings(market["order"], [[1, -1, -1], *market["priority"][1:]])
    assert partners(DeferredAcceptance().clear(lie))[1] == 0, "her first choice, by naming nobody else"


def test_hospitals_with_several_seats() -> None:
    # six doctors, hospital 0 with two seats, 1 and 2 with two, one; worked by hand
    order = [[0, 1, -1], [0, -1, -1], [2, 0, 1], [0, 2, 1], [1, 0, 2], [2, 1, 0]]
    priority = [[3, 2, 0, 1, 5, 4], [5, 4, 0, 2, 3, 1], [0, 5, 3, 2, 1, 4]]
    found = DeferredAcceptance().clear(Rankings(order, priority, capacity=[2, 2, 1]))
    # 0, 1, 3 ask 0, which keeps 3 and 0; 2 loses 2 to 5, asks 0, which puts 0 out; 0 asks 1, which has room
    assert partners(found) == [1, -1, 0, 0, 1, 2]
    assert found.payments.tolist() == [0.0] * 6
    assert np.isnan(found.prices).all()


def test_shapley_and_scarf() -> None:
    # a textbook housing market of 5: 0 keeps its own, 1-2-3 trade in a ring, 4 keeps what nobody else takes
    order = [[0, 1, 2, 3, 4], [2, 1, 0, 3, 4], [3, 2, 1, 0, 4], [0, 1, 3, 2, 4], [0, 1, 2, 3, 4]]
    assert partners(TopTradingCycles().clear(Rankings(order, endowment=range(5)))) == [0, 2, 3, 1, 4]
    absent = Rankings(order, endowment=range(5), active=[False, True, True, True, True])
    got = TopTradingCycles().clear(absent)
    assert partners(got) == [-1, 2, 3, 1, 4], "who stays away keeps its house, and nobody else gets it"


def test_school_choice_fixture() -> None:
    # Abdulkadiroglu and Sonmez 2003, example of section II: 8 students, seats 2, 2, 3, 3
    order = [
        [1, 0, 2, 3],
        [0, 1, 2, 3],
        [2, 1, 0, 3],
        [2, 3, 0, 1],
        [0, 2, 3, 1],
        [3, 0, 1, 2],
        [0, 1, 2, 3],
        [0, 1, 3, 2],
    ]
    priority = [[0, 1, 2, 3, 4, 5, 6, 7], [2, 4, 3, 7, 1, 6, 0, 5], [4, 2, 0, 6, 7, 1, 3, 5], [5, 7, 6, 0, 1, 2, 3, 4]]
    market = Rankings(order, priority, capacity=[2, 2, 3, 3])
    assert partners(TopTradingCycles(endowed=False).clear(market)) == [1, 0, 2, 2, 0, 3, 1, 3]


def test_boston_is_manipulable_and_known_to_be() -> None:
    honest, lying = Boston().clear(TRUTH), Boston().clear(LIE)
    assert partners(honest)[1] == 2
    assert partners(lying)[1] == 1
    assert partners(DeferredAcceptance().clear(TRUTH))[1] == partners(DeferredAcceptance().clear(LIE))[1] == 1


def test_the_price_of_stability() -> None:
    assert partners(DeferredAcceptance().clear(PRICE_OF_STABILITY)) == [0, 1, 2]
    assert partners(TopTradingCycles(False).clear(PRICE_OF_STABILITY)) == [1, 0, 2]


def test_random_priority() -> None:
    # Bogomolnaia and Moulin 2001, example 1
    market = Rankings([[0, 1, 2, 3], [0, 1, 2, 3], [1, 0, 3, 2], [1, 0, 3, 2]])
    chance = SerialDictatorship(drawn=True).clear(market).allocation
    np.testing.assert_allclose(chance[0], np.array([5, 1, 5, 1]) / 12, rtol=1e-15)
    np.testing.assert_allclose(chance[2], np.array([1, 5, 1, 5]) / 12, rtol=1e-15)
    rng = np.random.default_rng(0)
    many = Rankings(np.broadcast_to(market.order, (4000, 4, 4)))
    drawn = SerialDictatorship(drawn=True).clear(many, rng=rng).allocation
    assert np.abs(drawn.mean(axis=0) - chance).max() < 0.03, "4 standard errors of 4000 draws"


def test_random_priority_is_anonymous_and_every_draw_is_efficient() -> None:
    rng = np.random.default_rng(2)
    for market in markets(60, seed=9):
        n = len(market.active)
        order = rng.permutation(n)
        back = np.append(order.argsort(), -1)  # priorities speak of numbers
        moved = Rankings(market.order[order], back[market.priority], market.capacity, market.active[order])
        chance = SerialDictatorship(drawn=True).clear(market).allocation
        assert np.array_equal(SerialDictatorship(drawn=True).clear(moved).allocation, chance[order])
        drawn = tuple(partners(SerialDictatorship(drawn=True).clear(market, rng=rng)))
        assert not any(improves(market, other, drawn) for other in all_matchings(market))


def test_random_priority_is_the_core_from_random_endowments() -> None:
    order = np.random.default_rng(1).random((4, 4)).argsort(axis=1)
    shares = [
        TopTradingCycles().clear(Rankings(order, endowment=owned)).allocation
        for owned in itertools.permutations(range(4))
    ]
    lottery = SerialDictatorship(drawn=True).clear(Rankings(order)).allocation
    np.testing.assert_allclose(np.mean(shares, axis=0), lottery, rtol=1e-15)  # Abdulkadiroglu and Sonmez 1998


def test_a_lottery_of_nine_is_refused_and_a_draw_is_not() -> None:
    nine = Rankings(np.broadcast_to(np.arange(9), (9, 9)))
    with pytest.raises(InputError, match="9! orders"):
        SerialDictatorship(drawn=True).clear(nine)
    drawn = SerialDictatorship(drawn=True).clear(nine, rng=np.random.default_rng(0))
    assert sorted(partners(drawn)) == list(range(9))


@MECHANISMS
def test_a_batch_is_answered_as_its_markets_are(mechanism) -> None:
    rng = np.random.default_rng(6)
    truth = mechanism.domain.draw(rng, 60, 4)
    together = mechanism.clear(truth).allocation
    for case in range(60):
        one = taken(truth, slice(case, case + 1))
        own = None if one.endowment is None else one.endowment[0]
        alone = Rankings(one.order[0], one.priority[0], one.capacity[0], one.active[0], own)
        assert np.array_equal(mechanism.clear(alone).allocation, together[case])
    owned = None if truth.endowment is None else truth.endowment.reshape(6, 10, 4)
    order, priority = truth.order.reshape(6, 10, 4, -1), truth.priority.reshape(6, 10, -1, 4)
    folded = Rankings(order, priority, truth.capacity.reshape(6, 10, -1), truth.active.reshape(6, 10, 4), owned)
    assert np.array_equal(mechanism.clear(folded).allocation.reshape(together.shape), together)


@MECHANISMS
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 2), (0, 2, 2)])
def test_nobody_and_nothing(mechanism, shape) -> None:
    cleared = mechanism.clear(Rankings(np.zeros(shape, dtype=int) - 1, capacity=np.ones(shape[-1], dtype=int)))
    assert cleared.allocation.shape == shape
    assert cleared.payments.shape == shape[:-1]
    assert not cleared.allocation.any()


@MECHANISMS
def test_they_keep_what_they_claim(mechanism) -> None:
    report = check_mechanism(mechanism, budget=3_000, raises=False)
    assert report.passed, str(report)
    for claim in mechanism.claims:
        assert report.verdicts[claim.name].status == "kept", str(report)
    for refutation in mechanism.refuted:
        assert report.verdicts[f"not {refutation.claim.name}"].status == "kept", str(report)


def test_the_kit_finds_that_boston_is_manipulable() -> None:
    from marketic.claims import Claim

    class Claiming(Boston):
        claims = frozenset({Claim.DSIC, Claim.STABLE})

    class Stable(SerialDictatorship):
        claims = frozenset({Claim.STABLE, Claim.CORE})

    class Efficient(DeferredAcceptance):
        claims = frozenset({Claim.EFFICIENT})

    for mechanism in (Claiming(), Stable(), Efficient()):
        report = check_mechanism(mechanism, budget=3_000, raises=False)
        broken = {claim.name for claim in mechanism.claims} - {Claim.CORE.name}
        assert broken <= set(report.refuted), str(report)
