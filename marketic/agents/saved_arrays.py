"""Saved arrays, looked at before a population takes them: compiled code believes what stands in them."""

from collections.abc import Collection, Mapping

import numpy as np

from marketic.errors import InputError

State = Mapping[str, np.ndarray]


def check_arrays(who: str, given: State, own: State, free: Collection[str] = ()) -> None:
    """Raise InputError unless `given` has arrays of the names, types and shapes of `own`, with finite numbers where those are.

    who: whose they are, for messages. free: names whose first dimension may be another.
    """
    for name, array in own.items():
        found = given.get(name)
        if found is None:
            raise InputError(f"saved {who} have nothing as {name!r}: wanted {array.dtype}{array.shape}")
        rest = slice(1 if name in free else 0, None)
        fits = found.ndim == array.ndim and found.shape[rest] == array.shape[rest]
        if not fits or found.dtype != array.dtype:
            raise InputError(
                f"{name} has shape {found.shape} of {found.dtype}: wanted {array.shape} of {array.dtype}; use the same options"
            )
        if found.dtype.kind == "f" and np.isfinite(array).all() and not np.isfinite(found).all():
            raise InputError(
                f"{name} of saved {who} is not finite everywhere: wanted arrays as state_dict() makes them"
            )


def check_range(who: str, name: str, given: np.ndarray, least: int, beyond: int) -> None:
    """Raise InputError unless all of `given` are from `least` to beyond - 1."""
    if given.size and not (given.min() >= least and given.max() < beyond):
        raise InputError(
            f"{name} of saved {who} goes from {given.min()} to {given.max()}: wanted {least} to {beyond - 1}, as here"
        )


def check_births(who: str, kin: np.ndarray) -> None:
    """Raise InputError for a table of births (see `birth_table`) that says it has more rows than it has."""
    check_range(who, "kin[0, 0]", kin[:1, 0], 0, len(kin))
