"""Tile coding: agents whose conditions are the tiles of several overlapping grids (Sutton and Barto 2018, section 9.5)."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from marketic.agents.hindsight import PaperTrades, SteadyBids
from marketic.agents.kernels import Kernels
from marketic.agents.learning_rate import LearningRate
from marketic.agents.ranges import check_components, check_ranges, numbers_of, pairs_of, ranges
from marketic.agents.rehearsals import Rehearsals
from marketic.agents.syndicates import Syndicates, check_size
from marketic.agents.tiling import Tiling
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.numbers import whole
from marketic.words import NO_WORDS, Words, interval, rule

MOST_PAIRS = 2**14
"""Pairs of features that the default tilings may have: each is read at every step, by every bidder."""

BLOCK = 64
"""Rows that are matched together; fewer than that are matched one by one. Nobody can tell from the result."""


class Tiles(Syndicates):
    """A syndicate per action whose K members are the tiles, one per grid, that the observation falls into.

    low, high: float [F], the range of each feature that the grids cover; values beyond are moved to its edge.
    actions:   number of actions.
    tilings:   the grids; K is the sum of their counts.
    angles:    pairs of observation components (cosine, sine) that are replaced by one feature, the angle in
               [-pi, pi]; the features are these angles first, then the components left, in order.

    Agent numbers run grid by grid, tile by tile, action by action. Raises InputError for empty or infinite ranges.
    """

    def __init__(
        self,
        low: Sequence[float] | np.ndarray,
        high: Sequence[float] | np.ndarray,
        actions: int,
        tilings: Sequence[Tiling],
        *,
        angles: Sequence[tuple[int, int]] = (),
        initial_bid: float = 0.0,
        tie_noise: float = 1e-4,
        learning_rate: LearningRate | None = None,
        clones: int = 1,
        public: bool = True,
        paper_trades: PaperTrades | None = None,
        greedy: SteadyBids | None = None,
        rehearsals: Rehearsals | None = None,
        rng: np.random.Generator,
    ) -> None:
        self.low, self.high = numbers_of("Tiles", "low", low), numbers_of("Tiles", "high", high)
        if self.low.shape != self.high.shape or not (np.isfinite(self.low) & np.isfinite(self.high)).all():
            raise InputError(f"Tiles(low={low}, high={high}): wanted two finite arrays of the same length")
        if not (self.low < self.high).all():
            raise InputError(f"Tiles(low={low}, high={high}): wanted low < high in every feature")
        if not isinstance(tilings, list | tuple) or not tilings or not all(isinstance(one, Tiling) for one in tilings):
            raise InputError(f"Tiles(tilings={tilings!r}): wanted a list of at least one Tiling")
        clones = whole("clones", clones, 1)
        self.tilings, self.angles = tuple(tilings), pairs_of("Tiles", angles)
        check_components("Tiles", self.angles, len(self.low))
        integers, reals = self._layout(actions * clones)
        self._kernels = Kernels(match_tiles, fixed=True, integers=integers, reals=reals)
        super().__init__(
            int(integers[2]),
            actions,
            sum(tiling.count for tiling in self.tilings),
            components=len(self.low) + len(self.angles),
            learning_rate=learning_rate or LearningRate(),
            initial_bid=initial_bid,
            tie_noise=tie_noise,
            clones=clones,
            public=public,
            paper_trades=paper_trades,
            greedy=greedy,
            rehearsals=rehearsals,
            rng=rng,
        )

    def _layout(self, bidders: int) -> tuple[np.ndarray, np.ndarray]:
        """The grids as flat arrays for compiled code.

        integers: [number of angles, tilings, agents, (cos, sin) per angle, then per tiling: first agent, agents of one copy,
        copies, d, (feature, cells) * d]; cells are counted negative along an angle, where the last tile is followed by the
        first; reals: [low * F, scale * F, F places for features at work, then per tiling and dimension each copy's offset in
        tiles].
        """
        integers: list[int] = [len(self.angles), len(self.tilings), 0]
        integers += [component for pair in self.angles for component in pair]
        reals: list[float] = [*self.low, *(self.high - self.low), *np.zeros(len(self.low))]
        agents = 0
        for tiling in self.tilings:
            if max(tiling.features) >= len(self.low):
                raise InputError(f"{tiling} names feature {max(tiling.features)}: there are {len(self.low)}")
            turns = [feature < len(self.angles) for feature in tiling.features]
            cells = [
                b if turn else b + 1 for b, turn in zip(tiling.bins, turns, strict=True)
            ]  # shifted grids stick out
            integers += [agents, math.prod(cells) * bidders, tiling.count, len(cells)]
            agents += tiling.count * math.prod(cells) * bidders
            check_size(agents, f"{tiling} brings the population to ", "choose fewer bins")
            for dimension, (feature, count, turn) in enumerate(zip(tiling.features, cells, turns, strict=True)):
                integers += [feature, -count if turn else count]
                shifts = np.arange(tiling.count) * (2 * dimension + 1)
                reals += (shifts % tiling.count / tiling.count).tolist()
        integers[2] = agents
        return np.array(integers, dtype=np.int64), np.array(reals)

    @classmethod
    def for_spaces(cls, goods: Goods, actions: int, *, rng: np.random.Generator, **options: Any) -> "Tiles":
        """Tiles over a task's observation. What `options` leave out is chosen from the space.

        Ranges default to the space's bounds (+-10 where it has none); tilings to 8 grids over all components if there are
        at most 4, and over every pair of components otherwise. Angles must come with ranges for all features.
        Raises InputError where these would be more than `MOST_PAIRS` pairs, as with images.
        """
        features = len(goods) - len(pairs_of("Tiles", options.get("angles", ())))
        low, high = ranges(goods, features)
        options = {"low": low, "high": high, **options}
        check_ranges("Tiles", goods, features, options)
        if "tilings" not in options:
            if features <= 4:
                options["tilings"] = [Tiling(tuple(range(features)), (8,) * features if features < 4 else (5,) * 4, 8)]
            elif math.comb(features, 2) > MOST_PAIRS:
                raise InputError(
                    f"tiles on {features:,} features: {math.comb(features, 2):,} grids, over every pair of them; wanted "
                    f"at most {MOST_PAIRS:,}: choose tilings=, or take agents='bank', which reads long observations"
                )
            else:
                options["tilings"] = [Tiling(pair, (8, 8), 2) for pair in itertools.combinations(range(features), 2)]
        return cls(actions=actions, rng=rng, **options)

    @property
    def kernels(self) -> Kernels:
        """Matching by tiles."""
        return self._kernels

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, e.g. "observation 0 0.5 to 1.2 and observation 1 above 3: action 1, bids 83.2"."""
        tile, bidder = divmod(int(agent), self.n_bidders)
        names, conditions = self._names(words), []
        for tiling, copy in ((t, c) for t in self.tilings for c in range(t.count)):
            turns = [feature < len(self.angles) for feature in tiling.features]
            shape = tuple(b if turn else b + 1 for b, turn in zip(tiling.bins, turns, strict=True))
            if tile >= math.prod(shape):
                tile -= math.prod(shape)
                continue
            for d, index in enumerate(np.unravel_index(tile, shape)):
                feature, bins = tiling.features[d], tiling.bins[d]
                first = int(index) - (copy * (2 * d + 1)) % tiling.count / tiling.count
                low, width = self.low[feature], (self.high[feature] - self.low[feature]) / bins
                start = low + first * width if first > 0 or turns[d] else -math.inf
                stop = low + (first + 1) * width if first + 1 < bins or turns[d] else math.inf
                name, unit = names[feature]
                conditions.append(interval(name, unit, start, stop))
            break
        return rule(conditions, words.move(bidder // self.clones), self.price[agent])

    def _names(self, words: Words) -> list[tuple[str, str]]:
        """Name and unit of every feature: the angles first, then the components left."""
        used = {component for pair in self.angles for component in pair}
        components = range(len(self.low) + len(self.angles))
        return [words.angle(*pair) for pair in self.angles] + [words.component(i) for i in components if i not in used]


@njit(cache=True)
def _feature(observation, integers, index):  # type: ignore[no-untyped-def]
    """Feature number `index` of one encoded observation, float64 [D]: an angle, or a component left over."""
    angles = integers[0]
    if index < angles:
        return math.atan2(observation[integers[3 + 2 * index + 1]], observation[integers[3 + 2 * index]])
    component = index - angles
    if angles == 0:
        return observation[component]
    for candidate in range(observation.shape[0]):
        used = False
        for j in range(2 * angles):
            used = used or integers[3 + j] == candidate
        if not used:
            if component == 0:
                return observation[candidate]
            component -= 1
    return 0.0


@njit(cache=True)
def match_tiles(observation, integers, reals, matched):  # type: ignore[no-untyped-def]
    """observation float64 [B, D]; matched int64 [B, n, K]. See `Tiles._layout` for integers and reals."""
    if observation.shape[0] >= BLOCK:
        _match_blocks(observation, integers, reals, matched)
        return
    features = observation.shape[1] - integers[0]
    scaled = reals[2 * features : 3 * features]  # room kept for this, so that nothing is allocated
    for row in range(observation.shape[0]):
        for f in range(features):
            inside = (_feature(observation[row], integers, f) - reals[f]) / reals[features + f]
            scaled[f] = min(max(inside, 0.0), 1.0)
        at, offset, grid = 3 + 2 * integers[0], 3 * features, 0
        for _ in range(integers[1]):
            copies, dimensions = integers[at + 2], integers[at + 3]
            _find_tiles(scaled, integers[at:], reals[offset:], matched[row], grid)
            at += 4 + 2 * dimensions
            offset += copies * dimensions
            grid += copies


@njit(cache=True, forceinline=True)
def _find_tiles(scaled, tiling, offsets, matched, grid):  # type: ignore[no-untyped-def]
    """The tiles of one tiling's copies to matched[:, grid], ..., a dimension at a time for all copies: a loop for vectors."""
    first, size, copies, dimensions = tiling[0], tiling[1], tiling[2], tiling[3]
    for copy in range(copies):
        matched[0, grid + copy] = 0
    for d in range(dimensions):
        share, cells, shift = scaled[tiling[4 + 2 * d]], tiling[5 + 2 * d], offsets[d * copies : (d + 1) * copies]
        if cells < 0:  # along an angle
            for copy in range(copies):
                position = int(share * -cells + shift[copy]) % -cells
                matched[0, grid + copy] = matched[0, grid + copy] * -cells + position
        else:
            for copy in range(copies):
                position = min(int(share * (cells - 1) + shift[copy]), cells - 1)
                matched[0, grid + copy] = matched[0, grid + copy] * cells + position
    bidders = matched.shape[0]
    for copy in range(copies):
        matched[0, grid + copy] = first + copy * size + matched[0, grid + copy] * bidders
    for i in range(1, bidders):
        for copy in range(copies):
            matched[i, grid + copy] = matched[0, grid + copy] + i


@njit(cache=True)
def _match_blocks(observation, integers, reals, matched):  # type: ignore[no-untyped-def]
    """The same for many rows, a block at a time and a step for all its rows at once, so that processors can use vectors."""
    bidders, features = matched.shape[1], observation.shape[1] - integers[0]
    scaled, tile = np.empty((features, BLOCK)), np.empty(BLOCK)
    for start in range(0, observation.shape[0], BLOCK):
        size = min(BLOCK, observation.shape[0] - start)
        for f in range(features):
            _scale_feature(observation, start, size, integers, reals, f, scaled)
        at, offset, grid = 3 + 2 * integers[0], 3 * features, 0
        for _ in range(integers[1]):
            copies, dimensions = integers[at + 2], integers[at + 3]
            for copy in range(copies):
                for r in range(size):
                    tile[r] = 0.0
                for d in range(dimensions):
                    feature, cells = integers[at + 4 + 2 * d], float(integers[at + 5 + 2 * d])
                    _descend(scaled, feature, cells, reals[offset + d * copies + copy], tile, size)
                first = integers[at] + copy * integers[at + 1]
                for i in range(bidders):  # rows innermost: that loop is long
                    for r in range(size):
                        matched[start + r, i, grid] = first + np.int64(tile[r]) * bidders + i
                grid += 1
            at += 4 + 2 * dimensions
            offset += copies * dimensions


@njit(cache=True, forceinline=True)
def _scale_feature(observation, start, size, integers, reals, f, scaled):  # type: ignore[no-untyped-def]
    """Feature f of rows start .. start + size, as a share of its range, to scaled[f]."""
    low, span = reals[f], reals[observation.shape[1] - integers[0] + f]
    if integers[0] == 0:
        for r in range(size):
            scaled[f, r] = min(max((observation[start + r, f] - low) / span, 0.0), 1.0)
    else:
        for r in range(size):
            scaled[f, r] = min(max((_feature(observation[start + r], integers, f) - low) / span, 0.0), 1.0)


@njit(cache=True, forceinline=True)
def _descend(scaled, f, cells, offset, tile, size):  # type: ignore[no-untyped-def]
    """One more dimension of a grid: tile becomes tile * cells + position along feature f, in whole floats."""
    if cells < 0.0:  # along an angle, where position `cells` is the first again
        cells = -cells
        for r in range(size):
            position = np.floor(scaled[f, r] * cells + offset)
            tile[r] = tile[r] * cells + (position - cells if position >= cells else position)
    else:
        for r in range(size):
            tile[r] = tile[r] * cells + min(np.floor(scaled[f, r] * (cells - 1.0) + offset), cells - 1.0)
