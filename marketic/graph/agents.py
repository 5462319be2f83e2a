"""Who is behind an account: wealth, family and program of an agent, in words that people read."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marketic.market import Market
from marketic.words import NO_WORDS, Words


@dataclass(frozen=True)
class AgentFacts:
    """What is known about an agent; None or "": unknown.

    wealth: balance, currency.  age: environment steps since its account was opened.
    family: the population's class.  program: condition, act and bid in words.
    uid: its own number, where its family has such (see `marketic.genealogy`); others may have had its seat and account before.
    born, died: when, in `unit` ("steps" of the environment, or "trades" of its family); parents: their names in the graph.
    """

    wealth: float | None = None
    age: int | None = None
    family: str = ""
    program: str = ""
    alive: bool | None = None
    uid: int | None = None
    born: int | None = None
    died: int | None = None
    unit: str = ""
    parents: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What is known, as plain attributes; nothing that is None or empty (file formats have no word for it)."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "parents"}
        given["parent"] = ", ".join(self.parents)
        return {name: value for name, value in given.items() if value not in (None, "")}


def facts_of(
    market: Market,
    accounts: Iterable[int] | None = None,
    words: Words = NO_WORDS,
    entered: dict[int, int] | None = None,
) -> dict[int, AgentFacts]:
    """Facts about living agents by account, kin included where their family offers a genealogy.

    accounts: which (None: all); entered: account -> step of entry, if not 0.
    """
    from marketic.graph.kin import registers, relatives

    numbers = {int(account): agent for agent, account in enumerate(market.accounts.tolist())}
    wanted = numbers if accounts is None else {a: numbers[a] for a in map(int, accounts) if a in numbers}
    wealth, now = market.wealth(), market.num_timesteps
    known, _ = relatives(registers(market, words), list(wanted))
    return {
        account: replace(
            known.get(account, AgentFacts()),
            wealth=float(wealth[agent]),
            age=now - (entered or {}).get(account, 0),
            family=type(member(market, agent)[0]).__name__,
            program=program(market, agent, words),
            alive=True,
        )
        for account, agent in wanted.items()
    }


def member(market: Market, agent: int) -> tuple[Any, int]:
    """The population that an agent belongs to, and its number there: a market with several rights has one for each."""
    population = market.population
    for part in getattr(population, "populations", [population]):
        if agent < part.n_agents:
            return part, agent
        agent -= part.n_agents
    return population, agent


def program(market: Market, agent: int, words: Words = NO_WORDS) -> str:
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


def alive(market: Market, account: int) -> bool:
    """Whether an agent with this account is in the market."""
    return bool(np.isin(account, market.accounts))
