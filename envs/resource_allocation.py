"""Charging electric cars before they leave, with less power than chargers: deadline scheduling as a restless bandit.

Yu, Xu and Tong 2018, "Deadline scheduling as restless bandits" (IEEE Transactions on Automatic Control 63), a standard
task for index policies and weakly coupled learners. Each charger is vacant, or holds a car that leaves in t periods and still
wants b units. A charger that is switched on (action 1) delivers one unit and earns 1 - cost for it (nothing, where no car
wants any, but power is taken all the same). A car that leaves with b units missing costs 0.2 b^2. An empty place gets a new
car with chance `arrival`: its stay is uniform on 1 .. longest, and its wants on 1 .. min(largest, stay). Only `power`
chargers can be on at once.
"""

import numpy as np

from marketic.economy import inputs
from marketic.envs.weakly_coupled import WeaklyCoupled
from marketic.errors import InputError
from marketic.factoring import MOST_PARTS
from marketic.numbers import whole

MOST_STATES = 4096
"""Of a charger, longest times largest: their chances are a table of states times states."""

PENALTY = 0.2


class ResourceAllocation(WeaklyCoupled):
    """`chargers` >= 2, all vacant at first. State of a charger: 0 vacant, else `place(t, b)`.

    power: chargers that can be on, 1 to chargers - 1; None: a third of them, rounded up. longest, largest: of stays and wants,
    periods and units, >= 1. arrival: chance in (0, 1]. cost: of a unit, currency, in [0, 1).

    Chargers are all alike: the factoring says so, and parts learn from each other. Raises InputError for other numbers, and
    if power is not scarce: at a price of 0, all cars together would draw no more than there is, and power would be free.
    """

    def __init__(
        self,
        chargers: int = 12,
        power: int | None = None,
        *,
        longest: int = 6,
        largest: int = 4,
        arrival: float = 0.7,
        cost: float = 0.5,
        discount: float = 0.95,
        render_mode: str | None = None,
    ) -> None:
        power = -(-chargers // 3) if power is None and isinstance(chargers, int) else power
        wanted = {"chargers": (chargers, 2), "power": (power, 1), "longest": (longest, 1), "largest": (largest, 1)}
        for name, (number, least) in wanted.items():
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
                raise InputError(f"ResourceAllocation({name}={number!r}): wanted a whole number >= {least}")
        whole("ResourceAllocation: chargers", chargers, 2, MOST_PARTS)
        whole("ResourceAllocation: longest", longest, 1, MOST_STATES // min(int(largest), MOST_STATES))
        inputs.number("ResourceAllocation(...): arrival", arrival)
        inputs.number("ResourceAllocation(...): cost", cost)
        if not 0.0 < arrival <= 1.0 or not 0.0 <= cost < 1.0:
            raise InputError(f"ResourceAllocation(arrival={arrival}, cost={cost}): wanted (0, 1] and [0, 1)")
        if power >= chargers:  # type: ignore[operator]
            raise InputError(
                f"ResourceAllocation(power={power}) of {chargers} chargers: nothing is scarce; wanted less power"
            )
        self.longest, self.largest, self.power = int(longest), int(largest), int(power)  # type: ignore[arg-type]
        transitions, rewards = _dynamics(self.longest, self.largest, float(arrival), float(cost))
        uses = np.zeros((chargers, 2, 1))
        uses[:, 1] = 1.0
        super().__init__(
            np.repeat(transitions[None], chargers, 0), np.repeat(rewards[None], chargers, 0), uses,
            np.array([float(self.power)]), np.zeros(chargers, np.int64), discount=discount, kinds=[0] * chargers,
            render_mode=render_mode,
        )  # fmt: skip
        self._refuse_plenty(float(arrival))

    def _refuse_plenty(self, arrival: float) -> None:
        """Raise InputError unless the price of power is above 0, that is, unless more would be drawn if it were free."""
        demand = float(self._demand_for_free()[0])
        if demand <= self.power:
            raise InputError(
                f"ResourceAllocation: {self.parts} chargers draw {demand:.2f} units a period at a price of 0 and have "
                f"power={self.power}; wanted scarcity: less power than {demand:.2f}, a greater arrival than {arrival:g}, or "
                "larger wants"
            )

    def place(self, stay: int, want: int) -> int:
        """The state's number of a car that leaves in `stay` >= 1 periods and wants `want` >= 0 more units."""
        return _place(stay, want, self.largest)


def _place(stay: int, want: int, largest: int) -> int:
    return 1 + (stay - 1) * (largest + 1) + want


def _dynamics(longest: int, largest: int, arrival: float, cost: float) -> tuple[np.ndarray, np.ndarray]:
    """Transitions [2, S, S] and rewards [S, 2] of one charger."""
    states = 1 + longest * (largest + 1)
    fresh = np.zeros(states)
    fresh[0] = 1.0 - arrival
    for stay in range(1, longest + 1):
        most = min(largest, stay)
        for want in range(1, most + 1):
            fresh[_place(stay, want, largest)] += arrival / (longest * most)
    transitions, rewards = np.zeros((2, states, states)), np.zeros((states, 2))
    transitions[:, 0] = fresh
    for stay in range(1, longest + 1):
        for want in range(largest + 1):
            here = _place(stay, want, largest)
            for on in (0, 1):
                left = max(want - on, 0)
                rewards[here, on] = (1.0 - cost) * (want - left)
                if stay == 1:
                    transitions[on, here] = fresh
                    rewards[here, on] -= PENALTY * left**2
                else:
                    transitions[on, here, _place(stay - 1, left, largest)] = 1.0
    return transitions, rewards
