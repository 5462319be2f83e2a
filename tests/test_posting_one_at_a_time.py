"""Firms that post one at a time around a cycle: small prices beside large ones are as exact as the tolerance says."""

import time

import numpy as np
import pytest

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Firm, Good


def leontief(matrix: np.ndarray, worth: np.ndarray) -> Economy:
    """Good k costs `worth`_k plus what it earns as an input: prices are (I - matrix)^-1 worth."""
    goods = [Good(f"g{k}") for k in range(len(matrix))]
    names = [good.name for good in goods]
    firms = [Dense(f"f{k}", names, [name], matrix[:, [k]]) for k, name in enumerate(names)]
    return Economy(goods, firms, [Consumer("c", names, lambda x: x @ worth, lambda x: np.tile(worth, (len(x), 1)))])


def test_small_prices_beside_large_ones_settle_too() -> None:
    """What a large price rounds to hid that a small one had not settled: one in six was up to 1e-5 of itself away."""
    units = np.array([1e-5, 1e5])
    for seed in range(60):
        rng = np.random.default_rng(seed)
        matrix = np.diag(rng.uniform(0.1, 0.6, 2)) + (1 - np.eye(2)) * 10.0 ** -rng.integers(3, 10)
        worth = rng.uniform(0.5, 1.0, 2)
        economy = leontief(matrix * units / units[:, None], worth / units)
        state = economy.produce({f"g{k}": [[unit]] for k, unit in enumerate(units)})
        prices = economy.prices(state, "asynchronous", rng=rng)
        assert prices.certificate.status == "optimal"
        exact = np.linalg.solve(np.eye(2) - matrix, worth) / units
        assert [prices[f"g{k}"].item() for k in range(2)] == pytest.approx(exact, rel=1e-11, abs=0)


@pytest.mark.parametrize("round_and_round", [False, True])
@pytest.mark.parametrize("mode", ["synchronous", "asynchronous"])
def test_a_firm_that_offers_nan_is_named_at_once(mode: str, round_and_round: bool) -> None:
    """NaN is not NaN: firms posted on until the limit, for minutes; around a cycle eigenvalues were asked of it."""
    goods = [Good(f"g{k}") for k in range(31)]
    firms: list[Firm] = [Dense(f"f{k}", [f"g{k}"], [f"g{k + 1}"], [[0.5]]) for k in range(30)]
    firms[3] = Firm("odd", "g3", "g4", lambda capital, x: x / 2, lambda capital, x, y, p: (p * np.nan, {}))
    firms += [Dense("back", ["g30"], ["g0"], [[0.5]])] if round_and_round else []
    economy = Economy(goods, firms, [Consumer("c", "g30", lambda x: x[:, 0], np.ones_like)])
    began = time.process_time()
    with pytest.raises(InputError, match="firm 'odd' offers prices that are NaN"):
        economy.prices(
            economy.produce({"g0": [[1.0]]}), mode, rng=np.random.default_rng(0) if mode == "asynchronous" else None
        )
    assert time.process_time() - began < 5
