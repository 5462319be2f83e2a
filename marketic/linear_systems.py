"""Linear systems in compiled code: LAPACK's `dgesv` (LU with partial pivoting), as SciPy brings it, called by its address.

`numpy.linalg.solve` does the same there, but numba takes five seconds to compile all that surrounds it.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import get_cython_function_address, intrinsic

_INTS, _FLOATS_2D = types.int32[::1], types.float64[:, ::1]


def solver() -> int:
    """The address that `solve` wants."""
    return int(get_cython_function_address("scipy.linalg.cython_lapack", "dgesv"))


def _gesv(typing_context, address, size, columns, left, pivots, right, info):  # type: ignore[no-untyped-def]
    signature = types.none(types.int64, _INTS, _INTS, _FLOATS_2D, _INTS, _FLOATS_2D, _INTS)

    def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
        kinds = signature.args[1:]
        data = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(kinds, values[1:], strict=True)
        ]
        size, columns, left, pivots, right, info = data
        given = size, columns, left, size, pivots, right, size, info
        function = ir.FunctionType(ir.VoidType(), [pointer.type for pointer in given])
        builder.call(builder.inttoptr(values[0], function.as_pointer()), given)
        return context.get_dummy_value()

    return signature, generate


_call_gesv: Any = intrinsic(_gesv)


@njit(cache=True)
def solve(address, left, right):  # type: ignore[no-untyped-def]
    """Solve left x = right[k] for every line k, in place: right, float64 [K, n], becomes the solutions; left is lost.

    address: of `solver`. left: float64 [n, n], symmetric (LAPACK reads matrices column by column). Returns False, with `right`
    as it was, where `left` is singular.
    """
    sizes, pivots = np.empty(3, dtype=np.int32), np.empty(left.shape[0], dtype=np.int32)
    sizes[0], sizes[1], sizes[2] = left.shape[0], right.shape[0], 0
    _call_gesv(address, sizes[:1], sizes[1:2], left, pivots, right, sizes[2:])
    return sizes[2] == 0
