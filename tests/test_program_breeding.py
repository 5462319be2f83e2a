"""Breeding and its parts: where children enter, licensed copies, lineages."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketic
from marketic.agents.birth_table import genealogy_of, note_birth, note_death, open_births
from marketic.agents.program_breeding import AboveWinner, Breeding, LikeSyndicate, Mutation, Tournament
from marketic.agents.program_literals import Literals
from marketic.agents.programs import Programs
from marketic.errors import InputError
from marketic.genealogy import ALIVE
from marketic.goods import Goods


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
    "a parent that is none": ({"parents": lambda merit, rng: (0, len(merit))}, "parents named"),
    "one parent": ({"parents": lambda merit, rng: 0}, "wanted two places"),
    "a price in words": ({"entry": lambda winner, syndicate, prize, rng: "dear"}, "wanted a finite price"),
    "no price": ({"entry": lambda winner, syndicate, prize, rng: float("nan")}, "wanted a finite price"),
}


def test_the_first_program_of_an_action_cannot_be_sent_away():
    """A place below 0 is counted from the end, and was theirs."""
    breeding = Breeding(departure=lambda merit, waited, rng: -1)
    with pytest.raises(InputError, match="departure named -1: wanted a place from 0"):
        lake(breeding=breeding, births=1.0, slots=40).learn(1000)


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
    with pytest.raises(InputError, match=r"low=0\.5: wanted a list of numbers"):
        Literals.derive(goods, 0.5, 1.0)
    with pytest.raises(InputError, match=r"observation\[0\], from 2 to 2"):
        Literals.derive(Goods.from_space(gym.spaces.Box(2.0, 2.0, (1,))))
