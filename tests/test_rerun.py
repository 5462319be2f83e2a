"""What if: the unchanged branch is the run itself, the changed one parts from it where it must, and bad input is named."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_envs import Fixed, Walk
from typer.testing import CliRunner

import marketic
from marketic.bids import Bids
from marketic.callbacks import Callback
from marketic.cli import app
from marketic.commands.log import run_rerun
from marketic.dashboard.replay import replay, stage_of
from marketic.dashboard.stage import in_words
from marketic.errors import InputError
from marketic.events import audit, open_log
from marketic.events.absent import Absent, best_bidders, leave_out
from marketic.events.comparison import gini
from marketic.events.rerun import Change, rerun
from marketic.exploration import Novices
from marketic.individuals import Individuals
from marketic.market import Market
from marketic.mechanisms import SecondPrice
from marketic.reporting.appraisal import appraise
from marketic.run import Run, resume, train
from marketic.run_config import RunConfig
from marketic.run_folder import RunFolder
from marketic.run_market import load_of_run

LAKE = RunConfig("FrozenLake-v1", agents="tabular", steps=3_000, seed=3, checkpoint_every=500, log="trades",
                 evaluate_every=700, evaluate_episodes=3, options={"novices": 0.1})  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rerun") / "run"
    train(LAKE, folder)
    return folder


@pytest.mark.parametrize(("at", "start"), [(2_200, 2_000), (700, 500), (0, 0)], ids=["kept", "not kept", "start"])
def test_the_unchanged_branch_is_the_run_itself(run, tmp_path, at, start):
    """From a checkpoint that is kept, one that must be trained to again, and from the start."""
    result = rerun(run, at, Change(mechanism="first-price"), tmp_path / "out")
    assert (result["at"], result["asked"], result["steps"]) == (start, at, 3_000)
    factual = tmp_path / "out" / "factual"
    assert RunFolder(factual).final.read_bytes() == RunFolder(run).final.read_bytes()
    whole, part = open_log(run).to_arrow("trades"), open_log(factual).to_arrow("trades")
    tail = whole.slice(len(whole) - len(part))
    for name in ("step", "kind", "seller", "buyer", "price", "bid", "paid", "reward"):
        assert tail.column(name).to_pylist() == part.column(name).to_pylist()
    assert audit(factual).sound
    assert audit(tmp_path / "out" / "counterfactual").sound


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_branch_that_a_signal_stopped_is_compared_with_nothing(run, tmp_path, monkeypatch, number, error):
    saved = Run.save

    def save(self):
        saved(self)
        signal.raise_signal(number)

    monkeypatch.setattr(Run, "save", save)
    with pytest.raises(error):
        rerun(run, 0, Change(mechanism="first-price"), tmp_path / "out")
    assert not (tmp_path / "out" / "comparison.json").exists()
    assert not (tmp_path / "out" / "counterfactual").exists()


def test_another_mechanism_changes_what_is_paid_from_the_first_resale_on(run, tmp_path):
    result = rerun(run, 2_000, Change(mechanism="first-price"), tmp_path)
    sales = open_log(tmp_path / "counterfactual").to_arrow("trades")
    sold = (sales.column("kind").to_numpy() == 1) & ~sales.column("novice").to_numpy(zero_copy_only=False)
    assert (sales.column("paid").to_numpy()[sold] == sales.column("bid").to_numpy()[sold]).all()
    assert result["first_difference"]["step"] >= 2_000
    assert result["difference"]["paid_mean"] > 0
    assert json.loads((tmp_path / "comparison.json").read_text())["difference"] == result["difference"]


def test_an_agent_that_is_left_out_never_buys(run, tmp_path):
    trades = open_log(run).to_arrow("trades")
    bought = trades.column("buyer").to_numpy()[(trades.column("kind").to_numpy() == 1)]
    account = int(np.bincount(bought).argmax())
    result = rerun(run, 2_000, Change(without=account), tmp_path)
    branch = open_log(tmp_path / "counterfactual").to_arrow("trades")
    assert not ((branch.column("buyer").to_numpy() == account) & (branch.column("kind").to_numpy() == 1)).any()
    assert result["first_difference"] is not None
    assert RunConfig.read(tmp_path / "counterfactual" / "config.toml").without == (account,)
    longer = resume(tmp_path / "counterfactual", steps=3_200)  # and stays away when the branch goes on
    assert isinstance(longer.market.population, Absent)
    assert audit(tmp_path / "counterfactual").sound


def test_another_option_and_another_end(run, tmp_path):
    result = rerun(run, 2_000, Change(options={"discount": 0.5}), tmp_path, steps=2_300)
    factual = result["branches"]["factual"]
    header = open_log(tmp_path / "counterfactual").header
    assert (header["discount"], header["step"]) == (0.5, 2_000)
    assert result["first_difference"] is not None
    assert open_log(tmp_path / "factual").step == 2_300
    assert all(2_000 <= step <= 2_300 for step, _ in factual["curve"])


def test_bad_input_leaves_nothing_behind(run, tmp_path):
    out = tmp_path / "out"
    for change, at, message in (
        (Change(), 100, "needs a change"),
        (Change(mechanism="first-price"), 3_000, "wanted a step from 0 to below 3000"),
        (Change(mechanism="first-price"), -1, "wanted a step from 0"),
        (Change(mechanism="nonsense"), 100, "nonsense"),
        (Change(options={"states": 3}), 100, "unknown option 'states'"),
        (Change(without=1), 100, "account 1 is no agent's: wanted one from 2 to 65"),
        (Change(without=66), 100, "account 66 is no agent's"),
    ):
        with pytest.raises(InputError, match=message):
            rerun(run, at, change, out)
        assert not out.exists()
    with pytest.raises(InputError, match="no run in"):
        rerun(tmp_path / "nowhere", 0, Change(mechanism="first-price"))
    compiled = replace(LAKE, env="CartPole-v1", agents="tiles", compiled=True, options={})
    with pytest.raises(InputError, match="trained with compiled=True"):
        Change(without=2).apply(compiled)


def test_an_absent_agent_is_silent_in_training_and_in_greedy_play():
    market = marketic.make("FrozenLake-v1", agents="tabular", seed=0).learn(200)
    seen = np.array([[0.0]])
    members = market.population.match(seen)[0, :, 0]
    absent = Absent(market.population, [int(members[1])])
    for ask in (absent.bid, absent.appraise):
        assert ask(seen).active.tolist() == [[True, False, True, True]]
    with pytest.raises(InputError, match="no agent 64 to leave out: wanted 0 to 63"):
        Absent(market.population, [64])


def test_where_nobody_bids_no_absent_agent_acts_in_greedy_play():
    market = marketic.make("FrozenLake-v1", agents="tabular", seed=0).learn(50)
    quiet = Bids.unchecked(np.ones((3, 4)), np.zeros((3, 4), dtype=bool), None, None, None)
    assert best_bidders(market, quiet).tolist() == [0, 0, 0]
    market.population = Absent(market.population, [])
    market.population.absent = np.array([[True, True, False, True], [True] * 4, [False, True, True, True]])
    assert best_bidders(market, quiet).tolist() == [2, 0, 0]
    market.population.seats = np.array([2])  # the last two places are no bidders of this right
    assert best_bidders(market, quiet).tolist() == [0, 0, 0]
    loud = Bids.unchecked(np.array([[1.0, 3.0, 2.0, 0.0]] * 3), np.ones((3, 4), dtype=bool), None, None, None)
    assert best_bidders(market, loud).tolist() == [1, 1, 1]


def test_a_market_whose_every_bidder_was_left_out_is_appraised_and_watched():
    market = marketic.make("FrozenLake-v1", agents="tabular", seed=0).learn(200)
    members = market.population.match(np.array([[0.0]]))[0, :, 0]
    leave_out(market, market.accounts[members].tolist())
    answer = appraise(market, np.array([[0.0], [4.0]]))
    assert np.isnan(answer.price[0])
    assert answer.known.tolist() == [False, True]
    scene = next(replay(market, stage_of(market), seed=0))
    assert scene.offers == [[]]
    assert not scene.lottery
    assert "nobody bids" in in_words(scene)


def test_the_command_prints_and_returns_both_branches(run, tmp_path):
    arguments = ["rerun", str(run), "--at", "2600", "--set", "discount=0.9", "--out", str(tmp_path / "a")]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    assert "branches part at step 2,500" in shown.stdout
    again = CliRunner().invoke(app, [*arguments, "--json", "--force"])
    assert json.loads(again.stdout.splitlines()[-1])["at"] == 2_500


def test_gini_of_debts_and_of_nothing():
    assert gini(np.array([-5.0, 0.0, 3.0])) == pytest.approx(2 / 3)
    assert np.isnan(gini(np.zeros(3)))


def test_all_checkpoints_can_be_kept_for_cheap_reruns(tmp_path, capsys):
    settings = {"steps": 1_000, "seed": 0, "log": "trades", "checkpoint_every": 100}
    train(RunConfig("FrozenLake-v1", keep_checkpoints=0, **settings), tmp_path / "all")
    train(RunConfig("FrozenLake-v1", keep_checkpoints=5, **settings), tmp_path / "five")
    train(RunConfig("FrozenLake-v1", **settings), tmp_path / "three")
    kept = [len(list((tmp_path / name / "checkpoints").glob("step-*"))) for name in ("all", "five", "three")]
    assert kept == [10, 5, 3]
    capsys.readouterr()
    cheap = rerun(tmp_path / "all", 200, Change(mechanism="first-price"), tmp_path / "a", steps=400)
    assert "training again" not in capsys.readouterr().err
    dear = rerun(tmp_path / "three", 200, Change(mechanism="first-price"), tmp_path / "b", steps=400)
    assert "is not kept: training again" in capsys.readouterr().err
    assert cheap["difference"] == dear["difference"]
    with pytest.raises(InputError, match="keep_checkpoints = -1: wanted an integer >= 0"):
        RunConfig("FrozenLake-v1", keep_checkpoints=-1)


def test_who_was_left_out_takes_no_part_in_any_way(tmp_path):
    """Neither as a bidder, nor in evaluation of any of the branch's files."""
    train(RunConfig("FrozenLake-v1", steps=2_000, seed=0, log="trades", checkpoint_every=500), tmp_path / "run")
    market = marketic.load(tmp_path / "run" / "final.market")
    buyer = (
        open_log(tmp_path / "run")
        .to_arrow(
            "trades",
            ["buyer"],
        )
        .column("buyer")
        .to_numpy()
    )
    account = int(np.bincount(buyer[buyer > 1]).argmax())
    rerun(tmp_path / "run", 1_000, Change(without=account), tmp_path)
    branch = tmp_path / "counterfactual"
    buyers = open_log(branch).to_arrow("trades", ["buyer"]).column("buyer").to_numpy()
    assert account in open_log(tmp_path / "factual").to_arrow("trades", ["buyer"]).column("buyer").to_pylist()
    assert not (buyers == account).any()
    agent = account - int(market.accounts[0])
    state = np.array([[float(agent // market.population.n_bidders)]])
    for file in (branch / "final.market", *(branch / "checkpoints").glob("step-*")):
        branched = load_of_run(file)
        bids = branched.population.appraise(state)
        assert bids.active[0].sum() == branched.population.n_bidders - 1
    assert load_of_run(tmp_path / "run" / "final.market").population.bid(state).active.all()


def test_the_house_sends_nobody_who_was_left_out():
    """It wants a novice at every sale, and nobody bids high enough to matter."""
    market = Market(Walk(3), Individuals([Fixed(0.0) for _ in range(3)]), SecondPrice(), novices=Novices(1.0), seed=0)
    leave_out(market, [2])
    buyers = set()

    class Watch(Callback):
        def on_trade(self, event):
            buyers.update(event.buyer.tolist())

    market.learn(200, callback=Watch())
    assert buyers == {1, 2}
    market.population.retire(np.array([1]))
    assert (market.population.agents.tolist(), market.population.n_agents) == ([0], 2)


def test_figures_of_both_branches_are_shown_alike_and_whole(monkeypatch, capsys):
    """The second column was once cut after ten letters: 1.2e-05 lost its exponent, and a large sum its last digits."""
    factual = {"folder": "f", "paid_mean": 0.125, "house": -1030.156, "gini": None, "curve": []}
    other = {"folder": "c", "paid_mean": 1.234567890123e-05, "house": -12345678.5, "gini": 0.5, "curve": []}
    result = {"branches": {"factual": factual, "counterfactual": other}, "at": 0, "steps": 9, "change": {}, "out": "o"}
    monkeypatch.setattr("marketic.events.rerun.rerun", lambda *_, **__: {**result, "first_difference": None})
    run_rerun(Path("f"), 0, 1, None, [], None, None, as_json=False, force=False)
    shown = {line.split()[0]: line.split()[1::2] for line in capsys.readouterr().out.splitlines()[1:4]}
    assert {name: [float(figure) for figure in figures if figure != "-"] for name, figures in shown.items()} == {
        "paid_mean": [0.125, pytest.approx(1.23456789e-05)], "house": [-1030.156, -12345678.5], "gini": [0.5]
    }  # fmt: skip
