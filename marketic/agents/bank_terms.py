"""What can be chosen about a bank (`marketic.agents.bank`), checked at the door."""

from dataclasses import dataclass

from marketic.errors import InputError
from marketic.numbers import all_finite, check_flags, check_numbers, check_shares, check_wholes

LARGEST_ARRAY, WIDEST = 2**28, 2**14
"""Most rows of an array and the widest hidden layer, so that they fit into memory."""


@dataclass(frozen=True)
class BankTerms:
    """The bank's hyper-parameters; the defaults were chosen on LunarLander-v3, on seeds other than the published ones.

    Raises InputError for numbers out of range: rates, rate_floor and novice are shares in [0, 1], and only `updates`,
    `warm` and `trial` may be 0 of the whole numbers.
    """

    hidden: int = 64  # width of both hidden layers
    horizon: int = 3  # n of the n-step claims
    batch: int = 64  # claims per update
    interval: int = 4  # environment steps between bursts of updates
    updates: int = 4  # updates per burst
    rate: float = 1e-3  # Adam's learning rate at step 0; falls linearly ...
    rate_floor: float = 0.1  # ... to this share of it ...
    rate_steps: int = 150_000  # ... which it would pass on its way to 0 at this step
    posted_rate: float = 0.005  # per update
    steady_rate: float = 0.002  # per update
    novice: float = 0.02  # probability per step that a novice enters
    lease: int = 20  # longest run of steps for which a novice keeps outbidding; 1: a new draw at every step
    warm: int = 500  # steps of random acts before the first update
    capacity: int | None = None  # claims in the record; None: 100,000, or as many as 1 GiB holds (of images, say)
    recency: float = 2.5  # >= 1: how much young claims are preferred when old ones are settled again; 1: not at all
    normalise: bool = True  # normalise hidden layers per row
    window: int = 20  # episodes in the mean that ranks the copies
    trial: int = 0  # every trial-th episode is played by a challenger, without novices, and these rank; 0: none
    tenure: int = 150_000  # steps after which the best mean becomes the former one
    error_limit: float = 1.0  # Huber's corner, in the bank's currency

    def __post_init__(self) -> None:
        if not all_finite(self.trial, self.window) or self.trial < 0 or (self.trial and self.window < 2):
            raise InputError(f"{self}: wanted trial >= 0 (0: none), and with trials a window >= 2")
        check_wholes(self, interval=1, rate_steps=1, lease=1, warm=0, trial=0, tenure=1)
        check_wholes(self, LARGEST_ARRAY, horizon=1, batch=1, updates=0, window=1)
        if self.capacity is not None:
            check_wholes(self, LARGEST_ARRAY, capacity=1)
        check_wholes(self, WIDEST, hidden=1)
        check_shares(self, "rate", "rate_floor", "posted_rate", "steady_rate", "novice")
        check_numbers(self, "error_limit", above=0)
        check_numbers(self, "recency", least=1)
        check_flags(self, "normalise")
