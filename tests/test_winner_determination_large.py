"""Winner determination beyond dynamic programming: local search, and what the others make without each winner."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from marketic.benchmarks.mechanisms import Program
from marketic.bundle_bids import BundleBids
from marketic.mechanisms.bid_generators import GENERATORS
from marketic.mechanisms.winner_determination import PackageProblem, determine
from marketic.mechanisms.winner_determination_search import improved

KINDS = sorted(GENERATORS)


def auction(kind: str, seed: int, bidders: int = 24, goods: int = 20) -> BundleBids:
    return GENERATORS[kind](np.random.default_rng(seed), bidders, goods, 3)


def assert_solved(bids: BundleBids) -> None:
    """Welfare, with and without each winner, against integer programs of scipy (payments may differ where optima tie)."""
    plain, best = Program(bids), determine(bids, others=True)
    assert best.certificate(bids).status == "optimal"
    assert best.welfare == pytest.approx(-plain.solve().fun, rel=1e-9)
    for who in np.flatnonzero(best.chosen.any(axis=-1)):
        assert best.others[who] == pytest.approx(-plain.solve(int(who)).fun, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_welfare_with_and_without_each_winner(kind, seed):
    assert_solved(auction(kind, seed))


@pytest.mark.parametrize("seed", range(3))
def test_or_bidders_pay_what_plain_programs_say(seed):
    xor = auction("arbitrary", seed, 14)
    bids = BundleBids(xor.value, xor.bundle, exclusive=False)
    best = determine(bids, others=True)
    owner, place = np.nonzero(bids.live)
    wanted, value = bids.bundle[owner, place].T.astype(float), bids.value[owner, place]
    for who in range(len(bids.value)):
        room = Bounds(0.0, (owner != who).astype(float))
        plain = milp(
            -value, integrality=np.ones(len(value)), bounds=room, constraints=LinearConstraint(wanted, -np.inf, 1.0)
        )
        assert best.others[who] == pytest.approx(-plain.fun, rel=1e-6)


def test_ties_everywhere():
    bids = auction("arbitrary", 7, 20)
    value = np.where(bids.offered, bids.bundle.sum(axis=-1), 0).astype(float)
    assert_solved(BundleBids(value, bids.bundle, offered=bids.offered))


@pytest.fixture(scope="module")
def graph():
    """Values, who excludes whom, and the optimum."""
    problem = PackageProblem(auction("arbitrary", 3, 100, 40))
    owned = problem.bids.bundle[problem.owner, problem.place].astype(int)
    conflict = (owned @ owned.T > 0) | (problem.owner[:, None] == problem.owner)
    return problem.value, conflict, float(problem.solve().welfare)


class TestLocalSearch:
    def test_is_feasible_and_close_to_the_optimum(self, graph):
        value, conflict, optimum = graph
        found = improved(value, conflict, np.zeros(len(value), dtype=bool), 20_000, np.random.default_rng(0))
        assert not (conflict[np.ix_(found, found)] & ~np.eye(found.sum(), dtype=bool)).any()
        assert 0.98 * optimum <= value[found].sum() <= optimum * (1.0 + 1e-12)

    def test_never_loses_what_it_was_given(self, graph):
        value, conflict, _ = graph
        given = improved(value, conflict, np.zeros(len(value), dtype=bool), 5_000, np.random.default_rng(1))
        assert value[improved(value, conflict, given, 10, np.random.default_rng(2))].sum() >= value[given].sum()

    def test_bids_of_nothing_stay_out(self):
        none = np.zeros(3, dtype=bool)
        assert not improved(np.array([0.0, -1.0, 0.0]), np.eye(3, dtype=bool), none, 50, np.random.default_rng(0)).any()

    def test_same_seed_same_choice(self, graph):
        value, conflict, _ = graph
        start = np.zeros(len(value), dtype=bool)
        a, b = (improved(value, conflict, start, 500, np.random.default_rng(5)) for _ in range(2))
        assert (a == b).all()
