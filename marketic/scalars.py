"""TensorBoard scalars of a run, through the optional package tensorboardX."""

import math
from pathlib import Path
from typing import Any

from marketic.errors import InputError


class Scalars:
    """Writes rows of metrics as scalars under `folder`. Raises InputError if tensorboardX is not installed."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise InputError(
                "--tensorboard needs the package tensorboardX: pip install 'marketic[tensorboard]'"
            ) from None
        self._make, self._folder = SummaryWriter, folder
        self._first: int | None = None
        self._writer: Any = None

    def forget_after(self, step: int) -> None:
        """Training goes on from `step`: what was written of later steps is to be ignored."""
        self._first = step + 1

    def write(self, rows: dict[str, list[float]]) -> None:
        """One scalar per figure and row; NaN is left out."""
        if self._writer is None:
            self._writer = self._make(str(self._folder), purge_step=self._first)
        for name, values in rows.items():
            for step, value in zip(rows["step"], values, strict=True):
                if name != "step" and not math.isnan(value):
                    self._writer.add_scalar(f"run/{name}", value, int(step))
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
