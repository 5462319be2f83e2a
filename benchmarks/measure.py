"""Measuring speed on a machine that others use too: process CPU time, and ratios of interleaved runs."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process that `work` takes, seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def speed_ratios(works: list[Callable[[int], object]], sizes: list[int], repeats: int) -> list[list[float]]:
    """Steps per CPU second of each work, [repeats][works], measured in turns (A B C A B C ...) after one warm-up each.

    works: called with a number of steps, sizes[i] for work i.
    """
    for work, size in zip(works, sizes, strict=True):
        work(max(size // 10, 1))
    return [
        [size / cpu_seconds(partial(work, size)) for work, size in zip(works, sizes, strict=True)]
        for _ in range(repeats)
    ]


def median_ratio(rounds: list[list[float]], over: int, under: int) -> float:
    """Median over the rounds of speed[over] / speed[under]: what disturbs a round disturbs both."""
    return statistics.median(speeds[over] / speeds[under] for speeds in rounds)


def fresh_python(program: str) -> tuple[float, str]:
    """Run a program in a new interpreter: CPU seconds that it says it took on its last line, and all it printed.

    Raises RuntimeError with its error output if it fails.
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a measured program failed: {done.stderr.strip()[-500:]}")
    lines = done.stdout.strip().splitlines()
    return float(lines[-1]), "\n".join(lines[:-1])
