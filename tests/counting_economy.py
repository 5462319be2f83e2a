"""A small economy that counts, and agents written by hand for it."""

import numpy as np
from tiny_worlds import counting

from marketic.agents.program_species import MacroPrograms
from marketic.hayek import Curriculum, Snapshot
from marketic.hayek.books import PRIZE

UP, ALWAYS = 0, (-1, -1, -1)
COUNTING = MacroPrograms(counting())


def agent(program, slope=0.0, offset=0.0, wealth=2 * PRIZE):
    """One agent with a price, or several."""
    rows = np.atleast_2d(np.array(program, dtype=np.int64))
    n = len(rows)
    full = lambda x: np.broadcast_to(np.asarray(x), n).copy()  # noqa: E731
    return Snapshot(
        rows, full(float(slope)) * 1.0, full(offset) * 1.0, full(wealth).astype(np.int64), np.arange(n), full(-1)
    )


ONLY_4 = Curriculum(4, 4, full=1.0, prefix=0.0)
ONE_STEP = (*ALWAYS, 1, UP, -1, 0, 0)


def held(economy):
    return int(economy.books.wealth.sum()) + economy.treasury
