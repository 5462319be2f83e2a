"""What the rights see and earn: a row for every right in every copy of the environment, row = copy * rights + right."""

from typing import Any

import numpy as np


class RightRows:
    """The arrays of all rights, which stay where they are, so that compiled code can keep their addresses.

    `observation`, `final` (the last one of an episode that ended) and `bought_at` (seen when the right was bought):
    float64 [rows, D]. `reward` float64 [rows]: paid since the purchase.

    The rights of a copy see the same observation. With one copy and a population that `takes_views`, the first three are
    read-only views of that one row; others get one row for each right. With one right per copy, the world's own arrays do.
    """

    def __init__(self, world: Any, rights: int, views: bool, tick: float) -> None:
        self.world, self.rights, self.tick = world, rights, tick
        rows = world.rows * rights
        shape = (rows, len(world.goods))
        self._views = views and rights > 1 and world.rows == 1
        self._bought = np.zeros((1, shape[1]) if self._views else shape)
        self.observation, self.final, self.bought_at = world.observation, world.final, self._bought
        if self._views:
            self.observation, self.final, self.bought_at = (
                np.broadcast_to(row, shape) for row in (self.observation, self.final, self.bought_at)
            )
        elif rights > 1:
            self.observation, self.final = np.zeros((2, *shape))
        self.reward = world.reward if rights == 1 else np.zeros(rows)

    def refresh(self) -> None:
        """Every right of a copy sees its observation and gets its part of the reward: as told, or else an equal share."""
        self._fill(self.observation, self.world.observation)
        told = self.world.part_rewards
        self.reward[:] = split(self.world.reward, self.rights, self.tick) if told is None else told.ravel()

    def see_final(self) -> None:
        """Every right of a copy sees how its episode ended."""
        self._fill(self.final, self.world.final)

    def buy(self) -> None:
        """All rights were sold at what is seen now."""
        self._bought[:] = self.world.observation if self._views else self.observation

    def go_back(self) -> None:
        """Stand where the rights were bought: what the environment has answered since cannot be used, nor paid."""
        if self._views:
            self.world.observation[:] = self._bought
        else:
            self.observation[:] = self._bought
        self.reward.fill(0.0)
        self.world.reward.fill(0.0)

    def _fill(self, rows: np.ndarray, copies: np.ndarray) -> None:
        """Write each copy's row, float64 [copies, D], to the rows of all its rights, unless they are views of it anyway."""
        if not self._views:
            rows.reshape(len(copies), self.rights, -1)[:] = copies[:, None]


def split(reward: np.ndarray, rights: int, tick: float) -> np.ndarray:
    """Each row's reward in as many parts as there are rights, on the ledger's grid: they add up to it exactly.

    reward: float64 [rows], currency. Returns float64 [rows * rights].

    >>> split(np.array([1.0]), 3, 0.25).tolist()
    [0.5, 0.25, 0.25]
    """
    with np.errstate(invalid="ignore"):  # rewards that are not finite are refused a moment later
        ticks = np.rint(reward / tick)
        whole = np.floor(ticks / rights)
        extra = np.arange(rights) < (ticks - whole * rights)[:, None]
    return ((whole[:, None] + extra) * tick).ravel()
