"""What a population makes of an episode once it has ended: paper trades, rehearsals, steady bids, and their licence.

*Paper trades* re-settle remembered episodes at today's prices, from their last step to their first, without moving
money: G = reward if the episode terminated, reward + discount * top bid of the final state if it was cut short, else
reward + discount ((1 - lambda) top bid of the next state + lambda G). One-step replay hurts tiles (the repeated maximum
fits their aliasing); whole episodes with lambda-returns look through it.

*Steady bids* are a slow average of the bids (Polyak and Juditsky 1992): the greedy policy read from them keeps still.
The *licence* is the copy of the steady bids at the time when the last few training episodes earned most; it is chosen
by training revenue, so no evaluation episode is used. Where returns have a ceiling, several copies tie at it; which of them
is best cannot be told, and `tie` says how far the licence then moves to the newest, so that it is a mean of equals.

*Rehearsals* have a room of their own, `marketic.agents.rehearsals`; with them the steady bids are the incumbent's.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from marketic.agents.kernels import copy_numbers, mean_bid
from marketic.agents.rehearsals import NOBODY, RehearsalRoom
from marketic.errors import InputError
from marketic.function_pointer import call_match, call_rehearse
from marketic.numbers import MOST_ENTRIES, all_finite, check_numbers, check_room, check_shares, check_wholes
from marketic.settlement import SALE, TRUNCATED

FINAL_STATE, NOTHING_LEFT = -1.0, -2.0  # in the owner's column of a tape: how an episode ended
TAPED, EPISODE_STEPS = 0, 1  # columns of `marks`


@dataclass(frozen=True)
class PaperTrades:
    """Re-settle the last `episodes` >= 1 episodes at the end of each, newest first.

    rate:    how far an owner's bid moves towards G, in (0, 1]; slows down with the population's own rate.
    royalty: lambda of these returns, in [0, 1].
    steps:   the longest memory, environment steps.
    """

    episodes: int = 10
    rate: float = 0.3
    royalty: float = 0.7
    steps: int = 20_000

    def __post_init__(self) -> None:
        check_wholes(self, episodes=1, steps=2)
        check_shares(self, "rate", positive=True)
        check_shares(self, "royalty")


@dataclass(frozen=True)
class SteadyBids:
    """Greedy play reads a slow average of the bids, renewed at the end of each episode (of row 0).

    trades:  over which the average runs, > 0.
    licence: training episodes in the mean that decides when the copy shown is renewed; 0: always.
    tie:     how far the licence moves to today's steady bids when that mean equals the best so far, in [0, 1]; 0: it stays.
    """

    trades: float = 1000.0
    licence: int = 0
    tie: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(self, "trades", above=0)
        check_wholes(self, MOST_ENTRIES, licence=0)
        if not (all_finite(self.tie) and 0 <= self.tie <= 1):
            raise InputError(f"{self}: wanted tie in [0, 1]")


class Hindsight:
    """The arrays behind paper trades, steady bids and the licence of one population, for compiled code.

    steady, licence: float64 [n_agents], or [0] where not wanted; price: the agents' first bids.
    Raises InputError for steady bids beside rehearsals, which decide themselves what is shown.
    """

    def __init__(
        self,
        price: np.ndarray,
        paper: PaperTrades | None,
        greedy: SteadyBids | None,
        rehearsals: RehearsalRoom | None = None,
    ) -> None:
        if greedy is not None and rehearsals is not None:
            raise InputError(
                f"greedy={greedy} beside rehearsals, which decide themselves what greedy play reads: pass rehearsals=None, "
                "or leave out greedy"
            )
        self.paper, self.rehearsals = paper, rehearsals
        licence = 0 if greedy is None else greedy.licence
        self.steady = np.zeros(0) if greedy is None and rehearsals is None else price.copy()
        self.licence = price.copy() if licence else np.zeros(0)
        self.revenue = np.zeros(2 + licence)  # best mean so far, episodes seen, the last returns as a ring
        self.revenue[0] = -np.inf
        trading = (0.0, 0.0, 0.0) if paper is None else (paper.rate, paper.royalty, float(paper.episodes))
        steadiness = (1.0, 1.0) if greedy is None else (greedy.trades, greedy.tie)
        self.terms = np.array([steadiness[0], *trading, steadiness[1]])
        self.open(1, 1)

    def open(self, rows: int, columns: int) -> None:
        """Make room for `rows` parallel rows with `columns` observation components; open episodes are forgotten."""
        capacity = 0 if self.paper is None else max(2, self.paper.steps // rows)
        check_room(rows * capacity * (columns + 2), f"PaperTrades: steps={capacity * rows}", "remember fewer steps")
        self.tape = np.zeros((rows, capacity, columns + 2))  # observation, owner, reward
        self.marks = np.zeros((rows, 2), dtype=np.int64)
        self.returns = np.zeros(rows)
        if self.rehearsals is not None:
            self.rehearsals.open(rows, columns)

    def start(self) -> None:
        """Training starts: rehearsals forget steps whose end was not seen."""
        if self.rehearsals is not None:
            self.rehearsals.open_steps[:] = NOBODY

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """What compiled code reads and writes, in the order of `look_back`."""
        room = self.rehearsals
        address, table = (0, np.zeros((0, 4), dtype=np.int64)) if room is None else (room.address, room.table)
        own = (self.steady, self.licence, self.revenue, self.terms, self.tape, self.marks, self.returns)
        return *own, table, np.array([address])

    @property
    def shown(self) -> np.ndarray | None:
        """The bids that greedy play reads, or None if it reads the agents' own."""
        if len(self.licence):
            return self.licence
        return self.steady if len(self.steady) else None

    def state_dict(self) -> dict[str, np.ndarray]:
        """Arrays to save; the remembered episodes among them."""
        state = {name: getattr(self, name).copy() for name in ("steady", "licence", "revenue", "returns", "marks")}
        if self.rehearsals is not None:
            state |= {f"rehearsals_{name}": array for name, array in self.rehearsals.state_dict().items()}
        return {**state, "tape": self.tape[:, : int(self.marks[:, TAPED].max(initial=0))].copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays, in place where compiled code may hold them."""
        self.steady[:], self.licence[:], self.revenue[:] = state["steady"], state["licence"], state["revenue"]
        tape = state["tape"]
        self.open(len(tape), max(1, tape.shape[2] - 2))
        self.marks[:], self.returns[:] = state["marks"], state["returns"]
        self.tape[:, : tape.shape[1]] = tape
        if self.rehearsals is not None:
            prefix = "rehearsals_"
            self.rehearsals.load_state_dict(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )


@njit(cache=True)
def look_back(row, owner, reward, stage, discount, observation, final, matcher, integers, reals, price, rate, clock, bidders,
              members, hindsight):  # type: ignore[no-untyped-def]  # fmt: skip
    """Note one trade; when the episode ends (stage is not SALE), trade on paper and renew steady bids and licence.

    observation, final float64 [B, D]: where the right was bought, and where the episode ended; matcher: address of the
    family's `match`; hindsight: `Hindsight.arrays`.
    """
    steady, licence, revenue, terms, tape, marks, returns, rehearsals, rehearse = hindsight
    marks[row, EPISODE_STEPS] += 1
    returns[row] += reward
    if tape.shape[1] > 0:
        _write(row, observation, float(owner), reward, tape, marks)
    if stage == SALE:
        if rehearse[0] != 0:
            call_rehearse(rehearse[0], rehearsals, row, owner, reward, stage, discount, observation, final, matcher, integers,
                          reals, price, steady)  # fmt: skip
        return
    if tape.shape[1] > 0:
        _write(row, final, FINAL_STATE if stage == TRUNCATED else NOTHING_LEFT, 0.0, tape, marks)
        scratch = np.empty((1, bidders, members), dtype=np.int64)
        slow = rate[3] / (rate[3] + clock) if rate[3] > 0.0 else 1.0
        _resettle(row, discount, slow, matcher, integers, reals, price, scratch, terms, tape, marks)
    if rehearse[0] != 0:
        call_rehearse(rehearse[0], rehearsals, row, owner, reward, stage, discount, observation, final, matcher, integers,
                      reals, price, steady)  # fmt: skip
    elif steady.shape[0] > 0 and row == 0:
        share = 1.0 - math.exp(-marks[row, EPISODE_STEPS] / terms[0])
        for i in range(price.shape[0]):
            steady[i] += share * (price[i] - steady[i])
        if licence.shape[0] > 0:
            _renew_licence(returns[row], terms[4], revenue, steady, licence)
    marks[row, EPISODE_STEPS] = 0
    returns[row] = 0.0


@njit(cache=True)
def _write(row, observation, owner, reward, tape, marks):  # type: ignore[no-untyped-def]
    """One more line on the tape; when it is full, its older half is dropped."""
    columns, at = observation.shape[1], marks[row, TAPED]
    if at == tape.shape[1]:
        kept = at // 2
        for line in range(kept):
            tape[row, line] = tape[row, at - kept + line]
        at = kept
    for d in range(columns):
        tape[row, at, d] = observation[row, d]
    tape[row, at, columns], tape[row, at, columns + 1] = owner, reward
    marks[row, TAPED] = at + 1


@njit(cache=True)
def _resettle(row, discount, slow, matcher, integers, reals, price, matched, terms, tape, marks):  # type: ignore[no-untyped-def]
    """Walk back over the last episodes on the tape; every owner moves towards its lambda-return."""
    rate, royalty, episodes = terms[1] * slow, terms[2], int(terms[3])
    columns = tape.shape[2] - 2
    here = np.empty((1, columns))
    top, gain, ends = 0.0, 0.0, 0
    for line in range(marks[row, TAPED] - 1, -1, -1):
        owner = int(tape[row, line, columns])
        if owner < 0:
            ends += 1
            if ends > episodes:
                return
        for d in range(columns):
            here[0, d] = tape[row, line, d]
        if owner == int(NOTHING_LEFT):
            top, gain = 0.0, 0.0
            continue
        call_match(matcher, here, integers, reals, matched)
        best = -np.inf
        for i in range(matched.shape[1]):
            best = max(best, mean_bid(price, matched[0, i]))
        if owner == int(FINAL_STATE):
            top, gain = best, best
            continue
        gain = tape[row, line, columns + 1] + discount * ((1.0 - royalty) * top + royalty * gain)
        step = rate * (gain - mean_bid(price, matched[0, owner]))
        for k in range(matched.shape[2]):
            price[matched[0, owner, k]] += step
        top = best


@njit(cache=True)
def _renew_licence(episode_return, tie, revenue, steady, licence):  # type: ignore[no-untyped-def]
    """Show today's steady bids if the last training episodes earned more, in the mean, than any before; `tie`: if as much."""
    window = revenue.shape[0] - 2
    revenue[2 + int(revenue[1]) % window] = episode_return
    revenue[1] += 1.0
    mean = 0.0
    for k in range(min(int(revenue[1]), window)):
        mean += revenue[2 + k]
    mean /= min(int(revenue[1]), window)
    if mean < revenue[0]:
        return
    share = 1.0 if mean > revenue[0] else tie
    revenue[0] = mean
    if share == 1.0:
        copy_numbers(steady, licence)
    else:
        for i in range(steady.shape[0]):
            licence[i] += share * (steady[i] - licence[i])
