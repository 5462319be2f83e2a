"""Rewards near the ledger's tick: prices move in ticks, so that little can be learned from them, and no figure says so."""

import math
import warnings
from typing import Any

LOOK_AT = 20
"""Episodes after which returns are looked at for the first time; then at the end of every `Market.learn`."""
FEW_TICKS, FEW_A_STEP, MOST_TICKS = 64, 4, 2**14
"""Returns of fewer ticks are small; so are those that come to fewer a step, unless a single reward may be behind them."""
USUAL_TICK = 2.0**-20
NOISE = 1e-13
"""Currency: what rounding leaves where large rewards cancel."""


def warn_of_small_rewards(market: Any) -> None:
    """Warn once if the last returns are next to nothing in ticks. Those of 0 say nothing, and whoever chose a coarser tick than
    the default knows."""
    earned = [abs(one) for one in market.recent_returns if abs(one) > NOISE]
    if market.told_of_small_rewards or not earned or market.ledger.tick > USUAL_TICK:
        return
    largest = max(earned)
    ticks = largest / market.ledger.tick
    a_step = sum(earned) / len(earned) / market.ledger.tick * market.episodes / max(market.num_timesteps, 1)
    if not (ticks < FEW_TICKS or (a_step < FEW_A_STEP and ticks < MOST_TICKS)):
        return
    market.told_of_small_rewards = True
    scale = 10.0 ** -math.floor(math.log10(largest))
    warnings.warn(
        f"the returns of the last {len(market.recent_returns)} episodes are at most {largest:.2g}, but money moves in whole "
        f"ticks of {market.ledger.tick:.2g}: too coarse to learn from. Scale the reward, e.g. with "
        f"gymnasium.wrappers.TransformReward(env, lambda reward: {scale:.0e} * reward)",
        RuntimeWarning,
        stacklevel=3,
    )
