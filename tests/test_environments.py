"""Environments by name: ids, ids of a module, and classes that nobody registered, on every path that makes one."""

import json
import sys

import gymnasium as gym
import pytest
from refusals import refused
from tiny_envs import Fixed

import marketic
from marketic import Individuals, Market, cli
from marketic.checks.environment import check_env
from marketic.environments import make_again, open_copies, open_env
from marketic.mechanisms import SecondPrice

SOURCE = '''
import gymnasium as gym
import numpy as np

from marketic import Bids


class Lamp(gym.Env):
    """Pays 1 for naming the light that is on."""

    observation_space, action_space = gym.spaces.Discrete(2), gym.spaces.Discrete(2)

    def __init__(self, length=5):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.on = 0, int(self.np_random.integers(2))
        return self.on, {}

    def step(self, action):
        reward, self.steps, self.on = float(action == self.on), self.steps + 1, int(self.np_random.integers(2))
        return self.on, reward, False, self.steps >= self.length, {}


class NoSpaces(gym.Env):
    def reset(self, *, seed=None, options=None):
        return 0, {}

    def step(self, action):
        return 0, 0.0, True, False, {}


class Broken(Lamp):
    def __init__(self):
        raise RuntimeError("fuse")


LAMPS = 3


class Rich(Lamp):
    def step(self, action):
        return self.on, 1e30, True, False, {}


class Mute:
    """Bidders of whom the second never says a number."""

    def __init__(self, actions):
        self.n_agents = self.n_bidders = actions

    @classmethod
    def for_spaces(cls, goods, actions, *, rng):
        return cls(actions)

    def bid(self, observation):
        return Bids(np.tile([1.0, np.nan], (len(observation), 1)))

    def act(self, winner, observation):
        return winner.copy()

    def learn(self, receipt):
        pass

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class Talks(Mute):
    def state_dict(self):
        return {"prices": {"lamp": 1.0}}


gym.register("Lamp-v0", entry_point="lamps:Lamp")
'''


@pytest.fixture
def lamps(tmp_path, monkeypatch):
    """A user's module in an empty folder."""
    (tmp_path / "lamps.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("lamps", None)
    gym.registry.pop("Lamp-v0", None)


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command as a user would; returns the object that it printed last."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["marketic", *arguments, "--json"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


@pytest.mark.parametrize("name", ["lamps:Lamp", "lamps:Lamp-v0"])
@pytest.mark.parametrize("copies", ["1", "2"])
def test_every_command_takes_both_names(lamps, name, copies, command):
    command("check", "env", name)
    command("train", name, "--steps", "400", "--vector", copies, "--seed", "1", "--out", "run", "--quiet")
    assert command("resume", "run", "--steps", "600", "--quiet")["steps"] >= 600
    assert command("evaluate", "run", "--episodes", "3")["mean"] == 5.0


def test_options_reach_the_constructor_and_saved_markets_find_it_again(lamps, tmp_path):
    market = marketic.make("lamps:Lamp", env_options={"length": 7}, seed=1).learn(400)
    assert market.evaluate(3).tolist() == [7.0] * 3
    market.save(tmp_path / "lamp.market")
    assert marketic.load(tmp_path / "lamp.market").evaluate(1).tolist() == [7.0]
    copies = gym.make_vec(open_env("lamps:Lamp").spec, num_envs=2, length=3)
    assert make_again(copies.spec).unwrapped.length == 3


def test_what_is_no_environment_is_refused_in_a_line(lamps):
    refused(lambda: open_env("lamps:Lantern"), "cannot make environment 'lamps:Lantern'", "doesn't exist")
    refused(lambda: open_env("no_such_module:Lamp"), "no_such_module")
    refused(lambda: open_env("lamps:Lamp", {"width": 3}), "width")
    refused(lambda: open_env("lamps:NoSpaces"), "lamps:NoSpaces", "action space")
    for name in ("Lantern", "LAMPS"):
        for made in (
            lambda name=name: open_env(f"lamps:{name}"),
            lambda name=name: open_copies(f"lamps:{name}", 2, {}),
        ):
            refused(made, f"lamps has no class or function {name!r}, nor an id of that name")
    refused(lambda: open_env("lamps:Broken"), "cannot make environment 'lamps:Broken': RuntimeError fuse")
    refused(lambda: open_copies("lamps:Broken", 2, {}), "cannot make 2 copies of 'lamps:Broken': RuntimeError fuse")
    refused(lambda: open_env("lamps:Lamp", [5]), "env_options=[5]", "wanted a dict")
    refused(lambda: open_env("FrozenLake-v1", {"map_name": "9x9"}), "KeyError '9x9'")
    import lamps as module

    for use in (
        marketic.make,
        check_env,
        lambda env: Market(env, Individuals([Fixed()]), SecondPrice()),
    ):
        refused(lambda use=use: use(module.NoSpaces()), "NoSpaces has observation_space None", "in __init__")


@pytest.mark.parametrize("text", ["class X(:", "x = never_heard_of", "raise RuntimeError('no')", "import not_there"])
def test_a_file_that_cannot_be_imported_is_bad_input(text, tmp_path, monkeypatch, capsys):
    (tmp_path / "slips.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    lake = ("train", "FrozenLake-v1", "--steps", "5")
    for given in (
        ("train", "slips:X"),
        ("train", "slips:X-v0", "--vector", "2"),
        (*lake, "--mechanism", "slips:X"),
        (*lake, "--agents", "slips:X"),
        ("check", "mechanism", "slips:X"),
        ("check", "population", "slips:X"),
        ("check", "env", "slips:X"),
    ):
        monkeypatch.setattr(sys, "argv", ["marketic", *given])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr().err.splitlines()[-1]
        assert end.value.code == 2, "1 would say that a promise was refuted"
        assert said.startswith("error: cannot")
        assert "slips" in said


def test_a_task_has_its_settings_under_all_of_its_names(tmp_path, monkeypatch):
    (tmp_path / "ours.py").write_text("import gymnasium")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("CartPole-v1", "ours:CartPole-v1", gym.make("CartPole-v1")):
        assert marketic.make(name, seed=0).config["agents"] == "tiles"
    with pytest.warns(UserWarning, match="latest versioned"):
        assert marketic.make("CartPole", seed=0).config["agents"] == "tiles"


def test_rewards_beyond_what_a_ledger_holds_are_named_by_the_kit_as_by_the_market(lamps):
    report = check_env("lamps:Rich", raises=False)
    assert "1e+30: wanted a finite number up to" in report.refuted["REWARDS"].explanation
    refused(lambda: marketic.make("lamps:Rich", seed=0).learn(10), "reward [1e+30]", "finite numbers up to")


def test_refused_bids_are_counted_in_what_training_says(lamps, command):
    summary = command("train", "lamps:Lamp", "--agents", "lamps:Mute", "--steps", "50", "--quiet")
    assert summary["bids_refused"] == 60, "one at every step, and one at the end of each of ten episodes"
    assert command("train", "lamps:Lamp", "--steps", "50", "--quiet")["bids_refused"] is None


def test_a_family_that_cannot_be_saved_is_refused_before_the_first_step(lamps, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["marketic", "train", "lamps:Lamp", "--agents", "lamps:Talks", "--out", "run"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert "Talks.state_dict()['prices'] is a dict: wanted arrays only" in capsys.readouterr().err
