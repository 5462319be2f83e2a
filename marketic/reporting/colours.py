"""Colours of prices and moves that everybody can tell apart: viridis for amounts, Okabe and Ito's palette for kinds."""

import numpy as np

from marketic.reporting.page import apart

_VIRIDIS = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
_ANCHORS = np.array([[int(code[k : k + 2], 16) for k in (0, 2, 4)] for code in _VIRIDIS], dtype=float)
KINDS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c8c8c")
"""Okabe and Ito (2008), for moves."""


def shade(share: float) -> tuple[str, str]:
    """Colour of an amount at `share` in [0, 1] of the scale, and the colour of text that is legible on it.

    >>> shade(0.0), shade(1.0)
    (('#440154', '#ffffff'), ('#fde725', '#14181c'))
    """
    at = min(max(share, 0.0), 1.0) * (len(_ANCHORS) - 1)
    k = min(int(at), len(_ANCHORS) - 2)
    red, green, blue = (round(v) for v in (_ANCHORS[k] + (at - k) * (_ANCHORS[k + 1] - _ANCHORS[k])).tolist())
    bright = 0.299 * red + 0.587 * green + 0.114 * blue
    return f"#{red:02x}{green:02x}{blue:02x}", "#14181c" if bright > 115 else "#ffffff"


def ramp(low: float, high: float, what: str) -> str:
    """The key of a colour scale between two amounts, as HTML."""
    least, most = apart([low, high])
    boxes = "".join(f'<rect x="{k * 7}" width="7.5" height="12" fill="{shade(k / 19)[0]}"/>' for k in range(20))
    drawing = f'<svg viewBox="0 0 140 12" aria-hidden="true">{boxes}</svg>'
    return f'<div class="ramp">{least}{drawing}{most} <span>{what}</span></div>'
