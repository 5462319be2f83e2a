"""What the right to act is worth at given observations, and who would take it."""

from dataclasses import dataclass

import numpy as np

from marketic.events.absent import best_bidders
from marketic.market import Market


@dataclass(frozen=True)
class Appraisal:
    """Answers for a batch of observations.

    price: float64 [B], the highest bid for the (first) right, currency; NaN where nobody bids.
    move:  int64 [B], the action number of the highest bidder, or of the one who acts where nobody bids.
    known: bool [B], False where none of the bidders has owned a right yet, so that the price is an opening bid.
    """

    price: np.ndarray
    move: np.ndarray
    known: np.ndarray


def appraise(market: Market, observation: np.ndarray) -> Appraisal:
    """Ask the market's agents for their bids at `observation`, float64 [B, D], encoded. Nothing is traded."""
    population, rights = market.population, market.rights
    rows = np.ascontiguousarray(np.repeat(np.asarray(observation, dtype=float), rights, axis=0))
    bids = getattr(population, "appraise", population.bid)(rows)
    value = np.where(bids.active, bids.value, -np.inf)
    winner = best_bidders(market, bids)
    top = value[np.arange(len(rows)), winner]
    move = population.act(winner, rows)
    known = np.ones(len(rows), dtype=bool)
    trades = getattr(population, "trades", None)
    if isinstance(trades, np.ndarray) and bids.bidder is not None and bids.bidder.max() < len(trades):
        known = (trades[bids.bidder] > 0).all(axis=-1).any(axis=-1)
    price = np.where(np.isfinite(top), top, np.nan)
    return Appraisal(price[::rights], np.asarray(move)[::rights], (known & np.isfinite(price))[::rights])
