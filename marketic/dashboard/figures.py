"""The page's sources and figures. Lines and text are a grey that is legible on light and on dark paper."""

from typing import Any

INK = "#7b8690"
SOURCES: dict[str, tuple[str, ...]] = {
    "nodes": ("account", "name", "label", "x", "y", "wealth", "spent", "size", "colour", "lift"),
    "edges": ("payer", "payee", "x0", "y0", "x1", "y1", "hx", "hy", "angle", "volume", "price", "count", "width"),
    "metrics": ("step", "return_mean", "evaluation", "price_error", "agents_alive"),
    "lorenz": ("agents", "wealth"),
    "ledger": ("step", "episode", "buyer", "seller", "price", "paid", "reward"),
    "places": ("x", "y", "width", "height", "left", "top", "text"),
    "frame": ("image", "dw", "dh"),
}
"""Name -> columns. All are replaced as a whole, never streamed without end, so that a page of an hour is as large as one
of a minute."""


def sources() -> dict[str, Any]:
    """Empty sources, by name."""
    from bokeh.models import ColumnDataSource

    return {name: ColumnDataSource({key: [] for key in keys}, name=name) for name, keys in SOURCES.items()}


def plain(title: str, **options: Any) -> Any:
    """A figure without decoration. tags: its title, which the page adds to where there is nothing to draw."""
    from bokeh.plotting import figure

    made: Any = figure(
        title=title, toolbar_location=None, background_fill_alpha=0, border_fill_alpha=0, outline_line_color=None,
        sizing_mode="stretch_width", tags=[title], **options,
    )  # fmt: skip
    made.title.text_color = INK
    made.title.text_font_size = "14px"
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_line_color = axis.major_tick_line_color = INK
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = INK
        axis.axis_label_text_font_style = "normal"
        axis.major_label_text_font_size, axis.axis_label_text_font_size = "12px", "13px"
    for grid in (*made.xgrid, *made.ygrid):
        grid.grid_line_color, grid.grid_line_alpha = INK, 0.18
    return made


def graph_figure(sources: dict[str, Any]) -> Any:
    """The trade graph: agents as discs, payments as lines with an arrow head on the way."""
    from bokeh.models import HoverTool, TapTool

    made = plain("Who pays whom (arrows point to the seller)", height=480, x_range=(-0.06, 1.06), y_range=(-0.06, 1.06),
                 tools="pan,wheel_zoom,reset", name="graph")  # fmt: skip
    made.axis.visible = False
    made.grid.visible = False
    edges, nodes, places = sources["edges"], sources["nodes"], sources["places"]
    made.rect("x", "y", "width", "height", source=places, fill_alpha=0, line_color=INK, line_alpha=0.3)
    made.text("left", "top", text="text", source=places, x_offset=4, y_offset=16, text_font_size="12px", text_color=INK)
    lines = made.segment("x0", "y0", "x1", "y1", source=edges, line_width="width", line_color=INK, line_alpha=0.55,
                         selection_line_color="#d55e00", selection_line_alpha=1, nonselection_line_alpha=0.3)  # fmt: skip
    made.scatter("hx", "hy", source=edges, marker="triangle", angle="angle", size=9, color=INK, alpha=0.9)
    discs = made.scatter(
        "x", "y", source=nodes, size="size", color="colour", line_color="#ffffff", nonselection_alpha=0.45
    )
    made.text(
        "x",
        "y",
        text="label",
        source=nodes,
        y_offset="lift",
        nonselection_text_alpha=0.8,
        text_align="center",
        text_font_size="12px",
        text_color=INK,
    )
    told = [("", "@name"), ("wealth, units of reward", "@wealth{0,0.00}"), ("paid in this window", "@spent{0,0.00}")]
    paid = [("paid, units of reward", "@volume{0,0.00}"), ("rights", "@count{0,0}"), ("mean price", "@price{0,0.0000}")]
    made.add_tools(HoverTool(renderers=[discs], tooltips=told), HoverTool(renderers=[lines], tooltips=paid),
                   TapTool(renderers=[discs, lines]))  # fmt: skip
    return made


def curve_figures(sources: dict[str, Any]) -> list[Any]:
    """Returns, price error, and how wealth is shared in the window's last step."""
    metrics = sources["metrics"]
    returns = plain("Return per episode, units of reward", height=260, tools="", name="returns")
    returns.line("step", "return_mean", source=metrics, color="#0072b2", line_width=2, legend_label="training")
    returns.scatter("step", "evaluation", source=metrics, color="#e69f00", size=7, legend_label="greedy evaluation")
    returns.legend.update(location="bottom_right", background_fill_alpha=0, border_line_alpha=0, label_text_color=INK)
    error = plain("Price error: |bid − worth|, units of reward", height=260, tools="")
    error.line("step", "price_error", source=metrics, color="#009e73", line_width=2)
    for drawing, name, colour in ((returns, "return_mean", "#0072b2"), (error, "price_error", "#009e73")):
        drawing.scatter("step", name, source=metrics, color=colour, size=3)  # a single measurement makes no line
    shares = plain("How wealth is shared, %", height=260, tools="", x_range=(0, 100), y_range=(0, 100))
    shares.line("agents", "wealth", source=sources["lorenz"], color="#cc79a7", line_width=2)
    shares.line([0, 100], [0, 100], color=INK, line_dash="dashed")
    for made in (returns, error):
        made.xaxis.axis_label = "environment steps"
        made.xaxis.formatter.use_scientific = False
        made.yaxis.formatter.power_limit_high = 9
    shares.xaxis.axis_label = "agents, poorest first (%)"
    return [returns, error, shares]
