"""The greedy market at play, with the auction behind every step: who bid what, who won, who paid whom.

The agent with the highest appraisal acts, as in `Market.predict(deterministic=True)`. What it pays is what the market's
mechanism charges for these bids; the payee is the owner of the step before, first of all the house. Nothing is learned,
and no money moves: the market is a copy read from disk.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.environments import make_again
from marketic.errors import InputError
from marketic.events.absent import best_bidders
from marketic.market import Market
from marketic.reporting.run_record import EVALUATION_SEED, LONGEST_EPISODE
from marketic.run_folder import RunFolder
from marketic.run_market import load_of_run
from marketic.vocabulary.programs import program
from marketic.vocabulary.words_of import words_of
from marketic.words import Words


@dataclass(frozen=True)
class Offer:
    """One bidder in one auction. agent: its first member; value: its bid, currency; move: its action in words; rule: its
    program in words, "" if its family cannot say; payment: what the mechanism charges it, currency."""

    agent: int
    value: float
    move: str
    rule: str
    payment: float


@dataclass(frozen=True)
class Scene:
    """One step of a replay.

    step: from 0.  frame: uint8 [height, width, 3] before the act; None if the environment cannot be drawn.
    offers: one list per right, highest bid first; the first of each list acts (whom the house sends, if nobody bids).
    payee: who is paid, one per right, in words.
    lottery: True if the mechanism itself would have let another bidder act.
    reward: what the world paid for the act, currency.  total: all of it so far, this step included.
    observation: encoded, float64 [D].  ended: True at the last step of the episode.
    """

    step: int
    frame: np.ndarray | None
    offers: list[list[Offer]]
    payee: list[str]
    lottery: bool
    reward: float
    total: float
    observation: np.ndarray
    ended: bool


def open_market(folder: Path) -> Market:
    """The run's market as it stands on disk. Raises InputError for no run, no checkpoint yet, or parts of one's own."""
    if not folder.is_dir() or not RunFolder(folder).config.is_file():
        raise InputError(f"no run folder {folder}: wanted a folder that `marketic train ... --out {folder}` wrote")
    return load_of_run(RunFolder(folder).market_file())


def draw_without_a_screen() -> None:
    """Tell SDL, by which many environments draw, to leave screen and signals alone: it would swallow Ctrl-C and SIGTERM.

    For programs of our own only, before the first picture; what the user has set stays.
    """
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")


def stage_of(market: Market) -> gym.Env:
    """A fresh environment like the market's own that can be drawn, if its kind can; it has a time limit in any case."""
    spec = getattr(market.env, "spec", None)
    if spec is None:
        raise InputError("the environment has no spec: it cannot be made again to be watched")
    drawn = "rgb_array" in getattr(market.env.unwrapped, "metadata", {}).get("render_modes", ())
    try:
        env = make_again(spec, **({"render_mode": "rgb_array"} if drawn else {}))
    except gym.error.DependencyNotInstalled as error:
        raise InputError(f"{spec.id} cannot be drawn: {error}") from None
    limited = env.spec is not None and env.spec.max_episode_steps is not None
    return env if limited else gym.wrappers.TimeLimit(env, LONGEST_EPISODE)


def replay(market: Market, env: gym.Env, *, seed: int = EVALUATION_SEED, offers: int = 8) -> Iterator[Scene]:
    """Play one greedy episode in `env` (see `stage_of`), step by step. offers: how many of the highest bids to keep."""
    goods, rights = market.world.goods, market.world.rights
    words = words_of(market)
    observation, _ = env.reset(seed=seed)
    owner, total, step, ended = ["the house"] * market.rights, 0.0, 0, False
    while not ended:
        frame = _frame(env)
        row = np.ascontiguousarray(goods.encode(observation)[None, :], dtype=float)
        lists, action, lottery = auction_at(market, row, words, offers)
        observation, reward, terminated, truncated, _ = env.step(rights.decode(action))
        total, ended = total + float(reward), bool(terminated or truncated)
        yield Scene(step, frame, lists, owner, lottery, float(reward), total, row[0], ended)
        owner = [f"agent {made[0].agent:,}" if made else "the house" for made in lists]
        step += 1


def auction_at(market: Market, row: np.ndarray, words: Words, most: int) -> tuple[list[list[Offer]], np.ndarray, bool]:
    """The auctions at one encoded observation, float64 [1, D]: offers per right, the greedy action numbers int64
    [rights], and whether the mechanism would have let somebody else act."""
    population = market.population
    rows = np.repeat(row, market.rights, axis=0)
    bids, drawn, payments = market.auction.hold(
        getattr(population, "appraise", population.bid), rows, population.n_bidders
    )
    value = np.where(bids.active & np.isfinite(bids.value), bids.value, -np.inf)
    best = best_bidders(market, bids)
    action = np.asarray(population.act(best, rows))
    lists = []
    for right in range(market.rights):
        order = np.argsort(-value[right], kind="stable")[:most]
        order = order[np.isfinite(value[right][order])]
        made = []
        for bidder in order.tolist():
            agent = int(bids.bidder[right, bidder, 0]) if bids.bidder is not None else bidder
            act = int(np.asarray(population.act(np.where(np.arange(len(best)) == right, bidder, best), rows))[right])
            made.append(Offer(agent, float(value[right, bidder]), words.move(act), program(market, agent, words),
                              float(payments[right, bidder])))  # fmt: skip
        lists.append(made)
    return lists, action, bool(((drawn >= 0) & (drawn != best)).any())


def _frame(env: Any) -> np.ndarray | None:
    if getattr(env, "render_mode", None) != "rgb_array":
        return None
    picture = env.render()
    return np.asarray(picture, dtype=np.uint8)[..., :3] if isinstance(picture, np.ndarray) else None
