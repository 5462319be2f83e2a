"""The books of a firm: what its episodes usually earn, and the two tests that are read from them.

All a firm knows of the world is the return of each of its episodes. Its books hold their running mean and mean absolute
deviation (rate .2, faster while they are few) and what the firm earned as a novice, in its first five episodes. A firm is
*established* when its mean is clearly above that: only then are its books evidence. It has *collapsed* in an episode that
earned sigma deviations less than usual and lost most of the gain over a novice. Both tests compare a firm with itself
alone, so they need no scale and no bar of the task.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marketic.errors import InputError
from marketic.numbers import all_finite, check_wholes
from marketic.population import Population

RATE = 0.2  # of the running means
NOVICE = 5  # episodes that a firm is a novice for

_BOOKS = ("episodes", "mean", "dev", "novice", "ever", "proved", "strikes", "suspended")


@dataclass(frozen=True)
class Statute:
    """The rules of the market of firms; defaults from CartPole with actions reversed every 15,000 steps.

    patience:    collapsed episodes in a row after which a firm is suspended, >= 1.
    sigma:       how many deviations count as clear, > 0.
    share:       a collapse leaves less than this share of the gain over a novice, in [0, 1].
    seasoned:    episodes before books can be evidence, >= 1.
    trial_every: episodes of a firm that is not established between two trials of suspended ones, >= 1.
    limit:       most firms in the register, >= 1.
    """

    patience: int = 2
    sigma: float = 2.0
    share: float = 0.25
    seasoned: int = 10
    trial_every: int = 10
    limit: int = 8

    def __post_init__(self) -> None:
        counts = (self.patience, self.seasoned, self.trial_every, self.limit)
        if not all_finite(*counts) or min(counts) < 1:
            raise InputError(f"{self}: wanted patience, seasoned, trial_every and limit >= 1")
        check_wholes(self, patience=1, seasoned=1, trial_every=1, limit=1)
        if not all_finite(self.sigma, self.share) or not (self.sigma > 0 and 0 <= self.share <= 1):
            raise InputError(f"{self}: wanted a finite sigma > 0 and share in [0, 1]")


@dataclass(eq=False)
class Firm:
    """A society with books.

    serial: how many firms were founded before it; slot: its place in the register, which says who its accounts are.
    episodes, mean, dev, novice: the books, see above. ever: was established once; proved: has been established in the world
    as it is now. strikes: collapsed episodes in a row; pending: their returns, not yet in the books. suspended: known not to
    fit the present world. backup: the society's arrays at the starts of the last two episodes in good standing.
    """

    society: Population
    rng: np.random.Generator
    serial: int
    slot: int
    episodes: int = 0
    mean: float = 0.0
    dev: float = 0.0
    novice: float = 0.0
    ever: bool = False
    proved: bool = False
    strikes: int = 0
    suspended: bool = False
    pending: list[float] = field(default_factory=list)
    backup: list[dict[str, np.ndarray]] = field(default_factory=list)

    def book(self, value: float) -> None:
        """Enter an episode's return."""
        rate = max(RATE, 1.0 / (self.episodes + 1))
        if self.episodes:
            self.dev += rate * (abs(value - self.mean) - self.dev)
        self.mean += rate * (value - self.mean)
        self.episodes += 1
        if self.episodes <= NOVICE:
            self.novice += (value - self.novice) / self.episodes

    def established(self, statute: Statute) -> bool:
        """Seasoned, and clearly above its own novice level: mean - novice > sigma dev."""
        return self.episodes >= statute.seasoned and self.mean - self.novice > statute.sigma * self.dev

    def collapsed(self, value: float, statute: Statute) -> bool:
        """Established, and `value` < mean - sigma dev, and `value` < novice + share (mean - novice)."""
        usual = self.mean - statute.sigma * self.dev
        bare = self.novice + statute.share * (self.mean - self.novice)
        return self.established(statute) and value < usual and value < bare

    def back_up(self) -> None:
        """Remember the society as it stands, and as it stood one backup ago."""
        self.backup = [*self.backup[-1:], self.society.state_dict()]  # type: ignore[attr-defined]

    def write_off(self) -> None:
        """Undo what was learned since before the first strike; the books stay as they are."""
        if self.backup:
            self.society.load_state_dict(self.backup[0])  # type: ignore[attr-defined]
        self.pending, self.strikes, self.backup = [], 0, []

    def state_dict(self) -> dict[str, np.ndarray]:
        """Books, generator, society and backups, as arrays."""
        state = {name: np.array(getattr(self, name)) for name in (*_BOOKS, "serial", "slot")}
        state |= {"pending": np.array(self.pending, dtype=float), "rng": generator_words(self.rng)}
        societies = {"society": self.society.state_dict()}  # type: ignore[attr-defined]
        societies |= {f"backup{age}": arrays for age, arrays in enumerate(self.backup)}
        return state | {f"{part}/{key}": array for part, arrays in societies.items() for key, array in arrays.items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays into a firm that was founded with the same options."""
        for name in _BOOKS:
            setattr(self, name, state[name].item())
        self.pending = state["pending"].tolist()
        set_generator(self.rng, state["rng"])
        self.society.load_state_dict(part_of(state, "society/"))  # type: ignore[attr-defined]
        backups = (part_of(state, f"backup{age}/") for age in range(2))
        self.backup = [{key: np.array(array) for key, array in backup.items()} for backup in backups if backup]


class Register:
    """All firms, and who of them is next: entry, suspension, trials and reinstatement. Per episode: `begin`, then `end`.

    current: the firm that plays as a rule; acting: the one that plays now, another one if `trial`. founded: firms so far;
    since_trial: episodes since the last trial. open_firm(serial, slot): founds one.
    """

    def __init__(self, statute: Statute, open_firm: Callable[[int, int], Firm]) -> None:
        self.statute, self._open = statute, open_firm
        self.firms: list[Firm] = []
        self.founded, self.since_trial = 0, 0
        self.current = self.enter()
        self.acting, self.trial = self.current, False

    def halt(self) -> None:
        """Training stops: a trial that is under way never was."""
        if self.trial:
            self.acting.write_off()
        self.acting, self.trial = self.current, False

    def begin(self) -> None:
        """Choose the firm for the next episode; a trial may be due."""
        self.acting, self.trial = self.current, False
        rivals = [firm for firm in self.firms if firm.suspended and firm.established(self.statute)]
        if rivals and not self.current.established(self.statute):
            self.since_trial += 1
            if self.since_trial > self.statute.trial_every:
                self.since_trial, self.trial = 0, True
                self.acting = rivals[(self.current.episodes // self.statute.trial_every) % len(rivals)]
        if self.acting.strikes == 0:
            self.acting.back_up()

    def end(self, value: float) -> None:
        """Judge an episode of the acting firm by its return."""
        firm = self.acting
        if firm.collapsed(value, self.statute):
            firm.pending.append(value)
            firm.strikes += 1
            if self.trial:
                firm.write_off()
            elif firm.strikes >= self.statute.patience:
                self._world_changed(firm)
            return
        for earned in [*firm.pending, value]:
            firm.book(earned)
        firm.pending, firm.strikes = [], 0
        established = firm.established(self.statute)
        firm.ever, firm.proved = firm.ever or established, firm.proved or established
        if firm.suspended:
            self._reinstate(firm)

    def _world_changed(self, firm: Firm) -> None:
        """The current firm failed for good: the best earner of those not suspended takes over, or else an entrant."""
        firm.write_off()
        firm.suspended = True
        if firm.proved:  # it did well until now, so the world is a new one, and all others may try
            for other in self.firms:
                other.suspended, other.proved = other is firm, False
        waiting = [other for other in self.firms if not other.suspended]
        self.current = max(waiting, key=lambda other: other.mean) if waiting else self.enter()
        self.since_trial = 0

    def _reinstate(self, firm: Firm) -> None:
        """A suspended firm stood its trial: it takes over, from an entrant that closes if it never got established."""
        if self.current.ever:
            self.current.suspended = True
        else:
            self.firms.remove(self.current)
        firm.suspended, self.current = False, firm

    def enter(self) -> Firm:
        """Found a firm; the suspended firm that earned least leaves a full register."""
        if len(self.firms) >= self.statute.limit:
            self.firms.remove(min((firm for firm in self.firms if firm.suspended), key=lambda firm: firm.mean))
        taken = {firm.slot for firm in self.firms}
        slot = next(slot for slot in range(self.statute.limit) if slot not in taken)
        firm = self._open(self.founded, slot)
        self.firms.append(firm)
        self.founded += 1
        return firm

    def state_dict(self) -> dict[str, np.ndarray]:
        """Every firm, and where the register stands between them, as arrays."""
        numbers = [self.founded, self.since_trial, self.current.serial, self.acting.serial, self.trial]
        state = {"numbers": np.array(numbers, dtype=np.int64)}
        state["register"] = np.array([(firm.serial, firm.slot) for firm in self.firms], dtype=np.int64)
        return state | {f"{i}/{key}": array for i, f in enumerate(self.firms) for key, array in f.state_dict().items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays; all firms are founded anew."""
        self.firms = [self._open(serial, slot) for serial, slot in state["register"].tolist()]
        for i, firm in enumerate(self.firms):
            firm.load_state_dict(part_of(state, f"{i}/"))
        by_serial = {firm.serial: firm for firm in self.firms}
        self.founded, self.since_trial, current, acting, trial = state["numbers"].tolist()
        self.current, self.acting, self.trial = by_serial[current], by_serial[acting], bool(trial)


def part_of(state: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin with `prefix`, without it."""
    return {key.removeprefix(prefix): array for key, array in state.items() if key.startswith(prefix)}


def generator_words(rng: np.random.Generator) -> np.ndarray:
    """The position of a PCG64 generator, uint64 [6]: state, increment, and a spare half word."""
    position: Any = rng.bit_generator.state
    words = [position["state"]["state"], position["state"]["inc"]]
    halves = [half for word in words for half in divmod(word, 2**64)]
    return np.array([*halves, position["has_uint32"], position["uinteger"]], dtype=np.uint64)


def set_generator(rng: np.random.Generator, words: np.ndarray) -> None:
    """Put a PCG64 generator where `generator_words` was called."""
    state, state_low, inc, inc_low, spare, half = (int(word) for word in words)
    inner = {"state": (state << 64) | state_low, "inc": (inc << 64) | inc_low}
    rng.bit_generator.state = {"bit_generator": "PCG64", "state": inner, "has_uint32": spare, "uinteger": half}
