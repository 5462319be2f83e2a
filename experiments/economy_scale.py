"""Prices for millions of firms: time and memory are linear in the edges of the economy.

Claim: ours (no published figure): one pass against the order of production prices every good, as backpropagation does.
Command: marketic reproduce economy-scale [--quick] [--json]. About 1 CPU minute, 3 GiB.

Firms buy from 5 others; four sizes, 500,000 to 4,000,000 firms (2.5 to 20 million edges). Seconds are CPU seconds of
`SparseEconomy.prices` with its certificate, sizes in turns, the least of five each; fits are seconds ~ edges^exponent over all
sizes, and R^2 of the straight line. Three things make a clock run faster than the work, and are kept apart:

- *User* seconds are the work, *system* seconds are the operating system's, which from about 32 MB on hands out every array
  afresh, page by page; smaller economies pay nothing for that.
- In the *local* economy sellers are among the 1,000 firms before the buyer, and every size finds its numbers in the cache
  alike: here the bar on the exponent is set. In the *scattered* one sellers are drawn from all firms before the buyer, the
  worst case for a processor: each visit to a seller misses more levels of cache and page tables, the larger the economy.

Memory: what the process holds more after building, producing and pricing than before, for 1,000,000 firms.
"""

import gc
import resource
import time
from typing import Any

import numpy as np

from marketic.economy import SparseEconomy
from marketic.result import Row, result

DEGREE = 5
Case = tuple[SparseEconomy, np.ndarray, np.ndarray, np.ndarray]


def build(firms: int, window: int, rng: np.random.Generator) -> Case:
    """An economy of tanh firms, with endowment, what is made of it, and what consumers offer; one firm in ten only endowed.

    window: sellers are at most so many numbers before their buyers; 0: any distance.
    """
    first = firms // 10
    buyers = np.repeat(np.arange(first, firms), DEGREE)
    buyers = np.concatenate([buyers, rng.integers(first, firms, size=DEGREE * firms - len(buyers))])
    reach = np.minimum(window or firms, buyers)
    sellers = buyers - 1 - (rng.random(len(buyers)) * reach).astype(np.int64)
    economy = SparseEconomy(firms, sellers, buyers, rng.standard_normal(len(buyers)) / DEGREE, activation="tanh")
    endowment, offers = np.zeros((1, firms)), np.zeros((1, firms))
    endowment[0, :first] = rng.standard_normal(first)
    offers[0, -first:] = rng.standard_normal(first)
    return economy, endowment, economy.produce(endowment), offers


def resident() -> float:
    """Memory that the process holds now, GiB (Linux); elsewhere the most that it ever held."""
    gc.collect()
    try:
        with open("/proc/self/statm") as counts:
            return int(counts.read().split()[1]) * resource.getpagesize() / 2**30
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def timed(cases: list[Case], turns: int) -> tuple[np.ndarray, float]:
    """The least CPU seconds (user, system) for the prices of each, [2, cases]; the worst residual of their certificates."""
    least, worst = np.full((2, len(cases)), np.inf), 0.0
    for _ in range(turns):
        for at, (economy, endowment, supply, offers) in enumerate(cases):
            start = resource.getrusage(resource.RUSAGE_SELF)
            prices = economy.prices(endowment, supply, offers)
            end = resource.getrusage(resource.RUSAGE_SELF)
            spent = end.ru_utime - start.ru_utime, end.ru_stime - start.ru_stime
            least[:, at] = np.minimum(least[:, at], spent)
            worst = max(worst, prices.certificate.worst)
    return least, worst


def fit(edges: list[int], seconds: np.ndarray) -> tuple[float, float]:
    """The exponent of growth, and R^2 of the straight line."""
    exponent = float(np.polyfit(np.log(edges), np.log(seconds), 1)[0])
    line = np.polyval(np.polyfit(edges, seconds, 1), edges)
    return exponent, float(1.0 - ((line - seconds) ** 2).sum() / max(((seconds - seconds.mean()) ** 2).sum(), 1e-300))


def run(quick: bool = False) -> dict[str, Any]:
    """All rows; quick: 5,000 to 40,000 firms, without bars on time."""
    begin = time.perf_counter()
    sizes = [5_000, 10_000, 20_000, 40_000] if quick else [500_000, 1_000_000, 2_000_000, 4_000_000]
    timed([build(1_000, 0, np.random.default_rng(9))], 1)  # compiles
    before, start = resident(), time.process_time()
    economy, endowment, supply, offers = build(sizes[1], 0, np.random.default_rng(0))
    built = time.process_time() - start
    prices = economy.prices(endowment, supply, offers)
    held = resident() - before
    name = f"{sizes[1]:,} firms, {len(economy.weights):,} edges"
    rows = [Row(f"{name}: memory held, GiB", held, "", True), Row(f"{name}: CPU seconds to build", built, "", True)]
    del economy, endowment, supply, offers, prices
    details: dict[str, Any] = {"firms": sizes}
    for kind, window in (("local", 1_000), ("scattered", 0)):
        cases = [build(firms, window, np.random.default_rng(firms)) for firms in sizes]
        edges = [len(case[0].weights) for case in cases]
        (user, system), residual = timed(cases, 2 if quick else 5)
        user = np.maximum(user, 1e-6)  # what is too short for the clock
        exponent, straight = fit(edges, user)
        details[kind] = {"edges": edges, "user": user.tolist(), "system": system.tolist(), "R2": straight}
        rows.append(Row(f"{name}, {kind}: CPU seconds for the prices", float(user[1] + system[1]), "", True))
        barred = window > 0 and not quick
        near = abs(exponent - 1.0) <= 0.1
        rows.append(
            Row(f"{kind}: user seconds ~ edges ** this", exponent, "0.9-1.1" if barred else "", not barred or near)
        )
        rows.append(
            Row(
                f"{kind}: R^2 of the straight line",
                straight,
                ">= 0.99" if barred else "",
                not barred or straight >= 0.99,
            )
        )
        rows.append(Row(f"{kind}: system / user seconds, largest", float((system / user).max()), "", True))
        rows.append(Row(f"{kind}: worst residual of the chain rule", residual, "<= 1e-12", residual <= 1e-12))
        del cases
    return result("economy-scale", rows, time.perf_counter() - begin, details)
