"""Guarded macro programs: vocabularies, breeding, and the family that evolves on any environment."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_worlds import WORDS, counting

import marketic
from marketic.agents.birth_table import genealogy_of, note_birth, note_death, open_births
from marketic.agents.program_breeding import AboveWinner, Breeding, Covering, LikeSyndicate, Mutation, Tournament
from marketic.agents.program_literals import Literals, literal_holds
from marketic.agents.program_species import MacroPrograms
from marketic.agents.programs import Programs
from marketic.checks.population import check_population
from marketic.envs.blocks_world_vocabulary import world
from marketic.errors import InputError
from marketic.genealogy import ALIVE
from marketic.goods import Goods
from marketic.hayek.vocabulary import COMPARISONS, Kind, Term, Vocabulary

COLOUR, HEIGHT = Kind("colour", 0, 3), Kind("height", 0, 9, ordered=True)


def test_literals_compare_what_is_of_one_kind():
    words = Vocabulary((COLOUR, HEIGHT), (Term("top", "colour"), Term("high", "height"), Term("red", "colour", 1),
                                          Term("blue", "colour", 2),
                                          Term("0", "height", 0)), ("up",))  # fmt: skip
    said = [words.say(literal) for literal in words.literals()]
    assert said == ["top == red", "top != red", "top == blue", "top != blue", *(f"high {c} 0" for c in COMPARISONS)]
    assert words.sensed == 2
    assert words.constants().tolist() == [0, 0, 1, 2, 0]
    assert len(world().vocabulary.literals()) == 158


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ((Term("a", "colour"), Term("a", "colour", 1)), "a name of its own"),
        ((Term("a", "size"), Term("b", "colour", 1)), "is of kind 'size'"),
        ((Term("red", "colour", 7), ), "wanted a constant from 0 to 3"),
        ((Term("red", "colour", 1), Term("top", "colour")), "reorder them"),
        ((), "wanted at least one"),
    ],
)  # fmt: skip
def test_vocabularies_that_make_no_sense_are_refused(terms, words):
    with pytest.raises(InputError) as refusal:
        Vocabulary((COLOUR, HEIGHT), terms, ("up",))
    assert words in str(refusal.value)


def test_a_vocabulary_without_a_comparison_or_a_move_is_refused():
    with pytest.raises(InputError, match="no two terms"):
        Vocabulary((COLOUR, HEIGHT), (Term("top", "colour"), Term("high", "height")), ("up",)).literals()
    with pytest.raises(InputError, match="moves"):
        Vocabulary((COLOUR,), (Term("top", "colour"),), ())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 4), st.integers(1, 3), st.booleans())
def test_breeding_never_leaves_the_language(seed, guards, instructions, loops):
    species = MacroPrograms(counting(), guards=guards, instructions=instructions, loops=loops)
    table = species.table(6, 5, seed)
    breed, code = species.functions.breed, table.arrays[2]
    draw = np.random.default_rng(seed)
    for k in range(6):
        breed(table.rows, k, -1, -1)
    for _ in range(100):
        child, parent, donor = (int(x) for x in draw.integers(0, 6, 3))
        breed(table.rows, child, parent, donor if draw.random() < 0.8 else -1)
        literals, count = len(WORDS.literals()), code[child, guards]
        assert 1 <= count <= instructions
        assert ((code[child, :guards] >= -1) & (code[child, :guards] < literals)).all()
        body = code[child, guards + 1 : guards + 1 + 2 * count].reshape(-1, 2)
        assert ((body[:, 0] >= 0) & (body[:, 0] < 2)).all()
        assert ((body[:, 1] >= -1) & (body[:, 1] < literals)).all()
        assert loops or (body[:, 1] == -1).all()
        assert species.words(code[child])


def test_words_and_twins():
    species = MacroPrograms(counting())
    table = species.table(3, 5, 0)
    said = [WORDS.say(literal) for literal in WORDS.literals()]
    rows = [
        (said.index("done < all"), -1, -1, 2, 0, said.index("done > zero"), 1, -1),
        (-1, -1, -1, 2, 0, said.index("done > zero"), 1, -1),
    ]
    table.arrays[2][:2] = rows
    table.arrays[2][2] = (-1, -1, -1, 1, 0, said.index("done > zero"), 1, -1)
    assert species.words(table.arrays[2][0]) == "done < all: up until done > zero; wait"
    assert species.words(table.arrays[2][1]) == "always: up until done > zero; wait"
    assert [int(species.functions.alike(table.rows, 0, other, 0)) for other in (1, 2)] == [1, 0]


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
    class Compare(gym.Env):
        observation_space, action_space = gym.spaces.Box(0.0, 1.0, (2,)), gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.seen = self.np_random.random(2).astype(np.float32)
            return self.seen, {}

        def step(self, action):
            return self.seen, float((self.seen[0] > self.seen[1]) == bool(action)), True, False, {}

    scores = []
    for seed in range(3):
        market = marketic.make(Compare(), agents="programs", seed=seed, discount=0.0, novices=0.3)
        market.learn(3000)
        scores.append(market.evaluate(100, env=Compare()).mean())
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


def lake(**options):
    return marketic.make("FrozenLake-v1", agents="programs", seed=1, **options)


def test_a_child_enters_epsilon_above_the_winner_where_it_is_born():
    asked = []

    def spy(winner, syndicate, prize, rng):
        asked.append((winner, syndicate, prize, AboveWinner(0.02)(winner, syndicate, prize, rng)))
        return asked[-1][-1]

    market = lake(breeding=Breeding(entry=spy), births=0.2)
    market.learn(4000)
    winner, syndicate, prize, price = np.array(asked).T
    assert (winner >= syndicate).all()
    later = prize > 0
    above = (price - winner)[later] / prize[later]
    assert later.sum() > 100
    assert ((above >= 0.5 * 0.02 - 1e-9) & (above <= 1.5 * 0.02 + 1e-9)).all(), "steps scale with the prize"
    children = market.population.parent >= 0
    assert children.any()


PARTS = {
    "parents": Tournament(4),
    "mutation": Mutation(1.0, generalise=1.0),
    "crossover": lambda mother, father, rng: mother,
    "covering": lambda observation, literals, guards, rng: np.full(guards, -1),
    "entry": LikeSyndicate(),
    "departure": lambda merit, waited, rng: int(np.argmax(waited)),
}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_breeding_can_be_swapped(name):
    states = []
    for breeding in (Breeding(), Breeding(**{name: PARTS[name]})):
        market = lake(breeding=breeding, births=0.3, slots=60)
        market.learn(800)
        states.append(np.concatenate([market.population.guard.ravel(), market.population.price]))
        assert market.population.live.sum() <= 60
    assert not np.array_equal(*states), f"{name} made no difference"


BAD_PARTS = {
    "no guard": ({"mutation": lambda guard, observation, literals, rng: guard + 10**6}, "mutation wrote"),
    "reals": ({"covering": lambda observation, literals, guards, rng: np.zeros(guards)}, "whole numbers from -1"),
    "no price": ({"entry": lambda winner, syndicate, prize, rng: float("nan")}, "wanted a finite price"),
}


@pytest.mark.parametrize(("parts", "words"), BAD_PARTS.values(), ids=BAD_PARTS)
def test_parts_that_break_their_word_are_named(parts, words):
    with pytest.raises(InputError) as refusal:
        lake(breeding=Breeding(**parts), births=1.0).learn(300)
    assert words in str(refusal.value)
    with pytest.raises(InputError, match="wanted a callable"):
        Breeding(entry=3)


def test_parts_travel_with_a_saved_market(tmp_path):
    market = lake(breeding=Breeding(parents=Tournament(2), mutation=Mutation(0.4)), few=4)
    market.learn(300)
    market.save(tmp_path / "lake.market")
    again = marketic.load(tmp_path / "lake.market")
    assert again.population.breeding == market.population.breeding
    assert again.population.options == market.population.options
    assert again.population.genealogy().as_dict() == market.population.genealogy().as_dict()


def test_the_chains_royalty_and_that_on_paper_are_two_options():
    one, other, third = (lake(**options) for options in ({}, {"paper_royalty": 0.2}, {"royalty": 0.2}))
    assert (one.population.options.paper_royalty, other.population.options.paper_royalty) == (0.9, 0.2)
    assert (other.chain.royalty, third.chain.royalty) == (0.0, 0.2)
    for market in (one, other):
        market.learn(1500)
    assert not np.array_equal(one.population.price, other.population.price)


def test_the_licensed_copy_is_a_true_copy():
    programs = Programs.for_spaces(
        Goods.from_space(gym.spaces.Discrete(9)), 2, rng=np.random.default_rng(0), slots=40, few=4, licence=1
    )
    programs.licence.note(5.0, programs._programs[:5], programs._steady)
    seen = np.arange(9.0)[:, None]
    then = programs.appraise(seen)
    for slot in range(40):  # everybody is replaced, prices and guards
        programs._enrol(slot, np.array([slot % len(programs.literals), *[-1] * 7]), slot % 2, -1, 100.0)
    assert np.array_equal(programs.appraise(seen).value, then.value)
    assert np.array_equal(programs.appraise(seen).bidder, then.bidder)
    assert programs.bid(seen).value.max() == 100.0
    programs.licence.note(4.0, programs._programs[:5], programs._steady)
    assert np.array_equal(programs.appraise(seen).value, then.value), "a poorer episode renews nothing"


def test_lineages_reach_back_to_the_dead_in_bounded_memory():
    anybody = Breeding(departure=lambda merit, waited, rng: int(rng.integers(len(merit))))
    market = lake(births=0.5, slots=40, few=2, members=8, breeding=anybody)
    market.learn(6000)
    programs, family = market.population, market.population.genealogy()
    assert programs.counters[1] > 10 * programs.n_agents > 0
    assert len(programs.kin) == 4 * 40 + 17, "it never grows"
    alive = family.uid[family.died == ALIVE].tolist()
    assert sorted(programs.uid[programs.live].tolist()) == alive
    for uid in alive:
        seat = int(family.agent[family.row(uid)])
        assert programs.uid[seat] == uid
        assert family.parent[family.row(uid)] == programs.parent[seat]
        assert family.program(family.row(uid)) == programs.describe(seat).split(", bids")[0]
    lines = [family.tell(uid) for uid in alive]
    assert all("alive" in line[0] for line in lines)
    assert max(map(len, lines)) > 2
    assert any("died" in ancestor for line in lines for ancestor in line)
    both = family.parents.min(axis=1) >= 0
    assert both.sum() > 10, "crossover has two parents"
    assert (family.parents[both, 0] != family.parents[both, 1]).all()
    drawn = family.graph()
    assert all(drawn.nodes[parent]["born"] <= drawn.nodes[child]["born"] for parent, child in drawn.edges)
    assert drawn.number_of_edges() > 10
    with pytest.raises(InputError, match="is remembered"):
        family.lineage(10**9)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([1, 2, 5, 50]), st.integers(0, 2**31), st.floats(0.2, 0.9))
def test_the_living_and_their_parents_are_never_forgotten_early(agents, seed, life):
    """Against a plain list of everybody: nobody alive is forgotten, and nobody at all where there is room (50 agents)."""
    rng, table, everybody, alive = np.random.default_rng(seed), open_births(agents, 1), {}, []
    for uid in range(200):
        if len(alive) == agents or (alive and rng.random() > life):
            gone = alive.pop(int(rng.integers(len(alive))))
            note_death(table, gone, uid)
        parent = int(rng.choice(alive)) if alive and rng.random() < 0.9 else -1
        everybody[uid] = parent
        note_birth(table, uid, parent, -1, uid)
        alive.append(uid)
    seats = np.array([*alive, -1])
    family = genealogy_of(table, seats, str)
    assert family.uid[family.died == ALIVE].tolist() == sorted(alive)
    assert seats[family.agent[family.died == ALIVE]].tolist() == sorted(alive)
    assert (family.agent[family.died != ALIVE] == -1).all()
    for uid in alive:
        line = family.lineage(uid)
        whole = [uid]
        while everybody[whole[-1]] >= 0:
            whole.append(everybody[whole[-1]])
        assert line == whole[: len(line)]
        assert line == whole or agents < 45


def test_bounds_say_where_the_constants_lie():
    goods = Goods.from_space(gym.spaces.Box(-np.inf, np.inf, (2,)))
    literals = Literals.derive(goods, low=(0.0, -1.0), high=(8.0, 1.0))
    for component, (low, high) in enumerate(((0.0, 8.0), (-1.0, 1.0))):
        constants = literals.constant[(literals.left == component) & (literals.right < 0)]
        assert low < constants.min() < constants.max() < high
    for low, high in (((0.0,), (1.0,)), ((0.0, 2.0), (1.0, 2.0))):
        with pytest.raises(InputError, match="low < high"):
            Literals.derive(goods, low, high)
