"""What each claim of a market maker means: a search for trades that break it, by claim.

Every test plays up to some thousand markets side by side and returns (status, explanation, cases). Broken claims are told
with the simplest trades that were found to break them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from marketic.checks.session_beliefs import bounded_regret, myopically_truthful
from marketic.checks.session_books import balanced, conserves, no_deficit
from marketic.checks.session_play import Answer
from marketic.checks.session_trades import bounded_loss, path_independent
from marketic.claims import Claim

CLAIMS: dict[Claim, Callable[[Any, np.random.Generator, int], Answer]] = {
    Claim.PATH_INDEPENDENT: path_independent,
    Claim.BOUNDED_LOSS: bounded_loss,
    Claim.BOUNDED_REGRET: bounded_regret,
    Claim.CONSERVES: conserves,
    Claim.BUDGET_BALANCED: balanced,
    Claim.NO_DEFICIT: no_deficit,
    Claim.DSIC: myopically_truthful,
}
