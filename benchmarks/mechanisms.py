"""What the mechanisms cost beside the work that nobody can avoid.

    marketic bench mechanisms [--quick] [--json]

All ratios compare process CPU times measured in turns in one process, after warm-up. Second-price: 100,000 auctions of 10
bidders, bids screened, against one copy of the same array. Winner determination: our whole call, from bids to allocation,
against HiGHS alone (`scipy.optimize.milp` on the model that is ready built). VCG: all payments against solving the same
auction again from scratch without each winner in turn.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from marketic.benchmarks.measure import cpu_seconds
from marketic.bids import Bids
from marketic.bundle_bids import BundleBids
from marketic.mechanisms.bid_generators import GENERATORS
from marketic.mechanisms.second_price import SecondPrice
from marketic.mechanisms.vcg import VCG
from marketic.mechanisms.winner_determination import determine
from marketic.result import Row, result

KINDS = ("regions", "paths", "scheduling", "matching", "arbitrary")
LONG = 1.0
"""CPU seconds; what takes longer is timed once. Without geography (arbitrary) HiGHS needs 1 to 16 seconds for 100 goods."""


def run(quick: bool = False) -> dict[str, Any]:
    """Measure everything; 4 minutes, or 14 on a busy machine; one if `quick`. Returns the result as a JSON-able object."""
    start = time.perf_counter()
    row, instances = winner_determination(quick)
    rows = [second_price(quick), row, *vcg_payments(quick)]
    return result("mechanisms", rows, time.perf_counter() - start, {"winner determination": instances})


def at_most(what: str, value: float, bar: float) -> Row:
    """A row whose value must not exceed `bar`."""
    return Row(what, round(value, 3), f"<= {bar:g}", value <= bar)


def second_price(quick: bool) -> Row:
    """Validation and clearing of a large batch against copying its bids."""
    value, auction = np.random.default_rng(0).random((100_000, 10)), SecondPrice()
    works: list[Callable[[], object]] = [lambda: auction.clear(Bids(value)), lambda: np.copy(value)]
    ratio = _ratio(works, 11 if quick else 51)
    return at_most("100,000 second-price auctions of 10 bidders, screened / copying their bids", ratio, 6.0)


def winner_determination(quick: bool) -> tuple[Row, dict[str, float]]:
    """100 goods, about 1,000 bids: the median ratio over instances, and the worst and the total.

    Branch and bound takes another path whenever the model changes a little, so single instances go both ways.
    """
    instances = [auction(kind, seed, 340, 100) for kind in KINDS for seed in range(1 if quick else 3)]
    determine(auction("arbitrary", 99, 200, 60))  # compiles the search
    ours, alone = [], []
    for bids in instances:
        program = Program(bids)
        times = [(cpu_seconds(partial(determine, bids)), cpu_seconds(program.solve))]
        while len(times) < 3 and times[0][1] < LONG:
            times.append((cpu_seconds(partial(determine, bids)), cpu_seconds(program.solve)))
        ours.append(statistics.median(t[0] for t in times))
        alone.append(statistics.median(t[1] for t in times))
    ratios = [over / under for over, under in zip(ours, alone, strict=True)]
    what = "winner determination, 100 goods, 3 bids each: whole call / HiGHS alone, median instance"
    shown = {"worst": max(ratios), "total": sum(ours) / sum(alone), "instances": float(len(ratios))}
    return at_most(what, statistics.median(ratios), 1.1), {name: round(x, 3) for name, x in shown.items()}


def vcg_payments(quick: bool) -> list[Row]:
    """50 goods, about 200 bids: all payments against one integer program per winner, and their largest difference."""
    ours, naive, apart = 0.0, 0.0, 0.0
    for kind in KINDS:
        for seed in range(1 if quick else 3):
            bids = auction(kind, seed, 70, 50)
            program = Program(bids)
            start = time.process_time()
            paid = VCG().clear(bids).payments
            between = time.process_time()
            plainly = program.payments()
            ours, naive = ours + between - start, naive + time.process_time() - between
            apart = max(apart, float(np.abs(paid - plainly).max()))
    return [
        at_most("VCG payments, 50 goods, 3 bids each / solving again without each winner", ours / naive, 0.5),
        at_most("VCG payments: largest difference from solving again, currency", apart, 1e-6),
    ]


def auction(kind: str, seed: int, bidders: int, goods: int) -> BundleBids:
    """A random auction with up to three XOR bids per bidder."""
    return GENERATORS[kind](np.random.default_rng(seed), bidders, goods, 3)


class Program:
    """An XOR auction as an integer program for `scipy.optimize.milp`, ready built."""

    def __init__(self, bids: BundleBids) -> None:
        from scipy.sparse import csc_matrix

        self.bidders = len(bids.value)
        self.owner, place = np.nonzero(bids.live)
        self.value = bids.value[self.owner, place]
        one_each = self.owner[:, None] == np.arange(len(bids.value))
        wanted = np.concatenate([bids.bundle[self.owner, place], one_each], axis=1)
        self.matrix = csc_matrix(wanted.T.astype(float))

    def solve(self, without: int = -1) -> Any:
        """HiGHS on the model, one bidder left away."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        return milp(
            -self.value,
            integrality=np.ones(len(self.value)),
            bounds=Bounds(0.0, (self.owner != without).astype(float)),
            constraints=LinearConstraint(self.matrix, -np.inf, 1.0),
            options={"mip_rel_gap": 0.0},
        )

    def payments(self) -> np.ndarray:
        """VCG payments the plain way."""
        best = self.solve()
        won = np.bincount(self.owner, self.value * (best.x > 0.5), minlength=self.matrix.shape[0])
        paid = np.zeros(self.matrix.shape[0])
        for who in np.flatnonzero(won):
            paid[who] = -self.solve(int(who)).fun - (won.sum() - won[who])
        return paid[: self.bidders]


def _ratio(works: list[Callable[[], object]], repeats: int) -> float:
    for work in works:
        work()
    rounds = [[cpu_seconds(work) for work in works] for _ in range(repeats)]
    return statistics.median(over / under for over, under in rounds)
