"""Linear exchange: by hand, against Fisher markets of its incomes, and with agents of all sizes."""

import numpy as np
import pytest
from fisher_truths import shortfall
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic.errors import InputError
from marketic.mechanisms.arrow_debreu import LinearExchange
from marketic.mechanisms.fisher import FisherMarket


def test_exchange_of_two_by_hand():
    """Each owns what the other likes better, 2 to 1: any p1/p2 in [1/2, 2] clears only at 1, where incomes are equal."""
    outcome = LinearExchange().solve([[1.0, 2.0], [2.0, 1.0]], np.eye(2))
    np.testing.assert_allclose(outcome.prices, [1, 1], atol=1e-5)
    np.testing.assert_allclose(outcome.allocation, [[0, 1], [1, 0]], atol=1e-5)
    assert outcome.certificate.status == "optimal"


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 5), m=st.integers(2, 4))
def test_exchange_is_a_fisher_market_of_its_incomes(seed, n, m):
    rng = np.random.default_rng(seed)
    values, owned = rng.uniform(0.2, 2.0, (n, m)), rng.uniform(0.1, 2.0, (n, m))
    outcome, exchange = LinearExchange().solve(values, owned), LinearExchange()
    assert outcome.certificate.status == "optimal"
    assert outcome.certificate.gap >= -1e-9
    fisher = FisherMarket().solve(values, owned @ outcome.prices, owned.sum(axis=0))
    np.testing.assert_allclose(fisher.prices, outcome.prices, rtol=2e-3)
    wrong = outcome.prices * np.linspace(1.0, 1.3, m)
    assert exchange.certificate(values, owned, wrong, outcome.allocation).status == "approximate"


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([1, 3, 6]))
def test_the_poor_of_an_exchange_are_served_or_it_is_not_called_optimal(seed, spread):
    rng = np.random.default_rng(seed)
    n, m = (int(size) for size in rng.integers(2, 6, 2))
    values, owned = rng.random((n, m)), rng.random((n, m)) * 10.0 ** rng.uniform(-spread, spread, (n, 1))
    found = LinearExchange().solve(values, owned)
    income, x = owned @ found.prices, found.allocation
    missed = np.abs(x @ found.prices - income) / income
    missed = np.maximum(missed, shortfall(FisherMarket(), values, income, found.prices, x))
    assert (found.certificate.status == "optimal") == (missed.max() <= 1e-6)
    assert spread > 2 or found.certificate.status == "optimal"


def test_exchange_that_falls_apart_is_refused():
    with pytest.raises(InputError, match=r"agents \[1\] want nothing that the others own"):
        LinearExchange().solve([[1.0, 1.0], [0.0, 1.0]], np.eye(2))
    with pytest.raises(InputError, match="agent 1 owns nothing"):
        LinearExchange().solve([[1.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]])
