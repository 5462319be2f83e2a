"""Parts of a market of rules that one can swap, called by address from compiled code.

A part is a frozen dataclass with a property `rule`, a `numba.njit` function, and `parameters`, float64 [k]; see
`marketic.function_pointer`. Three kinds:

- a score, `rule(wins, losses, parameters, out)`: how good a condition is with such a record, written to out[0]; with two
  numbers more, `fee` of each position named, in units of log(positions), and `enter`, the least score that may enter;
- a pay rule, `rule(wealth, parameters, shares)`: who gets a gain, as shares of it for the advocates with `wealth`, float64 [k];
- a proposal, `rule(x, parents, positions, parameters, random, mask)`: which positions of the situation x, uint64 [W], an
  entrant names: mask uint64 [W], given as zeros. parents uint64 [2, W] are the masks of two rules (zeros if there are none);
  and `parents`, 0 to 2: how many it needs.
"""

from typing import Any, Protocol

import numpy as np
from numba import types
from numba.extending import intrinsic

from marketic.errors import InputError
from marketic.function_pointer import FLOATS, address_of, caller

WORDS, WORDS_2D = types.uint64[::1], types.uint64[:, ::1]
SCORE = (types.float64, types.float64, FLOATS, FLOATS)
PAY = (FLOATS, FLOATS, FLOATS)
PROPOSE = (WORDS, WORDS_2D, types.int64, FLOATS, WORDS, WORDS)


class Part(Protocol):
    """What the engine asks of a part."""

    @property
    def rule(self) -> Any:
        """The compiled function."""

    @property
    def parameters(self) -> np.ndarray:
        """Its settings, float64 [k], k >= 1."""


def address_and_settings(part: Any, signature: tuple[Any, ...], kind: str) -> tuple[int, np.ndarray]:
    """Where a part's function is, and its parameters. Raises InputError for what is no such part."""
    if not hasattr(part, "rule") or not hasattr(part, "parameters"):
        raise InputError(
            f"{part!r} is no {kind}: wanted an object with rule and parameters (see marketic.agents.rule_parts)"
        )
    parameters = np.ascontiguousarray(part.parameters, dtype=np.float64)
    if parameters.ndim != 1 or not len(parameters) or not np.isfinite(parameters).all():
        raise InputError(f"{part!r}: wanted parameters as finite numbers in one dimension, at least one")
    return address_of(part.rule, signature), parameters


def _score(typing_context, address, wins, losses, parameters, out):  # type: ignore[no-untyped-def]
    return caller(SCORE)(typing_context, address)


def _pay(typing_context, address, wealth, parameters, shares):  # type: ignore[no-untyped-def]
    return caller(PAY)(typing_context, address)


def _propose(typing_context, address, x, parents, positions, parameters, random, mask):  # type: ignore[no-untyped-def]
    return caller(PROPOSE)(typing_context, address)


call_score: Any = intrinsic(_score)
call_pay: Any = intrinsic(_pay)
call_propose: Any = intrinsic(_propose)
