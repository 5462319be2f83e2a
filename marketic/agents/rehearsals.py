"""Rehearsals: after an episode the agents play others in their heads, from forecasts, and what they learn there is tried.

While the world rests, the market holds its auctions in imagined states: the highest bid wins, a forecast (see
`marketic.agents.forecast`) says what follows, and the imagined episode is settled on paper, from its last step to its
first: G = reward + discount ((1 - lambda) top bid of the next state + lambda G). No money moves. Planning with a learned
model is Sutton's Dyna (1991); here whole episodes are played with the bids of the moment, so no bid is learned from what
another policy would have done. Episodes start where real ones did, and end where the known box ends, with nothing left.

The *challenger* is the slow average of the bids over one round of that. It and the *incumbent*, the bids that are shown and
with which the market trains, then play the same imagined episodes. If it earns more, it is the incumbent from then on;
either way the next round starts from the incumbent's bids. An incumbent that earns the highest reward ever seen at
every step of every trial has nothing to gain, and rehearses no more until the next episode.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from marketic.agents.forecast import (
    BOX,
    CLONES,
    HIGHEST,
    LARGEST_DEGREE,
    MOST_TERMS,
    SIZES,
    fit,
    forecast,
    record,
    terms_of,
)
from marketic.agents.kernels import copy_numbers, mean_bid
from marketic.agents.splitmix import below
from marketic.array_table import ArrayTable, floats_1d, floats_2d, ints_1d, ints_3d
from marketic.errors import InputError
from marketic.function_pointer import REHEARSE, address_of, call_match
from marketic.linear_systems import solver
from marketic.numbers import check_numbers, check_room, check_shares, check_wholes, count_text
from marketic.settlement import SALE, TERMINATED

# entries of the table, after those of the forecast
PLAN, STARTS, OPEN, COUNTS, RANDOM, CHALLENGER, PATH, WHO, DEALS = range(5, 14)
ROUNDS, EPISODES, LENGTH, RATE, ROYALTY, TRADES, TRIALS = range(7)  # of PLAN
STARTED, ENDED, ROUNDS_HELD, ADOPTED = range(4)  # of COUNTS
MEMORY = 64  # states kept in which episodes started
FEW = 3  # episodes before the first rehearsal
MOST_IMAGINED = 10**9  # steps after an episode: nothing can interrupt them
NOBODY = -1.0


@dataclass(frozen=True)
class Rehearsals:
    """Rehearse after every episode (of row 0), from forecasts of what follows each action.

    rounds:   after each episode, >= 1: some rehearsals, then trials of what came of them.
    episodes: rehearsed in each round, >= 1. length: of each of them, steps >= 1, at most.
    rate:     how far an owner's bid moves towards G, in (0, 1]. royalty: lambda of these returns, in [0, 1].
    trades:   imagined ones, over which the challenger's average runs, > 0.
    trials:   episodes that challenger and incumbent play to compare themselves, >= 1.
    degree:   of the polynomials that forecast, 1, 2 or 3.
    """

    rounds: int = 4
    episodes: int = 20
    length: int = 1000
    rate: float = 0.1
    royalty: float = 0.97
    trades: float = 60_000.0
    trials: int = 20
    degree: int = 3

    def __post_init__(self) -> None:
        check_wholes(self, rounds=1, episodes=1, length=1, trials=1)
        check_wholes(self, LARGEST_DEGREE, degree=1)
        check_shares(self, "rate", positive=True)
        check_shares(self, "royalty")
        check_numbers(self, "trades", above=0)
        played = self.rounds * (self.episodes + 2 * self.trials) * self.length
        if played > MOST_IMAGINED:
            raise InputError(
                f"{self}: up to {count_text(played)} imagined steps after each episode: wanted at most {MOST_IMAGINED:,}, "
                "which take minutes; choose fewer rounds, episodes or trials, or a lower length"
            )


class RehearsalRoom:
    """The arrays behind a population's rehearsals, for compiled code.

    agents: how many there are; actions, clones, members: as in `Syndicates`. rng: seeds the choice of first states.
    """

    SAVED = ("gram", "box", "starts", "counts", "random")

    def __init__(
        self, plan: Rehearsals, agents: int, actions: int, clones: int, members: int, rng: np.random.Generator
    ) -> None:
        self.plan, self.actions = plan, actions
        entries = plan.length * actions * clones * members
        check_room(entries, f"Rehearsals: length={plan.length} of {actions} actions", "rehearse shorter episodes")
        self.sizes = np.array([plan.degree, clones, solver()])
        self.terms = np.array([
            plan.rounds, plan.episodes, plan.length, plan.rate, plan.royalty, plan.trades, plan.trials
        ])  # fmt: skip
        self.who = np.zeros((plan.length, actions * clones, members), dtype=np.int64)
        self.deals = np.zeros((plan.length, 2))  # reward, owner
        self.challenger = np.zeros(agents)
        self.random = rng.integers(0, 2**63, 1)
        self.columns = 0
        self.address = address_of(rehearse, REHEARSE)

    def open(self, rows: int, columns: int) -> None:
        """Make room for `rows` parallel rows with `columns` observation components; steps that are open are forgotten.

        Raises InputError if the forecasts would have more than MOST_TERMS terms.
        """
        self.open_steps = np.full((rows, columns + 2), NOBODY)  # state, reward, owner
        if columns == self.columns:
            return
        self.columns, width = columns, terms_of(columns, self.plan.degree)
        if width > MOST_TERMS:
            raise InputError(
                f"{self.plan}: forecasts over {columns} components would have {width} terms, wanted at most {MOST_TERMS}. "
                "Choose a lower degree"
            )
        self.gram = np.zeros((self.actions, width, width + columns + 1))
        self.coefficients = np.zeros((self.actions, width, columns + 1))
        self.box = np.full((2, columns + 1), np.inf)
        self.box[HIGHEST] = -np.inf
        self.monomials = np.zeros(width)
        self.starts = np.zeros((MEMORY, columns))
        self.path = np.zeros((self.plan.length + 1, columns))
        self.counts = np.zeros(4, dtype=np.int64)

    @property
    def table(self) -> np.ndarray:
        """What `rehearse` takes, int64 [14, 4]. It holds addresses, so a copy of the room makes its own."""
        arrays = [self.gram, self.coefficients, self.box, self.monomials, self.sizes, self.terms, self.starts,
                  self.open_steps, self.counts, self.random, self.challenger, self.path, self.who,
                  self.deals]  # fmt: skip
        return ArrayTable(arrays).rows

    def state_dict(self) -> dict[str, np.ndarray]:
        """Arrays to save: what was seen of the world, and the generator's position."""
        return {name: getattr(self, name).copy() for name in self.SAVED}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays into a room that is open for as many components."""
        for name in self.SAVED:
            if state[name].shape != getattr(self, name).shape:
                raise InputError(
                    f"saved rehearsals: {name} has shape {state[name].shape}, this one {getattr(self, name).shape}"
                )
            setattr(self, name, np.array(state[name]))


@njit(cache=True)
def rehearse(table, row, owner, reward, stage, discount, observation, final, matcher, integers, reals, price, steady):  # type: ignore[no-untyped-def]  # fmt: skip
    """Note a trade, as `look_back` does; when an episode of row 0 ends (stage is not SALE), rehearse and renew `steady`."""
    step, counts, here = floats_2d(table, OPEN)[row], ints_1d(table, COUNTS), observation[row]
    columns = here.shape[0]
    if step[columns + 1] == NOBODY:
        copy_numbers(here, floats_2d(table, STARTS)[counts[STARTED] % MEMORY])
        counts[STARTED] += 1
    else:
        _enter(table, step, here, np.int64(1))
    copy_numbers(here, step)
    step[columns], step[columns + 1] = reward, float(owner)
    if stage == SALE:
        return
    _enter(table, step, final[row], np.int64(stage != TERMINATED))
    step[columns + 1] = NOBODY
    if row != 0:
        return
    counts[ENDED] += 1
    if counts[ENDED] >= FEW:
        fit(table)
        _hold(table, discount, (matcher, integers, reals), price, steady)


@njit(cache=True)
def _enter(table, step, following, goes_on):  # type: ignore[no-untyped-def]
    columns = following.shape[0]
    action = int(step[columns + 1]) // ints_1d(table, SIZES)[CLONES]
    record(table, action, step[:columns], step[columns], following, goes_on)


@njit(cache=True)
def _hold(table, discount, market, price, steady):  # type: ignore[no-untyped-def]
    """Rounds of rehearsals and trials; `steady` are the incumbent's bids, and become everybody's."""
    plan, challenger, counts = floats_1d(table, PLAN), floats_1d(table, CHALLENGER), ints_1d(table, COUNTS)
    ceiling = plan[TRIALS] * plan[LENGTH] * floats_2d(table, BOX)[HIGHEST, floats_2d(table, BOX).shape[1] - 1]
    for _ in range(int(plan[ROUNDS])):
        luck = ints_1d(table, RANDOM)[0]
        incumbent = _earned(table, market, steady)
        if incumbent >= ceiling:
            break
        counts[ROUNDS_HELD] += 1
        _practise(table, discount, market, price, steady)
        ints_1d(table, RANDOM)[0], later = luck, ints_1d(table, RANDOM)[0]
        if _earned(table, market, challenger) > incumbent:
            copy_numbers(challenger, steady)
            counts[ADOPTED] += 1
        ints_1d(table, RANDOM)[0] = later
        copy_numbers(steady, price)
    copy_numbers(steady, price)


@njit(cache=True)
def _practise(table, discount, market, price, steady):  # type: ignore[no-untyped-def]
    """Imagined episodes by the bids of the moment, each settled on paper; their slow average is the challenger."""
    plan, challenger = floats_1d(table, PLAN), floats_1d(table, CHALLENGER)
    copy_numbers(steady, challenger)
    for _ in range(int(plan[EPISODES])):
        steps, over, _ = _play(table, market, price)
        _settle(table, discount, market, price, steps, over)
        share = 1.0 - math.exp(-steps / plan[TRADES])
        for i in range(price.shape[0]):
            challenger[i] += share * (price[i] - challenger[i])


@njit(cache=True)
def _earned(table, market, price):  # type: ignore[no-untyped-def]
    """The return of all trials together, played by `price`."""
    total = 0.0
    for _ in range(int(floats_1d(table, PLAN)[TRIALS])):
        total += _play(table, market, price)[2]
    return total


@njit(cache=True)
def _play(table, market, price):  # type: ignore[no-untyped-def]
    """Play an imagined episode by `price`; writes it to PATH, WHO and DEALS. Returns (its steps, is it over?, its return)."""
    starts, started = floats_2d(table, STARTS), ints_1d(table, COUNTS)[STARTED]
    path, who, deals = floats_2d(table, PATH), ints_3d(table, WHO), floats_2d(table, DEALS)
    random, clones = ints_1d(table, RANDOM).view(np.uint64), ints_1d(table, SIZES)[CLONES]
    matcher, integers, reals = market
    copy_numbers(starts[below(random, min(started, starts.shape[0]))], path[0])
    total = 0.0
    for t in range(who.shape[0]):
        call_match(matcher, path[t : t + 1], integers, reals, who[t : t + 1])
        owner = _highest(price, who[t])
        reward, known = forecast(table, owner // clones, path[t], path[t + 1])
        deals[t, 0], deals[t, 1] = reward, owner
        total += reward
        if not known:
            return t + 1, True, total
    return who.shape[0], False, total


@njit(cache=True)
def _settle(table, discount, market, price, steps, over):  # type: ignore[no-untyped-def]
    """Walk back over the episode on PATH; every owner moves towards its lambda-return."""
    who, deals, plan = ints_3d(table, WHO), floats_2d(table, DEALS), floats_1d(table, PLAN)
    rate, royalty = plan[RATE], plan[ROYALTY]
    top, gain = 0.0, 0.0
    if not over:
        path, last = floats_2d(table, PATH), np.empty((1, who.shape[1], who.shape[2]), dtype=np.int64)
        call_match(market[0], path[steps : steps + 1], market[1], market[2], last)
        top = gain = mean_bid(price, last[0, _highest(price, last[0])])
    for t in range(steps - 1, -1, -1):
        best = mean_bid(price, who[t, _highest(price, who[t])])
        owner = who[t, int(deals[t, 1])]
        gain = deals[t, 0] + discount * ((1.0 - royalty) * top + royalty * gain)
        step = rate * (gain - mean_bid(price, owner))
        for k in range(owner.shape[0]):
            price[owner[k]] += step
        top = best


@njit(cache=True, forceinline=True)
def _highest(price, bidders):  # type: ignore[no-untyped-def]
    """Which of the bidders, int64 [n, K], bids most; the first of equals."""
    best, highest = 0, -np.inf
    for i in range(bidders.shape[0]):
        bid = mean_bid(price, bidders[i])
        if bid > highest:
            best, highest = i, bid
    return best
