"""Typed S-expressions: types, machine, breeding, hostile programs and the economy. Text: test_expression_language.py."""

import numpy as np
import pytest

import marketic
from marketic.agents import expression_language as lang
from marketic.agents.expression_breeding import mutate, random_program
from marketic.agents.expression_compiler import skip, well_typed
from marketic.agents.expression_kernels import applies, begin, perform
from marketic.agents.expression_language import Language
from marketic.agents.expression_species import ExpressionPrograms
from marketic.envs.blocks_world_vocabulary import world
from marketic.envs.rubiks_cube_world import language as cube_language
from marketic.errors import InputError
from marketic.experiments import blocks_world_sexpr
from marketic.hayek import Economy
from marketic.hayek.interface import ACTS, CAP, CODE, IDLE, NO, OVER, PROGRESS, STATE
from marketic.hayek.random_numbers import random_state

BLOCKS = Language(world())
LANGUAGES = {"blocks": BLOCKS, "cube": cube_language(2)}


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("tokens", [5, 24, 200])
def test_whatever_is_bred_is_well_typed_and_can_be_read(name, tokens):
    language = LANGUAGES[name]
    species = ExpressionPrograms(language, tokens)
    table, choices, random = language.table(), language.choices(), random_state(0)
    rows = np.zeros((40, species.code_length), dtype=np.int64)
    for row in rows:
        random_program(row, table, choices, random)
    lengths = set()
    for k in range(1500):
        row = rows[k % 40]
        mutate(row, rows[(7 * k) % 40], table, choices, random)
        assert well_typed(row, tokens, table)
        assert not row[1 + row[0] :].any(), "nothing is left behind the end"
        lengths.add(int(row[0]))
        if k % 50 == 0:
            assert np.array_equal(species.read(species.text(row)), row)
            assert species.words(row)
    assert max(lengths) <= tokens
    assert len(lengths) > 2 or tokens == 5


def evaluate(tokens, at, terms):
    """What an expression without side effects comes to, by recursion; and where it ends."""
    one = BLOCKS.primitives[tokens[at]]
    parts, end = [], at + 1
    for _ in one.arguments:
        value, end = evaluate(tokens, end, terms)
        parts.append(value)
    plain = {
        lang.TRUE: lambda: 1, lang.AND: lambda a, b: a & b, lang.OR: lambda a, b: a | b, lang.NOT: lambda a: 1 - a,
        lang.EQUAL: lambda a, b: int(a == b), lang.DIFFERENT: lambda a, b: int(a != b), lang.LESS: lambda a, b: int(a < b),
        lang.MORE: lambda a, b: int(a > b), lang.ADD: lambda a, b: cut(a + b), lang.SUBTRACT: lambda a, b: cut(a - b),
        lang.MULTIPLY: lambda a, b: cut(a * b), lang.CHOOSE: lambda c, a, b: a if c else b,
        lang.TERM: lambda: int(terms[one.operand]),
    }  # fmt: skip
    return plain[one.operation](*parts), end


def cut(value):
    return max(-(2**31) + 1, min(2**31 - 1, value))


def carry_out(tokens, at, play):
    """Carry out an action by recursion; where it ends. play: [state, terms, moves made, budget]."""
    state, terms, _, budget = play
    one, end = BLOCKS.primitives[tokens[at]], at + 1
    finish = skip(np.array(tokens), at, BLOCKS.table())
    if one.operation == lang.MOVE and play[2] < budget and not state[OVER]:
        play[2] += int(BLOCKS.world.move(state, one.operand, 0, terms))
        BLOCKS.world.sense(state, 0, 0, terms)
    elif one.operation == lang.THEN:
        carry_out(tokens, carry_out(tokens, end, play), play)
    elif one.operation == lang.TWICE:
        carry_out(tokens, end, play)
        carry_out(tokens, end, play)
    elif one.operation == lang.WHEN:
        held, body = evaluate(tokens, end, terms)
        if held:
            carry_out(tokens, body, play)
    elif one.operation == lang.WHILE:
        before = -1
        while before < play[2] < budget and not state[OVER]:
            before = play[2]
            held, body = evaluate(tokens, end, terms)
            if not held:
                break
            carry_out(tokens, body, play)
    return finish


def test_the_machine_does_what_plain_recursion_does():
    species = ExpressionPrograms(BLOCKS, tokens=40)
    table = species.table(200, 8, 5)
    primitives, choices, random = BLOCKS.table(), BLOCKS.choices(), random_state(8)
    for row in table.arrays[CODE]:
        random_program(row, primitives, choices, random)
    state, terms, acted = table.arrays[STATE], table.arrays[3], 0
    for slot in range(200):
        assert begin(table.rows, 6, 0, 0) == 0
        for move in (0, 1, 0):
            BLOCKS.world.move(state, move, 0, terms)
        BLOCKS.world.sense(state, 0, 0, terms)
        tokens = table.arrays[CODE][slot, 1:].tolist()
        held, body = evaluate(tokens, 1, terms)
        before = state.copy()
        answer = applies(table.rows, slot, 0, 0)
        assert np.array_equal(before, state), "to look is not to act"
        play = [state.copy(), terms.copy(), 0, state[CAP]]
        if held:
            carry_out(tokens, body, play)
        assert answer == (ACTS if held and play[2] else IDLE if held else NO)
        if answer == ACTS:
            assert perform(table.rows, slot, 0, 0) == play[2]
            assert np.array_equal(state, play[0])
            acted += 1
    assert acted > 30


HOSTILE = {
    "endless": "(program true (while true (then move-1-to-2 move-2-to-1)))",
    "endless idling": "(program true (while true (while true (when false-hope move-1-to-2))))".replace(
        "false-hope", "(< height1 0)"
    ),
    "endless pair": "(program true (while true (while true (then move-1-to-2 (while (== 0 0) move-2-to-1)))))",
    "explosive": "(program true " + "(twice " * 60 + "move-1-to-2" + ")" * 60 + ")",
    "explosive idling": "(program (> height1 0) "
    + "(twice " * 60
    + "(when (< height1 0) move-1-to-2)"
    + ")" * 60
    + ")",
    "deep": "(program " + "(not " * 150 + "true" + ")" * 150 + " move-1-to-2)",
    "huge": "(program (> " + "(* blocks " * 80 + "blocks" + ")" * 80 + " 0) move-1-to-2)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_programs_end_within_their_time(name):
    species = ExpressionPrograms(BLOCKS, tokens=400, ticks=50)
    table = species.table(1, 30, 0)
    table.arrays[CODE][0] = species.read(HOSTILE[name])
    state = table.arrays[STATE]
    assert begin(table.rows, 30, 0, 0) == 0
    answer = applies(table.rows, 0, 0, 0)
    assert answer == (IDLE if "idling" in name else ACTS)
    assert 0 <= perform(table.rows, 0, 0, 0) <= state[CAP]
    assert 0 <= state[PROGRESS] <= 30


@pytest.mark.parametrize("depth", [1, 2, 8, 60])
def test_what_is_repeated_in_vain_does_not_hide_what_comes_after(depth):
    """The probe went round again and again where nothing moves, until its time was up, and called the program idle."""
    idle = "(twice " * depth + "(when (< height1 0) move-1-to-2)" + ")" * depth
    species = ExpressionPrograms(BLOCKS, tokens=400)
    table = species.table(1, 30, 0)
    table.arrays[CODE][0] = species.read(f"(program true (then {idle} move-1-to-2))")
    begin(table.rows, 30, 0, 0)
    assert applies(table.rows, 0, 0, 0) == ACTS
    assert perform(table.rows, 0, 0, 0) == 1


@pytest.mark.parametrize(("tokens", "ticks"), [(12, 1), (60, 1), (400, 3), (60, 200)])
def test_who_applies_acts_and_who_does_not_does_nothing(tokens, ticks):
    """However few ticks there are: those who looked ran out of them otherwise than those who acted."""
    species = ExpressionPrograms(BLOCKS, tokens=tokens, ticks=ticks)
    table = species.table(300, 8, 1)
    primitives, choices, random = BLOCKS.table(), BLOCKS.choices(), random_state(2)
    rows, state, answers = table.arrays[CODE], table.arrays[STATE], []
    for k, row in enumerate(rows):
        random_program(row, primitives, choices, random)
        for _ in range(k % 9):
            mutate(row, rows[(7 * k) % 300], primitives, choices, random)
    for slot in range(300):
        begin(table.rows, 6, 0, 0)
        state[CAP] = 1
        answers.append(applies(table.rows, slot, 0, 0))
        assert perform(table.rows, slot, 0, 0) == (answers[-1] == ACTS)
    assert {NO, IDLE, ACTS} == set(answers)


def test_rows_that_are_no_programs_never_apply_and_cannot_be_said():
    species = ExpressionPrograms(BLOCKS, tokens=10)
    program, move, true = (
        next(k for k, p in enumerate(BLOCKS.primitives) if p.operation == o)
        for o in (lang.PROGRAM, lang.MOVE, lang.TRUE)
    )
    rows = [
        [0], [99, program], [3, program, true], [3, program, move, true], [3, program, true, 10**9], [-4, program, true, move],
        [4, program, true, move, move], [3, -1, true, move], [2**62, program, true, move],
    ]  # fmt: skip
    table = species.table(len(rows), 5, 0)
    for row, given in zip(table.arrays[CODE], rows, strict=True):
        row[: len(given)] = given
    begin(table.rows, 5, 0, 0)
    for slot, row in enumerate(table.arrays[CODE]):
        assert applies(table.rows, slot, 0, 0) == NO
        assert perform(table.rows, slot, 0, 0) == 0
        with pytest.raises(InputError, match="no well-typed program"):
            species.words(row)


def test_money_is_exact_after_every_instance_and_seeds_repeat():
    one = blocks_world_sexpr.build(4)
    for _ in range(300):
        one.run(1)
        assert int(one.books.wealth.sum()) + one.treasury == one.prizes
    one.run(700)
    other = blocks_world_sexpr.build(4).run(1000)
    assert np.array_equal(one.code, other.code)
    assert np.array_equal(one.books.wealth, other.books.wealth)


def test_an_economy_of_hostile_programs_goes_on():
    species = ExpressionPrograms(BLOCKS, tokens=400, ticks=20)
    rows = np.stack([species.read(text) for text in HOSTILE.values()])
    n = len(rows)
    agents = marketic.hayek.Snapshot(
        rows, np.full(n, 0.5), np.zeros(n), np.full(n, 10**10), np.arange(n), np.full(n, -1)
    )
    economy = Economy(species, agents=agents, slots=40).run(300)
    assert economy.instances == 300
    assert int(economy.books.wealth.sum()) + economy.treasury == economy.prizes


def test_the_experiment_runs():
    answer = blocks_world_sexpr.run(quick=True)
    assert answer["met"], answer["rows"]
    assert "programs" in answer["details"][0]


def test_rows_that_are_no_programs_are_not_let_into_an_economy():
    """Their children were written from what lies beyond the table of primitives."""
    species = ExpressionPrograms(BLOCKS, tokens=40)
    rows = np.random.default_rng(0).integers(0, 2**40, (5, 41))
    rows[:, 0] = [2**40, 30, 10**6, -5, 40]
    rows[3] = species.read("(program true move-1-to-2)")
    assert species.sound(rows).tolist() == [False, False, False, True, False]
    agents = marketic.hayek.Snapshot(rows, np.ones(5), np.zeros(5), np.full(5, 10**10), np.arange(5), np.full(5, -1))
    with pytest.raises(InputError, match="no program of this species"):
        Economy(species, agents=agents, slots=20)
    Economy(species, agents=agents.keep(species.sound(rows)), slots=20).run(50)
