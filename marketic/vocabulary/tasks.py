"""What is known about Gymnasium's own tasks: names of components and actions, and the plane worth looking at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marketic.words import Words

COMPASS = {"left": 180, "west": 180, "right": 0, "east": 0, "up": 270, "north": 270, "down": 90, "south": 90}
"""Directions on the page, degrees clockwise from the right."""


@dataclass(frozen=True)
class Task:
    """The vocabulary of a task, and for real observations the plane to draw.

    plane:  the two components of the drawing.            low, high: its range; empty: taken from the space or the agents.
    angle:  True: the first axis is the angle behind components (0, 1), its cosine and sine.
    remark: what helps to read the map.
    """

    words: Words = field(default_factory=Words)
    plane: tuple[int, int] = (0, 1)
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    angle: bool = False
    remark: str = ""


_LAKE = Task(
    Words(moves=("left", "down", "right", "up")),
    remark="The ice is slippery: a move succeeds one time in three, so the best one often points away from a hole.",
)
_CAR = (("position", ""), ("velocity", "per step"))
_LINKS = {(0, 1): "first link's angle", (2, 3): "second link's angle"}
_LANDER = (("horizontal position", ""), ("height", ""), ("horizontal velocity", ""), ("vertical velocity", ""),
           ("angle", "rad"), ("angular velocity", ""), ("left leg on ground", ""), ("right leg on ground", ""))  # fmt: skip
_TAXI = ("south", "north", "east", "west", "pick up", "drop off")
_POLE = (("cart position", "m"), ("cart velocity", "m/s"), ("pole angle", "rad"), ("pole angular velocity", "rad/s"))
_JOINTS = (("cosine of first angle", ""), ("sine of first angle", ""), ("cosine of second angle", ""),
           ("sine of second angle", ""), ("first link's angular velocity", "rad/s"),
           ("second link's angular velocity", "rad/s"))  # fmt: skip
_DEAL = (("player's sum", ""), ("dealer's card", ""), ("usable ace", ""))

TASKS: dict[str, Task] = {
    "FrozenLake": _LAKE,
    "FrozenLake8x8": _LAKE,
    "CliffWalking": Task(Words(moves=("up", "right", "down", "left"))),
    "Taxi": Task(Words(moves=_TAXI)),
    "Blackjack": Task(Words(_DEAL, ("stick", "hit"))),
    "CartPole": Task(Words(_POLE, ("push left", "push right")), (2, 3), (-0.21, -2.0), (0.21, 2.0)),
    "MountainCar": Task(Words(_CAR, ("push left", "do not push", "push right"))),
    "MountainCarContinuous": Task(Words(_CAR)),
    "Acrobot": Task(
        Words(_JOINTS, ("torque -1", "no torque", "torque +1"), _LINKS), (0, 4), (-np.pi, -8.0), (np.pi, 8.0), angle=True
    ),
    "Pendulum": Task(
        Words((("cosine", ""), ("sine", ""), ("angular velocity", "rad/s")), angles={(0, 1): "angle"}),
        (0, 2), (-np.pi, -8.0), (np.pi, 8.0), angle=True,
    ),
    "LunarLander": Task(
        Words(_LANDER, ("do nothing", "fire left engine", "fire main engine", "fire right engine")),
        (0, 1), (-1.0, -0.1), (1.0, 1.5),
    ),
    "LunarLanderContinuous": Task(Words(_LANDER), (0, 1), (-1.0, -0.1), (1.0, 1.5)),
}  # fmt: skip
"""By the environment's name without its version."""


def task_of(env_id: str) -> Task:
    """What is known about a task; an empty vocabulary for a stranger."""
    return TASKS.get(env_id.rpartition(":")[2].rpartition("-v")[0], Task())


def with_places(words: Words, grid: tuple[int, int] | None, decode: Callable[[int], Any] | None) -> Words:
    """The same vocabulary, with words for a state: its row and column in a grid, or Taxi's four facts."""
    if grid is not None:
        columns = grid[1]
        return Words(words.components, words.moves, words.angles,
                     lambda s: f"state {s} (row {s // columns + 1}, column {s % columns + 1})")  # fmt: skip
    if decode is not None:
        return Words(words.components, words.moves, words.angles, lambda s: taxi_place(*decode(s)))
    return words


TAXI_PLACES = ("R", "G", "Y", "B", "in the taxi")


def taxi_place(row: int, column: int, passenger: int, destination: int) -> str:
    """A state of Taxi in words."""
    where = TAXI_PLACES[passenger] if passenger == 4 else f"at {TAXI_PLACES[passenger]}"
    return f"taxi at row {row + 1}, column {column + 1}, passenger {where}, to {TAXI_PLACES[destination]}"
