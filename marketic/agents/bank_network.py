"""The bank's valuation: a two-layer perceptron on flat float32 vectors, its gradient, and Adam.

D -> H -> H -> n with ReLU; optionally each hidden layer is normalised per row before the ReLU
(Ba, Kiros and Hinton 2016, without gain and offset). Parameters live in one vector
[W1 (D*H), b1 (H), W2 (H*H), b2 (H), W3 (H*n), b3 (n)], so that a copy of the bank is a copy of a row.
float32 halves the cost of a 64 x 64 product (5 us against 10); prices need six digits, not fifteen.
"""

import numpy as np
from numba import njit

ZERO = np.float32(0)
ONE = np.float32(1)
TINY = np.float32(1e-5)


def parameter_count(inputs: int, hidden: int, outputs: int) -> int:
    """How many numbers one copy of the network holds."""
    return inputs * hidden + hidden + hidden * hidden + hidden + hidden * outputs + outputs


def draw_parameters(inputs: int, hidden: int, outputs: int, rng: np.random.Generator) -> np.ndarray:
    """He (2015) initial weights; the last layer is ten times smaller, so that first bids are near 0."""
    parts = [
        rng.normal(0, np.sqrt(2 / inputs), inputs * hidden),
        np.zeros(hidden),
        rng.normal(0, np.sqrt(2 / hidden), hidden * hidden),
        np.zeros(hidden),
        rng.normal(0, 0.1 / np.sqrt(hidden), hidden * outputs),
        np.zeros(outputs),
    ]
    return np.concatenate(parts).astype(np.float32)


@njit(cache=True)
def layers(theta, inputs, hidden, outputs):
    """Views (W1, b1, W2, b2, W3, b3) into a flat vector."""
    a = inputs * hidden
    b = a + hidden
    c = b + hidden * hidden
    d = c + hidden
    e = d + hidden * outputs
    return (
        theta[:a].reshape((inputs, hidden)),
        theta[a:b],
        theta[b:c].reshape((hidden, hidden)),
        theta[c:d],
        theta[d:e].reshape((hidden, outputs)),
        theta[e:],
    )


@njit(cache=True)
def activate(pre, bias, out, spread, normalise):
    """pre += bias, normalised per row in place; out = ReLU(pre); spread [B] = 1 / deviation of the row."""
    rows, width = pre.shape
    scale = ONE / np.float32(width)
    for i in range(rows):
        row = pre[i]
        for j in range(width):
            row[j] += bias[j]
        if normalise:
            mean = ZERO
            for j in range(width):
                mean += row[j]
            mean *= scale
            square = ZERO
            for j in range(width):
                row[j] -= mean
                square += row[j] * row[j]
            spread[i] = ONE / np.sqrt(square * scale + TINY)
            for j in range(width):
                row[j] *= spread[i]
        for j in range(width):
            out[i, j] = max(row[j], ZERO)


@njit(cache=True)
def deactivate(slope, pre, spread, normalise):
    """Gradient through ReLU and normalisation, in place in slope [B, H]."""
    rows, width = pre.shape
    scale = ONE / np.float32(width)
    for i in range(rows):
        g = slope[i]
        y = pre[i]
        for j in range(width):
            g[j] = g[j] if y[j] > ZERO else ZERO
        if normalise:
            mean = ZERO
            along = ZERO
            for j in range(width):
                mean += g[j]
                along += g[j] * y[j]
            mean *= scale
            along *= scale
            for j in range(width):
                g[j] = (g[j] - mean - y[j] * along) * spread[i]


@njit(cache=True)
def forward(theta, z, pre1, act1, pre2, act2, spread, value, normalise):
    """value [B, n] of inputs z [B, D]; pre, act [B, H] and spread [2, B] stay filled for the gradient."""
    w1, b1, w2, b2, w3, b3 = layers(theta, z.shape[1], pre1.shape[1], value.shape[1])
    np.dot(z, w1, pre1)
    activate(pre1, b1, act1, spread[0], normalise)
    np.dot(act1, w2, pre2)
    activate(pre2, b2, act2, spread[1], normalise)
    np.dot(act2, w3, value)
    for i in range(value.shape[0]):
        for j in range(value.shape[1]):
            value[i, j] += b3[j]


@njit(cache=True)
def column_sum(matrix, out):
    """out [n] = sum over the rows of matrix [B, n]."""
    out[:] = ZERO
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            out[j] += matrix[i, j]


@njit(cache=True)
def backward(theta, gradient, z, work, spread, error, normalise):
    """gradient (flat) of sum(error * value), for error [B, n].

    work [6, B, H] holds pre1, act1, pre2, act2 as `forward` left them, and two rows of scratch.
    """
    inputs, hidden, outputs = z.shape[1], work.shape[2], error.shape[1]
    _, _, w2, _, w3, _ = layers(theta, inputs, hidden, outputs)
    g1, c1, g2, c2, g3, c3 = layers(gradient, inputs, hidden, outputs)
    slope1, slope2 = work[4], work[5]
    np.dot(work[3].T, error, g3)
    column_sum(error, c3)
    np.dot(error, w3.T, slope2)
    deactivate(slope2, work[2], spread[1], normalise)
    np.dot(work[1].T, slope2, g2)
    column_sum(slope2, c2)
    np.dot(slope2, w2.T, slope1)
    deactivate(slope1, work[0], spread[0], normalise)
    np.dot(z.T, slope1, g1)
    column_sum(slope1, c1)


@njit(cache=True)
def adam(theta, gradient, moments, count, rate):
    """One step of Adam (Kingma and Ba 2015), .9, .999, 1e-8; count = steps so far, this one included."""
    first, second = moments[0], moments[1]
    keep1, keep2 = np.float32(0.9), np.float32(0.999)
    new1, new2 = ONE - keep1, ONE - keep2
    step = np.float32(rate * np.sqrt(1 - 0.999**count) / (1 - 0.9**count))
    floor = np.float32(1e-8 * np.sqrt(1 - 0.999**count))
    for i in range(theta.size):
        g = gradient[i]
        first[i] = keep1 * first[i] + new1 * g
        second[i] = keep2 * second[i] + new2 * g * g
        theta[i] -= step * first[i] / (np.sqrt(second[i]) + floor)


@njit(cache=True)
def follow(copy, theta, rate):
    """copy += rate * (theta - copy)."""
    speed = np.float32(rate)
    for i in range(copy.size):
        copy[i] += speed * (theta[i] - copy[i])
