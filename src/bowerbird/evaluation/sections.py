"""Two sections of the page that not every report has: are the vectors well, and the dial."""

from collections.abc import Mapping, Sequence
from html import escape

from bowerbird.evaluation import charts, markup
from bowerbird.evaluation.frontier import Frontier
from bowerbird.evaluation.health import Health
from bowerbird.evaluation.lights import Light

SIGNS = {True: ("well", "✓", "kept"), False: ("ill", "▲", "alarm"), None: ("watched", "·", "")}
"""What a light looks like: class, sign, word. No light is told by its colour alone."""


def health_section(health: Mapping[str, Health]) -> str:
    """A strip of lights for each encoder, and what they say; open where there is an alarm."""
    if not health:
        return ""
    note = (
        "Figures of the vectors themselves, before any accuracy. ✓ the limit is kept, ▲ it is not,"
        " · there is no limit: a figure to be watched from release to release."
    )
    strips = "".join(_healthy(name, one) for name, one in health.items())
    return f'<section><h2>Embedding health</h2><p class="note">{escape(note)}</p>{strips}</section>'


def dial_section(frontiers: Mapping[str, Frontier]) -> str:
    """What holding back the popular buys and costs: two pictures, a sentence and a table each."""
    drawn = {name: one for name, one in frontiers.items() if one.points}
    if not drawn:
        return ""
    tolerance = 100 * max(one.tolerance for one in drawn.values())
    note = (
        "α is how much the popular are held back: 0 (the ring) not at all, below 0 they are helped."
        " Marked is the largest α"
        f" that costs at most {tolerance:g} % of the best accuracy and, by the 95 % interval,"
        " surely no more against α = 0. Everything here was measured on the validation part."
    )
    figures = _frontier(drawn, "coverage") + _frontier(drawn, "arp")
    tables = "".join(
        f"<div><h3>{escape(name)}</h3><p>{escape(one.sentence())}</p>{_positions(name, one)}</div>"
        for name, one in drawn.items()
    )
    return (
        f'<section><h2>Popularity dial</h2><p class="note">{escape(note)}</p>'
        f'<div class="cards">{figures}{tables}</div></section>'
    )


def strip(name: str, says: str, lights: Sequence[Light]) -> str:
    """A line of lights under a name and a word, open to a table where there is an alarm."""
    alarms = sum(light.ok is False for light in lights)
    word = f"{says}, {_alarms(alarms)}".removeprefix(", ")
    signs = " ".join(_sign(light) for light in lights)
    head = f"<summary><strong>{escape(name)}</strong> {escape(word)} {signs}</summary>"
    heads = "".join(
        f'<th scope="col">{word}</th>' for word in ("Light", "Figure", "Expected", "What it says")
    )
    rows = "".join(_row(light) for light in lights)
    table = f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>"
    opened = " open" if alarms else ""
    body = markup.scroll(table, f"Lights of {name}", "words told")
    return f'<details class="lights"{opened}>{head}{body}</details>'


def _alarms(count: int) -> str:
    return {0: "no alarm", 1: "1 alarm"}.get(count, f"{count} alarms")


def _healthy(name: str, health: Health) -> str:
    lights = health.lights()
    ill = any(light.ok is False for light in lights)
    return strip(name, "not healthy" if ill else "healthy", lights)


def _sign(light: Light) -> str:
    kind, sign, word = SIGNS[light.ok]
    says = f"{light.name}: {light.figure}" + (f" ({word})" if word else "")
    return f'<span class="light {kind}" title="{escape(says)}">{sign}</span>'


def _row(light: Light) -> str:
    kind, sign, word = SIGNS[light.ok]
    says = f"{light.says}: {light.remedy}" if light.ok is False else light.says
    stop = "" if says.endswith("?") else "."
    return (
        f'<tr><th scope="row"><span class="light {kind}">{sign} {word}</span> {escape(light.name)}'
        f"</th><td>{escape(light.figure)}</td><td>{escape(light.limit)}</td>"
        f"<td>{escape(says)}{stop}</td></tr>"
    )


def _frontier(frontiers: Mapping[str, Frontier], figure: str) -> str:
    """Accuracy against one figure of the points; nothing where it is nowhere known."""
    first = next(iter(frontiers.values()))
    k = first.metric.rpartition("@")[2]
    across, up = markup.name(f"{figure}@{k}"), markup.name(first.metric)
    lines = {
        name: [
            (x, p.accuracy, f"{name}, α = {p.alpha:g}: {across} {x:.4g}, {up} {p.accuracy:.4g}")
            for p in one.points
            if (x := getattr(p, figure)) == x and p.accuracy == p.accuracy
        ]
        for name, one in frontiers.items()
    }
    lines = {name: line for name, line in lines.items() if len(line) == len(frontiers[name].points)}
    if not lines:
        return ""
    picks = {
        name: (one.start, one.chosen, f"{name}, α = {one.pick.alpha:g}")
        for name, one in frontiers.items()
        if name in lines
    }
    title = f"{up} against {across.lower()}"
    desc = "; ".join(f"{name}: {frontiers[name].sentence()}" for name in lines)
    drawing = charts.paths(lines, picks, (across, up), title, desc)
    better = "To the right: more of the catalog is shown."
    note = better if figure == "coverage" else "To the left: less popular items are shown."
    return markup.figured(title, drawing, f"{note} Up: more is found.")


def _positions(name: str, one: Frontier) -> str:
    k = one.metric.rpartition("@")[2]
    columns = {"accuracy": one.metric} | {
        figure: f"{metric}@{k}"
        for figure, metric in (("coverage",) * 2, ("gini",) * 2, ("arp",) * 2, ("tail", "aplt"))
    }
    names = ["α", *(markup.name(metric) for metric in columns.values())]
    if any(point.new == point.new for point in one.points):
        columns, names = columns | {"new": ""}, [*names, "New items"]
    heads = "".join(f'<th scope="col">{escape(word)}</th>' for word in names)
    rows = "".join(
        f'<tr><th scope="row">{point.alpha:g}{" (chosen)" if place == one.chosen else ""}</th>'
        + "".join(
            f'<td class="{"best" if place == one.chosen else ""}">'
            f"{markup.figure(getattr(point, figure))}</td>"
            for figure in columns
        )
        + "</tr>"
        for place, point in enumerate(one.points)
    )
    table = f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>"
    return markup.scroll(table, f"Positions of the dial for {name}")
