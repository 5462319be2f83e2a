"""Trials: what a copy of the bank earns when it plays itself, without novices.

The revenue of training episodes ranks copies badly: novices cost a good pilot about half of it (100 points of 235 on
LunarLander-v3) and a bad one little, and the network that plays is not the copy that is shown. So every so many episodes
a challenger plays, alone and to the end: one copy of STEADY, unchanged until its case is closed. After `size` episodes
its score is their mean minus the mean's standard error, so that of two equal means the steadier one counts more. If that
is above the score of the incumbent (the copy that is shown), the challenger takes its place. One that is already far
behind after a few episodes is dropped, and the next is tried: a race, as in Maron and Moore (1994). A trial takes long, though:
while the bank learns fast, training soon earns more than the incumbent did, and what trains is shown (`Bank._rank`).
"""

import numpy as np

TRIED = 20  # trials begin at step TRIED * warm
FEW = 5  # a challenger may be dropped after this many episodes ...
BEHIND = 2.0  # ... if its mean is this many standard errors below the incumbent's score


class Trials:
    """The challenger's books.

    returns: float64 [size], of the challenger's episodes so far, of which `count` are filled.
    number:  how many challengers there were. standing: whether the last one's case is still open.
    playing: int64 [rows], which challenger plays there; 0: none, the bank is training.
    played:  episodes of all challengers together, counted or not.
    """

    def __init__(self, size: int) -> None:
        self.returns = np.zeros(size)
        self.count, self.number, self.standing, self.played = 0, 0, False, 0
        self.playing = np.zeros(1, np.int64)

    def call(self, row: int, wanted: bool) -> bool:
        """An episode begins at `row`: let the challenger play it, if `wanted`. Returns whether a new one is appointed."""
        appointed = wanted and not self.standing
        if appointed:
            self.number, self.count, self.standing = self.number + 1, 0, True
        self.playing[row] = self.number if wanted else 0
        return appointed

    def enter(self, row: int, revenue: float, bar: float) -> float:
        """An episode at `row` brought `revenue`: the challenger's score if that closes its case, else -inf.

        bar: the incumbent's score. Episodes that an earlier challenger began are not counted.
        """
        self.played += int(self.playing[row] > 0)
        if not self.standing or self.playing[row] != self.number:
            return -np.inf
        self.returns[self.count] = revenue
        self.count += 1
        seen = self.returns[: self.count]
        error = seen.std() / np.sqrt(self.count)
        if self.count == len(self.returns):
            self.standing = False
            return float(seen.mean() - error)
        if self.count >= FEW and seen.mean() + BEHIND * error < bar:
            self.standing = False
        return -np.inf

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything, as arrays."""
        case = np.array([self.count, self.number, self.standing, self.played], np.int64)
        return {"returns": self.returns.copy(), "case": case, "playing": self.playing.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Continue from `state_dict`."""
        self.returns, self.playing = state["returns"].copy(), state["playing"].copy()
        self.count, self.number, standing, self.played = state["case"].tolist()
        self.standing = bool(standing)
