"""The programs as they were when they earned most: a true copy, which greedy play follows until a better one is made."""

import numpy as np

Programs = tuple[np.ndarray, ...]
"""guard int64 [N, G], action int64 [N], live bool [N], merit float64 [N], trades int64 [N]."""


class Licence:
    """episodes: >= 0. When the mean return of so many training episodes is the best so far, the programs and their prices are
    copied; 0: never."""

    def __init__(self, episodes: int, slots: int, guards: int) -> None:
        self.revenue = np.full(1 + episodes, -np.inf)  # the best mean so far, the last returns
        rows = slots if episodes else 0
        self.programs: Programs = (
            np.full((rows, guards), -1, dtype=np.int64), np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=bool),
            np.zeros(rows), np.zeros(rows, dtype=np.int64),
        )  # fmt: skip
        self.price = np.zeros(rows)

    @property
    def granted(self) -> bool:
        """Whether there is a copy."""
        return bool(np.isfinite(self.revenue[0]))

    def note(self, earned: float, programs: Programs, price: np.ndarray) -> None:
        """An episode is over: what it earned, and who there is now at what prices, float64 [N]."""
        if len(self.revenue) == 1:
            return
        self.revenue[1:] = np.append(self.revenue[2:], earned)
        mean = self.revenue[1:].mean()
        if np.isfinite(mean) and mean >= self.revenue[0]:
            self.revenue[0] = mean
            for copy, given in zip((*self.programs, self.price), (*programs, price), strict=True):
                copy[:] = given

    def _parts(self) -> dict[str, np.ndarray]:
        names = ("licensed_guard", "licensed_action", "licensed_live", "licensed_merit", "licensed_trades")
        return {"revenue": self.revenue, "licensed_price": self.price, **dict(zip(names, self.programs, strict=True))}

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all arrays."""
        return {name: part.copy() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore what `state_dict` saved, for the same options."""
        for name, part in self._parts().items():
            part[...] = state[name]
