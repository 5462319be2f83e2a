"""The state of the world, factored into goods, and how Gymnasium spaces become goods.

Each component of the observation is a *non-rival* good (everyone may read it); each component of the action is a
*rival* good, a right (one owner sets it). Supported spaces:

space                     as observation                          as action (rights)
Discrete(n, start)        1 finite good, index from 0             1 right with n actions
MultiDiscrete(nvec)       one finite good per entry               one right per entry
MultiBinary(shape)        one finite good of size 2 per entry     one right with 2 actions per entry
Box(shape, bounds)        one real good per entry                 one right per entry, `action_bins` levels; whole for integers
Tuple, Dict, nested       the parts' goods, in order              the parts' rights, in order
Text, Graph, Sequence     refused                                 refused
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.action_levels import check_bins, levels_of
from marketic.errors import InputError

_ADVICE = (
    "supported: Discrete, Box, MultiDiscrete, MultiBinary, Tuple and Dict of these; wrap the environment with "
    "gymnasium.wrappers.TransformObservation / TransformAction (or FlattenObservation) to get one of them"
)

_UNREADABLE = (TypeError, ValueError, KeyError, IndexError, OverflowError)


@dataclass(frozen=True)
class Good:
    """One factor of the state.

    name:  where it stands in the space, e.g. "observation[2]" or "action.left".
    size:  number of values of a finite good (counted from 0), or None for a real one.
    low, high: range of a real good; infinite where the space is unbounded. 0 and size - 1 for a finite one.
    rival: True if one owner at a time holds it (a right to act), False if everyone may read it.
    """

    name: str
    size: int | None
    low: float
    high: float
    rival: bool


class Goods:
    """An ordered tuple of goods, and the translation between a space's values and float64 vectors.

    >>> goods = Goods.from_space(gym.spaces.Tuple([gym.spaces.Discrete(3, start=1), gym.spaces.Box(-1, 1, (2,))]))
    >>> [good.name for good in goods], goods.encode((2, np.array([0.5, -0.5], dtype=np.float32))).tolist()
    (['observation[0]', 'observation[1][0]', 'observation[1][1]'], [1.0, 0.5, -0.5])
    """

    def __init__(self, space: gym.Space, goods: tuple[Good, ...], levels: list[np.ndarray | None]) -> None:
        self.space, self._goods, self._levels = space, goods, levels
        self._plain_box = isinstance(space, gym.spaces.Box)
        self._flat = space.shape if self._plain_box and len(space.shape or ()) == 1 else None
        self._start = int(space.start) if isinstance(space, gym.spaces.Discrete) else None
        self._by_name = {good.name: good for good in goods}

    @classmethod
    def from_space(
        cls, space: gym.Space, *, rival: bool = False, action_bins: int | None = None, name: str | None = None
    ) -> "Goods":
        """Factor a space. `rival=True` for actions; `action_bins` >= 2 levels for each real component of an action.

        Raises InputError for a space that is not supported or has two components of one name, and for a Box of actions without
        `action_bins` or bounds.
        """
        if action_bins is not None:
            check_bins(action_bins)
        goods: list[Good] = []
        levels: list[np.ndarray | None] = []
        for good, grid in _factor(space, name or ("action" if rival else "observation"), rival, action_bins):
            goods.append(good)
            levels.append(grid)
        if not goods:
            raise InputError(f"space {space} has no components: there is nothing to own")
        twice = [name for name, count in Counter(good.name for good in goods).items() if count > 1]
        if twice:
            raise InputError(f"two components of {space} are called {twice[0]!r}: rename a key of the Dict")
        return cls(space, tuple(goods), levels)

    def __len__(self) -> int:
        return len(self._goods)

    def __iter__(self) -> Iterator[Good]:
        return iter(self._goods)

    def __getitem__(self, key: int | str) -> Good:
        return self._by_name[key] if isinstance(key, str) else self._goods[key]

    @property
    def states(self) -> int | None:
        """How many different values the space has, or None if a good is real."""
        sizes = [good.size for good in self._goods]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    @property
    def sizes(self) -> np.ndarray:
        """Actions of each right, int64 [goods]. For rival goods."""
        return np.array([good.size or 0 for good in self._goods], dtype=np.int64)

    def encode(self, value: Any) -> np.ndarray:
        """A value of the space as float64 [goods], a copy; finite goods count from 0.

        Raises InputError for a value with the wrong structure or number of components; ranges are not checked here.
        """
        try:
            if self._plain_box:
                vector = _box(value, self.space.shape or ()).reshape(-1)
            elif self._start is not None:
                return np.array([float(value) - self._start])
            else:
                vector = np.concatenate(list(_flatten(self.space, value)))
        except _UNREADABLE as error:
            raise self._misfit(value, str(error)) from None
        if len(vector) != len(self._goods):
            raise self._misfit(value, f"it has {len(vector)} components instead of {len(self._goods)}")
        return vector

    def encode_into(self, value: Any, vector: np.ndarray) -> None:
        """Write `encode(value)` to `vector`, float64 [goods]: the same without a new array where the space is simple."""
        if self._flat is None or getattr(value, "shape", None) != self._flat:
            vector[:] = self.encode(value)
            return
        try:
            vector[:] = value
        except _UNREADABLE as error:  # an array of other things than numbers
            raise self._misfit(value, str(error)) from None

    def encode_rows(self, value: Any, rows: int) -> np.ndarray:
        """A batched value (as Gymnasium's vector environments return it) as float64 [rows, goods], a copy.

        Raises InputError as `encode` does.
        """
        try:
            if self._plain_box:
                matrix = _box(value, (rows, *(self.space.shape or ()))).reshape(rows, -1)
            elif self._start is not None:
                return (np.asarray(value, dtype=float) - self._start).reshape(rows, 1)
            else:
                matrix = np.concatenate(list(_flatten_rows(self.space, value, rows)), axis=1)
        except _UNREADABLE as error:
            raise self._misfit(value, str(error)) from None
        if matrix.shape[1] != len(self._goods):
            raise self._misfit(value, f"its rows have {matrix.shape[1]} components instead of {len(self._goods)}")
        return matrix

    def encode_rows_into(self, value: Any, matrix: np.ndarray) -> None:
        """Write `encode_rows(value, rows)` to `matrix`, float64 [rows, goods]: faster where the space is simple."""
        if self._flat is None or not isinstance(value, np.ndarray) or value.shape != matrix.shape:
            matrix[:] = self.encode_rows(value, len(matrix))
        elif value.flags.c_contiguous:
            matrix[:] = value
        else:  # column by column, as many batched environments lay them out
            for column in range(matrix.shape[1]):
                matrix[:, column] = value[:, column]

    def batch_size(self, value: Any) -> int | None:
        """How many rows a batched value has; None for a single value of the space."""
        return _batch_size(self.space, value)

    def _misfit(self, value: Any, reason: str) -> InputError:
        kind = "action" if self._goods[0].rival else "observation"
        return InputError(
            f"{value!r} is no value of {kind} space {self.space} ({reason}): repair it, e.g. with "
            "gymnasium.wrappers.TransformObservation"
        )

    def decode(self, actions: np.ndarray) -> Any:
        """A value of the space from one action number per right, int64 [goods]."""
        if self._start is not None:
            return int(actions[0]) + self._start
        return _unflatten(self.space, iter(zip(actions.tolist(), self._levels, strict=True)))


def _box(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A copy as float64. Raises ValueError for tables of another shape, whose numbers would land in the wrong places."""
    array = np.array(value, dtype=float)
    if array.shape != shape and max(array.ndim, len(shape)) > 1 and array.size == math.prod(shape):
        raise ValueError(f"it has shape {array.shape} instead of {shape}")
    return array


def _factor(space: gym.Space, name: str, rival: bool, bins: int | None) -> Iterator[tuple[Good, np.ndarray | None]]:
    spaces = gym.spaces
    if isinstance(space, spaces.Discrete):
        yield Good(name, int(space.n), 0.0, float(space.n - 1), rival), None
    elif isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary):
        sizes = np.full(space.shape, 2) if isinstance(space, spaces.MultiBinary) else space.nvec
        for index, size in zip(np.ndindex(space.shape), sizes.ravel().tolist(), strict=True):
            yield Good(f"{name}{list(index)}", int(size), 0.0, float(size - 1), rival), None
    elif isinstance(space, spaces.Box):
        yield from _factor_box(space, name, rival, bins)
    elif isinstance(space, spaces.Tuple):
        for position, part in enumerate(space.spaces):
            yield from _factor(part, f"{name}[{position}]", rival, bins)
    elif isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _factor(part, f"{name}.{key}", rival, bins)
    else:
        raise InputError(f"{name} has space {space}, which is not supported ({_ADVICE})")


def _factor_box(
    space: gym.spaces.Box, name: str, rival: bool, bins: int | None
) -> Iterator[tuple[Good, np.ndarray | None]]:
    low = np.where(space.bounded_below, space.low.astype(float), -np.inf).ravel()
    high = np.where(space.bounded_above, space.high.astype(float), np.inf).ravel()  # integers have no infinity
    for position, index in enumerate(np.ndindex(space.shape)):
        label = f"{name}{list(index)}" if space.shape else name
        if not rival:
            yield Good(label, None, low[position], high[position], rival), None
            continue
        if bins is None:
            raise InputError(f"{name} has space {space}: real actions need action_bins= levels, e.g. action_bins=5")
        if not (math.isfinite(low[position]) and math.isfinite(high[position])):
            raise InputError(
                f"{label} is unbounded: say how far it may go, e.g. with gymnasium.wrappers.TransformAction(env, "
                "lambda action: action, gymnasium.spaces.Box(-1.0, 1.0, (2,))) for two components"
            )
        levels = levels_of(space.low.flat[position], space.high.flat[position], bins)
        yield Good(label, len(levels), 0.0, len(levels) - 1.0, rival), levels


def _flatten(space: gym.Space, value: Any) -> Iterator[np.ndarray]:
    spaces = gym.spaces
    if isinstance(space, spaces.Tuple):
        for part, piece in zip(space.spaces, value, strict=True):
            yield from _flatten(part, piece)
    elif isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _flatten(part, value[key])
    else:
        start = getattr(space, "start", 0)
        yield (np.asarray(value, dtype=float).reshape(space.shape or ()) - start).reshape(-1)


def _flatten_rows(space: gym.Space, value: Any, rows: int) -> Iterator[np.ndarray]:
    spaces = gym.spaces
    if isinstance(space, spaces.Tuple):
        for part, piece in zip(space.spaces, value, strict=True):
            yield from _flatten_rows(part, piece, rows)
    elif isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _flatten_rows(part, value[key], rows)
    else:
        batch = np.asarray(value, dtype=float).reshape(rows, *(space.shape or ()))
        yield (batch - getattr(space, "start", 0)).reshape(rows, -1)


def _batch_size(space: gym.Space, value: Any) -> int | None:
    try:
        if isinstance(space, gym.spaces.Tuple):
            return _batch_size(space.spaces[0], value[0])
        if isinstance(space, gym.spaces.Dict):
            key, part = next(iter(space.spaces.items()))
            return _batch_size(part, value[key])
        return len(value) if np.ndim(value) == len(space.shape or ()) + 1 else None
    except _UNREADABLE:
        return None  # neither a value nor a batch: encoding it says what is wrong


def _unflatten(space: gym.Space, parts: Iterator[tuple[int, np.ndarray | None]]) -> Any:
    spaces = gym.spaces
    if isinstance(space, spaces.Tuple):
        return tuple(_unflatten(part, parts) for part in space.spaces)
    if isinstance(space, spaces.Dict):
        return {key: _unflatten(part, parts) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Discrete):
        return next(parts)[0] + int(space.start)
    count = math.prod(space.shape or ())
    if isinstance(space, spaces.Box):
        values = [grid[number] for number, grid in (next(parts) for _ in range(count)) if grid is not None]
        return np.array(values, dtype=space.dtype).reshape(space.shape)
    numbers = np.array([next(parts)[0] for _ in range(count)]).reshape(space.shape or ())
    start = getattr(space, "start", 0)
    return (numbers + start).astype(space.dtype)
