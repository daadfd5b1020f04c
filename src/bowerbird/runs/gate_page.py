"""A verdict as one HTML page: in words first, then in pictures, then in tables.

It fetches nothing and needs no script; every word that came from data is escaped on its way in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from bowerbird.evaluation import charts, markup
from bowerbird.evaluation.page import document
from bowerbird.evaluation.sections import strip
from bowerbird.runs.differences import Difference
from bowerbird.runs.gate import Verdict, lost_in
from bowerbird.runs.watch_page import watch_sections

SIGNS = {True: ("well", "✓ kept"), False: ("ill", "▲ not kept")}
"""How a check looks. None is told by its colour alone."""


def gate_page(verdict: Verdict, title: str, watched: Mapping[str, Any] | None = None) -> str:
    """The whole page: save it under a name that ends in .html.

    Args:
        verdict: of the gate.
        title: what was judged, as «runs/monday against runs/friday».
        watched: what `watching.watched` told beside it.
    """
    first, *sentences = verdict.words()
    failed = sum(not check.passed for check in verdict.checks)
    why = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences[:failed])
    body = [
        f"<header><h1>{escape(title)}</h1>",
        f'<p class="headline">{escape(first)}</p></header><main>',
        f"<ul>{why}</ul>" if why else "",
        _pictures(verdict),
        _checks(verdict),
        _slices(verdict),
        _health(verdict),
        watch_sections(watched) if watched else "",
        _protocol(verdict),
        f"</main><footer>{escape(_chance(verdict))}</footer>",
    ]
    return document(title, body)


def _chance(verdict: Verdict) -> str:
    """What nobody should forget who asks a gate again and again."""
    margin = f"{verdict.policy.margin:.1%}"
    return (
        f"Of models that are worse by just {margin}, one in forty gets through by chance, each time"
        " anew: judge on another window each time, and do not try until one passes."
    )


def _pictures(verdict: Verdict) -> str:
    figures = [_gain(verdict), _against(verdict), _forest(verdict)]
    drawn = "".join(figure for figure in figures if figure)
    return f'<section><h2>In pictures</h2><div class="cards">{drawn}</div></section>'


def _gain(verdict: Verdict) -> str:
    gain = verdict.gain
    if gain is None or gain.low != gain.low:
        return ""
    metric, margin = markup.name(verdict.policy.metric), -verdict.policy.margin * gain.other
    title = f"{metric}: challenger minus champion"
    row = ("difference", gain.gain, gain.low, gain.high, not gain.low > margin)
    desc = f"{markup.signed(gain.gain)}, {markup.ends(gain.low, gain.high)}, margin {margin:.4f}"
    drawing = charts.forest([row], {"margin": margin, "equal": 0.0}, metric, title, desc)
    note = (
        f"{gain.people:,} people, each with both models; 95 % interval. To get through, all of it"
        " must lie right of the margin."
    )
    return markup.figured(title, drawing, note)


def _against(verdict: Verdict) -> str:
    rows = [
        (each.name, each.gain, each.low, each.high, not _kept(verdict, f"against {each.name}"))
        for each in verdict.baselines
        if each.low == each.low
    ]
    if not rows:
        return ""
    metric = markup.name(verdict.policy.metric)
    title = f"{metric}: challenger minus baselines"
    desc = "; ".join(f"{n} {markup.signed(a)}, {markup.ends(b, c)}" for n, a, b, c, _ in rows)
    drawing = charts.forest(rows, {"equal": 0.0}, metric, title, desc)
    return markup.figured(title, drawing, "95 % intervals, person by person.")


def _forest(verdict: Verdict) -> str:
    """Each slice as a share of what the champion has there."""
    judged = [each for each in verdict.slices if each.told and each.other > 0]
    rows = [
        (
            each.name,
            _cut(each.gain / each.other),
            _cut(each.low / each.other),
            _cut(each.high / each.other),
            lost_in(each, verdict.policy),
        )
        for each in judged
    ]
    if not rows:
        return ""
    title, margin = "Slice by slice", -100 * verdict.policy.slice_margin
    desc = "; ".join(f"{n} {a:+.1f} % ({b:+.1f} to {c:+.1f})" for n, a, b, c, _ in rows)
    marks = {"margin": margin, "equal": 0.0}
    drawing = charts.forest(rows, marks, "% of the champion's", title, desc)
    note = (
        "Intervals hold for all slices together (95 %), and are cut at ±100 %. A square is a slice"
        " that surely loses, and more than the margin."
    )
    return markup.figured(title, drawing, note)


def _cut(share: float) -> float:
    return 100 * min(max(share, -1.0), 1.0)


def _kept(verdict: Verdict, name: str) -> bool:
    return all(check.passed for check in verdict.checks if check.name == name)


def _checks(verdict: Verdict) -> str:
    rows = "".join(
        f'<tr><th scope="row"><span class="light {SIGNS[check.passed][0]}">'
        f"{SIGNS[check.passed][1]}</span> {escape(check.name)}</th>"
        f"<td>{markup.figure(check.got)}</td><td>{markup.figure(check.limit)}</td>"
        f"<td>{escape(check.sentence)}</td></tr>"
        for check in sorted(verdict.checks, key=lambda check: check.passed)
    )
    table = f"{_head(('Check', 'Figure', 'Limit', 'In words'))}<tbody>{rows}</tbody>"
    return f"<section><h2>Checks</h2>{markup.scroll(table, 'Checks', 'words told')}</section>"


def _slices(verdict: Verdict) -> str:
    if not verdict.slices:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(each.name)}</th><td>{each.people:,}</td>'
        f"<td>{markup.figure(each.other)}</td><td>{markup.signed(each.gain)}</td>"
        f"<td>{markup.ends(each.low, each.high)}</td><td>{_seen(each)}</td>"
        f"<td>{escape(_says(each, verdict))}</td></tr>"
        for each in verdict.slices
    )
    heads = ("Slice", "People", "Champion", "Change", "95 % interval", "Loss to be seen", "")
    table = markup.scroll(f"{_head(heads)}<tbody>{rows}</tbody>", "Slices")
    note = (
        "«Loss to be seen» is the half interval as a share of the champion's: a smaller loss could"
        " not be told from chance with so few people."
    )
    return f'<section><h2>Slices</h2><p class="note">{escape(note)}</p>{table}</section>'


def _health(verdict: Verdict) -> str:
    if not verdict.health:
        return ""
    lights = strip("Vectors of the challenger", "", verdict.health)
    note = (
        "Not all alarms count: see the check. What the champion has as well is no reason to refuse."
    )
    note = f'<p class="note">{escape(note)}</p>'
    return f"<section><h2>Embedding health</h2>{note}{lights}</section>"


def _seen(each: Difference) -> str:
    if not each.other > 0 or each.low != each.low:
        return "–"
    return f"{(each.high - each.low) / 2 / each.other:.0%}"


def _says(each: Difference, verdict: Verdict) -> str:
    if not each.told:
        return "too few"
    return "▲ lost" if lost_in(each, verdict.policy) else "✓ kept"


def _protocol(verdict: Verdict) -> str:
    told = {
        f"gate {name}": ", ".join(value) if isinstance(value, tuple) else str(value)
        for name, value in asdict(verdict.policy).items()
    }
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(fact)}</dd></div>"
        for name, fact in (*verdict.facts.items(), *told.items())
    )
    return f'<section><h2>Protocol</h2><div class="card"><dl>{facts}</dl></div></section>'


def _head(names: Sequence[str]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f"<thead><tr>{heads}</tr></thead>"
