"""What users hand to an economy, looked at before it is used: compiled code believes all that it reads."""

from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.hayek.interface import CODE, HEADER, RANDOM, STATE
from marketic.hayek.snapshot import Snapshot
from marketic.numbers import LARGEST_WHOLE, check_room

LARGEST_PRICE = 1e9
"""Slopes and offsets of agents go up to here, so that their bids stay within int64."""


def part(what: str, given: Any, kind: Any) -> Any:
    """`given`, or a `kind` with its defaults for None. Raises InputError for anything else."""
    if given is None:
        return kind()
    if not isinstance(given, kind):
        raise InputError(f"{what}={given!r}: wanted a {kind.__module__}.{kind.__name__}, or None for its defaults")
    return given


def check_economy(species: Any, slots: Any, seed: Any) -> None:
    """Raise InputError for what cannot be a species (see `marketic.hayek.interface`), and for numbers out of range."""
    sound = [isinstance(number, int | np.integer) and not isinstance(number, bool) for number in (slots, seed)]
    if not all(sound) or slots < 1 or seed < 0:
        raise InputError(f"Economy(slots={slots!r}, seed={seed!r}): wanted whole numbers, slots >= 1 and seed >= 0")
    check_room(int(slots + 1) ** 2, f"slots={slots}: who pays whom", "choose fewer")
    missing = [name for name in ("functions", "code_length", "table", "words") if not hasattr(species, name)]
    if missing or isinstance(species, type):
        raise InputError(
            f"species={species!r} has no {', '.join(missing) or 'world'}: wanted an object such as MacroPrograms(world) of "
            "marketic.agents.program_species"
        )


def check_table(rows: list[np.ndarray], slots: int, code_length: int) -> None:
    """Raise InputError for a species' table whose first entries are not those of `marketic.hayek.interface`."""
    shapes = {
        "STATE": rows[STATE].ndim == 1 and len(rows[STATE]) >= HEADER,
        "RANDOM": rows[RANDOM].shape == (1,),
        "CODE": rows[CODE].shape == (slots, code_length),
    }
    for name, entry in zip(shapes, (STATE, RANDOM, CODE), strict=True):
        if not shapes[name] or rows[entry].dtype != np.int64:
            raise InputError(
                f"the species' table has {rows[entry].dtype} {rows[entry].shape} as {name}: see marketic.hayek.interface"
            )


def check_agents(agents: Any, slots: int, species: Any) -> None:
    """Raise InputError for agents that do not fit into the slots, and for arrays that are no agents' of this species."""
    if not isinstance(agents, Snapshot):
        raise InputError(f"agents={agents!r}: wanted a marketic.hayek.Snapshot, such as economy.snapshot()")
    code = np.asarray(agents.code)
    n = len(code) if code.ndim else 0
    if n > slots or code.shape != (n, species.code_length) or code.dtype.kind not in "iu":
        raise InputError(
            f"agents with code {code.dtype} {code.shape}: wanted at most {slots} rows of {species.code_length} whole numbers"
        )
    for name in ("slope", "offset", "wealth", "uid", "parent"):
        _check_column(name, np.asarray(getattr(agents, name)), n)
    sound = species.sound(code) if hasattr(species, "sound") else np.ones(n, dtype=bool)
    if not sound.all():
        row = int(np.flatnonzero(~sound)[0])
        raise InputError(f"agent {row} of agents= has code {code[row].tolist()}, which is no program of this species")


def _check_column(name: str, given: np.ndarray, n: int) -> None:
    price = name in ("slope", "offset")
    most = LARGEST_PRICE if price else LARGEST_WHOLE
    if given.shape != (n,) or given.dtype.kind not in ("fiu" if price else "iu") or not (np.abs(given) <= most).all():
        kind = "numbers" if price else "whole numbers"
        raise InputError(f"agents: {name} is {given.dtype} {given.shape}: wanted {n} {kind} up to +-{most:g}")


def seeds_of(seed: int, count: int) -> list[int]:
    """The seeds of economies, from the seed of a search. Raises InputError for one that is no whole number >= 0."""
    return [int(number) for number in np.random.SeedSequence(seed_of(seed)).generate_state(count, np.uint32)]


def seed_of(seed: Any) -> int:
    """A seed. Raises InputError for what is no whole number >= 0, True among them."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}: wanted a whole number >= 0")
    return int(seed)
