"""A good choice of bids in milliseconds: iterated local search, so that branch and bound need only prove it.

Winner determination is a maximum-weight independent set in the graph of bids that exclude each other. A bid may come in for
all bids that it excludes; the search takes the exchange that gains most until none gains, then forces a bid in at random and
repairs, and goes back if the result is worse, but walks on when nothing has helped for long (stochastic search for winner
determination: Hoos and Boutilier 2000; exchanges of one for several: Nogueira, Pinheiro and Subramanian 2018).
"""

import numba
import numpy as np

PATIENCE, WALK = 400, 60
"""After so many fruitless kicks, so many are accepted whatever they cost."""


def improved(
    value: np.ndarray, conflict: np.ndarray, chosen: np.ndarray, kicks: int, rng: np.random.Generator
) -> np.ndarray:
    """The best choice found, bool [b], never worse than `chosen`.

    value: float64 [b], bids <= 0 stay out. conflict: bool [b, b], symmetric, its diagonal ignored. chosen: bool [b], a choice
    without conflicts. kicks: bids forced in at random, at least 0.
    """
    worth = np.flatnonzero(value > 0.0)
    if not len(worth) or not kicks:
        return chosen
    start, rival = _neighbours(conflict)
    return np.asarray(_search(value, start, rival, chosen, rng.choice(worth, size=kicks)))


def _neighbours(conflict: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rivals of bid b are rival[start[b]:start[b + 1]]."""
    bid, rival = np.nonzero(conflict & ~np.eye(len(conflict), dtype=bool))
    return np.searchsorted(bid, np.arange(len(conflict) + 1)), rival


@numba.njit(cache=True)
def _search(value, start, rival, chosen, forced):  # type: ignore[no-untyped-def]
    now, loss, welfare = chosen.copy(), np.zeros(len(value)), 0.0
    for bid in range(len(value)):
        if now[bid]:
            welfare += value[bid]
            loss[rival[start[bid] : start[bid + 1]]] += value[bid]
    welfare = _descend(value, start, rival, now, loss, welfare)
    home, home_loss, level = now.copy(), loss.copy(), welfare
    best, highest, stale = now.copy(), welfare, 0
    for bid in forced:
        if now[bid]:
            continue
        welfare = _enter(bid, value, start, rival, now, loss, welfare)
        welfare = _descend(value, start, rival, now, loss, welfare)
        stale = 0 if welfare > level + 1e-12 else stale + 1
        if welfare >= level or stale > PATIENCE:
            home[:], home_loss[:], level = now, loss, welfare
            if stale > PATIENCE + WALK:
                stale = 0
        else:
            now[:], loss[:], welfare = home, home_loss, level
        if welfare > highest:
            best[:], highest = now, welfare
    return best


@numba.njit(cache=True)
def _enter(bid, value, start, rival, now, loss, welfare):  # type: ignore[no-untyped-def]
    """Let `bid` in and its rivals out; loss[b] is what letting b in would cost."""
    for at in range(start[bid], start[bid + 1]):
        other = rival[at]
        if now[other]:
            now[other] = False
            welfare -= value[other]
            loss[rival[start[other] : start[other + 1]]] -= value[other]
    now[bid] = True
    loss[rival[start[bid] : start[bid + 1]]] += value[bid]
    return welfare + value[bid]


@numba.njit(cache=True)
def _descend(value, start, rival, now, loss, welfare):  # type: ignore[no-untyped-def]
    """Let the bid in that gains most, until none gains."""
    while True:
        most, gain = -1, 1e-12
        for bid in range(len(value)):
            if not now[bid] and value[bid] - loss[bid] > gain:
                most, gain = bid, value[bid] - loss[bid]
        if most < 0:
            return welfare
        welfare = _enter(most, value, start, rival, now, loss, welfare)
