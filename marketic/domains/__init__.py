"""Kinds of auctions: who may report what, and what an outcome is worth. The conformance kit draws its cases from them."""

from marketic.domains.assignment import Assignment
from marketic.domains.base import Domain
from marketic.domains.bundles import Bundles
from marketic.domains.exchange import Exchange
from marketic.domains.position import Positions
from marketic.domains.public_project import PublicProject
from marketic.domains.rankings import RankedObjects
from marketic.domains.scalar import SingleGood
from marketic.domains.shares import Shares
from marketic.domains.units import Units

__all__ = [
    "Assignment",
    "Bundles",
    "Domain",
    "Exchange",
    "Positions",
    "PublicProject",
    "RankedObjects",
    "Shares",
    "SingleGood",
    "Units",
]
