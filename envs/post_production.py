"""String rewriting: turn one word into another by rules x -> y, each used wherever its left side stands.

Post's production systems (Post 1943), here in the form of semi-Thue systems, compute whatever can be computed;
Baum and Durdanovic (2000) let an economy of agents rewrite a word as their universal substrate. An instance is
a random word and what random rewritings made of it, so that it can be solved; reward 1.0 comes once, when the
goal is reached, and ends the episode. Registered with 100 steps at most. A rule that does not fit costs the
step. `optimal_steps` is exact (breadth-first search).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.errors import InputError

SORT = (("ba", "ab"), ("ca", "ac"), ("cb", "bc"))
"""Sorts a word; the fewest steps are its inversions."""
BRACKETS = (("()", ""), ("[]", ""), ("", "()"), ("([", "[("), ("])", ")]"))
"""Brackets that cancel, appear and change places."""
GROUP = (("aa", ""), ("bbb", ""), ("", "aa"), ("", "bbb"), ("ab", "bba"), ("bba", "ab"), ("ba", "abb"), ("abb", "ba"))
"""Words for the moves of a triangle: a turns it over, bbb comes back, ab = bba. Its rules lead both ways."""
SYSTEMS = {"sort": SORT, "brackets": BRACKETS, "group": GROUP}
Rule = tuple[str, str]


class PostProduction(gym.Env):
    """A random word and goal every episode.

    rules:   a name in SYSTEMS, or pairs (x, y) of words. length: letters of the word at the start, >= 1. longest: rewriting
             beyond so many letters does nothing, >= length. depth: random rewritings that lead to the goal, >= 1.

    Observation: word and goal, MultiDiscrete [2 * longest]: 0 for no letter, then the letters in alphabetical
    order. Action: rule number * (longest + 1) + place, counted from 0; the rule's left side must stand there.
    `legal()` lists those that fit.

    Raises InputError for rules that are none, and numbers out of range.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        rules: str | Sequence[Rule] = "group",
        length: int = 6,
        longest: int = 10,
        depth: int = 6,
        *,
        render_mode: str | None = None,
    ) -> None:
        if isinstance(rules, str) and rules not in SYSTEMS:
            raise InputError(
                f"PostProduction(rules={rules!r}): no such system; give one of {', '.join(SYSTEMS)}, or pairs of words"
            )
        self.rules = _checked(SYSTEMS[rules] if isinstance(rules, str) else rules)
        for name, given, least in (("length", length, 1), ("longest", longest, length), ("depth", depth, 1)):
            if isinstance(given, bool) or not isinstance(given, int | np.integer) or not least <= given <= 1000:
                raise InputError(f"PostProduction({name}={given!r}): wanted a whole number; give {least} to 1000")
        if render_mode not in (None, "ansi"):
            raise InputError(f"PostProduction(render_mode={render_mode!r}): wanted 'ansi' or None")
        self.length, self.longest, self.depth, self.render_mode = int(length), int(longest), int(depth), render_mode
        self.letters = "".join(sorted(set("".join(x + y for x, y in self.rules))))
        self.observation_space = gym.spaces.MultiDiscrete(np.full(2 * self.longest, len(self.letters) + 1))
        self.action_space = gym.spaces.Discrete(len(self.rules) * (self.longest + 1))
        self.word = self.goal = ""

    def legal(self) -> list[int]:
        """Actions that would change the word."""
        return [action for action, _ in successors(self.word, self.rules, self.longest)]

    def optimal_steps(self) -> int:
        """The fewest steps from the word as it is to the goal."""
        steps = optimal_steps(self.word, self.goal, self.rules, self.longest)
        if steps is None:
            raise InputError(f"{self.goal!r} cannot be reached from {self.word!r} any more; call reset")
        return steps

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """A random instance. options: {"word": w, "goal": g} for a chosen one. Raises InputError for words of other letters."""
        super().reset(seed=seed)
        if options:
            given = [options.get("word"), options.get("goal")]
            for word in given:
                if not isinstance(word, str) or len(word) > self.longest or not set(word) <= set(self.letters):
                    raise InputError(
                        f"reset(options={options!r}): wanted word and goal of up to {self.longest} of {self.letters}"
                    )
            if given[0] == given[1]:
                raise InputError(f"reset(options={options!r}): word and goal are the same; wanted something to do")
            self.word, self.goal = (str(word) for word in given)
        else:
            self._draw()
        return self._observe(), {}

    def _draw(self) -> None:
        """A random word to which some rule applies, and what `depth` random rewritings make of it, if that is another."""
        for _ in range(1000):
            drawn = self.np_random.integers(len(self.letters), size=self.length)
            self.word = self.goal = "".join(self.letters[k] for k in drawn)
            for _ in range(self.depth):
                after = [word for _, word in successors(self.goal, self.rules, self.longest)]
                if not after:
                    break
                self.goal = after[int(self.np_random.integers(len(after)))]
            if self.goal != self.word:
                return
        raise InputError(f"rules {self.rules} change no word of {self.length} letters: wanted some that do")

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Use a rule at a place. Raises InputError for no action, or when the goal is reached already."""
        if not self.action_space.contains(action):
            raise InputError(f"PostProduction.step({action!r}): wanted an action of {self.action_space}")
        if self.word == self.goal:
            raise InputError(
                "PostProduction.step: no episode runs, wanted steps only until the goal is reached; call reset first"
            )
        rule, place = divmod(int(action), self.longest + 1)
        self.word = rewrite(self.word, self.rules[rule], place, self.longest) or self.word
        reached = self.word == self.goal
        return self._observe(), float(reached), reached, False, {}

    def _observe(self) -> np.ndarray:
        seen = np.zeros((2, self.longest), dtype=np.int64)
        for row, word in zip(seen, (self.word, self.goal), strict=True):
            row[: len(word)] = [1 + self.letters.index(letter) for letter in word]
        return seen.ravel()

    def render(self) -> str | None:
        """Word and goal; None without render_mode="ansi"."""
        return f"{self.word or '(empty)'} -> {self.goal or '(empty)'}" if self.render_mode == "ansi" else None


def rewrite(word: str, rule: Rule, place: int, longest: int) -> str | None:
    """The word after a rule has been used at a place; None if it does not fit, or the word would be too long."""
    left, right = rule
    if place > len(word) or not word.startswith(left, place):
        return None
    found = word[:place] + right + word[place + len(left) :]
    return found if len(found) <= longest else None


def successors(word: str, rules: Sequence[Rule], longest: int) -> Iterator[tuple[int, str]]:
    """Every action that fits, and the word that it makes."""
    for number, rule in enumerate(rules):
        for place in range(len(word) + 1):
            found = rewrite(word, rule, place, longest)
            if found is not None and found != word:
                yield number * (longest + 1) + place, found


def optimal_steps(word: str, goal: str, rules: Sequence[Rule], longest: int) -> int | None:
    """The fewest rewritings from a word to a goal within `longest` letters; None if it cannot be reached.

    >>> optimal_steps("cba", "abc", SORT, 3)
    3
    """
    frontier, seen, steps = {word}, {word}, 0
    while frontier and goal not in frontier:
        frontier = {found for one in frontier for _, found in successors(one, rules, longest)} - seen
        seen |= frontier
        steps += 1
    return steps if frontier else None


def _checked(rules: Iterable[Any]) -> tuple[Rule, ...]:
    found = []
    for rule in rules:
        pair = isinstance(rule, tuple | list) and len(rule) == 2 and all(isinstance(side, str) for side in rule)
        if not pair or rule[0] == rule[1]:
            raise InputError(f"rule {rule!r}: wanted a pair of words that differ, such as ('ba', 'ab')")
        found.append((rule[0], rule[1]))
    if not found:
        raise InputError("PostProduction(rules=()): wanted at least one rule, such as ('ba', 'ab')")
    return tuple(found)
