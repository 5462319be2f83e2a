"""Islands: migrants arrive with their prices, money stays exact, and the answer does not depend on the number of processes."""

import os

import numpy as np
import pytest
from tiny_worlds import counting, island

from marketic.agents.program_species import MacroPrograms
from marketic.errors import InputError
from marketic.hayek.books import EMPTY, PRICED, PRIZE
from marketic.hayek.economy import Economy
from marketic.hayek.islands import Migration, migrate
from marketic.hayek.restarts import Restarts, islands, search, seeds_of
from marketic.hayek.validation import Validation

VALIDATION = Validation(((4, 10), (30, 10)), every=50, level=2.0)
FERTILE, BARREN = (next(s for s in range(50) if seeds_of(s, 1)[0] % 2 == rest) for rest in (0, 1))


def told(champions):
    return [
        (c.score, c.seed, c.instances, c.auctions, c.steps, None if c.agents is None else c.agents.code.tobytes())
        for c in champions
    ]


def test_a_barren_island_is_peopled_from_the_next():
    endless = Validation(
        ((4, 10), (30, 10), (60, 10)), every=50, level=2.0, thrift=0.5
    )  # never complete: one step a unit
    migration, restarts = Migration(every=2, agents=5), Restarts(3_000, 1)
    alone = search(island, BARREN, validation=endless, restarts=restarts)
    assert alone.score.stages == 0
    champions = migrate(island, [FERTILE, BARREN], migration=migration, validation=endless, restarts=restarts)
    assert champions[1].score.stages == 3
    family = champions[1].family
    assert {number for number, _ in family.immigrants.values()} == {0}
    assert any("of island 0, came" in " ".join(family.tell(int(uid))) for uid in champions[1].agents.uid)
    assert champions[0].family.immigrants.keys().isdisjoint(range(1))


def test_the_answer_does_not_depend_on_the_number_of_processes():
    settings = {"migration": Migration(1, 3), "validation": VALIDATION, "restarts": Restarts(20_000, 1)}
    seeds = [FERTILE, BARREN, FERTILE + 100]
    one = migrate(island, seeds, processes=1, **settings)
    two = migrate(island, seeds, processes=2, **settings)
    assert told(one) == told(two)
    assert any(champion.complete for champion in one)


def test_newcomers_cost_the_treasury_and_turn_out_the_poorest():
    rich = Economy(MacroPrograms(counting()), slots=40, seed=4).run(1500)
    agents = rich.snapshot()
    small = Economy(MacroPrograms(counting()), slots=8, seed=1).run(400)
    before, books = small.treasury + int(small.books.wealth.sum()), small.books
    kept = agents.keep(np.arange(5))
    stayed = set(books.uid[np.argsort(-books.wealth)][:3].tolist()) if (books.status != EMPTY).sum() >= 3 else set()
    uids = small.admit(kept, island=7)
    books = small.books
    assert small.treasury + int(books.wealth.sum()) == before == small.prizes
    slots = [int(np.flatnonzero((books.uid == uid) & (books.status == PRICED))[0]) for uid in uids]
    assert (small.code[slots] == kept.code).all()
    assert (books.offset[slots] == kept.offset).all()
    assert (books.wealth[slots] == 2 * PRIZE).all()
    assert stayed <= set(books.uid[books.status != EMPTY].tolist())
    family = small.genealogy()
    assert (family.died >= 0).sum() + (books.status != EMPTY).sum() == len(family)
    assert family.immigrants[uids[0]] == (7, int(kept.uid[0]))
    small.run(200)
    assert small.treasury + int(small.books.wealth.sum()) == small.prizes


def nothing(seed):
    return None


def leaves(seed):
    raise SystemExit(seed)


def vanishes(seed):
    os._exit(3)


REFUSED = {
    "no seeds": (lambda: migrate(island, []), "at least one of each"),
    "no processes": (lambda: migrate(island, [1], processes=0), "at least one of each"),
    "no agents": (lambda: Migration(agents=0), "agents=0: wanted a whole number >= 1"),
    "half an epoch": (lambda: Migration(every=1.5), "every=1.5: wanted a whole number >= 1"),
    "half a process": (lambda: migrate(island, [1, 2], processes=1.5), "at least one of each"),
    "no economy": (lambda: migrate(nothing, [1, 2]), "wanted a marketic.hayek.Economy"),
    "a lambda elsewhere": (
        lambda: migrate(lambda seed: island(seed), [1, 2], processes=2),
        "that other processes can import",
    ),
    "a process that ends": (lambda: migrate(leaves, [1, 2], processes=2), "process ended without an answer"),
    "a search that ends": (lambda: islands(vanishes, [1, 2], processes=2), "process ended without an answer"),
    "other things": (lambda: migrate(island, [1], migration=5), "wanted a marketic.hayek.islands.Migration"),
    "too many": (
        lambda: island(0).admit(Economy(MacroPrograms(counting()), seed=4).run(3000).snapshot(), island=1),
        "at most 40 rows",
    ),
}


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_islands_are_refused(call, words):
    with pytest.raises(InputError) as refusal:
        call()
    assert words in str(refusal.value)


def refuses(seed):
    raise InputError(f"no economy for seed {seed}")


def test_what_goes_wrong_in_a_process_is_heard():
    with pytest.raises(InputError, match="no economy for seed"):
        migrate(refuses, [1, 2], processes=1)
