"""Line charts as SVG, drawn in plain Python. Nothing here knows of the DLL."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

WIDTH, HEIGHT = 860, 320
LEFT, RIGHT, TOP, BOTTOM = 74, 34, 14, 46
COLOURS, DASHES = 8, 3  # the style sheet has so many: .line0, .line1, …, .dash0, …
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line of a chart."""

    name: str
    points: Sequence[Point | None]
    """None: the line ends, and another begins at the next point."""


@dataclass(frozen=True)
class Axis:
    """One direction of a chart: what it is, and where its ticks are."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def part(self, value: float) -> float:
        """Where the value is on the axis: 0 at its low end, 1 at its high end; no further out."""
        low, high, place = self.low, self.high, value
        if self.logarithmic:
            low, high, place = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        return min(1.0, max(0.0, (place - low) / (high - low))) if high > low else 0.5


def linear_axis(title: str, highest: float, told: Callable[[float], str], *, tight: bool = False) -> Axis:
    """An axis from 0 with about five ticks at round numbers; ``tight``: it ends at its highest value."""
    rough = (highest or 1.0) / 5
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 2.5, 5, 10) if magnitude * factor >= rough)
    count = max(1, math.ceil((highest or 1.0) / step - 1e-9))
    end = highest if tight and highest else step * count
    return Axis(title, 0.0, end, [(step * k, told(step * k)) for k in range(count + 1) if step * k <= end])


def log_axis(title: str, lowest: float, highest: float, told: Callable[[float], str]) -> Axis:
    """An axis over whole powers of ten."""
    first = math.floor(math.log10(max(lowest, 1.0)))
    last = max(first + 1, math.ceil(math.log10(max(highest, 1.0))))
    ticks = [(10.0**power, told(10.0**power)) for power in range(first, last + 1)]
    return Axis(title, 10.0**first, 10.0**last, ticks, logarithmic=True)


def percentile_axis(highest: float) -> Axis:
    """Percentiles so that each nine takes the same room: its values are 1 / (1 - part)."""
    nines = max(1, min(7, math.ceil(math.log10(max(highest, 10.0)))))
    ticks = [(1.0, "0%"), (2.0, "50%")]
    for power in range(1, nines + 1):
        ticks.append((10.0**power, f"{100 * (1 - 10.0**-power):.{max(0, power - 2)}f}%"))
    return Axis("percentile", 1.0, 10.0**nines, ticks, logarithmic=True)


def _x(axis: Axis, value: float) -> float:
    return LEFT + axis.part(value) * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.part(value) * (HEIGHT - TOP - BOTTOM)


def _grid(x: Axis, y: Axis) -> list[str]:
    parts = []
    for value, text in x.ticks:
        at, below = f"{_x(x, value):.1f}", HEIGHT - BOTTOM + 16
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text class="tick" x="{at}" y="{below}" text-anchor="middle">{escape(text)}</text>')
    for value, text in y.ticks:
        height = _y(y, value)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        )
        parts.append(
            f'<text class="tick" x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{escape(text)}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="axis" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x.title)}</text>'
    )
    return parts


def _class(kind: str, number: int) -> str:
    """The class of a line or its key: when the colours are all taken, they come again with dashes."""
    return f"{kind}{number % COLOURS} dash{number // COLOURS % DASHES}"


def _piece(points: Sequence[Point], x: Axis, y: Axis, steps: bool, number: int, title: str) -> str:
    places: list[str] = []
    before = ""
    for across, up in points:
        at, height = f"{_x(x, across):.1f}", f"{_y(y, up):.1f}"
        if steps and before:
            places.append(f"{before},{height}")
        places.append(f"{at},{height}")
        before = at
    look = _class("line", number)
    if len(points) == 1:
        return f'<circle class="dot {look}" cx="{at}" cy="{height}" r="3">{title}</circle>'
    return f'<polyline class="{look}" points="{" ".join(places)}">{title}</polyline>'


def _line(number: int, series: Series, x: Axis, y: Axis, steps: bool) -> list[str]:
    title = f"<title>{escape(series.name)}</title>"
    pieces = ([point for point in run if point] for _, run in groupby(series.points, bool))
    return [_piece(points, x, y, steps, number, title) for points in pieces if points]


def chart(title: str, series: Sequence[Series], x: Axis, y: Axis, *, steps: bool = False) -> str:
    """A chart with a legend, as a figure of HTML. ``steps``: a value holds since the point before its own."""
    shown = [one for one in series if any(one.points)]
    lines = [piece for number, one in enumerate(shown) for piece in _line(number, one, x, y, steps)]
    keys = "".join(
        f'<span><i class="{_class("key", number)}"></i>{escape(one.name)}</span>'
        for number, one in enumerate(shown)
    )
    return "\n".join(
        [
            f"<figure><figcaption>{escape(title)}</figcaption>",
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
            *_grid(x, y),
            *lines,
            "</svg>",
            f'<div class="legend">{keys}</div></figure>',
        ]
    )
