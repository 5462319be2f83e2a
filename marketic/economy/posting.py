"""How prices are found by posting: firms read the prices of what they sell, and post offers for what they buy.

- "topological": users post before makers, each once. This is backpropagation.
- "synchronous": in each round every firm posts at last round's prices. On an acyclic economy the map is nilpotent:
  nothing moves after as many rounds as the longest path, whatever the prices were before.
- "asynchronous": firms post one at a time, in any order, and may read prices that were announced up to `delay` postings
  ago. The same fixed point, since every path is finite; the delay must be bounded in *time*: old versions that stay
  readable for ever keep the market moving for ever. Around a cycle that takes more than synchronous rounds do: offers
  that cancel when they are posted together do not when one is older than the other (`marketic.economy.cycles`).

With noise on every price read (a factor with mean 1, fresh each time) prices are random but unbiased, since posting is
linear in them; there is then no fixed point, and posting ends after the longest path.
"""

from typing import TYPE_CHECKING

import numpy as np

from marketic.economy import cycles, inputs, leaps
from marketic.economy.firm import Capital
from marketic.economy.prices import Prices, add_up, join
from marketic.economy.rounds import price_map
from marketic.economy.settling import ROUNDING, WINDOW, Settling, Tremor, sources
from marketic.economy.state import State
from marketic.errors import InputError

if TYPE_CHECKING:
    from marketic.economy.economy import Economy


class Board:
    """The announced offers and prices, and the firms' way of posting to it."""

    def __init__(self, economy: "Economy", state: State, noise: float, rng: np.random.Generator) -> None:
        self.economy, self.state, self.noise, self.rng = economy, state, noise, rng
        self.offers: dict[str, np.ndarray] = {
            name: consumer.offer(state.inputs[name], sum(economy.layout.goods[good].dim for good in consumer.goods))
            for name, consumer in economy.consumers.items()
        }
        self.marginal: dict[str, Capital] = {}
        self.postings = 0

    def price(self, good: str) -> np.ndarray:
        """The price that follows from the offers announced so far."""
        return add_up(self.economy, self.offers, good, self.state.days)

    def all_prices(self) -> dict[str, np.ndarray]:
        """The price of every good."""
        return {good: self.price(good) for good in self.economy.layout.goods}

    def ask(self, name: str, prices: dict[str, np.ndarray]) -> np.ndarray:
        """What firm `name` offers at `prices` of its products. Keeps its marginal profit."""
        firm = self.economy.firms[name]
        sold = join([prices[good] for good in firm.outs])
        if self.noise:
            sold = sold * (1 + self.noise * self.rng.standard_normal(sold.shape))
        self.postings += 1
        offer, marginal = self.economy.ask_firm(name, self.state, sold)
        self.marginal[name] = {
            key: np.copy(value) if isinstance(value, np.ndarray) else value for key, value in marginal.items()
        }  # the firm may write there again
        return offer

    def result(self, values: dict[str, np.ndarray], rounds: int, settled: bool) -> Prices:
        """The prices as an answer."""
        return Prices(
            self.economy,
            self.state,
            values,
            self.offers,
            self.marginal,
            rounds,
            self.postings,
            settled and not self.noise,
        )


def post(
    economy: "Economy",
    state: State,
    mode: str,
    delay: int,
    noise: float,
    tolerance: float,
    limit: int | None,
    rng: np.random.Generator | None,
) -> Prices:
    """Dispatch on the mode; see `Economy.prices` for the arguments and errors."""
    _require_options(economy, mode, delay, noise, limit, rng)
    inputs.number("tolerance", tolerance, least=0.0)
    if not isinstance(state, State):
        raise InputError(f"state of type {type(state).__name__}: wanted what produce returned")
    if (state.version, state.moves) != (economy.version, economy.moves):
        raise InputError(
            "this state is out of date: the economy has changed since it was produced, or it is another's; call produce again"
        )
    certificate = cycles.certify(economy, state, mode == "asynchronous") if economy.cycle else None
    board = Board(economy, state, noise, np.random.default_rng(0) if rng is None else rng)
    stop = tolerance if certificate else 0.0
    if mode == "topological":
        prices = topological(board)
    elif mode == "synchronous":
        prices = synchronous(board, stop, limit)
    else:
        prices = asynchronous(board, delay, stop, limit)
    if certificate:
        prices.radius, prices.inverse_norm, norm = certificate
        share = (
            2 * max(tolerance, ROUNDING * prices.rounds) * max(1.0, norm)
        )  # both ends of an offer may be that far off
        prices.slack = {good: share * size for good, size in sources(economy, prices.values, prices=True).items()}
    return prices


def _require_options(
    economy: "Economy", mode: str, delay: int, noise: float, limit: int | None, rng: np.random.Generator | None
) -> None:
    if mode not in ("topological", "synchronous", "asynchronous"):
        raise InputError(f"mode={mode!r}: wanted 'topological', 'synchronous' or 'asynchronous'")
    if inputs.whole("delay", delay, 0) and mode != "asynchronous":
        raise InputError(f"delay={delay!r} in mode {mode!r}: wanted 0 unless asynchronous")
    if limit is not None:
        inputs.whole("limit (rounds or postings)", limit, 1)
    inputs.number("noise", noise, least=0.0)
    if noise and mode == "asynchronous" and limit is None:
        raise InputError("asynchronous posting with noise never settles: pass limit=, the number of postings")
    if (noise or mode == "asynchronous") and rng is None:
        raise InputError(
            f"mode {mode!r} with noise={noise:g} draws random numbers: pass rng=np.random.default_rng(seed)"
        )
    if economy.cycle and mode == "topological":
        raise InputError(
            f"no topological order: the economy has the cycle {cycles.describe(economy)}; use mode='synchronous', which "
            "certifies that posting contracts"
        )


def topological(board: Board) -> Prices:
    """Each firm posts once, users before makers."""
    values: dict[str, np.ndarray] = {}
    for name in reversed(board.economy.order):
        for good in board.economy.firms[name].outs:
            if good not in values:
                values[good] = board.price(good)
        board.offers[name] = board.ask(name, values)
    for good in board.economy.layout.goods:
        if good not in values:
            values[good] = board.price(good)
    return board.result(values, 1, settled=True)


def synchronous(board: Board, stop: float, limit: int | None) -> Prices:
    """All firms post at last round's prices, until no price moves; around a cycle, until all settle up to `stop`."""
    firms = board.economy.firms
    longest = board.economy.depth
    usual = 1_000_000 if board.economy.cycle else longest if board.noise else longest + 1
    limit = usual if limit is None else limit
    values = board.all_prices()
    settling = Settling(board.economy, values, stop, prices=True) if board.economy.cycle else None
    rounds, settled = 0, not firms
    while not settled and rounds < limit:
        board.offers |= {name: board.ask(name, values) for name in firms}
        new = board.all_prices()
        rounds += 1
        before = settling.values if settling else None
        settled = settling.done(new) if settling else all(np.array_equal(new[good], values[good]) for good in new)
        values = new
        if settling and before is not None and not settled and not board.noise and rounds < limit and leaps.due(rounds):
            there = leaps.ahead(price_map(board.economy, board.state), before, settling.values)
            values = values if there is None else settling.leap(board.economy.layout.unpack(there, prices=True))
    return board.result(values, rounds, settled)


def asynchronous(board: Board, delay: int, stop: float, limit: int | None) -> Prices:
    """Firms post in random order and read prices up to `delay` postings old (uniformly), until nothing can move any more.

    That is so when, since the last move, every firm has posted at prices that were all announced after it. Around a cycle a
    move is more than `stop` away from the prices after the move before, so that many small ones are one; what rounding in
    larger prices may explain counts as long as such moves become smaller.
    """
    economy, rng = board.economy, board.rng
    names = list(economy.firms)
    limit = limit if limit is not None else 1000 * (len(names) + delay) * (len(names) + 1)
    values = board.all_prices()
    history = {good: [(0, value)] for good, value in values.items()}
    last_move, heard, now, settled = 0, set[str](), 0, dict(values)
    tremor = Tremor(WINDOW * (len(names) + delay))
    while len(heard) < len(names) and now < limit:
        now += 1
        name = names[rng.integers(len(names))]
        seen = max(0, now - 1 - int(rng.integers(delay + 1)))
        sold = {good: _version(history[good], seen) for good in economy.firms[name].outs}
        first = name not in board.offers
        board.offers[name] = board.ask(name, sold)
        new = {good: board.price(good) for good in economy.firms[name].ins}
        for good, value in new.items():
            if not np.array_equal(value, values[good]):
                history[good] = [*_recent(history[good], now - 1 - delay), (now, value)]
        values |= new
        moved = _moved(economy, settled, values, list(new), stop)
        if first or not tremor.lasts(now, moved):
            last_move, heard, settled = now, set(), dict(values)
        if seen >= last_move:
            heard.add(name)
    return board.result(values, 1, len(heard) == len(names))


def _version(history: list[tuple[int, np.ndarray]], time: int) -> np.ndarray:
    """The version that was announced last at `time`."""
    return next(value for stamp, value in reversed(history) if stamp <= time)


def _recent(history: list[tuple[int, np.ndarray]], oldest: int) -> list[tuple[int, np.ndarray]]:
    """Versions that someone may still read: those after `oldest`, and the last one before."""
    keep = max((i for i, (stamp, _) in enumerate(history) if stamp <= oldest), default=0)
    return history[keep:]


def _moved(
    economy: "Economy", old: dict[str, np.ndarray], new: dict[str, np.ndarray], goods: list[str], stop: float
) -> dict[str, np.ndarray]:
    """Those of `goods` whose price moved by more than `stop` of itself: how far, in roundings of the sizes that go into it."""
    with np.errstate(invalid="ignore"):
        moves = {good: np.abs(new[good] - old[good]) for good in goods}
    far = {good: ~(move <= stop * np.abs(new[good])) & ~_same(new[good], old[good]) for good, move in moves.items()}
    far = {good: where for good, where in far.items() if where.any()}
    if not far or not stop:
        return {good: np.where(where, np.inf, 0.0) for good, where in far.items()}
    sizes = sources(economy, new, prices=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {good: np.where(where, moves[good] / (ROUNDING * sizes[good]), 0.0) for good, where in far.items()}


def _same(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Which numbers are the same, NaN and infinity too: a firm that offers them shall be named, not posted to for ever."""
    same: np.ndarray = (new == old) | (np.isnan(new) & np.isnan(old))
    return same
