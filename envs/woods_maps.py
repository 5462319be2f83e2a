"""Maps of the mazes that classifier systems are measured on. `.` is free, `O` and `Q` are obstacles, `F` and `G` are food.

Woods1: Wilson 1994 (ZCS); Woods2: Wilson 1995 (XCS); Woods14: Cliff and Ross 1994; Maze4, Maze5, Maze6: Lanzi 1997 and 1999;
Maze10: Lanzi's aliased maze, where equal observations ask for different moves.
"""

MAPS: dict[str, tuple[str, ...]] = {
    "Woods1": (".....", ".OOF.", ".OOO.", ".OOO.", "....."),
    "Woods2": (
        "..............................",
        ".QQF..QQF..OQF..QQG..OQG..OQF.",
        ".OOO..QOO..OQO..OOQ..QQO..QQQ.",
        ".OOQ..OQQ..OQQ..QQO..OOO..QQO.",
        "..............................",
        "..............................",
        ".QOF..QOG..QOF..OOF..OOG..QOG.",
        ".QQO..QOO..OOO..OQO..QQO..QOO.",
        ".QQQ..OOO..OQO..QOQ..QOQ..OQO.",
        "..............................",
        "..............................",
        ".QOG..QOF..OOG..OQF..OOG..OOF.",
        ".OOQ..OQQ..QQO..OQQ..QQO..OQO.",
        ".QQO..OOO..OQO..OOQ..OQQ..QQQ.",
        "..............................",
    ),
    "Woods14": (
        "OOOOOOOOOOOOOO",
        "OO...OOOO.OO.O",
        "O.OOO.OO.O.O.O",
        "O.OOO.O.OOO.OO",
        "OFOOO.OO.OOOOO",
        "OOOOOO..OOOOOO",
        "OOOOOOOOOOOOOO",
    ),
    "Maze4": ("OOOOOOOO", "O..O..FO", "OO..O..O", "OO.O..OO", "O......O", "OO.O...O", "O....O.O", "OOOOOOOO"),
    "Maze5": (
        "OOOOOOOOO",
        "O......FO",
        "O..O.OO.O",
        "O.O.....O",
        "O...OO..O",
        "O.O.O..OO",
        "O.O..O..O",
        "O.....O.O",
        "OOOOOOOOO",
    ),
    "Maze6": (
        "OOOOOOOOO",
        "O.....OFO",
        "O..O.OO.O",
        "O.O.....O",
        "O...OO..O",
        "O.O.O..OO",
        "O.O.....O",
        "O.....O.O",
        "OOOOOOOOO",
    ),
    "Maze10": ("OOOOOOOOO", "O.......O", "O.O.O.O.O", "O.O.O.O.O", "O.O.OFO.O", "OOOOOOOOO"),
}
"""Rows from north to south, equally long, by the name of the maze."""
TOROIDAL = frozenset({"Woods1", "Woods2"})
"""Mazes without a border: whoever leaves on one side comes back on the other."""
