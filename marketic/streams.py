"""One seed, one stream of randomness per role, so that changing one part leaves the draws of the others alone."""

import numpy as np

from marketic.errors import InputError

ROLES = ("env", "population", "mechanism", "selection")


class Streams:
    """Independent `numpy.random.Generator`s for the env, the population, the mechanism and selection.

    seed: int >= 0, or None for one drawn from the operating system (then kept in `seed`).
    """

    env: np.random.Generator
    population: np.random.Generator
    mechanism: np.random.Generator
    selection: np.random.Generator

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
            raise InputError(f"seed={seed!r}: wanted an integer >= 0")
        sequence = np.random.SeedSequence(seed if seed is None else int(seed))
        self.seed = int(sequence.entropy) if seed is None else int(seed)  # type: ignore[arg-type]
        for role, child in zip(ROLES, sequence.spawn(len(ROLES)), strict=True):
            setattr(self, role, np.random.Generator(np.random.PCG64(child)))

    def env_seed(self) -> int:
        """A seed for the environment's next `reset(seed=...)`."""
        return int(self.env.integers(2**31))

    def state_dict(self) -> dict[str, np.ndarray]:
        """The generators' positions as uint64 arrays (PCG64: state, increment, spare 32 bits)."""
        return {role: _pack(getattr(self, role)) for role in ROLES}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s positions."""
        for role in ROLES:
            _unpack(getattr(self, role), state[role])


def _pack(generator: np.random.Generator) -> np.ndarray:
    state = generator.bit_generator.state
    words = [state["state"]["state"], state["state"]["inc"]]
    halves = [part for word in words for part in (word >> 64, word & (2**64 - 1))]
    return np.array([*halves, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def _unpack(generator: np.random.Generator, packed: np.ndarray) -> None:
    words = [int(word) for word in packed]
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": (words[0] << 64) | words[1], "inc": (words[2] << 64) | words[3]},
        "has_uint32": words[4],
        "uinteger": words[5],
    }
