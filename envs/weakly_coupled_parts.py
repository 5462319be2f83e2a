"""Parts of a weakly coupled task alone, at given prices: what they are worth, and what they use.

Prices are dated for T periods and constant ever after. The value of "ever after" is found by policy iteration, with one linear
system per round (Howard 1960), so the work does not grow with the horizon; mixed actions make that Newton's method on a
smooth equation. Rounding leaves a residual: with max(TV - V, 0) / (1 - discount) on top, V is an upper bound on the true value
(Puterman 1994, section 6.6), which is what is returned.
"""

import numpy as np
from numba import njit

from marketic.linear_systems import solve

ROUNDING = float(np.finfo(float).eps)
MOST_ROUNDS = 100
"""Of policy iteration, which takes about five."""


@njit(cache=True)
def price_parts(transitions, rewards, uses, start, alike, discount, prices, temperature, address):  # type: ignore[no-untyped-def]
    """All parts alone at given prices: their total value from the start, and what they use, discounted, [T + 1, K].

    Arguments as in `WeaklyCoupled`; alike float64 [n]: how many parts each of them stands for; prices float64 [T + 1, K];
    temperature of the mixed actions, currency (0: the best action); address: of `marketic.linear_systems.solver`.
    """
    parts, actions, states = transitions.shape[0], transitions.shape[1], transitions.shape[2]
    periods = prices.shape[0] - 1
    total, use = 0.0, np.zeros(prices.shape)
    net, value, update = np.empty((states, actions)), np.empty(states), np.empty(states)
    policy = np.empty((periods + 1, states, actions))
    matrix, right = np.empty((states, states)), np.empty((1, states))
    for i in range(parts):
        _net(rewards[i], uses[i], prices[periods], net)
        total += alike[i] * discount**periods * _settle(
            transitions[i], net, discount, temperature, value, update, policy[periods], matrix, right, address
        )  # fmt: skip
        for t in range(periods - 1, -1, -1):
            _net(rewards[i], uses[i], prices[t], net)
            _look_ahead(transitions[i], net, discount, temperature, value, update, policy[t])
            value[:] = update
        total += alike[i] * value[start[i]]
        _spend(transitions[i], uses[i], start[i], alike[i], discount, policy, use, matrix, right, address)
    return total, use


@njit(cache=True)
def _net(rewards, uses, prices, net):  # type: ignore[no-untyped-def]
    """Rewards less what is paid, float64 [S, A], into `net`."""
    for s in range(rewards.shape[0]):
        for a in range(rewards.shape[1]):
            net[s, a] = rewards[s, a]
            for k in range(prices.shape[0]):
                net[s, a] -= prices[k] * uses[a, k]


@njit(cache=True)
def _settle(transitions, net, discount, temperature, value, update, policy, matrix, right, address):  # type: ignore[no-untyped-def]
    """Policy iteration: writes `value` and `policy`; returns what the true value may be above `value`, at most."""
    states, actions = net.shape
    value[:] = 0.0
    for _ in range(MOST_ROUNDS):
        _look_ahead(transitions, net, discount, temperature, value, update, policy)
        size = np.abs(update).max() + np.abs(value).max()
        if np.abs(update - value).max() <= (16 + states) * ROUNDING * size:
            break
        for s in range(states):
            right[0, s] = update[s] - value[s]
            for y in range(states):
                matrix[y, s] = 1.0 if s == y else 0.0  # LAPACK reads column by column
                for a in range(actions):
                    matrix[y, s] -= discount * policy[s, a] * transitions[a, s, y]
        if not solve(address, matrix, right):
            return np.inf
        value += right[0]
    _look_ahead(transitions, net, discount, temperature, value, update, policy)
    return max((update - value).max(), 0.0) / (1.0 - discount)


@njit(cache=True)
def _look_ahead(transitions, net, discount, temperature, value, update, policy):  # type: ignore[no-untyped-def]
    """One step back in time from `value`: writes `update` [S] and the chances of the actions, `policy` [S, A]."""
    states, actions = net.shape
    quality = np.empty(actions)
    for s in range(states):
        for a in range(actions):
            q = 0.0
            for y in range(states):
                q += transitions[a, s, y] * value[y]
            quality[a] = net[s, a] + discount * q
        update[s] = _mix(quality, temperature, policy[s])


@njit(cache=True)
def _mix(quality, temperature, chance):  # type: ignore[no-untyped-def]
    """The value of the best action, or its soft maximum; writes the chances of the actions."""
    best = quality.max()
    if temperature == 0.0:
        chance[:] = 0.0
        chance[quality.argmax()] = 1.0
        return best
    total = 0.0
    for a in range(quality.shape[0]):
        chance[a] = np.exp((quality[a] - best) / temperature)
        total += chance[a]
    for a in range(quality.shape[0]):
        chance[a] /= total
    return best + temperature * np.log(total)


@njit(cache=True)
def _spend(transitions, uses, start, alike, discount, policy, use, matrix, right, address):  # type: ignore[no-untyped-def]
    """Add `alike` parts' expected discounted use, by period, to `use`."""
    actions, states, periods = transitions.shape[0], transitions.shape[1], policy.shape[0] - 1
    here, following = np.zeros(states), np.zeros(states)
    here[start] = alike
    for t in range(periods):
        _use(here, uses, policy[t], use[t])
        following[:] = 0.0
        for s in range(states):
            for a in range(actions):
                share = discount * here[s] * policy[t, s, a]
                if share != 0.0:
                    for y in range(states):
                        following[y] += share * transitions[a, s, y]
        here[:] = following
    right[0] = here
    for s in range(states):
        for y in range(states):
            matrix[s, y] = 1.0 if s == y else 0.0  # visits: the transposed system
            for a in range(actions):
                matrix[s, y] -= discount * policy[periods, s, a] * transitions[a, s, y]
    if solve(address, matrix, right):
        _use(right[0], uses, policy[periods], use[periods])


@njit(cache=True)
def _use(visits, uses, policy, use):  # type: ignore[no-untyped-def]
    """Add what the actions of so many visits of each state take to `use` [K]."""
    for s in range(policy.shape[0]):
        for a in range(policy.shape[1]):
            for k in range(uses.shape[1]):
                use[k] += visits[s] * policy[s, a] * uses[a, k]
