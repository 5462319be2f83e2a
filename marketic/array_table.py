"""Many arrays as one argument: a table of addresses and shapes that compiled code turns back into arrays.

Calling a compiled function costs about 0.1 us for every array that it takes; a round needs forty. The arrays of a run
stay where they are, so their addresses are written down once and each call passes one table.
"""

from typing import Any, Self

import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic

from marketic.in_process import InProcess

_intrinsic: Any = intrinsic  # its first argument is numba's own, which type checkers do not know


class ArrayTable(InProcess):
    """A table of C-contiguous float64, int64 or bool arrays, in order. Keeps them alive; a deep copy has arrays of its own.

    rows: int64 [arrays, 4]: address, then up to three dimensions. Read entry k in compiled code with `floats_1d(rows, k)`
    and its sisters; the caller must ask for the type and number of dimensions that the array has.
    """

    def __init__(self, arrays: list[Any]) -> None:
        self.arrays = [np.asarray(array) for array in arrays]
        self.rows = np.zeros((len(arrays), 4), dtype=np.int64)
        for k, array in enumerate(self.arrays):
            if not array.flags.c_contiguous or array.dtype not in (np.float64, np.int64, np.bool_) or array.ndim > 3:
                raise TypeError(
                    f"entry {k} is {array.dtype} with {array.ndim} dimensions: wanted contiguous float64, int64 or bool"
                )
            self.rows[k, 1 : 1 + array.ndim] = array.shape
        self._find()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = super().__deepcopy__(memo)
        twin._find()
        return twin

    def _find(self) -> None:
        """Write down where the arrays are."""
        self.rows[:, 0] = [array.ctypes.data for array in self.arrays]


def _pointer(kind: Any) -> Any:
    def typed(typing_context: Any, address: Any) -> Any:
        pointer = types.CPointer(kind)

        def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(pointer))

        return pointer(types.int64), generate

    return typed


@_intrinsic
def _float_pointer(typing_context, address):  # type: ignore[no-untyped-def]
    return _pointer(types.float64)(typing_context, address)


@_intrinsic
def _int_pointer(typing_context, address):  # type: ignore[no-untyped-def]
    return _pointer(types.int64)(typing_context, address)


@_intrinsic
def _flag_pointer(typing_context, address):  # type: ignore[no-untyped-def]
    return _pointer(types.boolean)(typing_context, address)


@njit(cache=True, inline="always")
def floats_1d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k as float64 [n]."""
    return carray(_float_pointer(rows[k, 0]), (rows[k, 1],))


@njit(cache=True, inline="always")
def floats_2d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k as float64 [n, m]."""
    return carray(_float_pointer(rows[k, 0]), (rows[k, 1], rows[k, 2]))


@njit(cache=True, inline="always")
def floats_3d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k as float64 [n, m, l]."""
    return carray(_float_pointer(rows[k, 0]), (rows[k, 1], rows[k, 2], rows[k, 3]))


@njit(cache=True, inline="always")
def ints_1d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k as int64 [n]."""
    return carray(_int_pointer(rows[k, 0]), (rows[k, 1],))


@njit(cache=True, inline="always")
def ints_2d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k as int64 [n, m]."""
    return carray(_int_pointer(rows[k, 0]), (rows[k, 1], rows[k, 2]))


@njit(cache=True, inline="always")
def ints_3d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k as int64 [n, m, l]."""
    return carray(_int_pointer(rows[k, 0]), (rows[k, 1], rows[k, 2], rows[k, 3]))


@njit(cache=True, inline="always")
def flags_2d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k as bool [n, m]."""
    return carray(_flag_pointer(rows[k, 0]), (rows[k, 1], rows[k, 2]))


@njit(cache=True, inline="always")
def lone_floats(rows, k):  # type: ignore[no-untyped-def]
    """Entry k, which has one number, as float64 [1]. Here and below the compiler knows the shape, and leaves out the rest."""
    return carray(_float_pointer(rows[k, 0]), (1,))


@njit(cache=True, inline="always")
def lone_2d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k, which has one column, as int64 [n, 1]."""
    return carray(_int_pointer(rows[k, 0]), (rows[k, 1], 1))


@njit(cache=True, inline="always")
def lone_3d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k, which is one deep, as int64 [n, m, 1]."""
    return carray(_int_pointer(rows[k, 0]), (rows[k, 1], rows[k, 2], 1))


@njit(cache=True, inline="always")
def none_2d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k, which has no rows, as int64 [0, m]."""
    return carray(_int_pointer(rows[k, 0]), (0, rows[k, 2]))


@njit(cache=True, inline="always")
def row_2d(rows, k):  # type: ignore[no-untyped-def]
    """Entry k, which has one row, as int64 [1, m]."""
    return carray(_int_pointer(rows[k, 0]), (1, rows[k, 2]))
