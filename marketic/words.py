"""Names for what agents see and do, so that their rules can be read aloud."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """A task's vocabulary. Whatever is missing is called by its number.

    components: (name, unit) of each component of the encoded observation, e.g. ("cart position", "m").
    moves:      name of each action number.
    angles:     names of the angles that stand for two components, by their numbers (cosine, sine).
    place:      words for one state number of a table, e.g. "state 14 (row 3, column 2)".

    >>> Words(moves=("left", "right")).move(1), Words().move(1), Words().component(0)[0]
    ('right', 'action 1', 'observation 0')
    """

    components: tuple[tuple[str, str], ...] = ()
    moves: tuple[str, ...] = ()
    angles: Mapping[tuple[int, int], str] = field(default_factory=dict)
    place: Callable[[int], str] | None = None

    def component(self, number: int) -> tuple[str, str]:
        """Name and unit of one component of the observation."""
        return self.components[number] if number < len(self.components) else (f"observation {number}", "")

    def angle(self, cosine: int, sine: int) -> tuple[str, str]:
        """Name and unit of the angle behind two components."""
        return self.angles.get((cosine, sine), f"angle of observations {cosine} and {sine}"), "rad"

    def move(self, number: int) -> str:
        """Name of an action."""
        return self.moves[number] if number < len(self.moves) else f"action {number}"


NO_WORDS = Words()
"""Everything by its number."""


DIGITS = 7
"""Digits of numbers in conditions: what observations of float32 can tell apart, so that 0.1 + 0.2 reads 0.3."""


def number(value: float, others: Iterable[float] = ()) -> str:
    """A constant of a condition: whole numbers in full, others to DIGITS digits, or to as many more as tell it from `others`.

    >>> number(4332.0), number(-2.625), number(0.1 + 0.2), number(1 + 1e-9, [1.0, 1 + 2e-9])
    ('4332', '-2.625', '0.3', '1.000000001')
    """
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    different = [other for other in others if other != value]
    for digits in range(DIGITS, 17):
        text = f"{value:.{digits}g}"
        if all(f"{other:.{digits}g}" != text for other in different):
            return text
    return repr(float(value))


def interval(name: str, unit: str, low: float, high: float) -> str:
    """A condition in words; an infinite end is left out, and a condition that always holds is "".

    >>> interval("speed", "m/s", 0.0, 1.5), interval("speed", "m/s", 1.5, math.inf), interval("x", "", -math.inf, 2)
    ('speed 0 to 1.5 m/s', 'speed above 1.5 m/s', 'x below 2')
    """
    tail = f" {unit}" if unit else ""
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(low):
        return f"{name} below {number(high)}{tail}"
    if math.isinf(high):
        return f"{name} above {number(low)}{tail}"
    return f"{name} {number(low, [high])} to {number(high, [low])}{tail}"


def rule(conditions: list[str], move: str, bid: float) -> str:
    """One sentence: when, what, and for how much.

    >>> rule(["speed above 1.5 m/s", ""], "brake", 0.8349)
    'speed above 1.5 m/s: brake, bids 0.835'
    """
    return f"{deed(conditions, move)}, bids {bid:.3g}"


def deed(conditions: list[str], move: str) -> str:
    """The same without the price, as ancestors are told of.

    >>> deed([], "brake")
    'always: brake'
    """
    return f"{' and '.join(filter(None, conditions)) or 'always'}: {move}"
