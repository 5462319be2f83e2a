"""What agents were, noted when they leave: afterwards nobody else can say it."""

from typing import TYPE_CHECKING

import numpy as np

from marketic.vocabulary.programs import program
from marketic.vocabulary.words_of import words_of

if TYPE_CHECKING:
    from marketic.market import Market


def last_words(market: "Market", accounts: np.ndarray) -> np.ndarray:
    """The rules, in words, of agents that are about to leave, object [n] of str; "" where a family cannot say.

    accounts: int64 [n]. An agent of the user's own that fails to describe itself does not stop training.
    """
    words = words_of(market)
    found = []
    for agent in np.searchsorted(market.accounts, accounts).tolist():  # accounts are in order of entry
        try:
            found.append(program(market, agent, words))
        except Exception:
            found.append("")
    return np.array(found, dtype=object)
