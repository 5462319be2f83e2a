"""Core-selecting and proxy auctions: published tables and examples, all coalitions, equilibria in closed form."""

import numpy as np
import pytest

from marketic import InputError
from marketic.bundle_bids import BundleBids
from marketic.checks import check_mechanism
from marketic.domains.bundles import Bundles
from marketic.mechanisms import winner_determination
from marketic.mechanisms.core_selecting import REFERENCES, CoreSelecting
from marketic.mechanisms.proxy_auction import AscendingProxy
from marketic.mechanisms.vcg import VCG

RULES = {reference: CoreSelecting(reference) for reference in REFERENCES} | {"proxy": AscendingProxy()}
WURMAN = (
    {"A": 10, "B": 3, "AB": 18, "C": 2, "AC": 18, "BC": 10, "ABC": 20},
    {"A": 4, "B": 9, "AB": 15, "C": 3, "AC": 12, "BC": 18, "ABC": 20},
    {"A": 1, "B": 3, "AB": 11, "C": 9, "AC": 16, "BC": 17, "ABC": 25},
    {"A": 7, "B": 7, "AB": 16, "C": 7, "AC": 16, "BC": 16, "ABC": 20},
)
DAY = ({"AB": 20}, {"C": 20}, {"D": 20}, {"ABC": 28}, {"ABD": 26}, {"AB": 10}, {"C": 10}, {"D": 10})


def local_global(first: float, second: float, everything: float) -> BundleBids:
    return BundleBids.of({"A": first}, {"B": second}, {"AB": everything})


@pytest.mark.parametrize(
    ("bids", "rule", "payments"),
    [
        ((8, 6, 10), "vcg", (6, 4)),
        ((8, 6, 10), "bid", (6, 4)),
        ((8, 6, 10), "zero", (5, 5)),
        ((8, 6, 10), "proxy", (5, 5)),
        ((12, 6, 10), "vcg", (7, 3)),
        ((12, 6, 10), "bid", (8, 2)),
        ((12, 6, 10), "zero", (5, 5)),
        ((12, 6, 10), "proxy", (5, 5)),
        ((8, 4, 10), "proxy", (6, 4)),
    ],
)
def test_local_bidders_against_a_global_one(bids, rule, payments):
    """The table of Ausubel and Baranov 2020."""
    cleared = RULES[rule].clear(local_global(*bids))
    assert cleared.payments == pytest.approx([*payments, 0.0], abs=1e-9)


class TestWurmanZhongCai:
    """Four bidders, three goods (Wurman, Zhong and Cai 2004): W = 28, VCG 7, 8, 9, nearest-VCG 7.5, 8.5, 9."""

    def test_vcg(self):
        cleared = VCG().clear(BundleBids.of(*WURMAN))
        assert cleared.payments.tolist() == [7.0, 8.0, 9.0, 0.0]
        assert cleared.allocation.tolist() == [
            [True, False, False],
            [False, True, False],
            [False, False, True],
            [False] * 3,
        ]

    def test_core(self):
        cleared = CoreSelecting().clear(BundleBids.of(*WURMAN))
        assert cleared.payments == pytest.approx([7.5, 8.5, 9.0, 0.0], abs=1e-9)


def test_day_and_raghavan():
    """Their example of 2007: nearest-VCG payments 16, 12, 10, revenue 38."""
    cleared = CoreSelecting().clear(BundleBids.of(*DAY))
    assert cleared.payments == pytest.approx([16, 12, 10, 0, 0, 0, 0, 0], abs=1e-9)


@pytest.mark.parametrize("exclusive", [True, False], ids=["XOR", "OR"])
@pytest.mark.parametrize("bidders", [2, 3, 5])
@pytest.mark.parametrize("rule", [*RULES.values(), CoreSelecting("vcg", False), CoreSelecting("zero", False)], ids=repr)
def test_no_coalition_blocks(rule, bidders, exclusive):
    domain = Bundles(exclusive=exclusive)
    truth = domain.draw(np.random.default_rng(bidders), 60, bidders)
    largest = np.maximum(truth.value.max(axis=(1, 2)), 1.0)
    assert (domain.blocking_gain(truth, rule.clear(truth)) <= 1e-9 * largest).all()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_many_goods_go_through_integer_programming(rule, monkeypatch):
    bids = Bundles(goods=4, bids=3).draw(np.random.default_rng(9), 8, 4)
    exact = rule.clear(bids).payments
    monkeypatch.setattr(winner_determination, "in_reach", lambda *_: False)
    largest = np.maximum(bids.value.max(axis=(1, 2)), 1.0)[:, None]
    assert (np.abs(rule.clear(bids).payments.sum(axis=1) - exact.sum(axis=1)) <= 1e-8 * largest[:, 0]).all()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_vcg_in_the_core_is_the_outcome(rule):
    """Substitutes: Ausubel and Milgrom 2002."""
    bids = BundleBids.of({"A": 5, "B": 4, "AB": 6}, {"A": 3, "B": 3, "AB": 4}, {"A": 2, "B": 1, "AB": 2.5})
    assert rule.clear(bids).payments == pytest.approx(VCG().clear(bids).payments, abs=1e-9)


def test_least_revenue_is_the_linear_program_over_all_coalitions():
    from scipy.optimize import linprog

    domain = Bundles(goods=4)
    truth = domain.draw(np.random.default_rng(3), 40, 4)
    paid, best = CoreSelecting().clear(truth), VCG().clear(truth)
    made, worth = domain.coalitions(truth), domain.worth(truth, best)
    member = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(bool)
    for case in range(40):
        unit = max(worth[case].max(), 1e-9)
        least = (made[case] - member @ worth[case]) / unit
        found = linprog(np.ones(4), -(~member).astype(float), -least, bounds=[(0, w / unit) for w in worth[case]])
        assert paid.payments[case].sum() == pytest.approx(found.fun * unit, abs=1e-7 * unit)


def regret(rule, strategy, value: float) -> float:
    """What the best bid of a local bidder of this value earns beyond the strategy's, by quadrature over its rivals."""
    points = (np.arange(16) + 0.5) / 16.0
    others, worldwide = np.meshgrid(strategy(points), 2.0 * points, indexing="ij")
    bids = np.append(np.linspace(0.0, value, 8), strategy(np.array([value])))
    first = np.broadcast_to(bids[:, None, None], (len(bids), 16, 16))
    amounts = np.stack([first, *(np.broadcast_to(x, first.shape) for x in (others, worldwide))], axis=-1)
    bundle = np.broadcast_to(local_global(1, 1, 1).bundle, (*amounts.shape, 1, 2))
    cleared = rule(amounts, bundle)
    profit = (value * cleared.allocation[..., 0, 0] - cleared.payments[..., 0]).mean(axis=(1, 2))
    return float(profit.max() - profit[-1])


def clearing_of(rule):
    return lambda amounts, bundle: rule.clear(BundleBids(amounts[..., None], bundle))


NEAREST_VCG = 3.0 - 2.0 * np.sqrt(2.0)
EQUILIBRIA = {
    "vcg": lambda v: np.maximum(0.0, v - NEAREST_VCG),
    "bid": lambda v: np.log(2.0) - np.log(2.0 - v),
    "proxy": lambda v: np.maximum(0.0, 1.0 + np.log(v)),
}


@pytest.mark.parametrize("rule", ["vcg", "bid", "proxy"])
def test_equilibrium_of_local_bidders(rule):
    """Ausubel and Baranov 2020, independent values on [0, 1] and [0, 2]."""
    assert regret(clearing_of(RULES[rule]), EQUILIBRIA[rule], 0.7) < 4e-3


def test_halving_the_shading_is_no_equilibrium():
    assert regret(clearing_of(RULES["vcg"]), lambda v: np.maximum(0.0, v - NEAREST_VCG / 2.0), 0.7) > 4e-3


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_keeps_its_claims(rule):
    assert check_mechanism(rule, budget=4000).passed


def test_unknown_reference():
    with pytest.raises(InputError, match="vcg, bid, zero"):
        CoreSelecting("shapley")
