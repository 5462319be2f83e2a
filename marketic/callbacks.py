"""Looking over the market's shoulder while it learns: callbacks, early stop, evaluation with a kept best snapshot."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.market import Market


@dataclass(frozen=True, slots=True)
class StepEnd:
    """One environment step in every row. action: int64 [rows * rights], action numbers."""

    market: "Market"
    action: np.ndarray


@dataclass(frozen=True, slots=True)
class EpisodeEnd:
    """An episode ended in `row`: its undiscounted return (currency) and length (steps)."""

    market: "Market"
    row: int
    episode_return: float
    length: int


@dataclass(frozen=True, slots=True)
class Sales:
    """One round of sales.

    value, payments: float64 [B, n]; buyer: int64 [B]; outcome: float64 [B, 4] (see `marketic.settlement`), reused.
    """

    market: "Market"
    value: np.ndarray
    payments: np.ndarray
    buyer: np.ndarray
    outcome: np.ndarray


class Callback:
    """Override the moments you want; the others cost nothing. Set `market.stopping = True` to end training.

    period: `on_step` is only needed at environment steps that are multiples of it. Compiled training (`compiled=True`)
    calls it just then, and so wants a period > 1.
    """

    period = 1

    def on_start(self, market: "Market", total_timesteps: int) -> None:
        """Training starts."""

    def on_step(self, event: StepEnd) -> None:
        """An environment step was made."""

    def on_episode(self, event: EpisodeEnd) -> None:
        """An episode ended."""

    def on_trade(self, event: Sales) -> None:
        """Rights changed hands."""

    def on_stop(self, market: "Market") -> None:
        """Training ended, was stopped, or failed."""


class CallbackList(Callback):
    """Several callbacks as one; knows which moments anybody watches, so that unwatched ones cost nothing."""

    def __init__(self, callbacks: Sequence[Callback] = ()) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise InputError(
                    f"callback {callback!r} is a {type(callback).__name__}: derive it from marketic.Callback"
                )
        self.callbacks = list(callbacks)
        self.watches_steps = self._overridden("on_step")
        self.watches_trades = self._overridden("on_trade")
        self.watches_episodes = self._overridden("on_episode")

    @classmethod
    def of(cls, callback: Callback | Sequence[Callback] | None, progress_bar: bool = False) -> "CallbackList":
        """What `learn` was given, as a list; with a progress bar on stderr if wanted."""
        given: list[Any] = list(callback) if isinstance(callback, list | tuple) else [callback]
        given = [one for one in given if one is not None]
        if progress_bar:
            from marketic.progress import ProgressBar

            given.append(ProgressBar())
        return cls(given)

    def _overridden(self, name: str) -> bool:
        return any(getattr(type(c), name) is not getattr(Callback, name) for c in self.callbacks)

    def on_start(self, market: "Market", total_timesteps: int) -> None:
        """Pass on. Where one fails, those that had started are stopped, so that their files and bars are closed."""
        with ExitStack() as started:
            for callback in self.callbacks:
                callback.on_start(market, total_timesteps)
                started.callback(callback.on_stop, market)
            started.pop_all()

    def on_step(self, event: StepEnd) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_step(event)

    def on_episode(self, event: EpisodeEnd) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_episode(event)

    def on_trade(self, event: Sales) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_trade(event)

    def on_stop(self, market: "Market") -> None:
        """Pass on, to all of them even if one fails."""
        with ExitStack() as stops:
            for callback in reversed(self.callbacks):
                stops.callback(callback.on_stop, market)


class Evaluate(Callback):
    """Evaluate the greedy market every `every` steps; keep the best snapshot; stop early at a threshold.

    every: environment steps, >= 1.   episodes: per evaluation, >= 1.   seed: of the first evaluation episode.
    threshold: mean return (currency) at which training stops; None: never.
    env: a separate environment to evaluate in; None: one made like the market's own.

    Results are in `history`, a list of (step, mean return); `best` is the state of the best market so far.
    """

    def __init__(
        self,
        every: int = 10_000,
        episodes: int = 10,
        *,
        seed: int = 10_000,
        threshold: float | None = None,
        env: Any = None,
    ) -> None:
        if every < 1 or episodes < 1:
            raise InputError(f"Evaluate(every={every}, episodes={episodes}): wanted both >= 1")
        self.every, self.episodes, self.seed, self.threshold, self.env = every, episodes, seed, threshold, env
        self.history: list[tuple[int, float]] = []
        self.best: dict[str, np.ndarray] | None = None
        self.best_mean = -np.inf
        self._next = self.period = every

    def on_step(self, event: StepEnd) -> None:
        """Evaluate when the time has come."""
        market = event.market
        if market.num_timesteps < self._next:
            return
        self._next = (market.num_timesteps // self.every + 1) * self.every
        mean = float(market.evaluate(self.episodes, seed=self.seed, env=self.env).mean())
        self.history.append((market.num_timesteps, mean))
        if mean > self.best_mean:
            self.best_mean, self.best = mean, market.state_dict()
        if self.threshold is not None and mean >= self.threshold:
            market.stopping = True
