"""The bank's record: a ring of n-step claims.

A claim says: at s I bought a, within m <= n steps it brought R = sum gamma^k r_k, and left me the right at s',
worth gamma^m (0 if the episode terminated). A ring row is [s (D), s' (D), R, gamma^m or 0, a], float32.
Until a claim is n steps old it is open; the open claims of env b are rows open_[b, :count[b]] = [s (D), R, gamma^m, a].
"""

import numpy as np
from numba import njit

from marketic.agents.bank_units import CUT
from marketic.numbers import MOST_ENTRIES

CLAIMS = 100_000
"""A record of no given size holds this many claims, or as many as one array may (1 GiB): fewer of long observations."""

LARGEST = 1e37  # of an observation's numbers: differences of two, and 1 / deviation, are still float32


def record_size(capacity: int | None, inputs: int) -> int:
    """Claims in a record of observations of `inputs` numbers; capacity None: see `CLAIMS`."""
    return max(1, min(CLAIMS, MOST_ENTRIES // (2 * inputs + 3))) if capacity is None else capacity


def recent(
    rng: np.random.Generator, place: np.ndarray, size: int, recency: float, shape: tuple[int, int]
) -> np.ndarray:
    """Rows int64 `shape` of a ring of `size` rows, drawn by age: of n claims the one that floor(n u**recency) are younger than.

    place: the ring's cursor, and n >= 1. u is uniform on [0, 1): with recency 1 all claims are drawn alike, with r > 1 the
    youngest share x of them makes up x**(1/r) of the draws. What happened last weighs most, and nothing is forgotten
    (Wang and Ross 2019, who draw from a shrinking window of the youngest).
    """
    cursor, filled = place
    age = np.minimum(filled * rng.random(shape) ** recency, filled - 1).astype(np.int64)
    return (cursor - 1 - age) % size


@njit(cache=True)
def bounded(reading):
    """A number of an observation as float32: one beyond its range would be infinite, and spoil every mean."""
    return np.float32(min(max(reading, -LARGEST), LARGEST))


@njit(cache=True)
def enter(ring, place, claim, next_observation, factor):
    """Write one closed claim at the ring's cursor; place = [cursor, filled]."""
    size = next_observation.size
    row = ring[place[0]]
    row[:size] = claim[:size]
    for j in range(size):
        row[size + j] = bounded(next_observation[j])
    row[2 * size] = claim[size]
    row[2 * size + 1] = factor
    row[2 * size + 2] = claim[size + 2]
    place[0] = (place[0] + 1) % ring.shape[0]
    place[1] = min(place[1] + 1, ring.shape[0])


@njit(cache=True)
def buy(claim, count, observation, winner, reward, discount):
    """Open a claim in place count of claim [n, D + 3]; the new reward accrues to it and to all older ones."""
    size = observation.size
    for j in range(size):
        claim[count, j] = bounded(observation[j])
    claim[count, size] = 0
    claim[count, size + 1] = 1
    claim[count, size + 2] = winner
    for k in range(count + 1):
        claim[k, size] += claim[k, size + 1] * reward
        claim[k, size + 1] *= discount


@njit(cache=True)
def record(
    ring,
    place,
    open_,
    count,
    valid,
    observation,
    winner,
    reward,
    terminated,
    truncated,
    next_observation,
    discount,
    running,
    sums,
):
    """Add one receipt per environment [B] to the open claims, and close those that are due.

    running [B, 2]: discounted sum of past rewards, and revenue of this episode; sums [2]: sum of squares of the
    former and their number, for the currency. Returns revenue [B] of the episodes that ended, else nan.
    """
    rows, size = observation.shape
    ended = np.full(rows, np.nan)
    for b in range(rows):
        if not valid[b]:
            continue
        running[b, 0] = discount * running[b, 0] + reward[b]
        running[b, 1] += reward[b]
        sums[0] += running[b, 0] ** 2
        sums[1] += 1
        buy(open_[b], count[b], observation[b], winner[b], reward[b], discount)
        count[b] += 1
        over = terminated[b] or truncated[b]
        due = count[b] if over else (1 if count[b] == open_.shape[1] else 0)
        for k in range(due):
            # a terminated episode leaves nothing to sell; a truncated one leaves the right at its last observation
            factor = np.float32(0) if terminated[b] else open_[b, k, size + 1]
            enter(ring, place, open_[b, k], next_observation[b], factor)
        for k in range(count[b] - due):
            open_[b, k] = open_[b, k + due]
        count[b] -= due
        if over:
            ended[b] = running[b, 1]
            running[b] = 0
    return ended


@njit(cache=True)
def draw(ring, index, mean, scale, currency, z, z_next, payoff, factor, action):
    """Copy the claims index [M] out of the ring: observations standardised and clipped to +-CUT, payoffs in currency."""
    size = mean.size
    low, high = np.float32(-CUT), np.float32(CUT)
    for i in range(index.size):
        row = ring[index[i]]
        for j in range(size):
            z[i, j] = min(max((row[j] - mean[j]) * scale[j], low), high)
            z_next[i, j] = min(max((row[size + j] - mean[j]) * scale[j], low), high)
        payoff[i] = currency * row[2 * size]
        factor[i] = row[2 * size + 1]
        action[i] = np.int64(row[2 * size + 2])
