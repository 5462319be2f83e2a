"""The market over a Gymnasium environment, with Stable-Baselines3's conventions: learn, predict, evaluate, save."""

import math
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector.utils import concatenate, create_empty_array

from marketic.auction import Auction
from marketic.callbacks import Callback, CallbackList
from marketic.chain import Chain
from marketic.compiled_loop import CompiledLoop, obstacles
from marketic.dynamics import Dynamics, TwinWorld
from marketic.errors import InputError
from marketic.events.absent import best_bidders
from marketic.events.schema import SNAPSHOT_EVERY
from marketic.events.writer import EventWriter
from marketic.exploration import Novices
from marketic.in_process import InProcess
from marketic.ledger import Ledger
from marketic.market_state import restore_state, state_of
from marketic.mechanism import Mechanism
from marketic.population import Population
from marketic.round import Round
from marketic.selection import Selection
from marketic.soundness import unsound
from marketic.streams import Streams
from marketic.worlds import World, open_world

if TYPE_CHECKING:
    from marketic.events.log import EventLog

_NO_REWARD = np.zeros(1)


class Market(InProcess):
    """A market of agents that acts in, and learns from, a Gymnasium environment.

    env:        a `gymnasium.Env` or `gymnasium.vector.VectorEnv` with supported spaces (see `marketic.goods`).
    population: the agents, any `Population`.
    mechanism:  how the right to act is auctioned: a `Chain`, or a `Mechanism` (then the chain credits the seller with the
                winner's bid, with discount 0.99 and no royalty).
    novices:    how often the house sends in a random bidder instead of the winner. None: never.
    selection:  rent, tax, bankruptcy and entry. None: nobody leaves or enters.
    seed:       int >= 0; the same seed on the same machine gives the same market, to the bit. None: a random one.
    streams:    the randomness itself, if parts of the market were built from it already (then `seed` is ignored).
    action_bins: levels for each real action component; needed for Box action spaces.
    ledger:     e.g. with another tick or a journal.
    compiled_parts: False: use every part's plain methods, even where it offers compiled code. The results are the same.
    dynamics:   a compiled twin of `env`: then market and environment train in one compiled loop, without Python.

    Raises InputError for an environment or a mechanism that cannot be used, or if `dynamics` ask for parts in compiled code
    that are not there.
    """

    def __init__(
        self,
        env: Any,
        population: Population,
        mechanism: Mechanism | Chain,
        *,
        novices: Novices | None = None,
        selection: Selection | None = None,
        seed: int | None = None,
        streams: Streams | None = None,
        action_bins: int | None = None,
        ledger: Ledger | None = None,
        compiled_parts: bool = True,
        dynamics: Dynamics | None = None,
    ) -> None:
        self.dynamics = dynamics
        if not isinstance(population, Population):
            raise InputError(
                f"population {population!r} is a {type(population).__name__}: wanted an object with n_agents, n_bidders, "
                "bid, act and learn (see marketic.Population)"
            )
        if not (novices is None or callable(getattr(novices, "choose", None))):
            raise InputError(f"novices={novices!r}: wanted marketic.Novices, e.g. Novices(0.1), or None")
        if selection is not None:
            selection.check(population)
        self.world: World = open_world(env, action_bins) if dynamics is None else TwinWorld(env, dynamics)
        self.env = env
        if getattr(population, "actions", 0) is None:
            population.actions = int(self.world.rights.sizes[0])  # type: ignore[attr-defined]  # Individuals ask for it
        self.population = population
        self.chain = mechanism if isinstance(mechanism, Chain) else Chain(mechanism)
        self.novices, self.selection = novices, selection
        self.streams = streams or Streams(seed)
        self.ledger = ledger or Ledger()
        self.accounts = self.ledger.open(population.n_agents)
        self.auction = Auction(self.chain.mechanism, self.streams.mechanism, self.ledger.tick, compiled=compiled_parts)
        self.compiled_parts = compiled_parts
        self.num_timesteps = 0
        self.episodes = 0
        self.recent_returns: deque[float] = deque(maxlen=100)
        self.surprise = np.zeros(2)
        self.stopping = self.told_of_small_rewards = False
        self._learning = 0  # our id while we learn: a copy made meanwhile does not learn
        self._seats_counted, self._seat_list = -1, np.zeros(0, dtype=np.int64)
        self.config: dict[str, Any] = {}
        self.log: EventWriter | None = None
        reasons = [] if dynamics is None else obstacles(self)
        if reasons:
            raise InputError(f"compiled=True: {'; '.join(reasons)}. Leave out compiled=True, or change that")

    @property
    def rights(self) -> int:
        """Action components, auctioned side by side at each step."""
        return len(self.world.rights)

    @property
    def seed(self) -> int:
        """The seed that this market was made with."""
        return self.streams.seed

    @property
    def price_error(self) -> float:
        """Mean |realised - bid| over all sales so far, currency; NaN before the first one."""
        return math.nan if self.surprise[1] == 0 else float(self.surprise[0] / self.surprise[1])

    def wealth(self) -> np.ndarray:
        """Every agent's balance, float64 [n_agents], currency."""
        return self.ledger.wealth(self.accounts)

    def learn(
        self, total_timesteps: int, *, callback: Callback | list[Callback] | None = None, progress_bar: bool = False
    ) -> "Market":
        """Train for `total_timesteps` >= 0 more environment steps; returns the market itself.

        Every call starts fresh episodes, seeded from the market's own stream, and ends with a clean break, also where the
        environment fails: rights that are still owned are priced and bought back, so that nothing is in the air when the
        market is saved. A vector environment may overshoot by less than its number of copies.

        Raises InputError for what is no number of steps, and if the environment gives what cannot be traded on.
        """
        wrong = isinstance(total_timesteps, bool) or not isinstance(total_timesteps, int | np.integer)
        if wrong or total_timesteps < 0:
            raise InputError(f"learn(total_timesteps={total_timesteps!r}): wanted an integer >= 0")
        if self._learning == id(self):
            raise InputError("learn was called while this market learns, by a callback or an agent: call it afterwards")
        callbacks = CallbackList.of(callback, progress_bar)
        target = self.num_timesteps + int(total_timesteps)
        self.stopping = False
        callbacks.on_start(self, int(total_timesteps))
        try:
            self._learning = id(self)  # inside: an interrupt must not leave the market learning for ever
            if total_timesteps:
                if self.log is not None:
                    self.log.ends_at = target
                current = Round(self, callbacks)
                try:
                    loop = CompiledLoop(current) if self.dynamics is not None else None
                    while self.num_timesteps < target and not self.stopping:
                        if loop is None:
                            current.step()
                        else:
                            loop.leg(target)
                finally:
                    current.pause()
        finally:
            self._learning = 0
            callbacks.on_stop(self)
        return self

    @property
    def _seats(self) -> np.ndarray:
        """Bidders of each right, int64 [rights]: they differ in a `SideBySide`, and change when agents come or go."""
        bidders = self.population.n_bidders
        if bidders != self._seats_counted:
            self._seats_counted = bidders
            self._seat_list = getattr(self.population, "seats", np.full(self.rights, bidders, dtype=np.int64))
        return self._seat_list

    def draw_novices(self, rows: int) -> np.ndarray:
        """The bidders that the house sends in on purpose, int64 [rows]; -1: none."""
        if self.novices is None:
            return np.full(rows, -1, dtype=np.int64)
        seats = self._seats if len(self._seats) == rows else np.tile(self._seats, rows // len(self._seats))
        return self.novices.choose(rows, seats, self.num_timesteps, self.streams.selection)

    def fill_unsold(self, winner: np.ndarray, novice: np.ndarray, active: np.ndarray) -> np.ndarray:
        """`novice`, with a random bidder (an active one if there is one) wherever nobody bought the right."""
        draw, chosen, absent = self.streams.selection, novice.copy(), getattr(self.population, "absent", None)
        for row in np.flatnonzero((winner < 0) & (chosen < 0)).tolist():
            bidding = np.flatnonzero(active[row])
            if not len(bidding) and absent is not None:
                bidding = np.flatnonzero(~absent[row, : self._seats[row % len(self._seats)]])
            chosen[row] = draw.choice(bidding) if len(bidding) else draw.integers(self._seats[row % len(self._seats)])
        return chosen

    def send_novices(self, winner: np.ndarray, active: np.ndarray) -> np.ndarray:
        """The bidder that the house sends in, int64 [rows]; -1 where the winner keeps the right."""
        novice = self.draw_novices(len(winner))
        absent = getattr(self.population, "absent", None)  # bool [rows, bidders]: who was left out of the last auction
        if absent is not None:
            novice = np.where((novice >= 0) & absent[np.arange(len(novice)), novice], -1, novice)
        return self.fill_unsold(winner, novice, active)

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """The action for one observation, or for a batch of them; returns `(action, state)`, as in Stable-Baselines3.

        deterministic: True: the highest appraisal wins each right (greedy). False: the mechanism and the novices decide.
        """
        goods = self.world.goods
        size = goods.batch_size(observation)
        if size == 0:
            return create_empty_array(self.world.rights.space, 0), state
        rows = goods.encode(observation)[None, :] if size is None else goods.encode_rows(observation, size)
        actions = [self.world.rights.decode(row) for row in self.choose(rows, deterministic)]
        if size is None:
            return actions[0], state
        space = self.world.rights.space
        batch: Any = create_empty_array(space, size)
        return concatenate(space, actions, batch), state

    def choose(self, rows: np.ndarray, deterministic: bool = True) -> np.ndarray:
        """Action numbers, int64 [B, rights], for encoded observations, float64 [B, D]; see `predict`."""
        if unsound(rows, self.world.low, self.world.high, _NO_REWARD) != -1:
            raise InputError(
                f"observation {rows.tolist()} (as goods): wanted finite values in {self.world.goods.space}"
            )
        if self.rights > 1:
            rows = np.repeat(rows, self.rights, axis=0)
        if deterministic:
            winner = best_bidders(self, getattr(self.population, "appraise", self.population.bid)(rows))
        else:
            bids, winner, _ = self.auction.hold(self.population.bid, rows, self.population.n_bidders)
            if self.auction.unsold or self.novices is not None:
                novice = self.send_novices(winner, bids.active)
                winner = np.where(novice >= 0, novice, winner)
        return self.population.act(winner, rows).reshape(-1, self.rights)

    def evaluate(self, episodes: int = 10, *, seed: int = 0, env: Any = None, deterministic: bool = True) -> np.ndarray:
        """Returns of `episodes` >= 1 episodes played without learning, float64 [episodes]. See `marketic.evaluation`."""
        from marketic.evaluation import evaluate

        return evaluate(self, episodes, seed=seed, env=env, deterministic=deterministic)

    def log_to(self, folder: str | Path, level: str = "trades", *, snapshot_every: int = SNAPSHOT_EVERY) -> "Market":
        """Log what happens from now on to `folder`, in place of a former log there; returns the market itself.

        level: "summary", "trades" or "everything"; snapshot_every: steps between two snapshots of balances and prices,
        >= 1. See docs/event_log.md; read it back with `events`. Raises InputError for a level that is not there.
        """
        watcher = self.ledger.watcher
        log = EventWriter(Path(folder), self, level, snapshot_every=snapshot_every)
        try:
            log.load_state_dict({})
        except InputError:  # a folder that cannot be used: the market keeps the log that it has
            self.ledger.watcher = watcher
            raise
        self.log = log
        return self

    @property
    def events(self) -> "EventLog":
        """What was logged so far, to read. Raises InputError if nothing is logged."""
        from marketic.events.log import open_log

        if self.log is None:
            raise InputError("this market keeps no event log: call market.log_to(folder) before learn")
        self.log.cut()
        return open_log(self.log.folder)

    def graph(self, window: tuple[int, int] | None = None, *, arrays: bool = False, members: bool = False) -> Any:
        """The trade graph of what was logged (see `log_to`): a networkx.DiGraph, or, with `arrays`, a `TradeGraph`.

        window: environment steps first <= step < last; None: all. members: one edge per pair of members where syndicates
        trade, instead of one between the first of them. Raises InputError if nothing is logged, or for a wrong window.
        """
        from marketic.graph.of_market import market_graph

        graph = market_graph(self, window, members)
        return graph if arrays else graph.networkx()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Everything that learning changed, as arrays: population, ledger, accounts, streams and counters."""
        return state_of(self)

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays into a market built with the same options, in an environment of the same spaces.

        Raises InputError for arrays of another market, KeyError if one is missing.
        """
        restore_state(self, state)

    def save(self, path: str | Path) -> None:
        """Write the market to one file, atomically and without pickle; `marketic.load` reads it."""
        from marketic.storage import save_market

        save_market(self, path)
