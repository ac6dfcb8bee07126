"""Small plots as inline SVG, coloured by the page's style sheet so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 340, 250
#: Left, top, right and bottom margins around the plotting area.
MARGINS = (46, 14, 12, 40)


class Axes:
    """A plotting area with a linear or logarithmic x axis and a linear y axis."""

    def __init__(
        self, title: str, x_label: str, y_label: str, x_range=(0.0, 1.0), y_range=(0.0, 1.0), log_x: bool = False
    ):
        """
        Args:
            title: also what a screen reader says.
            x_label, y_label: below and beside the axes.
            x_range, y_range: (lowest, highest) value shown; of a logarithmic axis both > 0.
            log_x: x by powers of ten.
        """
        self.title, self.labels, self.log_x = title, (x_label, y_label), log_x
        self.x_range, self.y_range = x_range, y_range
        self.parts: list[str] = []
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
        """Adds a line; ``style`` is a class of the style sheet, a..c or chance."""
        points = " ".join("{:.1f},{:.1f}".format(*self.place(x, y)) for x, y in zip(xs, ys))
        self.parts.append(f'<polyline class="line {style}" points="{points}"/>')
        if name:
            self.legend.append((name, style))

    def dots(self, name: str, points: Sequence[tuple[float, float, str]], style: str) -> None:
        """Adds dots with a text each, shown when the pointer rests on them."""
        for x, y, text in points:
            across, up = self.place(x, y)
            self.parts.append(
                f'<circle class="dot {style}" cx="{across:.1f}" cy="{up:.1f}" r="3">'
                f"<title>{escape(text)}</title></circle>"
            )
        if name:
            self.legend.append((name, style))

    def bars(self, name: str, edges: Sequence[float], heights: Sequence[float], style: str) -> None:
        """Adds a histogram: bar i from ``edges[i]`` to ``edges[i + 1]``."""
        for left, right, height in zip(edges, edges[1:], heights):
            if height > 0:
                (x1, y1), (x2, y2) = self.place(left, height), self.place(right, self.y_range[0])
                self.parts.append(
                    f'<rect class="bar {style}" x="{x1:.1f}" y="{y1:.1f}" '
                    f'width="{x2 - x1 - 1:.1f}" height="{y2 - y1:.1f}"/>'
                )
        self.legend.append((name, style))

    def svg(self) -> str:
        """The plot as an SVG element with its legend below."""
        left, top, right, bottom = MARGINS
        grid = []
        for value in self._x_ticks():
            x, _ = self.place(value, 0)
            grid.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{HEIGHT - bottom}"/>')
            grid.append(f'<text x="{x:.1f}" y="{HEIGHT - bottom + 14}" text-anchor="middle">{value:g}</text>')
        for share in (0, 0.25, 0.5, 0.75, 1):
            value = self.y_range[0] + share * (self.y_range[1] - self.y_range[0])
            y = self.place(0, value)[1]
            grid.append(f'<line class="grid" x1="{left}" x2="{WIDTH - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            grid.append(f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        middle = (top + HEIGHT - bottom) / 2
        words = (
            f'<text x="{(left + WIDTH - right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{escape(self.labels[0])}</text>"
            f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.labels[1])}</text>"
        )
        keys = "".join(f'<span><i class="{style}"></i>{escape(name)}</span>' for name, style in self.legend)
        return (
            f'<figure class="plot"><figcaption>{escape(self.title)}</figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f'{"".join(grid)}{"".join(self.parts)}{words}</svg><div class="legend">{keys}</div></figure>'
        )

    def _x_ticks(self) -> list[float]:
        low, high = self.x_range
        if self.log_x:
            return [10.0**e for e in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]
        return [low + share * (high - low) for share in (0, 0.25, 0.5, 0.75, 1)]
