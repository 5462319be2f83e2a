"""The books of an economy: who has what, as arrays that compiled code keeps. Money is whole numbers of ticks.

The prize of an instance is PRIZE ticks, and every price is a share of it. At any moment
wealth.sum() + account[TREASURY] == account[PRIZES], exactly: prizes are the only money that comes in.
"""

from typing import NamedTuple

import numpy as np

PRIZE = 10**9
"""Ticks that the world pays for a solved instance."""
EMPTY, NOVICE, PRICED = 0, 1, 2
"""Status of a slot: nobody, an agent without a price yet, an agent with one."""
TREASURY, PRIZES, INSTANCES, AUCTIONS, STEPS, BORN, SOLVED_COUNT, ACCOUNTS = 0, 1, 2, 3, 4, 5, 6, 8
LEVEL, SUCCESS, SEEN, HIGHEST, COLLAPSES, SIGNALS = 0, 1, 2, 3, 4, 8
MOTHER, BIRTH, DEATH, WINS, LOG = 0, 1, 2, 3, 4


class Books(NamedTuple):
    """Arrays of one economy with N slots.

    wealth int64 [N], ticks. status int64 [N]. slope, offset float64 [N]: an agent's bid is
    PRIZE * (1 - slope * (1 - progress / size) - offset / size). uid int64 [N]: who is in the slot, counted from 0 in order
    of birth; parent, parent_slot int64 [N]: uid and slot of its parent, -1: none. last_win int64 [N]: instance in which it
    last won, or was born. start int64 [N]: wealth when the instance began. base, rise float64 [N]: this instance's bids are
    base + rise * progress. listed int64 [N]: slots of the priced agents in the first `listing[0]` places, slots of novices
    in the last `listing[1]`, backwards. account int64 [ACCOUNTS]; signal float64 [SIGNALS]: the curriculum's.
    log int64 [births, LOG]: per uid its parent's uid, birth and death (instance; -1: alive), wins.
    code_log int64 [births, L]: per uid its program. trade int64 [N + 1, N + 1]: ticks paid by row to column, the
    treasury last; used only if `watch[0]`.
    """

    wealth: np.ndarray
    status: np.ndarray
    slope: np.ndarray
    offset: np.ndarray
    uid: np.ndarray
    parent: np.ndarray
    parent_slot: np.ndarray
    last_win: np.ndarray
    start: np.ndarray
    base: np.ndarray
    rise: np.ndarray
    listed: np.ndarray
    listing: np.ndarray
    account: np.ndarray
    signal: np.ndarray
    log: np.ndarray
    code_log: np.ndarray
    trade: np.ndarray
    watch: np.ndarray


def open_books(slots: int, births: int, code_length: int) -> Books:
    """Empty books for this many agents, with room for this many births."""
    whole = lambda *shape: np.zeros(shape, dtype=np.int64)  # noqa: E731
    return Books(
        wealth=whole(slots), status=whole(slots), slope=np.zeros(slots), offset=np.zeros(slots), uid=whole(slots),
        parent=whole(slots), parent_slot=whole(slots), last_win=whole(slots), start=whole(slots), base=np.zeros(slots),
        rise=np.zeros(slots), listed=whole(slots), listing=whole(2), account=whole(ACCOUNTS), signal=np.zeros(SIGNALS),
        log=whole(births, LOG), code_log=whole(births, code_length), trade=whole(slots + 1, slots + 1), watch=whole(1),
    )  # fmt: skip
