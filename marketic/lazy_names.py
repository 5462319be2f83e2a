"""Public names of a package that are imported on first use (PEP 562), so that importing the package stays fast."""

from importlib import import_module
from typing import Any


def first_use(package: dict[str, Any], homes: dict[str, str], name: str) -> Any:
    """The object `name`, imported from its module and kept in the package.

    package: the package's globals(). homes: public name -> module that holds it. Raises AttributeError for other names.
    """
    if name not in homes:
        raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
    value = package[name] = getattr(import_module(homes[name]), name)
    return value
