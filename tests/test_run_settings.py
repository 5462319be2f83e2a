"""What a run was given: markets and parts survive TOML and files, and what makes no sense is refused."""

import json
import tomllib

import gymnasium as gym
import pytest

import marketic
from marketic.agents import LearningRate, PaperTrades, SteadyBids, Tiles
from marketic.environments import open_copies
from marketic.errors import InputError
from marketic.mechanisms import Softmax, credit_conserving_vickrey
from marketic.options import plain, read_options
from marketic.run_config import RunConfig
from marketic.toml_text import to_toml

MARKETS = {
    "preset": {"env": "CartPole-v1"},
    "scalars": {"env": "FrozenLake-v1", "agents": "tabular", "novices": 0.2, "learning_rate": 0.2, "mechanism": "first-price"},
    "tables": {"env": "CartPole-v1", "tilings": [{"features": [0, 1], "bins": [3, 3]}], "novices": {"probability": 0.1},
               "learning_rate": {"initial": 0.2, "horizon": 500}},
    "mechanism": {"env": "FrozenLake-v1", "mechanism": Softmax(0.3), "env_options": {"map_name": "8x8"}},
    "chain": {"env": "FrozenLake-v1", "agents": "tabular", "mechanism": credit_conserving_vickrey(2), "clones": 2},
    "class": {"env": "CartPole-v1", "agents": Tiles},
    "real actions": {"env": "Pendulum-v1"},
}  # fmt: skip


@pytest.mark.parametrize("name", MARKETS)
def test_what_make_was_given_survives_toml_and_files(name, tmp_path):
    market = marketic.make(seed=3, **MARKETS[name])
    config = market.config
    assert config["objects"] == []
    assert tomllib.loads(to_toml(config)) == config == json.loads(json.dumps(config))
    market.learn(200)
    market.save(tmp_path / "a.market")
    again = marketic.load(tmp_path / "a.market")
    for one in (market, again):
        one.learn(200)
    market.save(tmp_path / "a.market")
    again.save(tmp_path / "b.market")
    assert (tmp_path / "a.market").read_bytes() == (tmp_path / "b.market").read_bytes()


def test_an_instance_with_settings_of_its_own_is_made_again(tmp_path):
    market = marketic.make(gym.make("FrozenLake-v1", map_name="8x8", max_episode_steps=7), seed=0)
    market.save(tmp_path / "a.market")
    env = marketic.load(tmp_path / "a.market").env
    assert env.observation_space.n == 64
    assert env.spec.max_episode_steps == 7


def test_objects_of_the_users_own_are_asked_for(tmp_path):
    class Local(Softmax):
        pass

    env = gym.wrappers.TransformReward(gym.make("FrozenLake-v1"), lambda reward: reward)
    market = marketic.make(env, mechanism=Local(), seed=1).learn(100)
    market.save(tmp_path / "a.market")
    with pytest.raises(InputError, match=r"env, mechanism.*pass env=, mechanism="):
        marketic.load(tmp_path / "a.market")
    loaded = marketic.load(tmp_path / "a.market", env=env, mechanism=Local())
    assert loaded.num_timesteps == 100


@pytest.mark.parametrize("options", [{"learning_rate": {"speed": 1}}, {"learning_rate": {"initial": "fast"}},
                                     {"royalty": "high"}, {"novices": "many"}, {"initial_bid": "lots"},
                                     {"tilings": [{"class": "os:system"}]}])  # fmt: skip
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError):
        marketic.make("CartPole-v1", seed=0, **options)


def test_parts_have_short_forms():
    read = read_options({"greedy": 4000, "rehearsals": "none", "paper_trades": 3, "learning_rate": 1})
    assert read == {
        "greedy": SteadyBids(4000.0),
        "rehearsals": None,
        "paper_trades": PaperTrades(3),
        "learning_rate": LearningRate(1.0),
    }
    assert plain(read)["greedy"]["trades"] == 4000.0


@pytest.mark.parametrize("value", ["lots", True, "4000 trades"])
def test_a_part_that_is_no_table_and_no_number_is_refused(value):
    with pytest.raises(
        InputError, match="wanted a table with some of trades, licence, tie, a number for trades, or none"
    ):
        marketic.make("CartPole-v1", greedy=value)


def test_files_cannot_call_functions():
    with pytest.raises(InputError, match="wanted a dataclass"):
        read_options({"x": {"class": "os:getcwd"}})
    with pytest.raises(InputError, match="cannot be written"):
        plain(lambda: 1)


SETTINGS = [
    {"options": {"agents": "bank"}}, {"options": {"seed": 3}}, {"options": {"env": 3}}, {"options": {"preset": "x"}},
    {"threshold": float("nan"), "evaluate_every": 10}, {"threshold": float("inf"), "evaluate_every": 10},
    {"threshold": "x", "evaluate_every": 10}, {"vector": 10**9}, {"steps": 10**20},
]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_settings_that_no_run_can_have(settings) -> None:
    """Most ended in a TypeError, or in a training that nothing ends."""
    name, value = next(iter(settings.items()))
    named = next(iter(value)) if name == "options" else name
    with pytest.raises(InputError, match=named):
        RunConfig("FrozenLake-v1", **settings)


@pytest.mark.parametrize("options", [{"map_name": "9x9"}, {"max_episode_steps": 0}, {"success_rate": "x"}])
def test_an_environment_that_fails_to_be_made_is_bad_input(options) -> None:
    for make in (
        lambda: marketic.make("FrozenLake-v1", env_options=options),
        lambda: open_copies("FrozenLake-v1", 2, options),
    ):
        with pytest.raises(InputError, match="cannot make"):
            make()


@pytest.mark.parametrize(("env", "bins"), [("CartPole-v1", 3), ("CartPole-v1", 0), ("Pendulum-v1", 0)])
def test_levels_of_actions_that_have_none_are_refused(env: str, bins: int) -> None:
    with pytest.raises(InputError, match=f"action_bins={bins}"):
        marketic.make(env, action_bins=bins)


def test_a_preset_that_is_not_there_is_refused() -> None:
    """It was passed over in silence."""
    with pytest.raises(InputError, match=r"preset='CartPole-v9'.*CartPole-v1"):
        marketic.make("CartPole-v1", preset="CartPole-v9")


SIZES = [
    ("Bandit", "arms"), ("Chain", "length"), ("LQEconomy", "goods"), ("LQEconomy", "controls"),
    ("MachineMaintenance", "machines"), ("Majority", "bits"), ("Production", "workshops"), ("Production", "room"),
    ("ResourceAllocation", "chargers"),
    ("ResourceAllocation", "longest"), ("SysAdmin", "computers"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "option"), SIZES)
@pytest.mark.parametrize("size", ["x", 2.5, float("nan"), 10**6 * 5, 10**12, 10**30])
def test_sizes_of_tasks_beyond_memory_are_refused_by_name(task, option, size) -> None:
    with pytest.raises(InputError, match=option):
        marketic.make(f"marketic/{task}-v0", env_options={option: size})


@pytest.mark.parametrize("option", ["big", "small", "absorbing"])
def test_rewards_of_tasks_are_finite(option) -> None:
    with pytest.raises(InputError, match=option):
        marketic.make("marketic/Duality-v0", env_options={option: float("nan")})
