"""One list of mechanisms, one list of promises: everything installed is held to its word, by the same kit as a user's."""

import subprocess
import sys

import numpy as np
import pytest

import marketic
from marketic import Bids, InputError
from marketic.checks import check_mechanism
from marketic.mechanism import sells_one_right
from marketic.registry import built, names

INSTALLED = sorted(names("mechanisms"))
SINGLE_WINNER = [name for name in INSTALLED if sells_one_right(built("mechanisms", name))]


@pytest.mark.parametrize("name", INSTALLED)
def test_every_mechanism_keeps_its_word(name):
    report = check_mechanism(built("mechanisms", name), budget=4_000, raises=False)
    assert not report.refuted, str(report)
    assert not report.untested, str(report)


def test_the_library_is_as_large_as_it_says():
    assert len(INSTALLED) >= 45


@pytest.mark.parametrize("name", SINGLE_WINNER)
def test_every_single_winner_mechanism_drives_a_market(name):
    market = marketic.make("FrozenLake-v1", agents="tabular", mechanism=name, seed=0)
    market.learn(300)
    assert market.num_timesteps == 300
    assert int(market.ledger.balance.sum()) == 0


@pytest.mark.parametrize("name", SINGLE_WINNER)
def test_every_single_winner_mechanism_lets_the_sound_bidders_go_on(name):
    mechanism = built("mechanisms", name)
    cleared = mechanism.clear(Bids([[np.nan, 3.0, np.inf, 2.0, 1.0]]))
    absent = mechanism.clear(Bids([[0.0, 3.0, 0.0, 2.0, 1.0]], [[False, True, False, True, True]]))
    assert cleared.payments.tolist() == absent.payments.tolist()
    assert np.asarray(cleared.allocation).tolist() == np.asarray(absent.allocation).tolist()
    assert not np.asarray(cleared.allocation)[0, [0, 2]].any()
    assert not cleared.payments[0, [0, 2]].any()


def test_what_is_no_auction_of_one_right_cannot_drive_a_market():
    other = next(name for name in INSTALLED if name not in SINGLE_WINNER)
    with pytest.raises(InputError, match="sells one right to one"):
        marketic.make("FrozenLake-v1", mechanism=other, seed=0)


def test_the_command_line_lists_them_with_their_claims():
    command = [sys.executable, "-m", "marketic.cli", "list", "mechanisms"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert set(lines) == set(INSTALLED)
    assert "DSIC" in lines["second-price"]
    assert "DSIC" not in lines["first-price"].replace("not DSIC", "")
