"""Royalties on bids: earlier owners move as replacing traces say, written here a second time, one agent at a time."""

import numpy as np
import pytest

from marketic.agents.learning_rate import LearningRate
from marketic.agents.tiles import Tiles, Tiling
from marketic.chain import lien_length
from marketic.population import Receipt

DISCOUNT, ROYALTY, ROWS = 0.9, 0.7, 3


class Traces:
    """Bids and open claims in dictionaries: Q(lambda) with replacing traces (Sutton and Barto 2018, section 12.10)."""

    def __init__(self, price: np.ndarray, rate: LearningRate) -> None:
        self.price, self.rate, self.trades, self.clock = price.copy(), rate, np.zeros(len(price), dtype=int), 0
        self.ages: list[dict[int, int]] = [{} for _ in range(ROWS)]

    def learn(self, row: int, standing: np.ndarray, owner: int, realised: float, ended: bool) -> None:
        """standing int64 [n, K]: the agents where the right was bought."""
        self.trades[standing[owner]] += 1
        self.clock += 1
        delta, ages, decay = realised - self.price[standing[owner]].mean(), self.ages[row], DISCOUNT * ROYALTY
        open_claims = {agent: age + 1 for agent, age in ages.items() if agent not in standing}
        ages.clear()
        ages.update({agent: age for agent, age in open_claims.items() if age < lien_length(decay)})
        ages.update(dict.fromkeys(standing[owner].tolist(), 0))
        for agent, age in ages.items():
            self.price[agent] += self.rate.at(self.trades[agent], self.clock) * decay**age * delta
        if ended:
            ages.clear()


@pytest.mark.parametrize("rate", [LearningRate(0.3), LearningRate(0.5, visit_exponent=0.5, horizon=200)], ids=str)
def test_earlier_owners_move_as_replacing_traces_say(rate):
    draw = np.random.default_rng(5)
    tilings = (Tiling((0, 1), (3, 3), 2), Tiling((0,), (4,), 1))
    tiles = Tiles([0, 0], [1, 1], 2, tilings, learning_rate=rate, tie_noise=1.0, rng=draw)
    wanted = Traces(tiles.price, rate)
    here, gone_back = draw.random((ROWS, 2)), 0
    for _ in range(400):
        valid, owner, realised = draw.random(ROWS) < 0.9, draw.integers(0, 2, ROWS), draw.normal(size=ROWS)
        ended = draw.random(ROWS) < 0.03
        tiles.learn(Receipt(
            valid=valid, observation=here, winner=owner, reward=realised, credit=np.zeros(ROWS), realised=realised,
            terminated=ended, truncated=np.zeros(ROWS, dtype=bool), next_observation=here, discount=DISCOUNT, royalty=ROYALTY,
        ))  # fmt: skip
        standing = tiles.match(here)
        for row in np.flatnonzero(valid):
            gone_back += bool(wanted.ages[row].keys() & set(standing[row].ravel().tolist()))
            wanted.learn(row, standing[row], owner[row], realised[row], ended[row])
        here = np.clip(here + draw.normal(scale=0.2, size=(ROWS, 2)), 0, 1)
    assert gone_back > 100, "claims were replaced"
    np.testing.assert_allclose(tiles.price, wanted.price, rtol=0, atol=1e-12)
    assert tiles.trades.tolist() == wanted.trades.tolist()
