"""The revenue-optimal auction against closed forms, linear programming, and the value of one more bidder."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog

from marketic.bids import Bids
from marketic.errors import InputError
from marketic.mechanisms import SecondPrice
from marketic.mechanisms.ironing import Ironed
from marketic.mechanisms.myerson import Myerson, Regular
from marketic.mechanisms.priors import Discrete, Uniform

WEAK, STRONG = Uniform(0, 1), Uniform(0, 2)
BUMPY = Discrete((1, 2, 3), (0.5, 0.1, 0.4))


@pytest.mark.parametrize(("n", "wanted", "points"), [(1, 1 / 4, 2000), (2, 5 / 12, 1000), (3, 17 / 32, 100)])
def test_optimal_revenue_for_uniform_values(n, wanted, points):
    """Myerson 1981: (n - 1) / (n + 1) + 2^-n / (n + 1), with a reserve of 1/2."""
    grid = (np.arange(points) + 0.5) / points
    values = np.stack(np.meshgrid(*[grid] * n, indexing="ij"), axis=-1)
    revenue = Myerson().clear(Bids(values)).payments.sum(axis=-1).mean()
    assert revenue == pytest.approx(wanted, abs=2 / points**2 + 1e-3 * (n > 1))


def test_optimal_auction_of_a_weak_and_a_strong_bidder():
    """Myerson 1981: U[0, 1] and U[0, 2], revenue 31/48."""
    auction = Myerson((WEAK, STRONG))
    assert auction.reserves == (0.5, 1.0)
    grid = (np.arange(400) + 0.5) / 400
    values = np.stack(np.meshgrid(grid, 2 * grid, indexing="ij"), axis=-1)
    cleared = auction.clear(Bids(values))
    assert cleared.payments.sum(axis=-1).mean() == pytest.approx(31 / 48, abs=2e-3)
    weak, strong = values[..., 0], values[..., 1]
    clear_cut = np.abs(strong - weak - 0.5) > 1e-9
    wins = (strong > 1.0) & (strong > weak + 0.5)
    assert np.array_equal(cleared.allocation[..., 1][clear_cut], wins[clear_cut])
    assert auction.clear(Bids([0.75, 1.1])).payments == pytest.approx([0.6, 0.0])
    assert auction.clear(Bids([0.75, 1.3])).payments == pytest.approx([0.0, 1.25])


@pytest.mark.parametrize(
    ("prior", "reserve"),
    [
        (stats.expon(), 1.0),
        (stats.expon(scale=3.0), 3.0),
        (stats.uniform(0, 2), 1.0),
        (stats.uniform(1, 1), 1.0),
        (stats.uniform(1, 4), 2.5),
        (stats.pareto(2.0), 1.0),
        (stats.beta(1, 2), 1 / 3),  # F = 1 - (1 - v)^2
        (stats.weibull_min(2.0), 1 / np.sqrt(2)),
    ],
)
def test_reserve_prices(prior, reserve):
    assert Myerson(prior).reserves == pytest.approx((reserve,))
    assert Myerson(Ironed(prior)).reserves == pytest.approx((reserve,), abs=2e-3 * max(1, reserve))


def test_exponential_values_bring_one_over_e_from_a_lone_bidder():
    """Myerson 1981: the reserve is 1, and sold with probability 1/e."""
    value = stats.expon().isf((np.arange(100_000) + 0.5) / 100_000)
    revenue = Myerson(stats.expon()).clear(Bids(value[:, None])).payments.mean()
    assert revenue == pytest.approx(1 / np.e, abs=1e-5)


@pytest.mark.parametrize("prior", [stats.uniform(), stats.expon(), stats.beta(2, 1)], ids=["uniform", "expon", "beta"])
@pytest.mark.parametrize("n", [1, 2])
def test_one_more_bidder_is_worth_more_than_the_best_reserve(prior, n):
    """Bulow and Klemperer 1996; uniform, n = 1: 1/3 against 1/4."""
    value = prior.rvs(size=(100_000, n + 1), random_state=np.random.default_rng(n))
    more = SecondPrice().clear(Bids(value)).payments.sum(axis=-1)
    best = Myerson(prior).clear(Bids(value[:, :n])).payments.sum(axis=-1)
    gap = more - best
    assert gap.mean() - 4 * gap.std() / np.sqrt(len(gap)) > 0
    if n == 1 and prior.dist.name == "uniform":
        assert gap.mean() == pytest.approx(1 / 12, abs=4e-3)


def optimal_revenue(priors):
    """The revenue of the best Bayesian incentive compatible auction of two bidders, by linear programming."""
    values = [prior.values for prior in priors]
    chances = [prior.probabilities for prior in priors]
    cells = list(product(range(len(values[0])), range(len(values[1]))))
    size = len(cells)  # variables: wins of bidder 0, of bidder 1, payments of bidder 0, of bidder 1, by cell
    objective, rows = np.zeros(4 * size), []
    for k, cell in enumerate(cells):
        chance = chances[0][cell[0]] * chances[1][cell[1]]
        objective[2 * size + k] = objective[3 * size + k] = -chance
        row = np.zeros(4 * size)
        row[k] = row[size + k] = 1.0
        rows.append((row, 1.0))
    for i in (0, 1):
        for own, report in product(range(len(values[i])), repeat=2):
            lie, truth = np.zeros(4 * size), np.zeros(4 * size)
            for k, cell in enumerate(cells):
                chance = chances[1 - i][cell[1 - i]]
                for row, said in ((lie, report), (truth, own)):
                    if cell[i] == said:
                        row[i * size + k] += chance * values[i][own]
                        row[(2 + i) * size + k] -= chance
            rows.append((lie - truth, 0.0))
            rows.append((-truth, 0.0))
    bounds = [(0, 1)] * (2 * size) + [(None, None)] * (2 * size)
    found = linprog(objective, np.array([row for row, _ in rows]), [bound for _, bound in rows], bounds=bounds)
    return -found.fun


@pytest.mark.parametrize(
    "priors",
    [
        (BUMPY, BUMPY),
        (BUMPY, Discrete((0.5, 2.5), (0.3, 0.7))),
        (Discrete((1, 2, 4, 5, 9), (0.1, 0.4, 0.05, 0.4, 0.05)), Discrete((0, 3, 4, 7), (0.2, 0.3, 0.1, 0.4))),
    ],
    ids=["alike", "different", "many"],
)
def test_ironed_auctions_earn_what_linear_programming_finds(priors):
    values = np.array(list(product(priors[0].values, priors[1].values)))
    chances = np.array([p * q for p, q in product(priors[0].probabilities, priors[1].probabilities)])
    revenue = chances @ Myerson(priors).clear(Bids(values)).payments.sum(axis=-1)
    assert revenue == pytest.approx(optimal_revenue(priors), rel=1e-8)


def test_ironing_flattens_and_leaves_what_is_regular():
    assert Ironed(BUMPY).virtual(np.array([0.9, 1.0, 2.5, 3.0])) == pytest.approx([-np.inf, -1 / 3, -1 / 3, 3.0])
    value = np.linspace(0, 1, 101)
    assert Ironed(Uniform()).virtual(value)[1:] == pytest.approx(2 * value[1:] - 1, abs=2e-3)
    ironed = Ironed(stats.beta(0.5, 0.5)).virtual(value)
    assert (np.diff(ironed) >= 0).all()
    assert (np.diff(ironed) == 0).any()
    with pytest.raises(InputError, match="is not regular"):
        Myerson(stats.beta(0.5, 0.5))
    with pytest.raises(InputError, match="no reserve price is best"):
        _ = Myerson(stats.lomax(1.0)).reserves  # the virtual value is -1 throughout


def test_the_inverse_is_exact_to_the_last_bit():
    prior = Regular(stats.gamma(2.0))
    target = np.linspace(0.0, 20.0, 41)
    found = prior.critical(target, np.zeros(41, dtype=bool), np.full(41, 1e6))
    assert (prior.virtual(found) >= target).all()
    assert (prior.virtual(np.nextafter(found, 0.0)) < target).all()


def test_ties_of_ironed_values_go_to_the_first_who_pays_for_it():
    auction = Myerson(Discrete((1, 2, 3), (0.1, 0.45, 0.45)))
    assert auction.clear(Bids([2.0, 2.9])).payments.tolist() == [2.0, 0.0]
    assert auction.clear(Bids([2.0, 3.0])).payments.tolist() == [0.0, 3.0]  # with 2.9 the second one would lose
