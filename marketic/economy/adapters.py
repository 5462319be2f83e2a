"""Firms from functions: the derivative comes from jax, torch or autograd, if the user has one of them.

    firm = from_jax("mill", ["grain"], ["flour"], lambda capital, x: jnp.tanh(x @ capital["w"]), {"w": weights})

The function takes (capital, x [days, D_in]) and returns y [days, D_out], in the library's own arrays, and acts on each day
alone. Everything is computed in float64. The libraries are imported when an adapter is called, not before.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from marketic.economy.firm import Capital, Firm
from marketic.errors import InputError


def _library(name: str, install: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise InputError(f"this adapter needs {name}, which is not installed: pip install {install!r}") from None


def from_jax(
    name: str, ins: Sequence[str], outs: Sequence[str], function: Callable[[Any, Any], Any], capital: Mapping[str, Any]
) -> Firm:
    """A firm from a function of jax arrays (compiled by jax.jit)."""
    jax = _library("jax", "jax[cpu]")
    make = jax.jit(function)

    def pull(theta: Any, x: Any, p: Any) -> Any:
        return jax.vjp(function, theta, x)[1](p)

    pull = jax.jit(pull)

    def alpha(theta: Capital, x: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(make(theta, x))

    def vjp(theta: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        with jax.enable_x64(True):
            marginal, offer = pull(theta, x, p)
            return np.asarray(offer), {key: np.asarray(value) for key, value in marginal.items()}

    return Firm(name, tuple(ins), tuple(outs), alpha, vjp, dict(capital))


def from_torch(
    name: str, ins: Sequence[str], outs: Sequence[str], function: Callable[[Any, Any], Any], capital: Mapping[str, Any]
) -> Firm:
    """A firm from a function of torch tensors."""
    torch = _library("torch", "torch")

    def alpha(theta: Capital, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return function({key: torch.tensor(value) for key, value in theta.items()}, torch.tensor(x)).numpy()

    def vjp(theta: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        owned = {key: torch.tensor(value, requires_grad=True) for key, value in theta.items()}
        bought = torch.tensor(x, requires_grad=True)
        wanted = [bought, *owned.values()]
        slopes = torch.autograd.grad(function(owned, bought), wanted, torch.tensor(p), materialize_grads=True)
        return slopes[0].numpy(), {key: slope.numpy() for key, slope in zip(owned, slopes[1:], strict=True)}

    return Firm(name, tuple(ins), tuple(outs), alpha, vjp, dict(capital))


def from_autograd(
    name: str, ins: Sequence[str], outs: Sequence[str], function: Callable[[Any, Any], Any], capital: Mapping[str, Any]
) -> Firm:
    """A firm from a function of autograd.numpy arrays."""
    make_vjp = _library("autograd", "autograd").make_vjp

    def vjp(theta: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        offer = make_vjp(lambda bought: function(theta, bought))(x)[0](p)
        return offer, make_vjp(lambda owned: function(owned, x))(theta)[0](p) if theta else {}

    return Firm(name, tuple(ins), tuple(outs), function, vjp, dict(capital))
