"""The language of programs: literals, vocabularies, and breeding that never leaves it."""

import numpy as np
import pytest
from counting_economy import COUNTING
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_worlds import WORDS, counting

from marketic.agents.program_species import MacroPrograms
from marketic.envs.blocks_world_vocabulary import world
from marketic.errors import InputError
from marketic.hayek import Births, Economy, Snapshot
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


def test_children_of_an_empty_body_do_not_take_what_stands_behind_it():
    """Dropping the last instruction of none made one of whatever numbers a stranger had left there."""
    rows = np.full((5, COUNTING.code_length), 2**40)
    rows[:, : COUNTING.guards], rows[:, COUNTING.guards] = -1, 0
    assert COUNTING.sound(rows).all()
    agents = Snapshot(rows, np.full(5, 0.5), np.zeros(5), np.full(5, 10**10), np.arange(5), np.full(5, -1))
    economy = Economy(COUNTING, agents=agents, slots=20, births=Births(rate=1.0))
    for _ in range(40):
        economy.run(25)
        assert COUNTING.sound(economy.snapshot().code).all()
