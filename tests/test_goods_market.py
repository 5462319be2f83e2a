"""The goods market: what a factoring may say, who gets what is scarce, what offers add up to, money, and learning."""

import itertools
import json
import sys

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketic
from marketic import cli
from marketic.agents.goods_market import GoodsMarket
from marketic.agents.goods_market_kernels import price_states, share_out
from marketic.agents.goods_market_learning import Trades
from marketic.agents.goods_market_parts import Parts
from marketic.checks.population import check_population
from marketic.envs.factored_rivals import market_policy
from marketic.envs.machine_maintenance import MachineMaintenance
from marketic.envs.sysadmin import SysAdmin
from marketic.errors import InputError
from marketic.experiments.machine_maintenance import exact_share
from marketic.factoring import Factoring, factoring_of, ration
from marketic.goods import Goods

MACHINES = "marketic/MachineMaintenance-v0"


class Lamps(gym.Env):
    """A user's own factored task: lamp i pays i + 1 while it is on, one unit of power for `lamps`; Dict spaces."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, lamps=3, told=True, declared=True, scarce=True):
        self.lamps, self.told = lamps, told
        self.observation_space = gym.spaces.Dict({f"lamp{i}": gym.spaces.Discrete(2) for i in range(lamps)})
        self.action_space = gym.spaces.Dict({f"lamp{i}": gym.spaces.Discrete(2) for i in range(lamps)})
        uses = np.zeros((lamps, 2, 1))
        uses[:, 1] = 1.0
        if declared:
            resources = {"uses": uses, "capacity": np.ones(1)} if scarce else {}
            self.factoring = Factoring(reads=[[i] for i in range(lamps)], **resources)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.on = np.zeros(self.lamps, dtype=np.int64)
        return self._seen(), {}

    def step(self, action):
        self.on = np.array([action[f"lamp{i}"] for i in range(self.lamps)])
        parts = self.on * np.arange(1.0, self.lamps + 1)
        return self._seen(), float(parts.sum()), False, False, {"part_rewards": parts} if self.told else {}

    def _seen(self):
        return {f"lamp{i}": int(on) for i, on in enumerate(self.on)}


def trained(env, steps=600, **options):
    return marketic.make(gym.wrappers.TimeLimit(env, 50), agents="goods", discount=0.9, seed=1, **options).learn(steps)


@pytest.mark.parametrize("knowledge", ["counted", "trades"])
def test_dict_spaces_are_goods_and_the_unit_goes_to_who_values_it_most(knowledge):
    market = trained(Lamps(), knowledge=knowledge)
    action, _ = market.predict({"lamp0": 0, "lamp1": 1, "lamp2": 0}, deterministic=True)
    assert {name: int(on) for name, on in action.items()} == {"lamp0": 0, "lamp1": 0, "lamp2": 1}
    assert 2.0 <= market.population.resource_prices[0] <= 3.3, "between what the second and the first lamp would pay"


def test_trades_settle_at_the_values_of_a_process_that_may_end():
    """Relative Q-learning against value iteration: 4 states, the last action from state 3 ends the process."""
    rng, discount = np.random.default_rng(0), 0.9
    chances, pays = rng.dirichlet(np.ones(4), size=(4, 2)), rng.normal(2.0, 1.0, (4, 2))
    exact = np.zeros((4, 2))
    for _ in range(400):
        exact = pays + discount * chances @ exact.max(axis=1)
        exact[3, 1] = pays[3, 1]
    goods = Goods.from_space(gym.spaces.Discrete(4))
    trades = Trades(Parts.of(Factoring(reads=[[0]]), goods, np.array([2])), exponent=0.7)
    nothing, state = np.zeros(0), 0
    for _ in range(60_000):
        action = int(rng.integers(2))
        ended = state == 3 and action == 1
        following = int(rng.choice(4, p=chances[state, action]))
        now, then = np.array([state]), np.array([following])
        trades.record(now, np.array([action]), pays[now, action], then, then, ended, nothing, discount)
        state = int(rng.integers(4)) if ended else following
    found = np.array([trades.quality(np.array([at]), nothing, discount)[0] for at in range(4)])
    assert found == pytest.approx(exact, rel=0.02)
    assert found - found[0, 0] == pytest.approx(exact - exact[0, 0], abs=0.25), "differences are what it is good at"


@pytest.mark.parametrize("economy", [3, 4])
def test_without_a_model_five_machines_come_close_to_the_optimum_in_a_few_thousand_steps(economy):
    options = {"machines": 5, "scarcity": 5.0, "economy": economy}
    population = marketic.make(MACHINES, env_options=options, knowledge="trades", seed=7).learn(3000).population
    task = MachineMaintenance(5, scarcity=5.0, economy=economy)
    assert exact_share(task, market_policy(population), task.optimal_value()) > 0.99


def test_without_scarcity_every_lamp_is_on():
    action, _ = trained(Lamps(scarce=False)).predict({"lamp0": 0, "lamp1": 1, "lamp2": 0}, deterministic=True)
    assert all(int(on) for on in action.values())


def test_without_a_declaration_every_part_reads_everything_and_rewards_are_split():
    market = trained(Lamps(2, told=False, declared=False), steps=3000)
    assert market.population.parts.local_size == 4
    assert len(market.population.resource_prices) == 0
    action, _ = market.predict({"lamp0": 0, "lamp1": 0}, deterministic=True)
    assert all(int(on) for on in action.values())


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("novices", [0.0, 0.5])
def test_components_may_have_different_numbers_of_actions(rows, novices):
    """The first right has two bidders, the second five: no novice is drawn among those who are not there."""

    class Dials(gym.Env):
        observation_space, action_space = gym.spaces.MultiDiscrete([3, 2]), gym.spaces.MultiDiscrete([2, 5])

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.steps = 0
            return np.array([0, 0]), {}

        def step(self, action):
            self.steps += 1
            return np.array([0, 0]), float(action[0] + action[1]), False, self.steps >= 10, {}

    env = Dials() if rows == 1 else gym.vector.SyncVectorEnv([Dials] * rows)
    market = marketic.make(env, agents="goods", seed=0, novices=novices).learn(600)
    assert market.predict(np.array([0, 0]), deterministic=True)[0].tolist() == [1, 4]
    assert market.ledger.balance.sum() == 0


def test_where_everything_is_too_much_parts_read_the_component_at_their_place():
    goods = Goods.from_space(gym.spaces.MultiBinary(40))
    rights = Goods.from_space(gym.spaces.MultiBinary(40), rival=True)
    assert [list(read) for read in factoring_of(object(), goods, rights).reads] == [[i] for i in range(40)]
    with pytest.raises(InputError, match="declare `factoring`"):
        factoring_of(object(), goods, Goods.from_space(gym.spaces.MultiBinary(3), rival=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 10_000))
def test_units_of_one_resource_go_where_they_create_most_value(parts, units, seed):
    gain = np.zeros((parts, 2))
    gain[:, 1] = np.random.default_rng(seed).integers(-3, 9, parts)
    uses, chosen = np.zeros((parts, 2, 1)), np.zeros(parts, dtype=np.int64)
    uses[:, 1] = 1.0
    price = share_out(gain, uses, np.array([float(units)]), np.ones(1), chosen)
    plans = [plan for plan in itertools.product((0, 1), repeat=parts) if sum(plan) <= units]
    assert (gain[:, 1] * chosen).sum() == max((gain[:, 1] * plan).sum() for plan in plans)
    assert chosen.sum() <= units
    assert (gain[chosen == 1, 1] >= price).all(), "nobody who was served regrets it"
    losers = gain[(chosen == 0) & (gain[:, 1] > 0), 1]
    assert price == (losers.max() if len(losers) else 0.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(2, 4), st.integers(1, 3), st.integers(0, 10_000))
def test_what_is_given_out_always_fits_and_nothing_that_loses_is_served(parts, actions, resources, seed):
    rng = np.random.default_rng(seed)
    gain, uses = rng.normal(size=(parts, actions)), rng.integers(0, 4, (parts, actions, resources)).astype(float)
    gain[:, 0], uses[:, 0] = 0.0, 0.0
    unit, rows, chosen = 10.0 ** rng.integers(-12, 13) / 3, np.arange(parts), np.zeros(parts, dtype=np.int64)
    uses, capacity = unit * uses, unit * rng.integers(1, 6, resources)
    share_out(gain, uses, capacity, rng.random(resources) + 0.1, chosen)
    assert (uses[rows, chosen].sum(axis=0) <= 1.000001 * capacity).all()
    assert (gain[rows, chosen] >= 0).all()
    served = ration(uses, capacity, rng.integers(0, actions, parts), rng)
    assert (uses[rows, served].sum(axis=0) <= 1.000001 * capacity).all()


def test_prices_of_states_are_expectations_and_offers_add_up():
    """Against the definition, by enumerating all joint states of tomorrow."""
    rng, n = np.random.default_rng(2), 4
    factoring = Factoring(reads=[[i] for i in range(n)], parents=[[], [0], [0, 1], [2]])
    parts = Parts.of(factoring, Goods.from_space(gym.spaces.MultiDiscrete([2, 3, 2, 2])), np.full(n, 2))
    value = rng.normal(size=(n, parts.local_size))
    forecast = np.zeros((n, 3))
    for i, size in enumerate(parts.sizes):
        forecast[i, :size] = rng.dirichlet(np.ones(size))
    price = np.empty((n, 3))
    price_states(value, parts.kind, parts.members, parts.strides, parts.sizes, forecast, price)
    joint = list(itertools.product(*(range(size) for size in parts.sizes)))
    chance = np.array([np.prod(forecast[np.arange(n), state]) for state in joint])
    table = np.array([value[np.arange(n), parts.local(np.array([state]))[0]] for state in joint])  # [states, parts]
    for i in range(n):
        for y in range(parts.sizes[i]):
            here = np.array([state[i] == y for state in joint])
            given_y = (chance[here] @ table[here]) / chance[here].sum()
            own = given_y[i]
            offers = sum(given_y[c] - chance @ table[:, c] for c in range(n) if i in factoring.parents[c])
            assert price[i, y] == pytest.approx(own + offers)


@pytest.mark.parametrize("options", [{}, {"knowledge": "trades"}, {"knowledge": "given"}], ids=lambda o: str(o))
def test_money_is_conserved_to_the_tick(options):
    market = marketic.make(MACHINES, seed=4, **options).learn(450)
    assert int(market.ledger.balance.sum()) == 0
    population = market.population
    assert population.rent_paid.sum() == population.rent_received.sum()
    assert population.rent_paid.sum() > 0
    assert (population.rent_paid >= 0).all()


@pytest.mark.parametrize("task", [MACHINES, "marketic/SysAdmin-v0", "marketic/Production-v0"])
def test_same_seed_same_bits_and_resuming_changes_nothing(task, tmp_path):
    whole = marketic.make(task, seed=5).learn(120).learn(120)
    again = marketic.make(task, seed=5).learn(120)
    again.save(tmp_path / "half.market")
    resumed = marketic.load(tmp_path / "half.market").learn(120)
    one, other = whole.state_dict(), resumed.state_dict()
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[key], other[key], equal_nan=True) for key in one)


def test_vector_environments_tell_rewards_by_part_too():
    envs = gym.make_vec("marketic.envs:" + MACHINES, num_envs=2, vectorization_mode="sync")
    market = marketic.make(envs, seed=0).learn(1000)
    assert market.population.learner.visits.sum() >= 5 * 950
    single = marketic.make(MACHINES, seed=0).learn(500)
    for population in (market.population, single.population):
        wear, v = np.arange(5), single.env.unwrapped.v
        seen = population.learner.visits[:, wear, 0] > 20
        mean = population.learner.earned[:, wear, 0] / np.maximum(population.learner.visits[:, wear, 0], 1)
        assert np.allclose(mean[seen], (v[:, None] * np.array([1, 0.9, 0.7, 0.4, 0]))[seen], atol=1e-6)


@pytest.mark.parametrize("task", [MACHINES, "marketic/SysAdmin-v0"])
def test_parts_that_look_at_one_observation_learn_the_same_as_with_one_copy_each(task, monkeypatch):
    viewing = marketic.make(task, seed=3).learn(230)
    monkeypatch.setattr(GoodsMarket, "takes_views", False)
    copying = marketic.make(task, seed=3).learn(230)
    one, other = viewing.state_dict(), copying.state_dict()
    assert all(np.array_equal(one[key], other[key], equal_nan=True) for key in one)


def test_rewards_by_part_must_add_up():
    class Liar(Lamps):
        def step(self, action):
            observation, reward, *flags, info = super().step(action)
            return observation, reward + 1.0, *flags, info

    with pytest.raises(InputError, match="adds up to"):
        trained(Liar())


def test_it_keeps_what_populations_promise():
    assert check_population(GoodsMarket, raises=False).passed


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Factoring(reads=[]), "at least one component"),
        (lambda: Factoring(reads=[[0], []]), "at least one component"),
        (lambda: Factoring(reads=[[0]], parents=[[0]]), "wanted other parts"),
        (lambda: Factoring(reads=[[0]], kinds=[0, 1]), "kinds"),
        (lambda: Factoring(reads=[[0]], uses=np.ones((1, 2, 1)), capacity=np.ones(1)), "wanted nothing"),
        (lambda: Factoring(reads=[[0]], uses=np.zeros((2, 2, 1)), capacity=np.ones(1)), "1 parts"),
        (lambda: Factoring(reads=[[0]], uses=-np.ones((1, 2, 1)), capacity=np.ones(1)), ">= 0"),
        (lambda: Factoring(reads=[[0]], uses=np.zeros((1, 2, 1)), capacity=np.zeros(1)), "capacity"),
        (lambda: marketic.make(MACHINES, knowledge="guessed"), "counted, trades, given"),
        (lambda: marketic.make(MACHINES, explore=1.5), "explore"),
        (lambda: marketic.make(MACHINES, price_rate=0.0), "price_rate"),
        (lambda: marketic.make(MACHINES, exponent=0.5), "exponent"),
        (lambda: marketic.make(MACHINES, trials=-1), "trials"),
        (lambda: marketic.make("marketic/SysAdmin-v0", knowledge="given"), "no model"),
        (lambda: marketic.make("CartPole-v1", agents="goods"), "declare `factoring`"),
    ],
)
def test_bad_input_is_refused_with_a_repair(build, says):
    with pytest.raises(InputError, match=says):
        build()


def test_parts_of_one_kind_must_be_alike():
    goods = Goods.from_space(gym.spaces.MultiDiscrete([2, 3]))
    with pytest.raises(InputError, match="one kind but differ"):
        Parts.of(Factoring(reads=[[0], [1]], kinds=[0, 0]), goods, np.array([2, 2]))


def test_tables_that_are_too_large_are_refused():
    env = SysAdmin(30, "star")
    wide = Factoring(reads=[[i] for i in range(30)], parents=[list(range(1, 30)), *([] for _ in range(29))])
    with pytest.raises(InputError, match="depend on fewer parts"):
        Parts.of(wide, Goods.from_space(env.observation_space), np.full(30, 2))


def test_the_command_line_trains_it_without_options(tmp_path, capsys, monkeypatch):
    words = ["train", MACHINES, "--steps", "300", "--seed", "0", "--out", str(tmp_path / "run"), "--json"]
    monkeypatch.setattr(sys, "argv", ["marketic", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steps"] == 300
