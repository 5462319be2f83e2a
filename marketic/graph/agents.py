"""Who is behind an account: wealth, family and program of an agent, in words that people read."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from marketic.graph.agent_facts import AgentFacts
from marketic.graph.kin import registers, relatives
from marketic.vocabulary.programs import member, program
from marketic.words import NO_WORDS, Words

if TYPE_CHECKING:
    from marketic.market import Market


def facts_of(
    market: "Market",
    accounts: Iterable[int] | None = None,
    words: Words = NO_WORDS,
    entered: dict[int, int] | None = None,
) -> dict[int, AgentFacts]:
    """Facts about living agents by account, kin included where their family offers a genealogy.

    accounts: which (None: all); entered: account -> step of entry, if not 0.
    """
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


def alive(market: "Market", account: int) -> bool:
    """Whether an agent with this account is in the market."""
    return bool(np.isin(account, market.accounts))
