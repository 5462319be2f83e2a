"""Money is exact: attacks on conservation, rounding and all-or-nothing transfers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import InputError, Ledger
from marketic.ledger import HOUSE, MEMOS, PAYMENT, SUBSIDY, WORLD, move_shares, pay_income

ATTACK = settings(max_examples=60, derandomize=True, deadline=None)
AMOUNTS = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 2.0**-21, -(2.0**-21), 1e-300, 1e9, -1e9, 0.1, 1 / 3])
)
TRANSFERS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), AMOUNTS, st.sampled_from(MEMOS)), max_size=30)


def snapshot(ledger: Ledger) -> tuple:
    return ledger.balance.tolist(), ledger.flows.tolist(), ledger.journal_rows.tolist()


def total(ledger: Ledger) -> int:
    return sum(ledger.balance.tolist())  # Python's integers do not wrap around


@ATTACK
@given(TRANSFERS)
def test_every_transfer_conserves_and_the_journal_adds_up_to_the_balances(transfers: list) -> None:
    ledger = Ledger(journal=True)
    ledger.open(4, endowment=3.5)
    for payer, payee, amount, memo in transfers:
        before = ledger.balance.copy()
        ledger.transfer([payer], [payee], [amount], memo)
        assert total(ledger) == 0
        ticks = round(amount * 2**20)
        expected = before.tolist()
        expected[payer] -= ticks
        expected[payee] += ticks
        assert ledger.balance.tolist() == expected
    rebuilt, flows = np.zeros_like(ledger.balance), np.zeros_like(ledger.flows)
    for memo, payer, payee, ticks in ledger.journal_rows:
        rebuilt[payer] -= ticks
        rebuilt[payee] += ticks
        flows[memo] += ticks
    assert rebuilt.tolist() == ledger.balance.tolist()
    assert flows.tolist() == ledger.flows.tolist()


@ATTACK
@given(TRANSFERS.filter(bool), st.integers(0, 30), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 2.0**43]))
def test_a_bad_amount_anywhere_in_a_batch_changes_nothing(transfers: list, place: int, bad: float) -> None:
    ledger = Ledger(journal=True)
    ledger.open(4, endowment=1.0)
    before = snapshot(ledger)
    payers, payees, amounts, _ = (list(column) for column in zip(*transfers, strict=True))
    amounts[place % len(amounts)] = bad
    with pytest.raises(InputError, match="currency"):
        ledger.transfer(payers, payees, amounts, "payment")
    assert snapshot(ledger) == before
    amounts[place % len(amounts)] = 1.0
    ledger.transfer(payers, payees, amounts, "payment")  # the rest of the batch was fine
    assert total(ledger) == 0
    assert len(snapshot(ledger)[2]) == len(before[2]) + len(amounts)


@pytest.mark.parametrize(
    ("payers", "payees", "amounts", "memo", "message"),
    [
        ([2, 9], [3, 3], [1.0, 1.0], "payment", "outside 0..3"),
        ([2, 2], [3, -1], [1.0, 1.0], "payment", "outside 0..3"),
        ([2, 2], [3, 3], [1.0, 1.0], "present", "wanted one of endowment"),
        ([2, 2, 2], [3, 3], [1.0, 1.0], "payment", "one length"),
        ([2], [3, 3], [1.0, 1.0], "payment", "one length"),
        ([2.7, 2.0], [3, 3], [1.0, 1.0], "payment", "as integers"),
        ([2, 2], [3, 3], [[1.0], [1.0]], "payment", "one length"),
    ],
)
def test_a_wrong_row_is_refused_with_its_reason(payers, payees, amounts, memo, message) -> None:
    ledger = Ledger(journal=True)
    ledger.open(2)
    before = snapshot(ledger)
    with pytest.raises(InputError, match=message):
        ledger.transfer(payers, payees, amounts, memo)
    assert snapshot(ledger) == before


def test_huge_amounts_never_wrap_around() -> None:
    ledger = Ledger(journal=True)
    ann, bob = ledger.open(2)
    most = 2.0**41
    for _ in range(3):
        ledger.transfer([ann], [bob], [most], "payment")
    before = snapshot(ledger)
    with pytest.raises(InputError, match=r"64-bit range.*larger tick"):  # 3 * 2**61 ticks were fine, 4 are not
        ledger.transfer([ann], [bob], [most], "payment")
    assert snapshot(ledger) == before
    assert total(ledger) == 0
    assert ledger.balance[bob] > 0 > ledger.balance[ann]
    before = snapshot(ledger)
    with pytest.raises(InputError, match="64-bit range"):  # each amount is fine; together they are not
        ledger.transfer([HOUSE] * 8, [bob] * 8, [most] * 8, "payment")
    assert snapshot(ledger) == before


def test_amounts_are_rounded_to_the_nearest_tick() -> None:
    ledger = Ledger(tick=0.01)
    ann, bob = ledger.open(2)
    ledger.transfer([ann, ann, ann], [bob, bob, bob], [0.004, 0.006, -0.014], "payment")
    assert ledger.balance.tolist() == [0, 0, 0, 0]  # 0 + 1 - 1 ticks
    assert int(ledger.flows[MEMOS.index("payment")]) == 0
    ledger.transfer(ann, bob, 0.126, "payment")
    assert ledger.balance.tolist() == [0, 0, -13, 13]
    assert ledger.wealth([bob]).tolist() == [0.13]


def test_endowments_come_from_the_house() -> None:
    ledger = Ledger(tick=0.5)
    accounts = ledger.open(3, endowment=2.0)
    assert accounts.tolist() == [2, 3, 4]
    assert ledger.balance.tolist() == [0, -12, 4, 4, 4]
    assert ledger.balance[WORLD] == 0


@pytest.mark.parametrize("endowment", [math.nan, math.inf, 1e300, 2.0**41])
def test_a_bad_endowment_opens_no_account(endowment: float) -> None:
    ledger = Ledger(journal=True)
    before = snapshot(ledger)
    with pytest.raises(InputError, match="currency"):
        ledger.open(8, endowment=endowment)
    assert snapshot(ledger) == before
    with pytest.raises(InputError, match="count=-1"):
        ledger.open(-1)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.integers(-(2**62), 2**62), st.integers(1, 50))
def test_shares_add_up_exactly(amount: int, parts: int) -> None:
    ledger, house = Ledger(), np.array([HOUSE])
    members, twins = ledger.open(parts), ledger.open(parts)
    move_shares(ledger.books, PAYMENT, house, members, amount)
    shares = ledger.balance[members].tolist()
    assert sum(shares) == amount
    assert shares == [amount * (k + 1) // parts - amount * k // parts for k in range(parts)]
    move_shares(ledger.books, PAYMENT, members, twins, amount)
    assert ledger.balance[twins].tolist() == shares
    move_shares(ledger.books, PAYMENT, twins, house, amount)
    assert not ledger.balance.any()


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.integers(-(2**40), 2**40), min_size=4, max_size=4), st.integers(1, 9))
def test_income_in_one_pass_is_the_same_as_transfer_by_transfer(amounts: list[int], parts: int) -> None:
    quick, audited = Ledger(), Ledger(journal=True)
    for ledger in (quick, audited):
        members = ledger.open(parts)  # before the books are read: opening accounts makes them anew
        reward, grant, withheld, royalty = amounts
        pay_income(ledger.books, members, reward, grant, SUBSIDY, withheld, royalty)
    assert quick.balance.tolist() == audited.balance.tolist()
    assert quick.flows.tolist() == audited.flows.tolist()
    assert sum(quick.balance.tolist()) == 0


def test_a_state_that_does_not_add_up_is_refused() -> None:
    ledger = Ledger()
    ledger.open(2, endowment=1.0)
    state = ledger.state_dict()
    restored = Ledger(tick=0.25)
    restored.load_state_dict(state)
    assert restored.balance.tolist() == ledger.balance.tolist()
    assert restored.tick == ledger.tick
    state["balance"][2] += 1
    with pytest.raises(InputError, match="sums to 1 ticks instead of 0"):
        restored.load_state_dict(state)
    assert restored.balance.tolist() == ledger.balance.tolist()
    state["balance"] = np.array([2**62, 2**62, 2**62, 2**62])  # adds up to 2**64, which is 0 in 64 bits
    with pytest.raises(InputError, match="instead of 0"):
        restored.load_state_dict(state)


def test_the_journal_survives_many_pages() -> None:
    ledger = Ledger(journal=True)
    ledger.open(1)
    for _ in range(5):
        ledger.transfer(np.full(700, WORLD), np.full(700, 2), np.ones(700), "reward")
    assert len(ledger.journal_rows) == 3500
    assert int(ledger.journal_rows[:, 3].sum()) == int(ledger.balance[2])
    with pytest.raises(InputError, match="journal=True"):
        _ = Ledger().journal_rows


@pytest.mark.parametrize("tick", [0.0, -1.0, math.nan, math.inf])
def test_a_tick_is_a_finite_amount(tick: float) -> None:
    with pytest.raises(InputError, match="tick="):
        Ledger(tick=tick)
