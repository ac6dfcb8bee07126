"""Small plots as inline SVG (``templates/plot.html``), coloured by the style sheet: they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT = 340, 250
#: Left, top, right and bottom margins around the plotting area.
MARGINS = (46, 14, 12, 40)
#: Where a linear axis has its ticks, as shares of it.
_QUARTERS = (0, 0.25, 0.5, 0.75, 1)


class Axes:
    """A plotting area with a linear or logarithmic x axis and a linear y axis.

    Attributes:
        title: also what a screen reader says.
        x_label, y_label: below and beside the axes.
        lines: ``{"style", "points"}`` each, points as SVG has them.
        dots: ``{"style", "x", "y", "text"}`` each.
        bars: ``{"style", "x", "y", "width", "height"}`` each.
        legend: (name, style) of what has a name.
    """

    def __init__(
        self,
        title: str,
        x_label: str,
        y_label: str,
        x_range: tuple[float, float] = (0.0, 1.0),
        y_range: tuple[float, float] = (0.0, 1.0),
        log_x: bool = False,
        ticks: Sequence[tuple[float, str]] | None = None,
    ):
        """
        Args:
            title, x_label, y_label: the attributes.
            x_range, y_range: (lowest, highest) value shown; of a logarithmic axis both > 0.
            log_x: x by powers of ten.
            ticks: (value, text) on the x axis; None: by quarters, or powers of ten.
        """
        self.title, self.x_label, self.y_label, self.log_x = title, x_label, y_label, log_x
        self.x_range, self.y_range, self._ticks = x_range, y_range, ticks
        self.lines: list[dict] = []
        self.dots: list[dict] = []
        self.bars: list[dict] = []
        self.legend: list[tuple[str, str]] = []

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Data values -> SVG units, kept inside the plotting area."""
        left, top, right, bottom = MARGINS
        low, high = self.x_range
        if self.log_x:
            x, low, high = (math.log10(max(v, 1e-12)) for v in (x, low, high))
        across = min(max((x - low) / (high - low), 0), 1)
        up = min(max((y - self.y_range[0]) / (self.y_range[1] - self.y_range[0]), 0), 1)
        return left + across * (WIDTH - left - right), HEIGHT - bottom - up * (HEIGHT - top - bottom)

    def line(self, name: str, xs: Sequence[float], ys: Sequence[float], style: str) -> None:
        """Adds a line.

        Args:
            name: in the legend; "" for none.
            xs, ys: data values.
            style: classes of the style sheet: a, b or c for the colour, with "dashed" or "interval"; or "chance".
        """
        points = " ".join("{:.1f},{:.1f}".format(*self.place(x, y)) for x, y in zip(xs, ys))
        self.lines.append({"style": style, "points": points})
        self._name(name, style)

    def scatter(self, name: str, points: Sequence[tuple[float, float, str]], style: str) -> None:
        """Adds dots with a text each, shown when the pointer rests on them."""
        for x, y, text in points:
            across, up = self.place(x, y)
            self.dots.append({"style": style, "x": across, "y": up, "text": text})
        self._name(name, style)

    def histogram(self, name: str, edges: Sequence[float], heights: Sequence[float], style: str) -> None:
        """Adds bars: bar i from ``edges[i]`` to ``edges[i + 1]``."""
        for left, right, height in zip(edges, edges[1:], heights):
            if height > 0:
                (x1, y1), (x2, y2) = self.place(left, height), self.place(right, self.y_range[0])
                self.bars.append({"style": style, "x": x1, "y": y1, "width": x2 - x1 - 1, "height": y2 - y1})
        self._name(name, style)

    @property
    def frame(self) -> dict:
        """Where the plotting area lies in the SVG: its size, its edges and their middles."""
        left, top, right, bottom = MARGINS
        right, bottom = WIDTH - right, HEIGHT - bottom
        return {"width": WIDTH, "height": HEIGHT, "left": left, "top": top, "right": right, "bottom": bottom,
                "centre": (left + right) / 2, "middle": (top + bottom) / 2}  # fmt: skip

    @property
    def x_ticks(self) -> list[tuple[float, str]]:
        """(x in SVG units, text) each."""
        low, high = self.x_range
        if self._ticks is not None:
            values = self._ticks
        elif self.log_x:
            powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
            values = [(10.0**power, f"{10.0**power:g}") for power in powers]
        else:
            values = [(low + share * (high - low), f"{low + share * (high - low):g}") for share in _QUARTERS]
        return [(self.place(value, 0)[0], text) for value, text in values]

    @property
    def y_ticks(self) -> list[tuple[float, str]]:
        """(y in SVG units, text) each."""
        low, high = self.y_range
        return [(self.place(0, v)[1], f"{v:g}") for v in (low + share * (high - low) for share in _QUARTERS)]

    def _name(self, name: str, style: str) -> None:
        if name:
            self.legend.append((name, style))
