"""The report's charts: drawn by leather as SVG, then given the page's own fonts and colours.

leather writes its theme's colours and a monospace font into every element; here they become classes, so that
one style sheet serves light, dark and paper. It has no grouped or thin bars: `Slots` is a scale that makes
room for both.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any
from unicodedata import east_asian_width

HUMAN, MACHINE, QUIET = "var(--human)", "var(--machine)", "var(--quiet)"
WIDE, HALF = 980, 452  # user units; the page shows them as pixels where there is room
_MARGIN = 0.05  # leather's theme: a share of the width, on all four sides
_LEGEND = 18  # what leather keeps free for a legend as soon as there are two layers
_AXIS = 22  # what leather keeps free for tick labels below a chart
_GLYPH = 8  # what leather takes a tick label's character to be wide
_FSI, _PDI = "\u2068", "\u2069"  # keep a name written from right to left from moving the figure beside it
_NUMBERS = ("x", "y", "x1", "x2", "y1", "y2", "width", "height", "cx", "cy", "r")


@dataclass(frozen=True)
class Ruler:
    """A linear scale from its first tick to its last, or to `end`."""

    values: Sequence[float]
    end: float | None = None

    @property
    def last(self) -> float:
        return self.values[-1] if self.end is None else self.end

    def project(self, value: float, start: float, end: float) -> float:
        low = self.values[0]
        return start + (end - start) * (float(value) - low) / (self.last - low)

    def contains(self, value: float) -> bool:
        return self.values[0] <= value <= self.last

    def ticks(self) -> list[float]:
        return [value for value in self.values if value <= self.last]

    def format_tick(self, value: float, index: int, count: int) -> str:
        return f"{value:,.6g}"


@dataclass(frozen=True)
class Slots:
    """A scale of named places, each with room for `lanes` bars side by side; a bar's key is `slot:lane`."""

    names: Sequence[str]
    lanes: int = 1
    filled: float = 0.62

    def project(self, key: str, start: float, end: float) -> float:
        return start + (end - start) * (int(key.split(":")[0]) + 0.5) / len(self.names)

    def project_interval(self, key: str, start: float, end: float) -> tuple[float, float]:
        slot, lane = map(int, key.split(":"))
        begin = slot + (1 - self.filled) / 2 + lane * self.filled / self.lanes
        size = (end - start) / len(self.names)
        return start + size * begin, start + size * (begin + self.filled / self.lanes)

    def contains(self, key: str) -> bool:
        return True

    def ticks(self) -> list[str]:
        return [f"{slot}:0" for slot in range(len(self.names))]

    def format_tick(self, key: str, index: int, count: int) -> str:
        return self.names[index]


def nice_ticks(top: float, about: int = 5, low: float = 0.0) -> list[float]:
    """Round values from at most `low` to at least `top`, in steps of 1, 2 or 5 times a power of ten."""
    span = max(top - low, 1e-9)
    power = 10.0 ** floor(log10(span / about))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= about + 1e-9)
    first = int(low / step + 1e-9)
    last = first
    while last * step < top - 1e-9 * step:
        last += 1
    return [round(step * tick, 10) for tick in range(first, max(last, first + 1) + 1)]


def bound_chart(answers: Sequence[float], bound: Sequence[float], target: float, title: str) -> str:
    """The proven bound after each answer, in percent, and the target as a level line."""
    import leather

    top = _bound_top(bound, target)
    levels = nice_ticks(100 * top)
    entered = _enter_at(list(zip(answers, bound, strict=True)), top)
    points = [(a, min(100 * b, levels[-1])) for a, b in entered]  # not a rounding error above the last tick
    most = max(1.0, *answers)
    x, y = Ruler(_whole(nice_ticks(most, 8)), most), Ruler(levels)
    chart = leather.Chart()
    goal = min(100 * target, levels[-1])
    chart.add_line(
        [(0.0, goal), (most, goal)], stroke_color=HUMAN, width=1.5, stroke_dasharray="5 4", name=""
    )
    chart.add_line(points, stroke_color=MACHINE, width=2.25, name="")
    chart.add_dots([points[-1]], fill_color=MACHINE, radius=4.5, name="")
    _axes(chart, x, y, "human answers", lambda v: f"{v:g} %")
    return _svg(chart, "lines", WIDE, 340, title, layers=3)


def reliability_chart(points: Sequence[tuple[float, float, int]], title: str) -> str:
    """Said against found: a dot a bin, larger where more was checked, and the line of honesty."""
    import leather

    low = min(0.9, *(min(said, found) for said, found, _ in points))
    ruler = Ruler(nice_ticks(100, 6, low=100 * low))
    start = ruler.values[0]
    most = max(count for _, _, count in points)
    data = [(100 * said, 100 * found, count) for said, found, count in points]
    chart = leather.Chart()
    chart.add_line(
        [(start, start), (100, 100)], stroke_color=QUIET, width=1.5, stroke_dasharray="5 4", name=""
    )
    chart.add_line(data, stroke_color=MACHINE, width=1.5, name="")
    chart.add_dots(data, fill_color=MACHINE, radius=lambda d: 3 + 5 * (d.row[2] / most) ** 0.5, name="")
    _axes(chart, ruler, ruler, "probability said", lambda v: f"{v:g} %")
    return _svg(chart, "lines", HALF, 360, title, layers=3)


def columns_chart(
    names: Sequence[str], series: Sequence[tuple[Sequence[float], str]], x_name: str, title: str
) -> str:
    """Columns side by side: each of `series` is its values, one a name, and its colour."""
    import leather

    room = int(0.85 * HALF / (_GLYPH * len(names)))
    slots = Slots(
        [shorten(name, max(2, room)) for name in names], lanes=len(series), filled=min(0.7, 0.18 * len(names))
    )
    top = max(max(values) for values, _ in series)
    chart = leather.Chart()
    for lane, (values, colour) in enumerate(series):
        chart.add_columns(
            [(f"{slot}:{lane}", float(v)) for slot, v in enumerate(values)], fill_color=colour, name=""
        )
    _axes(chart, slots, Ruler(nice_ticks(max(top, 1.0))), x_name, lambda v: f"{v:,.4g}")
    return _svg(chart, "columns", HALF, 360, title, layers=len(series))


def bars_chart(
    rows: Sequence[tuple[str, str, Sequence[float]]], colours: Sequence[str], title: str, width: int = WIDE
) -> str:
    """A bar a row, from the top: (name, the figure to print beside it, the parts laid end to end)."""
    import leather

    rows = rows[::-1]  # leather counts from the bottom
    names = [
        f"{_FSI}{shorten(name, 24 if width == WIDE else 16)}{_PDI}  {figure}" for name, figure, _ in rows
    ]
    slots = Slots(names)
    top = max(sum(parts) for _, _, parts in rows) or 1.0
    chart = leather.Chart()
    for part in reversed(
        range(len(colours))
    ):  # the sum first, then what lies before the last part, on top of it
        data = [(float(sum(parts[: part + 1])), f"{slot}:0") for slot, (_, _, parts) in enumerate(rows)]
        chart.add_series(leather.Series(data, name=""), leather.Bars(colours[part]))
    _axes(chart, Ruler([0.0, top]), slots, None, lambda v: "")
    overhang = 7.3 * max(map(display_width, names)) - _GLYPH * max(map(len, names))
    width = round(width - overhang)  # the room that names leave or take is the bars'
    height = round(2 * _MARGIN * width) + 28 * len(rows) + _AXIS + (_LEGEND if len(colours) > 1 else 0)
    return _svg(chart, "bars", width, height, title, layers=len(colours), overhang=overhang)


def shorten(text: str, longest: int) -> str:
    """At most `longest` columns of text, where wide characters take two."""
    if display_width(text) <= longest:
        return text
    while display_width(text) > longest - 1:
        text = text[: min(len(text) - 1, longest)]
    return text + "…"


def display_width(text: str) -> int:
    """Columns of text: wide characters take two, the marks around a name none."""
    return sum(2 if east_asian_width(char) in "WF" else char not in (_FSI, _PDI) for char in text)


def _bound_top(bound: Sequence[float], target: float) -> float:
    """Where the chart ends: a bound starts at 100 %, which would flatten all that matters."""
    return min(1.0, max(5 * target, 1.5 * min(bound)))


def _enter_at(points: list[tuple[float, float]], top: float) -> list[tuple[float, float]]:
    """The part of a falling line at or below `top`, from where it crosses."""
    inside = next((i for i, (_, y) in enumerate(points) if y <= top), len(points))
    if inside in (0, len(points)):
        return [(x, min(y, top)) for x, y in points]
    (x0, y0), (x1, y1) = points[inside - 1], points[inside]
    crossing = (x0 + (x1 - x0) * (y0 - top) / (y0 - y1), top)
    return [crossing, *((x, min(y, top)) for x, y in points[inside:])]


def _whole(ticks: list[float]) -> list[float]:
    """Ticks of a count: no halves."""
    whole = [tick for tick in ticks if tick == int(tick)]
    return whole if len(whole) > 1 else [0.0, 1.0]


def _axes(chart: Any, x: Any, y: Any, x_name: str | None, number: Callable[[float], str]) -> None:
    """Both scales; `number` prints the ticks that are numbers, but never those of a count of answers."""

    def printed(scale: Any, plain: bool) -> Callable[[Any, int, int], str]:
        if isinstance(scale, Slots):
            return scale.format_tick
        return (lambda v, i, n: f"{v:,.6g}") if plain else (lambda v, i, n: number(v))

    chart.set_x_scale(x)
    chart.set_y_scale(y)
    chart.add_x_axis(ticks=x.ticks(), tick_formatter=printed(x, x_name == "human answers"), name=x_name)
    chart.add_y_axis(ticks=y.ticks(), tick_formatter=printed(y, False))


def _svg(
    chart: Any, kind: str, width: int, height: int, title: str, *, layers: int, overhang: float = 0.0
) -> str:
    """leather's drawing without its margins, legend, fonts and colours."""
    group = chart.to_svg_group(width, height)
    background, body = group[0], group[1]
    group.remove(background)
    body.remove(body[0])  # the header: the page writes its own titles and legends
    for element in group.iter():
        _restyle(element)
    margin = _MARGIN * width
    left, top = margin - 4 - overhang, margin - 10 + (_LEGEND if layers > 1 else 0)
    below = -_AXIS if kind == "bars" else 8  # bars have no ticks below them
    view = (left, top, width - margin + 22 - left, height - margin + below - top)
    svg = ET.Element(
        "svg", {"role": "img", "class": f"plot {kind}", "viewBox": " ".join(f"{v:.0f}" for v in view)}
    )
    svg.set("style", f"max-width:{view[2]:.0f}px;min-width:{min(560, 0.7 * view[2]):.0f}px")
    ET.SubElement(svg, "title").text = title
    svg.append(group)
    return ET.tostring(svg, encoding="unicode")


def _restyle(element: ET.Element) -> None:
    from leather import theme

    for name in ("font-family", "font-size"):
        element.attrib.pop(name, None)
    if element.tag == "text":
        element.set(
            "class", "axis-name" if element.attrib.pop("fill") == theme.axis_title_color else "tick-name"
        )
    elif element.tag == "line":
        element.set("class", "zero" if element.attrib.pop("stroke") == theme.zero_color else "grid")
    else:
        paint = [
            f"{name}:{element.attrib.pop(name)}" for name in ("fill", "stroke") if name in element.attrib
        ]
        if paint:
            element.set("style", ";".join(paint))
    for name in _NUMBERS:
        if name in element.attrib:
            element.set(name, f"{float(element.attrib[name]):.5g}")
    if "d" in element.attrib:
        element.set("d", re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.5g}", element.attrib["d"]))
