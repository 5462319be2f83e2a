"""The units in which the bank reckons: observations standardised by what it has seen, and a currency.

Both are found anew while the record grows. A change of units must not change a price: what was learned in the old units,
and the copy that is shown for what it earned, would be lost with them.
"""

import numpy as np

Standards = tuple[np.ndarray, np.ndarray]
"""Mean and 1 / deviation of every component, float32 [D] each."""
CUT = 5.0  # deviations from the mean at which a component is cut, when prices are asked for and when claims are settled


def standards(seen: np.ndarray) -> Standards:
    """Mean and 1 / deviation of each column of float32 [claims, D], float32 [D]; 1 where a column never changes."""
    columns = seen.shape[1]
    mean, deviation = np.zeros(columns), np.zeros(columns)
    width = max(1, 2**24 // len(seen))  # columns at a time: copies in float64 of all of them might not fit into memory
    for first in range(0, columns, width):
        part = slice(first, min(first + width, columns))
        exact = seen[:, part].astype(np.float64)
        mean[part], deviation[part] = exact.mean(0), exact.std(0)
    return mean.astype(np.float32), (1 / np.where(deviation > 1e-6, deviation, 1)).astype(np.float32)


def restandardise(copies: np.ndarray, moments: np.ndarray, hidden: int, old: Standards, new: Standards) -> None:
    """Rewrite the first layer of every copy [C, P], in place, so that it answers by the `new` standards as by the `old` ones.

    With z = (x - mean) scale, of which the first layer makes z W + b:

        z = r z' + d,   r = scale / scale',   d = (mean' - mean) scale,   so that   W' = r W,   b' = b + d W

    moments: Adam's [2, P] of the gradients, which are those by W divided by r. Observations beyond `CUT` deviations are the
    exception: they are cut there, and the cut moves. For the same reason r and d are at most `CUT`.
    """
    (mean, scale), (new_mean, new_scale) = [[part.astype(np.float64) for part in parts] for parts in (old, new)]
    ratio, shift = np.minimum(scale / new_scale, CUT), np.clip((new_mean - mean) * scale, -CUT, CUT)
    inputs = len(ratio)
    weights, bias = slice(inputs * hidden), slice(inputs * hidden, (inputs + 1) * hidden)
    for copy in copies:
        was = copy[weights].reshape(inputs, hidden).astype(np.float64)
        copy[weights] = (ratio[:, None] * was).ravel()
        copy[bias] += (shift @ was).astype(np.float32)
    for power, moment in enumerate(moments, start=1):
        moment[weights] = (moment[weights].reshape(inputs, hidden) / ratio[:, None] ** power).ravel()
