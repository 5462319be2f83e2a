"""Market makers whose questions hang together, against the logarithmic rule over all worlds and closed forms."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import Claim, InputError
from marketic.checks import check_mechanism
from marketic.mechanisms.decision_market import DecisionMarket
from marketic.mechanisms.latent_class_market import LatentClassMarket
from marketic.mechanisms.lmsr import LMSR
from marketic.mechanisms.probability_edits import Edits
from marketic.mechanisms.tree_lmsr import TreeLMSR
from marketic.screening import Reason
from marketic.trade_orders import TargetPrices


def edited(market, *edits, traders=1):
    """The state after edits (price, variable, given), one per step, by trader 0."""
    state = market.open(traders)
    for price, variable, condition in edits:
        state, _ = market.step(state, Edits([price] * traders, [variable] * traders, [condition] * traders,
                                            [True] + [False] * (traders - 1)))  # fmt: skip
    return state


def worlds_of(market, state):
    """p(x) of every world, by multiplying the factors out: float64 [2^V]."""
    size, questions = len(market.parents), map(tuple, market.questions.tolist())
    table = dict(zip(questions, np.exp(state.log_price), strict=True))
    chance = np.ones(2**size)
    for world, v in itertools.product(range(2**size), range(size)):
        parent = market.parents[v]
        chance[world] *= table[v, 0 if parent < 0 else (world >> parent) & 1][(world >> v) & 1]
    return chance


# --- on a tree


CHAIN = [(0.4, 0, 0), (0.3, 1, 0), (0.7, 1, 1), (0.2, 2, 0), (0.6, 2, 1)]


def test_an_edit_on_the_chain_equals_the_joint_edit_in_all_eight_worlds():
    """A -> B -> C, P(B | A) moved from .7 to .9: it earns what LMSR over the joint pays (Sun et al. 2012, section 3)."""
    chain, joint = TreeLMSR((-1, 0, 1), 10.0), LMSR(10.0, 8)
    before, after = edited(chain, *CHAIN), edited(chain, *CHAIN, (0.9, 1, 1))
    p, q = worlds_of(chain, before), worlds_of(chain, after)
    state, _ = joint.step(joint.open(1), TargetPrices([p]))
    moved, _ = joint.step(state, TargetPrices([q]))
    paid = moved.paid - state.paid
    for world in range(8):
        gain = chain.settle(after, world)[0] - chain.settle(before, world)[0]
        by_joint = joint.settle(moved, world)[0] - joint.settle(state, world)[0] - paid[0]
        assert gain == pytest.approx(by_joint, abs=1e-12)
        a, b = world & 1, (world >> 1) & 1
        assert gain == pytest.approx(
            10.0 * math.log((0.9 if b else 0.1) / (0.7 if b else 0.3)) if a else 0.0, abs=1e-12
        )
    assert chain.quote(before) == pytest.approx([0.4, 0.4 * 0.7 + 0.6 * 0.3, 0.46 * 0.6 + 0.54 * 0.2])
    assert chain.quote(after)[1] == pytest.approx(0.4 * 0.9 + 0.6 * 0.3), "prices elsewhere move"
    assert chain.quote(after)[0] == pytest.approx(0.4)


@st.composite
def trees(draw):
    size = draw(st.integers(1, 5))
    return tuple(draw(st.integers(-1, v - 1)) for v in range(size))


@given(parents=trees(), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_trees_infer_what_the_joint_says_and_cost_what_it_costs(parents, seed):
    rng, market = np.random.default_rng(seed), TreeLMSR(parents, 3.0)
    state = market.open(2)
    for _ in range(6):
        orders = market.draw_orders(rng, state)
        state, _ = market.step(state, Edits(np.clip(orders.price, 1e-4, 1 - 1e-4), orders.variable, orders.given))
    chance = worlds_of(market, state)
    bits = (np.arange(market.outcomes)[:, None] >> np.arange(len(parents))) & 1
    known = rng.integers(-1, 2, size=len(parents))
    fits = ((known < 0) | (bits == known)).all(axis=1) * chance
    np.testing.assert_allclose(market.given(state, known), fits @ bits / fits.sum(), atol=1e-9)
    np.testing.assert_allclose(market.quote(state), chance @ bits, atol=1e-9)
    for world in range(market.outcomes):
        wanted = 3.0 * math.log(chance[world] * market.outcomes)
        assert -market.house(state, world) == pytest.approx(wanted, abs=1e-8)
        assert -market.house(state, world) <= market.worst_loss


def test_truth_expects_the_divergence_of_the_edit():
    market, belief = TreeLMSR((-1, 0), 5.0), np.array([0.1, 0.2, 0.3, 0.4])  # worlds 00, A, B, AB
    state = edited(market, (belief[3] / 0.6, 1, 1))
    expected = sum(belief[world] * market.settle(state, world)[0] for world in range(4))
    r = 2 / 3
    assert expected == pytest.approx(5.0 * 0.6 * (r * math.log(r / 0.5) + (1 - r) * math.log((1 - r) / 0.5)))


# --- with a hidden cause


def test_what_resolved_indicators_tell_of_the_next():
    """Two even classes, p(x_i = 1 | z) = .8 or .2: expected log loss after 0, 1, 3, 5 resolved, by Bayes' rule; floor .5004."""
    market, found = LatentClassMarket(indicators=((0.8, 0.2),) * 6), []
    state = market.open(1)
    for resolved in (0, 1, 3, 5):
        loss = 0.0
        for x in itertools.product((0, 1), repeat=resolved):
            chance = sum(0.5 * math.prod(p if bit else 1 - p for bit in x) for p in (0.8, 0.2))
            q = market.given(state, [*x, *[-1] * (6 - resolved)])[5]
            loss -= chance * (q * math.log(q) + (1 - q) * math.log(1 - q))
        found.append(loss)
    assert found == pytest.approx([0.6931, 0.6269, 0.5676, 0.5383], abs=6e-5)
    assert -(0.8 * math.log(0.8) + 0.2 * math.log(0.2)) == pytest.approx(0.5004, abs=6e-5)


def test_a_market_learns_the_class_that_nobody_verifies():
    even = LatentClassMarket(indicators=((0.5, 0.5),) * 3, liquidity=2.0)
    assert even.worst_loss == pytest.approx(2.0 * 3 * math.log(2)), "b ln(#worlds of x)"
    edits = [(0.8, i, 0) for i in range(3)] + [(0.2, i, 1) for i in range(3)] + [(0.3, 3, 0)]
    state, wanted = edited(even, *edits), np.zeros(8)
    for world in range(8):
        ones = world.bit_count()
        wanted[world] = 0.3 * 0.8**ones * 0.2 ** (3 - ones) + 0.7 * 0.2**ones * 0.8 ** (3 - ones)
        assert even.settle(state, world)[0] == pytest.approx(2.0 * math.log(8 * wanted[world])), (
            "LMSR on the worlds of x"
        )
    assert even.quote(state) == pytest.approx([0.3 * 0.8 + 0.7 * 0.2] * 3)
    posterior = 0.3 * 0.8 / (0.3 * 0.8 + 0.7 * 0.2)
    assert even.given(state, [1, -1, -1]) == pytest.approx([1.0, *[posterior * 0.8 + (1 - posterior) * 0.2] * 2])


def test_other_classes_share_what_an_edited_class_leaves():
    market = LatentClassMarket((0.2, 0.3, 0.5), ((0.9, 0.5, 0.1),))
    state = edited(market, (0.6, 1, 0))
    assert np.exp(state.log_price[3:, 1]) == pytest.approx([0.6, 0.15, 0.25])
    assert np.exp(state.log_price[3:, 0]) == pytest.approx([0.4, 0.85, 0.75])
    assert market.quote(state)[0] == pytest.approx(0.6 * 0.9 + 0.15 * 0.5 + 0.25 * 0.1)


# --- decisions


TRUTH = np.array([0.2, 0.8, 0.3, 0.7]) / 2  # A succeeds with .8, B with .7
OPENING = [(0.75, 0, 0), (0.10, 1, 0)]


def gain(market, *edits):
    """What trader 1 expects from its edits after somebody else's opening, by TRUTH."""
    state = market.open(2)
    for who, (price, action, condition) in [(0, e) for e in OPENING] + [(1, e) for e in edits]:
        acts = [who == 0, who == 1]
        state, _ = market.step(state, Edits([price] * 2, [action] * 2, [condition] * 2, acts))
    chance = market.chances(state, TRUTH)
    return sum(chance[o] * market.settle(state, o)[1] for o in range(4))


def test_the_highest_price_rule_pays_a_liar_more():
    """Othman and Sandholm 2010: truth .007, and 1.033 for pushing A below B (b = 1)."""
    rule = DecisionMarket(exploration=0.0, liquidity=1.0)
    assert gain(rule, (0.8, 0, 0), (0.7, 1, 0)) == pytest.approx(0.007, abs=5e-4)
    grid = np.linspace(0.01, 0.99, 99)
    lies = {(a, b): gain(rule, (a, 0, 0), (b, 1, 0)) for a in (0.05, 0.4, 0.69, 0.75, 0.8) for b in grid}
    assert max(lies.values()) == pytest.approx(1.033, abs=5e-4)
    assert max(lies, key=lambda pair: lies[pair])[1] == pytest.approx(0.7)
    assert Claim.DSIC not in rule.claims


@pytest.mark.parametrize("exploration", [0.05, 0.5, 1.0])
def test_scaled_scores_make_truth_best(exploration):
    """Chen, Kash, Ruberry and Shnayder 2011, theorem 1: with full support and 1 / pi, truth earns the sum of divergences."""
    rule = DecisionMarket(exploration=exploration, liquidity=1.0)
    honest = gain(rule, (0.8, 0, 0), (0.7, 1, 0))
    assert honest == pytest.approx(0.0070 + 1.0325, abs=1e-4)
    for a, b in itertools.product(np.linspace(0.05, 0.95, 19), repeat=2):
        assert gain(rule, (a, 0, 0), (b, 1, 0)) <= honest + 1e-12
    assert rule.worst_loss == pytest.approx(math.log(2) * 2 / exploration)


def test_actions_are_drawn_by_the_policy():
    rule = DecisionMarket(3, 0.3)
    state = edited(rule, (0.6, 1, 0))
    assert rule.policy(state) == pytest.approx([0.1, 0.8, 0.1])
    many = rule.open(1, (20_000,))
    many, _ = rule.step(many, Edits(np.full((20_000, 1), 0.6), np.ones((20_000, 1), dtype=int)))
    drawn = np.bincount(rule.draw_action(many, np.random.default_rng(0)), minlength=3) / 20_000
    assert drawn == pytest.approx([0.1, 0.8, 0.1], abs=0.011)  # five standard errors


# --- all of them

MARKETS = [TreeLMSR((-1, 0, 0, 2)), LatentClassMarket((0.2, 0.3, 0.5), ((0.9, 0.5, 0.1),) * 3), DecisionMarket(3)]
EVERY = pytest.mark.parametrize("market", MARKETS, ids=lambda market: type(market).__name__)


@EVERY
def test_each_keeps_its_claims(market):
    assert check_mechanism(market, budget=2_000).passed


@EVERY
def test_bad_edits_stay_out_and_the_others_go_on(market):
    orders = Edits([0.9, np.nan, np.inf, -0.1, 1.1, 1.0, 0.3], [0] * 7)
    assert orders.refused.tolist()[1:5] == [Reason.NOT_A_NUMBER, Reason.INFINITE, Reason.NEGATIVE, Reason.TOO_MANY]
    state, cleared = market.step(market.open(7), orders)
    assert not cleared.allocation[1:6].any(), "certainty is not for sale"
    one_by_one = edited(market, (0.9, 0, 0), (0.3, 0, 0))
    np.testing.assert_allclose(market.settle(state, 1).sum(), market.settle(one_by_one, 1).sum())


@EVERY
def test_what_is_not_for_sale_raises(market):
    for wrong in (
        lambda: market.step(market.open(1), Edits([0.5], [99])), lambda: market.step(market.open(1), Edits([0.5], [0], [9])),
        lambda: market.step(market.open(2), Edits([0.5], [0])), lambda: market.step(market.open(1), TargetPrices([[1.0, 0.0]])),
        lambda: market.settle(market.open(1), market.outcomes), lambda: market.settle(market.open(1), 0.5),
        lambda: Edits([0.5], [0.5]), lambda: Edits([0.5], [[0]]), lambda: Edits(["a"], [0]),
    ):  # fmt: skip
        with pytest.raises(InputError):
            wrong()


@pytest.mark.parametrize(
    "build",
    [
        lambda: TreeLMSR(()), lambda: TreeLMSR((0,)), lambda: TreeLMSR((-1, 2)), lambda: TreeLMSR(liquidity=0.0),
        lambda: LatentClassMarket((1.0,)), lambda: LatentClassMarket((0.5, 0.6)), lambda: LatentClassMarket(indicators=()),
        lambda: LatentClassMarket(indicators=((0.5, 1.0),)), lambda: LatentClassMarket(indicators=((0.5, 0.5),) * 13),
        lambda: DecisionMarket(0), lambda: DecisionMarket(exploration=1.5), lambda: DecisionMarket(liquidity=math.nan),
        lambda: TreeLMSR().given(TreeLMSR().open(1), [1]),
        lambda: LatentClassMarket().given(LatentClassMarket().open(1), [2] * 4),
    ],
)  # fmt: skip
def test_parameters_are_checked(build):
    with pytest.raises(InputError):
        build()


class MaxRule(DecisionMarket):
    """Takes the highest price, and claims truth all the same."""

    claims = frozenset({Claim.DSIC})


class Generous(TreeLMSR):
    """States too small a bound."""

    worst_loss = 60.0


class Careless(LatentClassMarket):
    """Pays half as much again."""

    def settle(self, state, outcome):
        return super().settle(state, outcome) * 1.5


@pytest.mark.parametrize(
    ("offender", "claim"),
    [(MaxRule(exploration=0.0), "DSIC"), (Generous(), "BOUNDED_LOSS"), (Careless(), "BOUNDED_LOSS")],
    ids=lambda part: type(part).__name__ if not isinstance(part, str) else part,
)
def test_the_kit_refutes_makers_with_orders_of_their_own(offender, claim, capsys):
    report = check_mechanism(offender, budget=2_000, raises=False)
    assert set(report.refuted) == {claim}
    lines = [line[4:] for line in report.refuted[claim].explanation.splitlines()[1:]]
    lines[0] = lines[0].split("; from ")[0] + "; from marketic.mechanisms.probability_edits import Edits"
    assert len(lines) == 5
    exec("\n".join(lines), {type(offender).__name__: type(offender)})
    printed = capsys.readouterr().out.replace("np.float64", "").replace("(", "").replace(")", "")
    shown = [float(word) for word in printed.split()]
    assert shown[1] - shown[0] > 1e-6 if claim == "DSIC" else shown[0] > shown[1]
