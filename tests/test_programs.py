"""Guarded macro programs: the family that evolves on any environment, and what it learns."""

import gymnasium as gym
import numpy as np
import pytest
from tiny_envs import Larger

import marketic
from marketic.agents.program_breeding import Covering
from marketic.agents.program_literals import Literals, literal_holds
from marketic.agents.programs import Programs
from marketic.checks.population import check_population
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.hayek.vocabulary import COMPARISONS
from marketic.population import Receipt

SPACES = [gym.spaces.Discrete(7), gym.spaces.MultiBinary(6), gym.spaces.MultiDiscrete([3, 4, 3]),
          gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Box(-np.inf, np.inf, (2,)),
          gym.spaces.Dict({"a": gym.spaces.Discrete(3), "b": gym.spaces.Box(0.0, 9.0, (2,))})]  # fmt: skip


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_derived_literals_say_what_they_test(space):
    goods = Goods.from_space(space)
    literals = Literals.derive(goods)
    space.seed(0)
    for _ in range(5):
        seen = goods.encode(space.sample())
        for k in range(0, len(literals), 3):
            other = literals.constant[k] if literals.right[k] < 0 else seen[literals.right[k]]
            one = seen[literals.left[k]]
            truth = [one == other, one != other, one < other, one > other][literals.comparison[k]]
            parts = (literals.left, literals.comparison, literals.right, literals.constant)
            assert literal_holds(k, seen, *parts) == truth
            assert COMPARISONS[literals.comparison[k]] in literals.say(k)


def test_they_keep_the_promises_of_a_population():
    assert check_population(Programs, rounds=60).passed


@pytest.mark.parametrize("actions", [gym.spaces.Discrete(3), gym.spaces.MultiDiscrete([2, 3])], ids=str)
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_markets_of_programs_run_anywhere(space, actions):
    class Anywhere(gym.Env):
        observation_space, action_space = space, actions

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            if seed is not None:
                self.observation_space.seed(seed)
            self.left = 5
            return self.observation_space.sample(), {}

        def step(self, action):
            self.left -= 1
            return self.observation_space.sample(), float(np.sum(action)), self.left == 0, False, {}

    market = marketic.make(Anywhere(), agents="programs", seed=0)
    market.learn(120)
    total = market.ledger.wealth(np.arange(2)).sum()
    assert np.isfinite(total)
    assert market.num_timesteps == 120


def test_repetitions_buy_alone_and_end():
    goods = Goods.from_space(gym.spaces.Discrete(9))
    programs = Programs.for_spaces(goods, 2, rng=np.random.default_rng(0), slots=8, births=0.0, longest=4)
    never = next(k for k in range(len(programs.literals)) if programs.literals.say(k) == "observation 0 > 8")
    programs.until[:] = never
    programs.start(1)
    observation, bidders = np.zeros((1, 1)), []
    for _ in range(9):
        bids = programs.bid(observation)
        bidders.append(int(bids.active.sum()))
        programs.act(np.array([0]), observation)
    assert bidders == [2, 1, 1, 1, 2, 1, 1, 1, 2], "an endless repetition ends after `longest` steps"
    assert programs.appraise(observation).active.sum() == 2


def test_new_guards_hold_where_they_were_written():
    rng = np.random.default_rng(0)
    for space in SPACES:
        goods = Goods.from_space(space)
        literals = Literals.derive(goods)
        space.seed(1)
        parts = (literals.left, literals.comparison, literals.right, literals.constant)
        for _ in range(20):
            seen = goods.encode(space.sample())
            guard = Covering()(seen, literals, 8, rng)
            assert all(literal_holds(k, seen, *parts) for k in guard[guard >= 0])
            assert guard.tolist() == sorted(guard.tolist(), reverse=True)


def test_what_was_saved_in_the_middle_of_an_episode_goes_on_alike():
    market = marketic.make("FrozenLake-v1", agents="programs", seed=3)
    market.learn(303)
    saved = market.population.state_dict()
    twin = Programs.for_spaces(Goods.from_space(gym.spaces.Discrete(16)), 4, rng=np.random.default_rng(9))
    twin.load_state_dict(saved)
    assert [len(tape) for tape in twin._tapes] == [len(tape) for tape in market.population._tapes]
    for one, other in zip(saved.values(), twin.state_dict().values(), strict=True):
        assert np.array_equal(one, other)


def test_programs_cross_the_frozen_lake():
    market = marketic.make("FrozenLake-v1", agents="programs", seed=0)
    market.learn(30_000)
    assert market.evaluate(50).mean() > 0.3, "chance: 0.014"


def test_programs_learn_which_temperature_is_wanted():
    scores = []
    for seed in range(3):
        market = marketic.make(Larger(), agents="programs", seed=seed, discount=0.0, novices=0.3)
        market.learn(3000)
        scores.append(market.evaluate(100, env=Larger()).mean())
    assert np.median(scores) > 0.9
    assert "observation 0" in " ".join(market.population.best(3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"slots": 3}, "twice as many slots"),
        ({"longest": 0}, "longest"),
        ({"rate": 0.0, "paper": 0.0}, "rate or paper above 0"),
        ({"births": 1.5}, "a share from 0 to 1"),
        ({"few": 17, "members": 16}, "few at most members"),
        ({"few": -1}, "few=-1: wanted a whole number >= 0"),
        ({"members": 2.5}, "members=2.5: wanted a whole number"),
        ({"rate": float("nan")}, "rate=nan: wanted a number"),
        ({"guards": "8"}, "guards='8': wanted a number"),
        ({"hopeful": 1}, "hopeful True or False"),
        ({"initial_bid": np.inf}, "a finite price"),
        ({"breeding": "tournament"}, "wanted a marketic.agents.program_breeding.Breeding"),
    ],
)
def test_options_out_of_range_are_refused(options, words):
    goods = Goods.from_space(gym.spaces.Discrete(4))
    with pytest.raises(InputError) as refusal:
        Programs.for_spaces(goods, 2, rng=np.random.default_rng(0), **options)
    assert words in str(refusal.value)


def test_literals_that_lie_about_the_task_are_refused():
    whole = np.array([5])
    with pytest.raises(InputError, match="components from 0 to 1"):
        Literals(whole, np.array([0]), np.array([-1]), np.array([1.0]), 2)
    fine = Literals(np.array([1]), np.array([0]), np.array([-1]), np.array([1.0]), 2)
    with pytest.raises(InputError, match="this task has 1"):
        Programs.for_spaces(Goods.from_space(gym.spaces.Discrete(4)), 2, rng=np.random.default_rng(0), literals=fine)


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.Discrete(5000),
        gym.spaces.Box(-3.0, 3.0, (2,)),
        gym.spaces.Box(np.float32(-4.8), np.float32(4.8), (1,)),
        gym.spaces.Box(1e-7, 2e-7, (1,), dtype=np.float64),
        gym.spaces.Box(1e6, 1e6 + 1e-3, (1,), dtype=np.float64),
    ],
    ids=str,
)
def test_literals_say_the_constants_that_they_compare_with(space):
    literals = Literals.derive(Goods.from_space(space))
    alone = np.flatnonzero(literals.right < 0)
    said = np.array([float(literals.say(int(k)).split()[-1]) for k in alone])
    assert np.allclose(said, literals.constant[alone], rtol=1e-7, atol=0.0)
    for one in np.unique(literals.left):
        mine = literals.left[alone] == one
        assert len(np.unique(said[mine])) == len(np.unique(literals.constant[alone][mine]))
    if isinstance(space, gym.spaces.Discrete):
        assert (said == literals.constant[alone]).all()
        assert not any("e+" in literals.say(int(k)) for k in alone)


def test_who_takes_a_seat_goes_on_with_nothing_and_learns_from_its_own_trades_only():
    goods = Goods.from_space(gym.spaces.MultiBinary(3))
    programs = Programs.for_spaces(
        goods, 2, rng=np.random.default_rng(0), slots=8, few=3, members=4, births=1.0, paper=0.0, loops=0.5
    )
    rng, yes = np.random.default_rng(1), np.ones(20, dtype=bool)
    programs.start(20)
    ends = 0
    for _ in range(100):
        seen = rng.integers(0, 2, (20, 3)).astype(float)
        programs.bid(seen)
        winner = rng.integers(0, 2, 20)
        programs.act(winner, seen)
        repeated, uid = programs._repeats.copy(), programs.uid.copy()
        worth, before = rng.random(20), programs.counters[1]
        programs.learn(Receipt(yes, seen, winner, worth, worth * 0, worth, ~yes, ~yes, seen, 1.0, 0.0))
        assert not programs.trades[programs.uid >= before].any()
        gone = (repeated >= 0) & (programs.uid[repeated] != uid[repeated])
        assert (programs._repeats[gone] == -1).all()
        ends += gone.sum()
    assert ends > 0
