"""Auctions as multi-agent tasks: PettingZoo's own tests, whole episodes, closed forms, and bad input."""

import warnings

import numpy as np
import pytest
from scipy import stats

from marketic.clearing import Clearing
from marketic.domains.scalar import SingleGood
from marketic.envs import auction_env
from marketic.envs.auction_env import AuctionEnv, auction_batch
from marketic.errors import InputError
from marketic.mechanisms import FirstPrice, SecondPrice, Softmax

pytest.importorskip("pettingzoo")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what pettingzoo's tests import is not ours to mend
    from pettingzoo.test import parallel_api_test, parallel_seed_test

KINDS = {
    "first price": lambda: AuctionEnv(FirstPrice(), 2),
    "second price, five rounds": lambda: AuctionEnv(SecondPrice(), 3, rounds=5),
    "softmax draws": lambda: AuctionEnv(Softmax(0.2), 3, rounds=20),
    "alone": lambda: AuctionEnv(SecondPrice(), 1, rounds=2),
    "asymmetric": lambda: AuctionEnv(FirstPrice(), 2, prior=[stats.uniform(0, 1), stats.expon()], rounds=3),
}


@pytest.mark.parametrize("build", KINDS.values(), ids=KINDS)
def test_pettingzoo_accepts_it(build, capsys):
    parallel_api_test(build(), num_cycles=30)
    parallel_seed_test(build, num_cycles=30)


def play(env, seed):
    """Everything that one episode showed, with bids that depend on the seed of the action spaces alone."""
    seen = [env.reset(seed=seed)]
    rng = np.random.default_rng(7)
    while env.agents:
        seen.append(env.step({agent: rng.random(1) for agent in env.agents}))
    return repr(seen)


@pytest.mark.parametrize("build", KINDS.values(), ids=KINDS)
def test_a_seed_decides_the_whole_episode(build):
    used = build()
    first = play(used, 3)
    assert play(used, 3) == first == play(build(), 3)
    assert play(used, 4) != first


def test_unseeded_resets_go_on_and_differ():
    env = AuctionEnv(SecondPrice(), 2)
    env.reset(seed=0)
    drawn = {float(env.reset()[0]["bidder_0"][0]) for _ in range(5)}
    assert len(drawn) == 5


def test_what_an_episode_pays():
    env = AuctionEnv(SecondPrice(), 3, rounds=2)
    values, _ = env.reset(seed=1)
    own = np.array([value[0] for value in values.values()])
    observation, reward, terminated, truncated, infos = env.step({"bidder_0": 0.9, "bidder_2": np.array([0.4])})
    assert reward == {"bidder_0": own[0] - 0.4, "bidder_1": 0.0, "bidder_2": 0.0}
    assert infos["bidder_0"] == {"allocation": 1.0, "payment": 0.4, "refused": ""}
    assert not any(terminated.values()) | any(truncated.values())
    assert all(env.observation_space(agent).contains(observation[agent]) for agent in env.agents)
    _, reward, terminated, _, infos = env.step({"bidder_0": np.nan, "bidder_1": 0.1, "bidder_2": [0.0]})
    assert "not a number" in infos["bidder_0"]["refused"]
    assert (infos["bidder_1"]["allocation"], reward["bidder_0"], all(terminated.values())) == (1.0, 0.0, True)
    assert env.agents == []
    with pytest.raises(InputError, match="the episode is over"):
        env.step({})


@pytest.mark.parametrize("mechanism", [FirstPrice(), SecondPrice()], ids=["first price", "second price"])
def test_bids_outside_the_action_space_are_turned_away(mechanism):
    """A winner who pays a negative bid would be paid it: money from nowhere, for who leaves the space."""
    env = AuctionEnv(mechanism, 2, rounds=3, largest_bid=0.5)
    env.reset(seed=0)
    for bids, winner in (((-1.0, -2.0), None), ((-1.0, 0.2), 1), ((0.5, 0.75), 0)):
        _, reward, _, _, infos = env.step(dict(zip(env.possible_agents, bids, strict=True)))
        told = list(infos.values())
        assert [one["refused"] == "" for one in told] == [0.0 <= bid <= 0.5 for bid in bids]
        assert [one["allocation"] for one in told] == [float(number == winner) for number in range(2)]
        assert min(one["payment"] for one in told) >= 0.0
        assert winner is not None or set(reward.values()) == {0.0}
    assert infos["bidder_1"]["refused"] == "the bid 0.75 is not from 0 to 0.5"


def test_the_batch_side_agrees_with_the_environment_and_with_krishna():
    rng = np.random.default_rng(0)
    value = rng.random((200_000, 2))
    utility = auction_batch(FirstPrice(), value, value / 2)
    assert utility.mean() == pytest.approx(1 / 6, abs=1e-3)  # Krishna 2010, 2.3: 1/n (1/(n+1)) at the equilibrium
    lottery = auction_batch(Softmax(1.0), np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]))
    assert lottery[0, 0] == pytest.approx(np.log((1 + np.e) / 2))  # x b - payment
    env = AuctionEnv(FirstPrice(), 2)
    values, _ = env.reset(seed=5)
    _, reward, *_ = env.step({"bidder_0": 0.3, "bidder_1": 0.2})
    own = np.array([[value[0] for value in values.values()]])
    assert list(reward.values()) == auction_batch(FirstPrice(), own, np.array([[0.3, 0.2]]))[0].tolist()
    away = auction_batch(FirstPrice(), own, np.array([[0.3, 0.2]]), active=np.array([[False, True]]))
    assert away.tolist() == [[0.0, own[0, 1] - 0.2]]


class ForSides:
    """A mechanism for another kind of report."""

    claims = frozenset()

    class domain(SingleGood):
        def draw(self, rng, cases, bidders):
            return object()

    domain = domain()

    def clear(self, bids, *, rng=None):
        return Clearing(bids.active, bids.value, bids.value.sum(-1))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: AuctionEnv(object()), "has no method clear"),
        (lambda: AuctionEnv(FirstPrice), "has no method clear"),
        (lambda: AuctionEnv(ForSides()), "one value per buyer"),
        (lambda: AuctionEnv(FirstPrice(), 0), "bidders=0"),
        (lambda: AuctionEnv(FirstPrice(), 2.5), "bidders=2.5"),
        (lambda: AuctionEnv(FirstPrice(), rounds=0), "rounds=0"),
        (lambda: AuctionEnv(FirstPrice(), prior="normal"), "prior='normal'"),
        (lambda: AuctionEnv(FirstPrice(), prior=stats.norm()), "values >= 0"),
        (lambda: AuctionEnv(FirstPrice(), 3, prior=["uniform"] * 2), "2 priors for 3 bidders"),
        (lambda: AuctionEnv(FirstPrice(), largest_bid=np.inf), "largest_bid=inf"),
        (lambda: AuctionEnv(FirstPrice(), largest_bid="much"), "largest_bid='much'"),
        (lambda: AuctionEnv(FirstPrice(), largest_bid=[1, 2]), r"largest_bid=\[1, 2\]"),
        (lambda: AuctionEnv(FirstPrice(), prior=stats.uniform(0, 0)), "the priors end at"),
    ],
)
def test_bad_parts_are_refused(build, says):
    with pytest.raises(InputError, match=says):
        build()


def test_bad_actions_are_refused():
    env = AuctionEnv(FirstPrice(), 2)
    with pytest.raises(InputError, match="never began"):
        env.step({})
    env.reset(seed=0)
    with pytest.raises(InputError, match="'bidder_7'"):
        env.step({"bidder_7": 1.0})
    with pytest.raises(InputError, match="wanted one number"):
        env.step({"bidder_0": "lots"})


def test_without_pettingzoo_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(auction_env, "ParallelEnv", object)
    with pytest.raises(InputError, match=r"pip install 'marketic\[pettingzoo\]'"):
        AuctionEnv(FirstPrice())
