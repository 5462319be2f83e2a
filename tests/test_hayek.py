"""The episodic economy: exact money, one course per seed, prices by hand, genealogies, searches and edits."""

import numpy as np
import pytest
from counting_economy import ALWAYS, COUNTING, ONE_STEP, ONLY_4, agent, held
from tiny_worlds import (
    counting,
    endless,
)

from marketic.agents.program_species import Edits, MacroPrograms
from marketic.errors import InputError
from marketic.genealogy import ALIVE
from marketic.hayek import Auction, Births, Curriculum, Economy, Exits, Novices, Taxes
from marketic.hayek.books import EMPTY, PRIZE
from marketic.hayek.genealogy import explain, graph
from marketic.hayek.restarts import Restarts, best_of, islands, search
from marketic.hayek.validation import NOTHING, Score, Validation

VARIANTS = {
    "as it ships": {},
    "second price": {"auction": Auction(price="second")},
    "bids with progress": {"auction": Auction(form="progress")},
    "idle bids, no stop-loss, no insolvency": {"auction": Auction(idle_ban=False, stop_loss=np.inf, insolvency=False)},
    "random entry, twins, novices everywhere": {"novices": Novices(trial=1.0, entry="random", twins=True)},
    "heavy taxes": {"taxes": Taxes(move=0.5, wealth=0.1)},
    "no taxes": {"taxes": Taxes(0.0, 0.0)},
    "parents pay": {"births": Births(payer="parent", share=0.5)},
    "steep bids": {"births": Births(slope=2.0, endowment=1.0)},
    "quick deaths": {"exits": Exits(below=1.0, idle=20)},
}


@pytest.mark.parametrize("parts", VARIANTS.values(), ids=VARIANTS)
def test_money_is_exact_after_every_instance(parts):
    economy = Economy(COUNTING, slots=40, seed=3, curriculum=Curriculum(2, 12), **parts)
    assert held(economy) == economy.prizes == 0
    for _ in range(400):
        economy.run(1)
        assert held(economy) == economy.prizes
        assert (economy.books.wealth[economy.books.status == EMPTY] == 0).all()
    assert economy.prizes > 0
    assert economy.prizes % PRIZE == 0


def state_of(economy):
    return [
        array.tobytes() for array in (*economy.books[:11], economy.books.account, economy.books.signal, economy.code)
    ]


def test_one_seed_one_course_in_pieces_or_at_once():
    whole, pieces, other = (Economy(COUNTING, slots=30, seed=seed, curriculum=Curriculum(2, 9)) for seed in (1, 1, 2))
    whole.run(500)
    other.run(500)
    for part in (1, 199, 300):
        pieces.run(part)
        pieces.evaluate(5, 3, seed=0) if len(pieces.snapshot()) else None
    assert state_of(whole) == state_of(pieces) != state_of(other)


def test_the_ledger_of_one_instance_by_hand():
    """n = 4, one agent "up" that bids 1 - 0.5 (1 - x) - 0.4 / n and buys from itself: one sale, taxed moves."""
    economy = Economy(COUNTING, slots=1, seed=0, births=Births(rate=0.0), novices=Novices(trial=0.0), taxes=Taxes(0.05, 0.0),
                      curriculum=Curriculum(4, 4, full=1.0, prefix=0.0), agents=agent(ONE_STEP, 0.5, 0.4))  # fmt: skip
    economy.run(1)
    first_bid = PRIZE * (1 - 0.5 - 0.1)
    tax = 4 * int(0.05 * PRIZE / 4)
    assert economy.prizes == PRIZE
    assert economy.auctions == economy.steps == 4
    assert economy.books.wealth[0] == pytest.approx(2 * PRIZE - first_bid - tax + PRIZE, abs=2)
    assert economy.treasury == PRIZE - int(economy.books.wealth[0])


def test_a_second_price_is_the_rivals_bid():
    rivals = agent([ONE_STEP, ONE_STEP], 0.0, [0.4, 2.0])
    economy = Economy(COUNTING, slots=2, seed=0, births=Births(rate=0.0), novices=Novices(trial=0.0), taxes=Taxes(0.0, 0.0),
                      auction=Auction(price="second"), curriculum=ONLY_4, agents=rivals)  # fmt: skip
    economy.run(1)
    assert economy.books.wealth.tolist() == [2 * PRIZE - PRIZE // 2 + PRIZE, 2 * PRIZE]
    assert held(economy) == economy.prizes == PRIZE


def test_a_novice_enters_above_the_winner_and_keeps_its_price():
    bid = 1.0 - 0.4 / 4
    economy = Economy(COUNTING, slots=30, seed=5, births=Births(rate=1.0, fresh=1.0, slope=0.0),
                      novices=Novices(trial=1.0, premium=0.02, twins=True),
                      curriculum=Curriculum(4, 4, full=1.0, prefix=0.0), agents=agent(ONE_STEP, 0.0, 0.4))  # fmt: skip
    books = economy.books
    while (books.status == 2).sum() == 1:
        economy.run(1)
    first = [i for i in np.flatnonzero(books.status == 2) if books.uid[i] > 0]
    above = [
        (1.0 - books.slope[i] * (1 - k / 4) - books.offset[i] / 4 - bid) / (0.02 / 4) for i in first for k in range(4)
    ]
    assert any(0.5 <= over <= 1.5 for over in above), "at some progress it bid half to one and a half premiums above"
    prices = {int(books.uid[i]): books.offset[i] for i in first}
    economy.run(5)
    still = [i for i in range(30) if books.status[i] == 2 and int(books.uid[i]) in prices]
    assert still
    assert all(books.offset[i] == prices[int(books.uid[i])] for i in still)


def test_the_curriculum_climbs_as_far_as_it_may_and_falls():
    economy = Economy(COUNTING, slots=20, seed=0, births=Births(rate=0.0), novices=Novices(trial=0.0),
                      agents=agent(ONE_STEP, 0.5, 0.4),
                      curriculum=Curriculum(2, 10, patience=5))  # fmt: skip
    economy.run(3000)
    assert economy.level == 10
    hopeless = Economy(MacroPrograms(endless()), slots=20, seed=0, curriculum=Curriculum(2, 10))
    hopeless.books.signal[0] = 10.0
    hopeless.run(2000)
    assert hopeless.level == 2


@pytest.fixture(scope="module")
def grown():
    return Economy(COUNTING, slots=40, seed=3, curriculum=Curriculum(2, 12), exits=Exits(idle=100)).run(1500)


def test_genealogy_knows_parents_births_and_deaths(grown):
    family = grown.genealogy()
    assert len(family) == grown.books.account[5] > 200
    child = int(np.flatnonzero(family.parent >= 0)[-1])
    line = family.lineage(child)
    assert line[0] == child
    assert family.parent[line[-1]] == -1
    assert len(line) > 1
    assert (np.diff(family.born[line]) <= 0).all()
    assert sorted(line, reverse=True) == line
    alive = np.flatnonzero(family.died == ALIVE)
    assert sorted(grown.books.uid[grown.books.status != EMPTY].tolist()) == alive.tolist()
    assert grown.books.uid[family.agent[alive]].tolist() == alive.tolist()
    told = family.tell(child)
    assert len(told) == len(line)
    assert told[
        0
    ] == f"{child} (born {family.born[child]}, {family.end(child)}, {family.wins[child]} wins): " + COUNTING.words(
        grown.books.code_log[child]
    )
    assert sorted(family.graph().edges) == sorted((p, u) for u, p in enumerate(family.parent.tolist()) if p >= 0)
    assert len(family.as_dict()["program"]) == len(family)
    with pytest.raises(InputError, match="no agent"):
        family.lineage(10**9)


def test_trade_graph_balances_and_winners_are_told_in_words(grown):
    agents = grown.snapshot()
    outcomes = grown.evaluate(8, 30, seed=1)
    assert outcomes.rate > 0.9
    drawn = graph(COUNTING, agents, outcomes, grown.genealogy())
    kinds = {key for _, _, key in drawn.edges(keys=True)}
    assert kinds == {"trade", "parent"}
    paid = sum(ticks for _, _, ticks in drawn.edges(data="ticks") if ticks)
    assert paid == outcomes.trade.sum() > 0
    lines = explain(COUNTING, agents, outcomes)
    assert "up" in lines[0]
    assert "of the wins" in lines[0]
    assert outcomes.wins.sum() == outcomes.auctions.sum()


def test_evaluation_stops_after_enough_failures(grown):
    stuck = agent((*ALWAYS, 1, 1, -1, 0, 0))
    assert len(grown.evaluate(5, 30, seed=0, agents=stuck, failures=2).solved) == 2
    assert len(grown.evaluate(5, 30, seed=0, agents=stuck).solved) == 30


def small(seed):
    return Economy(MacroPrograms(counting()), slots=40, seed=seed, curriculum=Curriculum(2, 12))


def test_search_finds_a_complete_snapshot_and_stops():
    validation = Validation(((4, 10), (30, 10)), every=100, level=3.0)
    one, same = (search(small, 7, validation=validation, restarts=Restarts(200_000, 3)) for _ in range(2))
    assert one.complete
    assert one.score.stages == 2
    assert one.score == same.score
    assert one.auctions == same.auctions
    assert (one.agents.code == same.agents.code).all()
    assert small(0).evaluate(30, 20, seed=99, agents=one.agents).rate == 1.0
    assert one.family is not None
    assert one.agents.uid.max() < len(one.family)
    hopeless = search(small, 7, validation=Validation(((4, 10),), level=13.0, every=50), restarts=Restarts(2_000, 2))
    assert (hopeless.agents, hopeless.score, hopeless.complete, hopeless.attempts) == (None, NOTHING, False, 2)


def test_islands_are_searches_side_by_side():
    validation, restarts = Validation(((4, 5),), every=50, level=2.0), Restarts(20_000, 1)
    found = islands(small, [1, 2], validation=validation, restarts=restarts)
    alone = search(small, 2, validation=validation, restarts=restarts)
    assert found[1].auctions == alone.auctions
    assert found[1].score == alone.score
    assert best_of(found).score == max(champion.score for champion in found)


def test_pruning_never_makes_a_snapshot_worse(grown):
    validation = Validation(((4, 10), (9, 20)))
    agents = grown.snapshot()
    before = validation.score(grown, agents)
    pruned, after = validation.prune(grown, agents, before)
    assert after >= before
    assert len(pruned) <= len(agents)
    assert validation.score(grown, pruned) == after
    assert Score(1, 0.0, -9.0) < Score(1, 0.0, -3.0) < Score(2, 0.0, -9.0)


def test_a_search_among_those_who_never_bid_ends():
    """Nobody is born, and the only agent would change nothing: not one auction is held."""

    def idle(seed):
        return Economy(COUNTING, slots=2, seed=seed, agents=agent((*ALWAYS, 1, 1, -1, 0, 0), 0.5, 0.4),
                       births=Births(rate=0.0), novices=Novices(trial=0.0))  # fmt: skip

    found = search(idle, 0, validation=Validation(((4, 5),), every=50), restarts=Restarts(400, 2))
    assert (found.complete, found.auctions, found.instances) == (False, 0, 800)


def test_entry_and_parents_are_parts_of_a_strangers_own():
    from numba import njit

    from marketic.hayek.random_numbers import below

    @njit
    def half_way(state, top, premium, random):
        return (top + PRIZE) // 2

    @njit
    def anybody(wealth, listed, count, least, tournament, random):
        return np.int64(listed[below(random, count)])

    @njit
    def somebody_else(wealth, listed, count, least, tournament, random):
        return np.int64(10**9)

    def course(**parts):
        return Economy(COUNTING, slots=30, seed=3, curriculum=Curriculum(2, 12), **parts).run(800)

    usual = course()
    for parts in ({"novices": Novices(entry=half_way)}, {"births": Births(parent=anybody)}):
        economy = course(**parts)
        assert held(economy) == economy.prizes > 0
        assert state_of(economy) != state_of(usual)
    orphans = course(births=Births(parent=somebody_else)).genealogy()
    assert (orphans.parent == -1).all()
    for part in ({"entry": len}, {"entry": "third"}):
        with pytest.raises(InputError, match="numba"):
            Novices(**part)
    with pytest.raises(InputError, match="returns none: wanted int64"):
        Births(parent=njit(lambda wealth, listed, count, least, tournament, random: None))


def test_edits_are_odds_that_one_can_change():
    without = MacroPrograms(counting(), edits=Edits(copy=0.0, set=0.0, clear=1.0, borrow=0.0, move=0.0, until=0.0, drop=0.0,
                                                    body=0.0))  # fmt: skip
    table = without.table(2, 5, 0)
    table.arrays[2][0] = (0, 1, 2, 2, 0, 1, 1, -1)
    for _ in range(30):
        without.functions.breed(table.rows, 1, 0, -1)
        child = table.arrays[2][1]
        assert (child[3:] == table.arrays[2][0, 3:]).all()
        assert (child[:3] == -1).any(), "it only ever generalises"
    for wrong in (
        {"copy": 1.5},
        {"set": -1.0},
        dict.fromkeys(("set", "clear", "borrow", "move", "until", "drop", "body"), 0),
    ):
        with pytest.raises(InputError, match="weights >= 0"):
            Edits(**wrong)
