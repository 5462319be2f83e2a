"""The command line: `marketic --help`. This room only reads arguments, and starts fast; see `marketic.commands`.

Exit status: 0 done, 1 a bar was missed, 2 bad input, 128 + signal when stopped by one. `--json` prints one JSON object
as the last line of stdout, none for bad input; everything else that is not the answer goes to stderr.
"""

import errno
import io
import os
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Market-based agents: simple programs that trade the right to act, and together solve Gymnasium tasks.",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")]
Quick = Annotated[bool, typer.Option("--quick", help="The small version that the tests run.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]
Pairs = Optional[list[str]]  # noqa: UP045  typer reads the annotation


@app.command()
def train(
    env: Annotated[str, typer.Argument(help="A Gymnasium id, or the config.toml of a former run, to run it again.")],
    agents: Annotated[Optional[str], typer.Option(help="A family's name, or module:Name.")] = None,  # noqa: UP045
    mechanism: Annotated[Optional[str], typer.Option(help="An auction's name, or module:Name.")] = None,  # noqa: UP045
    assign: Annotated[
        Pairs, typer.Option("--set", metavar="KEY=VALUE", help="An option of the agents or the chain.")
    ] = None,
    env_set: Annotated[Pairs, typer.Option(metavar="KEY=VALUE", help="An option of the environment.")] = None,
    steps: Annotated[Optional[int], typer.Option(help="Environment steps. [default: 100000]")] = None,  # noqa: UP045
    seed: Annotated[Optional[int], typer.Option(help="Default: one is drawn, and kept.")] = None,  # noqa: UP045
    out: Annotated[Optional[Path], typer.Option(help="The run's folder. [default: runs/ENV-TIME]")] = None,  # noqa: UP045
    checkpoint_every: Annotated[Optional[int], typer.Option(help="Steps. [default: 10000]")] = None,  # noqa: UP045
    keep_checkpoints: Annotated[Optional[int], typer.Option(help="How many stay; 0: all. [default: 3]")] = None,  # noqa: UP045
    evaluate_every: Annotated[Optional[int], typer.Option(help="Steps; 0: never. [default: 0]")] = None,  # noqa: UP045
    evaluate_episodes: Annotated[Optional[int], typer.Option(help="[default: 10]")] = None,  # noqa: UP045
    threshold: Annotated[Optional[float], typer.Option(help="Stop at this mean return in an evaluation.")] = None,  # noqa: UP045
    vector: Annotated[Optional[int], typer.Option(help="Copies of the environment, side by side.")] = None,  # noqa: UP045
    compiled: Annotated[bool, typer.Option("--compiled", help="Use the compiled copy of the environment.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard scalars, too.")] = False,
    log: Annotated[Optional[str], typer.Option(help="Events to keep: off, summary, trades, everything.")] = None,  # noqa: UP045
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Show the live page; keeps trades in the log.")
    ] = False,
    port: Annotated[Optional[int], typer.Option(help="Of the live page. [default: a free one]")] = None,  # noqa: UP045
    as_json: Json = False,
    quiet: Quiet = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a former run in the folder.")] = False,
) -> None:
    """Train a market on a task, in a run folder that can be resumed."""
    from marketic.commands.training import run_config, run_training

    given = {
        "agents": agents,
        "mechanism": mechanism,
        "steps": steps,
        "seed": seed,
        "checkpoint_every": checkpoint_every,
        "keep_checkpoints": keep_checkpoints,
        "evaluate_every": evaluate_every,
        "evaluate_episodes": evaluate_episodes,
        "threshold": threshold,
        "vector": vector,
        "compiled": compiled or None,
        "tensorboard": tensorboard or None,
        "log": log,
    }
    config = run_config(env, assign or [], env_set or [], given)
    if dashboard:
        from marketic.commands.watching import run_beside_page

        raise typer.Exit(run_beside_page(config, out, port, as_json=as_json, quiet=quiet, force=force))
    raise typer.Exit(run_training(config, out, as_json=as_json, quiet=quiet, force=force))


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    steps: Annotated[Optional[int], typer.Option(help="Train on to this many steps in all.")] = None,  # noqa: UP045
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on with a run from its last checkpoint; the market is the same, to the bit, as if it had never stopped."""
    from marketic.commands.training import run_resume

    raise typer.Exit(run_resume(run, steps, as_json=as_json, quiet=quiet))


@app.command()
def evaluate(
    target: Annotated[Path, typer.Argument(metavar="RUN|FILE", help="A run's folder, or a .market file.")],
    episodes: Annotated[int, typer.Option(help="How many.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the first episode.")] = 0,
    as_json: Json = False,
) -> None:
    """Play whole episodes greedily, without learning."""
    from marketic.commands.training import run_evaluate

    raise typer.Exit(run_evaluate(target, episodes, seed, as_json))


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help="mechanisms, agents, envs, experiments, benchmarks or presets.")],
    as_json: Json = False,
) -> None:
    """What there is to choose from."""
    from marketic.commands.looking import run_list

    raise typer.Exit(run_list(kind, as_json))


@app.command()
def bench(
    name: Annotated[Optional[str], typer.Argument(help="See: marketic list benchmarks.")] = None,  # noqa: UP045
    as_json: Json = False,
    quick: Quick = False,
) -> None:
    """Measure marketic, and hold it against its bars."""
    from marketic.commands.proving import run_rows

    raise typer.Exit(run_rows("benchmarks", name, quick=quick, as_json=as_json))


@app.command()
def reproduce(
    name: Annotated[Optional[str], typer.Argument(help="See: marketic list experiments.")] = None,  # noqa: UP045
    as_json: Json = False,
    quick: Quick = False,
) -> None:
    """Run an experiment from the literature, beside the published number."""
    from marketic.commands.proving import run_rows

    raise typer.Exit(run_rows("experiments", name, quick=quick, as_json=as_json))


@app.command()
def check(
    kind: Annotated[str, typer.Argument(help="What the target is: mechanism, population or env.")],
    target: Annotated[str, typer.Argument(help="A name (see: marketic list mechanisms), or module:Name.")],
    as_json: Json = False,
) -> None:
    """Hold a part to what it promises; exit 1 if a promise is refuted, 2 if one could not be tested."""
    from marketic.commands.proving import run_check

    raise typer.Exit(run_check(kind, target, as_json))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="One run's folder, or several to compare.")],
    out: Annotated[Optional[Path], typer.Option(help="The page. [default: report.html in the first folder]")] = None,  # noqa: UP045
) -> None:
    """Write report.html: one page that needs nothing else, for one run or for several side by side."""
    from marketic.commands.looking import run_report

    raise typer.Exit(run_report(runs, out))


@app.command()
def query(
    run: Annotated[Path, typer.Argument(help="A run's folder, trained with --log.")],
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help="About trades, agents, prices, accounts, episodes ...")
    ],
    as_json: Json = False,
) -> None:
    """Ask a run's event log a question in SQL."""
    from marketic.commands.log import run_query

    raise typer.Exit(run_query(run, statement, as_json))


@app.command()
def audit(
    run: Annotated[Path, typer.Argument(help="A run's folder, trained with --log trades or everything.")],
    as_json: Json = False,
) -> None:
    """Replay a run's ledger from its log, without the agents; exit 1 with the first transfer that does not add up."""
    from marketic.commands.log import run_audit

    raise typer.Exit(run_audit(run, as_json))


@app.command()
def plot(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    what: Annotated[str, typer.Option(help="returns, prices, price-error, wealth, gini, graph ...")] = "returns",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help=".svg, .png, .pdf; of graph also .graphml, .gexf, .json, .parquet. [default: WHAT.svg in the folder]"
        ),
    ] = None,
) -> None:
    """Draw one figure of a run, for a paper, or write its trade graph for other programs."""
    from marketic.commands.watching import run_plot

    raise typer.Exit(run_plot(run, what, out))


@app.command()
def dashboard(
    run: Annotated[Path, typer.Argument(help="A run's folder; training may still be going on.")],
    port: Annotated[Optional[int], typer.Option(help="[default: a free one]")] = None,  # noqa: UP045
) -> None:
    """Serve the live page of a run on this machine, until Ctrl-C; the folder is only read."""
    from marketic.commands.watching import run_dashboard

    raise typer.Exit(run_dashboard(run, port))


@app.command()
def watch(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    out: Annotated[Optional[Path], typer.Option(help=".html, .gif, .mp4. [default: watch.html]")] = None,  # noqa: UP045
    seed: Annotated[Optional[int], typer.Option(help="Of the episode.")] = None,  # noqa: UP045
    steps: Annotated[int, typer.Option(help="At most so many.")] = 500,
) -> None:
    """Play an episode greedily, with the auction of every step: who bid what, who won, who paid whom."""
    from marketic.commands.watching import run_watch

    raise typer.Exit(run_watch(run, out, seed, steps))


@app.command()
def rerun(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    at: Annotated[int, typer.Option(help="Step to part at: the last checkpoint's step at or before it.")],
    without: Annotated[Optional[int], typer.Option(metavar="ACCOUNT", help="An agent to leave out.")] = None,  # noqa: UP045
    mechanism: Annotated[Optional[str], typer.Option(help="Another auction: its name, or module:Name.")] = None,  # noqa: UP045
    assign: Annotated[Pairs, typer.Option("--set", metavar="KEY=VALUE", help="Another option.")] = None,
    steps: Annotated[Optional[int], typer.Option(help="Where both branches end. [default: the run's end]")] = None,  # noqa: UP045
    out: Annotated[Optional[Path], typer.Option(help="For both branches. [default: RUN-rerun-STEP]")] = None,  # noqa: UP045
    as_json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite former branches in the folder.")] = False,
) -> None:
    """What if: train on from a step twice, unchanged and with one change, on the same randomness, and compare."""
    from marketic.commands.log import run_rerun

    raise typer.Exit(run_rerun(run, at, without, mechanism, assign or [], steps, out, as_json=as_json, force=force))


@app.command()
def demo(out: Annotated[Path, typer.Option(help="Where to.")] = Path("runs/demo"), quiet: Quiet = False) -> None:
    """Watch a market learn CartPole and FrozenLake, and look at what it learned (about a minute)."""
    from marketic.commands.training import run_demo

    raise typer.Exit(run_demo(out, quiet))


def main() -> None:
    """The entry point: one line for bad input, and exit status 2."""
    from marketic.errors import InputError

    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without some letter of a path gets its number
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.path.append(os.getcwd())  # so that module:Name finds the user's own files, but never before installed ones
    try:
        app()
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"error: {error.strerror}, where the answer or a file was to go: free some space", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
