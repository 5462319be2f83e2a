"""The family of rules: its language, its place in a market, saving, and what it refuses."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketic
from marketic.agents.rule_alphabet import Alphabet, Component
from marketic.agents.rule_bets import Bets
from marketic.agents.rule_bits import pack
from marketic.agents.rule_entry import Offspring, PublicRecord
from marketic.agents.rule_pay import Pivotal
from marketic.agents.rule_prices import Prices
from marketic.agents.rule_proposals import Cover, CoverShare, Cross, Generalise
from marketic.agents.rule_scores import Bound
from marketic.agents.rules import Rules
from marketic.bids import Bids
from marketic.callbacks import Callback
from marketic.checks import check_population
from marketic.errors import InputError
from marketic.genealogy import ALIVE
from marketic.goods import Goods
from marketic.words import Words

BITS = [Component(size=2)] * 6
SMALL = Bets(entry=PublicRecord(256))


def rules(contract=SMALL, actions=2, **options) -> Rules:
    return Rules(Alphabet(BITS), actions, contract=contract, rng=np.random.default_rng(0), **options)


def holds(text: str, observation) -> bool:
    """What a condition's text says, read by Python itself."""
    if text == "always":
        return True
    names = {f"x{number}": value for number, value in enumerate(observation)}
    for clause in text.split(" and "):
        if "!=" in clause:
            name, values = clause.split(" != ")
            if names[name] in [float(v) for v in values.split(", ")]:
                return False
        elif not eval(clause.replace(" = ", " == "), {}, names):
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_condition_means_what_it_says_over_mixed_observations(data):
    component = st.one_of(
        st.just(Component(size=2)), st.just(Component(size=4)), st.just(Component(cuts=(-1.0, 0.0, 0.5)))
    )
    alphabet = Alphabet([*data.draw(st.lists(component, max_size=4)), Component(cuts=(0.25,))])
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    draw = [
        rng.uniform(-2, 2, 30) if not part.size else rng.integers(part.size, size=30) for part in alphabet.components
    ]
    seen = np.array(draw, dtype=float).T
    places = data.draw(st.lists(st.integers(0, alphabet.positions - 1), max_size=5))
    mask, value = alphabet.naming(seen[0], places)
    packed = alphabet.encode(seen)
    wanted, named = pack(value[None]), pack(mask[None])
    matches = (((packed ^ wanted) & named) == 0).all(axis=1)
    text = alphabet.text(mask, value)
    assert matches.tolist() == [holds(text, row) for row in seen], text
    assert matches[0], "a condition that was named by an observation matches it"


def test_rules_read_as_in_the_books_and_in_plain_words():
    market = rules()
    seat = market.admit("01#1##", 1)
    assert str(market.rule_on(seat)) == "01#1## -> 1"
    words = Words(components=(("door", ""),), moves=("wait", "go"))
    assert market.describe(seat, words) == "door is 0 and observation 1 is 1 and observation 3 is 1: go, bids 0.5"
    assert market.describe(seat + 1) == "an empty seat"
    assert "the house's stall" in market.describe(market.n_agents - 1)
    assert market.answers(np.array([[0, 1, 0, 1, 0, 0]])).tolist() == [-1], "belief 1/2 is no better than the house's"
    box = Goods.from_space(gym.spaces.Tuple([gym.spaces.Box(0, 1, (1,), np.float64), gym.spaces.Discrete(3)]))
    mixed = Alphabet.of(box, [[0.1, 0.5]])
    assert mixed.text(*mixed.naming(np.array([0.3, 2.0]), [0, 1, 4])) == "0.1 <= x0 < 0.5 and x1 = 2"


class Bettors(Rules):
    """Rules that bet, as a family without options."""

    @classmethod
    def for_spaces(cls, goods, actions, *, rng):
        return Rules.for_spaces(goods, actions, rng=rng, contract=SMALL, capacity=256)


@pytest.mark.parametrize("family", [Rules, Bettors])
def test_rules_keep_the_promises_of_a_population(family):
    report = check_population(family, rounds=60)
    assert report.passed
    assert {"ROWS", "STATE", "DETERMINISTIC", "COPIES"} <= set(report.verdicts)


class Audit(Callback):
    """Both sets of books after every episode."""

    episodes = 0

    def on_episode(self, event):
        self.episodes += 1
        assert event.market.population.imbalance == 0
        assert int(event.market.ledger.balance.sum()) == 0


def test_a_market_of_rules_learns_the_multiplexer_with_exact_books():
    market, audit = marketic.make("marketic/Multiplexer-v0", seed=1), Audit()
    assert isinstance(market.population, Rules)
    market.learn(1_500, callback=audit)
    assert audit.episodes == 1_500
    assert market.evaluate(200).mean() == 1.0
    assert market.population.accounts["world"] < 0
    assert np.mean(market.recent_returns) > 0.85, "it acts greedily where it knows, and explores where it does not"


def test_children_know_their_parents():
    market = rules(Bets(entry=Offspring(limit=50), bankrupt=0.02))
    shown = np.random.default_rng(1).integers(0, 2, (200, 6))
    market.study(shown, shown[:, [0]] == np.arange(2))
    family = market.genealogy()
    assert (family.parent >= 0).any()
    assert (np.diff(family.born) >= 0).all()
    assert family.uid[family.died == ALIVE].tolist() == sorted(rule.uid for rule in market.rules())
    assert market.births > family.uid.max() > 50, "many have come and gone"


def test_rules_with_prices_walk_through_the_woods():
    market, audit = marketic.make("marketic/Woods1-v0", seed=1), Audit()
    market.learn(4_000, callback=audit)
    assert audit.episodes > 100
    assert market.evaluate(50).mean() == 1.0


@pytest.mark.parametrize("task", ["CartPole-v1", "FrozenLake-v1"])
def test_rules_trade_in_any_task(task):
    market = marketic.make(task, agents="rules", seed=0, capacity=512)
    market.learn(400)
    assert market.population.n_rules > 0
    assert market.population.imbalance == 0 == int(market.ledger.balance.sum())


@pytest.mark.parametrize("task", ["marketic/Multiplexer-v0", "marketic/Woods1-v0"])
def test_a_saved_market_goes_on_to_the_bit(task, tmp_path):
    market = marketic.make(task, seed=2)
    market.learn(300)
    market.save(tmp_path / "a.market")
    again = marketic.load(tmp_path / "a.market")
    for one in (market, again):
        one.learn(200)
    first, second = market.state_dict(), again.state_dict()
    assert first.keys() == second.keys()
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key], err_msg=key)


def test_a_closed_market_stays_closed_when_it_is_restored():
    one, other = (rules(Prices(), capacity=64) for _ in range(2))
    one.close()
    other.load_state_dict(one.state_dict())
    other.exchange.learn(other.alphabet.encode(np.zeros((1, 6)))[0], 0, 1.0, False)
    assert other.n_rules == 0


def test_other_peoples_parts_take_part():
    pay = SimpleNamespace(rule=Pivotal().rule, parameters=np.zeros(1))
    market = rules(Bets(pay=pay, entry=PublicRecord(128, score=Bound(2.0), proposals=[[Cover(2), 1.0]])))
    shown = np.random.default_rng(1).integers(0, 2, (300, 6))
    market.study(shown, shown[:, [0]] == np.arange(2))
    assert {(rule.condition, rule.action) for rule in market.rules()[:2]} == {("0#####", 0), ("1#####", 1)}


TABLE = (np.zeros((2, 6)), np.zeros((2, 2), int), np.zeros((2, 2)), [0], 1)


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: rules(capacity=0), "nobody could enter"),
        (lambda: rules(actions=0), "at least one of each"),
        (lambda: rules("price"), r"wanted Bets\(...\)"),
        (lambda: rules(Bets(entry="record")), "wanted PublicRecord"),
        (lambda: rules(Bets(pay=3)), "no pay rule"),
        (lambda: Bets(solid=0.0), r"solid in \(0, 1\]"),
        (lambda: Bets(tax=-1.0), "tax, budget and bankrupt >= 0"),
        (lambda: Prices(rate=0.0), r"rate in \(0, 1\]"),
        (lambda: Prices(tolerance=-1.0), "no negative numbers"),
        (lambda: PublicRecord(100), "multiples of 64"),
        (lambda: PublicRecord(tries=2.0), "tries as a probability"),
        (lambda: PublicRecord(proposals=((Generalise(), 1.0),)), "nobody could enter an empty market"),
        (lambda: PublicRecord(proposals=()), "nobody could enter an empty market"),
        (lambda: Offspring(children=65), "0 to 64 children"),
        (lambda: Offspring(endowment=0.0), "endowment > 0"),
        (lambda: CoverShare(0.0), "share above 0"),
        (lambda: Cover(0), "positions >= 1"),
        (lambda: Cross(2.0), "probability"),
        (lambda: Bound(0.0), "deviations > 0"),
        (lambda: rules().admit("01#", 1), "wanted 6 characters"),
        (lambda: rules().admit("01#2##", 1), "of 0, 1 and #"),
        (lambda: rules().admit("01####", 2), "an action below 2"),
        (lambda: rules().rule_on(3), "nobody sits on seat 3"),
        (lambda: rules().answers(np.zeros((4, 5))), r"wanted \[B, 6\]"),
        (lambda: rules().study(np.zeros((3, 6)), np.zeros((2, 2))), r"wanted payoff\[3, 2\]"),
        (lambda: rules(Prices()).study(np.zeros((3, 6)), np.zeros((3, 2))), "contract=Bets"),
        (lambda: rules().wander(*TABLE), "contract=Prices"),
        (lambda: rules(Prices()).wander(TABLE[0], TABLE[1] + 2, *TABLE[2:]), "following below 2"),
        (lambda: rules(Prices()).wander(*TABLE[:3], [], 1), "starts among them"),
        (lambda: rules().close(), "contracts with prices"),
        (lambda: rules().load_state_dict({}), "saved rules have nothing"),
        (lambda: rules().load_state_dict(rules(capacity=8).state_dict()), "as this market"),
        (lambda: Alphabet([]), "wanted 1 to 4096"),
        (lambda: Alphabet.of(Goods.from_space(gym.spaces.Discrete(5_000))), "conditions over 5000 positions"),
        (lambda: Alphabet.of(Goods.from_space(gym.spaces.Box(0, 1, (2,))), 0), "at least one per real component"),
        (lambda: Alphabet.of(Goods.from_space(gym.spaces.Box(0, 1, (2,))), [[0.1]]), "2 increasing lists"),
        (lambda: Alphabet.of(Goods.from_space(gym.spaces.Box(0, 1, (1,))), [[0.5, 0.1]]), "1 increasing list"),
        (lambda: Alphabet([Component(cuts=(0.0,))]).parse("0"), "observations of bits alone"),
        (lambda: marketic.make("CartPole-v1", agents="rules", colour=3), "unknown option 'colour'"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_the_repair(attempt, says):
    with pytest.raises(InputError, match=says):
        attempt()


def test_a_full_house_admits_nobody():
    market = rules(capacity=1)
    market.admit("######", 0)
    with pytest.raises(InputError, match="all 1 seats are taken"):
        market.admit("1#####", 0)
    shown = np.random.default_rng(1).integers(0, 2, (200, 6))
    market.study(shown, shown[:, [0]] == np.arange(2))
    assert market.n_rules <= 1
    assert market.imbalance == 0


def test_nobody_at_all_still_makes_a_market():
    market = rules(Bets(entry=PublicRecord(64, tries=0.0)))
    bids = market.appraise(np.zeros((3, 6)))
    assert isinstance(bids, Bids)
    assert bids.value.tolist() == [[0.5, 0.5]] * 3
    shown = np.zeros((5, 6))
    market.study(shown, np.ones((5, 2), dtype=bool))
    assert market.accounts == {"rules": 0, "house": 5 * 2**20, "world": -5 * 2**20}


def test_cuts_lie_in_ranges_far_from_zero():
    """Ranges ended at 10, and what lay beyond had none."""
    far = Goods.from_space(gym.spaces.Box(np.array([1000.0, 0.0]), np.array([1008.0, 800.0]), dtype=np.float64))
    first, second = (part.cuts for part in Alphabet.of(far, 7).components)
    assert first == tuple(1000.0 + k for k in range(1, 8))
    assert second == tuple(100.0 * k for k in range(1, 8))
    narrow = Goods.from_space(gym.spaces.Box(1.0, 1.0 + 4e-16, (1,), dtype=np.float64))
    with pytest.raises(InputError, match="room for 7 cuts"):
        Alphabet.of(narrow, 7)
