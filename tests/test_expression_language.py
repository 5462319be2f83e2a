"""The language of typed S-expressions: its words, what is read back, and vocabularies that do not fit it."""

from dataclasses import replace

import numpy as np
import pytest
from numba import njit

from marketic.agents.expression_breeding import random_program
from marketic.agents.expression_kernels import applies, begin
from marketic.agents.expression_language import Language
from marketic.agents.expression_reader import parse
from marketic.agents.expression_species import ExpressionPrograms
from marketic.agents.expression_text import to_text, to_words
from marketic.envs.blocks_world_vocabulary import world
from marketic.envs.rubiks_cube_world import language as cube_language
from marketic.errors import InputError
from marketic.hayek.interface import ACTS, CODE, NO
from marketic.hayek.random_numbers import random_state
from marketic.hayek.vocabulary import Kind, Term, Vocabulary

BLOCKS = Language(world())
STACKER = "(program (and (not (== top2 empty)) (== first-wrong-block empty)) (while (== top2 goal-above-stack-1) move-2-to-1))"


def test_text_is_read_back_and_said_in_words():
    species = ExpressionPrograms(BLOCKS)
    code = species.read(STACKER)
    assert species.text(code) == STACKER
    assert species.words(code) == (
        "not (top2 is empty) and first wrong block is empty: as long as top2 is goal above stack 1: (move 2 to 1)"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(program true", "wanted action"),
        ("(program true move-1-to-2) true", "left over"),
        ("(program move-1-to-2 move-1-to-2)", "'move-1-to-2' is no truth"),
        ("(program (== top1 height1) move-1-to-2)", "is no"),
        ("(program (explode) move-1-to-2)", "'explode' is no truth; wanted one of"),
        ("(program true move-1-to-2 move-1-to-2)", "closing parenthesis"),
        ("", "wanted program"),
        ("(program " + "(not " * 300 + "true" + ")" * 300 + " move-1-to-2)", "parentheses inside each other"),
    ],
)
def test_text_that_is_no_program_is_refused(text, words):
    with pytest.raises(InputError, match=words):
        ExpressionPrograms(BLOCKS, tokens=1000).read(text)


def test_a_sensor_with_arguments():
    @njit
    def look(state, a, b, terms):
        return np.int64(a + 2 * b)

    language = Language(world(), look=look, look_kinds=("colour", "height", "height"))
    species = ExpressionPrograms(language)
    table = species.table(2, 5, 0)
    for k, text in enumerate(
        ("(== (look colour-3 blocks) 0)", "(== (look colour-3 height1) (+ (look colour-1 blocks) (look colour-2 0)))")
    ):
        table.arrays[CODE][k] = species.read(f"(program {text} move-1-to-2)")
    begin(table.rows, 5, 0, 0)
    assert [applies(table.rows, k, 0, 0) for k in range(2)] == [NO, ACTS], "3 + 2 * 5 is 1 + 2 * 5 + 2"


def test_languages_that_do_not_hang_together_are_refused():
    with pytest.raises(InputError, match="together, or neither"):
        Language(world(), look_kinds=("colour", "height", "colour"))
    with pytest.raises(InputError, match="wanted a function compiled by"):
        Language(world(), look=len, look_kinds=("colour", "height", "colour"))
    with pytest.raises(InputError, match="has no term"):
        Language(world(), look=len, look_kinds=("colour", "weight", "colour"))
    for options in ({"tokens": 3}, {"tokens": 1001}, {"ticks": 0}):
        with pytest.raises(InputError, match="wanted 4 to 1000 tokens"):
            ExpressionPrograms(BLOCKS, **options)
    with pytest.raises(InputError, match="wanted at most 6"):
        ExpressionPrograms(BLOCKS, tokens=6).read(STACKER)


def test_terms_and_moves_may_have_names_that_the_language_uses():
    words = Vocabulary(
        (Kind("count", 0, 200),),
        tuple(Term(name, "count") for name in ("if", "+", "and")),
        ("twice", "look", "while"),
    )
    language = Language(replace(world(), vocabulary=words))
    text = "(program (== and (if true + if)) (twice (then look twice)))"
    tokens = parse(text, language)
    assert to_text(tokens, language) == text
    assert to_words(tokens, language) == "and is (+ if always, else if): twice (look, then twice)"


def test_names_that_differ_in_spaces_only_are_different_words():
    words = Vocabulary(
        (Kind("count", 0, 9, ordered=True), Kind("colour", 0, 2)),
        (
            Term("a b", "count"),
            Term("a-b", "count"),
            Term("a(b", "colour"),
            Term("a-b~2", "colour"),
            Term("c", "colour"),
        ),
        ("up (1)", "up-1)"),
    )
    language = Language(replace(world(), vocabulary=words))
    texts = ["(program (< a-b a-b~2) (then up-1- up-1-~2))", "(program (== a-b~3 a-b~2~2) up-1-)"]
    names = [["a b", "a-b", "up (1)", "up-1)"], ["a(b", "a-b~2", "up (1)"]]
    for text, told in zip(texts, names, strict=True):
        tokens = parse(text, language)
        assert [one.name for k in tokens if not (one := language.primitives[k]).arguments] == told
        assert to_text(tokens, language) == text
    row, random = np.zeros(61, dtype=np.int64), random_state(3)
    for _ in range(200):
        random_program(row, language.table(), language.choices(), random)
        tokens = row[1 : 1 + row[0]].tolist()
        assert parse(to_text(tokens, language), language) == tokens


def test_what_takes_arguments_does_not_stand_alone():
    with pytest.raises(InputError, match="'not' stands alone"):
        parse("(program not true move-1-to-2)", BLOCKS)


@pytest.mark.parametrize("inverse", [[0, 1], [0, 1, 2, 3, 4, 99], [0, 1, 2, 3, 4, -1], "x"])
def test_moves_that_are_undone_by_none_are_refused(inverse):
    """Compiled code looked for them far outside of the array."""
    cube = cube_language(2)
    with pytest.raises(InputError, match="wanted the number of a move"):
        replace(cube, reversible=replace(cube.reversible, inverse=np.array(inverse)))


@pytest.mark.parametrize("bound", [2**31, 2**31 + 1, 2**62])
def test_numbers_whose_products_would_overflow_are_refused(bound):
    words = Vocabulary((Kind("count", -bound, 0, ordered=True),), (Term("far", "count"),), ("up",))
    far = replace(world(), vocabulary=words)
    assert Language(far, arithmetic=False).primitives
    if bound == 2**31:
        assert Language(far).primitives
    else:
        with pytest.raises(InputError, match="so that products are exact"):
            Language(far)


@pytest.mark.parametrize("last", ["height1", "nonsense"])
def test_words_of_many_types_inside_each_other_are_read_at_once(last):
    """Every == was tried as a comparison of each kind, with all that stands inside: twice the time for each more level."""
    text = "true"
    for _ in range(95):
        text = f"(== (if {text} height1 height1) {last})"
    text = f"(program {text} move-1-to-2)"
    if last == "nonsense":
        with pytest.raises(InputError, match="'nonsense' is no"):
            parse(text, BLOCKS)
    else:
        assert to_text(parse(text, BLOCKS), BLOCKS) == text


def test_plans_that_do_not_fit_into_memory_are_refused():
    cube = cube_language(2)
    long = replace(cube, reversible=replace(cube.reversible, most=2**20))
    with pytest.raises(InputError, match="plans of 1048576 moves needs"):
        ExpressionPrograms(long).table(300, 4, 0)
