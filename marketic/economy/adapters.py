"""Firms from functions: the derivative comes from jax, torch or autograd, if the user has one of them.

    firm = from_jax("mill", ["grain"], ["flour"], lambda capital, x: jnp.tanh(x @ capital["w"]), {"w": weights})

The function takes (capital, x [days, D_in]) and returns y [days, D_out], in the library's own arrays, and acts on each day
alone. It is given copies, in float64, and what it returns is turned into float64. The libraries are imported when an adapter
is called, not before. What a library cannot see through counts as constant (a step, a detached tensor, numpy inside):
`marketic.checks.check_firm` tells whether something was lost that way.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import numpy as np

from marketic.economy.firm import Capital, Firm
from marketic.errors import InputError

Names = Sequence[str] | str
Function = Callable[[Any, Any], Any]


def _library(name: str, install: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise InputError(f"this adapter needs {name}, which is not installed: pip install {install!r}") from None


def _firm(name: str, ins: Names, outs: Names, function: Function, alpha: Any, vjp: Any, capital: Any) -> Firm:
    if not callable(function):
        raise InputError(f"firm {name!r} has function={function!r}: wanted a function of (capital, x)")
    goods: tuple[Any, Any] = ins, outs  # `Firm` makes tuples of them
    return Firm(name, goods[0], goods[1], alpha, vjp, capital)


def _require(kind: Any, name: str, made: Any) -> Any:
    """What the function of firm `name` returned, or InputError if it is no array of the library."""
    if not isinstance(made, kind):
        raise InputError(
            f"the function of firm {name!r} returned {type(made).__name__}: wanted one array of the adapter's library, "
            "[days, columns of outs]"
        )
    return made


def from_jax(name: str, ins: Names, outs: Names, function: Function, capital: Mapping[str, Any]) -> Firm:
    """A firm from a function of jax arrays, compiled by jax.jit.

    So it must not branch on values (`jnp.where` does), and what it reads besides its arguments, random numbers included, is
    frozen when it is first called. Raises InputError if jax is missing, and for whatever `Firm` refuses.
    """
    jax = _library("jax", "jax[cpu]")

    def double(theta: Any, x: Any) -> Any:
        made = _require((jax.Array, np.ndarray), name, function(theta, x))
        if np.issubdtype(made.dtype, np.complexfloating):
            raise InputError(f"the function of firm {name!r} returned complex numbers: wanted real ones")
        return jax.numpy.asarray(made, dtype=float)

    make, pull = jax.jit(double), jax.jit(lambda theta, x, p: jax.vjp(double, theta, x)[1](p))

    def alpha(theta: Capital, x: np.ndarray) -> np.ndarray:
        with _doubles(jax):
            return np.asarray(make(theta, x))

    def vjp(theta: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        with _doubles(jax):
            marginal, offer = pull(theta, x, p)
            return np.asarray(offer), {key: np.asarray(value) for key, value in marginal.items()}

    return _firm(name, ins, outs, function, alpha, vjp, capital)


def _doubles(jax: Any) -> AbstractContextManager[Any]:
    """jax in float64; its switch has moved."""
    switch = jax.enable_x64 if hasattr(jax, "enable_x64") else import_module("jax.experimental").enable_x64
    found: AbstractContextManager[Any] = switch(True)
    return found


def from_torch(name: str, ins: Names, outs: Names, function: Function, capital: Mapping[str, Any]) -> Firm:
    """A firm from a function of torch tensors. Raises InputError if torch is missing, and for whatever `Firm` refuses."""
    torch = _library("torch", "torch")

    def alpha(theta: Capital, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            made = function({key: torch.tensor(value) for key, value in theta.items()}, torch.tensor(x))
        return np.asarray(_require(torch.Tensor, name, made).cpu())

    def vjp(theta: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        with torch.inference_mode(False), torch.enable_grad():  # the caller may have switched derivatives off
            owned = {key: torch.tensor(value, requires_grad=True) for key, value in theta.items()}
            bought = torch.tensor(x, requires_grad=True)
            wanted = [bought, *owned.values()]
            made = _require(torch.Tensor, name, function(dict(owned), bought))
            slopes = [torch.zeros_like(leaf) for leaf in wanted]
            if made.requires_grad:  # else it is constant
                money = torch.tensor(p, device=made.device)
                slopes = torch.autograd.grad(made.double(), wanted, money, materialize_grads=True)
        return slopes[0].numpy(), {key: slope.numpy() for key, slope in zip(owned, slopes[1:], strict=True)}

    return _firm(name, ins, outs, function, alpha, vjp, capital)


def from_autograd(name: str, ins: Names, outs: Names, function: Function, capital: Mapping[str, Any]) -> Firm:
    """A firm from a function of autograd.numpy arrays. Raises InputError if autograd is missing, and as `Firm` does."""
    make_vjp = _library("autograd", "autograd").make_vjp

    def alpha(theta: Capital, x: np.ndarray) -> np.ndarray:
        made: np.ndarray = _require(np.ndarray, name, function(_copied(theta), x.copy()))
        return made

    def pull(part: Callable[[Any], Any], at: Any, p: np.ndarray) -> Any:
        backwards, made = make_vjp(part)(at)
        _require(np.ndarray, name, made)  # through a list of arrays, say, autograd sees nothing
        return backwards(p)

    def vjp(theta: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        offer = pull(lambda bought: function(_copied(theta), bought), x.copy(), p)
        return offer, pull(lambda owned: function(owned, x.copy()), _copied(theta), p) if theta else {}

    return _firm(name, ins, outs, function, alpha, vjp, capital)


def _copied(theta: Capital) -> Capital:
    return {key: value.copy() for key, value in theta.items()}
