"""train --dashboard: the page runs beside the training, stays when that is done, and ends with it, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from marketic.events import open_log

pytest.importorskip("bokeh", reason="no Bokeh: pip install 'marketic[dashboard]'")
PATIENCE = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(folder, port):
    return [sys.executable, "-m", "marketic.cli", "train", "FrozenLake-v1", "--steps", "3000", "--seed", "0", "--dashboard",
            "--port", str(port), "--out", str(folder), "--quiet"]  # fmt: skip


def wait_for(what):
    """Until `what()` is true."""
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def page(port):
    """The page's markup; "" while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return ""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_the_page_stays_after_training_and_goes_with_it(ending, tmp_path):
    run, port = tmp_path / "run", free_port()
    with open(tmp_path / "said", "w+") as said:
        # a job in the background is born deaf to Ctrl-C, and so would be its children
        hearing = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
        training = subprocess.Popen(command(run, port), stderr=said, stdout=said, **hearing)
        try:
            wait_for(lambda: page(port))
            assert "FrozenLake-v1" in page(port)
            wait_for((run / "final.market").is_file)
            wait_for(lambda: "the page stays" in (tmp_path / "said").read_text())
            assert training.poll() is None
            assert "marketic" in page(port)
            training.send_signal(ending)
            status = training.wait(PATIENCE)
            wait_for(lambda: not page(port))
        finally:
            training.kill()
            training.wait()
        text = (tmp_path / "said").read_text()
    assert status == (0 if ending == signal.SIGINT else -ending)
    assert f"look at http://127.0.0.1:{port}/" in text
    assert "Traceback" not in text
    assert open_log(run).level == "trades"


def test_a_port_in_use_is_named_before_anything_is_trained(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = subprocess.run(
            command(tmp_path / "run", port), capture_output=True, text=True, timeout=PATIENCE, env=os.environ.copy()
        )
    assert answer.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in " ".join(answer.stderr.split())
    assert not (tmp_path / "run").exists()
