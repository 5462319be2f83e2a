"""A network of computers that drag each other down, and one administrator: parts whose states matter to their neighbours.

SysAdmin (Guestrin, Koller, Parr and Venkataraman 2003, "Efficient solution algorithms for factored MDPs"), with the
numbers of its RDDL version in the planning competition of 2011. A computer that is up stays up with chance
0.45 + 0.5 (1 + neighbours up) / (1 + neighbours); one that is down comes up by itself with chance 0.05. In each step one
computer can be rebooted, which costs 0.75 and brings it up for sure; every computer that is up earns 1. All start up.

Topologies, by whom a computer depends on: "ring", computer i on i - 1; "star", the leaves 1, 2 ... on the hub 0, which
depends on nobody; "grid", each on the two to four beside it in a square. Known values and bounds:
`marketic.envs.sysadmin_bound`.
"""

import math
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.economy import inputs
from marketic.envs import sysadmin_bound
from marketic.errors import InputError
from marketic.factoring import MOST_PARTS, Factoring, ration
from marketic.numbers import whole

REBOOT_COST = 0.75
ALONE, TOGETHER, RECOVERS = 0.45, 0.5, 0.05


class SysAdmin(gym.Env):
    """Observe which computers are up, int8 [n]; ask for reboots, int8 [n], of which one, drawn at random, takes place.

    computers: >= 3; "grid": a square number >= 4. topology: "ring", "star" or "grid". discount in (0, 1): of the bounds.

    parents: for each computer, those it depends on. Reward: number up, less 0.75 for a reboot; info["part_rewards"] float64 [n]
    and info["served"] int64 [n], the reboots that took place. It never terminates: registered with a time limit.

    Raises InputError for other options.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self, computers: int = 20, topology: str = "ring", *, discount: float = 0.95, render_mode: str | None = None
    ) -> None:
        if isinstance(computers, bool) or not isinstance(computers, int | np.integer) or computers < 3:
            raise InputError(f"SysAdmin(computers={computers!r}): wanted a whole number >= 3")
        whole("SysAdmin: computers", computers, 3, MOST_PARTS)
        if not isinstance(topology, str) or topology not in TOPOLOGIES:
            raise InputError(f"SysAdmin(topology={topology!r}): wanted one of {', '.join(TOPOLOGIES)}")
        if not 0.0 < inputs.number("SysAdmin(...): discount", discount) < 1.0:
            raise InputError(f"SysAdmin(discount={discount}): wanted a number above 0 and below 1")
        if render_mode not in (None, "ansi"):
            raise InputError(f"SysAdmin(render_mode={render_mode!r}): wanted 'ansi' or None")
        self.computers, self.topology, self.discount = int(computers), topology, float(discount)
        self.parents = TOPOLOGIES[topology](self.computers)
        self.render_mode = render_mode
        self.around = np.zeros((self.computers, self.computers))  # around[i, j]: i depends on j
        for one, others in enumerate(self.parents):
            self.around[one, others] = 1.0
        self._near = np.full(
            (self.computers, max(map(len, self.parents))), self.computers
        )  # nobody: one beyond the last
        for one, others in enumerate(self.parents):
            self._near[one, : len(others)] = others
        self._neighbours = self.around.sum(axis=1)
        uses = np.zeros((self.computers, 2, 1))
        uses[:, 1] = 1.0
        self.uses, self.capacity = uses, np.ones(1)
        self.factoring = Factoring(
            reads=[[one] for one in range(self.computers)],
            parents=self.parents,
            uses=uses,
            capacity=self.capacity,
            kinds=self._kinds(),
        )
        self.observation_space = gym.spaces.MultiBinary(self.computers)
        self.action_space = gym.spaces.MultiBinary(self.computers)
        self.up: np.ndarray | None = None

    def _kinds(self) -> list[int]:
        """Computers are alike that depend on as many others, and have as many that depend on them."""
        pairs = [(len(others), int(self.around[:, one].sum())) for one, others in enumerate(self.parents)]
        return [sorted(set(pairs)).index(pair) for pair in pairs]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """All computers are up."""
        super().reset(seed=seed)
        self.up = np.ones(self.computers, dtype=np.int8)
        return self.up.copy(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """One step of the network. Raises InputError for an action that is not there, or before a reset."""
        asked = np.asarray(action)
        if asked.dtype.kind not in "biu" or not self.action_space.contains(asked):
            raise InputError(f"SysAdmin.step({action!r}): wanted an action of {self.action_space}")
        if self.up is None:
            raise InputError("SysAdmin.step: no episode runs; call reset first")
        served = ration(self.uses, self.capacity, asked.astype(np.int64), self.np_random)
        following, earned = self.advance(self.up[None], served[None], self.np_random)
        self.up = following[0].astype(np.int8)
        info = {"part_rewards": earned[0], "served": served.copy()}
        return self.up.copy(), float(earned.sum()), False, False, info

    def chances(self, up: np.ndarray) -> np.ndarray:
        """Of being up tomorrow without a reboot, float64 [B, n]; up: 0 or 1 [B, n]."""
        also_up = np.concatenate([up, np.zeros_like(up[:, :1])], axis=1)[:, self._near].sum(axis=2)
        share = (1.0 + also_up) / (1.0 + self._neighbours)
        return np.where(up > 0, ALONE + TOGETHER * share, RECOVERS)

    def advance(self, up: np.ndarray, reboot: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Many copies of one step: up, reboot 0 or 1 [B, n] -> next up int64 [B, n], rewards float64 [B, n].

        Nothing is refused here: give at most one reboot per copy.
        """
        chance = np.where(reboot > 0, 1.0, self.chances(up))
        return (rng.random(up.shape) < chance).astype(np.int64), up - REBOOT_COST * reboot

    def render(self) -> str | None:
        """Which computers are up, as 0s and 1s in one line (grid: in rows)."""
        if self.render_mode != "ansi":
            return None
        if self.up is None:
            return ""
        width = math.isqrt(self.computers) if self.topology == "grid" else self.computers
        return "\n".join("".join(map(str, row)) for row in self.up.reshape(-1, width).tolist())

    def alp_bound(self) -> float:
        """No policy earns more, discounted, from all up: the approximate linear program of `sysadmin_bound`."""
        return sysadmin_bound.alp_bound(self)

    def optimal_value(self) -> float:
        """The best discounted value from all up, exactly, for at most 10 computers; raises InputError for more."""
        return sysadmin_bound.optimal_value(self)

    def lumped_optimum(self) -> float:
        """The same for a star of any size; raises InputError for other topologies."""
        return float(sysadmin_bound.lumped_values(self)[1, self.computers - 1])


def _ring(n: int) -> list[list[int]]:
    return [[(one - 1) % n] for one in range(n)]


def _star(n: int) -> list[list[int]]:
    return [[], *([0] for _ in range(n - 1))]


def _grid(n: int) -> list[list[int]]:
    side = math.isqrt(n)
    if side * side != n or side < 2:
        raise InputError(
            f"SysAdmin(computers={n}, topology='grid'): wanted a square number >= 4, e.g. {max(side, 2) ** 2}"
        )
    near = []
    for one in range(n):
        row, column = divmod(one, side)
        cells = ((row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column))
        near.append([r * side + c for r, c in cells if 0 <= r < side and 0 <= c < side])
    return near


TOPOLOGIES = {"ring": _ring, "star": _star, "grid": _grid}
"""Name -> from a number of computers to the parents of each."""
