"""Settlement: exact money in whole episodes, royalties as lambda-returns, and episodes counted by hand."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused
from tiny_envs import Walk

import marketic
from marketic import Market
from marketic.chain import Chain, Settlement
from marketic.ledger import HOUSE, MEMOS, WORLD, Ledger
from marketic.mechanisms import FirstPrice
from marketic.settlement import BID, CREDIT, IDLE, LIENS, OWNED, REALISED, SALE, SOLD, TERMINATED, TRUNCATED

NOBODY = np.zeros(0)


def open_settlement(chain: Chain, bidders: int, rows: int = 1, members: int = 1, tick: float = 2.0**-20) -> tuple:
    ledger = Ledger(tick, journal=True)
    accounts = ledger.open(bidders * members).reshape(bidders, members)
    settlement = Settlement(chain, ledger, rows, members, np.zeros(2))
    return settlement, ledger, np.broadcast_to(accounts, (rows, bidders, members)).copy()


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    credit=st.sampled_from(["bid", "payment"]),
    discount=st.sampled_from([0.0, 0.3, 0.99, 1.0]),
    royalty=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    members=st.sampled_from([1, 3]),
    rows=st.sampled_from([1, 3]),
)
def test_money_is_conserved_in_any_episode(seed, credit, discount, royalty, members, rows) -> None:
    draw, bidders = np.random.default_rng(seed), 4
    chain = Chain(FirstPrice(), credit=credit, discount=discount, royalty=royalty)
    settlement, ledger, account = open_settlement(chain, bidders, rows, members)
    scale = draw.choice([1e-6, 1.0, 1e6])
    for step in range(15):
        owned = settlement.position[:, OWNED] == 1
        stage = np.where(owned, draw.choice([IDLE, SALE, SALE, SALE, TERMINATED, TRUNCATED], rows), SALE)
        if step == 14:
            stage = np.where(owned, draw.choice([TERMINATED, TRUNCATED], rows), IDLE)
        value = draw.normal(size=(rows, bidders)) * scale
        payments = draw.normal(size=(rows, bidders)) * scale  # everybody pays or is paid
        winner = draw.integers(-1, bidders, rows)
        novice = np.where((winner < 0) | (draw.random(rows) < 0.3), draw.integers(0, bidders, rows), -1)
        order = np.stack([stage, winner, novice], axis=1)
        before = ledger.balance.copy()
        settlement.settle(order, value, payments, account, draw.normal(size=rows) * scale)
        assert int(ledger.balance.sum()) == 0
        assert (settlement.lien_held.sum(axis=1) == 0)[np.isin(stage, (TERMINATED, TRUNCATED))].all()
        if (stage == IDLE).all():
            assert ledger.balance.tolist() == before.tolist()
    assert not settlement.lien_held.any(), "every royalty that the house held has been paid out"
    assert not settlement.position[:, OWNED].any()
    journal = np.zeros_like(ledger.balance)
    for _, payer, payee, ticks in ledger.journal_rows:
        journal[payer] -= ticks
        journal[payee] += ticks
    assert journal.tolist() == ledger.balance.tolist()


def play(chain: Chain, prices: np.ndarray, rewards: np.ndarray, final: float | None) -> tuple:
    """One owner per step, who bids `prices[t]` and earns `rewards[t]`; `final`: the price where time runs out."""
    steps = len(prices)
    settlement, ledger, account = open_settlement(chain, steps)
    value = np.zeros((1, steps))
    for t in range(steps):
        value[:], value[0, t] = 0.0, prices[t]
        order = np.array([[SALE, t, -1]])
        settlement.settle(order, value, value, account, rewards[[t - 1]] if t else np.zeros(1))
    if final is None:
        settlement.settle(np.array([[TERMINATED, -1, -1]]), value, value, account, rewards[[-1]])
    else:
        value[:], value[0, 0] = 0.0, final
        settlement.settle(np.array([[TRUNCATED, 0, -1]]), value, value, account, rewards[[-1]])
    return ledger, ledger.balance[account[0, :, 0]]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(1, 6),
    discount=st.sampled_from([1.0, 0.9]),
    royalty=st.sampled_from([0.0, 0.5, 0.8]),
    truncated=st.booleans(),
)
def test_an_owner_receives_its_lambda_return(seed, steps, discount, royalty, truncated) -> None:
    """Profit at t = (1 - lambda) (G_t - p_t): the owner sold lambda of its claim and paid (1 - lambda) in cash."""
    draw = np.random.default_rng(seed)
    prices, rewards = draw.normal(size=steps) * 10, draw.normal(size=steps)
    final = 7.5 if truncated else None
    chain = Chain(FirstPrice(), credit="bid", discount=discount, royalty=royalty)
    assert royalty == 0 or chain.lien_length >= steps, "no lien runs out in so short an episode"
    ledger, profit = play(chain, prices, rewards, final)
    price, later = (final, final) if truncated else (0.0, 0.0)
    for t in reversed(range(steps)):
        later = rewards[t] + discount * ((1 - royalty) * price + royalty * later)
        price = prices[t]
        wanted = (1 - royalty) * (later - price)
        assert abs(profit[t] * ledger.tick - wanted) <= (steps + 3) * ledger.tick
    assert int(ledger.balance.sum()) == 0


def test_a_lien_runs_out_when_its_weight_falls_below_one_percent() -> None:
    chain = Chain(FirstPrice(), discount=1.0, royalty=0.5)
    assert chain.lien_length == 7
    rewards = np.zeros(9)
    rewards[6] = 1000.0
    _, profit = play(chain, np.zeros(9), rewards, None)
    shares = profit / 2**20
    assert shares[:7].tolist() == [1000 * 0.5 * 0.5**age for age in range(6, -1, -1)]
    rewards[6], rewards[7] = 0.0, 1000.0
    _, profit = play(chain, np.zeros(9), rewards, None)
    assert profit[0] == 0, "7 sales later the first owner's claim is closed"
    assert profit[1] == 2**20 * 1000 * 0.5 * 0.5**6


def test_liens_are_closed_at_the_end_of_an_episode() -> None:
    chain = Chain(FirstPrice(), discount=1.0, royalty=0.5)
    settlement, ledger, account = open_settlement(chain, 2)
    value = np.array([[8.0, 4.0]])
    for stage, winner, reward in ((SALE, 0, 0.0), (TERMINATED, -1, 1.0), (SALE, 1, 0.0), (TERMINATED, -1, 100.0)):
        settlement.settle(np.array([[stage, winner, -1]]), value, np.zeros((1, 2)), account, np.array([reward]))
    assert ledger.wealth(account[0, :, 0]).tolist() == [0.5, 50.0], "no claim reaches into the next episode"
    assert settlement.position[0, LIENS] == 0


def test_outcome_and_surprise() -> None:
    settlement, _, account = open_settlement(Chain(FirstPrice(), discount=0.5), 2)
    value = np.array([[8.0, 4.0]])
    settlement.settle(np.array([[SALE, 0, -1]]), value, value, account, np.zeros(1))
    assert settlement.outcome[0, [SOLD, BID]].tolist() == [0.0, 8.0]
    settlement.settle(np.array([[SALE, 1, -1]]), value, value, account, np.array([1.0]))
    assert settlement.outcome[0, [REALISED, CREDIT, SOLD, BID]].tolist() == [3.0, 4.0, 1.0, 4.0]
    assert settlement.surprise.tolist() == [5.0, 1.0]


def story(ledger: Ledger) -> str:
    names = {WORLD: "world", HOUSE: "house", 2: "ann", 3: "bob", 4: "eve"}
    lines = [
        f"{names[payer]} -> {names[payee]} {ticks} {MEMOS[memo]}"
        for memo, payer, payee, ticks in ledger.journal_rows.tolist()
        if ticks
    ]
    return "\n".join(lines)


GOLDEN = {
    # ann bids 10 and pays 6; bob bids 20 and pays 8 (ann is credited 20, discounted to 10); bob earns 3
    ("bid", 0.5, 0.0): """\
ann -> house 6 payment
bob -> ann 8 payment
world -> ann 4 reward
house -> ann 12 subsidy
ann -> house 10 discount
world -> bob 3 reward""",
    # the seller gets what the buyer pays
    ("payment", 1.0, 0.0): """\
ann -> house 6 payment
bob -> ann 8 payment
world -> ann 4 reward
world -> bob 3 reward""",
    # half of everything is sold on: cash 3 and 4; ann passes on half of 4 + 10, bob half of 3, and ann's share of
    # bob's 3 is .5 * .5 * 3, rounded down
    ("bid", 1.0, 0.5): """\
ann -> house 3 payment
bob -> ann 4 payment
world -> ann 4 reward
house -> ann 6 subsidy
ann -> house 7 royalty
world -> bob 3 reward
bob -> house 2 royalty""",
}


@pytest.mark.parametrize(("credit", "discount", "royalty"), GOLDEN)
def test_an_episode_counted_by_hand(credit: str, discount: float, royalty: float) -> None:
    chain = Chain(FirstPrice(), credit=credit, discount=discount, royalty=royalty)
    settlement, ledger, account = open_settlement(chain, 3, tick=1.0)
    for stage, winner, value, payments, reward in (
        (SALE, 0, (10, 6, 0), (6, 0, 0), 0.0),
        (SALE, 1, (8, 20, 0), (0, 8, 0), 4.0),
        (TERMINATED, -1, (0, 0, 0), (0, 0, 0), 3.0),
    ):
        rows = np.array([value], dtype=float), np.array([payments], dtype=float)
        settlement.settle(np.array([[stage, winner, -1]]), *rows, account, np.array([reward]))
    assert story(ledger) == GOLDEN[credit, discount, royalty]


def test_a_novice_is_paid_for_by_the_house() -> None:
    """Ann is credited bob's 20 although eve, who bids 5, is sent in; at the end of time eve's right is bought back."""
    settlement, ledger, account = open_settlement(Chain(FirstPrice(), credit="bid", discount=1.0), 3, tick=1.0)
    value, payments = np.array([[10.0, 20.0, 5.0]]), np.array([[0.0, 10.0, 0.0]])
    settlement.settle(np.array([[SALE, 0, -1]]), value, payments, account, np.zeros(1))
    settlement.settle(np.array([[SALE, 1, 2]]), value, payments, account, np.array([1.0]))
    settlement.settle(np.array([[TRUNCATED, 1, -1]]), value, payments, account, np.array([2.0]))
    assert story(ledger).splitlines() == [
        "bob -> house 10 payment",  # the mechanism charged bob in the first sale, whoever won
        "eve -> ann 5 novice",
        "world -> ann 1 reward",
        "house -> ann 15 subsidy",
        "world -> eve 2 reward",
        "house -> eve 20 buyback",
    ]


def test_all_pay_reaches_the_seller() -> None:
    settlement, ledger, account = open_settlement(Chain(FirstPrice(), credit="payment", discount=1.0), 3, tick=1.0)
    everybody = np.array([[10.0, 20.0, 5.0]])
    settlement.settle(np.array([[SALE, 0, -1]]), everybody, everybody, account, np.zeros(1))
    settlement.settle(np.array([[SALE, 1, -1]]), everybody, everybody, account, np.zeros(1))
    assert ledger.balance[account[0, :, 0]].tolist() == [-10 - 10 + 35, -20 - 20, -5 - 5]
    assert settlement.outcome[0, CREDIT] == 35.0


@pytest.mark.parametrize("family", ["tabular", "research"])
@pytest.mark.parametrize(("reward", "tick"), [(1e10, 2.0**-20), (1e12, 2.0**-20), (1e5, 2.0**-40), (1.0, 1e-300)])
def test_money_that_would_leave_64_bits_is_refused(family, reward, tick) -> None:
    """Balances once wrapped around in silence: the world had earned what it had paid, and the sum was 0 all the same."""
    env = gym.wrappers.TransformReward(Walk(4), lambda paid: reward * (1.0 + paid))
    market = marketic.make(env, agents=family, seed=0)
    market = Market(env, market.population, market.chain, seed=0, ledger=Ledger(tick=tick))
    refused(lambda: market.learn(20_000), "64-bit range", "TransformReward", "larger tick")
    assert int(market.ledger.balance.sum()) == 0
    assert market.ledger.balance[0] <= 0, "the world has paid, not earned"
