"""Where agents are drawn, and in which colour: in the cell of a grid world where they act, coloured by what they do."""

from dataclasses import replace

import gymnasium as gym
import numpy as np

from marketic.graph.trades import Trades
from marketic.market import Market
from marketic.reporting.grid_map import grid_of
from marketic.reporting.tasks import COMPASS, task_of, with_places
from marketic.words import Words


def words_of(market: Market) -> Words:
    """The task's vocabulary, with words for the cells of its map and for levels of a real action."""
    spec = getattr(market.env, "spec", None)
    grid = grid_of(market)
    decode = getattr(market.env.unwrapped, "decode", None) if market.world.goods.states == 500 else None
    words = with_places(task_of(spec.id if spec else "").words, grid.shape if grid else None, decode)
    return words if words.moves or market.rights > 1 else replace(words, moves=_levels(market))


def _levels(market: Market) -> tuple[str, ...]:
    """Names of the levels of one real action; none where actions have no other name than their number."""
    rights, levels = market.world.rights, int(market.world.rights.sizes[0])
    if not isinstance(rights.space, gym.spaces.Box):
        return ()
    return tuple(f"action {rights.decode(np.array([level])).item():.6g}" for level in range(levels))


def moves_of(market: Market | None, accounts: np.ndarray, trades: Trades) -> np.ndarray:
    """The action number that each account's agent takes, int64 [n]; -1: unknown.

    Read from its last purchase: in families with `actions` and `clones`, bidder = action * clones + clone.
    """
    population = getattr(market, "population", None)
    clones, actions = getattr(population, "clones", 1), getattr(population, "actions", None)
    if not isinstance(actions, int) or not isinstance(clones, int) or hasattr(population, "agents"):
        return np.full(len(accounts), -1)
    size = max(int(trades.buyer.max(initial=0)), int(accounts.max(initial=0))) + 1
    bidder = np.full(size, -1)
    bidder[trades.buyer] = trades.bidder  # of several, the last one stays
    known = bidder[accounts]
    return np.where((known >= 0) & (known < actions * clones), known // clones, -1)


def places_on_map(market: Market, accounts: np.ndarray, moves: np.ndarray) -> np.ndarray | None:
    """Every agent in the cell where it acts, shifted towards where it moves: float64 [n, 2] in [0, 1], from the top left.

    None where agents do not stand for a cell of a map each.
    """
    grid, states = grid_of(market), states_of(market, accounts)
    if grid is None or states is None:
        return None
    rows, columns = grid.shape
    words = words_of(market)
    turn = np.deg2rad([COMPASS.get(words.move(int(m)), 0) for m in moves])
    shift = np.where(moves >= 0, 0.27, 0.0)
    across = (states % columns + 0.5 + shift * np.cos(turn)) / columns
    down = (states // columns + 0.5 + shift * np.sin(turn)) / rows
    return np.stack([across, down], axis=-1)


def states_of(market: Market, accounts: np.ndarray) -> np.ndarray | None:
    """The state in which each account's agent acts, int64 [n]; None if the population is no table of states and bidders."""
    population, states = market.population, market.world.goods.states
    table = (
        states is not None and population.n_agents == states * population.n_bidders and hasattr(population, "describe")
    )
    if not table or market.selection is not None or market.rights != 1:
        return None
    agent = accounts - market.accounts[0]
    return agent // population.n_bidders if ((agent >= 0) & (agent < population.n_agents)).all() else None
