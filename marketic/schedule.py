"""Evaluations on schedule in a training run: recorded with its metrics, remembered in its checkpoints."""

import time

import numpy as np

from marketic.callbacks import Evaluate, StepEnd
from marketic.metrics import Recorder
from marketic.run_config import RunConfig


class ScheduledEvaluation(Evaluate):
    """`Evaluate`, with its results in the recorder and a state that can be saved.

    state: what `state()` returned at the checkpoint that training goes on from; None: from the start.
    """

    def __init__(self, config: RunConfig, recorder: Recorder, state: np.ndarray | None = None) -> None:
        super().__init__(
            config.evaluate_every, config.evaluate_episodes, seed=config.evaluate_seed, threshold=config.threshold
        )
        self.recorder = recorder
        self.reached = False
        if state is not None:
            self._next, self.best_mean, self.reached = int(state[0]), float(state[1]), bool(state[2])

    def state(self) -> np.ndarray:
        """Next evaluation's step, best mean so far, whether the threshold was reached; float64 [3]."""
        return np.array([self._next, self.best_mean, self.reached], dtype=float)

    def on_step(self, event: StepEnd) -> None:
        """Evaluate when the time has come, and write it down."""
        if event.market.num_timesteps < self._next:
            return
        began = time.process_time()
        super().on_step(event)
        self.recorder.exclude(time.process_time() - began)
        mean = self.history[-1][1]
        self.reached = self.threshold is not None and mean >= self.threshold
        self.recorder.record(event.market, evaluation=mean)
