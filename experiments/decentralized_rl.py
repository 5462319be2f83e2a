"""Which auction makes a society of self-interested agents bid what its states and actions are worth?

Chang, Kaushik, Weinberg, Griffiths and Levine 2020, "Decentralized Reinforcement Learning: Global Decision-Making via Local
Economic Transactions" (ICML). Claim: with cloned agents and a credit-conserving Vickrey auction (ccv), bidding the optimal
Q-values is a Nash equilibrium whose society acts optimally; without clones it need not be. Results are shown as curves; the
plain Vickrey cannot be run as released (the code reads a field that does not exist), and is the minted one here.
Command: marketic reproduce decentralized-rl [--quick] [--json]. Measured figures: experiments/README.md.

Agents, one per state, action and clone, know their own trades and their rivals' last bids. An agent's *valuation* is what its
right brought in; it bids what would earn it most against those rivals by the auction's own rule, and its valuation where
several bids earn the same. Nobody is told to be truthful. Theory, checked as rows:
- second price: the truth is dominant. The minted chain credits the top bid: valuations obey Bellman's equation, bids are Q*.
- ccv credits the second bid: with clones that is the top one's twin, hence Q* again. Without, it is a Bellman equation with the
  second best in place of the best, far from Q*: a state with one good action is worth nothing to its seller.
- bucket brigade, first price: the winner shades down to the second valuation, which leads to that same wrong fixed point; twins
  bid each other up to Q* (Bertrand), penny by penny. Agents that bid honestly would have reached Q* as well.

Known differences: the paper trains neural bidding policies with PPO, here tables answer rivals directly; discount 0.9, so that
the endless duality has values; novices explore, paid by the house; under ccv rotation lets both twins trade.
"""

import time
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.bids import Bids
from marketic.chain import Chain
from marketic.envs.auction_env import auction_batch
from marketic.envs.tables import TransitionTable
from marketic.exploration import Novices
from marketic.market import Market
from marketic.mechanisms.sequences import bucket_brigade, credit_conserving_vickrey, minted_vickrey
from marketic.population import Receipt
from marketic.result import Row, result

TASKS = {"Bandit": 3_000, "Chain": 6_000, "Duality": 30_000}
"""Task -> environment steps of training: enough for the slowest society, which raises its bids by pennies."""
DISCOUNT = 0.9
STEP = 0.005
"""The smallest raise of a bid, currency: the largest reward is 0.8."""
NEAR = 0.05
"""Bids are where theory has them if they are off by at most this share of the mean |Q*|."""


@dataclass(frozen=True)
class Society:
    """One line of the comparison. theory: "optimum" (bids are Q*) or "second" (the fixed point with the second best)."""

    name: str
    chain: Chain
    clones: int
    theory: str
    honest: bool = False


SOCIETIES = (
    Society("minted Vickrey", minted_vickrey(DISCOUNT), 1, "optimum"),
    Society("ccv, 2 clones", credit_conserving_vickrey(2, DISCOUNT), 2, "optimum"),
    Society("ccv, no clones", credit_conserving_vickrey(1, DISCOUNT), 1, "second"),
    Society("bucket brigade, 2 clones", bucket_brigade(DISCOUNT), 2, "optimum"),
    Society("bucket brigade, no clones", bucket_brigade(DISCOUNT), 1, "second"),
    Society("bucket brigade, no clones, honest bids", bucket_brigade(DISCOUNT), 1, "optimum", honest=True),
)


class Seekers:
    """Agents (state, action, clone) that seek their own profit. valuation, offer: float64 [states, bidders], currency.

    At each auction one bidder, drawn at random, thinks again about its offer there; the others repeat theirs.
    """

    def __init__(self, states: int, actions: int, society: Society, rng: np.random.Generator) -> None:
        self.n_bidders, self.clones = actions * society.clones, society.clones
        self.n_agents = states * self.n_bidders
        self.mechanism, self.honest, self.rng = society.chain.mechanism, society.honest, rng
        self.valuation = 1.0 + 1e-3 * rng.random((states, self.n_bidders))
        self.offer = self.valuation.copy()

    def bid(self, observation: np.ndarray) -> Bids:
        """Every bidder's offer, after one of them has thought again."""
        state = observation[:, 0].astype(int)
        for s in state.tolist():
            i = int(self.rng.integers(self.n_bidders))
            self.offer[s, i] = self.valuation[s, i] if self.honest else self._best_answer(s, i)
        agents = state[:, None] * self.n_bidders + np.arange(self.n_bidders)
        return Bids(self.offer[state], bidder=agents[:, :, None])

    def _best_answer(self, state: int, i: int) -> float:
        """The offer that earns most against the others' present ones: its valuation, or something close to a rival's."""
        own, rivals = self.valuation[state, i], np.delete(self.offer[state], i)
        tried = np.concatenate([[own], rivals - STEP, rivals, rivals + STEP])
        bids = np.repeat(self.offer[state][None], len(tried), axis=0)
        bids[:, i] = tried
        earned = auction_batch(self.mechanism, np.full(bids.shape, own), bids)[:, i]
        best = tried[earned >= earned.max() - 1e-9]
        return float(best[np.abs(best - own).argmin()])

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Twins take the same action."""
        return winner // self.clones

    def learn(self, receipt: Receipt) -> None:
        """The owner's valuation moves towards what its right brought in."""
        for row in np.flatnonzero(receipt.valid).tolist():
            at = int(receipt.observation[row, 0]), int(receipt.winner[row])
            self.valuation[at] += 0.3 * (receipt.realised[row] - self.valuation[at])

    def top_offers(self) -> np.ndarray:
        """The highest twin's offer for each action, float64 [states, actions]."""
        return self.offer.reshape(len(self.offer), -1, self.clones).max(axis=2)


def theory(table: TransitionTable, target: str) -> np.ndarray:
    """Bids at the fixed point, float64 [states, actions]: v = reward + discount * (best or second-best v of the next state)."""
    value = np.zeros(table.reward.shape)
    for _ in range(1000):
        price = np.sort(value, axis=1)[:, -1 if target == "optimum" else -2]
        value = table.reward + DISCOUNT * (table.chance @ price).reshape(value.shape)
    return value


def expected_bids(table: TransitionTable, society: Society) -> np.ndarray:
    """What theory has the society bid: valuations, but under first price the winner shades to the second."""
    bids = theory(table, society.theory)
    if society.theory == "second" and society.name.startswith("bucket"):
        bids = np.minimum(bids, np.sort(bids, axis=1)[:, -2:-1])
    return bids


def learn(task: str, society: Society, seed: int, steps: int) -> dict[str, float]:
    """Train one society.

    Returns how far its bids end from Q* and from theory (mean |difference| over states and actions, as a share of the mean
    |Q*|), the same for theory itself, the value of its policy / V*, and after how many steps it was near theory for good (or
    NaN).
    """
    env = gym.make(f"marketic.envs:marketic/{task}-v0")
    table = TransitionTable.of(env)
    going_on = table.chance.sum(axis=1).reshape(table.reward.shape)
    states = (np.abs(table.reward) + going_on).sum(axis=1) > 0  # nobody bids at the end of the chain
    seekers = Seekers(len(table.start), table.reward.shape[1], society, np.random.default_rng([seed, 1]))
    market = Market(env, seekers, society.chain, novices=Novices(0.3), seed=seed)
    optimum, wanted = theory(table, "optimum")[states], expected_bids(table, society)[states]

    def off(bids: np.ndarray, target: np.ndarray) -> float:
        return float(np.abs(bids - target).mean() / np.abs(optimum).mean())

    arrived = np.nan
    for _ in range(20):
        market.learn(steps // 20)
        bids = seekers.top_offers()
        near = off(bids[states], wanted) <= NEAR
        arrived = (market.num_timesteps if np.isnan(arrived) else arrived) if near else np.nan
    return {
        "optimum": off(bids[states], optimum),
        "theory": off(bids[states], wanted),
        "theory from optimum": off(wanted, optimum),
        "value": table.policy_value(bids.argmax(axis=1), DISCOUNT) / table.optimal_value(DISCOUNT),
        "steps": arrived,
    }


def run(quick: bool = False) -> dict[str, Any]:
    """All tasks and societies, 5 seeds (`quick`: ccv with and without clones on bandit and duality, 2,500 steps, 2 seeds).

    Where theory is far from Q*, a society must be, too; where a figure is a median, the seeds' range follows.
    """
    start = time.perf_counter()
    tasks = {"Bandit": 1_000, "Duality": 2_500} if quick else TASKS
    societies, seeds = (SOCIETIES[1:3], range(2)) if quick else (SOCIETIES, range(5))
    rows, details = [], []
    for task, steps in tasks.items():
        for society in societies:
            found = [learn(task, society, seed, steps) for seed in seeds]
            median = {key: float(np.median([one[key] for one in found])) for key in found[0]}
            what = f"{task}, {society.name}: bids off "
            off, far = round(median["theory"], 4), round(median["optimum"], 4)
            rows.append(Row(f"{what}theory {_range(found, 'theory')}", off, f"<= {NEAR}", off <= NEAR))
            if median["theory from optimum"] > NEAR:
                rows.append(Row(f"{what}Q* {_range(found, 'optimum')}", far, f"> {NEAR}", far > NEAR))
            details.append(
                {"task": task, "society": society.name, "median": _plain(median), "seeds": list(map(_plain, found))}
            )
    return result("decentralized-rl", rows, time.perf_counter() - start, details)


def _range(found: list[dict[str, float]], key: str) -> str:
    return f"({min(one[key] for one in found):.3f}..{max(one[key] for one in found):.3f})"


def _plain(figures: dict[str, float]) -> dict[str, float | None]:
    """Rounded, and None where there is no number, for JSON."""
    return {key: None if np.isnan(value) else round(float(value), 4) for key, value in figures.items()}
