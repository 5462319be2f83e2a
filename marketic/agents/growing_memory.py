"""Where a growing market keeps its trees: two flat arrays, so that compiled code gets them by address.

integers: a header (the positions below), the angles as `tiles._feature` reads them, then
    nodes   [2 * capacity, 2]  feature that the node splits (-1: a leaf), and its lower child (the upper one is the next
                               node); in a leaf: its agent
    agents  [capacity, 2]      the agent's leaf, and its parent (-1: a founder)
reals: entry_trades, entry_evidence, then per feature low, width, cover, narrowest; shift [sectors, F], and
    cuts    [2 * capacity]     where each node splits
    books   [capacity, 6F + 1] each agent's box and ledger: lower corner [F], upper corner [F], sum of squared surprises,
                               trades [F, 2] and sum of surprises [F, 2] in the lower and upper half of each feature

Features are scaled to [0, 1]; boxes and cuts are in the coordinates of their sector, which add its shift. Founders are
numbered sector * actions + action, which is also the number of their root node.
"""

from collections.abc import Sequence

import numpy as np

FEATURES, SECTORS, ACTIONS, CAPACITY, ALIVE, NODES, SPLITS, REPORTED = range(8)
NODE_AT, AGENT_AT, SHIFT_AT, CUT_AT, BOOK_AT, ANGLES_AT = range(8, 14)
"""Places in the header: sizes, counters (agents, nodes, splits by evidence, births already told), starts of the blocks."""
FIXED = (FEATURES, SECTORS, ACTIONS, CAPACITY, NODE_AT, AGENT_AT, SHIFT_AT, CUT_AT, BOOK_AT)

ENTRY_TRADES, ENTRY_EVIDENCE, LOW_AT = range(3)
"""Places in reals."""


def lay_out(
    low: np.ndarray,
    high: np.ndarray,
    cover: np.ndarray,
    narrowest: np.ndarray,
    angles: Sequence[tuple[int, int]],
    sizes: tuple[int, int, int],
    entry: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """integers and reals of a market with its founders only.

    low .. narrowest: float64 [F]; sizes: sectors, actions, capacity; entry: entry_trades, entry_evidence.
    """
    sectors, actions, capacity = sizes
    features, founders = len(low), sectors * actions
    shift, root = displacements(cover, sectors)
    head = [len(angles), 0, 0, *(component for pair in angles for component in pair)]
    node_at = ANGLES_AT + len(head)
    agent_at, shift_at = node_at + 4 * capacity, LOW_AT + 4 * features
    cut_at = shift_at + shift.size
    book_at = cut_at + 2 * capacity
    integers = np.zeros(agent_at + 2 * capacity, dtype=np.int64)
    reals = np.zeros(book_at + capacity * (6 * features + 1))
    integers[:node_at] = [
        features, sectors, actions, capacity, founders, founders, 0, founders,
        node_at, agent_at, shift_at, cut_at, book_at, *head,
    ]  # fmt: skip
    integers[node_at:agent_at:2] = -1
    integers[node_at + 1 : agent_at : 2][:founders] = np.arange(founders)
    agents = integers[agent_at:].reshape(capacity, 2)
    agents[:founders, 0], agents[:, 1] = np.arange(founders), -1
    reals[:cut_at] = np.concatenate([entry, low, high - low, cover, narrowest, shift.ravel()])
    reals[book_at:].reshape(capacity, -1)[:founders, features : 2 * features] = root
    return integers, reals


def displacements(cover: np.ndarray, sectors: int) -> tuple[np.ndarray, np.ndarray]:
    """How far each sector is moved, float64 [sectors, F], and how wide the founders' boxes are, float64 [F].

    Sector m of M moves feature d by the fraction m (2d + 1) / M, modulo 1, of a cover (of half the range, if that is less);
    a founder's box is a cover doubled until it holds the range wherever it is moved.
    """
    span = np.minimum(cover, 0.5)
    odd = 2 * np.arange(len(cover)) + 1
    fraction = np.arange(sectors)[:, None] * odd % sectors / sectors
    return fraction * span, span * 2.0 ** np.ceil(np.log2((1.0 + span) / span))


def boxes(integers: np.ndarray, reals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner of every agent's box, float64 [alive, F] each, in units of the range.

    Not clipped: a box may reach beyond [0, 1].
    """
    features, sectors, actions, alive = (int(integers[i]) for i in (FEATURES, SECTORS, ACTIONS, ALIVE))
    books = reals[integers[BOOK_AT] :].reshape(-1, 6 * features + 1)[:alive]
    shift = reals[integers[SHIFT_AT] : integers[CUT_AT]].reshape(sectors, features)
    moved = shift[founders(integers) // actions]
    return books[:, :features] - moved, books[:, features : 2 * features] - moved


def parents(integers: np.ndarray) -> np.ndarray:
    """Parent of every agent alive, int64 [alive]; -1 for a founder."""
    return integers[integers[AGENT_AT] :].reshape(-1, 2)[: integers[ALIVE], 1]


def founders(integers: np.ndarray) -> np.ndarray:
    """The founder that every agent alive descends from, int64 [alive]."""
    parent = parents(integers)
    founder = np.where(parent < 0, np.arange(len(parent)), parent)
    while (older := founder[founder]).tolist() != founder.tolist():
        founder = older
    return founder
