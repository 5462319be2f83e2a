"""Expressions as a family: an ordinary population on any spaces."""

import gymnasium as gym
import numpy as np
import pytest
from tiny_envs import Larger

import marketic
from marketic.agents.expression_choice import tell
from marketic.agents.expression_kernels import write_child
from marketic.agents.expressions import Expressions
from marketic.checks import check_population
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.population import Receipt


def test_they_keep_the_promises_of_a_population():
    assert check_population(Expressions, rounds=40).passed


SPACES = [
    gym.spaces.Box(-np.inf, np.inf, (2,)),
    gym.spaces.Tuple([gym.spaces.Discrete(3, start=1), gym.spaces.Box(0.0, 1.0, (1,))]),
    gym.spaces.MultiBinary(4),
    gym.spaces.Discrete(500),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_markets_of_expressions_run_anywhere(space):
    class Anywhere(gym.Env):
        observation_space, action_space = space, gym.spaces.MultiDiscrete([2, 3])

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            if seed is not None:
                self.observation_space.seed(seed)
            self.left = 5
            return self.observation_space.sample(), {}

        def step(self, action):
            self.left -= 1
            return self.observation_space.sample(), float(np.sum(action)), self.left == 0, False, {}

    market = marketic.make(Anywhere(), agents="expressions", seed=0)
    market.learn(80)
    assert np.isfinite(market.ledger.wealth(np.arange(2)).sum())
    assert market.num_timesteps == 80


def test_expressions_learn_which_of_two_sums_is_larger():
    scores = []
    for seed in range(3):
        market = marketic.make(Larger(3), agents="expressions", seed=seed, discount=0.0, novices=0.3)
        market.learn(3000)
        scores.append(market.evaluate(100, env=Larger(3)).mean())
    assert np.median(scores) > 0.9
    assert "observation[0]" in " ".join(market.population.best(3))


@pytest.mark.parametrize(
    ("options", "words"),
    [({"slots": 3}, "twice as many slots"), ({"rate": 0.0}, "rate and tolerance above 0"), ({"births": 1.5}, "shares"),
     ({"tokens": 2}, "4 to 1000 tokens")],
)  # fmt: skip
def test_options_out_of_range_are_refused(options, words):
    goods = Goods.from_space(gym.spaces.Discrete(4))
    with pytest.raises(InputError, match=words):
        Expressions.for_spaces(goods, 2, rng=np.random.default_rng(0), **options)


def test_a_crossover_names_both_parents():
    market = marketic.make("marketic/Multiplexer-v0", agents="expressions", seed=0, slots=60).learn(3_000)
    family = market.population.genealogy()
    mother, father = family.parents.T
    assert 0 < (father >= 0).sum() < 0.3 * (mother >= 0).sum()  # 0.85 mutants * 0.18 * 1.65 edits; some do not fit
    assert not ((father >= 0) & ((mother < 0) | (father == mother))).any()
    assert (father < family.uid).all()


def test_the_father_is_named_exactly_if_another_father_would_have_made_another_child():
    population = Expressions(Goods.from_space(gym.spaces.MultiBinary(6)), 3, slots=8, rng=np.random.default_rng(0))
    mother, father, other, child = 3, 4, 5, 6
    for k, slot in enumerate((mother, father, other)):
        text = f"(program (== observation[{2 * k}] observation[{2 * k + 1}]) action-{k})"
        population.code[slot] = population.species.read(text)
    crossed = different = 0
    for _ in range(2_000):
        before = population.random.copy()
        borrowed = write_child(population.table.rows, child, mother, father)
        one = population.code[child].copy()
        population.random[:] = before
        assert write_child(population.table.rows, child, mother, other) == borrowed
        assert borrowed or (population.code[child] == one).all()
        crossed, different = crossed + borrowed, different + (population.code[child] != one).any()
    assert crossed > 100
    assert 0.7 * crossed < different <= crossed  # the rest lost again what they had borrowed
    for parent, donor in ((mother, -1), (mother, mother), (mother, child), (-1, father)):
        assert not any(write_child(population.table.rows, child, parent, donor) for _ in range(200))


def test_the_least_tolerance_leaves_the_inaccurate_a_weight() -> None:
    """Weights that were rounded to 0 divided 0 by 0."""
    market = marketic.make(Larger(3), agents="expressions", seed=0, tolerance=1e-300, novices=0.3).learn(300)
    assert np.isfinite(market.population.merit).all()
    assert np.isfinite(market.population.appraise(np.zeros((1, 3))).value).all()


def _receipt(winner, worth):
    """Rows of rights bought at observation (1, 1, 1) and worth so much at the end."""
    rows, seen = len(winner), np.ones((len(winner), 3))
    worth, yes = np.full(rows, float(worth)), np.ones(rows, dtype=bool)
    return Receipt(yes, seen, np.array(winner), worth, np.zeros(rows), worth, yes, ~yes, seen, 1.0, 0.0)


def test_parents_keep_their_seats_until_the_child_is_written():
    goods = Goods.from_space(gym.spaces.MultiBinary(3))
    for slots, left in ((8, 4), (4, 0), (5, 1)):
        population = Expressions(goods, 2, slots=slots, rng=np.random.default_rng(0))
        population.live[:] = True
        taken = {population._vacancy(2, 3) for _ in range(300)}
        assert taken == set(range(4, slots) if left else [-1])  # -1: nobody makes room


def test_newcomers_learn_nothing_from_trades_of_whose_seats_they_took():
    goods = Goods.from_space(gym.spaces.MultiBinary(3))
    population = Expressions(goods, 2, slots=6, births=1.0, rng=np.random.default_rng(3))
    for _ in range(200):
        before = population.counters[1]
        population.learn(_receipt(np.tile([0, 1], 10), 1.0))
        newborn = population.live & (population.uid >= before)
        assert not population.trades[newborn].any()


def test_a_place_without_a_program_says_so():
    population = Expressions(Goods.from_space(gym.spaces.MultiBinary(3)), 2, rng=np.random.default_rng(0))
    assert population.describe(1).startswith("(program true action-1) bids ")
    assert population.describe(2) == "place 2 is vacant"


@pytest.mark.parametrize("width", [1e-320, 1e-30, 1.0, 1e5])
def test_real_components_are_told_in_thousandths_of_their_range_however_small(width):
    space = gym.spaces.Box(0.0, width, (1,), dtype=np.float64)
    told = tell(Goods.from_space(space), np.array([[0.0], [width / 4], [width / 2], [width]]))
    assert np.abs(told[:, 0] - [-1000, -500, 0, 1000]).max() <= 1  # 1e-320 has few digits


def test_a_component_that_never_changes_is_told_all_the_same():
    space = gym.spaces.Box(2.0, 2.0, (1,))
    assert tell(Goods.from_space(space), np.array([[2.0]])).tolist() == [[-1000]]


class Drawing:
    """A generator that remembers what parents were drawn from."""

    def __init__(self):
        self.rng, self.seen = np.random.default_rng(0), []

    def choice(self, among, *given, **options):
        self.seen.append(among.tolist())
        return self.rng.choice(among, *given, **options)

    def __getattr__(self, name):
        return getattr(self.rng, name)


def test_every_member_of_a_syndicate_stands_once_for_parent():
    """A syndicate of three in ten places names one of them four times, and that one was a parent more often."""
    goods, drawing = Goods.from_space(gym.spaces.MultiBinary(3)), Drawing()
    population = Expressions(goods, 2, slots=40, births=0.5, members=10, rng=drawing)
    for _ in range(40):
        population.learn(_receipt(np.tile([0, 1], 3), 1.0))
    assert {len(among) for among in drawing.seen} >= {1, 2, 3}
    assert all(len(set(among)) == len(among) for among in drawing.seen)
