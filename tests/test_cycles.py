"""Goods that go round: quantities and prices are right at every scale, or refused; who may post late."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import InputError
from marketic.economy import Consumer, Dense, Economy, Firm, Good


def quadratic(name: str, goods: list[str], goal: np.ndarray) -> Consumer:
    return Consumer(
        name, tuple(goods), lambda x: -0.5 * np.sum((x - goal) ** 2, axis=1), lambda x: goal - x, concave=True
    )


def of_matrix(matrix: np.ndarray, base: np.ndarray) -> Economy:
    """Good i is made from goods j with matrix[i, j], by a firm of its own; one consumer, of utility base . x."""
    goods = [Good(f"g{j}") for j in range(len(base))]
    firms = []
    for i, row in enumerate(matrix):
        bought = np.flatnonzero(row)
        if len(bought):
            firms.append(Dense(f"f{i}", [f"g{j}" for j in bought], [f"g{i}"], row[bought, None]))
    names = tuple(good.name for good in goods)
    return Economy(goods, firms, [Consumer("c", names, lambda x: x @ base, lambda x: np.tile(base, (len(x), 1)))])


def with_radius(matrix: np.ndarray, radius: float) -> np.ndarray:
    return matrix * (radius / np.abs(np.linalg.eigvals(matrix)).max())


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), radius=st.sampled_from([0.3, 0.9, 0.98]), power=st.integers(0, 12))
def test_units_do_not_matter(seed: int, radius: float, power: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 5))
    matrix = with_radius(rng.random((n, n)) + 0.01, radius)  # nothing cancels: every number is known to full precision
    units, days, worth = (10.0 ** rng.integers(-power, power + 1, size) for size in (n, (3, 1), 1))
    base, given_ = rng.random(n) + 0.1, days * (rng.random((3, n)) + 0.1)
    economy = of_matrix(units[:, None] * matrix / units, worth * base / units)
    state = economy.produce({f"g{j}": given_[:, j] * units[j] for j in range(n)})
    quantities = np.linalg.solve(np.eye(n) - matrix, given_.T).T * units
    truth = worth * np.linalg.solve(np.eye(n) - matrix.T, base) / units
    prices = economy.prices(state, "synchronous")
    late = economy.prices(state, "asynchronous", delay=3, rng=rng)
    for j in range(n):
        assert np.allclose(state[f"g{j}"][:, 0], quantities[:, j], rtol=1e-10, atol=0)
        for posted in (prices, late):
            assert np.allclose(posted[f"g{j}"], truth[j], rtol=1e-8, atol=0)
            assert np.abs(posted[f"g{j}"] - truth[j]).max() <= posted.certificate.error_bound + 1e-12 * truth[j]
    assert prices.certificate.status == late.certificate.status == "optimal"


def test_a_large_good_beside_the_cycle_does_not_hide_it() -> None:
    matrix = np.array([[0.999, 0.0], [0.0, 0.0]])
    economy = of_matrix(matrix, np.array([1e-12, 1e6]))
    state = economy.produce({"g0": [[1e-10]], "g1": [[1e6]]})
    assert state["g0"].item() == pytest.approx(1e-7, rel=1e-10)
    prices = economy.prices(state, "synchronous")
    assert prices["g0"].item() == pytest.approx(1e-9, rel=1e-8)
    assert prices["g1"].item() == 1e6
    assert prices.certificate.status == "optimal"


@pytest.mark.parametrize("radius", [0.99, 0.997])
def test_what_rounding_moves_has_settled(radius: float) -> None:
    for seed in range(12):  # loops that amplify rounding
        rng = np.random.default_rng(seed)
        matrix = with_radius(rng.standard_normal((3, 3)), radius)
        given_ = rng.standard_normal(3)
        state = of_matrix(matrix, np.ones(3)).produce({f"g{j}": [[given_[j]]] for j in range(3)})
        truth = np.linalg.solve(np.eye(3) - matrix, given_)
        made = np.array([state[f"g{j}"].item() for j in range(3)])
        assert np.abs(made - truth).max() <= 1e-11 * np.abs(truth).max()


def test_noise_of_cancelling_goods_is_rounding() -> None:
    third = [[0.1, 0.2, -0.3], [0.3, 0.1, -0.4], [0.2, 0.2, -0.4]]
    matrix = np.array(third) + 0.9 * np.eye(3)  # the sum of each row of `third` is 0 but for rounding
    state = of_matrix(matrix, np.ones(3)).produce({f"g{j}": [[1e6 / 3]] for j in range(3)})
    assert [state[f"g{j}"].item() for j in range(3)] == pytest.approx([1e7 / 3] * 3, rel=1e-10)


@pytest.mark.parametrize("radius", [1.0, 1.0005, 1.5])
def test_what_grows_without_end_is_refused_at_every_scale(radius: float) -> None:
    matrix = np.array([[0.0, radius, 0.0], [radius, 0.0, 0.0], [0.0, 0.0, 0.0]])
    for small in (1e-200, 1e-10, 1.0):
        with pytest.raises(InputError, match=r"do not settle around the cycle .*good 'g[01]' still moves by"):
            of_matrix(matrix, np.ones(3)).produce({"g0": [[small]], "g2": [[1e6]]})


def test_firms_may_post_late_only_if_sizes_contract() -> None:
    turn = np.array([[0.6, 0.6], [-0.6, 0.6]])  # radius 0.85, of the absolute values 1.2
    economy = of_matrix(turn, np.ones(2))
    state = economy.produce({"g0": [[1.0]], "g1": [[1.0]]})
    truth = np.linalg.solve(np.eye(2) - turn.T, np.ones(2))
    prices = economy.prices(state, "synchronous")
    assert [prices["g0"].item(), prices["g1"].item()] == pytest.approx(truth, rel=1e-9)
    with pytest.raises(InputError, match=r"asynchronous.*0\.848528 for its price map, but 1\.2, wanted < 1"):
        economy.prices(state, "asynchronous", delay=4, rng=np.random.default_rng(0))
    together = Economy(  # numbers of one good are posted together: their size is 0.85
        [Good("g", 2)], [Dense("f", ["g"], ["g"], turn.T)], [Consumer("c", "g", lambda x: x.sum(axis=1), np.ones_like)]
    )
    state = together.produce({"g": [[1.0, 1.0]]})
    late = together.prices(state, "asynchronous", delay=4, rng=np.random.default_rng(0))
    assert late["g"][0] == pytest.approx(truth, rel=1e-9)


def test_two_firms_that_cancel_do_not_when_one_posts_late() -> None:
    goods = [Good("g")]
    firms = [Dense("more", ["g"], ["g"], [[2.0]]), Dense("less", ["g"], ["g"], [[-1.5]])]
    economy = Economy(goods, firms, [Consumer("c", "g", lambda x: x.sum(axis=1), np.ones_like)])
    state = economy.produce({"g": [[1.0]]})
    assert economy.prices(state, "synchronous")["g"].item() == pytest.approx(2.0)
    with pytest.raises(InputError, match=r"0\.5 for its price map, but 3\.5"):
        economy.prices(state, "asynchronous", delay=2, rng=np.random.default_rng(0))


def loop(gain: float) -> Economy:
    """Goods a and b go round between two firms; a share `gain` of what goes in comes back."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    return Economy(
        [Good("a", 2), Good("b", 2)],
        [Dense("out", ["a"], ["b"], turn), Dense("back", ["b"], ["a"], gain * turn.T)],
        [quadratic("c", ["b"], 1.0)],
    )


def test_a_cycle_is_refused_or_certified() -> None:
    economy = loop(0.9)
    state = economy.produce({"a": [[1.0, -2.0]]})
    assert state.residual < 1e-12
    with pytest.raises(InputError, match=r"cycle (out -\[b\]-> back -\[a\]-> out|back -\[a\]-> out -\[b\]-> back)"):
        economy.prices(state)
    prices = economy.prices(state, "synchronous", tolerance=1e-13)
    out, back = (economy.firms[name].capital["weights"] for name in ("out", "back"))
    base = 1.0 - state["b"]
    truth = np.linalg.solve(np.eye(2) - back @ out, base.T).T  # p_b = base + back p_a, p_a = out p_b
    assert np.allclose(prices["b"], truth, rtol=1e-10)
    certificate = prices.certificate
    assert certificate.radius == pytest.approx(np.sqrt(0.9))
    assert np.abs(prices["b"] - truth).max() <= certificate.error_bound <= 1e-9
    assert certificate.status == "optimal"
    late = economy.prices(state, "asynchronous", rng=np.random.default_rng(0), delay=3, tolerance=1e-13)
    assert np.allclose(late["b"], truth, rtol=1e-9)


def test_a_cycle_that_does_not_contract_is_refused() -> None:
    with pytest.raises(InputError, match=r"do not settle around the cycle .*good '[ab]'"):
        loop(1.5).produce({"a": [[1.0, -2.0]]})
    economy = loop(0.5)
    state = economy.produce({"a": [[1.0, 1.0]]})
    economy.firms["back"].capital["weights"] *= 3
    with pytest.raises(InputError, match=r"spectral radius of its price map is 1\.22.*wanted < 1"):
        economy.prices(state, "synchronous")


def test_the_flow_economy_of_a_decision_process_has_its_values_as_prices() -> None:
    rng = np.random.default_rng(0)
    chances, reward = rng.dirichlet(np.ones(6), size=6), rng.standard_normal(6)
    consumer = Consumer("c", "visits", lambda z: z @ reward, lambda z: np.tile(reward, (len(z), 1)))
    economy = Economy([Good("visits", 6)], [Dense("world", ["visits"], ["visits"], 0.9 * chances)], [consumer])
    state = economy.produce({"visits": [[1, 0, 0, 0, 0, 0.0]]})
    prices = economy.prices(state, "synchronous")
    assert np.allclose(prices["visits"][0], np.linalg.solve(np.eye(6) - 0.9 * chances, reward), rtol=1e-10)
    assert prices.certificate.radius == pytest.approx(0.9)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), keeps=st.sampled_from([0.999, 0.9999, 0.99999]), days=st.sampled_from([1, 3]))
def test_circles_that_keep_nearly_all_settle_soon(seed: int, keeps: float, days: int) -> None:
    """Rounds alone would take hundreds of thousands: against linear algebra, in units far apart."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    matrix, units = with_radius(rng.random((n, n)) + 0.01, keeps), 10.0 ** rng.uniform(-6, 6, n)
    economy, base, given_ = (
        of_matrix(units[:, None] * matrix / units, 1 / units),
        1 / units,
        rng.random((days, n)) + 0.1,
    )
    state = economy.produce({f"g{j}": given_[:, j] * units[j] for j in range(n)})
    prices = economy.prices(state, "synchronous")
    assert prices.rounds < 1000
    assert prices.certificate.status == "optimal"
    made = np.column_stack([state[f"g{j}"] for j in range(n)])
    left, cost = made - given_ * units, np.column_stack([prices[f"g{j}"] for j in range(n)]) - base
    assert np.allclose(left, made / units @ matrix.T * units, rtol=1e-9, atol=0)
    quantities = np.linalg.solve(np.eye(n) - matrix, given_.T).T * units
    assert np.allclose(made, quantities, rtol=1e-13 / (1 - keeps), atol=0)
    exact = np.linalg.solve(np.eye(n) - matrix.T, np.ones(n)) / units
    assert np.allclose(cost + base, exact, rtol=1e-13 / (1 - keeps), atol=0)


def slow_circle(alpha, vjp) -> Economy:
    firm = Firm("circle", "a", "b", alpha, vjp)
    back = Dense("back", ["b"], ["a"], [[1.0]])
    return Economy([Good("a"), Good("b")], [firm, back], [Consumer("c", "b", lambda x: x[:, 0], np.ones_like)])


@pytest.mark.parametrize("start", [-1e-3, 1e-3])
def test_a_leap_stays_with_the_equilibrium_that_rounds_approach(start: float) -> None:
    """x = tanh(1.0001 x) + e has three solutions: rounds from 0 end at the one on the side of e."""
    economy = slow_circle(
        lambda _, x: np.tanh(1.0001 * x), lambda _, x, y, p: (p * 1.0001 * (1 - np.tanh(1.0001 * x) ** 2), {})
    )
    found = economy.produce({"a": [[start]]})["a"].item()
    assert np.sign(found) == np.sign(start)
    assert found == pytest.approx(np.tanh(1.0001 * found) + start, abs=1e-12)


@pytest.mark.parametrize("kind", ["no derivative", "a wrong derivative", "refuses to leave its range"])
def test_quantities_settle_by_rounds_where_a_leap_leads_nowhere(kind: str) -> None:
    def told(capital, x, y, p):
        if kind == "no derivative":
            raise NotImplementedError
        return p * (0.1 if kind == "a wrong derivative" else 0.99999), {}

    def made(capital, x):
        if (x > 101).any():
            raise InputError("too much")
        return 0.99 * x

    state = slow_circle(made, told).produce({"a": [[1.0]]})
    assert state["a"].item() == pytest.approx(100.0, rel=1e-9)


def test_a_leap_does_not_make_a_circle_that_keeps_everything_settle() -> None:
    with pytest.raises(InputError, match="quantities do not settle"):
        of_matrix(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2)).produce({"g0": [[1.0]]})
