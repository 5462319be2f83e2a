"""How few moves can solve an instance of Blocks World: an exact optimum for small ones, a lower bound for all.

Bound, for fused moves. Let c be how many blocks of stack 1 are right from the bottom, m = n - c the others, s and g the other
blocks' colours and their places' in the goal, bottom to top. The lowest wrong block must leave, hence so must all m, and all
places must be filled: at least 2 m moves. When it has left, stack 1 is c high and everything else lies on stacks 2 and 3.
Blocks that move exactly twice lie there in the order in which they left and return in the opposite one, which is bottom to top
in s, to rising places of their colour in g: those of one stack are a common subsequence of s and g, so there are at most
2 LCS(s, g) of them, and every other block needs a third move. Leaving more blocks in place is impossible, and taking correct
ones away does not lower the sum. With grab and drop each move counts twice.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from marketic.envs.blocks_world_kernels import FUSED, common_subsequence
from marketic.errors import InputError

MOST_BLOCKS = 9
"""Of an exact optimum: breadth-first search sees some n! states."""


def least_moves(goal: Any, start: Any) -> int:
    """No solution has fewer fused moves: 2 m + max(0, m - 2 LCS(s, g)). goal, start: colours [n], bottom to top.

    >>> least_moves([1, 2, 3], [1, 3, 2]), least_moves([1, 2], [1, 2])
    (4, 0)
    """
    want, have = np.asarray(goal, dtype=np.int64), np.asarray(start, dtype=np.int64)
    wrong = np.flatnonzero(want != have)
    if len(wrong) == 0:
        return 0
    want, have = want[wrong[0] :], have[wrong[0] :]
    return 2 * len(want) + max(0, len(want) - 2 * int(common_subsequence(have, want)))


def optimal_moves(goal: Iterable[int], start: Iterable[int]) -> int:
    """The fewest fused moves, by breadth-first search. Raises InputError for more than MOST_BLOCKS blocks."""
    want = tuple(goal)
    stacks: tuple[tuple[int, ...], ...] = (tuple(start), (), ())
    if len(want) > MOST_BLOCKS or sorted(want) != sorted(stacks[0]):
        raise InputError(
            f"optimal_moves({want}, {stacks[0]}): wanted at most {MOST_BLOCKS} blocks, the same ones twice"
        )
    frontier, seen, moves = [stacks], {stacks}, 0
    while not any(state[0] == want for state in frontier):
        moves, reached = moves + 1, frontier
        frontier = []
        for state in reached:
            for source, target in FUSED.tolist():
                if state[source]:
                    after = list(state)
                    after[source], after[target] = state[source][:-1], (*state[target], state[source][-1])
                    found = (after[0], after[1], after[2])
                    if found not in seen:
                        seen.add(found)
                        frontier.append(found)
    return moves
