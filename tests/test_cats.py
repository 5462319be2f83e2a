"""Reading files of the Combinatorial Auction Test Suite, and the generators after it."""

import numpy as np
import pytest

from marketic import InputError
from marketic.bundle_bids import BundleBids
from marketic.mechanisms.bid_generators import GENERATORS
from marketic.mechanisms.cats import read_cats
from marketic.mechanisms.core_selecting import CoreSelecting
from marketic.mechanisms.vcg import VCG

FILE = """%% two XOR bidders and a single bid
goods 3
bids 5
dummy 2

0\t4\t0\t3\t#
1\t3\t1\t3\t#
2\t5.5\t1\t2\t4\t#
3\t1\t2\t4\t#
4\t2\t0\t#
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "auction.txt"
    file.write_text(FILE)
    return file


def test_bids_that_share_a_dummy_are_one_bidders(path):
    bids = read_cats(path)
    assert bids.exclusive is False
    assert bids.value.tolist() == [[4.0, 3.0], [5.5, 1.0], [2.0, 0.0]]
    assert bids.offered.tolist() == [[True, True], [True, True], [True, False]]
    assert np.flatnonzero(bids.bundle[1, 0]).tolist() == [1, 2, 4]


@pytest.mark.parametrize("rule", [VCG(), CoreSelecting()], ids=["VCG", "core"])
def test_dummies_make_xor(path, rule):
    spelled = BundleBids.of({"a": 4.0, "b": 3.0}, {"bc": 5.5, "c": 1.0}, {"a": 2.0})
    by_dummies, by_xor = rule.clear(read_cats(path)), rule.clear(spelled)
    assert by_dummies.allocation[:, :3].tolist() == by_xor.allocation.tolist()
    assert by_dummies.payments == pytest.approx(by_xor.payments)
    assert by_xor.payments.tolist() == [2.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bids 0\n", "number of goods"),
        ("goods 2\nbids 2\n0 1.0 0 #\n", "says that there are 2"),
        ("goods 2\nbids 1\n0 1.0 5 #\n", "numbered from 0 to 1"),
        ("goods 2\nbids 1\n0 one 1 #\n", "line 3"),
        ("goods\n", "line 1"),
    ],
    ids=["no goods", "too few bids", "unknown good", "price in letters", "no number"],
)
def test_what_is_no_such_file(tmp_path, text, complaint):
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_cats(file)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_cats(tmp_path / "none.txt")


@pytest.mark.parametrize("goods", [1, 2, 7, 16])
@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_generated_bids_are_sound(kind, goods):
    bids = GENERATORS[kind](np.random.default_rng(0), 6, goods, 4)
    again = GENERATORS[kind](np.random.default_rng(0), 6, goods, 4)
    assert bids.active.shape == (6,)
    assert bids.goods == goods
    assert bids.value.shape[1] <= 4
    assert bids.refused is None
    assert (bids.value[bids.offered] > 0.0).all()
    assert bids.offered.any(axis=1).all()
    assert np.array_equal(bids.value, again.value)
    assert np.array_equal(bids.bundle, again.bundle)
