"""Where growing markets split and who inherits."""

import numpy as np
from growing_markets import by_boxes, grown, market, places, slow_copies, trade

from marketic.agents import growing_memory as memory


def side(value: float) -> int:
    return int(value > 1.0)


def test_specialists_enter_where_surprises_differ():
    """Surprises of action 0 depend on feature 0 only: all cuts by evidence are there, in action 0's trees."""
    population, random = market(cover=1.0, sectors=1, narrowest=0.2), np.random.default_rng(4)
    for place in places(600, seed=4):
        trade(population, place, 0, side(place[0]) - 0.5 + 0.05 * random.normal())
        trade(population, place, 1, 0.05 * random.normal())
    integers = population.kernels.integers
    nodes = integers[integers[memory.NODE_AT] : integers[memory.AGENT_AT]].reshape(-1, 2)[: integers[memory.NODES], 0]
    founder = memory.founders(integers)
    covered = 3  # births of novelty per tree: boxes of 2 x 2 down to 1 x 1 around the first place, then elsewhere
    assert population.splits >= 1
    assert np.count_nonzero(founder == 1) - 1 <= covered
    assert np.count_nonzero(founder == 0) - 1 == population.splits + np.count_nonzero(founder == 1) - 1
    assert np.count_nonzero(nodes == 1) <= np.count_nonzero(founder == 1) + 1


def test_equal_surprises_bring_nobody_in():
    population, random = market(cover=1.0, entry_trades=20, entry_evidence=6.0), np.random.default_rng(6)
    for place in places(2000, seed=6):
        trade(population, place, 0, random.normal())
    assert population.splits == 0


def test_boxes_are_not_split_below_the_narrowest():
    population, random = market(features=1, cover=1.0, sectors=1, narrowest=0.25), np.random.default_rng(7)
    for place in places(3000, 1, seed=7):
        trade(population, place, 0, 10 * place[0] + 0.01 * random.normal())
    lower, upper = population.boxes
    assert (upper - lower).min() == 0.25


def test_too_few_trades_split_nothing():
    population = market(cover=1.0, entry_trades=50)
    for count, place in enumerate(places(49, seed=8)):
        trade(population, place, 0, float(place[0] > 1.0))
        assert population.splits == 0, count


def test_heirs_inherit_and_start_with_an_empty_ledger():
    population = market(cover=1.0, sectors=1, initial_bid=5.0, entry_trades=20)
    population.trades[:] = 1  # no novices: the first split is by evidence
    copies, turn = slow_copies(population), 0
    while population.splits == 0:
        turn += 1
        trade(population, [3.0 if turn % 2 else -1.0, 0.0], 0, turn % 2 - 0.5, copies)
        population.price[0], copies[0][0], copies[1][0] = turn, 10 + turn, 20 + turn
        assert turn < 100
    turn -= 1  # what the parent had when it was split
    assert population.births().tolist() == [[0, 2]]
    assert population.price[2] == turn
    assert copies[0][2] == 10 + turn
    assert copies[1][2] == 20 + turn
    assert population.trades[2] == population.trades[0] == turn + 2
    integers, reals = population.kernels.integers, population.kernels.reals
    books = reals[integers[memory.BOOK_AT] :].reshape(-1, 13)
    assert not books[[0, 2], 4:].any()
    np.testing.assert_array_equal(books[0, :4], [0, 0, 1, 2])
    np.testing.assert_array_equal(books[2, :4], [1, 0, 2, 2])


def test_ledgers_fade_when_they_find_nothing():
    population = market(cover=1.0, sectors=1, entry_trades=10)
    population.trades[:] = 1
    for turn in range(40):
        trade(population, [3.0 if turn % 2 else -1.0, 0.0], 0, 1.0)
    integers, reals = population.kernels.integers, population.kernels.reals
    book = reals[integers[memory.BOOK_AT] :][:13]
    np.testing.assert_array_equal(book[4:], [20, 10, 10, 20, 0, 10, 10, 20, 0])


def test_a_full_market_admits_nobody():
    population = grown(capacity=50)
    here = places(100, seed=9)
    assert population.alive == 50
    np.testing.assert_array_equal(population.match(here), by_boxes(population, here))


def test_births_are_told_once_and_name_everyone():
    population = grown()
    births = population.births()
    np.testing.assert_array_equal(births[:, 1], np.arange(8, population.alive))
    assert (births[:, 0] < births[:, 1]).all()
    assert population.births().shape == (0, 2)
    before = population.alive
    trade(population, [-1.0, 3.0], 0, 1.0)
    assert len(population.births()) == population.alive - before
