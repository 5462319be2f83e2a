"""Where agents are drawn, and in which colour: in the cell of a grid world where they act, coloured by what they do."""

import numpy as np

from marketic.graph.trades import Trades
from marketic.market import Market
from marketic.vocabulary.grid import grid_of
from marketic.vocabulary.tasks import COMPASS
from marketic.vocabulary.words_of import words_of


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
