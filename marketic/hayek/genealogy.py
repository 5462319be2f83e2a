"""Who descends from whom, who pays whom, and what the winners do, in words."""

import itertools
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from marketic.genealogy import Genealogy
from marketic.hayek.books import BIRTH, BORN, DEATH, EMPTY, MOTHER, WINS
from marketic.hayek.interface import Species
from marketic.hayek.snapshot import Snapshot
from marketic.hayek.trials import Outcomes

if TYPE_CHECKING:
    import networkx

    from marketic.hayek.economy import Economy

TREASURY_NODE = "treasury"


@dataclass(frozen=True, kw_only=True)
class EconomyGenealogy(Genealogy):
    """Every agent that was ever born in an economy: row u is agent u; times in instances.

    wins: int64 [n], auctions. immigrants: of those who came from another island, by uid: which, and their uid there.
    """

    wins: np.ndarray
    immigrants: dict[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, economy: "Economy") -> "EconomyGenealogy":
        """The births of an economy so far."""
        books = economy.books
        log = books.log[: int(books.account[BORN])].copy()
        code = books.code_log[: len(log)].copy()
        agent = np.full(len(log), -1)
        taken = np.flatnonzero(books.status != EMPTY)
        agent[books.uid[taken]] = taken
        return cls(
            np.arange(len(log)), log[:, MOTHER : MOTHER + 1], log[:, BIRTH], log[:, DEATH], agent,
            partial(_words, economy.species, code), "instances", wins=log[:, WINS], immigrants=dict(economy.immigrants),
        )  # fmt: skip

    def describe(self, row: int) -> str:
        """One agent in words: where it came from, end, wins and program."""
        island, was = self.immigrants.get(row, (-1, -1))
        came = f"agent {was} of island {island}, came" if island >= 0 else "born"
        return f"{row} ({came} {self.born[row]}, {self.end(row)}, {self.wins[row]} wins): {self.program(row)}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: lists by uid, programs in words."""
        return {**super().as_dict(), "wins": self.wins.tolist()}


def _words(species: Species, code: np.ndarray, row: int) -> str:
    return species.words(code[row])


def graph(
    species: Species, agents: Snapshot, outcomes: Outcomes | None = None, family: EconomyGenealogy | None = None
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
                    found.add_node(parent, program=family.program(parent), wealth=0, wins=int(family.wins[parent]))
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
