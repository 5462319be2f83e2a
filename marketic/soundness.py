"""Whether what came from outside may be traded on: observations and rewards of the environment, actions of the agents."""

from typing import Any

import numpy as np
from numba import njit

from marketic.bids import LARGEST_BID
from marketic.errors import InputError


@njit(cache=True, forceinline=True)
def unsound(observation, low, high, reward):  # type: ignore[no-untyped-def]
    """-1 if all is well, -2 for a reward that is not finite, else the number of a bad observation component.

    Components with a finite `low` are finite goods, whose values are whole numbers.
    """
    for row in range(reward.shape[0]):
        if not -LARGEST_BID <= reward[row] <= LARGEST_BID:
            return -2
    real, bad = True, 0
    for column in range(low.shape[0]):
        real = real and low[column] == -np.inf and high[column] == np.inf
    if real:  # the common case in few instructions: a difference with itself is 0 for finite numbers only
        for row in range(observation.shape[0]):
            for column in range(observation.shape[1]):
                bad += observation[row, column] - observation[row, column] != 0.0
        if bad == 0:
            return -1
    for row in range(observation.shape[0]):
        for column in range(observation.shape[1]):
            value = observation[row, column]
            if not (-np.inf < value < np.inf and low[column] <= value <= high[column]):
                return column
            if low[column] > -np.inf and value != np.floor(value):
                return column
    return -1


def world_fault(world: Any, observation: np.ndarray, rights: int) -> int:
    """What `unsound` says of the world's reward and an observation, float64 [copies * rights, D]."""
    one_each = observation if rights == 1 else np.ascontiguousarray(observation[::rights])
    return int(unsound(one_each, world.low, world.high, world.reward))


def check_world(world: Any, observation: np.ndarray, rights: int, step: int) -> None:
    """Raise InputError if the environment gave a reward or an observation that cannot be traded on.

    observation: float64 [copies * rights, D]; the rights of a copy see the same.
    """
    fault = world_fault(world, observation, rights)
    if fault == -1:
        return
    if fault == -2:
        raise InputError(
            f"the environment gave reward {world.reward.tolist()} at step {step}: wanted finite numbers up to "
            f"{LARGEST_BID:.3g}; repair it, e.g. with gymnasium.wrappers.TransformReward"
        )
    good = world.goods[int(fault)]
    wanted = "finite numbers" if good.size is None else f"whole numbers from 0 to {good.size - 1}"
    raise InputError(
        f"the environment gave {good.name} = {observation[:, int(fault)].tolist()} at step {step}: wanted {wanted}; "
        "repair it, e.g. with gymnasium.wrappers.TransformObservation"
    )


def check_action(action: np.ndarray, sizes: np.ndarray, population: Any) -> None:
    """Raise InputError unless `action` holds a number for each row: 0 <= number < size, with sizes int64 [rows]."""
    if np.shape(action) == sizes.shape:
        if len(sizes) == 1 and 0 <= action[0] < sizes[0] and int(action[0]) == action[0]:  # without array overhead
            return
        whole = np.asarray(action).dtype.kind in "iu" or not np.mod(action, 1).any()
        if whole and (action >= 0).all() and (action < sizes).all():
            return
    raise InputError(
        f"{type(population).__name__}.act returned {np.asarray(action).tolist()}: wanted one whole number per row, "
        f"from 0 to below {sizes.tolist()}"
    )
