"""Hayek machines against programs that hang, worlds that break their word, and bad input."""

import dataclasses

import numpy as np
import pytest
from counting_economy import ALWAYS, COUNTING, ONE_STEP, UP, agent, held
from tiny_worlds import (
    begin_nothing,
    begin_refuses,
    counting,
    endless,
    returns_nothing,
    sense_nonsense,
    sense_nothing,
    sense_too_much,
)

from marketic.agents.program_species import FUNCTIONS, MacroPrograms
from marketic.errors import InputError
from marketic.hayek import Auction, Births, Curriculum, Economy, Exits, Novices, Taxes
from marketic.hayek.restarts import Restarts, islands
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


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(InputError) as refusal:
        call()
    assert words in str(refusal.value)
