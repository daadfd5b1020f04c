"""The report as one HTML page: a file that says it all, fetches nothing and needs no script.

Every word that came from data is escaped on its way in.
"""

from collections.abc import Mapping, Sequence
from html import escape

from bowerbird.evaluation import charts, markup
from bowerbird.evaluation.frontier import Frontier
from bowerbird.evaluation.health import Health
from bowerbird.evaluation.leaderboard import Cell, Leaderboard
from bowerbird.evaluation.metrics import METRICS
from bowerbird.evaluation.report import Report
from bowerbird.evaluation.sections import dial_section, health_section
from bowerbird.evaluation.slices import AGE, HISTORY, POPULARITY, RULES, TYPE
from bowerbird.evaluation.style import STYLE

Block = tuple[str, Sequence[Sequence[str]]]
"""A title and a table to stand below it; the first row of the table is its head."""


def page(
    board: Leaderboard,
    reports: Mapping[str, Report],
    title: str,
    blocks: Sequence[Block] = (),
    health: Mapping[str, Health] | None = None,
    frontiers: Mapping[str, Frontier] | None = None,
) -> str:
    """The whole page: save it under a name that ends in .html.

    Args:
        board: made of the same reports.
        reports: by the name of the model.
        title: what was evaluated.
        blocks: tables of the caller's, such as some people and what each model shows them.
        health: of the vectors, by the name of the encoder.
        frontiers: the popularity dial of each model that has one.
    """
    ordered = {row.model: reports[row.model] for row in board.rows}
    body = [
        f"<header><h1>{escape(title)}</h1>",
        f'<p class="headline">{escape(headline(board))}</p></header><main>',
        _scores(board),
        _plots(board, ordered),
        _protocol(board, ordered),
        _slice_tables(board, ordered),
        health_section(health or {}),
        dial_section(frontiers or {}),
        *(
            f"<section><h2>{escape(name)}</h2>{markup.words(rows)}</section>"
            for name, rows in blocks
        ),
        "</main><footer>Every item that may be shown is ranked; no candidate was sampled.</footer>",
    ]
    return document(title, body)


def document(title: str, body: Sequence[str]) -> str:
    """A page of its own: the head and the style around a body of HTML."""
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
    )
    return f"{head}<body>{''.join(body)}</body></html>\n"


def headline(board: Leaderboard) -> str:
    """What the leaderboard says, in one or two sentences."""
    metric, best = board.metrics[0], board.rows[0]
    cell = best.cells[metric]
    reaches = f"{markup.figure(cell.mean)}{_within(cell)}"
    first = f"{best.model} has the highest {markup.name(metric)}: {reaches}."
    if len(board.rows) == 1:
        return f"{best.model}: {markup.name(metric)} {reaches}."
    if best.model == board.baseline:
        return f"{first} It is the baseline: no other model goes beyond it."
    if cell.gain is None or cell.gain_low is None or cell.gain_high is None:
        return first
    ends = f"{markup.signed(cell.gain_low)} to {markup.signed(cell.gain_high)}"
    gain = f"{markup.signed(cell.gain)} over {board.baseline} ({ends})"
    return f"{first} That is {gain}{'' if cell.sure else ', which may be chance'}."


def _scores(board: Leaderboard) -> str:
    found = [m for m in board.metrics if _of_accuracy(m)]
    beyond = [m for m in board.metrics if not _of_accuracy(m)]
    note = (
        f"Below each mean its 95 % interval; after ▲ or ▼ the gain over {board.baseline}, user by"
        f" user, with its interval; after · a gain that may be chance. Bootstrap over users"
        f" ({board.draws:,} draws, seed {board.seed}); each interval stands for itself."
    )
    tables = [
        f"<h2>{title}</h2>{_score_table(board, metrics, title)}{_meanings(metrics)}"
        for title, metrics in (("Leaderboard", found), ("Beyond accuracy", beyond))
        if metrics
    ]
    tables.insert(1, f'<p class="note">{escape(note)}</p>')
    return f"<section>{''.join(tables)}</section>"


def _score_table(board: Leaderboard, metrics: Sequence[str], title: str) -> str:
    heads = "".join(f'<th scope="col">{escape(markup.name(m))}</th>' for m in metrics)
    rows = "".join(
        f'<tr><th scope="row">{escape(row.model)}'
        f"{' <small>(baseline)</small>' if row.model == board.baseline else ''}</th>"
        f"{''.join(_cell(row.cells[m], _of_accuracy(m)) for m in metrics)}</tr>"
        for row in board.rows
    )
    table = f'<thead><tr><th scope="col">Model</th>{heads}</tr></thead><tbody>{rows}</tbody>'
    return markup.scroll(table, title)


def _meanings(metrics: Sequence[str]) -> str:
    meanings = "".join(
        f"<div><dt>{escape(markup.name(m))}</dt><dd>{escape(says[1])}</dd></div>"
        for m in metrics
        if (says := markup.MEANINGS.get(m.partition("@")[0]))
    )
    return f"<details><summary>What the columns say</summary><dl>{meanings}</dl></details>"


def _of_accuracy(metric: str) -> bool:
    return metric.partition("@")[0] in METRICS


def _cell(cell: Cell, gains: bool) -> str:
    within = "" if cell.low is None else f"<small>{markup.ends(cell.low, cell.high)}</small>"
    if cell.gain is None or not gains:  # beyond accuracy, more is not better: no arrows there
        return f"<td>{markup.figure(cell.mean)}{within}</td>"
    sign, kind = ("·", "") if not cell.sure else ("▲", "up") if cell.gain > 0 else ("▼", "down")
    gain = f'<small class="{kind}">{sign} {markup.signed(cell.gain)}</small>'
    ends = f"<small>{markup.ends(cell.gain_low, cell.gain_high)}</small>"
    return f"<td>{markup.figure(cell.mean)}{within}{gain}{ends}</td>"


def _plots(board: Leaderboard, reports: Mapping[str, Report]) -> str:
    metric = board.metrics[0]
    k = metric.rpartition("@")[2]
    figures = [_spans(board), _scatter(board, reports, f"coverage@{k}")]
    for title, names in (
        ("Recall by length of the history", (HISTORY,)),
        ("Recall by kind of relevant item", (POPULARITY, AGE, TYPE)),
    ):
        figures.append(_dots(reports, f"recall@{k}", title, names))
    figures.append(_lorenz(reports, k))
    key = charts.key(list(reports))
    return (
        f'<section><h2>In pictures</h2>{key}<div class="cards">{"".join(figures)}</div></section>'
    )


def _spans(board: Leaderboard) -> str:
    metric = board.metrics[0]
    cells = [(row.model, row.cells[metric]) for row in board.rows]
    rows = [(m, c.mean, c.low, c.high) for m, c in cells if c.mean is not None]
    sure = [(m, a, b, c) for m, a, b, c in rows if b is not None and c is not None]
    if not sure:
        return ""
    desc = "; ".join(f"{m} {markup.figure(a)}, {markup.ends(b, c)}" for m, a, b, c in sure)
    title = f"{markup.name(metric)} with its 95 % interval"
    return markup.figured(title, charts.spans(sure, markup.name(metric), title, desc), "")


def _scatter(board: Leaderboard, reports: Mapping[str, Report], across: str) -> str:
    metric = board.metrics[0]
    if not all(across in report.metrics() for report in reports.values()):
        return ""
    points = {name: (r.mean(across), r.mean(metric)) for name, r in reports.items()}
    points = {name: (x, y) for name, (x, y) in points.items() if x == x and y == y}
    title = f"Accuracy against coverage: {markup.name(metric)}"
    desc = "; ".join(f"{m}: {markup.figure(x)}, {markup.figure(y)}" for m, (x, y) in points.items())
    drawing = charts.scatter(points, (markup.name(across), markup.name(metric)), title, desc)
    return markup.figured(
        title, drawing, "To the right: more of the catalog is shown. Up: more is found."
    )


def _dots(reports: Mapping[str, Report], metric: str, title: str, names: tuple[str, ...]) -> str:
    groups = [g for g in _groups(reports) if g[0] in names]
    found = {
        model: [means.get(g, {}).get(metric, float("nan")) for g in groups]
        for model, report in reports.items()
        if (means := {(s.slice, s.group): s.means for s in report.slices})
    }
    if not found or not groups or all(v != v for values in found.values() for v in values):
        return ""
    words = [group for _, group in groups]
    desc = "; ".join(
        f"{m}: " + ", ".join(f"{g} {markup.figure(v)}" for g, v in zip(words, values, strict=True))
        for m, values in found.items()
    )
    drawing = charts.dots(words, found, markup.name(metric), title, desc)
    users = _groups(reports)
    note = "Users judged: " + " · ".join(f"{g[1]}: {users[g]:,}" for g in groups)
    return markup.figured(title, drawing, note)


def _lorenz(reports: Mapping[str, Report], k: str) -> str:
    lines = {
        name: report.exposure[f"lorenz@{k}"].tolist()
        for name, report in reports.items()
        if f"lorenz@{k}" in report.exposure
    }
    if not lines:
        return ""
    title = "Exposure: who gets the places"
    middle = {name: charts.share_at(values, 0.9) for name, values in lines.items()}
    desc = "; ".join(f"{m}: the least shown 90 % of items get {v:.0%}" for m, v in middle.items())
    drawing = charts.curves(lines, ("Items, least shown first", "Share of places"), title, desc)
    note = (
        "Dashed: every item is shown as often. The lower a curve, the fewer items get the places."
    )
    return markup.figured(title, drawing, note)


def _protocol(board: Leaderboard, reports: Mapping[str, Report]) -> str:
    first = next(iter(reports.values())).facts
    shared = {
        name: fact
        for name, fact in first.items()
        if all(report.facts.get(name) == fact for report in reports.values())
    }
    own = list(dict.fromkeys(n for r in reports.values() for n in r.facts if n not in shared))
    shared |= {"bootstrap": f"{board.draws:,} draws over users, seed {board.seed}"}
    shared |= {f"groups by {name}": rule for name, rule in RULES.items()}
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(fact)}</dd></div>"
        for name, fact in shared.items()
    )
    rows = [[m, *(report.facts.get(n, "") for n in own)] for m, report in reports.items()]
    apart = markup.words([["Model", *own], *rows]) if own else ""
    card = f'<div class="card"><dl>{facts}</dl></div>'
    return f'<section class="stack"><h2>Protocol</h2>{card}{apart}</section>'


def _slice_tables(board: Leaderboard, reports: Mapping[str, Report]) -> str:
    metric, groups = board.metrics[0], _groups(reports)
    tables = []
    for name in dict.fromkeys(name for name, _ in groups):
        rows = "".join(
            _slice_row(reports, name, group, users, metric)
            for (of, group), users in groups.items()
            if of == name
        )
        heads = "".join(f'<th scope="col">{escape(model)}</th>' for model in reports)
        head = f'<tr><th scope="col">Group</th><th scope="col">Users</th>{heads}</tr>'
        table = markup.scroll(f"<thead>{head}</thead><tbody>{rows}</tbody>", name)
        tables.append(f"<div><h3>By {escape(name)}</h3>{table}</div>")
    if not tables:
        return ""
    return (
        f"<section><h2>{escape(markup.name(metric))} by group</h2>"
        '<p class="note">The best of a group in bold. Small groups say little.</p>'
        f'<div class="cards">{"".join(tables)}</div></section>'
    )


def _slice_row(
    reports: Mapping[str, Report], name: str, group: str, users: int, metric: str
) -> str:
    values = [
        next((s.means.get(metric) for s in r.slices if (s.slice, s.group) == (name, group)), None)
        for r in reports.values()
    ]
    top = max((v for v in values if v is not None and v == v), default=None)
    cells = "".join(
        f'<td class="{"best" if len(values) > 1 and v is not None and v == top else ""}">'
        f"{markup.figure(v)}</td>"
        for v in values
    )
    return f'<tr><th scope="row">{escape(group)}</th><td>{users:,}</td>{cells}</tr>'


def _groups(reports: Mapping[str, Report]) -> dict[tuple[str, str], int]:
    return {(s.slice, s.group): s.users for report in reports.values() for s in report.slices}


def _within(cell: Cell) -> str:
    return "" if cell.low is None else f" (95 % interval {markup.ends(cell.low, cell.high)})"
