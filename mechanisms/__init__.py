"""Auction mechanisms: each file one idea, with its theory and its claims on top."""

if __name__ != "marketic.mechanisms":
    raise ImportError("import marketic.mechanisms, not mechanisms")

from marketic.mechanisms.first_price import FirstPrice
from marketic.mechanisms.rotation import Rotation
from marketic.mechanisms.second_price import SecondPrice
from marketic.mechanisms.sequences import bucket_brigade, credit_conserving_vickrey, minted_vickrey
from marketic.mechanisms.softmax import Softmax

__all__ = [
    "FirstPrice",
    "Rotation",
    "SecondPrice",
    "Softmax",
    "bucket_brigade",
    "credit_conserving_vickrey",
    "minted_vickrey",
]
