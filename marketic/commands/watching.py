"""plot, dashboard and watch: figures for papers, the live page, and the market at play."""

import contextlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from marketic.errors import InputError
from marketic.run import default_folder, tell
from marketic.run_config import RunConfig

MOST_MEMBERS = 5_000_000
"""Sales times members, beyond which a graph shows the first members of syndicates alone."""


def run_plot(folder: Path, what: str, out: Path | None) -> int:
    """Draw one figure of a run with matplotlib; its trade graph also as a file for other programs, by the ending of `out`."""
    from marketic.graph.exports import KINDS
    from marketic.reporting.plots import ENDINGS, save_plot

    if what == "graph" and out is not None and out.suffix not in ENDINGS:
        if out.suffix not in KINDS:
            wanted = ", ".join((*ENDINGS, *KINDS))
            raise InputError(f"cannot write a graph to {out}: wanted a name that ends with {wanted}")
        print(_export(folder, out))
        return 0
    print(save_plot(folder, what, out or folder / f"{what}.svg"))
    return 0


def _export(folder: Path, out: Path) -> Path:
    """Write a run's trade graph, with what its market says of those who live, and all members of syndicates with lineages."""
    from marketic.events import open_log
    from marketic.graph import graph_of, write_graph
    from marketic.graph.of_market import market_graph
    from marketic.reporting.run_record import read_record

    market, log = read_record(folder, 0).market, open_log(folder)
    sales = log.parts[-1]["trades"] if log.parts else 0
    members = "genealogy" in log.tables and sales * log.members <= MOST_MEMBERS
    try:
        graph = graph_of(log, members=members) if market is None else market_graph(market, None, members, log)
        return write_graph(graph, out)
    finally:
        if market is not None:
            market.env.close()


def run_dashboard(folder: Path, port: int | None) -> int:
    """Serve the live page of a run until interrupted."""
    from marketic.dashboard.server import serve

    serve(folder, port, tell)
    return 0


def run_watch(folder: Path, out: Path | None, seed: int | None, steps: int) -> int:
    """Write the market at play, with the auction of every step, to a page, GIF or mp4."""
    from marketic.dashboard.replay import draw_without_a_screen
    from marketic.dashboard.watch import write_replay

    draw_without_a_screen()
    print(write_replay(folder, out or folder / "watch.html", seed=seed, steps=steps))
    return 0


def run_beside_page(
    config: RunConfig, out: Path | None, port: int | None, *, as_json: bool, quiet: bool, force: bool
) -> int:
    """Train with the live page beside it; the page stays when training is done, until Ctrl-C. Returns the exit status."""
    from marketic.commands.training import run_training

    folder = Path(out or default_folder(config.env))
    watched = replace(config, log="trades") if config.log == "off" else config
    page = SidePage(folder, port)
    try:
        status = run_training(watched, folder, as_json=as_json, quiet=quiet, force=force)
        if status == 0:
            page.wait()
    finally:
        page.close()
    return status


class SidePage:
    """The live page of a run that is about to be trained, in a process of its own, so that training keeps its pace."""

    def __init__(self, folder: Path, port: int | None) -> None:
        try:
            import bokeh  # noqa: F401  better now than when training is under way
        except ImportError:
            raise InputError("--dashboard needs Bokeh: pip install 'marketic[dashboard]'") from None
        from marketic.dashboard.server import require_free

        require_free(port or 0)
        self.command = [sys.executable, "-m", "marketic.dashboard", str(folder), str(port or 0), "beside"]
        # a session of its own, because Ctrl-C ends training first; a pipe, because it closes however this process ends
        self.process = subprocess.Popen(self.command, start_new_session=True, stdin=subprocess.PIPE)

    def wait(self) -> None:
        """Keep the page until Ctrl-C, or until it ends by itself."""
        if self.process.poll() is None:
            tell("the page stays: Ctrl-C ends it")
        with contextlib.suppress(KeyboardInterrupt):
            self.process.wait()

    def close(self) -> None:
        """End the page."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        if self.process.stdin is not None:
            self.process.stdin.close()
