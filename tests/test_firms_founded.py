"""How firms are founded from spaces and options, and what is refused."""

import gymnasium as gym
import numpy as np
import pytest

from marketic.agents.firms import Firms
from marketic.agents.tabular import Tabular
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.population import Population

STATES = 6


def table(rng: np.random.Generator) -> Tabular:
    return Tabular(STATES, 2, rng=rng)


def test_for_spaces_passes_options_on():
    goods = Goods.from_space(gym.spaces.Discrete(STATES))
    rng = np.random.default_rng(0)
    firms = Firms.for_spaces(goods, 2, rng=rng, society="tabular", patience=3, initial_bid=7.0)
    assert isinstance(firms, Population)
    assert firms.statute.patience == 3
    assert firms.bid(np.zeros((1, 1))).value.min() >= 7.0
    with pytest.raises(InputError, match=r"cannot found a society of Tabular.*'widht'"):
        Firms.for_spaces(goods, 2, rng=rng, society="tabular", widht=3)
    with pytest.raises(InputError, match="no agents named 'tabla'"):
        Firms.for_spaces(goods, 2, rng=rng, society="tabla")


class Live(Tabular):
    """Hands out the arrays themselves."""

    def state_dict(self):
        return {"price": self.price}


class Forgetful:
    """Cannot be copied."""

    n_agents = n_bidders = 2


@pytest.mark.parametrize(
    ("found", "rules", "said"),
    [
        (table, {"patience": 0}, "wanted patience"),
        (table, {"sigma": 0.0}, "finite sigma > 0"),
        (table, {"share": 1.5}, r"share in \[0, 1\]"),
        (table, {"limit": 100_000}, "at most 1000000 agents"),
        (lambda rng: Live(STATES, 2, rng=rng), {}, "live arrays"),
        (lambda rng: Forgetful(), {}, "state_dict and load_state_dict"),
    ],
)
def test_refused(found, rules, said):
    with pytest.raises(InputError, match=said):
        Firms(found, rng=np.random.default_rng(0), **rules)
