"""Winner determination: brute force, dynamic programming and integer programming agree."""

import itertools

import numpy as np
import pytest

from marketic import InputError
from marketic.bundle_bids import BundleBids
from marketic.checks import check_mechanism
from marketic.domains.bundles import Bundles
from marketic.mechanisms import winner_determination
from marketic.mechanisms.bid_generators import GENERATORS
from marketic.mechanisms.greedy_single_minded import GreedySingleMinded
from marketic.mechanisms.pay_as_bid_packages import PayAsBidPackages
from marketic.mechanisms.vcg import VCG
from marketic.mechanisms.winner_determination import PackageProblem, determine


def by_enumeration(bids: BundleBids) -> float:
    """The best sum over all sets of live bids that are disjoint (and one per bidder)."""
    live = [tuple(at) for at in np.argwhere(bids.live)]
    best = 0.0
    for size in range(len(live) + 1):
        for chosen in itertools.combinations(live, size):
            goods = sum((bids.bundle[at].astype(int) for at in chosen), np.zeros(bids.goods, dtype=int))
            owners = [at[0] for at in chosen]
            if goods.max(initial=0) <= 1 and (not bids.exclusive or len(set(owners)) == len(owners)):
                best = max(best, float(sum(bids.value[at] for at in chosen)))
    return best


@pytest.fixture
def by_programming(monkeypatch):
    monkeypatch.setattr(winner_determination, "in_reach", lambda *_: False)


def small(seed: int, exclusive: bool, goods: int) -> BundleBids:
    rng = np.random.default_rng(seed)
    bundle = rng.random((3, 3, goods)) < 0.4
    return BundleBids(rng.integers(0, 9, size=(3, 3)), bundle, exclusive=exclusive)


@pytest.mark.parametrize("exclusive", [True, False], ids=["XOR", "OR"])
@pytest.mark.parametrize("goods", [1, 2, 4, 6])
@pytest.mark.parametrize("seed", range(4))
class TestAgainstEnumeration:
    def test_dynamic_programming(self, seed, goods, exclusive):
        bids = small(seed, exclusive, goods)
        assert determine(bids).welfare == by_enumeration(bids)

    def test_integer_programming(self, seed, goods, exclusive, by_programming):
        bids = small(seed, exclusive, goods)
        best = determine(bids)
        assert best.welfare == pytest.approx(by_enumeration(bids), abs=1e-9)
        assert best.certificate(bids).status == "optimal"

    def test_the_yardstick_of_the_kit(self, seed, goods, exclusive):
        bids = small(seed, exclusive, goods)
        batch = BundleBids(bids.value[None], bids.bundle[None], exclusive=exclusive)
        assert Bundles().optimum(batch)[0] == by_enumeration(bids)


@pytest.mark.parametrize("exclusive", [True, False], ids=["XOR", "OR"])
def test_surpluses_kept_are_counted_once_per_winner(exclusive, monkeypatch):
    rng = np.random.default_rng(3)
    for _ in range(10):
        bids = BundleBids(rng.random((4, 3)), rng.random((4, 3, 5)) < 0.4, exclusive=exclusive)
        surplus = rng.random(4) * 0.5
        exact = PackageProblem(bids).solve(surplus)
        monkeypatch.setattr(winner_determination, "in_reach", lambda *_: False)
        assert PackageProblem(bids).solve(surplus).welfare == pytest.approx(float(exact.welfare), abs=1e-9)
        monkeypatch.undo()


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_generated_auctions_of_ten_goods(kind, monkeypatch):
    bids = GENERATORS[kind](np.random.default_rng(1), 12, 10, 3)
    exact = determine(bids, others=True)
    monkeypatch.setattr(winner_determination, "in_reach", lambda *_: False)
    again = determine(bids, others=True)
    assert again.welfare == pytest.approx(float(exact.welfare), rel=1e-9)
    np.testing.assert_allclose(again.others, exact.others, rtol=1e-9)
    assert again.certificate(bids).status == "optimal"


def test_published_example_of_a_tutorial():
    """Nebel and Woelfl's course notes: bids 8 on 1234, 6 on 236, 5 on 145, 2 on 28, 2 on 56 -> 11 (the second and third)."""
    bids = BundleBids.of({"1234": 8.0}, {"236": 6.0}, {"145": 5.0}, {"28": 2.0}, {"56": 2.0})
    best = determine(bids)
    assert best.welfare == 11.0
    assert best.chosen[:, 0].tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("shape", [(0, 2), (2, 0), (0, 0)], ids=["no bidders", "no bids", "nothing"])
def test_nobody_there(shape):
    cleared = VCG().clear(BundleBids(np.zeros(shape), np.zeros((*shape, 3), dtype=bool)))
    assert not cleared.allocation.any()
    assert cleared.payments.tolist() == [0.0] * shape[0]


def test_batches_of_any_shape_are_single_auctions():
    truth = Bundles().draw(np.random.default_rng(5), 12, 3)
    grid = BundleBids(
        truth.value.reshape(3, 4, 3, 3),
        truth.bundle.reshape(3, 4, 3, 3, 3),
        truth.active.reshape(3, 4, 3),
        truth.offered.reshape(3, 4, 3, 3),
    )
    many = VCG().clear(grid)
    for case in range(12):
        one = BundleBids(truth.value[case], truth.bundle[case], truth.active[case], truth.offered[case])
        single, at = VCG().clear(one), np.unravel_index(case, (3, 4))
        assert np.array_equal(single.payments, many.payments[at])
        assert np.array_equal(single.allocation, many.allocation[at])


def test_bad_bids_turn_their_bidder_away():
    bids = BundleBids([[1.0], [np.nan], [np.inf], [-1.0]], np.ones((4, 1, 1), dtype=bool))
    assert bids.at_least(0.0).active.tolist() == [True, False, False, False]
    assert set(bids.reasons()) == {1, 2}
    assert set(bids.at_least(0.0).reasons()) == {1, 2, 3}


@pytest.mark.parametrize(
    ("value", "bundle"),
    [([1.0], [[True]]), ([[1.0]], [[[1]]]), ([[1.0]], [[True]]), ([["a"]], [[[True]]])],
    ids=["one axis", "not bool", "no goods axis", "letters"],
)
def test_what_is_no_package_bid(value, bundle):
    with pytest.raises(InputError):
        BundleBids(value, np.array(bundle))


class TestGreedy:
    def test_critical_value_by_hand(self):
        """Norms 10, 12/sqrt 2 = 8.49, 6: A beats AB, and would until its bid falls to 12/sqrt 2; B pays nothing."""
        cleared = GreedySingleMinded().clear(BundleBids.of({"A": 10.0}, {"AB": 12.0}, {"B": 6.0}))
        assert cleared.allocation.tolist() == [[True, False], [False, False], [False, True]]
        assert cleared.payments == pytest.approx([12.0 / np.sqrt(2.0), 0.0, 0.0])

    def test_within_the_square_root_of_the_number_of_goods(self):
        domain = GreedySingleMinded.domain
        truth = domain.draw(np.random.default_rng(2), 2000, 4)
        welfare = domain.worth(truth, GreedySingleMinded().clear(truth)).sum(axis=1)
        best = domain.optimum(truth)
        assert (welfare * np.sqrt(domain.goods) >= best * (1 - 1e-12)).all()
        assert (welfare < best * 0.9).any()

    def test_several_bids_are_refused(self):
        with pytest.raises(InputError, match="several bids"):
            GreedySingleMinded().clear(BundleBids.of({"A": 1.0, "B": 1.0}))


@pytest.mark.parametrize("mechanism", [PayAsBidPackages(), GreedySingleMinded()], ids=lambda m: type(m).__name__)
def test_keeps_its_claims(mechanism):
    assert check_mechanism(mechanism, budget=4000).passed
