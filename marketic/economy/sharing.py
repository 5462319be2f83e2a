"""Who gets how much of a rival good: shares that move towards those who offer more.

Users of a rival good bid for their shares what the shares are worth to them: `s_i <- s_i q_i / sum_k s_k q_k`, with q the
offers at the posted prices (proportional response; Zhang 2011). A fixed point is an equilibrium: all users with a share
offer the same. It is found in one step where everything is Cobb-Douglas; elsewhere the certificate says how close it is.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.economy.prices import Prices
from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.economy.economy import Economy


def share_out(
    economy: "Economy",
    endowment: Mapping[str, Any],
    *,
    tolerance: float = 1e-10,
    limit: int = 10_000,
    damping: float = 1.0,
) -> Prices:
    """Move the shares of all rival goods until their users agree on every price up to `tolerance` of that price.

    damping: exponent of the offers, from 0 (excluded) to 1; smaller is slower and calmer. Shares are the same every day.
    Returns the last prices; `certificate.disagreement` is how far users are from agreeing. Raises InputError for a user
    whose offer for a rival good is negative (it should throw it away, not be given a share), and if shares run away from
    prices that there were at first; shares are then as they were before.
    """
    if not (np.isfinite(damping) and 0 < damping <= 1):
        raise InputError(f"damping={damping!r}: wanted a number above 0, at most 1")
    mode = "synchronous" if economy.cycle else "topological"
    prices = economy.prices(economy.produce(endowment), mode)
    before = {good: dict(shares) for good, shares in economy.shares.items()}
    for rounds in range(limit):
        if prices.agreed(tolerance):
            break
        for good, shares in economy.shares.items():
            _respond(economy, prices, good, shares, damping)
        economy.moves += 1
        try:
            prices = economy.prices(economy.produce(endowment), mode)
        except InputError as error:
            message = _ran_away(economy, rounds + 1, damping, error)
            for good, shares in before.items():
                economy.shares[good].update(shares)
            economy.moves += 1
            raise InputError(message) from error
    return prices


def _ran_away(economy: "Economy", rounds: int, damping: float, error: InputError) -> str:
    least, user, good = min(
        (float(share.min()), user, good) for good, shares in economy.shares.items() for user, share in shares.items()
    )
    what = str(error).partition(":")[0]  # the rest would advise to repair what is sound
    return (
        f"shares of rival goods ran away: after {rounds} rounds {user!r} has {least:.2g} of good {good!r}, and {what}. Users "
        f"overshoot if goods are complements: take a smaller damping than {damping:g} (the elasticity of substitution)"
    )


def _respond(economy: "Economy", prices: Prices, good: str, shares: dict[str, np.ndarray], damping: float) -> None:
    worth = {}
    for user, share in shares.items():
        offer = prices.offers[user][:, economy.price_columns[user][good]]
        if offer.min(initial=0.0) < 0:
            raise InputError(f"{user!r} offers {offer.min():g} for rival good {good!r}: wanted offers >= 0")
        worth[user] = share * np.mean(offer * prices.state[good], axis=0) ** damping
    total = np.sum(list(worth.values()), axis=0)
    for user in shares:
        shares[user] = np.where(total > 0, worth[user] / np.where(total > 0, total, 1), shares[user])
