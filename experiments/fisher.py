"""Prices of Fisher markets, certified: small ones against the Eisenberg-Gale program, large ones with millions of edges.

Claim: Eisenberg and Gale 1959 (prices are the duals of a convex program); Birnbaum, Devanur and Xiao 2011 (proportional
response is mirror descent on one). No figures are published; the bars are ours.
Command: marketic reproduce fisher [--quick] [--json]. About 2 CPU minutes.

Small: 1,000 buyers, 100 goods, 20 goods wanted by each, five seeds; linear, CES with elasticities 3 and 0.4, Cobb-Douglas and
Leontief. Clearing is the largest excess demand over supplies of one unit; the seconds are process CPU time, ours with its
certificate against cvxpy with Clarabel at its own tolerance (1e-8) on the same market in the same process.
Large: 100,000 buyers, 1,000 goods, 5,000,000 edges. Weights are lognormal (sigma 1) and goods popular unequally, so that the
first guess of the prices is far off. Wide: the other way round, 300 buyers and 10,000 goods. Gaps are upper bounds on the
distance from the optimum, as shares of all money, by weak duality from prices and allocation alone. Beside them proportional
response on the same linear market.
"""

import resource
import time
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from marketic.mechanisms.fisher import FisherMarket
from marketic.mechanisms.fisher_program import eisenberg_gale
from marketic.mechanisms.fisher_response import row_max, row_of
from marketic.result import Row, result

UTILITIES: tuple[tuple[str, float | None], ...] = (
    ("linear", None),
    ("ces", 3.0),
    ("ces", 0.4),
    ("cobb-douglas", None),
    ("leontief", None),
)


def market(buyers: int, goods: int, degree: int, rng: np.random.Generator) -> tuple[csr_array, np.ndarray]:
    """Weights [buyers, goods], about `degree` per buyer, and budgets; every good is wanted by someone."""
    popular = (goods * rng.random((buyers, degree)) ** 1.5).astype(np.int64)
    popular[rng.permutation(buyers)[:goods], 0] = np.arange(goods)
    weights = rng.lognormal(size=popular.size)
    rows = np.repeat(np.arange(buyers), degree)
    pair, first = np.unique(rows * goods + popular.ravel(), return_index=True)
    return csr_array((weights[first], (pair // goods, pair % goods)), shape=(buyers, goods)), rng.uniform(
        0.2, 2.0, buyers
    )


def small(utility: str, elasticity: float | None, seed: int, size: tuple[int, int, int]) -> dict[str, float]:
    """One market, by us and by cvxpy: CPU seconds, certificates and the difference of prices (share of the mean price)."""
    weights, budgets = market(*size, np.random.default_rng(seed))
    solver = FisherMarket(utility, elasticity)
    start = time.process_time()
    found = solver.solve(weights, budgets, tolerance=1e-10)
    ours = time.process_time() - start
    start = time.process_time()
    scaled = weights if utility == "cobb-douglas" else weights / row_max(weights.data, weights)[:, None]
    normal = csr_array(scaled)
    rho = None if elasticity is None else 1.0 - 1.0 / elasticity
    prices, amounts = eisenberg_gale(normal, budgets / budgets.sum(), utility, rho, tolerance=1e-8)
    theirs = time.process_time() - start
    prices = prices * budgets.sum()
    judged = solver.certificate(
        weights, budgets, 1.0, prices, csr_array((amounts, (row_of(normal), normal.indices)), shape=weights.shape)
    )
    own = found.certificate
    return {
        "seconds": ours, "cvxpy seconds": theirs, "clearing": own.clearing, "gap": float(own.gap / budgets.sum()),
        "cvxpy clearing": judged.clearing, "cvxpy gap": float(judged.gap / budgets.sum()),
        "difference": float(np.abs(found.prices - prices).max() / prices.mean()),
    }  # fmt: skip


def large(
    weights: csr_array,
    budgets: np.ndarray,
    utility: str,
    elasticity: float | None,
    method: str,
    tolerance: float,
    limit: int,
) -> dict[str, float]:
    """One method on one market: CPU seconds, iterations, gap as a share of all money, clearing, peak memory in GiB."""
    start = time.process_time()
    found = FisherMarket(utility, elasticity, method, limit).solve(weights, budgets, tolerance=tolerance)
    seconds = time.process_time() - start
    return {
        "seconds": seconds, "iterations": found.iterations, "gap": float(found.certificate.gap / budgets.sum()),
        "clearing": found.certificate.clearing, "edges": weights.nnz,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }  # fmt: skip


def certified(
    label: str, weights: csr_array, budgets: np.ndarray, linear_bar: float
) -> tuple[list[Row], dict[str, dict[str, float]]]:
    """Newton's method for each utility on one market: rows and figures. linear_bar: on the gap; the others have 1e-6."""
    rows, cases = [], {}
    for utility, elasticity in UTILITIES:
        if utility == "cobb-douglas":  # a formula
            continue
        name, bar = named(utility, elasticity), linear_bar if utility == "linear" else 1e-6
        case = cases[name] = large(weights, budgets, utility, elasticity, "newton", 1e-7, 60)
        rows.append(Row(f"{label}, {name}: gap / money", case["gap"], f"<= {bar:g}", case["gap"] <= bar))
        rows.append(Row(f"{label}, {name}: CPU seconds", case["seconds"], "", True))
    return rows, cases


def named(utility: str, elasticity: float | None) -> str:
    """Utility and elasticity as rows call them."""
    return utility if elasticity is None else f"{utility} {elasticity:g}"


def compared(
    size: tuple[int, int, int], seeds: range, quick: bool
) -> tuple[list[Row], dict[str, list[dict[str, float]]]]:
    """The small markets beside cvxpy: rows and figures."""
    rows, figures = [], {}
    warm = market(20, 5, 3, np.random.default_rng(99))
    for utility, elasticity in UTILITIES:
        name = named(utility, elasticity)
        FisherMarket(utility, elasticity).solve(*warm)  # compiles
        FisherMarket(utility, elasticity, "program").solve(*warm)  # imports cvxpy
        cases = figures[name] = [small(utility, elasticity, seed, size) for seed in seeds]
        clearing, gap = (max(case[key] for case in cases) for key in ("clearing", "gap"))
        ratio = float(np.median([case["cvxpy seconds"] / case["seconds"] for case in cases]))
        rows.append(Row(f"{name}, {size[0]} x {size[1]}: clearing residual", clearing, "<= 1e-8", clearing <= 1e-8))
        rows.append(Row(f"{name}: gap / money", gap, "<= 1e-9", gap <= 1e-9))
        rows.append(Row(f"{name}: times faster than cvxpy", ratio, "" if quick else "> 1", quick or ratio > 1))
    return rows, figures


def run(quick: bool = False) -> dict[str, Any]:
    """All rows; quick: 200 x 40 on one seed, 2,000 x 100 and 30 x 400, without the bar on time."""
    begin = time.perf_counter()
    rows, alone = compared(*(((200, 40, 8), range(1)) if quick else ((1000, 100, 20), range(5))), quick)
    details: dict[str, Any] = {"small": alone}
    weights, budgets = market(*((2_000, 100, 22) if quick else (100_000, 1_000, 53)), np.random.default_rng(0))
    rows.append(Row("large: edges", weights.nnz, "" if quick else ">= 5e6", quick or weights.nnz >= 5_000_000))
    more, details["large"] = certified("large", weights, budgets, 1e-3)
    case = details["large"]["linear, response"] = large(weights, budgets, "linear", None, "response", 1e-7, 100)
    rows += [
        *more,
        Row("large, linear, 100 rounds of proportional response: gap / money", case["gap"], "", True),
        Row("the same: CPU seconds", case["seconds"], "", True),
        Row("peak memory, GiB", case["gigabytes"], "", True),
    ]
    turned, _ = market(*((400, 30, 12) if quick else (10_000, 300, 180)), np.random.default_rng(0))
    wide = csr_array(turned.T)
    rows.append(Row(f"wide, {wide.shape[0]} x {wide.shape[1]}: edges", wide.nnz, "", True))
    more, details["wide"] = certified("wide", wide, budgets[: wide.shape[0]], 1e-6)
    return result("fisher", [*rows, *more], time.perf_counter() - begin, details)
