"""Any auction of scalar values as a multi-agent task: every bidder is an agent that learns what to bid.

Private values (Krishna 2010, chapter 2): each round draws a value for every bidder from its prior; a bidder sees its own
value only, bids, and earns what the allocation is worth to it less what it pays. The truth of its value is the
environment's, the bid is the agent's: so learners discover for themselves whether honesty pays.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.bids import Bids
from marketic.domains.scalar import SingleGood
from marketic.errors import InputError
from marketic.numbers import all_finite

try:
    from pettingzoo import ParallelEnv
except ImportError:  # the extra is not installed: the batch side below works without it
    ParallelEnv = object

LARGEST_QUANTILE = 0.9999
"""Where a prior has no upper end, bids go up to this quantile of it."""


def auction_batch(
    mechanism: Any,
    value: np.ndarray,
    bid: np.ndarray,
    active: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Utilities float64 [..., n] of many auctions at once, currency: the learner's side of `AuctionEnv`, without names.

    mechanism: any mechanism on scalar values. bid: float64 [..., n], what is reported. value: float64, what the good is
    worth, of the shape of `bid` or with more leading axes (several valuations behind the same reports, cleared once).
    active: bool [..., n]; None: all take part. rng: for a draw of a randomised mechanism; None: expected utilities.
    """
    return _play(mechanism, np.asarray(value, dtype=float), Bids(bid, active), rng)[0]


def _play(mechanism: Any, value: np.ndarray, bids: Bids, rng: np.random.Generator | None) -> tuple[np.ndarray, Any]:
    """Utilities [B, n] and the clearing."""
    cleared = mechanism.clear(bids, rng=rng)
    truth = Bids.unchecked(value, bids.active, bids.budget, bids.side)
    domain = getattr(mechanism, "domain", None) or SingleGood()
    return np.asarray(domain.worth(truth, cleared) - cleared.payments, dtype=float), cleared


class AuctionEnv(ParallelEnv):  # type: ignore[misc]
    """A PettingZoo `ParallelEnv` around a mechanism. Agents are called "bidder_0", "bidder_1" ...

    mechanism: an object with `clear`, for scalar values (`marketic.Mechanism`).
    bidders:   how many, >= 1.
    prior:     of the values: "uniform" (on [0, 1]), a frozen scipy.stats distribution >= 0, or a list of one per bidder.
    rounds:    auctions in an episode, >= 1, with fresh values each. After the last one the game is over (terminated).
    largest_bid: upper end of the action spaces, currency. None: the largest value, or its 0.9999 quantile if it has none.

    Observation: the own value, float64 [1]. Action: the bid, float64 [1], in [0, largest_bid]; an agent that is left out of
    `actions` stays away from that auction, and one that bids anything else is turned away, as infos["refused"] says.
    Reward: utility, currency. Values and the mechanism's own draws are separate streams of the seed given to `reset`.

    Raises InputError if pettingzoo is not installed, and for parts that do not fit.
    """

    metadata = {"name": "marketic_auction_v0", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012

    def __init__(
        self,
        mechanism: Any,
        bidders: int = 2,
        *,
        prior: Any = "uniform",
        rounds: int = 1,
        largest_bid: float | None = None,
    ) -> None:
        if ParallelEnv is object:
            raise InputError("AuctionEnv needs pettingzoo, which is not installed: pip install 'marketic[pettingzoo]'")
        for name, number in (("bidders", bidders), ("rounds", rounds)):
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
                raise InputError(f"AuctionEnv({name}={number!r}): wanted an integer >= 1")
        _check_mechanism(mechanism)
        self.mechanism, self.rounds, self.render_mode = mechanism, int(rounds), None
        self._priors = _priors(prior, int(bidders))
        self.possible_agents = [f"bidder_{number}" for number in range(bidders)]
        self.agents: list[str] = []
        tops = [_top(prior) for prior in self._priors]
        bids = [_largest(prior) if largest_bid is None else largest_bid for prior in self._priors]
        if not all(all_finite(bid) and bid > 0 for bid in bids):
            why = f": the priors end at {bids}" if largest_bid is None else ""
            raise InputError(f"AuctionEnv(largest_bid={largest_bid!r}): wanted a finite amount of currency > 0{why}")
        self.observation_spaces = dict(zip(self.possible_agents, map(_box, tops), strict=True))
        self.action_spaces = dict(zip(self.possible_agents, map(_box, bids), strict=True))
        self._seed(None)
        self._round, self._value = 0, np.zeros(int(bidders))

    def observation_space(self, agent: str) -> gym.Space:
        """The same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gym.Space:
        """The same object at every call."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Start an episode. Without a seed the streams go on where they are (at first: anywhere)."""
        if seed is not None:
            self._seed(seed)
        self.agents, self._round = list(self.possible_agents), 0
        self._draw()
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        """Hold one auction. Raises InputError before `reset`, after the end, and for an agent that does not exist."""
        if not self.agents:
            raise InputError("AuctionEnv.step: the episode is over (or never began): call reset() first")
        unknown = [agent for agent in actions if agent not in self.possible_agents]
        if unknown:
            raise InputError(f"AuctionEnv.step got an action of {unknown[0]!r}: wanted agents {self.possible_agents}")
        bids, refused = self._bids(actions)
        utility, cleared = _play(self.mechanism, self._value[None], bids, self._mechanism_rng)
        reward = {agent: float(gain) for agent, gain in zip(self.agents, utility[0], strict=True)}
        infos = {
            agent: {
                "allocation": float(cleared.allocation[0, number]),
                "payment": float(cleared.payments[0, number]),
                "refused": refused.get(number, ""),
            }
            for number, agent in enumerate(self.agents)
        }
        self._round += 1
        over = self._round == self.rounds
        if not over:
            self._draw()
        observation, terminated = self._observe(), dict.fromkeys(self.agents, over)
        truncated = dict.fromkeys(self.agents, False)
        if over:
            self.agents = []
        return observation, reward, terminated, truncated, infos

    def _bids(self, actions: dict[str, Any]) -> tuple[Bids, dict[int, str]]:
        """The bids [1, n], and why some agents, by number, are turned away."""
        bid = np.array([[_number(agent, actions[agent]) if agent in actions else 0.0 for agent in self.agents]])
        top = np.array([[float(self.action_spaces[agent].high[0]) for agent in self.agents]])
        outside = np.isfinite(bid) & ((bid < 0.0) | (bid > top))  # a negative bid might be paid to its bidder
        bids = Bids(bid, np.array([[agent in actions for agent in self.agents]]) & ~outside)
        refused = {index[1]: why for index, why in bids.reasons().items()}
        for number in np.flatnonzero(outside[0]).tolist():
            refused[number] = f"the bid {bid[0, number]:g} is not from 0 to {top[0, number]:g}"
        return bids, refused

    def _seed(self, seed: int | None) -> None:
        children = np.random.SeedSequence(seed).spawn(2)
        self._values_rng, self._mechanism_rng = (np.random.default_rng(child) for child in children)

    def _draw(self) -> None:
        rng = self._values_rng
        self._value = np.array([rng.random() if p is None else float(p.rvs(random_state=rng)) for p in self._priors])

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: self._value[[number]] for number, agent in enumerate(self.agents)}


def _check_mechanism(mechanism: Any) -> None:
    if not callable(getattr(mechanism, "clear", None)) or isinstance(mechanism, type):
        raise InputError(f"mechanism {mechanism!r} has no method clear(bids, *, rng=None): see marketic.Mechanism")
    domain = getattr(mechanism, "domain", None)
    if domain is None:
        return
    report = domain.draw(np.random.default_rng(0), 1, 2)
    if not isinstance(report, Bids) or report.side is not None:
        raise InputError(
            f"{type(mechanism).__name__} is for {type(domain).__name__}: AuctionEnv wants a mechanism with one value per "
            "buyer (marketic.domains.SingleGood)"
        )


def _priors(prior: Any, bidders: int) -> list[Any]:
    """One prior per bidder; None: uniform on [0, 1]."""
    each = list(prior) if isinstance(prior, Sequence) and not isinstance(prior, str) else [prior] * bidders
    if len(each) != bidders:
        raise InputError(f"AuctionEnv(prior=[...]): {len(each)} priors for {bidders} bidders: wanted one each")
    for one in each:
        frozen = all(callable(getattr(one, name, None)) for name in ("rvs", "support", "ppf"))
        if not (frozen or (isinstance(one, str) and one == "uniform")):
            raise InputError(f"AuctionEnv(prior={one!r}): wanted 'uniform' or a frozen scipy.stats distribution")
        if frozen and one.support()[0] < 0:
            raise InputError(f"AuctionEnv(prior={one!r}): wanted values >= 0, not from {one.support()[0]}")
    return [None if isinstance(one, str) else one for one in each]


def _top(prior: Any) -> float:
    return 1.0 if prior is None else float(prior.support()[1])


def _largest(prior: Any) -> float:
    return _top(prior) if np.isfinite(_top(prior)) else float(prior.ppf(LARGEST_QUANTILE))


def _box(high: float) -> gym.spaces.Box:
    return gym.spaces.Box(0.0, high, (1,), np.float64)


def _number(agent: str, action: Any) -> float:
    try:
        numbers = np.asarray(action, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if len(numbers) != 1:
        raise InputError(f"AuctionEnv: {agent} bid {action!r}: wanted one number")
    return float(numbers[0])
