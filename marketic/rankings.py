"""Reports without money: who would rather have whom, as lists with the best first, and who goes first where seats are short."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from marketic.clearing import Clearing
from marketic.errors import InputError
from marketic.screening import Reason, keep, mask, sentences

__all__ = ["Rankings", "matching", "positions"]


@dataclass(frozen=True, slots=True)
class Rankings:
    """What `n` proposers think of `m` objects (schools, houses, partners), and what these think of the proposers.

    order:     int64 [..., n, m]. Each proposer's list of acceptable objects, best first, then -1 to the end. Lists may
               be given shorter than m: they are filled up with -1.
    priority:  int64 [..., m, n]. Each object's list of acceptable proposers, first come first, then -1. None: in order of
               number. A pair of which one does not list the other is never matched.
    capacity:  int64 [..., m]. Seats of each object, >= 0. None: one each.
    active:    bool [..., n]. False: this proposer stays away. None: all take part.
    endowment: int64 [..., n] or None. The object of which each proposer owns one seat, -1: none. No two own one object.
    refused:   int8 [..., n] or None, set here: why a proposer was turned away (`marketic.screening.Reason`).

    A proposer whose list names an object twice, or one that there is not, or goes on after a -1, is refused: its list becomes
    empty and it is not active. Raises InputError for wrong shapes, and for priorities, capacities or endowments that
    contradict themselves (they are facts of the market and nobody's report).

    >>> Rankings([[1, 0], [0, 0]]).reasons()
    {1: 'the ranking names somebody twice or nobody there is'}
    """

    order: np.ndarray
    priority: np.ndarray = None  # type: ignore[assignment]  # replaced by arrays in __post_init__
    capacity: np.ndarray = None  # type: ignore[assignment]
    active: np.ndarray = None  # type: ignore[assignment]
    endowment: np.ndarray | None = None
    refused: np.ndarray | None = field(default=None, init=False)

    PER_BIDDER: ClassVar[frozenset[str]] = frozenset({"order", "active", "endowment"})

    def __post_init__(self) -> None:
        order = _whole("Rankings.order", self.order, 2)
        batch, n = order.shape[:-2], order.shape[-2]
        m = self._objects(order.shape[-1])
        order = _lengthened("Rankings.order", order, m)
        keep(self, "order", order)
        keep(self, "active", mask("Rankings.active", self.active, (*batch, n)))
        keep(self, "priority", _priorities(self.priority, (*batch, m, n)))
        capacity = np.ones(m, dtype=np.int64) if self.capacity is None else self.capacity
        capacity = _spread("Rankings.capacity", _whole("Rankings.capacity", capacity, 1), (*batch, m))
        if (capacity < 0).any():
            raise InputError(f"Rankings.capacity = {capacity.tolist()}: wanted numbers of seats >= 0")
        keep(self, "capacity", capacity)
        if self.endowment is not None:
            keep(self, "endowment", _owners(self.endowment, capacity, (*batch, n)))
        bad = _malformed(order, m)
        if bad.any():
            keep(self, "order", np.where(bad[..., None], -1, order))
            keep(self, "active", self.active & ~bad)
            keep(self, "refused", np.where(bad, np.int8(Reason.BAD_RANKING), np.int8(0)))

    def _objects(self, longest: int) -> int:
        """m, from whichever array tells it."""
        if self.capacity is not None:
            return int(np.shape(self.capacity)[-1]) if np.ndim(self.capacity) else longest
        if self.priority is not None and np.ndim(self.priority) >= 2:
            return int(np.shape(self.priority)[-2])
        return longest

    @property
    def places(self) -> np.ndarray:
        """Places up from the end of the list, float64 [..., n, m]: m for the best, 1 for the m-th, 0 if unlisted."""
        m = self.order.shape[-1]
        return (m - positions(self.order, m)).astype(float)

    @property
    def listed(self) -> np.ndarray:
        """Pairs that may be matched, bool [..., n, m]: each lists the other, or the proposer owns a seat there."""
        n, m = self.order.shape[-2:]
        welcome = np.swapaxes(positions(self.priority, n) < n, -1, -2)
        if self.endowment is not None:
            welcome = welcome | (self.endowment[..., None] == np.arange(m))
        return (positions(self.order, m) < m) & welcome

    @property
    def seats(self) -> np.ndarray:
        """Seats that those present may share, int64 [..., m]: capacity less the seats that absent owners keep."""
        if self.endowment is None:
            return self.capacity
        kept = (self.endowment[..., None] == np.arange(self.capacity.shape[-1])) & ~self.active[..., None]
        return self.capacity - kept.sum(axis=-2)

    def reasons(self) -> dict[Any, str]:
        """Who was refused and why: index of the proposer (a tuple if there are batch axes) -> sentence."""
        return sentences(self.refused)

    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The report with one batch axis B, for compiled loops.

        Returns order int64 [B, n, m]; priority int64 [B, m, n]; seats int64 [B, m] (`seats`, a copy that may be written to);
        active bool [B, n]; owned int64 [B, n] (the endowment, -1: none).
        """
        n, m = self.order.shape[-2:]
        count = int(np.prod(self.order.shape[:-2], dtype=np.int64))
        owned = np.full((count, n), -1, dtype=np.int64) if self.endowment is None else self.endowment
        return (
            np.array(
                self.order.reshape(count, n, m), order="C"
            ),  # copies: loops are compiled anew for read-only arrays
            np.array(self.priority.reshape(count, m, n), order="C"),
            np.array(self.seats.reshape(count, m), order="C"),
            np.array(self.active.reshape(count, n), order="C"),
            np.array(owned.reshape(count, n), order="C"),
        )


def positions(lists: np.ndarray, count: int) -> np.ndarray:
    """Where each of `count` names stands in lists [..., length] (-1: nobody), int64 [..., count]; unlisted: the length."""
    length = lists.shape[-1]
    place = np.full((*lists.shape[:-1], count + 1), length, dtype=np.int64)
    where = np.broadcast_to(np.arange(length), lists.shape)
    np.put_along_axis(place, np.where(lists < 0, count, lists), where, axis=-1)
    return np.array(place[..., :count], order="C")


def matching(rankings: Rankings, match: np.ndarray) -> Clearing:
    """The clearing in which proposer i receives object `match[b, i]` (-1: none), int64 [B, n]. Nobody pays anything."""
    shape = rankings.order.shape
    chosen = match.reshape(shape[:-1])[..., None] == np.arange(shape[-1])
    return Clearing(chosen, np.zeros(shape[:-1]), np.full((*shape[:-2], shape[-1]), np.nan))


def _whole(name: str, given: Any, axes: int) -> np.ndarray:
    """`given` as int64 array; what is no whole number becomes -2, which no list may hold."""
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "fiu" and array.size:
            raise TypeError(f"dtype {array.dtype}")
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: wanted an array of whole numbers, short lists filled up with -1 ({error})") from None
    if array.ndim < axes:
        raise InputError(f"{name} has shape {array.shape}: wanted at least {axes} axes")
    if array.dtype.kind == "f":
        sound = np.abs(array) < 2.0**53
        sound &= np.rint(np.where(sound, array, 0.5)) == array
        array = np.where(sound, array, -2)
    return array.astype(np.int64)


def _lengthened(name: str, lists: np.ndarray, length: int) -> np.ndarray:
    """Lists [..., shorter] filled up with -1 to [..., length]."""
    missing = length - lists.shape[-1]
    if missing < 0:
        raise InputError(f"{name} has lists of length {lists.shape[-1]}: there are only {length} to name")
    return np.pad(lists, [(0, 0)] * (lists.ndim - 1) + [(0, missing)], constant_values=-1)


def _spread(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The same for every market of the batch, where it was given once for all."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise InputError(f"{name} has shape {array.shape}: wanted {shape}, or that without batch axes") from None


def _malformed(lists: np.ndarray, count: int) -> np.ndarray:
    """Lists [..., length] that name somebody twice, or nobody there is, or go on after a -1: bool [...]."""
    bad = ((lists < -1) | (lists >= count)).any(axis=-1)
    bad |= ((lists[..., :-1] == -1) & (lists[..., 1:] != -1)).any(axis=-1)
    ordered = np.sort(lists, axis=-1)
    return bad | ((ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] >= 0)).any(axis=-1)


def _priorities(given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Lists [..., m, n] without the names of those who are not in this market."""
    n = shape[-1]
    lists = np.arange(n) if given is None else _whole("Rankings.priority", given, 2)
    if _malformed(lists, np.iinfo(np.int64).max).any():
        raise InputError("Rankings.priority names a proposer twice, or goes on after a -1, or holds what is no number")
    elsewhere = (lists < 0) | (lists >= n)
    order = np.argsort(elsewhere, axis=-1, kind="stable")
    lists = np.take_along_axis(np.where(elsewhere, -1, lists), order, axis=-1)[..., :n]
    return _spread("Rankings.priority", _lengthened("Rankings.priority", lists, n), shape)


def _owners(given: Any, capacity: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Endowments [..., n], each object owned by one proposer at most and with a seat to own."""
    owned = _spread("Rankings.endowment", _whole("Rankings.endowment", given, 1), shape)
    m = capacity.shape[-1]
    owners = (owned[..., None] == np.arange(m)).sum(axis=-2)
    if ((owned < -1) | (owned >= m)).any() or (owners > np.minimum(capacity, 1)).any():
        raise InputError(f"Rankings.endowment = {owned.tolist()}: wanted -1 or an object with a seat, no two the same")
    return owned
