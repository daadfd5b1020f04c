"""What was watched, as sections of a page: lights, how models age, who stands beside whom.

Drawn from the plain data that the JSON beside the page holds.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from bowerbird.evaluation import charts, markup
from bowerbird.evaluation.lights import Light, percent
from bowerbird.evaluation.sections import strip
from bowerbird.evaluation.staleness import days


def watch_sections(told: Mapping[str, Any]) -> str:
    """All of it, under the verdict.

    Args:
        told: of `watching.watched`.
    """
    return _lights(told) + _ages(told.get("age")) + _beside(told.get("neighbours"))


def _lights(told: Mapping[str, Any]) -> str:
    strips = "".join(
        strip(name[0].upper() + name[1:], "", [Light(**light) for light in lights])
        for name, lights in told["lights"].items()
    )
    note = (
        "Told, and no reason to refuse: the newest events beside those the run before has learned"
        " from, and the two models beside each other. ✓ the limit is kept, ▲ it is not, · there is"
        " no limit, or no figure."
    )
    return f'<section><h2>Watched</h2><p class="note">{escape(note)}</p>{strips}</section>'


def _ages(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return ""
    curve, metric = told["curve"], markup.name(told["metric"])
    line = [(point["age"], point["quality"], _aged(point, metric)) for point in curve]
    ages = [point["age"] for point in curve]
    interval = told["interval_days"]
    label = days(interval) if interval else "the new model"
    picks = {"quality": (0, ages.index(interval), label)}
    desc = "; ".join(tip for _, _, tip in line)
    title = f"{metric} by age of the model"
    axes = ("Days between its training data and the window", metric)
    drawing = charts.paths({"quality": line}, picks, axes, title, desc)
    note = f"The mark: {told['says']}. The same {told['people']:,} people ask each kept run."
    drawn = markup.figured(title, drawing, note) + _lost(told)
    return f'<section><h2>Age</h2><div class="cards">{drawn}</div></section>'


def _lost(told: Mapping[str, Any]) -> str:
    cost = 100 * told["cost"]
    rows = []
    for point in told["curve"][1:]:
        if point["low"] is not None:
            lost, low, high = (100 * point[end] for end in ("lost", "low", "high"))
            rows.append((days(point["age"]), lost, low, high, high >= cost))
    if not rows:
        return ""
    title = "Lost against the freshest"
    desc = "; ".join(f"{n} {a:.1f} % ({b:.1f} to {c:.1f})" for n, a, b, c, _ in rows)
    marks = {"nothing": 0.0, f"{cost:g} %": cost}
    drawing = charts.forest(rows, marks, "% of its quality", title, desc)
    note = f"95 % intervals. A square may lose {cost:g} % or more."
    return markup.figured(title, drawing, note)


def _aged(point: Mapping[str, Any], metric: str) -> str:
    return f"{days(point['age'])}: {metric} {markup.figure(point['quality'])}"


def _beside(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return ""
    cards = "".join(_card(card, told["names"]) for card in told["cards"])
    note = (
        "Items that were met most in the newest window, and what stands nearest to them: in the"
        " run before, and in the new one. − gone, + new."
    )
    first = f'<h2>Who stands beside whom</h2><p class="note">{escape(note)}</p>'
    return f'<section>{first}<div class="cards">{cards}</div></section>{_movers(told)}'


def _card(card: Mapping[str, Any], names: Mapping[str, str]) -> str:
    before, after = card["before"], card["after"]
    cells = [
        f"<tr>{_cell(before, place, after, '−', 'down', names)}"
        f"{_cell(after, place, before, '+', 'up', names)}</tr>"
        for place in range(max(len(before), len(after)))
    ]
    heads = '<thead><tr><th scope="col">Before</th><th scope="col">New</th></tr></thead>'
    title = names[card["item"]]
    kept = len(set(before) & set(after))
    table = markup.scroll(f"{heads}<tbody>{''.join(cells)}</tbody>", f"Beside {title}", "beside")
    return (
        f'<div class="card"><h3>{escape(title)}</h3>{table}'
        f'<p class="note">{kept} of {len(before)} are in both.</p></div>'
    )


def _cell(
    own: list[str], place: int, other: list[str], sign: str, kind: str, names: Mapping[str, str]
) -> str:
    if place >= len(own):
        return "<td></td>"
    name = escape(names[own[place]])
    if own[place] in other:
        return f"<td>{name}</td>"
    return f'<td><strong class="{kind}">{sign} {name}</strong></td>'


def _movers(told: Mapping[str, Any]) -> str:
    names = told["names"]
    rows = [["Item", "Kept", "Events", "Beside it now", "Met together", "Written on it"]]
    for each in told["movers"]:
        new = [names[id] for id in each["after"] if id not in each["before"]]
        events, together = (f"{a:,} → {b:,}" for a, b in (each["events"], each["together"]))
        more = " …" if len(new) > 3 else ""
        retold = f"changed: {', '.join(each['retold'])}" if each["retold"] else "as before"
        beside = f"{', '.join(new[:3])}{more}"
        kept = percent(each["overlap"])
        rows.append([names[each["item"]], kept, events, beside, together, retold])
    if len(rows) == 1:
        return ""
    note = (
        "Whose neighbours changed most, and why that may be: other events, people who met it with"
        " what arrived beside it, or other words in the catalog."
    )
    table = markup.words(rows)
    return f'<section><h2>Movers</h2><p class="note">{escape(note)}</p>{table}</section>'
