"""Who descends from whom, who pays whom, and what the winners do, in words."""

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.errors import InputError
from marketic.hayek.books import BIRTH, BORN, DEATH, MOTHER, WINS
from marketic.hayek.economy import Economy, Snapshot
from marketic.hayek.interface import Species
from marketic.hayek.trials import Outcomes

if TYPE_CHECKING:
    import networkx

TREASURY_NODE = "treasury"


@dataclass(frozen=True)
class Genealogy:
    """Every agent that was ever born, by uid: row u is agent u.

    parent int64 [n], -1: none. birth, death int64 [n], instances; death -1: alive. wins int64 [n], auctions.
    code int64 [n, L]. immigrants: of those who came from another island, by uid: which, and their uid there.
    """

    species: Species
    parent: np.ndarray
    birth: np.ndarray
    death: np.ndarray
    wins: np.ndarray
    code: np.ndarray
    immigrants: dict[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, economy: Economy) -> "Genealogy":
        """The births of an economy so far."""
        born = int(economy.books.account[BORN])
        log = economy.books.log[:born].copy()
        code = economy.books.code_log[:born].copy()
        return cls(
            economy.species, log[:, MOTHER], log[:, BIRTH], log[:, DEATH], log[:, WINS], code, dict(economy.immigrants)
        )

    def __len__(self) -> int:
        return len(self.parent)

    def lineage(self, uid: int) -> list[int]:
        """An agent and its ancestors, youngest first. Raises InputError for a uid that was never born."""
        if not 0 <= uid < len(self):
            raise InputError(f"no agent {uid}: wanted a uid from 0 to {len(self) - 1}")
        line = [int(uid)]
        while self.parent[line[-1]] >= 0:
            line.append(int(self.parent[line[-1]]))
        return line

    def tell(self, uid: int) -> str:
        """The lineage in words, eldest first, one line each."""
        lines = []
        for ancestor in reversed(self.lineage(uid)):
            end = "alive" if self.death[ancestor] < 0 else f"died {self.death[ancestor]}"
            program = self.species.words(self.code[ancestor])
            island, was = self.immigrants.get(ancestor, (-1, -1))
            came = f"agent {was} of island {island}, came" if island >= 0 else "born"
            lines.append(f"{ancestor} ({came} {self.birth[ancestor]}, {end}, {self.wins[ancestor]} wins): {program}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: lists by uid, programs in words."""
        numbers = {name: getattr(self, name).tolist() for name in ("parent", "birth", "death", "wins")}
        return {**numbers, "program": [self.species.words(row) for row in self.code]}


def graph(
    species: Species, agents: Snapshot, outcomes: Outcomes | None = None, family: Genealogy | None = None
) -> "networkx.MultiDiGraph":
    """Agents by uid, with program, wealth and wins; edges "trade" (ticks paid, from payer to payee; the treasury is a node
    too) for `outcomes` of these agents, and "parent" (from parent to child) back to the first ancestors with `family`."""
    import networkx

    found = networkx.MultiDiGraph()
    for row, uid in enumerate(agents.uid.tolist()):
        wins = 0 if outcomes is None else int(outcomes.wins[row])
        found.add_node(uid, program=species.words(agents.code[row]), wealth=int(agents.wealth[row]), wins=wins)
    if outcomes is not None:
        names = [*agents.uid.tolist(), TREASURY_NODE]
        for payer, payee in np.argwhere(outcomes.trade > 0).tolist():
            found.add_edge(names[payer], names[payee], key="trade", ticks=int(outcomes.trade[payer, payee]))
    if family is not None:
        for uid in agents.uid.tolist():
            line = family.lineage(uid)
            for child, parent in itertools.pairwise(line):
                if parent not in found:
                    found.add_node(
                        parent, program=species.words(family.code[parent]), wealth=0, wins=int(family.wins[parent])
                    )
                found.add_edge(parent, child, key="parent")
    return found


def explain(species: Species, agents: Snapshot, outcomes: Outcomes, most: int = 12) -> list[str]:
    """The agents that won most auctions, one line each: share of the wins, bid as a function of progress and size, and program
    in words."""
    lines = []
    for row in np.argsort(-outcomes.wins, kind="stable")[:most]:
        if outcomes.wins[row]:
            share = outcomes.wins[row] / outcomes.wins.sum()
            price = f"1 - {agents.slope[row]:.2f} (1 - progress) - {agents.offset[row]:.2f} / size"
            lines.append(f"{share:5.1%} of the wins, bids {price}: {species.words(agents.code[row])}")
    return lines
