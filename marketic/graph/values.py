"""Prices against the truth, where the truth is known: tasks that show their transitions as a table `P`.

With discount gamma, V*(s) = max_a sum over outcomes of p [r + gamma V*(s')] (terminal outcomes end there). In a chain that
credits the seller with what the next right fetched, the highest bid for the right to act at s should become V*(s). Value
iteration stops when no value moves by more than `tolerance` (1 - gamma) / gamma, so that it is off by less than
`tolerance` (Puterman 1994, theorem 6.3.1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.market import Market
from marketic.reporting.appraisal import appraise

MOST_SWEEPS = 100_000


@dataclass(frozen=True)
class PriceError:
    """Highest bids against V*, in units of reward.

    state: int64 [k], the states that were compared: those the market has acted in, the ends of episodes left out.
    price, value: float64 [k], highest bid and V*. discount: gamma of the market's chain.
    """

    state: np.ndarray
    price: np.ndarray
    value: np.ndarray
    discount: float

    @property
    def mean(self) -> float:
        """Mean |price - V*|; NaN if nothing was compared."""
        return float(np.abs(self.price - self.value).mean()) if len(self.state) else float("nan")

    @property
    def largest(self) -> float:
        """Largest |price - V*|; NaN if nothing was compared."""
        return float(np.abs(self.price - self.value).max()) if len(self.state) else float("nan")


def table_of(env: Any) -> dict[int, dict[int, list[Any]]] | None:
    """The transition table of a Gymnasium environment: state -> action -> outcomes (p, s', r, terminated); None without."""
    table = getattr(env.unwrapped, "P", None)
    return table if isinstance(table, dict) and table and isinstance(next(iter(table.values())), dict) else None


def optimal_values(table: dict[int, dict[int, list[Any]]], discount: float, tolerance: float = 1e-9) -> np.ndarray:
    """V* of a transition table, float64 [states]. tolerance: relative to the largest value or reward.

    Raises InputError for a discount outside [0, 1], or if values do not settle (discount 1 and a paying loop).

    >>> walk = {0: {0: [(1.0, 1, 0.0, False)]}, 1: {0: [(1.0, 1, 1.0, True)]}}
    >>> optimal_values(walk, 0.5).tolist()
    [0.5, 1.0]
    """
    if not 0 <= discount <= 1:
        raise InputError(f"optimal_values(discount={discount}): wanted a number from 0 to 1")
    rows = [(s, a, p, t, r, over) for s, acts in table.items() for a, ends in acts.items() for p, t, r, over in ends]
    state, action, chance, after, reward, over = (np.array(column) for column in zip(*rows, strict=True))
    actions = int(action.max()) + 1
    cell, alive = state * actions + action, 1.0 - over
    offered = np.bincount(cell, minlength=len(table) * actions) > 0
    value = np.zeros(len(table))
    stop = tolerance * (1 - discount) / discount if 0 < discount < 1 else tolerance * 1e-3
    stop, most = max(stop, 4 * float(np.finfo(float).eps)), float(np.abs(reward).max())
    for _ in range(MOST_SWEEPS):
        gain = chance * (reward + discount * alive * value[after])
        worth = np.where(offered, np.bincount(cell, weights=gain, minlength=len(offered)), -np.inf)
        new = worth.reshape(len(table), actions).max(axis=1)
        if np.abs(new - value).max() <= stop * max(most, float(np.abs(new).max())):
            return new
        value = new
    raise InputError(f"values do not settle with discount {discount}: the task pays for going round in a circle")


@dataclass(frozen=True)
class PolicyValue:
    """What the greedy market earns, computed from the task's transitions instead of played; currency.

    value, best: of the greedy policy and of the best one, discounted, without a time limit, from a start of the task.
    expected: undiscounted return of an episode under the task's time limit; NaN without one. discount: of the chain.
    """

    value: float
    best: float
    expected: float
    discount: float


def policy_value(market: Market) -> PolicyValue | None:
    """The exact value of the market's greedy policy; None for a task without a table or without known starts.

    Raises InputError if values do not settle (discount 1 and a paying loop).
    """
    found = _states(market)
    start = getattr(market.env.unwrapped, "initial_state_distrib", None)
    if found is None or start is None:
        return None
    table, states = found
    discount, limit = market.chain.discount, getattr(market.env.spec, "max_episode_steps", None)
    best = optimal_values(table, discount)
    chosen = market.choose(states)[:, 0].tolist()
    followed = {state: {0: table[state][action]} for state, action in enumerate(chosen)}
    value, expected = optimal_values(followed, discount), np.nan
    if limit is not None:
        expected = float(start @ _within(followed, int(limit)))
    return PolicyValue(float(start @ value), float(start @ best), expected, discount)


def _within(table: dict[int, dict[int, list[Any]]], steps: int) -> np.ndarray:
    """Undiscounted returns of at most so many steps, float64 [states], in a table with one action per state."""
    moves, reward = np.zeros((len(table), len(table))), np.zeros(len(table))
    for state, acts in table.items():
        for chance, after, paid, over in acts[0]:
            reward[state] += chance * paid
            moves[state, after] += chance * (not over)
    value = np.zeros(len(table))
    for _ in range(steps):
        value = reward + moves @ value
    return value


def _states(market: Market) -> tuple[dict[int, dict[int, list[Any]]], np.ndarray] | None:
    """The task's table and all its states, encoded, float64 [states, 1]; None where market and table do not fit."""
    table, goods = table_of(market.env), market.world.goods
    if table is None or goods.states != len(table) or len(goods) != 1 or market.rights != 1:
        return None
    return table, np.arange(len(table), dtype=float)[:, None]


def price_error(market: Market) -> PriceError | None:
    """The market's highest bids against V*, with the discount of its chain; None for a task without a table.

    Nothing is traded. Only states in which an agent that bids has traded before are compared.
    """
    found = _states(market)
    if found is None:
        return None
    table, states = found
    answers = appraise(market, states)
    compared = np.flatnonzero(answers.known & ~np.isin(states[:, 0], _ends(table)))
    discount = market.chain.discount
    return PriceError(compared, answers.price[compared], optimal_values(table, discount)[compared], discount)


def _ends(table: dict[int, dict[int, list[Any]]]) -> list[int]:
    """States in which nobody acts: an episode may end there, or every action stays there for ever."""
    reached = {
        int(to) for acts in table.values() for ends in acts.values() for p, to, _, over in ends if over and p > 0
    }
    stuck = {s for s, acts in table.items() if all(int(to) == s for ends in acts.values() for _, to, _, _ in ends)}
    return sorted(reached | stuck)
