"""Who stays in the market: rent, tax, bankruptcy and entry, and the books that go with them."""

import math

import gymnasium as gym
import numpy as np
import pytest
from tiny_envs import Fixed, Walk

from marketic import (
    Individuals,
    InputError,
    Ledger,
    Market,
    Novices,
    Selection,
)
from marketic.agents import Tabular
from marketic.mechanisms import SecondPrice, credit_conserving_vickrey


def test_rent_and_tax_go_to_the_house() -> None:
    agents = Individuals([Fixed(2.0), Fixed(1.0)])
    selection = Selection(rent=0.25, tax=0.5)
    market = Market(
        Walk(1, prize=4.0), agents, credit_conserving_vickrey(discount=1.0), selection=selection, seed=0
    ).learn(1)
    # the winner paid 1, earned 4, paid .25 rent, then half of 2.75; the loser paid .25 rent
    assert market.wealth().tolist() == [1.375, -0.25]
    assert int(market.ledger.balance.sum()) == 0


def test_bankrupts_leave_and_the_last_one_stays() -> None:
    agents = [Fixed(1.0), Fixed(3.0), Fixed(2.0)]
    population = Individuals(agents)
    market = Market(Walk(1, prize=0.0), population, SecondPrice(), selection=Selection(stop_loss=-0.5), seed=0)
    market.learn(1)
    assert population.agents == [agents[0], agents[2]], "the winner paid 2 for nothing"
    assert market.wealth().tolist() == [0.0, 0.0]
    market.learn(1)
    assert population.agents == [agents[0]]
    market.learn(5)
    assert population.agents == [agents[0]], "a lone bidder pays nothing"
    agents[0].offer = -5.0
    market.ledger.transfer(market.accounts, [1], [9.0], "rent")
    market.learn(1)
    assert population.agents == [agents[0]], "a market never loses its last agent"
    assert int(market.ledger.balance.sum()) == 0


def test_entrants_are_endowed_by_the_house_and_take_part() -> None:
    entrants = [Fixed(9.0), Fixed(8.0)]
    queue = list(entrants)
    selection = Selection(entrants=lambda market, rng: [queue.pop(0)] if queue else [], endowment=2.5)
    population = Individuals([Fixed(1.0)])
    market = Market(
        Walk(1),
        population,
        SecondPrice(),
        selection=selection,
        novices=Novices(0.5),
        seed=0,
        ledger=Ledger(journal=True),
    )
    market.learn(60)
    assert len(population.agents) == len(market.accounts) == market.wealth().size == 3
    assert all(agent.trades for agent in entrants)
    assert market.ledger.flows[0] == 2 * 2.5 * 2**20
    assert int(market.ledger.balance.sum()) == 0


@pytest.mark.parametrize("mode", list(gym.vector.AutoresetMode))
def test_selection_in_a_vector_env_keeps_owners_and_accounts_together(mode) -> None:
    """Agents leave while others own rights in other rows: everyone still learns from its own trades only."""
    names = iter(range(100, 10_000))

    class Named(Fixed):
        def __init__(self) -> None:
            super().__init__()
            self.name, self.bought = next(names), []

        def bid(self, observation):
            return float(self.name % 7) + observation[0]

        def act(self, observation):
            self.bought.append(float(observation[0]))
            return self.name % 5 == 0

        def learn(self, trade):
            assert float(trade.observation[0]) in self.bought, "told about somebody else's trade"
            self.bought.remove(float(trade.observation[0]))

    population = Individuals([Named() for _ in range(6)])
    selection = Selection(
        rent=0.3, stop_loss=-4.0, entrants=lambda market, rng: [Named()] if rng.random() < 0.5 else []
    )
    envs = gym.vector.SyncVectorEnv([lambda: Walk(3)] * 3, autoreset_mode=mode)
    market = Market(envs, population, SecondPrice(), selection=selection, novices=Novices(0.4), seed=0).learn(400)
    assert not population.refused, population.refused
    assert len(market.accounts) == len(population.agents)
    assert len(market.ledger.balance) > 2 + len(population.agents), "some left"
    assert int(market.ledger.balance.sum()) == 0
    assert not market.ledger.balance[np.setdiff1d(np.arange(2, len(market.ledger.balance)), market.accounts)].any()


@pytest.mark.parametrize(
    "options", [{"rent": -1.0}, {"rent": math.nan}, {"tax": 2.0}, {"stop_loss": math.nan}, {"endowment": math.inf}]
)
def test_selection_refuses_numbers_out_of_range(options) -> None:
    with pytest.raises(InputError, match="wanted a finite rent"):
        Selection(**options)


def test_selection_needs_a_population_that_can_change() -> None:
    table = Tabular(4, 2, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="needs a population with a method retire"):
        Market(Walk(4), table, SecondPrice(), selection=Selection(stop_loss=0.0))
