"""The words of a market's task, found by its name and its spaces."""

from dataclasses import replace
from typing import TYPE_CHECKING

import gymnasium as gym
import numpy as np

from marketic.vocabulary.grid import grid_of
from marketic.vocabulary.tasks import task_of, with_places
from marketic.words import Words

if TYPE_CHECKING:
    from marketic.market import Market


def words_of(market: "Market") -> Words:
    """The task's vocabulary, with words for the cells of its map and for levels of a real action."""
    spec = getattr(market.env, "spec", None)
    grid = grid_of(market)
    decode = getattr(market.env.unwrapped, "decode", None) if market.world.goods.states == 500 else None
    words = with_places(task_of(spec.id if spec else "").words, grid.shape if grid else None, decode)
    return words if words.moves or market.rights > 1 else replace(words, moves=_levels(market))


def _levels(market: "Market") -> tuple[str, ...]:
    """Names of the levels of one real action; none where actions have no other name than their number."""
    rights, levels = market.world.rights, int(market.world.rights.sizes[0])
    if not isinstance(rights.space, gym.spaces.Box):
        return ()
    return tuple(f"action {rights.decode(np.array([level])).item():.6g}" for level in range(levels))
