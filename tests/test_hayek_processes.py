"""Islands in several processes: whatever ends one of them, or the caller, nobody hangs and nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_worlds import island

from marketic.errors import InputError
from marketic.hayek.islands import migrate
from marketic.hayek.processes import ask_all, share_out, started
from marketic.hayek.restarts import Restarts, islands, seeds_of
from marketic.hayek.validation import Validation

PATIENCE = 60.0
"""Seconds: far more than anything here takes, far less than what hangs would."""


def sleeps(seed):
    """Never makes an economy; says where it sleeps."""
    with Path(os.environ["SLEEPERS"]).open("a") as said:
        said.write(f"{os.getpid()}\n")
    time.sleep(10 * PATIENCE)


class Odd(Exception):
    """Cannot be sent to another process: it is made of two parts, and told in one."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


class Fails:
    """Raises for one seed, and sleeps for the others."""

    def __init__(self, bad):
        self.bad = bad

    def __call__(self, seed):
        if seed == self.bad:
            raise Odd("salt", "pepper")
        time.sleep(10 * PATIENCE)


def until(true):
    start = time.monotonic()
    while not true():
        assert time.monotonic() < start + PATIENCE
        time.sleep(0.05)


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("search", "end"), [("islands", signal.SIGINT), ("islands", signal.SIGKILL), ("migrate", signal.SIGKILL)]
)
def test_processes_end_with_whoever_started_them(search, end, tmp_path):
    """Interrupted, the searches went on to their end; killed, they left their processes behind for ever."""
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from test_hayek_processes import sleeps, islands, migrate\n"
        f"{search}(sleeps, [1, 2, 3], processes=2)"
    )
    sleepers = tmp_path / "sleepers"
    sleepers.touch()
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    with (tmp_path / "said").open("w") as said:
        caller = subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": paths, "SLEEPERS": str(sleepers)},
            stdout=said,
            stderr=said,
        )
    until(lambda: caller.poll() is not None or len(sleepers.read_text().split()) == 2)
    pids = [int(pid) for pid in sleepers.read_text().split()]
    assert len(pids) == 2, (tmp_path / "said").read_text()
    assert all(runs(pid) for pid in pids)
    caller.send_signal(end)
    caller.wait(PATIENCE)
    until(lambda: not any(runs(pid) for pid in pids))
    assert (tmp_path / "said").read_text().count("Traceback") == (end == signal.SIGINT), (
        "nobody but the caller complains"
    )


@pytest.mark.parametrize("search", [islands, migrate])
def test_what_goes_wrong_in_one_process_is_heard_at_once(search):
    """It waited for all the other searches; and an exception that cannot travel was told as a process that ended."""
    bad = seeds_of(1, 1)[0]  # the seed of the economy in the second search
    start = time.monotonic()
    with pytest.raises(InputError, match="Odd in another process: salt and pepper"):
        search(Fails(bad), [0, 1], processes=2)
    assert time.monotonic() < start + PATIENCE


def doubled(number):
    return lambda letter: (number, 2 * letter)


def dies(number):
    return lambda letter: os._exit(7) if letter == number else letter


def test_letters_are_shared_out_and_answered_in_order():
    with started(doubled, [(k,) for k in range(3)]) as processes:
        assert ask_all(processes, 5) == [(0, 10), (1, 10), (2, 10)]
        assert [answer for _, answer in share_out(processes, list(range(8)))] == [2 * k for k in range(8)]
        assert share_out(processes, []) == []
    assert not any(process.process.is_alive() for process in processes)


def test_a_process_that_dies_is_missed_with_its_exit_code():
    with started(dies, [(k,) for k in range(2)]) as processes, pytest.raises(InputError, match="exit code 7"):
        share_out(processes, [0, 1, 2, 3])


def test_searches_are_the_same_for_any_number_of_processes():
    """Two for three seeds, so that one of them is sent two seeds: which one differs from run to run."""
    settings = {"validation": Validation(((4, 5),), every=20, level=2.0), "restarts": Restarts(200, 1)}
    found = [
        [
            (one.score, one.seed, one.instances, one.auctions, one.steps)
            for one in islands(island, range(3), processes=p, **settings)
        ]
        for p in (1, 2)
    ]
    assert found[0] == found[1]
