"""Holland's chain of rules: what each link costs, what a tax does to that, and where the bucket brigade pays the wrong ones.

Holland 1985, 1986 (the bucket brigade); Goldberg 1989, chapter 6 (its equations with a bid and a tax); Westerdale 1986 (the
critique: productions with overlapping conflict sets, as we read it).
Command: marketic reproduce bucket-brigade [--quick] [--json]. Measured figures: experiments/README.md.

In Holland's scheme rule i bids the share b of its strength S_i, pays that to rule i - 1 when it wins, pays the share t of its
strength as tax, and receives the bid of rule i + 1; the last one is paid the reward R. Strengths rest where what comes in goes
out: S_i = b S_{i+1} / (b + t). The price of link i, b S_i, is then R times (b / (b + t)) to the power of the links to the end,
its own included: a discounted reward. A tax is a discount factor; without one every link costs R.
The second society are our rules with prices (`marketic.agents.rule_prices`), in the engine, with the bucket brigade of
`marketic.mechanisms.sequences`: a sales tax 1 - gamma, which is the chain's discount. A link's price is gamma to the power of
the links that follow.

The critique: a bid is a share of one strength, so that a rule which matches two situations pays the sellers of both the same,
whatever they are worth. Here a rule matches the good and the bad end of a fork; those who lead to the bad end live as well as
those who lead to the good one. Rules that are priced where they trade do not have this fault.
Money is exact in both: the books of all accounts add up to 0 ticks, checked after every instance.
"""

import time
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from marketic.agents.rule_prices import Prices
from marketic.agents.rules import Rules
from marketic.exploration import Novices
from marketic.goods import Goods
from marketic.ledger import HOUSE, WORLD, Ledger
from marketic.market import Market
from marketic.mechanisms.sequences import bucket_brigade
from marketic.result import Row, result

REWARD = 1.0
ENDS = (1.0, 0.2)
"""What the good and the bad end of the fork are worth."""
NEAR = 0.01
"""Prices must be within this share of theory."""
SEEDS = range(600, 605)


@dataclass(frozen=True)
class Args:
    """links: of the chain. bid, tax: shares of a rule's strength. instances: runs down the chain."""

    links: int = 10
    bid: float = 0.1
    tax: float = 0.0
    instances: int = 3_000


def strengths(args: Args) -> dict[str, Any]:
    """Run the chain on a ledger; prices of the links, their largest relative error, and when it last exceeded `NEAR`."""
    ledger = Ledger()
    rules = ledger.open(args.links, 1.0)
    payees = np.concatenate([[HOUSE], rules[:-1]])
    keep = args.bid / (args.bid + args.tax)
    theory = REWARD * keep ** np.arange(args.links, 0, -1)
    late, off = 0, np.inf
    for instance in range(args.instances):
        wealth = ledger.wealth(rules)
        ledger.transfer(rules, payees, args.bid * wealth, "payment")
        ledger.transfer(rules, np.full(args.links, HOUSE), args.tax * wealth, "tax")
        ledger.transfer([WORLD], rules[-1:], [REWARD], "reward")
        assert int(ledger.balance.sum()) == 0, "money was made or lost"
        off = float(np.abs(args.bid * ledger.wealth(rules) / theory - 1.0).max())
        late = instance + 1 if off > NEAR else late
    return {"prices": (args.bid * ledger.wealth(rules)).round(4).tolist(), "theory": theory.round(4).tolist(), "off": off,
            "instances": late}  # fmt: skip


def fork(args: Args, seed: int) -> float:
    """Holland's scheme on a fork: what the seller of the good end is paid, over what that of the bad end is paid.

    Rules 0 and 1 lead to the ends, which are worth `ENDS`; rule 2 matches both and acts there. The branch is drawn at random,
    so that nothing but the ends differs. Mean prices of the last half.
    """
    rng, ledger = np.random.default_rng(seed), Ledger()
    rules = ledger.open(3, 1.0)
    paid: tuple[list[float], list[float]] = ([], [])
    for instance in range(args.instances):
        wealth, branch = ledger.wealth(rules), int(rng.integers(2))
        ledger.transfer([rules[branch], rules[2]], [HOUSE, rules[branch]], args.bid * wealth[[branch, 2]], "payment")
        ledger.transfer([WORLD], [rules[2]], [ENDS[branch]], "reward")
        assert int(ledger.balance.sum()) == 0, "money was made or lost"
        if instance >= args.instances // 2:
            paid[branch].append(args.bid * wealth[2])
    return float(np.mean(paid[0]) / np.mean(paid[1]))


class Links(gym.Env):
    """A chain as a task: in state i, action 0 goes on to i + 1 (from the last one: reward 1, the end), action 1 gives up."""

    def __init__(self, links: int) -> None:
        self.links, self.at = links, 0
        self.observation_space, self.action_space = gym.spaces.Discrete(links), gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict]:
        """Begin at the first link."""
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict]:
        """Go on or give up."""
        if action == 1:
            return self.at, 0.0, True, False, {}
        if self.at == self.links - 1:
            return self.at, REWARD, True, False, {}
        self.at += 1
        return self.at, 0.0, False, False, {}


class Fork(gym.Env):
    """The fork as a task: from state 0 action a leads to state 1 or 2, where any action brings what `ENDS` says."""

    observation_space, action_space = gym.spaces.Discrete(3), gym.spaces.Discrete(2)

    def __init__(self) -> None:
        self.at = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict]:
        """Begin at the fork."""
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict]:
        """Choose a branch, then take what is there."""
        if self.at:
            return self.at, ENDS[self.at - 1], True, False, {}
        self.at = 1 + int(action)
        return self.at, 0.0, False, False, {}


def market(env: Any, discount: float, seed: int, wealth_tax: float) -> tuple[Market, Rules]:
    """Rules with prices in the engine, traded by the bucket brigade. wealth_tax: budget of the tax among the rules."""
    rules = Rules.for_spaces(
        Goods.from_space(env.observation_space),
        2,
        contract=Prices(tax=wealth_tax),
        rng=np.random.default_rng([seed, 1]),
    )
    return Market(env, rules, bucket_brigade(discount), novices=Novices(0.2), seed=seed), rules


def priced_links(links: int, discount: float, seed: int, steps: int, wealth_tax: float = 0.3) -> dict[str, Any]:
    """Prices of the links in the engine, and their largest relative error against gamma to the power of what follows."""
    made, rules = market(Links(links), discount, seed, wealth_tax)
    made.learn(steps)
    prices = rules.appraise(np.arange(links, dtype=float)[:, None]).value[:, 0]
    theory = REWARD * discount ** np.arange(links - 1, -1, -1)
    assert rules.imbalance == 0 == int(made.ledger.balance.sum()), "money was made or lost"
    off = float(np.abs(prices / theory - 1.0).max())
    return {"seed": seed, "prices": prices.round(4).tolist(), "theory": theory.round(4).tolist(), "off": off}


def priced_fork(seed: int, steps: int) -> float:
    """The same in the engine: the price of state 1 over that of state 2. Raises if the market then takes the worse branch."""
    made, rules = market(Fork(), 0.9, seed, 0.3)
    made.learn(steps)
    price = rules.appraise(np.arange(3, dtype=float)[:, None]).value.max(axis=1)
    assert int(made.choose(np.zeros((1, 1)))[0, 0]) == int(price[2] > price[1]), (
        "a greedy market goes where prices are higher"
    )
    return float(price[1] / price[2])


def near(what: str, off: float) -> Row:
    """A row for prices that must be within 1 % of theory."""
    return Row(f"{what}: largest error of a price, share of theory", round(off, 5), f"<= {NEAR:g}", off <= NEAR)


def run(quick: bool = False) -> dict[str, Any]:
    """Chains of 10 links, with and without taxes, and the fork, 5 seeds (`quick`: 5 links, 2 seeds)."""
    start = time.perf_counter()
    links, seeds = (5, list(SEEDS)[:2]) if quick else (10, list(SEEDS))
    instances, steps = (1_000, 3_000) if quick else (3_000, 10_000)
    rows: list[Row] = []
    details: dict[str, Any] = {}
    for tax in (0.0, 0.02):
        found = strengths(Args(links, tax=tax, instances=instances))
        name = f"Holland's strengths, {links} links, tax {tax:g}"
        rows.append(near(name, found["off"]))
        rows.append(Row(f"{name}: instances until within 1 %", found["instances"], "reported", True))
        details[name] = found
    for discount, wealth_tax in ((1.0, 0.0), (1.0, 0.3), (0.9, 0.0), (0.9, 0.3)):
        runs = [priced_links(links, discount, seed, steps, wealth_tax) for seed in seeds]
        sales, wealth = f"sales tax {1 - discount:.2g}", "with" if wealth_tax else "without"
        name = f"rules with prices, {links} links, {sales}, {wealth} wealth tax, worst of {len(seeds)} seeds"
        rows.append(near(name, max(one["off"] for one in runs)))
        details[name] = runs
    right, what = ENDS[0] / ENDS[1], "overlapping conflict sets, price of the good end / price of the bad end, "
    shared = float(np.median([fork(Args(instances=instances), seed) for seed in seeds]))
    priced = [priced_fork(seed, steps // 5) for seed in seeds]
    off = max(abs(ratio / right - 1.0) for ratio in priced)
    rows.append(
        Row(
            f"{what}Holland's strengths: {right:g} is right, the fault shows", round(shared, 3), "<= 1.5", shared <= 1.5
        )
    )
    rows.append(near(f"{what}rules with prices, worst of {len(seeds)} seeds", off))
    details["fork"] = {"Holland": shared, "rules with prices": priced}
    return result("bucket-brigade", rows, time.perf_counter() - start, details)
