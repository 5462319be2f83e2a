"""The environment beside the market: one greedy episode, frame by frame, with the auction behind the present step."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from marketic.dashboard.books import Books
from marketic.dashboard.replay import Scene, replay, stage_of
from marketic.errors import InputError
from marketic.reporting.page import escape, number

HEIGHT = 240
OFFERS = 4


class Stage:
    """source: of the picture. Nothing runs until the button is pressed."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self._scenes: Iterator[Scene] | None = None
        self._env: Any = None

    def view(self, books: Books) -> Any:
        """Button, picture and the auction in words."""
        from bokeh.layouts import column
        from bokeh.models.widgets import Button, Div
        from bokeh.plotting import figure

        self.books = books
        button = Button(label="Watch the market play an episode", name="watch", width=260)
        button.on_click(self.start)
        self.text = Div(name="auction", sizing_mode="stretch_width")
        bare: dict[str, Any] = {"x_range": (0, 1), "y_range": (0, 1), "tools": "", "toolbar_location": None, "min_border": 0,
                                "border_fill_alpha": 0, "background_fill_alpha": 0, "outline_line_color": None}  # fmt: skip
        self.picture: Any = figure(height=HEIGHT, width=HEIGHT, visible=False, **bare)
        self.picture.axis.visible = False
        self.picture.grid.visible = False
        self.picture.image_rgba("image", x=0, y=0, dw="dw", dh="dh", source=self.source)
        return column(button, self.picture, self.text, sizing_mode="stretch_width")

    def start(self) -> None:
        """Begin an episode with the newest market."""
        self._close()
        self.books.renew()
        if self.books.market is None:
            self.text.text = escape(self.books.why)
            return
        try:
            self._env = stage_of(self.books.market)
        except InputError as error:
            self.text.text = escape(error)
            return
        self._scenes = replay(self.books.market, self._env, offers=OFFERS)

    def tick(self) -> None:
        """The next step."""
        if self._scenes is None:
            return
        scene = next(self._scenes, None)
        if scene is None:
            self._close()
            return
        if scene.frame is not None:
            picture = shrink(scene.frame, HEIGHT)
            wide = picture.shape[1] / picture.shape[0]
            self.source.data = {"image": [rgba(picture)], "dw": [wide], "dh": [1.0]}
            self.picture.visible = True
            self.picture.x_range.update(start=0, end=wide)
            self.picture.width = round(HEIGHT * wide)
        self.text.text = in_words(scene)

    def _close(self) -> None:
        self._scenes = None
        if self._env is not None:
            self._env.close()
            self._env = None


def in_words(scene: Scene) -> str:
    """The auction of a step, as HTML."""
    lines = [f"step {scene.step:,}, return so far {number(scene.total)} units of reward"]
    for offers, payee in zip(scene.offers, scene.payee, strict=True):
        if not offers:
            lines.append("nobody bids: the house sends a bidder")
        else:
            best = offers[0]
            lines.append(f"<b>agent {best.agent:,}</b> bids {number(best.value)}, acts: {escape(best.move)}, "
                         f"pays {escape(payee)} {number(best.payment)}")  # fmt: skip
        lines += [f"agent {o.agent:,} bids {number(o.value)} for: {escape(o.move)}" for o in offers[1:]]
    return "<br>".join(lines)


def shrink(frame: np.ndarray, height: int) -> np.ndarray:
    """A picture of about this height, by leaving out pixels."""
    every = max(1, round(frame.shape[0] / height))
    return frame[::every, ::every]


def rgba(frame: np.ndarray) -> np.ndarray:
    """uint8 [h, w, 3] as Bokeh wants it: uint32 [h, w], bottom row first."""
    full = np.full((*frame.shape[:2], 4), 255, dtype=np.uint8)
    full[..., :3] = frame[::-1]
    return np.ascontiguousarray(full).view(np.uint32)[..., 0]
