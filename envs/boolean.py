"""Classification of bits in one step: multiplexer, majority, carry and parity, the usual tests of rule learners (Wilson 1995).

Each episode shows bits drawn uniformly, asks for the class (0 or 1), pays 1.0 for the right one, and is over. The right answers
are pure functions of the bits, to compare a learner with; no environment tells them in `info`.
"""

from typing import Any

import gymnasium as gym
import numpy as np

from marketic.errors import InputError
from marketic.numbers import all_numbers, whole

MOST_ADDRESS_BITS, MOST_BITS = 16, 2**20
"""Of a multiplexer: 16 + 2**16 bits in all."""


def multiplexer(bits: Any) -> np.ndarray:
    """The data bit that the address names: bits 0 or 1 [..., k + 2**k] -> int64 [...]; the address leads, high bit first.

    Raises InputError for a length that is no k + 2**k.
    """
    bits = _rows("multiplexer", bits)
    lengths = {k + 2**k: k for k in range(1, MOST_ADDRESS_BITS + 1)}
    if bits.shape[-1] not in lengths:
        raise InputError(
            f"multiplexer of {bits.shape[-1]} bits: wanted k + 2**k, that is 3, 6, 11, 20, 37, 70 or 135; pad or cut the axis"
        )
    k = lengths[bits.shape[-1]]
    return np.take_along_axis(bits, k + _number(bits[..., :k])[..., None], -1)[..., 0]


def majority(bits: Any) -> np.ndarray:
    """1 where more than half of the bits are 1: bits 0 or 1 [..., n] -> int64 [...]. Raises InputError for no bits."""
    bits = _rows("majority", bits)
    return (2 * bits.sum(-1) > bits.shape[-1]).astype(np.int64)


def carry(bits: Any) -> np.ndarray:
    """1 where two numbers of k bits add up to 2**k or more: bits 0 or 1 [..., 2k] -> int64 [...], high bits first, k <= 62.

    Raises InputError for an odd or too large number of bits.
    """
    bits = _rows("carry", bits)
    k, rest = divmod(bits.shape[-1], 2)
    if rest or k > 62:
        raise InputError(
            f"carry of {bits.shape[-1]} bits: wanted two numbers of equal width, 1 to 62 bits each; pad with 0"
        )
    return (_number(bits[..., :k]) + _number(bits[..., k:]) >= 2**k).astype(np.int64)


def parity(bits: Any) -> np.ndarray:
    """1 where the number of ones is odd: bits 0 or 1 [..., n] -> int64 [...]. Raises InputError for no bits."""
    return _rows("parity", bits).sum(-1) % 2


class BooleanTask(gym.Env):
    """One step: observe int8 bits [n], answer 0 or 1, earn 1.0 if right, else 0.0. Subclasses write `answer`.

    bits:  how many are shown, >= 1. noise: probability that the reward is flipped, in [0, 1].

    Raises InputError for other options.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, bits: int, *, noise: float = 0.0) -> None:
        _whole(self, "bits", bits, 1)
        whole(f"{type(self).__name__}: bits", bits, 1, MOST_BITS)
        if not all_numbers(noise) or not 0.0 <= noise <= 1.0:
            raise InputError(f"{type(self).__name__}(noise={noise!r}): wanted a probability; give a number in [0, 1]")
        self.noise, self.render_mode = noise, None
        self.observation_space = gym.spaces.MultiBinary(int(bits))
        self.action_space = gym.spaces.Discrete(2)
        self._shown: np.ndarray | None = None

    def answer(self, bits: Any) -> np.ndarray:
        """The right actions for observations: bits 0 or 1 [..., n] -> int64 [...]."""
        raise NotImplementedError

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Show fresh bits, each 1 with probability 1/2."""
        super().reset(seed=seed)
        self._shown = self.np_random.integers(0, 2, self.observation_space.shape, np.int8)
        return self._shown.copy(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Judge the answer; the same bits are shown again. Raises InputError for no action, or without a reset before it."""
        name = type(self).__name__
        if not self.action_space.contains(action):
            raise InputError(f"{name}.step({action!r}): wanted an action of {self.action_space}; answer 0 or 1")
        if self._shown is None:
            raise InputError(f"{name}.step: no episode runs, wanted one step after each reset; call reset first")
        shown, self._shown = self._shown, None
        right = bool(self.answer(shown) == int(action))
        flipped = self.noise > 0.0 and bool(self.np_random.random() < self.noise)
        return shown, float(right != flipped), True, False, {}


class Multiplexer(BooleanTask):
    """`address_bits` k, 1 to 16, name one of 2**k data bits, which is the answer; k 1 to 7: 3, 6, 11, 20, 37, 70, 135 bits."""

    def __init__(self, address_bits: int = 2, *, noise: float = 0.0) -> None:
        _whole(self, "address_bits", address_bits, 1, MOST_ADDRESS_BITS)
        super().__init__(address_bits + 2**address_bits, noise=noise)

    def answer(self, bits: Any) -> np.ndarray:
        """The data bits that are addressed: bits [..., k + 2**k] -> int64 [...]."""
        return multiplexer(bits)


class Majority(BooleanTask):
    """Whether most of the first `relevant` of `bits` are 1; relevant odd, so that there are no ties."""

    def __init__(self, relevant: int = 7, bits: int = 20, *, noise: float = 0.0) -> None:
        super().__init__(bits, noise=noise)
        _whole(self, "relevant", relevant, 1, bits)
        if relevant % 2 == 0:
            raise InputError(f"Majority(relevant={relevant}): wanted an odd number, without ties; try {relevant - 1}")
        self.relevant = relevant

    def answer(self, bits: Any) -> np.ndarray:
        """The majorities of the first bits: bits [..., n] -> int64 [...]."""
        return majority(np.asarray(bits)[..., : self.relevant])


class Carry(BooleanTask):
    """Whether the sum of two numbers of `width` bits (1 to 62) overflows: 2 * width bits, number by number, high bits first."""

    def __init__(self, width: int = 3, *, noise: float = 0.0) -> None:
        _whole(self, "width", width, 1, 62)
        super().__init__(2 * width, noise=noise)

    def answer(self, bits: Any) -> np.ndarray:
        """The carries: bits [..., 2 * width] -> int64 [...]."""
        return carry(bits)


class Parity(BooleanTask):
    """Whether an odd number of the first `relevant` of `bits` are 1; no rule on fewer of them is better than chance."""

    def __init__(self, relevant: int = 3, bits: int = 20, *, noise: float = 0.0) -> None:
        super().__init__(bits, noise=noise)
        _whole(self, "relevant", relevant, 1, bits)
        self.relevant = relevant

    def answer(self, bits: Any) -> np.ndarray:
        """The parities of the first bits: bits [..., n] -> int64 [...]."""
        return parity(np.asarray(bits)[..., : self.relevant])


def _rows(name: str, bits: Any) -> np.ndarray:
    given = np.asarray(bits)
    if given.ndim == 0 or given.shape[-1] == 0 or not np.isin(given, (0, 1)).all():
        raise InputError(f"{name}({bits!r}): wanted bits 0 or 1, at least one on the last axis; give an array [..., n]")
    return given.astype(np.int64)


def _number(bits: np.ndarray) -> np.ndarray:
    return bits @ (1 << np.arange(bits.shape[-1])[::-1])


def _whole(task: Any, option: str, given: Any, least: int, most: int | None = None) -> None:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least or given > (most or given):
        span = f"{least} to {most}" if most else f"{least} or more"
        raise InputError(f"{type(task).__name__}({option}={given!r}): wanted a whole number; give {span}")
