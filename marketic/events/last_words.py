"""What agents were, noted when they leave: afterwards nobody else can say it."""

from typing import TYPE_CHECKING

import numpy as np

from marketic.words import Words

if TYPE_CHECKING:
    from marketic.market import Market


def vocabulary(market: "Market") -> Words:
    """The task's words for what agents see and do."""
    from marketic.reporting.layout import words_of

    return words_of(market)


def last_words(market: "Market", accounts: np.ndarray) -> np.ndarray:
    """The rules, in words, of agents that are about to leave, object [n] of str; "" where a family cannot say.

    accounts: int64 [n]. An agent of the user's own that fails to describe itself does not stop training.
    """
    from marketic.graph.agents import program

    words = vocabulary(market)
    found = []
    for agent in np.searchsorted(market.accounts, accounts).tolist():  # accounts are in order of entry
        try:
            found.append(program(market, agent, words))
        except Exception:
            found.append("")
    return np.array(found, dtype=object)
