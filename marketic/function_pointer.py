"""Calling a compiled function by its address, so that compiled loops stay open for parts they have never seen.

A numba loop that takes functions as arguments either recompiles for every combination or spends 100 us unpacking them
on each call. An address is one integer: nothing recompiles, nothing is unpacked, and a user's `@njit` rule runs at full
speed inside our loops. The signature is fixed where the call is written; `address_of` compiles the function for it.
"""

from typing import Any

from numba import types
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic

from marketic.errors import InputError

FLOATS, FLOATS_2D = types.float64[::1], types.float64[:, ::1]
INTS, INTS_2D, INTS_3D = types.int64[::1], types.int64[:, ::1], types.int64[:, :, ::1]
FLAGS_2D = types.boolean[:, ::1]

RULE = (FLOATS_2D, FLAGS_2D, FLOATS, FLOATS, INTS, FLOATS_2D)
"""value, active, uniform, parameters, winner, payments: see `marketic.mechanism.ClearingRule`."""
MATCH = (FLOATS_2D, INTS, FLOATS, INTS_3D)
"""observation, integers, reals, matched: see `marketic.agents.kernels.Kernels`."""
ENTER = (FLOATS_2D, types.int64, types.int64, INTS, INTS, FLOATS, FLOATS, INTS, FLOATS, FLOATS)
"""observation, row, owner, members, integers, reals, price, trades, steady, licence: see `marketic.agents.kernels.Kernels`."""
ADAPT = (FLOATS_2D, types.int64, INTS, types.float64, types.float64, INTS, FLOATS, FLOATS, INTS, FLOATS, FLOATS)
"""observation, row, members, realised, delta, then as in ENTER: see `marketic.agents.kernels.Kernels`."""
REHEARSE = (INTS_2D, types.int64, types.int64, types.float64, types.int64, types.float64, FLOATS_2D, FLOATS_2D, types.int64,
            INTS, FLOATS, FLOATS, FLOATS)  # fmt: skip
"""table, row, owner, reward, stage, discount, observation, final, matcher, integers, reals, price, steady: see
`marketic.agents.rehearsals`."""

ROUND = (INTS_2D,)
"""rows: a table of arrays, see `marketic.compiled_round`."""
RESET = (FLOATS, FLOATS, INTS, FLOATS, FLOATS)
"""state, uniform, integers, reals, observation: see `marketic.dynamics.Dynamics`."""
STEP = (FLOATS, types.int64, FLOATS, INTS, FLOATS, FLOATS, FLOATS)
"""state, action, uniform, integers, reals, observation, outcome: see `marketic.dynamics.Dynamics`."""


def address_of(function: Any, signature: tuple[Any, ...]) -> int:
    """Compile a numba function for a signature and return its address.

    Raises InputError if it is not a numba function, or does not compile for these types.
    """
    if not isinstance(function, Dispatcher):
        raise InputError(f"{function!r} is a {type(function).__name__}: wanted a function compiled by numba.njit")
    try:
        function.compile(signature)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{function.py_func.__name__} does not compile for {signature}: {reason}") from None
    compiled: Any = function.overloads[signature]
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def caller(signature: tuple[Any, ...], returns: Any = types.none) -> Any:
    """The typing function of an intrinsic `call(address, *arguments)` for functions of one signature, which return nothing
    unless `returns` names a numba type. How a file declares calls of its own: see the foot of this one."""

    def typed(typing_context: Any, address: Any, *arguments: Any) -> Any:
        def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
            kind = context.call_conv.get_function_type(returns, signature)
            function = builder.inttoptr(values[0], kind.as_pointer())
            given = values[1] if isinstance(values[1], list | tuple) else list(values[1:])
            status, answer = context.call_conv.call_function(builder, function, returns, signature, given)
            with builder.if_then(status.is_error):
                context.call_conv.return_status_propagate(builder, status)
            return context.get_dummy_value() if returns == types.none else answer

        return returns(types.int64, *signature), generate

    return typed


def _rule(typing_context, address, value, active, uniform, parameters, winner, payments):  # type: ignore[no-untyped-def]
    return caller(RULE)(typing_context, address)


def _match(typing_context, address, observation, integers, reals, matched):  # type: ignore[no-untyped-def]
    return caller(MATCH)(typing_context, address)


def _enter(typing_context, address, observation, row, owner, members, integers, reals, price, trades, steady, licence):  # type: ignore[no-untyped-def]  # fmt: skip
    return caller(ENTER)(typing_context, address)


def _adapt(typing_context, address, observation, row, members, realised, delta, integers, reals, price, trades, steady,
           licence):  # type: ignore[no-untyped-def]  # fmt: skip
    return caller(ADAPT)(typing_context, address)


def _rehearse(typing_context, address, table, row, owner, reward, stage, discount, observation, final, matcher, integers, reals,
              price, steady):  # type: ignore[no-untyped-def]  # fmt: skip
    return caller(REHEARSE)(typing_context, address)


def _round(typing_context, address, rows):  # type: ignore[no-untyped-def]
    return caller(ROUND)(typing_context, address)


def _reset(typing_context, address, state, uniform, integers, reals, observation):  # type: ignore[no-untyped-def]
    return caller(RESET)(typing_context, address)


def _step(typing_context, address, state, action, uniform, integers, reals, observation, outcome):  # type: ignore[no-untyped-def]
    return caller(STEP)(typing_context, address)


call_reset: Any = intrinsic(_reset)
call_step: Any = intrinsic(_step)
call_rule: Any = intrinsic(_rule)
call_match: Any = intrinsic(_match)
call_enter: Any = intrinsic(_enter)
call_adapt: Any = intrinsic(_adapt)
call_round: Any = intrinsic(_round)
call_rehearse: Any = intrinsic(_rehearse)
