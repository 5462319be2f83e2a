"""Who gets how much of a rival good: shares that move towards those who offer more.

Users of a rival good bid for their shares what the shares are worth to them: `s_i <- s_i q_i / sum_k s_k q_k`, with q the
offers at the posted prices (proportional response; Zhang 2011). A fixed point is an equilibrium: all users with a share
offer the same. It is found in one step where everything is Cobb-Douglas; elsewhere the certificate says how close it is.
A user who should have nothing (a store that nothing is worth putting into) loses a part of its share in every round and is
never rid of it: after 1, 2, 4 ... rounds small shares of that kind are taken away, which stays so if all users then agree.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.economy import inputs
from marketic.economy.prices import Prices
from marketic.economy.state import stamp
from marketic.errors import InputError
from marketic.numbers import all_finite

if TYPE_CHECKING:
    from marketic.economy.economy import Economy

SMALL = 0.01
"""Of an equal share: what may be taken away from who offers less than others."""


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
    inputs.number("tolerance", tolerance, least=0.0)
    inputs.whole("limit (rounds)", limit, 0)
    if not (all_finite(damping) and 0 < damping <= 1):
        raise InputError(f"damping={damping!r}: wanted a number above 0, at most 1")
    mode = "synchronous" if economy.cycle else "topological"
    prices = economy.prices(economy.produce(endowment), mode)
    before = _copied(economy)
    for rounds in range(limit):
        if prices.agreed(tolerance):
            break
        if rounds & (rounds - 1) == 0:
            kept = _copied(economy)
            if _take_remnants(economy, prices, tolerance):
                bare = _agreed_prices(economy, endowment, mode, tolerance)
                if bare is not None:
                    return bare
                _put_back(economy, kept)
        for good, shares in economy.shares.items():
            _respond(economy, prices, good, shares, damping)
        economy.moves = stamp()
        try:
            prices = economy.prices(economy.produce(endowment), mode)
        except InputError as error:
            message = _ran_away(economy, rounds + 1, damping, error)
            _put_back(economy, before)
            raise InputError(message) from error
    return prices


def _take_remnants(economy: "Economy", prices: Prices, tolerance: float) -> bool:
    """Take away small shares of who offers less than the price every day, and share them among the others; whether any."""
    moves = economy.moves
    for good, shares in economy.shares.items():
        few, low = SMALL / max(1, len(shares)), {}
        for user, share in shares.items():
            offer = prices.offers[user][:, economy.price_columns[user][good]]
            below = (offer < prices[good] - tolerance * np.abs(prices[good])).all(axis=0)
            low[user] = below & (share > 0) & (share <= few)
        if any(column.any() for column in low.values()):
            kept = {user: np.where(low[user], 0.0, share) for user, share in shares.items()}
            total = np.sum(list(kept.values()), axis=0)
            shares.update({user: share / total for user, share in kept.items()})
            economy.moves = stamp()
    return economy.moves > moves


def _agreed_prices(economy: "Economy", endowment: Mapping[str, Any], mode: str, tolerance: float) -> Prices | None:
    """Prices at the shares that there are, if users agree on them."""
    try:
        with np.errstate(invalid="ignore"):
            prices = economy.prices(economy.produce(endowment), mode)
    except InputError:  # somebody cannot be without: it offers what is infinite
        return None
    return prices if prices.agreed(tolerance) else None


def _copied(economy: "Economy") -> dict[str, dict[str, np.ndarray]]:
    return {good: dict(shares) for good, shares in economy.shares.items()}


def _put_back(economy: "Economy", before: dict[str, dict[str, np.ndarray]]) -> None:
    for good, shares in before.items():
        economy.shares[good].update(shares)
    economy.moves = stamp()


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
