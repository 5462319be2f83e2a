"""The Hayek machine: an episodic economy of programs, whatever the programs are made of."""

from marketic.hayek.economy import Economy
from marketic.hayek.rules import Auction, Births, Curriculum, Exits, Novices, Taxes
from marketic.hayek.snapshot import Snapshot
from marketic.hayek.vocabulary import Kind, Term, Vocabulary, World

__all__ = [
    "Auction",
    "Births",
    "Curriculum",
    "Economy",
    "Exits",
    "Kind",
    "Novices",
    "Snapshot",
    "Taxes",
    "Term",
    "Vocabulary",
    "World",
]
