"""The named chains of the literature: an auction plus the rule for who is credited what at the next sale.

With reward R_t, top bid S_t1 and second bid S_t2 at step t, and no discount, the profits of all owners of one
episode add up to
  bucket brigade                sum R - S_01                                    (Holland 1985; Baum 1996)
  minted Vickrey                sum R - S_02 + sum_{t>=1} (S_t1 - S_t2)         (the house mints the gap)
  credit-conserving Vickrey     sum R - S_02                                    (Chang et al. 2020, "ccv")
These identities are tests. A minted Vickrey chain with a complete public table of bids *is* Q-learning. Without clones the
credit-conserving chain leaks S_t1 - S_t2 at every sale, and long chains of trade collapse.
"""

from marketic.chain import Chain
from marketic.mechanisms.first_price import FirstPrice
from marketic.mechanisms.rotation import Rotation
from marketic.mechanisms.second_price import SecondPrice


def bucket_brigade(discount: float = 0.99, royalty: float = 0.0) -> Chain:
    """First price; the seller receives what the buyer pays."""
    return Chain(FirstPrice(), credit="payment", discount=discount, royalty=royalty)


def minted_vickrey(discount: float = 0.99, royalty: float = 0.0) -> Chain:
    """Second price; the seller is credited the buyer's bid, and the house pays the gap."""
    return Chain(SecondPrice(), credit="bid", discount=discount, royalty=royalty)


def credit_conserving_vickrey(clones: int = 1, discount: float = 0.99, royalty: float = 0.0) -> Chain:
    """Second price; the seller receives what the buyer pays. With `clones` > 1 the twins of the winner take turns."""
    mechanism = SecondPrice() if clones == 1 else Rotation(SecondPrice(), clones=clones)
    return Chain(mechanism, credit="payment", discount=discount, royalty=royalty)
