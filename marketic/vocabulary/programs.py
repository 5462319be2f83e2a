"""Agents in words: the rule that each of a market's agents follows."""

from typing import TYPE_CHECKING, Any

from marketic.words import NO_WORDS, Words

if TYPE_CHECKING:
    from marketic.market import Market


def member(market: "Market", agent: int) -> tuple[Any, int]:
    """The population that an agent belongs to, and its number there: a market with several rights has one for each."""
    population = market.population
    for part in getattr(population, "populations", [population]):
        if agent < part.n_agents:
            return part, agent
        agent -= part.n_agents
    return population, agent


def program(market: "Market", agent: int, words: Words = NO_WORDS) -> str:
    """An agent's rule in plain words; "" if its family has none."""
    population, number = member(market, agent)
    describe = getattr(population, "describe", None)
    if describe is not None:
        return str(describe(number, words))
    agents = getattr(population, "agents", None)
    if isinstance(agents, list):  # plain Python agents: what they say of themselves, unless that is an address
        own = agents[number]
        speaks = type(own).__str__ is not object.__str__ or type(own).__repr__ is not object.__repr__
        return str(own) if speaks else type(own).__name__
    return ""
