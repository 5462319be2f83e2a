"""The books of a portfolio: what every society's shown episodes earn, and the auction of the next episode.

Revenues change while the societies learn, the faster the less they know, so old ones are forgotten: at time T an entry of
time t weighs (t / T)**forgetting, whatever the length of episodes. The societies bid for the next episode by Thompson
sampling on these weighted means (discounted Thompson sampling, Raj and Kalyani 2017): a society bids its mean, and a normal
draw times the standard error of that mean. Whoever has been tried little, or not for long, has a wide error, hence hope; and
nothing in the rule has the scale of a task.
"""

import numpy as np

SMALLEST_SPREAD = 1e-9  # currency, as a share of the largest mean: breaks ties where all episodes earned the same


class RevenueBooks:
    """Discounted counts, sums and squares of the revenue of `societies` >= 1 societies; forgetting >= 0."""

    def __init__(self, societies: int, forgetting: float) -> None:
        self.forgetting, self.time = forgetting, 1
        self.entries = np.zeros((3, societies))  # weight, revenue, revenue squared

    def enter(self, society: int, revenue: float, time: int) -> None:
        """One more episode, whose revenue (currency) is due to `society`; time: trades so far, >= 1 and never falling."""
        self.entries *= (self.time / time) ** self.forgetting
        self.time = time
        self.entries[:, society] += 1.0, revenue, revenue * revenue

    def estimates(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and their standard errors, float64 [societies]; untried: 0 and infinite. One spread is pooled from all."""
        weight, revenue, square = self.entries
        tried = weight > 0
        mean = np.divide(revenue, weight, out=np.zeros(len(weight)), where=tried)
        pooled = float(np.maximum(square - revenue * mean, 0.0).sum()) / max(float(weight.sum()), 1.0)
        spread = max(np.sqrt(pooled), SMALLEST_SPREAD * (1.0 + np.abs(mean).max()))
        error = np.divide(spread, np.sqrt(weight), out=np.full(len(weight), np.inf), where=tried)
        return mean, error

    def auction(self, rng: np.random.Generator) -> int:
        """Who rules the next episode: the first untried society, or else the highest bid."""
        mean, error = self.estimates()
        untried = np.flatnonzero(np.isinf(error))
        return int(untried[0]) if len(untried) else int((mean + error * rng.standard_normal(len(mean))).argmax())

    def best(self) -> int:
        """The society with the highest revenue beyond doubt, mean less one standard error; before any entry, the first."""
        mean, error = self.estimates()
        return int((mean - error).argmax())
