"""Hayek machines against programs that hang, worlds that break their word, and bad input."""

import dataclasses
import itertools

import numpy as np
import pytest
from counting_economy import ALWAYS, COUNTING, ONE_STEP, UP, agent, held
from tiny_worlds import (
    begin_beyond,
    begin_nothing,
    begin_refuses,
    counting,
    endless,
    returns_nothing,
    sense_far_too_much,
    sense_nonsense,
    sense_nothing,
    sense_too_much,
)

from marketic.agents.program_species import FUNCTIONS, Edits, MacroPrograms
from marketic.errors import InputError
from marketic.hayek import Auction, Births, Curriculum, Economy, Exits, Kind, Novices, Taxes, Term, Vocabulary
from marketic.hayek.restarts import Restarts, best_of, islands, search
from marketic.hayek.validation import Validation

HANGS = {
    "a repetition without end": (*ALWAYS, 1, UP, 0, 0, 0),
    "two of them": (*ALWAYS, 2, UP, 0, UP, 0),
    "idle for ever": (*ALWAYS, 1, 1, -1, 0, 0),
}


@pytest.mark.parametrize("program", HANGS.values(), ids=HANGS)
def test_no_program_hangs_the_run(program):
    """The endless world never solves anything, and literal 0 (done == all) never holds in it."""
    species = MacroPrograms(endless())
    economy = Economy(species, slots=5, seed=0, agents=agent(program, 0.5, 0.4), auction=Auction(idle_ban=False),
                      births=Births(rate=0.0), novices=Novices(trial=0.0), curriculum=Curriculum(3, 3))  # fmt: skip
    economy.run(50)
    assert economy.instances == 50
    assert economy.steps <= 50 * 20 * 3 * 2
    assert held(economy) == economy.prizes == 0
    outcomes = economy.evaluate(3, 4, seed=0, agents=agent(program, 0.5, 0.4))
    assert outcomes.rate == 0.0
    assert (outcomes.steps <= 60).all()


def test_a_perform_that_lies_about_its_steps_cannot_stop_the_clock():
    from numba import njit

    @njit
    def lazy(table, a, b, c):
        return np.int64(-7)

    @njit
    def boastful(table, a, b, c):
        return np.int64(10**15)

    for liar in (lazy, boastful):
        species = dataclasses.replace(COUNTING, functions=dataclasses.replace(FUNCTIONS, perform=liar))
        economy = Economy(
            species,
            slots=3,
            seed=0,
            agents=agent(ONE_STEP, 0.5, 0.4),
            births=Births(rate=0.0),
            curriculum=Curriculum(3, 3),
        )
        economy.run(20)
        assert economy.instances == 20
        assert economy.steps <= 20 * 20 * 6
        assert held(economy) == economy.prizes


BAD_WORLDS = {
    "too many terms": ({"sense": sense_too_much}, "wrote more than the 2 terms"),
    "far too many": ({"sense": sense_far_too_much}, "wrote more than the 2 terms"),
    "a state too short": ({"begin": begin_beyond}, "wrote beyond its 8 numbers"),
    "a term out of its kind": ({"sense": sense_nonsense}, "done = -3, which is no count"),
    "a term left out": ({"sense": sense_nothing}, "wrote nothing for 'all'"),
    "no instance": ({"begin": begin_nothing}, "wanted size and cap >= 1"),
    "functions that return nothing": ({"sense": returns_nothing}, "returns none: wanted int64"),
    "plain Python": ({"move": len}, "wanted a function compiled by numba.njit"),
    "moves that do not do what is possible": ({"possible": returns_nothing}, "wanted int64"),
    "impossible moves that happen": ({"move": endless().move}, "possible() said 0, move() said 1"),
}


@pytest.mark.parametrize(("parts", "words"), BAD_WORLDS.values(), ids=BAD_WORLDS)
def test_worlds_that_break_their_word_are_refused(parts, words):
    with pytest.raises(InputError) as refusal:
        MacroPrograms(counting(**parts))
    assert words in str(refusal.value)


def test_a_world_that_stops_opening_instances_is_named():
    economy = Economy(
        MacroPrograms(counting(begin=begin_refuses)), slots=20, seed=0, curriculum=Curriculum(5, 9, prefix=0.0)
    )
    with pytest.raises(InputError, match="begin did not open"):
        economy.run(100)


REFUSED = {
    "an empty population": (lambda: Economy(COUNTING, births=Births(rate=0.0)), "empty population"),
    "an empty population at play": (lambda: Economy(COUNTING).evaluate(4, 4, seed=0), "empty population"),
    "a curriculum without instances": (lambda: Curriculum(5, 4), "no instances in it"),
    "a curriculum never full": (lambda: Curriculum(full=0.0), "full > 0"),
    "no slots": (lambda: Economy(COUNTING, slots=0), "slots >= 1"),
    "a negative seed": (lambda: Economy(COUNTING, seed=-1), "seed >= 0"),
    "a number of instances": (lambda: Economy(COUNTING).run(-1), "wanted a whole number >= 0"),
    "a price rule": (lambda: Auction(price="third"), "'first' or 'second'"),
    "a share": (lambda: Taxes(wealth=1.5), "wealth from 0 to 1"),
    "a premium": (lambda: Novices(premium=float("nan")), "premium >= 0"),
    "an endowment": (lambda: Births(endowment=0.0), "endowment above 0"),
    "idleness": (lambda: Exits(idle=0), "idle >= 1"),
    "stages": (lambda: Validation(()), "wanted stages"),
    "attempts": (lambda: Restarts(attempts=0), "attempts >= 1"),
    "islands": (lambda: islands(Economy, []), "at least one of each"),
    "agents of another length": (lambda: Economy(COUNTING, agents=agent((-1, 1, 0, -1))), "rows of 8"),
    "too many agents": (lambda: Economy(COUNTING, slots=1, agents=agent([ONE_STEP, ONE_STEP])), "at most 1 rows"),
    "evaluation of nothing": (lambda: Economy(COUNTING, agents=agent(ONE_STEP)).evaluate(0, 4, seed=0), "size and count >= 1"),
}  # fmt: skip

ROOM = np.zeros(3, dtype=np.int64)
WRONG_THINGS = ("x", None, [1], float("nan"), -1, 2.5, 1e300, 10**30, {}, object)
PARTS = (Auction, Novices, Taxes, Births, Exits, Curriculum, Restarts, Validation, Edits)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_whatever_stands_in_a_field_it_is_refused_or_runs(part):
    """Compiled code would take NaN and infinity for whole numbers of ticks."""
    for name, thing in itertools.product((field.name for field in dataclasses.fields(part)), WRONG_THINGS):
        try:
            made = part(**{name: thing})
        except InputError:
            continue
        if part.__name__.lower() in ("auction", "novices", "taxes", "births", "exits", "curriculum"):
            economy = Economy(COUNTING, slots=10, seed=1, **{part.__name__.lower(): made}).run(20)
            assert held(economy) == economy.prizes, (name, thing)


def small(**parts):
    return Economy(COUNTING, slots=4, **parts)


NONSENSE = {
    "a part of another kind": (lambda: small(auction=Taxes()), "wanted a marketic.hayek.rules.Auction"),
    "a species": (lambda: Economy("rules"), "wanted an object such as MacroPrograms"),
    "slots beyond memory": (lambda: Economy(COUNTING, slots=10**6), "to fit into memory"),
    "births beyond memory": (lambda: small().run(10**10), "play fewer instances"),
    "a largest size": (lambda: small(largest=2.5), "largest=2.5: wanted a whole number"),
    "agents": (lambda: small(agents="agents"), "wanted a marketic.hayek.Snapshot"),
    "prices that are none": (lambda: small(agents=agent(ONE_STEP, float("nan"))), "slope is float64 (1,)"),
    "a literal that is none": (lambda: small(agents=agent((99, -1, -1, 1, UP, -1, 0, 0))), "is no program of this species"),
    "a move that is none": (lambda: small(agents=agent((*ALWAYS, 1, 2, -1, 0, 0))), "is no program of this species"),
    "a body too long": (lambda: small(agents=agent((*ALWAYS, 9, UP, -1, 0, 0))), "is no program of this species"),
    "words of nothing": (lambda: COUNTING.words(np.full(8, 77)), "is no program"),
    "half an instance": (lambda: small(agents=agent(ONE_STEP)).evaluate(2.5, 4, seed=0), "size=2.5: wanted a whole number"),
    "a seed": (lambda: small(agents=agent(ONE_STEP)).evaluate(2, 4, seed="x"), "seed='x'"),
    "a blank too short": (lambda: MacroPrograms(counting(blank=lambda size: ROOM)), "8 numbers or more"),
    "a blank of floats": (lambda: MacroPrograms(counting(blank=lambda size: np.zeros(20))), "wanted an array of int64"),
    "a kind of words": (lambda: Vocabulary((Kind("a", "x", 3),), (Term("t", "a"),), ("m",)), "wanted whole numbers"),
    "no processes": (lambda: islands(small, [1], processes="x"), "at least one of each"),
    "seeds": (lambda: islands(small, 5), "wanted a list of whole numbers"),
    "a lambda elsewhere": (lambda: islands(lambda seed: small(), [1, 2], processes=2), "that other processes can import"),
    "no economy": (lambda: search(lambda seed: None, 1), "wanted a marketic.hayek.Economy"),
    "the best of nobody": (lambda: best_of([]), "wanted at least one champion"),
}  # fmt: skip
REFUSED |= NONSENSE


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(InputError) as refusal:
        call()
    assert words in str(refusal.value)
