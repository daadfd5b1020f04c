"""Tables of the retrieval benchmarks, as lines of Markdown: `tables.py` puts them into the page."""

from typing import Any


def retrieval(result: dict[str, Any]) -> list[str]:
    """Of one benchmark, by what it holds; below, what had to be reached."""
    kinds = {"retrieval-batch": batch, "retrieval-filters": filters, "retrieval-live": live}
    make = kinds.get(result["benchmark"], singly)
    return [*make(result["figures"]), "", *bars(result)]


def bars(result: dict[str, Any]) -> list[str]:
    """One line where all are reached; else those that are missed, too."""
    held = [bar for bar in result["bars"] if bar["reached"]]
    lines = [f"Bars reached: {len(held)} of {len(result['bars'])}, at commit {_commit(result)}."]
    missed = [bar for bar in result["bars"] if not bar["reached"]]
    if missed:
        lines.append("")
    for bar in missed:
        lines.append(f"- missed: {bar['what']}: **{bar['got']:.3g}**, bar {bar['at_least']:.3g}")
    return lines


def singly(figures: dict[str, Any]) -> list[str]:
    """Our engines and bare faiss, then graphs."""
    ours = figures["ours"]
    lines = _head("engine", "recall@100", "ms", "queries/s", "× the faster exact scan")
    for name, row in ours["rows"].items():
        if name.startswith("drawers"):
            continue
        told = f"{name}: {ours['chosen']}" if name == "ours, chosen" else name
        layer = f" (ours takes × {row['our layer takes']:.2f})" if "our layer takes" in row else ""
        exact = row["x of the faster exact scan"]
        lines.append(
            f"| {told}{layer} | {row['recall']:.3f} | {row['ms']:.3f} | {row['queries/s']:,.0f} "
            f"| {exact:.1f} |"
        )
    lines += ["", *_head("graph", "recall@100", "ms", "build s", "our recall", "ours / theirs")]
    for name, row in figures["peers"].items():
        told = f"{name}, search {row['setting'].split('search ')[1]}"
        built, times = f"{row['build seconds']:,.0f}", f"{row['ours / theirs']:.1f}"
        cells = (f"{row['recall']:.3f}", f"{row['ms']:.3f}", built, f"{row['our recall']:.3f}")
        lines.append(f"| {told} | {' | '.join(cells)} | {times} |")
    return lines


def batch(figures: dict[str, Any]) -> list[str]:
    """Seconds and products, set by set."""
    sets = list(figures)
    heads = [f"{name}, {figures[name]['queries']:,} queries: s" for name in sets]
    lines = _head("", *(column for head in heads for column in (head, "GFLOP/s")))
    for engine in figures[sets[0]]["rows"]:
        rows = [figures[name]["rows"][engine] for name in sets]
        cells = [f"{row['seconds']:.2f} | {row['GFLOP/s']:,.0f}" for row in rows]
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    return lines


def filters(figures: dict[str, Any]) -> list[str]:
    """Recall and milliseconds by share; where lists are not full, how short the shortest is."""
    first = next(iter(figures.values()))
    lines = _head("", *(f"{float(share):.2%} allowed" for share in first["ours"]))
    for name, told in figures.items():
        lines.append(_shares(f"ours, {name} ({told['index']})", told["ours"]))
        for database, row in told["databases"].items():
            lines.append(_shares(f"{database}, width {row['width']}", row["rows"]))
    return lines


def live(figures: dict[str, Any]) -> list[str]:
    """How long each kind of work took."""
    lines = _head("", "n", "ms, median", "ms, p99", "ms, longest")
    kinds = {f"reads {name}": row for name, row in figures["reads"].items()}
    kinds |= {name: row for name, row in figures.items() if "changes" in name or name == "puts"}
    for name, row in kinds.items():
        cells = [f"{row[what]:,.2f}" for what in ("ms, median", "ms, p99", "ms, longest")]
        lines.append(f"| {name} | {row['n']:,} | {' | '.join(cells)} |")
    found = figures["looked for at once"]
    rebuilt = ", ".join(f"{seconds:.0f} s" for seconds in figures["rebuilds, seconds"])
    told = f"Errors {figures['errors']}, torn reads {figures['torn']}, new items found at once "
    return [*lines, "", f"{told}{found['found']:,} of {found['asked']:,}; rebuilds: {rebuilt}."]


def _shares(name: str, rows: dict[str, Any]) -> str:
    cells = []
    for row in rows.values():
        short = row["shortest list"]
        full = "" if short >= 1 else f", shortest list {short:.0%}"
        cells.append(f"{row['recall']:.3f}, {row['ms']:.2f} ms{full}")
    return f"| {name} | {' | '.join(cells)} |"


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", "|---|" + "---:|" * (len(names) - 1)]


def _commit(result: dict[str, Any]) -> str:
    return str(result["commit"]["id"])[:7]
