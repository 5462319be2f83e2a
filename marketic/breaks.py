"""Where rights stand when training breaks off, at its end or because something failed in the middle of a step."""

from typing import TYPE_CHECKING

import numpy as np

from marketic.settlement import IDLE, TERMINATED, TRUNCATED
from marketic.soundness import world_fault

if TYPE_CHECKING:
    from marketic.round import Round


def last_states(current: "Round", owned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How owned rights, bool [rows], end: stages int64 [rows], and states float64 [rows, D] that are priced if cut short.

    Where an episode has ended but was not settled yet, that is how its rights end. If what the environment gave last cannot
    be traded on, they stand where they were bought, and earned nothing there.
    """
    world, rights, seen = current.world, current.rights, current.seen
    stage = np.where(owned, TRUNCATED, IDLE)
    if world.ended and rights > 1:
        seen.see_final()
    states = [current.observation, current.final] if world.ended else [current.observation]
    if any(world_fault(world, one, rights) != -1 for one in states):
        seen.go_back()
        return stage, current.observation
    if not world.ended:
        return stage, current.observation
    stage[owned & np.repeat(world.terminated, rights)] = TERMINATED
    over = np.repeat(world.terminated | world.truncated, rights)
    return stage, np.where(over[:, None], current.final, current.observation)
