"""Rules that trade learn the Boolean multiplexer, beside XCS, the classifier system that made it a benchmark.

Wilson 1995 ("Classifier fitness based on accuracy"); Butz, Kovacs, Lanzi and Wilson 2004. Peer: `xcsf` (Preen, in C), run here
on the same kind of problems if it is installed (`pip install marketic[experiments]`).
Command: marketic reproduce multiplexer [--quick] [--json]. Measured figures: experiments/README.md.

Every training action is random, and only the reward of the action taken is seen, for all learners. Two markets:
- public record: entrants study past problems before they enter (`PublicRecord`). XCS has no such memory; "equal information"
  does not hold, and what is shown is what a public record buys;
- memory-free: entrants are children of rich rules (`Offspring`), nothing is kept of past problems: equal information.
"Solved" is the first check at which all inputs (6 and 11 bits), or 20,000 fresh random ones, are answered rightly; a tie counts
as wrong. The market with a record then goes on for `Case.after` problems; in the end it must consist of exactly the optimal
rules (address and one data bit, for both answers: 2**(k + 1)) and of nothing else. CPU seconds are all process time from the
first problem drawn to the check that found it solved, tests included; kernels are compiled before.
"""

import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketic.agents.rule_alphabet import Alphabet, Component
from marketic.agents.rule_bets import Bets
from marketic.agents.rule_entry import Offspring, PublicRecord
from marketic.agents.rule_pay import Pivotal, Shared
from marketic.agents.rule_proposals import CoverShare, Cross
from marketic.agents.rule_scores import Growth
from marketic.agents.rules import Rules
from marketic.envs.boolean import multiplexer
from marketic.result import Row, result

SEEDS = range(800, 810)
PUBLISHED = {6: (750, 0.07), 11: (9_000, 1.7), 20: (37_500, 15.0)}
"""xcsf: problems and CPU seconds to 100 %, medians of 3, 3 and 2 seeds, from an earlier run; used if it is not installed."""


@dataclass(frozen=True)
class Case:
    """One line. bits: of the problem. check: problems between two looks. limit: problems allowed. after: further ones.

    size, tries: of the public record. rules, tax, share, mutation: of the memory-free market.
    """

    bits: int
    check: int
    limit: int
    after: int = 0
    size: int = 4_096
    tries: float = 1.0
    rules: int = 0
    tax: float = 0.0
    share: float = 0.0
    mutation: float = 0.0


RECORD = (
    Case(6, 50, 800, 5_000),
    Case(11, 100, 2_500, 10_000),
    Case(20, 250, 12_000, 20_000),
    Case(37, 1_000, 30_000, 60_000, size=16_384),
    Case(70, 2_500, 150_000, 200_000, size=65_536, tries=0.3),
)
MEMORY_FREE = (
    Case(6, 50, 750, rules=400, tax=0.01, share=0.5, mutation=0.1),
    Case(11, 250, 9_000, rules=1_000, tax=0.0033, share=0.33, mutation=0.1),
    Case(20, 500, 37_500, rules=2_000, tax=0.001, share=0.25, mutation=0.07),
)


def contract(case: Case) -> Bets:
    """The economy for a line."""
    if not case.rules:
        entry = PublicRecord(case.size, score=Growth(), hurdle=-np.inf, search=0.0, tries=case.tries)
        return Bets(pay=Pivotal(), entry=entry, solid=0.9, bankrupt=0.05)
    proposals = ((Cross(case.mutation), 0.95), (CoverShare(case.share), 0.05))
    children = Offspring(limit=case.rules, proposals=proposals)
    return Bets(pay=Shared(), entry=children, tax=case.tax, budget=1e9, bankrupt=0.02)


def population(case: Case, seed: int) -> Rules:
    """An empty market for a line."""
    return Rules(
        Alphabet([Component(size=2)] * case.bits), 2, contract=contract(case), rng=np.random.default_rng([seed, 1])
    )


class Examination:
    """Problems to be answered without learning: all of them if there are at most 2,048, else 20,000 random ones."""

    def __init__(self, bits: int, seed: int) -> None:
        numbers = np.arange(2**bits)[:, None] if bits <= 11 else None
        draws = np.random.default_rng([seed, 2])
        self.problems = (
            (numbers >> np.arange(bits)) & 1 if numbers is not None else draws.integers(0, 2, (20_000, bits), np.int8)
        )
        self.answers = multiplexer(self.problems)

    def score(self, rules: Rules) -> float:
        """Share of right answers; the 18,000 last only if the first 2,000 were right."""
        first = rules.answers(self.problems[:2_048]) == self.answers[:2_048]
        if not first.all() or len(self.answers) <= 2_048:
            return float(first.mean())
        return float((rules.answers(self.problems) == self.answers).mean())


def study(rules: Rules, bits: int, count: int, rng: np.random.Generator) -> None:
    """Let the market learn from `count` random problems."""
    problems = rng.integers(0, 2, (count, bits), np.int8)
    answers = multiplexer(problems)
    rules.study(problems, np.stack([answers == 0, answers == 1], axis=1))


def optimal_conditions(bits: int) -> set[tuple[str, int]]:
    """The accurate rules of which none is more general or overlaps another: address, one data bit, for each of its values."""
    k = next(k for k in range(1, 8) if k + 2**k == bits)
    data = [["#"] * 2**k for _ in range(2 ** (k + 1))]
    for number, text in enumerate(data):
        text[number // 2] = str(number % 2)
    return {(f"{number // 2:0{k}b}" + "".join(text), number % 2) for number, text in enumerate(data)}


def learn(case: Case, seed: int) -> dict[str, Any]:
    """One run: problems and CPU seconds until solved (None: not within the limit), and the rules then and in the end."""
    began = time.process_time()
    rules, rng, test = population(case, seed), np.random.default_rng([seed, 0]), Examination(case.bits, seed)
    optimal, solved, share = optimal_conditions(case.bits), None, 0.0
    for problems in range(case.check, case.limit + 1, case.check):
        study(rules, case.bits, case.check, rng)
        share = test.score(rules)
        if share == 1.0:
            solved = problems
            break
    seconds = time.process_time() - began
    then = rules.n_rules
    for _ in range(case.after // case.check if solved else 0):
        study(rules, case.bits, case.check, rng)
    left = {(rule.condition, rule.action) for rule in rules.rules()}
    assert rules.imbalance == 0, "money was made or lost"
    return {
        "seed": seed, "problems": solved, "seconds": round(seconds, 3), "score": share, "rules then": then,
        "rules in the end": len(left), "optimal in the end": len(left & optimal), "optimal": len(optimal),
        "score in the end": test.score(rules),
    }  # fmt: skip


def rows_of(case: Case, runs: list[dict[str, Any]]) -> list[Row]:
    """The bars of one line."""
    solved = sorted(run["problems"] for run in runs if run["problems"])
    name = f"{case.bits} bits, {'memory-free' if case.rules else 'public record'}"
    spread = f"({solved[0]}..{solved[-1]})" if solved else "(none)"
    median = float(np.median([run["problems"] or np.inf for run in runs]))
    seconds = float(np.median([run["seconds"] for run in runs]))
    rows = [Row(f"{name}: problems to 100 %, median {spread}", median, f"<= {case.limit}", median <= case.limit)]
    if not case.rules:
        exact = sum(run["rules in the end"] == run["optimal in the end"] == run["optimal"] for run in runs)
        rows.append(
            Row(
                f"{name}: seeds within the bar, of {len(runs)}",
                len(solved),
                f">= {len(runs)}",
                len(solved) == len(runs),
            )
        )
        what = f"{name}: seeds that end with exactly the {runs[0]['optimal']} optimal rules"
        rows.append(Row(what, exact, f">= {len(runs)}", exact == len(runs)))
    bar = 1.0 if case.bits == 20 else np.inf
    wanted = "<= 1" if case.bits == 20 else "reported"
    rows.append(Row(f"{name}: CPU seconds to 100 %, median", round(seconds, 3), wanted, seconds <= bar))
    return rows


PEER = """
import json, sys, time, numpy as np, xcsf
from marketic.envs.boolean import multiplexer
bits, seed, check, limit, size = map(int, sys.argv[1:])
rng = np.random.default_rng([seed, 0])
share = {6: 0.5, 11: 0.67, 20: 0.75}[bits]
peer = xcsf.XCS(x_dim=bits, y_dim=1, n_actions=2, pop_size=size, random_state=seed, omp_num_threads=1, perf_trials=1000,
    e0=0.01, alpha=0.1, beta=0.2, delta=0.1, theta_sub=20,
    condition={"type": "ternary", "args": {"bits": 1, "p_dontcare": share}}, action={"type": "integer"},
    prediction={"type": "constant"},
    ea={"select_type": "roulette", "theta_ea": 25, "lambda": 2, "p_crossover": 0.8, "subsumption": True})
tests = ((np.arange(2**bits)[:, None] >> np.arange(bits)) & 1) if bits <= 11 else np.random.default_rng([seed, 2]).integers(
    0, 2, (2000, bits))
right, spent, solved = multiplexer(tests), 0.0, None
tests = tests.astype(float)
for problems in range(check, limit + 1, check):
    drawn = rng.integers(0, 2, (check, bits))
    answers = multiplexer(drawn)
    drawn = drawn.astype(float)
    began = time.process_time()
    for x, answer in zip(drawn, answers.tolist()):
        peer.init_trial(); peer.init_step()
        action = peer.decision(x, True)
        peer.update(float(action == answer), True)
        peer.end_step(); peer.end_trial()
    spent += time.process_time() - began
    given = []
    for x in tests:
        peer.init_trial(); peer.init_step()
        given.append(peer.decision(x, False))
        peer.end_step(); peer.end_trial()
    if (np.array(given) == right).all():
        solved = problems
        break
print(json.dumps({"seed": seed, "problems": solved, "seconds": spent, "rules": peer.pset_size()}))
"""
"""The peer, in a process of its own: it ends the interpreter where it dislikes a parameter. CPU seconds without its tests."""
PEERS = ((6, 50, 5_000, 500, 5), (11, 500, 20_000, 1_000, 5), (20, 2_500, 75_000, 2_000, 2))
"""bits, check, limit, population, seeds."""


def peer_rows(cases: tuple[tuple[int, ...], ...]) -> tuple[list[Row], list[dict[str, Any]]]:
    """What xcsf needs; its marks from an earlier run if it is not installed. There is no bar for a peer."""
    rows, details = [], []
    for bits, check, limit, size, seeds in cases:
        if importlib.util.find_spec("xcsf") is None:
            problems, seconds = map(float, PUBLISHED[bits])
            name = f"{bits} bits, xcsf (not installed: marks of an earlier run)"
        else:
            arguments = [[str(n) for n in (bits, seed, check, limit, size)] for seed in list(SEEDS)[:seeds]]
            runs = [_peer(given) for given in arguments]
            problems = float(np.median([run["problems"] or np.inf for run in runs]))
            seconds = float(np.median([run["seconds"] for run in runs]))
            name = f"{bits} bits, xcsf, {seeds} seeds"
            details.append({"bits": bits, "peer": "xcsf", "runs": runs})
        rows.append(Row(f"{name}: problems to 100 %, median", problems, "reported", True))
        rows.append(Row(f"{name}: CPU seconds to 100 %, median", round(seconds, 3), "reported", True))
    return rows, details


def _peer(arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", PEER, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"xcsf failed: {(done.stdout + done.stderr).strip()[-300:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def run(quick: bool = False) -> dict[str, Any]:
    """All lines, 10 seeds each, then the peer (`quick`: 6 and 11 bits, 3 seeds, no peer)."""
    start = time.perf_counter()
    cases = (*RECORD[:2], MEMORY_FREE[0]) if quick else (*RECORD, *MEMORY_FREE)
    rows, details = [], []
    for case in cases:
        learn(Case(**{**vars(case), "limit": case.check, "after": 0}), 0)  # compiles
        runs = [learn(case, seed) for seed in (list(SEEDS)[:3] if quick else SEEDS)]
        rows += rows_of(case, runs)
        details.append({"bits": case.bits, "memory-free": bool(case.rules), "runs": runs})
    if not quick:
        peers, found = peer_rows(PEERS)
        rows, details = rows + peers, details + found
    return result("multiplexer", rows, time.perf_counter() - start, details)
