"""What is no economy at all: words for numbers, NaN, and answers of the wrong shape are refused by name."""

import numpy as np
import pytest

from marketic.economy import ClosedEconomy, Consumer, Dense, Economy, Firm, Good, SparseEconomy, Table
from marketic.economy.firm import CobbDouglas
from marketic.errors import InputError

A, B = Good("ore"), Good("steel")


def wants(good: str) -> Consumer:
    """U = x."""
    return Consumer("town", good, lambda x: x.sum(axis=1), np.ones_like)


def plain() -> Economy:
    """One firm with capital."""
    return Economy([A, B], [Dense("forge", ["ore"], ["steel"], [[1.0]])], [wants("steel")])


def priced(**options):
    economy = plain()
    return economy.prices(economy.produce({"ore": [[1.0]]}), **options)


def invested(firm: Firm, rate: object) -> None:
    economy = Economy([A, B], [firm], [wants("steel")])
    economy.invest(economy.prices(economy.produce({"ore": [[1.0]]})), rate)


def silent() -> Firm:
    """It owns capital and does not say what that earns."""
    return Firm("forge", ("ore",), ("steel",), lambda c, x: x, lambda c, x, y, p: (p, {}), {"kiln": np.ones(2)})


def mute() -> Firm:
    """Its vjp returns offers alone."""
    return Firm("forge", ("ore",), ("steel",), lambda c, x: x, lambda c, x, y, p: p)


def wide() -> None:
    """Utility with a column."""
    town = Consumer("town", "ore", lambda x: x, lambda x: np.ones_like(x))
    economy = Economy([A], [], [town])
    economy.welfare(economy.produce({"ore": [[1.0], [2.0]]}))


RING = ClosedEconomy([[0, 1], [1, 0]])


def lists(firm: bool, ragged: bool) -> Economy:
    """A firm or a consumer that answers with lists."""

    def answer(x):
        return [[1.0], [2.0, 3.0]] if ragged else np.ones_like(x).tolist()

    forge = Firm("forge", "ore", "steel", lambda c, x: x.tolist(), lambda c, x, y, p: (answer(x) if firm else p, {}))
    town = Consumer("town", "steel", lambda x: x.sum(axis=1).tolist(), np.ones_like if firm else answer)
    economy = Economy([A, B], [forge], [town])
    return economy.prices(economy.produce({"ore": [[1.0], [2.0]]}))


NONSENSE = {
    "a ragged offer": (lambda: lists(True, True), "firm 'forge' offers an array that is not of numbers: wanted shape"),
    "a ragged gradient": (lambda: lists(False, True), "consumer 'town' has a gradient that is not of numbers"),
    "marginal profit of nothing": (
        lambda: invested(Firm("forge", "ore", "steel", lambda c, x: x, lambda c, x, y, p: (p, None)), 0.1),
        r"firm 'forge' has a vjp that returns \(offers, NoneType\): wanted \(offers, marginal\), marginal a dict"),
    "a rent in words": (lambda: Firm("forge", "ore", "steel", len, len, rent="high"), "firm 'forge' has rent='high'"),
    "goods by number": (lambda: Firm("forge", 3, "steel", len, len), "firm 'forge' has ins=3: wanted names of goods"),
    "weights in words": (lambda: Dense("forge", ["ore"], ["steel"], "x"), "firm 'forge' has weights: wanted finite numbers"),
    "a bias of nothing": (lambda: Dense("forge", ["ore"], ["steel"], [[1.0]], [np.nan]), "firm 'forge' has bias .*NaN"),
    "more columns than goods": (
        lambda: Economy([A, B], [Dense("forge", ["ore"], ["steel"], np.ones((2, 1)))], [wants("steel")]),
        "firm 'forge' is made for 2 numbers in its ins, but ore have 1"),
    "a scale of nothing": (lambda: CobbDouglas("forge", ["ore"], "steel", [0.5], scale=np.nan), "'forge' has scale=nan"),
    "a discount of nothing": (lambda: Table("day", "now", "then", [[1.0]], discount=np.nan), "'day' has discount=nan"),
    "a reward of nothing": (lambda: Table("day", "now", "then", [[1.0]], [np.nan]), "'day' has reward .*NaN"),
    "a budget in words": (lambda: Consumer("town", "ore", len, len, budget="all"), "'town' has budget='all'"),
    "a utility that is none": (lambda: Consumer("town", "ore", 1, len), "'town': wanted functions"),
    "the same good twice": (lambda: Consumer("town", ("ore", "ore"), len, len), "'town' lists a good twice"),
    "a good without a name": (lambda: Good(""), "wanted a name"),
    "goods that are none": (lambda: Economy(["ore"], [], []), "goods hold 'ore'"),
    "firms that are none": (lambda: Economy([A], ["forge"], [wants("ore")]), "firms hold 'forge'"),
    "an endowment without names": (lambda: plain().produce([1.0]), "wanted a dict"),
    "an endowment without days": (lambda: plain().produce({"ore": []}), "good 'ore' has no days"),
    "capital that earns nobody knows what": (lambda: invested(silent(), 0.1), "'forge' does not say what its capital 'kiln'"),
    "offers without marginal profit": (lambda: invested(mute(), 0.1), r"'forge' has a vjp that returns .*\(offers, marginal\)"),
    "a utility with columns": (wide, r"'town' has a utility of shape \(2, 1\): wanted \(2,\)"),
    "a rate of nothing": (lambda: invested(Dense("forge", ["ore"], ["steel"], [[1.0]]), np.nan), "rate=nan"),
    "no rounds": (lambda: priced(mode="synchronous", limit=0), "limit .*=0"),
    "half a round": (lambda: priced(mode="synchronous", limit=1.5), "limit .*=1.5"),
    "a tolerance of nothing": (lambda: priced(mode="synchronous", tolerance=np.nan), "tolerance=nan"),
    "a delay that is an answer": (lambda: priced(mode="asynchronous", delay=True), "delay=True"),
    "a closed economy of letters": (lambda: ClosedEconomy("ring"), "links of type str"),
    "a closed economy's rent": (lambda: ClosedEconomy([[1.0]], rent="high"), "rent='high'"),
    "a closed economy's taste": (lambda: ClosedEconomy([[1.0]], preference="good"), "preference='good'"),
    "a closed economy's rounds": (lambda: RING.prices(limit=-3), "limit .*=-3"),
    "a closed economy's tolerance": (lambda: RING.prices(tolerance=np.nan), "tolerance=nan"),
    "no firms at all": (lambda: SparseEconomy(-1, [], [], []), "n=-1"),
    "offers of nothing": (lambda: SparseEconomy(1, [], [], []).prices([[1.0]], np.ones((1, 1)), [[np.nan]]), "good 0 is NaN"),
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_refused_and_named(name):
    call, words = NONSENSE[name]
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("firm", [True, False])
def test_lists_of_numbers_are_arrays(firm):
    prices = lists(firm, False)
    assert prices["ore"].tolist() == prices["steel"].tolist() == [[1.0], [1.0]]
    assert prices.certificate.status == "optimal"
