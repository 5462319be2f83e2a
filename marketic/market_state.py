"""Everything that learning changed in a market, as named arrays, and back again into a market built with the same options.

Arrays are checked before they are taken: compiled code trusts them, and would read and write beyond those of another market.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.errors import InputError
from marketic.population import fault_of_state

if TYPE_CHECKING:
    from marketic.market import Market

_SHOWN = 8


def state_of(market: "Market") -> dict[str, np.ndarray]:
    """Population, ledger, accounts, streams and counters. Raises InputError for a population that cannot be saved."""
    population: Any = market.population
    kind = type(population).__name__
    if not hasattr(population, "state_dict"):
        raise InputError(f"{kind} has no state_dict(): add one to save or resume this market")
    learned = population.state_dict()
    fault = fault_of_state(learned)
    if fault is not None:
        raise InputError(f"{kind}.{fault}")
    own = {
        "counters": np.array([market.num_timesteps, market.episodes]),
        "recent_returns": np.array(market.recent_returns, dtype=float),
        "surprise": market.surprise.copy(),
        "accounts": market.accounts.copy(),
        "goods": market.world.goods.sizes,
        "rights": market.world.rights.sizes,
    }
    parts = {
        "market": own,
        "population": learned,
        "ledger": market.ledger.state_dict(),
        "streams": market.streams.state_dict(),
    }
    return {f"{part}/{key}": value for part, arrays in parts.items() for key, value in arrays.items()}


def restore_state(market: "Market", state: dict[str, np.ndarray]) -> None:
    """Put `state_of`'s arrays back. Raises InputError for those of another environment or market, KeyError for one missing."""
    parts: dict[str, dict[str, np.ndarray]] = {}
    for key, value in state.items():
        part, _, name = key.partition("/")
        parts.setdefault(part, {})[name] = value
    own, population = parts["market"], market.population
    population.load_state_dict(parts.get("population", {}))  # type: ignore[attr-defined]
    _check_spaces(market, own)  # a population that looks for itself knows better what differs
    _check_accounts(own["accounts"], population.n_agents, len(parts["ledger"]["balance"]))
    market.ledger.load_state_dict(parts["ledger"])
    market.auction.tick = market.ledger.tick
    market.streams.load_state_dict(parts["streams"])
    market.num_timesteps, market.episodes = (int(n) for n in own["counters"])
    market.recent_returns = deque(own["recent_returns"].tolist(), maxlen=100)
    market.surprise, market.accounts = np.array(own["surprise"], dtype=float).reshape(2), np.array(own["accounts"])


def _check_spaces(market: "Market", own: dict[str, np.ndarray]) -> None:
    """Refuse what was learned about other goods or rights; files of earlier versions do not say."""
    for name, kind, goods in (
        ("goods", "observations", market.world.goods),
        ("rights", "actions", market.world.rights),
    ):
        saved = own.get(name)
        if saved is not None and not np.array_equal(saved, goods.sizes):
            raise InputError(
                f"its {kind} have the components {_told(saved)}, those of this environment {_told(goods.sizes)}: wanted an "
                "environment of the same spaces"
            )


def _told(sizes: np.ndarray) -> str:
    """The components of a space in words: how many values each one has."""
    shown = ["real" if size == 0 else str(size) for size in sizes[:_SHOWN].tolist()]
    return f"({', '.join(shown)}{f', ... {len(sizes)} in all' if len(sizes) > _SHOWN else ''})"


def _check_accounts(accounts: np.ndarray, agents: int, opened: int) -> None:
    """Every agent has an account of its own, in order of entry, beside those of world and house."""
    sound = accounts.shape == (agents,) and accounts.dtype == np.int64 and bool((np.diff(accounts) > 0).all())
    if not sound or (agents and not 2 <= accounts[0] <= accounts[-1] < opened):
        raise InputError(
            f"accounts of {agents} agents are {accounts.dtype}{accounts.shape}, of {opened} in the ledger: wanted an account "
            "for each agent, in order"
        )
