"""What a trade graph knows about one agent."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AgentFacts:
    """What is known about an agent; None or "": unknown.

    wealth: balance, currency.  age: environment steps since its account was opened.
    family: the population's class.  program: condition, act and bid in words.
    uid: its own number, where its family has such (see `marketic.genealogy`); others may have had its seat and account before.
    born, died: when, in `unit` ("steps" of the environment, or "trades" of its family); parents: their names in the graph.
    """

    wealth: float | None = None
    age: int | None = None
    family: str = ""
    program: str = ""
    alive: bool | None = None
    uid: int | None = None
    born: int | None = None
    died: int | None = None
    unit: str = ""
    parents: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What is known, as plain attributes; nothing that is None or empty (file formats have no word for it)."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "parents"}
        given["parent"] = ", ".join(self.parents)
        return {name: value for name, value in given.items() if value not in (None, "")}
