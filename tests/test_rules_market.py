"""The market of rules against a plain one written out here: matching, the record, due diligence, bets and loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketic
from marketic.agents.rule_alphabet import Alphabet, Component
from marketic.agents.rule_bets import Bets
from marketic.agents.rule_bits import BLOCK, match, pack, unpack, words_for
from marketic.agents.rule_books import TICKS
from marketic.agents.rule_diligence import climb
from marketic.agents.rule_entry import Offspring, PublicRecord
from marketic.agents.rule_parts import SCORE, address_and_settings
from marketic.agents.rule_pay import Pivotal, Shared, Squared
from marketic.agents.rule_prices import FLOOR, Prices
from marketic.agents.rule_proposals import Cover, CoverShare, Cross, Generalise, Specialise
from marketic.agents.rule_quotes import quote_prices
from marketic.agents.rule_record import open_record, write
from marketic.agents.rule_scores import Bound, Growth, Profit, WinRate
from marketic.agents.rule_walk import _favourite
from marketic.agents.rules import Rules
from marketic.agents.splitmix import below, uniform
from marketic.envs.boolean import multiplexer
from marketic.errors import InputError

NOBODY = PublicRecord(64, tries=0.0)


def bits(count: int) -> Alphabet:
    return Alphabet([Component(size=2)] * count)


def market(positions: int = 6, seed: int = 0, capacity: int = 512, **options) -> Rules:
    return Rules(bits(positions), 2, contract=Bets(**options), capacity=capacity, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("positions", [1, 63, 64, 70, 135])
@pytest.mark.parametrize("count", [20, BLOCK, BLOCK + 13])
def test_matching_agrees_with_comparing_bit_by_bit(positions, count):
    rng = np.random.default_rng([positions, count])
    masks, values = rng.random((count, positions)) < 3 / positions, rng.random((count, positions)) < 0.5
    found = 0
    hits, flags = np.zeros(count, np.int64), np.ones(BLOCK, np.uint8)
    columns = [np.ascontiguousarray(pack(rows).T) for rows in (masks, values)]
    for x in rng.random((20, positions)) < 0.5:
        expected = np.flatnonzero(((x == values) | ~masks).all(axis=1)).tolist()
        got = match(pack(x[None])[0], *columns, count, flags, hits)
        assert hits[:got].tolist() == expected
        found += got
    assert found > 0, "nothing matched: the test shows nothing"


@given(st.integers(1, 200).flatmap(lambda n: st.lists(st.booleans(), min_size=n, max_size=n)))
def test_packing_can_be_undone(row):
    packed = pack(np.array([row]))
    assert packed.shape == (1, words_for(len(row)))
    assert unpack(packed[0], len(row)).tolist() == row


def filled_record(rng, positions=12, problems=300, size=128):
    """A record and the problems that must be in it, the ring's oldest ones overwritten."""
    record, kept = open_record(2, positions, size), ([], [])
    for _ in range(problems):
        x, action = rng.random(positions) < 0.5, int(rng.integers(2))
        won = bool((x[0] ^ x[1]) == action) if rng.random() < 0.9 else bool(rng.integers(2))
        write(record, action, pack(x[None])[0], won)
        kept[action].append((x, won))
    return record, [rows[-size:] for rows in kept]


def plain_score(score, rows, x, mask):
    """A condition's score, wins and cases, counted one by one."""
    matching = [won for seen, won in rows if (seen == x)[mask].all()]
    wins, out = sum(matching), np.zeros(1)
    score.rule(float(wins), float(len(matching) - wins), score.parameters, out)
    return out[0], wins, len(matching)


@pytest.mark.parametrize("score", [Growth(), WinRate(), Bound(), Profit()], ids=str)
def test_due_diligence_ends_where_no_single_move_helps(score):
    rng = np.random.default_rng(3)
    record, kept = filled_record(rng)
    address, parameters = address_and_settings(score, SCORE, "score")
    for _ in range(10):
        x, start, fee = rng.random(12) < 0.5, rng.random(12) < 0.3, 0.3
        mask = pack(start[None])[0]
        scratch = np.zeros(2, np.uint64), np.zeros(12, np.int64), np.zeros(1)
        worth, wins, seen = climb(record, 1, pack(x[None])[0], mask, address, parameters, fee, 60, *scratch)
        end = unpack(mask, 12)
        value, plain_wins, cases = plain_score(score, kept[1], x, end)
        assert (wins, seen) == (plain_wins, cases)
        assert worth == pytest.approx(value - fee * end.sum())
        before = plain_score(score, kept[1], x, start)[0] - fee * start.sum()
        assert worth >= before
        for turned in [{i} for i in range(12)] + [{i, j} for i in range(12) if end[i] for j in range(12) if not end[j]]:
            other = np.array([end[i] ^ (i in turned) for i in range(12)])
            assert plain_score(score, kept[1], x, other)[0] - fee * other.sum() <= worth + 1e-9


def plain_trade(rules, wealth, wins, trials, house, x, action, won, pay, contract):
    """The economy of one problem, rule by rule: rules are (mask, value, action). Changes wealth, wins, trials, house."""
    matching = [i for i, (mask, value, _) in enumerate(rules) if (x == value)[mask].all()]
    top, bottom = [0.5 * contract.house] * 2, [contract.house] * 2
    for i in matching:
        stake = wealth[i] / TICKS
        top[rules[i][2]] += stake * (wins[i] + 0.5) / (trials[i] + 1.0)
        bottom[rules[i][2]] += stake
    price = top[action] / bottom[action]
    advocates = [i for i in matching if rules[i][2] == action]
    for i in advocates:
        belief = (wins[i] + 0.5) / (trials[i] + 1.0)
        factor = belief / price if won else (1.0 - belief) / (1.0 - price)
        after = math.floor(wealth[i] * factor)
        house[0] += wealth[i] - after
        wealth[i] = after
    capital, shares = np.array([wealth[i] / TICKS for i in advocates]), np.zeros(len(advocates))
    if advocates and won:
        pay.rule(capital, pay.parameters, shares)
    house[0] += int(TICKS) if won else 0
    total = sum(capital.tolist())
    for i, share, own in zip(advocates, shares.tolist(), capital.tolist(), strict=True):
        if won:
            moved = math.floor(0.5 * TICKS * share)
        else:
            moved = -min(math.floor(0.5 * TICKS * own / total), wealth[i] - wealth[i] // 2) if total > 0 else 0
        wealth[i] += moved
        house[0] -= moved
        trials[i] += 1
        wins[i] += won


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([Shared(), Squared(), Pivotal()]))
def test_bets_are_settled_as_written_out_here(seed, pay):
    rng = np.random.default_rng(seed)
    contract = Bets(pay=pay, entry=NOBODY, tax=0.0, bankrupt=0.0)
    rules = Rules(bits(5), 2, contract=contract, rng=rng)
    plain = []
    for _ in range(12):
        text, action = "".join(rng.choice(list("01####"), 5)), int(rng.integers(2))
        rules.admit(text, action, endowment=float(rng.random()) + 0.1)
        plain.append((*rules.alphabet.parse(text), action))
    books = rules.exchange.books
    wealth, wins, trials, house = books.wealth[:12].tolist(), [0.0] * 12, [0.0] * 12, [int(books.money[1])]
    for _ in range(60):
        x, action, won = rng.random(5) < 0.5, int(rng.integers(2)), bool(rng.integers(2))
        plain_trade(plain, wealth, wins, trials, house, x, action, won, pay, contract)
        rules.exchange.learn(rules.alphabet.encode(x[None].astype(float))[0], action, float(won), True)
        assert books.wealth[:12].tolist() == wealth
        assert books.wins[:12].tolist() == wins
        assert int(books.money[1]) == house[0]
        assert rules.imbalance == 0


def problems(count, seed, width=6):
    shown = np.random.default_rng(seed).integers(0, 2, (count, width))
    return shown, multiplexer(shown)[:, None] == np.arange(2)


ECONOMIES = {
    "public record": {},
    "growth": {"pay": Pivotal(), "entry": PublicRecord(256, score=Growth(), hurdle=-math.inf, search=0.0)},
    "offspring": {"pay": Shared(), "entry": Offspring(limit=60), "budget": 1e9, "bankrupt": 0.02},
    "all proposals": {
        "entry": PublicRecord(
            128, proposals=((Specialise(), 0.3), (Generalise(), 0.3), (Cross(), 0.2), (Cover(2), 0.2))
        )
    },
    "covering only": {"entry": Offspring(limit=50, proposals=((CoverShare(0.5), 1.0),))},
}


@pytest.mark.parametrize("economy", ECONOMIES.values(), ids=ECONOMIES)
@pytest.mark.parametrize("explore", [1.0, 0.1])
def test_the_compiled_loop_is_trade_after_trade_and_money_is_exact_after_each(economy, explore):
    loop, steps = market(seed=4, **economy), market(seed=4, **economy)
    shown, payoff = problems(400, 1)
    wins = loop.study(shown, payoff, explore=explore)
    books, won = steps.exchange.books, 0
    for x, pays in zip(steps.alphabet.encode(shown), payoff, strict=True):
        value, _ = steps.exchange.quote(x[None])
        counted = value.max() < steps.contract.solid or uniform(books.random) < explore
        action = below(books.random, 2) if counted else int(value[0].argmax())
        steps.exchange.learn(x, action, float(pays[action]), bool(counted))
        won += bool(pays[action])
        assert steps.imbalance == 0
        assert -steps.accounts["world"] == won * int(TICKS)
    assert wins == won
    one, other = loop.state_dict(), steps.state_dict()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
    assert loop.births > 0


def test_the_compiled_walk_is_trade_after_trade_and_money_is_exact_after_each():
    rng = np.random.default_rng(5)
    following, reward = rng.integers(-1, 9, (9, 3)), rng.random((9, 3))
    seen = np.array([[number >> k & 1 for k in range(4)] for number in range(9)], dtype=float)
    made = [Rules(bits(4), 3, contract=Prices(after=200), rng=np.random.default_rng(1)) for _ in range(2)]
    steps = made[0].wander(seen, following, reward, np.arange(9), 120, longest=20, explore=0.5, discount=0.9)
    plain, words, count = made[1].exchange, made[1].alphabet.encode(seen), 0
    books, quotes, weights = plain.books, np.zeros(3), np.zeros(3)
    for _ in range(120):
        here = below(books.random, 9)
        at_random = uniform(books.random) < 0.5
        for _ in range(20):
            quote_prices(books, words[here], plain.terms.reals[FLOOR], quotes, weights)
            action = below(books.random, 3) if at_random else _favourite(quotes, books.random)
            there, paid = following[here, action], round(reward[here, action] * TICKS)
            books.money[0] -= paid
            books.money[1] += paid
            resale = 0.9 * plain.quote(words[[there]])[0].max() if there >= 0 else 0.0
            plain.learn(words[here], action, reward[here, action] + resale, False)
            count += 1
            assert made[1].imbalance == 0
            if there < 0:
                break
            here = there
    assert steps == count
    one, other = made[0].state_dict(), made[1].state_dict()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
    assert made[0].n_rules < 27, "takeovers left fewer rules than situations times actions"


def share_right(rules, width):
    shown, payoff = problems(2_000, 99, width)
    return float((rules.answers(shown) == payoff.argmax(axis=1)).mean())


def blind(**options):
    entry = Offspring(limit=1_000, proposals=((Cross(0.1), 0.95), (CoverShare(0.33), 0.05)))
    return market(11, 7, 4096, pay=Shared(), entry=entry, tax=0.0033, budget=1e9, bankrupt=0.02, **options)


def test_without_memory_kelly_transfers_are_what_selects():
    with_bets, without = blind(), blind(kelly=False)
    for rules in (with_bets, without):
        rules.study(*problems(5_000, 5, 11))
    assert share_right(with_bets, 11) > 0.99 > share_right(without, 11) + 0.02


@pytest.mark.parametrize(
    ("score", "low", "high"), [(Growth(), 0.99, 1.0), (Profit(), 0.0, 0.95)], ids=["growth", "profit"]
)
def test_risk_neutral_profit_is_no_guide(score, low, high):
    rules = market(
        11, 3, 4096, pay=Pivotal(), entry=PublicRecord(4_096, score=score, hurdle=-math.inf, search=0.0), solid=0.9
    )
    rules.study(*problems(3_000, 2, 11))
    assert low <= share_right(rules, 11) <= high


@pytest.mark.parametrize(("pay", "redundant"), [(Pivotal(), False), (Shared(), True)], ids=["pivotal", "shared"])
def test_pivotal_pay_leaves_the_optimal_rules_and_nothing_else(pay, redundant):
    rules = market(
        11, 3, 4096, pay=pay, entry=PublicRecord(4_096, score=Growth(), hurdle=-math.inf, search=0.0), solid=0.9
    )
    rules.study(*problems(10_000, 6, 11))
    assert share_right(rules, 11) == 1.0
    assert (rules.n_rules > 16) == redundant
    assert rules.n_rules >= 16


def test_rules_know_their_ancestors_dead_or_alive():
    market = marketic.make(
        "marketic/Multiplexer-v0", agents="rules", seed=0, contract=Bets(entry=Offspring()), capacity=60
    )
    market.learn(4000)
    rules = market.population
    family = rules.genealogy()
    lines = [family.tell(rule.uid) for rule in rules.rules()]
    for rule, line in zip(rules.rules(), lines, strict=True):
        assert line[0].startswith(f"{rule.uid} (born {rule.born}, alive): ")
        assert line[0].split(": ", 1)[1].split(", bids")[0] == rules.describe(rule.seat).split(", bids")[0]
        assert len(line) == 1 or line[1].startswith(f"{rule.parent} (")
    assert any("died" in ancestor for line in lines for ancestor in line[1:])
    both = family.parents.min(axis=1) >= 0
    assert both.any(), "crossover has two parents"
    assert (family.parents[both, 0] != family.parents[both, 1]).all()
    assert rules.births > 4 * 60 + 17 >= rules.exchange.books.kin[0, 0]
    with pytest.raises(InputError, match="is remembered"):
        family.lineage(10**9)
