"""What programs can say about Blocks World: its vocabulary and its compiled world, for `marketic.agents.program_species`."""

from functools import partial

import numpy as np

from marketic.envs import blocks_world_kernels as kernels
from marketic.envs.blocks_world_kernels import COLOURS, DONE, GRAB, HEADER, OPTIONS, ROWS, SENSOR, STRIDE
from marketic.errors import InputError
from marketic.hayek.vocabulary import Kind, Term, Vocabulary, World

FUSED_MOVES = tuple(f"move {a} to {b}" for a, b in ((1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)))
GRAB_MOVES = (*(f"grab from {a}" for a in (1, 2, 3)), *(f"drop on {a}" for a in (1, 2, 3)))
MANY = 2**31
"""No stack is this high."""


def vocabulary(colours: int = 3, *, grab: bool = False, number_correct: bool = True, done: bool = False) -> Vocabulary:
    """Terms and moves; options as in `marketic.envs.blocks_world.BlocksWorld`. Colour 0 is "empty"."""
    kinds = (Kind("colour", 0, colours), Kind("height", 0, MANY, ordered=True))
    names = ["top1", "top2", "top3", "goal above stack 1", "goal at top1"]
    names += ["hand"] if grab else []
    names += ["next goal", "first wrong block"] if number_correct else []
    heights = [*(["number correct"] if number_correct else []), "blocks", "height1", "height2", "height3"]
    return Vocabulary(
        kinds,
        (
            *(Term(name, "colour") for name in names),
            *(Term(name, "height") for name in heights),
            Term("empty", "colour", 0),
            *(Term(f"colour {c}", "colour", c) for c in range(1, colours + 1)),
            Term("0", "height", 0),
        ),
        (GRAB_MOVES if grab else FUSED_MOVES) + (("done",) if done else ()),
    )


def world(colours: int = 3, *, grab: bool = False, number_correct: bool = True, done: bool = False) -> World:
    """Blocks World for programs. Raises InputError for fewer than 2 colours."""
    options = GRAB * grab + DONE * done + SENSOR * number_correct
    words = vocabulary(colours, grab=grab, number_correct=number_correct, done=done)
    blank = partial(blank_state, colours=colours, options=options)
    return World(words, kernels.begin, kernels.sense, kernels.possible, kernels.move, blank)


def blank_state(blocks: int, colours: int = 3, options: int = SENSOR) -> np.ndarray:
    """Room for this many blocks, int64 [S]. Raises InputError for fewer than 1 block or 2 colours."""
    if blocks < 1 or colours < 2:
        raise InputError(f"Blocks World with {blocks} blocks of {colours} colours: wanted at least 1 and 2")
    assert ROWS >= HEADER + 8
    state = np.zeros(ROWS + 4 * (blocks + 1), dtype=np.int64)
    state[STRIDE], state[COLOURS], state[OPTIONS] = blocks + 1, colours, options
    return state
