"""Growing markets: tiles that nobody laid out, because agents enter where there is trade and where prices are wrong."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from marketic.agents import growing_memory as memory
from marketic.agents.growing_tree import enter_market, keep_ledger, match_leaves
from marketic.agents.hindsight import PaperTrades, SteadyBids
from marketic.agents.kernels import Kernels
from marketic.agents.learning_rate import LearningRate
from marketic.agents.ranges import check_components, check_ranges, numbers_of, pairs_of, ranges
from marketic.agents.syndicates import Syndicates
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.numbers import all_numbers, check_room, whole
from marketic.words import NO_WORDS, Words, interval, rule


class Growing(Syndicates):
    """A syndicate per action whose members, one per sector, are agents with boxes of the observation as conditions.

    At first there is one agent per sector and action, for every observation. Two things bring in more:

    - novelty: an agent about to own its first right, with a box wider than `cover`, is halved there until it fits;
    - error: once an agent has `entry_trades` in its ledger, and its surprises in two halves of its box differ by more
      than `entry_evidence` standard errors, a specialist takes over the upper half.

    Both heirs start with their parent's bid. Sectors are shifted against each other as grids of tiles are.

    low, high: float [F], the range of each feature; values beyond are moved to its edge.
    actions:   number of actions.
    sectors:   K, how many agents join in a bid.
    cover:     widest box to trade with, as a share of the range: one number, or one per feature.
    narrowest: boxes are not halved below this share of the range (except for the cover): a number, or one per feature.
    capacity:  the most agents; when they are there, nobody enters. `price` and `trades` have this length, and agents
               that are not there yet have trades 0.
    angles:    pairs of observation components (cosine, sine) that are replaced by one feature, as in `Tiles`.

    Halving a box where a test says so is the G algorithm's idea (Chapman and Kaelbling 1991), for tiles that of adaptive
    tile coding (Whiteson, Taylor and Stone 2007). Raises InputError for empty or infinite ranges.
    """

    def __init__(
        self,
        low: Sequence[float] | np.ndarray,
        high: Sequence[float] | np.ndarray,
        actions: int,
        *,
        sectors: int = 16,
        cover: float | Sequence[float] = 0.25,
        narrowest: float | Sequence[float] = 1 / 16,
        entry_trades: float = 20.0,
        entry_evidence: float = 4.0,
        capacity: int = 60_000,
        angles: Sequence[tuple[int, int]] = (),
        initial_bid: float = 0.0,
        tie_noise: float = 1e-4,
        learning_rate: LearningRate | None = None,
        clones: int = 1,
        paper_trades: PaperTrades | None = None,
        greedy: SteadyBids | None = None,
        rng: np.random.Generator,
    ) -> None:
        self.low, self.high = numbers_of("Growing", "low", low), numbers_of("Growing", "high", high)
        self.sectors, self.angles = whole("sectors", sectors, 1), pairs_of("Growing", angles)
        sectors, capacity = self.sectors, whole("capacity", capacity, 1)
        check_room(
            capacity * (6 * self.low.size + 1), f"capacity={capacity}", "set a lower capacity, or take agents='bank'"
        )
        self._check(actions, capacity, entry_trades, entry_evidence, clones)
        widest, least = self._shares(cover=cover, narrowest=narrowest)
        sizes, entry = (sectors, actions, capacity), (entry_trades, entry_evidence)
        integers, reals = memory.lay_out(self.low, self.high, widest, least, self.angles, sizes, entry)
        self._kernels = Kernels(match_leaves, enter_market, keep_ledger, integers=integers, reals=reals)
        super().__init__(
            capacity,
            actions,
            sectors,
            components=len(self.low) + len(self.angles),
            learning_rate=learning_rate or LearningRate(),
            initial_bid=initial_bid,
            tie_noise=tie_noise,
            paper_trades=paper_trades,
            greedy=greedy,
            rng=rng,
        )

    def _check(self, actions: int, capacity: int, entry_trades: float, entry_evidence: float, clones: int) -> None:
        """Raise InputError for settings that make no market."""
        if self.low.ndim != 1 or self.low.shape != self.high.shape or not np.isfinite([self.low, self.high]).all():
            raise InputError(f"Growing(low={self.low}, high={self.high}): wanted two finite arrays of the same length")
        if not len(self.low) or not (self.low < self.high).all():
            raise InputError(f"Growing(low={self.low}, high={self.high}): wanted low < high in at least one feature")
        if actions < 1 or capacity < self.sectors * actions:
            given = f"sectors={self.sectors}, actions={actions}, capacity={capacity}"
            raise InputError(f"Growing({given}): wanted room for at least one agent per sector and action")
        # infinite: nobody enters by evidence
        if not (all_numbers(entry_trades, entry_evidence) and entry_trades >= 1 and entry_evidence > 0):
            given = f"entry_trades={entry_trades}, entry_evidence={entry_evidence}"
            raise InputError(f"Growing({given}): wanted entry_trades >= 1 and entry_evidence > 0")
        if clones != 1:
            raise InputError(
                f"Growing(clones={clones}): wanted 1; agents grow by their own trades, so twins would part"
            )
        check_components("Growing", self.angles, len(self.low))

    def _shares(self, **given: float | Sequence[float]) -> list[np.ndarray]:
        """Each given number, or one per feature, as shares of the range, float64 [F]. Raises InputError."""
        answer = []
        for name, value in given.items():
            alone = all_numbers(value)
            shares = np.asarray(float(value)) if alone else numbers_of("Growing", name, value)  # type: ignore[arg-type]
            if shares.shape not in ((), self.low.shape) or not (np.isfinite(shares) & (shares > 0)).all():
                raise InputError(
                    f"Growing({name}={value}): wanted a share > 0 of the range, or {len(self.low)} of them"
                )
            answer.append(np.array(np.broadcast_to(shares, self.low.shape)))
        return answer

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Growing":
        """A growing market over a task's observation. Ranges default to the space's bounds (+-10 where it has none).

        Angles must come with ranges for all features.
        """
        features = len(goods) - len(pairs_of("Growing", options.get("angles", ())))
        low, high = ranges(goods, features)
        options = {"low": low, "high": high, **options}
        check_ranges("Growing", goods, features, options)
        return cls(actions=actions, rng=rng, **options)

    @property
    def kernels(self) -> Kernels:
        """Matching by trees, and their growth."""
        return self._kernels

    @property
    def alive(self) -> int:
        """How many agents there are; they are numbered 0 .. alive - 1."""
        return int(self._kernels.integers[memory.ALIVE])

    @property
    def splits(self) -> int:
        """How many agents entered because surprises differed; all others but the founders, because states were new."""
        return int(self._kernels.integers[memory.SPLITS])

    @property
    def boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner of every agent's box, float64 [alive, F] each, in units of the range; not clipped."""
        return memory.boxes(self._kernels.integers, self._kernels.reals)

    @property
    def parents(self) -> np.ndarray:
        """Parent of every agent, int64 [alive]; -1 for a founder."""
        return memory.parents(self._kernels.integers)

    def births(self) -> np.ndarray:
        """(parent, child) of the agents that entered since the last call, int64 [k, 2], in order of entry."""
        integers = self._kernels.integers
        children = np.arange(integers[memory.REPORTED], self.alive)
        integers[memory.REPORTED] = self.alive
        return np.stack([memory.parents(integers)[children], children], axis=1)

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, e.g. "observation 0 0.5 to 1.2 and observation 1 above 3: action 1, bids 83.2"."""
        if not 0 <= agent < self.alive:
            raise InputError(f"there is no agent {agent}: wanted 0 to {self.alive - 1}")
        lower, upper = (corner[agent] for corner in self.boxes)
        founder = memory.founders(self._kernels.integers)[agent]
        conditions = []
        for (name, unit), low, high, start, stop in zip(
            self._names(words), self.low, self.high, lower, upper, strict=True
        ):
            first = low + start * (high - low) if start > 0 else -math.inf
            last = low + stop * (high - low) if stop <= 1 else math.inf
            conditions.append(interval(name, unit, first, last))
        return rule(conditions, words.move(int(founder) % self.actions), self.price[agent])

    def _names(self, words: Words) -> list[tuple[str, str]]:
        """Name and unit of every feature: the angles first, then the components left."""
        used = {component for pair in self.angles for component in pair}
        components = range(len(self.low) + len(self.angles))
        return [words.angle(*pair) for pair in self.angles] + [words.component(i) for i in components if i not in used]

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays that make this population."""
        kernels = self._kernels
        return {**super().state_dict(), "integers": kernels.integers.copy(), "reals": kernels.reals.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays; the trees in place, because compiled rounds hold their addresses."""
        integers, reals = self._kernels.integers, self._kernels.reals
        same = state["integers"].shape == integers.shape and state["reals"].shape == reals.shape
        sizes = list(memory.FIXED)
        if not same or state["integers"][sizes].tolist() != integers[sizes].tolist():
            raise InputError("saved population has other features, sectors, actions or capacity than this one")
        super().load_state_dict(state)
        integers[:], reals[:] = state["integers"], state["reals"]
