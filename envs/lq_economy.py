"""A linear-quadratic economy: stocks of goods, shipments, and prices that are costates, with the optimum known exactly.

Stocks x (deviations from plan) move as x' = A x + B u + w, w normal with standard deviation `noise`; each step costs
x'Qx + u'Ru. The best value is V(x) = -x'Px - c with P the solution of the discounted Riccati equation

    P = Q + discount A'PA - discount^2 A'PB (R + discount B'PB)^-1 B'PA,

the best shipments are u = -K x, and the price of a good today is what one more unit is worth: p = grad V = -2 P x. It obeys
the costate equation p_t = grad r_t + discount A' E p_{t+1} (Bertsekas 2012, section 3.1; `marketic.economy.time` posts such
prices firm by firm).
"""

from typing import Any

import gymnasium as gym
import numpy as np
from scipy.linalg import solve_discrete_are

from marketic.economy import inputs
from marketic.errors import InputError
from marketic.numbers import whole

MOST_GOODS, MOST_AMOUNT = 1000, 1e5

NEARSIGHTED = 1e-2
"""Discount times |A|^2 up to which the next day counts so little that a general solver loses P to its scales."""
FAR = 1e6
"""End of the spaces: stocks beyond it, units, end the episode (terminated)."""


class LQEconomy(gym.Env):
    """Observe stocks, float64 [goods]; ship, float64 [controls] within [-largest, largest], units. Reward: minus the cost.

    goods, controls: >= 1. economy: int >= 0, the seed that draws A (spectral radius 0.95) and B. noise: >= 0. largest: > 0.
    start: standard deviation of the first stocks, >= 0. discount in (0, 1].

    A, B, Q, R: the matrices. P, K: of the optimum, float64 [goods, goods] and [controls, goods].
    Raises InputError for other numbers, and where the Riccati equation has no solution.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        goods: int = 3,
        controls: int = 2,
        *,
        economy: int = 0,
        noise: float = 0.1,
        start: float = 1.0,
        largest: float = 10.0,
        discount: float = 0.95,
    ) -> None:
        for name, number, least in (("goods", goods, 1), ("controls", controls, 1), ("economy", economy, 0)):
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
                raise InputError(f"LQEconomy({name}={number!r}): wanted a whole number >= {least}")
        for name, number in (("goods", goods), ("controls", controls)):
            whole(f"LQEconomy: {name}", number, 1, MOST_GOODS)
        for name, given in (("noise", noise), ("start", start), ("largest", largest), ("discount", discount)):
            inputs.number(f"LQEconomy(...): {name}", given)
        for name, given in (("noise", noise), ("start", start), ("largest", largest)):
            if given > MOST_AMOUNT:
                raise InputError(
                    f"LQEconomy({name}={given}): wanted at most {MOST_AMOUNT:,.0f}, so that squares are rewards"
                )
        if not (noise >= 0.0 and start >= 0.0 and largest > 0.0 and 0.0 < discount <= 1.0):
            raise InputError(
                f"LQEconomy(noise={noise}, start={start}, largest={largest}, discount={discount}): wanted noise and "
                "start >= 0, largest > 0 and discount in (0, 1]"
            )
        rng = np.random.default_rng(economy)
        A, self.B = rng.normal(size=(goods, goods)), rng.normal(size=(goods, controls))
        self.A = 0.95 * A / np.abs(np.linalg.eigvals(A)).max()
        self.Q, self.R = np.eye(goods), np.eye(controls)
        self.noise, self.spread, self.discount, self.render_mode = float(noise), float(start), float(discount), None
        self.P, self.K = self._riccati()
        self.observation_space = gym.spaces.Box(-FAR, FAR, (goods,), np.float64)
        self.action_space = gym.spaces.Box(-float(largest), float(largest), (controls,), np.float64)
        self.stocks: np.ndarray | None = None

    def _riccati(self) -> tuple[np.ndarray, np.ndarray]:
        if self.discount * np.linalg.norm(self.A, 2) ** 2 <= NEARSIGHTED:
            return self._iterate()
        root = np.sqrt(self.discount)
        try:
            P = solve_discrete_are(root * self.A, root * self.B, self.Q, self.R)
        except np.linalg.LinAlgError as error:
            raise InputError(
                f"LQEconomy: the Riccati equation has no solution ({error}); take another economy"
            ) from None
        return P, self._gain(P)

    def _gain(self, P: np.ndarray) -> np.ndarray:
        return np.linalg.solve(self.R + self.discount * self.B.T @ P @ self.B, self.discount * self.B.T @ P @ self.A)

    def _iterate(self) -> tuple[np.ndarray, np.ndarray]:
        """The Riccati equation by sweeps from Q, each of which leaves a hundredth of the error at most."""
        P = self.Q
        for _ in range(10):
            P = self.Q + self.discount * self.A.T @ P @ (self.A - self.B @ self._gain(P))
        return (P + P.T) / 2.0, self._gain(P)

    def optimal_action(self, stocks: np.ndarray) -> np.ndarray:
        """Shipments -K x, float64 [..., controls], for stocks [..., goods]: optimal where they are within the largest."""
        return -np.asarray(stocks) @ self.K.T

    def prices(self, stocks: np.ndarray) -> np.ndarray:
        """What one more unit of each good is worth, float64 [..., goods]: -2 P x, the costates."""
        return -2.0 * np.asarray(stocks) @ self.P

    def optimal_value(self, stocks: np.ndarray) -> np.ndarray:
        """Discounted value without an end, float64 [...]: -x'Px and what the noise costs (infinite at discount 1)."""
        x = np.asarray(stocks)
        still = -np.einsum("...i,ij,...j->...", x, self.P, x)
        if self.noise == 0.0:
            return still
        ahead = self.discount / (1.0 - self.discount) if self.discount < 1.0 else np.inf
        return still - ahead * self.noise**2 * np.trace(self.P)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Draw the first stocks, normal with standard deviation `start`."""
        super().reset(seed=seed)
        self.stocks = self.spread * self.np_random.standard_normal(len(self.A))
        return self.stocks.copy(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Ship. Raises InputError for what is no action, or without a reset before it."""
        shipped = np.asarray(action)
        shipped = shipped.astype(np.float64) if shipped.dtype.kind in "biuf" else np.full((), np.nan)
        if not self.action_space.contains(shipped):
            raise InputError(f"LQEconomy.step({action!r}): wanted an action of {self.action_space}")
        if self.stocks is None:
            raise InputError("LQEconomy.step: no episode runs; call reset first")
        x = self.stocks
        reward = -float(x @ self.Q @ x + shipped @ self.R @ shipped)
        ahead = self.A @ x + self.B @ shipped + self.noise * self.np_random.standard_normal(len(x))
        lost = bool((np.abs(ahead) > FAR).any())
        self.stocks = None if lost else ahead
        return np.clip(ahead, -FAR, FAR), reward, lost, False, {}
