"""The bank's two compiled calls: `price` what is offered now, `settle` claims of the past."""

import numpy as np
from numba import njit

from marketic.agents.bank_network import adam, backward, follow, forward
from marketic.agents.bank_record import bounded, draw
from marketic.agents.bank_units import CUT

BIDDING, POSTED, STEADY, SHOWN, FORMER, CHALLENGER = range(6)  # rows of `copies` [5, P]; with trials [6, P]


@njit(cache=True)
def price(theta, mean, scale, observation, bidders, hidden, normalise):
    """Values [B, n], float32 and in the bank's currency, of observations [B, D]."""
    rows, size = observation.shape
    low, high = np.float32(-CUT), np.float32(CUT)
    z = np.empty((rows, size), np.float32)
    for i in range(rows):
        for j in range(size):
            z[i, j] = min(max((bounded(observation[i, j]) - mean[j]) * scale[j], low), high)
    work = np.empty((4, rows, hidden), np.float32)
    spread = np.empty((2, rows), np.float32)
    value = np.empty((rows, bidders), np.float32)
    forward(theta, z, work[0], work[1], work[2], work[3], spread, value, normalise)
    return value


@njit(cache=True)
def appraise_claims(copies, claims, work, spread, value, chosen, normalise):
    """Turn payoffs into targets y, in place; value and chosen [M, n] are scratch."""
    z_next, payoff, factor = claims
    forward(copies[BIDDING], z_next, work[0], work[1], work[2], work[3], spread, chosen, normalise)
    forward(copies[POSTED], z_next, work[0], work[1], work[2], work[3], spread, value, normalise)
    for i in range(payoff.size):
        payoff[i] += factor[i] * value[i, np.argmax(chosen[i])]


@njit(cache=True)
def settle(copies, moments, ring, index, mean, scale, bidders, hidden, normalise, currency, limit, rates, done):
    """A burst: len(index) updates, number u on the claims index[u] [M]. rates = (Adam's, posted, steady)."""
    batch, size = index.shape[1], mean.size
    z = np.empty((batch, size), np.float32)
    z_next = np.empty((batch, size), np.float32)
    work = np.empty((6, batch, hidden), np.float32)
    spread = np.empty((2, batch), np.float32)
    value = np.empty((batch, bidders), np.float32)
    slope = np.empty((batch, bidders), np.float32)
    payoff = np.empty(batch, np.float32)
    factor = np.empty(batch, np.float32)
    action = np.empty(batch, np.int64)
    gradient = np.empty(copies.shape[1], np.float32)
    share = np.float32(1 / batch)
    corner = np.float32(limit)
    for u in range(index.shape[0]):
        draw(ring, index[u], mean, scale, np.float32(currency), z, z_next, payoff, factor, action)
        appraise_claims(copies, (z_next, payoff, factor), work, spread, value, slope, normalise)
        forward(copies[BIDDING], z, work[0], work[1], work[2], work[3], spread, value, normalise)
        slope[:] = 0
        for i in range(batch):
            error = value[i, action[i]] - payoff[i]
            slope[i, action[i]] = min(max(error, -corner), corner) * share
        backward(copies[BIDDING], gradient, z, work, spread, slope, normalise)
        adam(copies[BIDDING], gradient, moments, done + u + 1, rates[0])
        follow(copies[POSTED], copies[BIDDING], rates[1])
        follow(copies[STEADY], copies[BIDDING], rates[2])
