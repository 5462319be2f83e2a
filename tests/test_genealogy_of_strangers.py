"""A stranger's family needs one method for its lineages to be seen."""

import gymnasium as gym
import numpy as np
from tiny_envs import Match, Walk

import marketic
from marketic.bids import Bids
from marketic.genealogy import Genealogy
from marketic.graph import graph_of
from marketic.market import Market
from marketic.mechanisms import SecondPrice


class Heirs:
    """A stranger's family: two seats, and every episode's end brings somebody new to one of them."""

    n_agents = n_bidders = 2

    def __init__(self):
        self.births = [(0, -1), (1, -1)]
        self.seat = [0, 1]
        self.died = [-1, -1]

    def bid(self, observation):
        return Bids(np.tile([1.0, 2.0], (len(observation), 1)))

    def act(self, winner, observation):
        return np.zeros(len(winner), dtype=np.int64)

    def learn(self, receipt):
        if (receipt.terminated | receipt.truncated).any():
            place = len(self.births) % 2
            self.died[self.seat[place]] = len(self.births)
            self.births.append((len(self.births), self.seat[1]))
            self.died.append(-1)
            self.seat[place] = len(self.births) - 1

    def genealogy(self, words):
        uid, parent = np.array(self.births).T
        agent = np.array([self.seat.index(u) if u in self.seat else -1 for u in uid.tolist()])
        return Genealogy(uid, parent[:, None], uid, np.array(self.died), agent, lambda row: f"heir {row}", "steps")


def test_a_strangers_family_needs_one_method(tmp_path):
    market = Market(Walk(3), Heirs(), SecondPrice(), seed=0).log_to(tmp_path)
    market.learn(60)
    assert len(market.population.births) > 6
    graph = market.graph()
    line, family = ["agent 1"], market.population.genealogy(None)
    while parent := graph.nodes[line[-1]].get("parent"):
        line.append(parent)
    assert [graph.nodes[name]["uid"] for name in line] == family.lineage(market.population.seat[1])
    assert graph.nodes[line[-1]]["program"] == f"heir {graph.nodes[line[-1]]['uid']}"
    assert len(line) > 3


def test_two_rights_have_two_families(tmp_path):
    """The uids of both begin with 0: names say whose ancestor it is."""
    env = Match(8, gym.spaces.MultiDiscrete([2, 3]), lambda state, act: float(act.sum() == state % 3))
    options = {"births": 0.5, "slots": 20, "few": 2, "members": 3}
    market = marketic.make(env, agents="programs", seed=0, **options).log_to(tmp_path)
    market.learn(600)
    graph = graph_of(market.events, members=True)
    for right, part in enumerate(market.population.populations):
        family = part.genealogy()
        mine = [(a, b) for a, b in graph.descent if f"of right {right}" in a]
        assert mine
        for parent, child in mine:
            uid = graph.ancestors[parent].uid
            born = graph.ancestors[child] if child in graph.ancestors else graph.facts[int(child.split()[1]) + 2]
            if family.remembers(born.uid) and family.remembers(uid):
                assert uid in family.parents[family.row(born.uid)].tolist()
                assert graph.ancestors[parent].program == family.program(family.row(uid))
