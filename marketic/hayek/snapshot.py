"""Agents of an economy as they were at some moment."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Snapshot:
    """Agents as they were at some moment, enough to play and to be read: one row per agent.

    code int64 [n, L]; slope, offset float64 [n]; wealth int64 [n], ticks; uid, parent int64 [n].
    """

    code: np.ndarray
    slope: np.ndarray
    offset: np.ndarray
    wealth: np.ndarray
    uid: np.ndarray
    parent: np.ndarray

    def __len__(self) -> int:
        return len(self.uid)

    def keep(self, which: np.ndarray) -> "Snapshot":
        """Only some of the agents: bool [n] or their rows."""
        return Snapshot(*(getattr(self, name)[which] for name in self.__dataclass_fields__))
