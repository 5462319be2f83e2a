"""Snapshots chosen on validation instances: a living economy fluctuates, and its last state is seldom its best.

A snapshot climbs stages, from small instances to large, and stops at the first that it does not solve completely. Larger
instances than any that is trained on tell programs that work at any size from those that fit the sizes they saw.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marketic.errors import InputError
from marketic.hayek.economy import Economy
from marketic.hayek.snapshot import Snapshot
from marketic.hayek.trials import Outcomes
from marketic.numbers import MOST_ENTRIES, all_finite, all_numbers, check_wholes, whole
from marketic.screening import keep


class Score(NamedTuple):
    """How good a snapshot is; tuples compare in this order.

    stages: solved completely. rate: solved share of the first stage that was not, up to where it was given up.
    thrift: minus the mean steps per unit at the last stage solved.
    """

    stages: int
    rate: float
    thrift: float


NOTHING = Score(0, 0.0, -np.inf)


@dataclass(frozen=True)
class Validation:
    """What a snapshot must show.

    stages: (size, instances) of each, in order. every: instances of training between two validations. level: of the
    curriculum from which on it is worth the time. thrift: complete only if it takes at most so many steps per unit at the
    last stage. seed: of the validation instances, other than those of training and of tests.

    Raises InputError for no stages, for sizes and counts that are no whole numbers >= 1, and for other numbers out of range.
    """

    stages: tuple[tuple[int, int], ...] = ((20, 100), (60, 60), (200, 60), (1000, 40))
    every: int = 300
    level: float = 20.0
    thrift: float = np.inf
    seed: int = 10**6

    def __post_init__(self) -> None:
        keep(self, "stages", self._stages())
        if not all_finite(self.every) or self.every < 1:
            raise InputError(f"{self}: wanted stages of (size, instances), all >= 1, and every >= 1")
        check_wholes(self, every=1, seed=0)
        if not all_numbers(self.level, self.thrift) or self.thrift < 0:
            raise InputError(f"{self}: wanted a level, and a thrift >= 0 (inf: any)")

    def _stages(self) -> tuple[tuple[int, int], ...]:
        try:
            pairs = tuple((size, count) for size, count in self.stages)
        except (TypeError, ValueError):
            pairs = ()
        if not pairs or not all(all_finite(*pair) and min(pair) >= 1 for pair in pairs):
            raise InputError(f"{self}: wanted stages of (size, instances), all >= 1, and every >= 1")
        wholes = [[whole("Validation: stages: a number", one, 1, MOST_ENTRIES) for one in pair] for pair in pairs]
        return tuple((size, count) for size, count in wholes)

    def score(self, economy: Economy, agents: Snapshot) -> Score:
        """Climb the stages."""
        thrift = -np.inf
        if len(agents) == 0:
            return NOTHING
        for k, (size, count) in enumerate(self.stages):
            outcomes = economy.evaluate(size, count, seed=self.seed + k, agents=agents, failures=1)
            if not outcomes.solved.all():
                return Score(k, float(outcomes.solved.sum() / count), thrift)
            thrift = -float(outcomes.steps.mean() / size)
        return Score(len(self.stages), 1.0, thrift)

    def complete(self, score: Score) -> bool:
        """Whether nothing is left to wish for."""
        return score.stages == len(self.stages) and -score.thrift <= self.thrift

    def prune(self, economy: Economy, agents: Snapshot, score: Score) -> tuple[Snapshot, Score]:
        """Leave out those who never win, then one after another agents without whom the others do better.

        Better at a glance first (the last solved stage of moderate size, a quarter of its instances), then by `score`, so
        that the answer is never worse than what was given.
        """
        at = max((k for k in range(max(score.stages, 1)) if self.stages[k][0] <= 200), default=0)
        size, count = self.stages[at][0], self.stages[at][1] // 4 + 1
        glance = lambda given: economy.evaluate(size, count, seed=self.seed + at, agents=given, failures=1)  # noqa: E731
        best = glance(agents)
        idle = agents.keep(best.wins > 0)
        kept = idle if len(idle) and glance(idle).solved.all() else agents
        steps = _steps(glance(kept))
        for uid in kept.uid.tolist():
            without = kept.keep(kept.uid != uid)
            if len(without) and (found := _steps(glance(without))) < steps:
                kept, steps = without, found
        found_score = self.score(economy, kept)
        return (kept, found_score) if found_score > score else (agents, score)


def _steps(outcomes: Outcomes) -> float:
    return float(outcomes.steps.mean()) if outcomes.solved.all() else np.inf
