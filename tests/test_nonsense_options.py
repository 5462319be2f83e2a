"""Options that make no sense end in one line that names them, before anything is trained; all else trains."""

import gymnasium as gym
import numpy as np
import pytest
from refusals import refused

import marketic
from marketic import InputError, Novices
from marketic.agents.bank import Bank
from marketic.agents.growing import Growing
from marketic.agents.hindsight import PaperTrades, SteadyBids
from marketic.agents.learning_rate import LearningRate
from marketic.agents.research import Research
from marketic.agents.rule_bets import Bets
from marketic.agents.rule_entry import PublicRecord
from marketic.agents.rule_prices import Prices
from marketic.agents.tabular import Tabular
from marketic.agents.tiles import Tiles, Tiling
from marketic.goods import Goods

NAN, INF = float("nan"), float("inf")
NONSENSE = [NAN, INF, -1, 1e300, "x", [1]]
FUZZED = [
    ("FrozenLake-v1", "tabular", ["initial_bid", "tie_noise", "clones", "public", "learning_rate", "paper_trades", "greedy"]),
    ("FrozenLake-v1", "research", ["bonus", "doubt", "margin", "precision", "effort", "rounds"]),
    ("CartPole-v1", "bank", list(Bank.option_names)),
    ("CartPole-v1", "tiles", ["tilings", "rehearsals", "clones", "tie_noise"]),
    ("CartPole-v1", "growing", ["sectors", "capacity", "entry_trades", "entry_evidence"]),
    ("CartPole-v1", "programs", ["members", "slots", "literals", "initial_bid"]),
]  # fmt: skip


RECORD = {
    "learning_rate": "LearningRate",
    "paper_trades": "PaperTrades",
    "greedy": "SteadyBids",
    "rehearsals": "Rehearsals",
}


def attempt(task, **options):
    """A market after a few steps, or the refusal."""
    try:
        return marketic.make(task, seed=0, **options).learn(20), ""
    except InputError as refusal:
        return None, str(refusal)


@pytest.mark.parametrize(("task", "family", "options"), FUZZED, ids=[family for _, family, _ in FUZZED])
def test_nonsense_is_refused_or_trains_with_finite_bids(task, family, options) -> None:
    for option in options:
        for value in [*NONSENSE, 0, 2.5, True]:
            market, refusal = attempt(task, agents=family, **{option: value})
            if market is None:
                assert "\n" not in refusal
                assert option in refusal or RECORD[option] in refusal
            else:
                observation = np.zeros((1, len(Goods.from_space(market.env.observation_space))))
                assert np.isfinite(market.population.appraise(observation).value).all(), (option, value)


ZEROS = ("hidden", "horizon", "batch", "interval", "rate_steps", "lease", "capacity", "window", "tenure", "error_limit")


@pytest.mark.parametrize("option", ZEROS)
def test_a_bank_says_which_of_its_terms_cannot_be_zero(option) -> None:
    refused(lambda: marketic.make("CartPole-v1", agents="bank", seed=0, **{option: 0}), f"{option}=0", "wanted")


@pytest.mark.parametrize("option", ["updates", "warm", "trial", "novice", "rate", "rate_floor", "posted_rate"])
def test_a_bank_trains_with_the_zeros_that_mean_none(option) -> None:
    terms = {"warm": 20, "hidden": 8, "batch": 4, option: 0}
    market = marketic.make("CartPole-v1", agents="bank", seed=0, **terms).learn(60)
    assert np.isfinite(market.population.copies).all()


@pytest.mark.parametrize("family", [Tabular, Research])
@pytest.mark.parametrize("bits", [30, 40, 62, 63, 64, 100, 3000])
def test_a_table_beyond_memory_is_refused_with_another_family(family, bits) -> None:
    """At 64 bits int64 wraps around to 0 states, at 63 below 0."""
    goods = Goods.from_space(gym.spaces.MultiBinary(bits))
    words = [f"{2**bits:,} states"] if bits < 45 else ["about 10**"]
    refused(lambda: family.for_spaces(goods, 2, rng=np.random.default_rng(0)), *words, "agents='bank'")


def test_a_table_for_one_large_good_is_refused() -> None:
    goods = Goods.from_space(gym.spaces.Discrete(10**12))
    refused(lambda: Tabular.for_spaces(goods, 2, rng=np.random.default_rng(0)), "1,000,000,000,000 states")


def test_pairs_of_an_images_pixels_are_not_tiled() -> None:
    goods = Goods.from_space(gym.spaces.Box(0, 255, (84, 84, 4), np.uint8))
    refused(lambda: Tiles.for_spaces(goods, 2, rng=np.random.default_rng(0)), "28,224 features", "agents='bank'")


def test_ledgers_on_an_images_pixels_are_refused_at_once() -> None:
    goods = Goods.from_space(gym.spaces.Box(0, 255, (840, 840, 4), np.uint8))
    refused(lambda: Growing.for_spaces(goods, 2, rng=np.random.default_rng(0)), "capacity=60000", "agents='bank'")


RECORDS = [
    (PaperTrades, "episodes", [NAN, INF, 2.5, 0, "x"]),
    (PaperTrades, "steps", [NAN, INF, 2.5, 1]),
    (PaperTrades, "rate", [NAN, INF, 0, 2, "x"]),
    (SteadyBids, "trades", [NAN, INF, 0, "x"]),
    (SteadyBids, "licence", [NAN, 2.5, -1]),
    (LearningRate, "initial", [NAN, INF, -1, "x"]),
    (LearningRate, "visit_exponent", [NAN, INF, -1]),
    (LearningRate, "horizon", [NAN, INF, 0]),
    (Novices, "horizon", [NAN, INF, 2.5, 0, "x"]),
    (Novices, "probability", [NAN, 2, "x"]),
]


@pytest.mark.parametrize(("record", "field", "values"), RECORDS, ids=lambda part: getattr(part, "__name__", None))
def test_records_name_the_number_that_cannot_be(record, field, values) -> None:
    for value in values:
        refused(lambda value=value: record(**{field: value}), f"{field}={value!r}", "wanted")


def test_a_tiling_wants_whole_numbers() -> None:
    refused(lambda: Tiling((0, 1), (8, 2.5)), "bins=2.5", "whole number")
    refused(lambda: Tiling("01", (8, 8)), "features='01'", "whole numbers")


@pytest.mark.parametrize("option", ["learning_rate", "paper_trades", "greedy", "rehearsals"])
def test_a_list_in_place_of_a_record_is_told_its_forms(option) -> None:
    refused(
        lambda: marketic.make("CartPole-v1", agents="tiles", **{option: [1]}), f"{option}=[1]", "a table with", "none"
    )


def test_floats_that_are_whole_stand_for_whole_numbers() -> None:
    assert Novices(0.1, final=0.0, horizon=1e4) == Novices(0.1, final=0.0, horizon=10_000)
    assert isinstance(PaperTrades(steps=2e4).steps, int)


@pytest.mark.parametrize(
    "value", [1j, object(), len, np.array([1.0, 2.0]), b"x", {"class": "marketic.exploration:Novices"}]
)
def test_what_is_no_record_is_refused_at_the_door(value) -> None:
    """Objects of another kind once went through, and ended in an AttributeError at the first trade."""
    refused(lambda: marketic.make("CartPole-v1", agents="tiles", learning_rate=value), "learning_rate=", "wanted a")


def test_a_number_of_any_precision_stands_for_a_record() -> None:
    with np.errstate(all="raise"):
        market = marketic.make("CartPole-v1", agents="tiles", learning_rate=np.float32(0.5), novices=np.float32(0.1))
    assert isinstance(market.population.rate.initial, float)
    assert market.novices == Novices(float(np.float32(0.1)))


FEATURES = [
    ("low", "x"), ("low", "abcd"), ("low", None), ("high", [1, 2, 3, "a"]), ("low", [[1], [2], [3], [4]]),
    ("angles", "ab"), ("angles", 5), ("angles", [[0, 1, 2]]), ("angles", [[0.5, 1]]), ("angles", [[1, 1]]),
]  # fmt: skip


@pytest.mark.parametrize("family", ["tiles", "growing"])
@pytest.mark.parametrize(("option", "value"), FEATURES)
def test_ranges_and_angles_that_are_none(family, option, value) -> None:
    message = refused(lambda: marketic.make("CartPole-v1", agents=family, **{option: value}), f"{option}=", "wanted")
    assert len(message) < 150


@pytest.mark.parametrize("angles", [((0, 9),), ((-1, 0),), ((1, 1),), ((0, 1), (1, 2))])
def test_angles_of_components_that_are_not_there_read_no_foreign_memory(angles) -> None:
    low, high = np.zeros(3), np.ones(3)
    grids = [Tiling((0, 1), (2, 2))]
    refused(lambda: Tiles(low, high, 2, grids, angles=angles, rng=np.random.default_rng(0)), "angles=", "distinct")


DECIDED = [
    ("bank", "inputs"),
    ("goods", "factoring"),
    ("rules", "alphabet"),
    ("portfolio", "societies"),
    ("firms", "rng"),
]


@pytest.mark.parametrize(("family", "option"), DECIDED)
def test_what_the_task_decides_is_no_option(family, option) -> None:
    refused(
        lambda: marketic.make("FrozenLake-v1", agents=family, **{option: 3}), f"unknown option {option!r}", "wanted"
    )


HUGE = [
    ("rules", {"capacity": 10**7}), ("rules", {"cuts": 10**9}), ("rules", {"cuts": 10**30}),
    ("rules", {"contract": Prices(memory=10**9)}), ("rules", {"contract": Bets(entry=PublicRecord(size=2**28)), "cuts": 99}),
    ("expressions", {"slots": 10**7}), ("expressions", {"members": 10**6}), ("programs", {"slots": 10**8}),
    ("programs", {"members": 10**7}), ("bank", {"capacity": 2 * 10**8}), ("bank", {"batch": 10**7}),
    ("growing", {"capacity": 2 * 10**8}), ("tiles", {"paper_trades": PaperTrades(steps=10**9)}),
    ("tiles", {"rehearsals": {"length": 10**7, "rounds": 1, "episodes": 1, "trials": 1}}),
    ("tiles", {"rehearsals": {"rounds": 10**9}}), ("tiles", {"royalty": 1 - 1e-12, "discount": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "options"), HUGE, ids=lambda part: str(part)[:40])
def test_numbers_beyond_memory_or_patience_are_refused_by_name(family, options) -> None:
    """np.zeros is lazy: what is allowed here would fail in the midst of training, or take all there is."""
    named = {"contract": "memory size", "paper_trades": "steps", "rehearsals": "length rounds"}
    message = refused(lambda: marketic.make("CartPole-v1", agents=family, seed=0, **options).learn(1), "wanted")
    assert any(name in message for option in options for name in named.get(option, option).split()), message
