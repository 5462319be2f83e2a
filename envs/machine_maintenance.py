"""Machines that wear out and wait for too few repair crews: one scarce resource, any number of machines, known bounds.

Machine i has wear 0 (new) to 4 (worn out). Left alone it wears by one with chance q_i; a crew's visit makes it new with
chance 0.9. It earns v_i (1, .9, .7, .4, 0)[wear] a step; under repair half of that, and the visit costs 0.3. In each step
at most `crews` machines can be visited. What a crew-hour is worth to a machine is its bid; the price lambda of a
crew-hour is what balances bids and crews: a restless bandit (Whittle 1988; Glazebrook, Mitchell and Ansell 2005 for
machine maintenance).

With few bids for many crews the price is 0 and every sensible rule does equally well, so such tasks are refused.
"""

from typing import Any

import numpy as np

from marketic.economy import inputs
from marketic.envs.weakly_coupled import WeaklyCoupled
from marketic.errors import InputError
from marketic.factoring import MOST_PARTS
from marketic.numbers import whole

OUTPUT = np.array([1.0, 0.9, 0.7, 0.4, 0.0])
"""What a machine makes, by wear, as a share of what it makes when new."""
REPAIR_WORKS, REPAIR_COST = 0.9, 0.3


class MachineMaintenance(WeaklyCoupled):
    """`machines` >= 1 that start new; action 1 asks for a crew, 0 does not.

    crews:    how many there are, 1 to machines - 1; None: one for every `scarcity` machines, rounded, at least one.
    scarcity: machines per crew, > 1. economy: int >= 0, the seed that draws the machines: wear q_i uniform on `wear`, value
    v_i uniform on [0.5, 2]. discount: of bounds and optima, in (0, 1).

    q, v: float64 [machines]. Raises InputError for other numbers, and if crews are not scarce.
    """

    def __init__(
        self,
        machines: int = 5,
        crews: int | None = None,
        *,
        scarcity: float = 5.0,
        economy: int = 1,
        wear: tuple[float, float] = (0.3, 0.9),
        discount: float = 0.95,
        render_mode: str | None = None,
    ) -> None:
        _whole("machines", machines, 1)
        whole("MachineMaintenance: machines", machines, 1, MOST_PARTS)
        _whole("economy", economy, 0)
        if not inputs.number("MachineMaintenance(...): scarcity", scarcity) > 1.0:
            raise InputError(f"MachineMaintenance(scarcity={scarcity!r}): wanted more than 1 machine per crew")
        low, high = inputs.finite_array("MachineMaintenance(...): wear", wear, (2,))
        if not 0.0 <= low <= high <= 1.0:
            raise InputError(f"MachineMaintenance(wear={wear!r}): wanted chances (low, high), 0 <= low <= high <= 1")
        crews = max(1, round(machines / scarcity)) if crews is None else crews
        _whole("crews", crews, 1)
        rng = np.random.default_rng(economy)
        self.crews, self.q, self.v = int(crews), rng.uniform(low, high, machines), rng.uniform(0.5, 2.0, machines)
        uses = np.zeros((machines, 2, 1))
        uses[:, 1] = 1.0
        super().__init__(
            *_dynamics(self.q, self.v), uses, np.array([float(crews)]), np.zeros(machines, np.int64),
            discount=discount, render_mode=render_mode,
        )  # fmt: skip
        self._refuse_plenty()

    def _refuse_plenty(self) -> None:
        """Raise InputError unless, at a price of 0, machines would want more crew-hours than there are."""
        demand = float(self._demand_for_free()[0])
        if demand <= self.crews:
            raise InputError(
                f"MachineMaintenance: {self.parts} machines want {demand:.2f} crews a step at a price of 0 and have "
                f"{self.crews}; wanted scarcity: fewer crews, or machines that wear faster"
            )


def _dynamics(q: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transitions [n, 2, 5, 5] and rewards [n, 5, 2]."""
    machines, states = len(q), len(OUTPUT)
    transitions = np.zeros((machines, 2, states, states))
    for wear in range(states):
        worse = min(wear + 1, states - 1)
        transitions[:, 0, wear, worse] += q
        transitions[:, 0, wear, wear] += 1.0 - q
        transitions[:, 1, wear, 0] += REPAIR_WORKS
        transitions[:, 1, wear, wear] += 1.0 - REPAIR_WORKS
    output = v[:, None] * OUTPUT
    return transitions, np.stack([output, output / 2.0 - REPAIR_COST], axis=-1)


def _whole(option: str, given: Any, least: int) -> None:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least:
        raise InputError(f"MachineMaintenance({option}={given!r}): wanted a whole number >= {least}")
