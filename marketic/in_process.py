"""Objects that hold addresses of arrays or compiled functions: they can be copied here, but not sent to another process."""

import copy
from typing import Any, NoReturn, Self

from marketic.errors import InputError


class InProcess:
    """Deep copies are whole and independent; pickling raises InputError, as addresses mean nothing in another process."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin

    def __reduce__(self) -> NoReturn:
        raise InputError(
            f"a {type(self).__name__} cannot be pickled: it holds addresses of compiled code, which another process has "
            "elsewhere. Use market.save(path) here and marketic.load(path) there, or copy.deepcopy within this process"
        )
