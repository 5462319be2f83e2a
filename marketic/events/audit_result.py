"""What an audit found."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Audit:
    """The result. problems: in words, the first transfer that does not add up among them; empty: the log is proven.

    trades: replayed; flows: currency moved under each memo; house, world, agents: their final balances, currency, sum 0;
    checkpoints: compared with the replay; link: the newest of the chain; notes: what could not be compared.
    """

    run: str
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trades: int = 0
    outside: int = 0
    snapshots: int = 0
    checkpoints: int = 0
    flows: dict[str, float] = field(default_factory=dict)
    house: float = 0.0
    world: float = 0.0
    agents: float = 0.0
    link: str = ""

    @property
    def sound(self) -> bool:
        """Whether the log is proven."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "sound": self.sound}
