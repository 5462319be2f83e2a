"""Which options a family takes: the arguments of its factories that no task decides."""

import inspect
from collections.abc import Iterable
from typing import Any

from marketic.errors import InputError

DECIDED = {"self", "goods", "actions", "rng"}
"""Arguments that every factory gets from the market."""
READ_OFF = {"options", "terms", "states", "inputs", "alphabet", "factoring", "societies", "found"}
"""Arguments that our families' factories make from the task."""


def check_names(family: Any, options: Iterable[str], more: Iterable[str] = ()) -> None:
    """Raise InputError for an option that a family does not take. more: what may be given beside them, for the message."""
    build = getattr(family, "for_spaces", family)
    accepted = set(inspect.signature(build).parameters) | set(getattr(family, "option_names", ()))
    if inspect.isclass(family):
        accepted |= set(inspect.signature(family.__init__).parameters) - READ_OFF
    accepted -= DECIDED | {"options"}
    unknown = sorted(set(options) - accepted)
    if getattr(family, "open_options", False):  # it hands options on to families that it founds, and they check them
        unknown = sorted(set(options) & DECIDED)
    if unknown:
        name = getattr(family, "__name__", str(family))
        others = f", or of the market's own, {', '.join(sorted(more))}" if more else ""
        raise InputError(
            f"unknown option {unknown[0]!r} for {name}: wanted one of {', '.join(sorted(accepted))}{others}"
        )
