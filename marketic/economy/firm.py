"""Firms: what they buy, how they transform it, and what they therefore offer for it.

A firm `y = alpha(x; theta)` that sells at prices p earns `p . y`. One more unit of input earns it `J^T p`, with J the
Jacobian of alpha in x: that is the most it pays, and its offer. One more unit of its own capital theta earns `K^T p`, K
the Jacobian in theta: that is where it invests. A firm knows its own goods and their prices, nothing else; the whole
chain rule is the trade between firms (Wentworth 2018, "Competitive markets as distributed backpropagation").
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from marketic.economy import inputs
from marketic.economy.state import stamp
from marketic.errors import InputError

Capital = dict[str, np.ndarray]
"""What a firm owns and may change by investing: name -> float64 array of any shape."""


@dataclass(eq=False)
class Firm:
    """One production unit.

    name:    unique in its economy.
    ins, outs: names of goods, in the order of the columns of x and y.
    alpha:   (capital, x [days, D_in]) -> y [days, D_out]. Must not change its arguments.
    vjp:     (capital, x, y, p [days, P_out]) -> (offers [days, P_in], marginal), where offers are `J^T p` per day and
             marginal is what one more unit of each capital earns, summed over days, with the shapes of `capital`.
             P counts price columns: `dim` for each good, also for a finite one (whose offer is a table). It may write to p,
             its own copy, but not to x and y.
    capital: what investing moves: name -> numbers of any shape. Copied as float64 arrays, also a plain number, so that the
             firm owns it; two firms have one capital if the second is given it: `b.capital = a.capital`.
    size:    how many columns of prices its goods must have together, (ins, outs); None: any. Checked as it enters.
    rent:    what the firm pays per day whatever it sells, in units of welfare.
    """

    name: str
    ins: tuple[str, ...]
    outs: tuple[str, ...]
    alpha: Callable[[Capital, np.ndarray], np.ndarray]
    vjp: Callable[[Capital, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, Capital]]
    capital: Capital = field(default_factory=dict)
    rent: float = 0.0
    size: tuple[int | None, int | None] = (None, None)

    def __post_init__(self) -> None:
        who = f"firm {self.name!r}"
        self.ins, self.outs = inputs.names(who, "ins", self.ins), inputs.names(who, "outs", self.outs)
        if not self.outs:
            raise InputError(f"firm {self.name!r} sells nothing: wanted at least one good in outs")
        if not (callable(self.alpha) and callable(self.vjp)):
            raise InputError(f"firm {self.name!r}: wanted functions alpha and vjp (see marketic.economy.adapters)")
        self.rent = inputs.number(f"{who} has rent", self.rent, least=0.0)
        if not isinstance(self.capital, Mapping):
            raise InputError(f"{who} has capital={self.capital!r}: wanted a dict, name -> numbers")
        self.capital = {
            key: inputs.finite_array(f"{who} has capital {key!r}", value, None) for key, value in self.capital.items()
        }
        self._changes = {"last": 0}  # one for all copies in time, as is their capital

    @property
    def changes(self) -> int:
        """When its capital or its edges last changed (`stamp`): by investing, by rent, by edges that entered or left."""
        return self._changes["last"]

    def note_change(self) -> None:
        """States and prices from before are out of date. For whoever writes to `capital` by hand."""
        self._changes["last"] = stamp()

    def invest(self, marginal: Capital, step: float) -> None:
        """Move the capital by `step` along its marginal profit. `marginal` has the shapes of `capital`."""
        self.note_change()
        for key, value in self.capital.items():
            value += np.multiply(step, marginal[key])

    def welfare(self, x: np.ndarray) -> np.ndarray:
        """What it adds to welfare itself from x [days, D_in], beside what it passes on: float64 [days]; 0 for most firms."""
        return np.zeros(len(x))

    def valued(self, weight: float) -> Self:
        """The same firm, with the same capital, in a period whose welfare counts `weight`: it pays that share of its rent.

        A firm that adds welfare of its own to what it passes on must count that too, as `Table` does its reward.
        """
        twin = copy.copy(self)
        twin.rent = weight * self.rent
        return twin


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0.0),
    "tanh": np.tanh,
}


class Dense(Firm):
    """A firm whose products are `f(x W + b)`: a layer of a neural network, or, with one product, a neuron.

    weights: float64 [D_in, D_out], copied; bias: float64 [D_out] or None for zeros; activation: "linear", "relu" or
    "tanh". `mask`, bool [D_in, D_out], says which edges exist; the weights of the others stay 0.
    """

    def __init__(
        self,
        name: str,
        ins: Sequence[str],
        outs: Sequence[str],
        weights: Any,
        bias: Any = None,
        *,
        activation: str = "linear",
        rent: float = 0.0,
    ) -> None:
        weights = inputs.finite_array(f"firm {name!r} has weights", weights, (None, None))
        bias = np.zeros(weights.shape[1]) if bias is None else bias
        bias = inputs.finite_array(f"firm {name!r} has bias", bias, weights.shape[1:])
        if activation not in _ACTIVATIONS:
            raise InputError(f"firm {name!r} has activation={activation!r}: wanted one of {', '.join(_ACTIVATIONS)}")
        self.activation = activation
        self._edges: dict[str, np.ndarray | None] = {"mask": None}  # one for all copies in time, as is their capital
        goods: tuple[Any, Any] = ins, outs  # `Firm` makes tuples of them
        capital = {"weights": weights, "bias": bias}
        super().__init__(
            name, goods[0], goods[1], self._make, self._offer, capital, rent, (weights.shape[0], len(bias))
        )

    @property
    def mask(self) -> np.ndarray | None:
        """Which edges exist, bool [D_in, D_out]; None: all. In a dated economy the same in every period."""
        return self._edges["mask"]

    @mask.setter
    def mask(self, mask: np.ndarray | None) -> None:
        self._edges["mask"] = mask
        self.note_change()

    def existing(self) -> np.ndarray:
        """Which edges exist, bool [D_in, D_out]."""
        return np.ones(self.capital["weights"].shape, dtype=bool) if self.mask is None else self.mask

    @property
    def edges(self) -> int:
        """How many edges exist."""
        return int(self.existing().sum())

    def invest(self, marginal: Capital, step: float) -> None:
        """Move weights and bias by `step` along their marginal profit; edges that do not exist stay at 0."""
        super().invest(marginal, step)
        if self.mask is not None:
            self.capital["weights"] *= self.mask

    def _make(self, capital: Capital, x: np.ndarray) -> np.ndarray:
        z = x @ capital["weights"]
        z += capital["bias"]
        return _ACTIVATIONS[self.activation](z)

    def _offer(self, capital: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        if self.activation == "relu":
            p = p * (y > 0)
        elif self.activation == "tanh":
            p = p * (1.0 - y * y)
        return p @ capital["weights"].T, {"weights": x.T @ p, "bias": p.sum(axis=0)}


class CobbDouglas(Firm):
    """A firm whose one product is `scale * prod_j x_j^share_j`: decreasing returns if the shares sum to less than 1.

    shares: float64 [D_in], each > 0, sum <= 1 (so that production is concave); inputs must be positive.
    """

    def __init__(self, name: str, ins: Sequence[str], out: str, shares: Any, *, scale: float = 1.0) -> None:
        shares = inputs.finite_array(f"firm {name!r} has shares", shares, (None,))
        if not (shares > 0).all() or shares.sum() > 1 + 1e-12:
            raise InputError(f"firm {name!r} has shares={shares.tolist()}: wanted positive numbers with sum <= 1")
        self.shares, self.scale = shares, inputs.number(f"firm {name!r} has scale", scale, least=0.0)
        super().__init__(name, ins, (out,), self._make, self._offer, size=(len(shares), 1))  # type: ignore[arg-type]

    def _make(self, capital: Capital, x: np.ndarray) -> np.ndarray:
        if (x < 0).any():
            raise InputError(f"firm {self.name!r} was given a negative input: Cobb-Douglas production wants >= 0")
        return self.scale * np.prod(x**self.shares, axis=1, keepdims=True)

    def _offer(self, capital: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return p * y * self.shares / x, {}


class Table(Firm):
    """A firm between finite goods: it turns variety v of its input into variety w with probability kernel[v, w].

    kernel: float64 [varieties in, varieties out], rows sum to 1; reward: float64 [varieties in], welfare per day; both
    optional products of one action. With prices as tables, its offer is `reward + discount * kernel p`: Bellman's
    backup. `alpha` passes on the likeliest variety, which is the outcome itself if the kernel is deterministic. In an
    economy of dated goods, leave the discount to `unroll`; this one counts in prices, not in `Economy.welfare`.
    """

    def __init__(
        self, name: str, in_: str, out: str, kernel: Any, reward: Any = None, *, discount: float = 1.0
    ) -> None:
        kernel = inputs.finite_array(f"firm {name!r} has a kernel", kernel, (None, None))
        if kernel.min(initial=0) < 0 or not np.allclose(kernel.sum(axis=1), 1, rtol=0, atol=1e-9):
            raise InputError(f"firm {name!r} has a kernel whose rows are no probabilities: wanted [in, out], sums of 1")
        self.kernel, self.discount = kernel, inputs.number(f"firm {name!r} has discount", discount, least=0.0)
        reward = np.zeros(len(kernel)) if reward is None else reward
        self.reward = inputs.finite_array(f"firm {name!r} has reward", reward, (len(kernel),))
        super().__init__(name, (in_,), (out,), self._make, self._offer, size=kernel.shape)  # type: ignore[arg-type]

    def valued(self, weight: float) -> Self:
        """The same firm in a period whose welfare counts `weight`."""
        twin = super().valued(weight)
        twin.reward = weight * self.reward
        twin.vjp = twin._offer  # not that of the first one
        return twin

    def welfare(self, x: np.ndarray) -> np.ndarray:
        """The reward for the variety that it has, float64 [days]."""
        return self.reward[x[:, 0].astype(int)]

    def _make(self, capital: Capital, x: np.ndarray) -> np.ndarray:
        return self.kernel[x[:, 0].astype(int)].argmax(axis=1)[:, None].astype(float)

    def _offer(self, capital: Capital, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, Capital]:
        return self.reward + self.discount * (p @ self.kernel.T), {}
