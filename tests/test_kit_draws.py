"""DRAWS: lotteries are stated as they are drawn. Fair ones pass, payments by chance too; others are named, and shown."""

import numpy as np
import pytest
from offender_mutants import Offender

from marketic.checks.mechanism import check_mechanism
from marketic.claims import Claim
from marketic.clearing import Clearing
from marketic.mechanism import single_winner


class PaysItsBidByChance(Offender, claims=(Claim.DSIC, Claim.EFFICIENT, Claim.INDIVIDUALLY_RATIONAL)):
    """The winner pays its own bid, with a chance that makes it expect to pay the second price."""

    def clear(self, bids, *, rng=None):
        wins, top, second, _ = single_winner(bids.value, bids.active)
        top, second = np.maximum(top, 0.0), np.maximum(second, 0.0)
        if rng is not None:
            chance = np.divide(second, top, out=np.zeros_like(top), where=top > 0)
            second = np.where(rng.random(top.shape) < chance, top, 0.0)
        return Clearing(wins, np.where(wins, second[..., None], 0.0), second)


class RandomPrice(Offender, claims=(Claim.DSIC, Claim.INDIVIDUALLY_RATIONAL, Claim.ANONYMOUS)):
    """Somebody at random may buy at a price that is uniform on [0, 1]; one draw for all auctions if `together`."""

    together = False

    def clear(self, bids, *, rng=None):
        lead = bids.value.shape[:-1]
        here = np.maximum(bids.active.sum(-1, keepdims=True), 1)
        if rng is None:
            value = np.where(bids.active, np.minimum(bids.value, 1.0), 0.0)
            return Clearing(value / here, value**2 / 2 / here, np.full(lead, np.nan))
        first = np.full((*lead, 1), rng.random()) if self.together else rng.random((*lead, 1))
        price = rng.random((*lead, 1))
        wins = bids.active & (np.cumsum(bids.active, -1) - 1 == np.floor(first * here)) & (bids.value >= price)
        return Clearing(wins, np.where(wins, price, 0.0), price[..., 0])


class OneDrawForAll(RandomPrice, claims=()):
    together = True


@pytest.mark.parametrize(
    "honest", [PaysItsBidByChance(), RandomPrice(), OneDrawForAll()], ids=lambda m: type(m).__name__
)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_as_stated_is_kept(honest, seed):
    assert check_mechanism(honest, budget=2_000, seed=seed).verdicts["DRAWS"].status == "kept"


class Loaded(RandomPrice, claims=()):
    """The coin for the first bidder is loaded."""

    def clear(self, bids, *, rng=None):
        stated = super().clear(bids)
        if rng is None or bids.value.shape[-1] == 0:
            return stated
        wins = np.zeros(bids.value.shape, dtype=bool)
        first = stated.allocation[..., 0]
        wins[..., 0] = rng.random(first.shape) < np.where(first < 1.0, first**0.8, first)
        wins[..., 1:] = super().clear(bids, rng=rng).allocation[..., 1:] & ~wins[..., :1]
        return Clearing(wins, np.zeros(wins.shape), stated.prices)


class Greedy(PaysItsBidByChance, claims=()):
    """Charges the bid a tenth more often than it says."""

    def clear(self, bids, *, rng=None):
        cleared = super().clear(bids, rng=rng)
        more = 1.0 if rng is None else 1.1
        return Clearing(cleared.allocation, cleared.payments * more, cleared.prices)


@pytest.mark.parametrize("offender", [Loaded, Greedy])
def test_means_that_are_not_what_is_stated_are_named(offender, capsys):
    verdict = check_mechanism(offender(), budget=2_000, raises=False).verdicts["DRAWS"]
    assert verdict.status == "refuted"
    assert "on average, something else" in verdict.explanation
    exec("\n".join(line[4:] for line in verdict.explanation.splitlines()[1:]), {})
    assert len(set(capsys.readouterr().out.splitlines())) == 3
