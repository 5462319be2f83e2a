"""The first line of a log: what it needs to be read and audited without the market."""

from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.errors import InputError
from marketic.events.schema import LEVELS

if TYPE_CHECKING:
    from marketic.market import Market


def require(market: "Market", level: str, snapshot_every: int, part_rows: int) -> None:
    """Raises InputError for a log that cannot be written."""
    if level not in LEVELS[1:]:
        raise InputError(f"event log level {level!r}: wanted one of {', '.join(LEVELS)}")
    if level == "everything" and market.dynamics is not None:
        raise InputError(
            "event log level 'everything' with compiled=True: a compiled loop does not show single bids and transfers; "
            "leave out compiled=True, or log trades"
        )
    if snapshot_every < 1 or part_rows < 1:
        raise InputError(f"snapshot_every={snapshot_every}, part_rows={part_rows}: wanted integers >= 1")


def header(
    market: "Market", level: str, members: int, snapshot_every: int, flows: list[int], baseline: int
) -> dict[str, Any]:
    """What a log says about itself.

    members: K, agents per buyer. flows: ticks moved under each memo before the log began. baseline: how many rows of the
    first part's accounts are balances from before.
    """
    from marketic import __version__

    chain, rights = market.chain, market.rights
    weights = (chain.discount * chain.royalty) ** np.arange(chain.lien_length, dtype=float)
    return {
        "marketic": __version__,
        "level": level,
        "env": market.config.get("env"),
        "seed": market.seed,
        "tick": market.ledger.tick,
        "discount": chain.discount,
        "royalty": chain.royalty,
        "credit": chain.credit,
        "weights": weights.tolist(),
        "rows": market.world.rows * rights,
        "rights": rights,
        "members": members,
        "agents": len(market.accounts),
        "first_account": int(market.accounts[0]),
        "step": market.num_timesteps,
        "flows": flows,
        "baseline": baseline,
        "snapshot_every": snapshot_every,
    }
