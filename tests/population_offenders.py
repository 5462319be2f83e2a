"""Planted offenders: an honest population, and one per promise that breaks it."""

import numpy as np

from marketic.bids import Bids
from marketic.errors import InputError


class Honest:
    """A table of prices, private by construction; every offender below breaks one thing in it."""

    private = True

    def __init__(self, states, actions, rng):
        self.n_agents, self.n_bidders, self.rng = states * actions, actions, rng
        self.price = rng.random((states, actions))

    @classmethod
    def for_spaces(cls, goods, actions, *, rng):
        if goods.states is None:
            raise InputError(f"finite observations, not {goods.space}")
        return cls(goods.states, actions, rng)

    def states(self, observation):
        return observation[:, 0].astype(int)

    def bid(self, observation):
        states = self.states(observation)
        return Bids(
            self.price[states], bidder=(states[:, None] * self.n_bidders + np.arange(self.n_bidders))[:, :, None]
        )

    def act(self, winner, observation):
        return winner.copy()

    def learn(self, receipt):
        for row in np.flatnonzero(receipt.valid).tolist():
            self.move(int(receipt.observation[row, 0]), int(receipt.winner[row]), receipt.realised[row])

    def move(self, state, bidder, realised):
        self.price[state, bidder] += 0.1 * (realised - self.price[state, bidder])

    def state_dict(self):
        return {"price": self.price.copy()}

    def load_state_dict(self, state):
        self.price = state["price"].copy()


class BidsAList(Honest):
    def bid(self, observation):
        return self.price[self.states(observation)].tolist()


class BidsForOneRow(Honest):
    def bid(self, observation):
        return super().bid(observation[:1])


class NamesStrangers(Honest):
    def bid(self, observation):
        bids = super().bid(observation)
        return Bids(bids.value, bidder=bids.bidder + 1)


class MovesTheObservation(Honest):
    def bid(self, observation):
        bids = super().bid(observation)
        observation += 0.5
        return bids


class DividesByZero(Honest):
    """Bids NaN once it has sold at a loss."""

    def move(self, state, bidder, realised):
        self.price[state, bidder] = realised if realised > -500 else np.nan


class UncheckedBids(DividesByZero):
    """The same, past the door of `Bids`."""

    def bid(self, observation):
        bids = super().bid(observation)
        return Bids.unchecked(self.price[self.states(observation)], bidder=bids.bidder)


class NamesNoAction(Honest):
    def act(self, winner, observation):
        return winner + 1


class ActsInFloats(Honest):
    def act(self, winner, observation):
        return winner * 1.0


class NeedsARow(Honest):
    def bid(self, observation):
        assert observation[0, 0] >= 0
        return super().bid(observation)


class RaisesOnALoss(Honest):
    def move(self, state, bidder, realised):
        if realised < -500:
            raise ValueError("I am ruined")
        super().move(state, bidder, realised)


class FlipsCoins(Honest):
    coin = np.random.default_rng(0)

    def bid(self, observation):
        bids = super().bid(observation)
        return Bids(bids.value + self.coin.random(), bidder=bids.bidder)


class KeepsWhatItWasLent(Honest):
    def learn(self, receipt):
        if hasattr(self, "last"):
            super().learn(self.last)
        self.last = receipt


class WritesIntoTheWinners(Honest):
    def act(self, winner, observation):
        winner %= self.n_bidders - 1
        return winner.copy()


class WritesIntoTheReceipt(Honest):
    def learn(self, receipt):
        super().learn(receipt)
        receipt.next_observation[:] = 0.0


class LooksAtItsNeighbours(Honest):
    def bid(self, observation):
        bids = super().bid(observation)
        return Bids(bids.value + observation.mean(), bidder=bids.bidder)


class ForgetsToLoad(Honest):
    def load_state_dict(self, state):
        pass


class SavesAView(Honest):
    def state_dict(self):
        return {"price": self.price}

    def load_state_dict(self, state):
        self.price = state["price"]


class SavesALabel(Honest):
    def state_dict(self):
        return {"price": self.price.copy(), "who": "me"}


class SavesObjects(Honest):
    def state_dict(self):
        return {"price": self.price.copy(), "who": np.array([self.price], dtype=object)}


class SavesOnlyWhatItHasLearned(Honest):
    learned = False

    def learn(self, receipt):
        super().learn(receipt)
        self.learned = True

    def state_dict(self):
        return {"price": np.stack([self.price] if self.learned else [])[0]}


class LearnsFromOthers(Honest):
    def move(self, state, bidder, realised):
        self.price[state] += 0.1 * (realised - self.price[state])


class NeedsATrade(Honest):
    """A market's first receipt holds no trade at all."""

    def learn(self, receipt):
        assert receipt.realised[receipt.valid].max() > -np.inf
        super().learn(receipt)


class DeafAtTheEnd(Honest):
    """Leaves out the trades with which episodes end."""

    def learn(self, receipt):
        for row in np.flatnonzero(receipt.valid & ~receipt.terminated).tolist():
            self.move(int(receipt.observation[row, 0]), int(receipt.winner[row]), receipt.realised[row])


class StartsOver(Honest):
    """One table for all of its kind, which is cleared whenever one is made."""

    tables: dict = {}  # noqa: RUF012

    def __init__(self, states, actions, rng):
        super().__init__(states, actions, rng)
        self.tables["all"] = self.price

    def bid(self, observation):
        self.price = self.tables["all"]
        return super().bid(observation)


class LearnsFromBeingAsked(Honest):
    def appraise(self, observation):
        self.price[self.states(observation)] *= 0.99
        return self.bid(observation)


class ActsForTheFirst(Honest):
    def act(self, winner, observation):
        return np.repeat(winner[:1], len(winner))


class ForgetsHowOftenItTraded(Honest):
    """Learns more slowly with every trade, and does not save how many there were."""

    trades = 0

    def move(self, state, bidder, realised):
        self.trades += 1
        self.price[state, bidder] += (realised - self.price[state, bidder]) / self.trades


OFFENDERS = [
    ("LEARNS", NeedsATrade, "raised ValueError"),
    ("LEARNS", DeafAtTheEnd, "never after the trade that ends an episode"),
    ("DETERMINISTIC", StartsOver, "beside another of its kind auction"),
    ("DETERMINISTIC", LearnsFromBeingAsked, "after calls of `appraise`"),
    ("ROWS", ActsForTheFirst, "alone it does"),
    ("STATE", ForgetsHowOftenItTraded, "state_dict lacks something"),
    ("BIDS", BidsAList, "bid returned a list"),
    ("BIDS", BidsForOneRow, r"value\(1, 3\).*wanted two of \(3, 3\)"),
    ("BIDS", NamesStrangers, r"names agents \d+ to 21: wanted 0 to 20"),
    ("BIDS", MovesTheObservation, "changed the observation"),
    ("FINITE", DividesByZero, "turned away .* the bid is not a number"),
    ("FINITE", UncheckedBids, "bids .*nan"),
    ("ACTIONS", NamesNoAction, "wanted numbers from 0 to 2"),
    ("ACTIONS", ActsInFloats, "act gave float64"),
    ("EMPTY", NeedsARow, "raised IndexError"),
    ("LEARNS", RaisesOnALoss, "raised ValueError: I am ruined"),
    ("DETERMINISTIC", FlipsCoins, "with the same generator auction 0"),
    ("COPIES", KeepsWhatItWasLent, "once its arrays were overwritten"),
    ("COPIES", WritesIntoTheWinners, "`act` writes into the winner"),
    ("COPIES", WritesIntoTheReceipt, "`learn` writes into the next_observation"),
    ("ROWS", LooksAtItsNeighbours, "alone it bids"),
    ("STATE", ForgetsToLoad, "restored, it bids"),
    ("STATE", SavesAView, "must copy"),
    ("STATE", SavesALabel, "wanted arrays only"),
    ("STATE", SavesObjects, "an array of Python objects"),
    ("STATE", SavesOnlyWhatItHasLearned, "raised ValueError"),
    ("PRIVATE", LearnsFromOthers, "changed its bid"),
]
