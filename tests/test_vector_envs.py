"""Vector environments: the same transitions in every autoreset mode, and truncation is a price, termination is not."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from tiny_envs import Clockwork

import marketic
from marketic import Bids, InputError, Market
from marketic.ledger import WORLD
from marketic.mechanisms import SecondPrice
from marketic.worlds import VectorWorld, open_world

MODES = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda m: m.value)
COPIES = 3


class Recorder:
    """One bidder per action, which bids and acts by a fixed rule and writes down every receipt."""

    n_agents = n_bidders = 2

    def __init__(self) -> None:
        self.seen: dict[int, list] = {}

    def bid(self, observation):
        state, time = observation[:, 0], observation[:, 1]
        return Bids(np.stack([10 + state, 10 + 2.0 * state * (time % 3 == 1)], axis=1))

    def act(self, winner, observation):
        return winner

    def learn(self, receipt) -> None:
        for row in np.flatnonzero(receipt.valid).tolist():
            step = (
                receipt.observation[row].tolist(), int(receipt.winner[row]), float(receipt.reward[row]),
                float(receipt.credit[row]), float(receipt.realised[row]), bool(receipt.terminated[row]),
                bool(receipt.truncated[row]), receipt.next_observation[row].tolist(),
            )  # fmt: skip
            self.seen.setdefault(row, []).append(step)


def episodes(transitions: list) -> list[list]:
    """Whole episodes, without the random third component."""
    done, current = [], []
    for observation, winner, reward, credit, realised, terminated, truncated, after in transitions:
        current.append((observation[:2], winner, reward, credit, realised, terminated, truncated, after[:2]))
        if terminated or truncated:
            done.append(current)
            current = []
    return done


def train(env, steps: int = 240) -> Recorder:
    recorder = Recorder()
    market = Market(env, recorder, SecondPrice(), seed=11).learn(steps)
    assert int(market.ledger.balance.sum()) == 0
    assert steps <= market.num_timesteps < steps + COPIES
    assert market.ledger.balance[WORLD] == -sum(round(t[2] * 2**20) for row in recorder.seen.values() for t in row)
    return recorder


def single() -> list[list]:
    return episodes(train(Clockwork(), 80).seen[0])


def vector(kind, mode):
    return kind([Clockwork] * COPIES, autoreset_mode=mode)


@MODES
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_every_mode_gives_the_transitions_of_a_single_environment(kind, mode) -> None:
    env = vector(kind, mode)
    try:
        recorder = train(env)
    finally:
        env.close()
    wanted = single()[0]
    assert len(wanted) > 2
    assert sorted(recorder.seen) == list(range(COPIES))
    for row in range(COPIES):
        played = episodes(recorder.seen[row])
        assert len(played) > 5
        assert all(episode == wanted for episode in played[:-1]), "the clockwork runs the same in every episode"


@MODES
def test_counted_steps_and_episodes_leave_resets_out(mode) -> None:
    market = Market(vector(SyncVectorEnv, mode), Recorder(), SecondPrice(), seed=11).learn(240)
    length = len(single()[0])
    assert market.episodes == COPIES * (market.num_timesteps // COPIES // length)
    assert len(set(market.recent_returns)) == 1


class Ends(gym.Env):
    """Ends after two steps, as it is told to; the last state is 7."""

    observation_space, action_space = gym.spaces.Box(0.0, 9.0, (1,), np.float64), gym.spaces.Discrete(2)

    def __init__(self, terminated: bool, truncated: bool) -> None:
        self.ending, self.time = (terminated, truncated), 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.array([1.0]), {}

    def step(self, action):
        self.time += 1
        ended = self.time == 2
        return np.array([7.0 if ended else 2.0]), 0.5, *(self.ending if ended else (False, False)), {}


class Appraiser(Recorder):
    """Bids what it sees."""

    def bid(self, observation):
        return Bids(np.repeat(observation, 2, axis=1))


@pytest.mark.parametrize("kind", ["single", *AutoresetMode])
@pytest.mark.parametrize(("terminated", "truncated"), [(True, False), (False, True), (True, True)])
def test_a_truncated_state_is_priced_and_a_terminal_one_is_worth_nothing(kind, terminated, truncated) -> None:
    env = (
        Ends(terminated, truncated)
        if kind == "single"
        else SyncVectorEnv([lambda: Ends(terminated, truncated)] * 2, autoreset_mode=kind)
    )
    recorder = Appraiser()
    Market(env, recorder, SecondPrice(), seed=0).learn(12)
    last = [t for t in recorder.seen[0] if t[0] == [2.0]]
    priced = truncated and not terminated  # both at once: the end of the world counts
    assert len(last) >= 3
    for _, _, reward, credit, realised, was_terminated, was_truncated, after in last:
        assert (reward, credit) == (0.5, 7.0 if priced else 0.0)
        assert realised == 0.5 + 0.99 * credit
        assert (was_terminated, was_truncated) == (terminated, priced)
        assert after == [7.0], "the last state itself, not the next episode's first"


def test_a_vector_entry_point_trains() -> None:
    env = gym.make_vec("CartPole-v1", 16, vectorization_mode="vector_entry_point")
    market = marketic.make(env, seed=0).learn(2000)
    assert 2000 <= market.num_timesteps < 2016
    assert market.episodes > 0
    assert int(market.ledger.balance.sum()) == 0
    action, _ = market.predict(env.reset(seed=0)[0], deterministic=True)
    assert action.shape == (16,)
    env.close()


def test_an_environment_may_reuse_its_observation_array() -> None:
    """SyncVectorEnv(copy=False) hands out one buffer; what was bought where must not change under our feet."""
    plain = train(SyncVectorEnv([Clockwork] * COPIES))
    shared = train(SyncVectorEnv([Clockwork] * COPIES, copy=False))
    assert plain.seen == shared.seen
    assert plain.seen[0][0][0] != plain.seen[0][0][-1]


@MODES
def test_actions_of_every_kind_reach_a_vector_environment(mode) -> None:
    spaces = gym.spaces
    both = spaces.Dict(
        a=spaces.Discrete(3, start=2), b=spaces.Tuple([spaces.MultiBinary(2), spaces.Box(0.0, 1.0, (1,), np.float64)])
    )

    class Echo(gym.Env):
        observation_space, action_space = spaces.Discrete(2), both

        def reset(self, *, seed=None, options=None):
            return 0, {}

        def step(self, action):
            assert both.contains(action), action
            value = action["a"] - 2 + 10 * action["b"][0][0] + 100 * action["b"][0][1] + 1000 * action["b"][1][0]
            return 1, float(value), False, False, {}

    world = open_world(SyncVectorEnv([Echo] * 2, autoreset_mode=mode), action_bins=3)
    assert isinstance(world, VectorWorld)
    world.reset(seed=0)
    world.step(np.array([2, 1, 0, 1, 0, 0, 1, 2]))
    assert world.reward.tolist() == [2 + 10 + 500, 100 + 1000]


def test_other_objects_are_no_environments() -> None:
    with pytest.raises(InputError, match=r"'CartPole' is a str: wanted a gymnasium\.Env"):
        Market("CartPole", Recorder(), SecondPrice())


@pytest.mark.parametrize("family", ["tabular", "research", "tiles", "growing", "firms", "bank", "rules", "expressions"])
def test_several_rights_are_traded_in_several_copies(family):
    """Compiled families were handed every second row of the receipts as a view, which their code does not take."""

    class TwoLevers(gym.Env):
        observation_space, action_space = gym.spaces.Discrete(3), gym.spaces.MultiDiscrete([2, 3])

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return int(self.np_random.integers(3)), {}

        def step(self, action):
            return int(self.np_random.integers(3)), float(action.sum()), False, bool(self.np_random.random() < 0.2), {}

    market = marketic.make(SyncVectorEnv([TwoLevers] * COPIES), agents=family, seed=2).learn(60)
    assert market.num_timesteps >= 60
    assert int(market.ledger.balance.sum()) == 0


def test_a_single_copy_between_two_episodes_makes_no_step() -> None:
    """In NEXT_STEP mode the step that only resets the environment was counted, and made each episode longer by one."""

    class Lengths(marketic.Callback):
        def __init__(self) -> None:
            self.seen: list[int] = []

        def on_episode(self, event) -> None:
            self.seen.append(event.length)

    def lengths(mode) -> list[int]:
        watch, env = Lengths(), SyncVectorEnv([Clockwork], autoreset_mode=mode)
        market = Market(env, Recorder(), SecondPrice(), seed=11).learn(60, callback=watch)
        assert market.num_timesteps == 60
        return watch.seen

    assert lengths(AutoresetMode.NEXT_STEP) == lengths(AutoresetMode.SAME_STEP)
