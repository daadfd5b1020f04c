"""Plots as SVG text: drawn small, so that they stay readable on a phone, and coloured by the page.

Series take the classes s0, s1, …; the page gives each a colour for light and for dark. No series is
told by its colour alone: shapes and labels say it too.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

WIDTH, ROW, CHARACTER = 400.0, 26.0, 7.3
"""Units of a drawing: its width, the height of a line of a plot, the width of a bold letter of 12
units in a wide font (the page takes the reader's own, so this must be generous)."""

LEFT, RIGHT, TOP, BOTTOM = 46.0, WIDTH - 14, 34.0, 256.0
"""The field of a plot of two axes; its left edge gives way to long numbers."""

LONG = 28
"""Letters of a name where names are long."""

SHAPES = 6
COLOURS = 8

Scale = Callable[[float], float]
"""From a value to its place in the drawing."""


def scatter(
    points: Mapping[str, tuple[float, float]], axes: tuple[str, str], title: str, desc: str
) -> str:
    """One named mark a model; x to the right, y upwards."""
    across, up, parts = _field(list(points.values()), axes)
    tips = {
        name: f"{name}: {axes[0]} {_number(x)}, {axes[1]} {_number(y)}"
        for name, (x, y) in points.items()
    }
    named = {name: (across(x), up(y)) for name, (x, y) in points.items()}
    return _svg(BOTTOM + 46, title, desc, parts + _named(named, list(points), tips))


def paths(
    lines: Mapping[str, Sequence[tuple[float, float, str]]],
    picks: Mapping[str, tuple[int, int, str]],
    axes: tuple[str, str],
    title: str,
    desc: str,
) -> str:
    """One line a model through its points (x, y, what it says).

    Its pick says at which point a ring stands, at which the mark, and what is written there.
    """
    across, up, parts = _field([(x, y) for line in lines.values() for x, y, _ in line], axes)
    for place, (name, line) in enumerate(lines.items()):
        kind, ring = f"s{place % COLOURS}", picks[name][0]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y, _ in line)
        parts.append(f'<polyline class="curve {kind}" points="{path}"></polyline>')
        for step, (x, y, tip) in enumerate(line):
            shape, r = ("ring", 4.5) if step == ring else ("dot", 3)
            at = f'cx="{across(x):.1f}" cy="{up(y):.1f}" r="{r}"'
            parts.append(
                f'<circle class="{shape} {kind}" {at}><title>{escape(tip)}</title></circle>'
            )
    picked = {name: line[picks[name][1]] for name, line in lines.items()}
    named = {name: (across(x), up(y)) for name, (x, y, _) in picked.items()}
    tips = {name: tip for name, (_, _, tip) in picked.items()}
    labels = [picks[name][2] for name in lines]
    return _svg(BOTTOM + 46, title, desc, parts + _named(named, labels, tips))


def spans(rows: Sequence[tuple[str, float, float, float]], axis: str, title: str, desc: str) -> str:
    """One line a model: a mark at its mean, a bar from low to high."""
    left = _margin([name for name, *_ in rows])
    right, bottom = WIDTH - 18, 14 + ROW * len(rows)
    ticks = _ticks([v for _, *values in rows for v in values])
    across = _scale(ticks, left, right)
    parts = [_line(across(t), 8.0, across(t), bottom, "grid") for t in ticks]
    parts += [_text(across(t), bottom + 16, _number(t), "middle") for t in ticks]
    for place, (name, middle, low, high) in enumerate(rows):
        y = 14 + ROW * (place + 0.5)
        tip = f"{name}: {_number(middle)}, from {_number(low)} to {_number(high)}"
        parts.append(_text(left - 12, y + 4, _short(name), "end", _label(place)))
        parts.append(_line(across(low), y, across(high), y, f"bar s{place % COLOURS}"))
        parts.append(_mark(across(middle), y, place, tip))
    parts.append(_text((left + right) / 2, bottom + 36, axis, "middle", "axis"))
    return _svg(bottom + 44, title, desc, parts)


def forest(
    rows: Sequence[tuple[str, float, float, float, bool]],
    marks: Mapping[str, float],
    axis: str,
    title: str,
    desc: str,
) -> str:
    """One line a difference: a mark at its mean, a bar from low to high; a square where it failed.

    The marks are dashed lines through all of them, each with its name: nothing, a margin.
    """
    left = 22 + CHARACTER * max(len(_short(name, LONG)) for name, *_ in rows)
    right, top, bottom = WIDTH - 46, 24.0, 30 + ROW * len(rows)  # a mark's name fits behind
    ticks = _ticks([v for _, *values, _ in rows for v in values] + list(marks.values()))
    across = _scale(ticks, left, right)
    parts = [_line(across(t), top, across(t), bottom, "grid") for t in ticks]
    told = ticks[:: 1 + (len(ticks) > 4)]  # half of the drawing may be names: no room for more
    parts += [_text(across(t), bottom + 16, _number(t), "middle") for t in told]
    for number, (name, at) in enumerate(sorted(marks.items(), key=lambda mark: mark[1])):
        side = ("end", -3) if number == 0 and len(marks) > 1 else ("start", 3)
        parts.append(_line(across(at), top, across(at), bottom, "even"))
        parts.append(_text(across(at) + side[1], 14.0, name, side[0]))
    for place, (name, middle, low, high, failed) in enumerate(rows):
        y, kind = 30 + ROW * (place + 0.5), int(failed)
        tip = f"{name}: {_number(middle)}, from {_number(low)} to {_number(high)}"
        parts.append(_text(left - 12, y + 4, _short(name, LONG), "end", _label(kind)))
        parts.append(_line(across(low), y, across(high), y, f"bar s{kind}"))
        parts.append(_mark(across(middle), y, kind, tip))
    parts.append(_text((left + right) / 2, bottom + 36, axis, "middle", "axis"))
    return _svg(bottom + 44, title, desc, parts)


def dots(
    groups: Sequence[str], series: Mapping[str, Sequence[float]], axis: str, title: str, desc: str
) -> str:
    """One line a group, one mark a model on it; value p of a series is of group p, NaN is no mark.

    The marks would hide each other's names, so `key` has to stand beside it.
    """
    left = _margin(groups)
    right, bottom = WIDTH - 18, 14 + ROW * len(groups)
    ticks = _ticks([v for values in series.values() for v in values if np.isfinite(v)] + [0.0])
    across = _scale(ticks, left, right)
    parts = [_line(across(t), 8.0, across(t), bottom, "grid") for t in ticks]
    parts += [_text(across(t), bottom + 16, _number(t), "middle") for t in ticks]
    for row, group in enumerate(groups):
        y = 14 + ROW * (row + 0.5)
        there = [values[row] for values in series.values() if np.isfinite(values[row])]
        parts.append(_text(left - 12, y + 4, _short(group), "end"))
        if there:
            parts.append(_line(across(min(there)), y, across(max(there)), y, "range"))
        for place, (name, values) in enumerate(series.items()):
            if np.isfinite(values[row]):
                tip = f"{name}, {group}: {_number(values[row])}"
                parts.append(_mark(across(values[row]), y, place, tip))
    parts.append(_text((left + right) / 2, bottom + 36, axis, "middle", "axis"))
    return _svg(bottom + 44, title, desc, parts)


def curves(
    series: Mapping[str, Sequence[float]], axes: tuple[str, str], title: str, desc: str
) -> str:
    """One line a model from 0 to 1 on both axes, and the diagonal; the names stand beside."""
    left, top, bottom = 46.0, 34.0, 256.0
    right = WIDTH - 14 - CHARACTER * max(len(_short(name)) for name in series) - 10
    across, up = _scale([0.0, 1.0], left, right), _scale([0.0, 1.0], bottom, top)
    parts = [_line(left, up(t), right, up(t), "grid") for t in (0.0, 0.5, 1.0)]
    parts += [_text(left - 6, up(t) + 4, f"{t:.0%}", "end") for t in (0.0, 0.5, 1.0)]
    parts += [_text(across(t), bottom + 18, f"{t:.0%}", "middle") for t in (0.0, 0.5, 1.0)]
    parts += [_line(left, bottom, right, top, "even")]
    parts += [_text(4.0, 14.0, axes[1], "start", "axis")]
    parts += [_text((left + right) / 2, bottom + 38, axes[0], "middle", "axis")]
    # all curves end in the same corner, so a name is tied to its curve before that, at 90 %
    names = _apart([up(share_at(v, 0.9)) for v in series.values()], 15.0, top + 6, bottom)
    for place, ((name, values), height) in enumerate(zip(series.items(), names, strict=True)):
        steps = np.linspace(0, 1, len(values))
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in zip(steps, values, strict=True))
        tip = f"<title>{escape(name)}</title>"
        parts.append(f'<polyline class="curve s{place % COLOURS}" points="{path}">{tip}</polyline>')
        start = across(0.9)
        lead = f"lead s{place % COLOURS}"
        parts.append(_line(start, up(share_at(values, 0.9)), right + 4, height, lead))
        parts.append(_mark(start, up(share_at(values, 0.9)), place, name))
        parts.append(_text(right + 8, height + 4, _short(name), "start", _label(place)))
    return _svg(bottom + 46, title, desc, parts)


def key(names: Sequence[str]) -> str:
    """Every model with its mark, as a list that wraps."""
    marks = (
        f'<li><svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
        f"{_mark(8.0, 8.0, place, '')}</svg> {escape(name)}</li>"
        for place, name in enumerate(names)
    )
    return f'<ul class="key">{"".join(marks)}</ul>'


def share_at(values: Sequence[float], share: float) -> float:
    """The height of a curve of `curves` at this share of its width.

    >>> share_at([0.0, 0.5, 1.0], 0.75)
    0.75
    """
    return float(np.interp(share, np.linspace(0, 1, len(values)), values))


def _field(
    points: Sequence[tuple[float, float]], axes: tuple[str, str]
) -> tuple[Scale, Scale, list[str]]:
    """Both scales, the grid and the words of the axes of a plot that holds these points."""
    xs, ys = (_ticks([point[axis] for point in points]) for axis in (0, 1))
    left = max(LEFT, 8 + CHARACTER * max(len(_number(y)) for y in ys))
    across, up = _scale(xs, left, RIGHT), _scale(ys, BOTTOM, TOP)
    parts = [_line(left, up(y), RIGHT, up(y), "grid") for y in ys]
    parts += [_text(left - 6, up(y) + 4, _number(y), "end") for y in ys]
    parts += [_text(across(x), BOTTOM + 18, _number(x), "middle") for x in xs]
    parts += [_text((left + RIGHT) / 2, BOTTOM + 38, axes[0], "middle", "axis")]
    parts += [_text(4.0, 14.0, axes[1], "start", "axis")]
    return across, up, parts


def _named(
    places: Mapping[str, tuple[float, float]], labels: Sequence[str], tips: Mapping[str, str]
) -> list[str]:
    """A mark at each place, its label beside it, no label over another."""
    parts = []
    heights = _apart([y for _, y in places.values()], 15.0, TOP, BOTTOM)
    everything = zip(places.items(), labels, heights, strict=True)
    for place, ((name, (x, y)), label, height) in enumerate(everything):
        side = -1 if x + 14 + CHARACTER * len(label) > RIGHT else 1
        at = x + side * 11
        parts.append(_line(x, y, at - side, height, f"lead s{place % COLOURS}"))
        parts.append(_mark(x, y, place, tips[name]))
        parts.append(_text(at, height + 4, label, "start" if side > 0 else "end", _label(place)))
    return parts


def _svg(height: float, title: str, desc: str, parts: Sequence[str]) -> str:
    named = f"<title>{escape(title)}</title><desc>{escape(desc)}</desc>"
    box = f'viewBox="0 0 {WIDTH} {height:.0f}"'
    return f'<svg class="plot" role="img" {box}>{named}{"".join(parts)}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "tick") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(words)}</text>'


def _label(place: int) -> str:
    return f"name t{place % COLOURS}"


def _mark(x: float, y: float, place: int, tip: str) -> str:
    corners = [
        "",  # a circle
        "-5,-5 5,-5 5,5 -5,5",
        "0,-6.5 6,5 -6,5",
        "0,-7 7,0 0,7 -7,0",
        "0,6.5 6,-5 -6,-5",
        "-2,-6 2,-6 2,-2 6,-2 6,2 2,2 2,6 -2,6 -2,2 -6,2 -6,-2 -2,-2",
    ][place % SHAPES]
    kind = f'class="mark s{place % COLOURS}" transform="translate({x:.1f} {y:.1f})"'
    title = f"<title>{escape(tip)}</title>" if tip else ""
    if corners:
        return f'<polygon {kind} points="{corners}">{title}</polygon>'
    return f'<circle {kind} r="5.5">{title}</circle>'


def _short(name: str, longest: int = 18) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _margin(names: Sequence[str]) -> float:
    return 22 + CHARACTER * max(len(_short(name)) for name in names)


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _scale(ticks: Sequence[float], start: float, stop: float) -> Scale:
    low, high = min(ticks), max(ticks)
    return lambda value: start + (value - low) / ((high - low) or 1) * (stop - start)


def _ticks(values: Sequence[float]) -> list[float]:
    """Three to six round numbers that hold all values between them."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    rough = (high - low) / 4
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * f for f in (1, 2, 2.5, 5, 10) if power * f >= rough * 0.999)
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [float(place * step) for place in range(first, last + 1)]


def _apart(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The same heights moved as little as keeps them `gap` apart, in their order, inside."""
    order = np.argsort(heights, kind="stable")
    placed = np.array(heights, dtype=float)[order]
    for place in range(1, len(placed)):
        placed[place] = max(placed[place], placed[place - 1] + gap)
    if len(placed) and placed[-1] > high:
        placed[-1] = high
        for place in range(len(placed) - 2, -1, -1):
            placed[place] = min(placed[place], placed[place + 1] - gap)
    if len(placed) and placed[0] < low and (len(placed) - 1) * gap <= high - low:
        placed += low - placed[0]
    out = np.empty(len(placed))
    out[order] = placed
    return out.tolist()
