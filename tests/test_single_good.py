"""Auctions of one good against the textbooks: equilibria, revenue equivalence, posted prices, common values."""

import numpy as np
import pytest
from scipy import stats

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.domains import SingleGood
from marketic.mechanisms import FirstPrice, SecondPrice, Softmax
from marketic.mechanisms.all_pay import AllPay, effort
from marketic.mechanisms.dutch_clock import Dutch
from marketic.mechanisms.english_clock import English
from marketic.mechanisms.exponential import PayBidSoftmax
from marketic.mechanisms.first_price import shade
from marketic.mechanisms.ironing import Ironed
from marketic.mechanisms.myerson import Myerson
from marketic.mechanisms.posted_price import PostedPrice, SequentialPostedPrices, prophet_price
from marketic.mechanisms.priors import Discrete, Uniform
from marketic.mechanisms.reserve import SecondPriceReserve, WithReserve
from marketic.mechanisms.third_price import ThirdPrice, overbid

WEAK, STRONG = Uniform(0, 1), Uniform(0, 2)
BUMPY = Discrete((1, 2, 3), (0.5, 0.1, 0.4))

MECHANISMS = {
    "first": FirstPrice(),
    "second": SecondPrice(),
    "third": ThirdPrice(),
    "all-pay": AllPay(),
    "reserve": SecondPriceReserve(0.5),
    "first-reserve": WithReserve(FirstPrice(), 0.5),
    "myerson": Myerson(),
    "myerson-2": Myerson((WEAK, STRONG)),
    "myerson-exp": Myerson(stats.expon()),
    "myerson-discrete": Myerson(BUMPY),
    "myerson-mixed": Myerson((Ironed(stats.beta(0.5, 0.5)), stats.pareto(2.0), BUMPY)),
    "posted": PostedPrice(),
    "posted-shuffled": PostedPrice(0.5, shuffled=True),
    "sequential": SequentialPostedPrices((0.5, 0.7, 0.2), (2, 0, 1)),
    "sequential-shuffled": SequentialPostedPrices((0.5, 0.7, 0.2), shuffled=True),
    "softmax": Softmax(),
    "softmax-pay-bid": PayBidSoftmax(),
    "english": English(),
    "dutch": Dutch(0.25),
}


def everything():
    return pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)


def truthful(value, bidders):
    return value


def half(value, bidders):
    return value / 2


@everything()
def test_each_keeps_its_claims_and_breaks_what_it_says(mechanism):
    report = check_mechanism(mechanism, budget=500)
    assert len(report.verdicts) >= len(mechanism.claims)


@everything()
def test_each_can_drive_a_market_of_single_rights(mechanism):
    sizes = getattr(mechanism, "domain", SingleGood()).sizes
    for n in sizes:
        bids = SingleGood().draw(np.random.default_rng(n), 200, n)
        cleared = mechanism.clear(bids, rng=np.random.default_rng(1))
        assert cleared.allocation.dtype == bool
        assert cleared.allocation.shape == cleared.payments.shape == bids.value.shape
        assert (cleared.allocation.sum(axis=-1) <= 1).all()
        assert not (cleared.allocation & ~bids.active).any()
        assert np.isfinite(cleared.payments).all()
        assert not np.signbit(cleared.payments).any()  # nor -0.0


@pytest.mark.parametrize("name", [name for name, m in MECHANISMS.items() if getattr(m, "rule", None)])
def test_compiled_rules_do_the_same(name):
    mechanism = MECHANISMS[name]
    for n in (1, 2, 3, 5):
        bids = SingleGood().draw(np.random.default_rng(n), 500, n)
        cleared = mechanism.clear(bids, rng=np.random.default_rng(7))
        uniform = np.random.default_rng(7).random(500)
        winner, payments = np.empty(500, dtype=np.int64), np.empty(bids.value.shape)
        rule = mechanism.rule
        rule.function(bids.value, bids.active, uniform, rule.parameters, winner, payments)
        assert np.array_equal(cleared.allocation, np.arange(n) == winner[:, None])
        assert np.array_equal(cleared.payments, payments)


# Equilibria for independent uniform values (Krishna 2010, sections 2.3 and 3.2).


def gain_of_deviating(mechanism, strategy, n, own):
    """The most that a bidder of value `own` gains over its equilibrium bid, on a grid of the rivals' values."""
    points = {2: 4000, 3: 320}[n]
    grid = (np.arange(points) + 0.5) / points
    rivals = np.stack(np.meshgrid(*[grid] * (n - 1), indexing="ij"), axis=-1).reshape(-1, n - 1)
    rivals = strategy(rivals, n)

    def earned(bid):
        cleared = mechanism.clear(Bids(np.column_stack([np.full(len(rivals), bid), rivals])))
        return (own * cleared.allocation[:, 0] - cleared.payments[:, 0]).mean()

    honest = earned(float(strategy(np.array([own]), n)[0]))
    return max(earned(bid) for bid in np.linspace(0.0, 2.0 * own, 41)) - honest


EQUILIBRIA = [(FirstPrice(), shade, 2), (FirstPrice(), shade, 3), (AllPay(), effort, 2), (AllPay(), effort, 3)]
EQUILIBRIA += [(ThirdPrice(), overbid, 3), (SecondPrice(), truthful, 2), (Dutch(), shade, 2)]


@pytest.mark.parametrize(("mechanism", "strategy", "n"), EQUILIBRIA)
def test_nobody_gains_by_leaving_the_equilibrium(mechanism, strategy, n):
    gains = [gain_of_deviating(mechanism, strategy, n, own) for own in (0.4, 0.9)]
    assert max(gains) < 2e-3


@pytest.mark.parametrize(
    ("mechanism", "strategy", "n"),
    [(FirstPrice(), truthful, 2), (FirstPrice(), half, 3), (ThirdPrice(), truthful, 3)],
)
def test_the_test_of_equilibria_tells_others_apart(mechanism, strategy, n):
    assert gain_of_deviating(mechanism, strategy, n, 0.9) > 4e-3


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize(
    ("mechanism", "strategy"),
    [(FirstPrice(), shade), (SecondPrice(), truthful), (AllPay(), effort), (ThirdPrice(), overbid)],
)
def test_revenue_equivalence(mechanism, strategy, n):
    """Vickrey 1961, Myerson 1981: (n - 1) / (n + 1) for uniform values, whoever pays."""
    if mechanism == ThirdPrice() and n == 2:
        n = 4
    value = np.random.default_rng(n).random((100_000, n))
    revenue = mechanism.clear(Bids(strategy(value, n))).payments.sum(axis=-1)
    error = revenue.std() / np.sqrt(len(revenue))
    assert error < 2e-3
    assert abs(revenue.mean() - (n - 1) / (n + 1)) < 4 * error


def test_asymmetric_first_price_by_griesmer_levitan_and_shubik():
    """Griesmer, Levitan and Shubik 1967: U[0, 1] against U[0, 2]; bids, revenue and efficiency."""
    c = 3 / 4

    def weak(v):
        return v / (1 + np.sqrt(1 - c * v**2))

    def strong(v):
        return v / (1 + np.sqrt(1 + c * v**2))

    assert weak(0.6) == pytest.approx(0.32355, abs=1e-5)
    assert strong(1.5) == pytest.approx(0.56832, abs=1e-5)
    assert weak(1.0) == pytest.approx(2 / 3)
    assert strong(2.0) == pytest.approx(2 / 3)
    grid = (np.arange(800) + 0.5) / 800
    values = np.stack(np.meshgrid(grid, 2 * grid, indexing="ij"), axis=-1)
    first = FirstPrice().clear(Bids(np.stack([weak(values[..., 0]), strong(values[..., 1])], axis=-1)))
    second = SecondPrice().clear(Bids(values))
    assert first.payments.sum(axis=-1).mean() == pytest.approx(0.4586, abs=5e-4)
    assert second.payments.sum(axis=-1).mean() == pytest.approx(5 / 12, abs=5e-4)
    efficiency = (values * first.allocation).sum() / values.max(axis=-1).sum()
    assert efficiency == pytest.approx(0.981, abs=1e-3)
    # nobody gains against the other's strategy
    for own, bid, rivals in ((0.6, weak(0.6), strong(2 * grid)), (1.5, strong(1.5), weak(grid))):
        earned = [
            (own - x) * FirstPrice().clear(Bids(np.column_stack([np.full(800, x), rivals]))).allocation[:, 0].mean()
            for x in (bid, *np.linspace(0, own, 61))
        ]
        assert max(earned) - earned[0] < 2e-3


# Posted prices and lotteries.


@pytest.mark.parametrize("chance", [0.5, 0.1, 0.001])
def test_the_prophet_example_is_tight(chance):
    """Krengel and Sucheston 1978.

    A sure 1 and 1/chance with that chance: the prophet has 2 - chance, and no posted price collects more than 1."""
    values = Bids([[1.0, 1 / chance], [1.0, 0.0]])
    weights = np.array([chance, 1 - chance])
    prophet = weights @ values.value.max(axis=-1)
    assert prophet == pytest.approx(2 - chance)
    best = max(
        weights @ (values.value * PostedPrice(price).clear(values).allocation).sum(axis=-1)
        for price in (0.0, prophet / 2, 1.0, 1.01, 1 / chance)
    )
    assert best == pytest.approx(1.0)


@pytest.mark.parametrize(
    "priors",
    [
        (stats.uniform(), stats.uniform()),
        (stats.expon(), stats.uniform(0, 3), stats.gamma(0.2)),
        (stats.pareto(1.5),) * 4,
    ],
    ids=["uniform", "mixed", "heavy"],
)
def test_half_of_the_prophet(priors):
    price = prophet_price(priors)
    rng = np.random.default_rng(0)
    value = np.stack([np.minimum(p.rvs(size=100_000, random_state=rng), 1e9) for p in priors], axis=-1)
    kept = (value * PostedPrice(price).clear(Bids(value)).allocation).sum(axis=-1)
    margin = kept - value.max(axis=-1) / 2
    assert margin.mean() + 4 * margin.std() / np.sqrt(len(margin)) > 0
    if len(priors) == 2:
        assert price == pytest.approx(1 / 3)


def test_posted_prices_follow_the_queue():
    values = Bids([0.6, 0.9, 0.3])
    assert PostedPrice(0.5).clear(values).allocation.tolist() == [True, False, False]
    assert PostedPrice(0.5, shuffled=True).clear(values).allocation.tolist() == [0.5, 0.5, 0.0]
    backwards = SequentialPostedPrices((0.5, 0.7, 0.2), (2, 1, 0)).clear(values)
    assert (backwards.allocation.tolist(), backwards.payments.tolist()) == ([False, False, True], [0.0, 0.0, 0.2])
    many = Bids(np.broadcast_to(values.value, (20_000, 3)))
    drawn = PostedPrice(0.5, shuffled=True).clear(many, rng=np.random.default_rng(0))
    assert drawn.allocation.mean(axis=0) == pytest.approx([0.5, 0.5, 0.0], abs=0.02)
    assert np.isnan(PostedPrice(1.0).clear(values).prices)


def test_softmax_lotteries():
    cleared = Softmax(1.0).clear(Bids([1.0, 0.0]))
    assert cleared.allocation[0] == pytest.approx(0.73106, abs=1e-5)
    assert cleared.payments[0] == pytest.approx(0.11094, abs=1e-5)
    naive = PayBidSoftmax(1.0).clear(Bids([1.0, 0.0]))
    assert naive.allocation == pytest.approx(cleared.allocation)
    assert naive.payments[0] == pytest.approx(0.73106, abs=1e-5)
    many = Bids(np.broadcast_to([1.0, 0.0], (50_000, 2)))
    drawn = PayBidSoftmax(1.0).clear(many, rng=np.random.default_rng(0))
    assert drawn.allocation[:, 0].mean() == pytest.approx(0.73106, abs=0.01)


# Interdependent values (Krishna 2010, chapter 6).


def test_mineral_rights():
    """V uniform on [0, 1], three signals uniform on [0, 2V]; second price: bid 2x / (2 + x) (Krishna 2010, example 6.1)."""

    def bid(x):
        return 2 * x / (2 + x)

    own, rng = 0.5, np.random.default_rng(0)
    value = (own / 2) ** (1 - rng.random(200_000))  # given the signal, V has a density like 1/v on [x/2, 1]
    rivals = bid(2 * value[:, None] * rng.random((200_000, 2)))

    def earned(report):
        cleared = SecondPrice().clear(Bids(np.column_stack([np.full(len(value), report), rivals])))
        return value * cleared.allocation[:, 0] - cleared.payments[:, 0]

    honest = earned(bid(own))
    assert bid(own) == pytest.approx(0.4)
    for report in (0.0, 0.2, 0.3, 0.35, 0.45, 0.5, 0.6, 0.8):
        gain = earned(report) - honest
        assert gain.mean() < 4 * gain.std() / np.sqrt(len(gain))
    lower = earned(0.25) - honest
    assert lower.mean() < -4 * lower.std() / np.sqrt(len(lower))


@pytest.mark.parametrize(("mechanism", "slope"), [(FirstPrice(), 2 / 3), (SecondPrice(), 1.0)], ids=["first", "second"])
@pytest.mark.parametrize("own", [0.5, 1.0, 1.4])
def test_affiliated_signals(mechanism, slope, own):
    """X_i = S_i + T, all uniform, common value (X_1 + X_2) / 2: bid 2x/3 at first price, x at second price (example 6.2)."""
    grid = (np.arange(200) + 0.5) / 200
    low, high = max(0.0, own - 1.0), min(1.0, own)
    shared, private = np.meshgrid(low + grid * (high - low), grid)
    other = (shared + private).ravel()

    def earned(report):
        cleared = mechanism.clear(Bids(np.column_stack([np.full(len(other), report), slope * other])))
        return ((own + other) / 2 * cleared.allocation[:, 0] - cleared.payments[:, 0]).mean()

    honest = earned(slope * own)
    gains = {report: earned(report) - honest for report in np.linspace(0, 2, 13) * own}
    assert max(gains.values()) < 1e-3
    assert min(gains.values()) < -1e-2
