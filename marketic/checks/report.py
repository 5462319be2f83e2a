"""What a conformance kit found: one verdict per promise, printable as a table."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

Status = Literal["kept", "refuted", "could not test"]
_COLOUR = {"kept": "green", "refuted": "bold red", "could not test": "yellow"}


@dataclass(frozen=True)
class Verdict:
    """What became of one promise.

    status:      "kept": no case broke it; "refuted": one did; "could not test": the kit could not find out, and says why.
    explanation: for "refuted" the smallest case found, in words, and lines that replay it; "" where there is nothing to say.
    cases:       how many cases were tried.
    """

    status: Status
    explanation: str = ""
    cases: int = 0


@dataclass(frozen=True)
class Report:
    """The verdicts on one part: its name, and name of the promise -> verdict, in the order in which they were tested."""

    name: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no promise was refuted. What could not be tested is not refuted: see `untested`."""
        return not self.refuted

    @property
    def refuted(self) -> dict[str, Verdict]:
        """The promises that a case broke."""
        return {name: verdict for name, verdict in self.verdicts.items() if verdict.status == "refuted"}

    @property
    def untested(self) -> dict[str, Verdict]:
        """The promises that the kit could not test."""
        return {name: verdict for name, verdict in self.verdicts.items() if verdict.status == "could not test"}

    def table(self) -> Table:
        """For people: one line per promise, as a `rich` table. What replays a broken one is in `reproducers`."""
        table = Table("promise", "verdict", "cases", "", title=Text(self.name), title_justify="left", show_lines=False)
        for name, verdict in self.verdicts.items():
            status = Text(verdict.status, style=_COLOUR[verdict.status])
            table.add_row(Text(name), status, f"{verdict.cases:,}", Text(verdict.explanation.split("\n")[0]))
        return table

    def reproducers(self) -> str:
        """The lines that replay each broken promise, ready to be copied; "" if there are none."""
        blocks = []
        for name, verdict in self.refuted.items():
            _, _, lines = verdict.explanation.partition("\n")
            if lines:
                blocks.append(f"# {name}\n{textwrap.dedent(lines)}")
        return "\n\n".join(blocks)

    def as_dict(self) -> dict[str, Any]:
        """For programs: plain types, ready for JSON."""
        verdicts = {
            name: {"status": v.status, "explanation": v.explanation, "cases": v.cases}
            for name, v in self.verdicts.items()
        }
        return {"name": self.name, "passed": self.passed, "verdicts": verdicts}

    def __str__(self) -> str:
        lines = [f"{self.name}: {'passed' if self.passed else 'refuted'}"]
        for name, verdict in self.verdicts.items():
            text = verdict.explanation.replace("\n", "\n    ")
            lines.append(f"  {name}: {verdict.status} ({verdict.cases:,} cases)" + (f", {text}" if text else ""))
        return "\n".join(lines)
