"""The tables of docs/benchmarks.md, made anew from the result files: `benchmarks/tables.py`."""

import json
import re
import statistics
from typing import Any

from measuring import RESULTS, ROOT
from tables_of_retrieval import retrieval
from tables_of_service import service, warm

PAGES = tuple(
    ROOT / "docs" / f"{name}.md"
    for name in ("benchmarks", "poisoning", "gate", "stable-space", "monitoring", "retraining")
)
SERVICE = ("crash", "failover", "killed", "load", "recomputed", "replay", "soak", "stories")
SERVICE += ("retraining", "month", "schedulers", "import_wizard", "map", "console")
ENCODERS = (
    *("ml-1m-sequence", "ml-1m-auto", "ml-1m-refitted", "ml-1m-time"),
    *("amazon-beauty-sequence", "amazon-beauty-auto", "amazon-beauty-refitted"),
    *("amazon-sports-auto", "amazon-sports-refitted", "gowalla-auto"),
    *("cold-encoders", "citeulike-encoders", "retailrocket-encoders"),
)
MODELS = ("popularity", "cooccurrence", "ease", "graph-filter", "als", "content")


def models(rows: dict[str, Any], metrics: tuple[str, ...]) -> list[str]:
    """One line a model: each metric, the first with its interval; what validation chose."""
    lines = [f"| model | {' | '.join(metrics)} | settings chosen |"]
    lines.append("|---|" + "---:|" * len(metrics) + "---|")
    for name in MODELS:
        row = rows.get(name)
        if row is None:
            continue
        if "skipped" in row:
            lines.append(f"| {name} | not run: {row['skipped'].split(';')[0]} |")
            continue
        cells = [f"{row[metric]:.4f}" for metric in metrics]
        low, high = row["intervals (95 %)"][metrics[0]]
        cells[0] += f" ({low:.4f}–{high:.4f})"
        chosen = settings(row["settings"]) if row["validation"] else "defaults, no grid"
        lines.append(f"| {name} | {' | '.join(cells)} | {chosen} |")
    return lines


def settings(told: dict[str, Any]) -> str:
    """The settings that matter, short; those a search does not touch are left out."""
    fixed = ("window", "neighbours", "seed", "iterations", "rank", "text", "segment", "shrinkage")
    fixed = (*fixed, "sentence_weight", "number_weight")
    told = {n: v for n, v in told.items() if n not in fixed and v is not None}
    return ", ".join(f"{n} {v}" for n, v in told.items()) or "as they stand"


def neutral(figures: dict[str, Any]) -> list[str]:
    """Co-occurrence, scored by the neutral script."""
    lines = ["| co-occurrence | NDCG@10 | HR@10 | NDCG@100 | seen items | settings chosen |"]
    lines.append("|---|---:|---:|---:|---:|---|")
    for name in ("fitted without validation", "fitted on all but the test event"):
        row = figures[name]
        cells = [f"{row[metric]:.4f}" for metric in ("ndcg@10", "hit@10", "ndcg@100")]
        told = settings(row["settings"])
        lines.append(f"| {name} | {' | '.join(cells)} | {row['seen']} | {told} |")
    return lines


def bars(result: dict[str, Any]) -> list[str]:
    """What had to be reached."""
    return [
        f"- {bar['what']}: **{bar['got']:.4f}**, bar {bar['at_least']:.3f}:"
        f" {'reached' if bar['reached'] else 'missed'}"
        for bar in result["bars"]
    ]


def quality(name: str, result: dict[str, Any]) -> list[str]:
    """A benchmark of quality: its tables, by what it holds."""
    figures = result["figures"]
    by_20 = ("ndcg@20", "recall@20", "ndcg@10")
    by_10 = ("ndcg@10", "recall@10", "hit@10", "coverage@10")
    if name in ("amazon-beauty", "ml-1m"):
        table = models(figures["models"], ("ndcg@10", "hit@10", "recall@100", "coverage@10"))
        return [*neutral(figures), "", *bars(result), "", *table]
    if "models" in figures:
        metrics = by_10 if name == "movielens-100k" else (*by_20, "coverage@10")
        return [
            *bars(result),
            *([""] if result["bars"] else []),
            *models(figures["models"], metrics),
        ]
    parts: list[str] = []
    for what, rows in figures.items():
        metrics = by_20 if name == "cold-items" else by_10
        parts += [f"**{what}**", "", *models(rows, metrics), ""]
    return parts[:-1]


def speed(result: dict[str, Any]) -> list[str]:
    """Ratios first: they are what a noisy machine can tell."""
    ratios = result["figures"]["median ratio, ours to theirs"]
    columns = list(next(iter(ratios.values())))
    lines = [f"| ours / theirs | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name, row in ratios.items():
        lines.append(f"| {name} | {' | '.join(f'{row[c]:.2f}' for c in columns)} |")
    lines += ["", f"| median | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name, row in result["figures"]["medians"].items():
        lines.append(f"| {name} | {' | '.join(number(row[c]) for c in columns)} |")
    return lines


def number(value: float) -> str:
    """Three digits of a number, whole where it is large."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def scale(result: dict[str, Any]) -> list[str]:
    """Seconds and peak memory of each step, by size."""
    worlds = result["figures"]["worlds"]
    sizes = " | ".join(
        f"{w['events'] / 1e6:.0f} M events, {w['users']:,} users, {w['items']:,} items"
        for w in worlds.values()
    )
    steps = list(dict.fromkeys(step for w in worlds.values() for step in w["steps"]))
    lines = [f"| step | {sizes} |", "|---|" + "---:|" * len(worlds)]
    for step in steps:
        costs = [w["steps"].get(step) for w in worlds.values()]
        cells = [
            f"{c['seconds']:.0f} s ({c['cpu_seconds']:.0f} CPU s), {c['peak_mb']:,} MB"
            if c
            else "–"
            for c in costs
        ]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    asked = [w["steps"]["recommend"] for w in worlds.values()]
    cells = [f"{a['users/s, loading included']:,} for {a['users']:,} users" for a in asked]
    lines.append(f"| recommend, users/s | {' | '.join(cells)} |")
    disk = " | ".join(f"{world['model_mb']} MB" for world in worlds.values())
    lines.append(f"| model on disk | {disk} |")
    told = [(name, value) for name, value in result["figures"].items() if name != "worlds"]
    for name, value in told:
        steps_told = ", ".join(f"{step} {number}" for step, number in value.items())
        lines += ["", f"{name[0].upper()}{name[1:]}: {steps_told}."]
    return lines


def training(result: dict[str, Any]) -> list[str]:
    """Every contender's lists and what fitting it took; then what had to be reached."""
    metrics = ("ndcg@10", "hit@10", "coverage@10")
    facts = ("epochs", "fit seconds", "tokens/s", "peak MB")
    lines = [f"| {' | '.join(('contender', *metrics, *facts))} |"]
    lines.append("|---|" + "---:|" * (len(metrics) + len(facts)))
    for name, row in result["figures"]["rows"].items():
        cells = [f"{row[metric]:.4f}" for metric in metrics]
        cells += [number(row[fact]) if fact in row else "–" for fact in facts]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", *bars(result)]


def encoders(results: dict[str, dict[str, Any]]) -> list[str]:
    """Each protocol of benchmarks/encoders.py that has been run, and what it had to reach."""
    lines = [
        "| protocol | measured | bar | coverage@10 | training, commit |",
        "|---|---:|---:|---:|---|",
    ]
    for name in ENCODERS:
        if name not in results:
            continue
        result = results[name]
        rows = result["figures"]
        row = rows.get("two-tower") or next(iter(rows.values()))
        more = [r for n, r in sorted(results.items()) if n.startswith(f"{name}-seed-")]
        got = ", ".join(
            f"{bar['what']} **{bar['got']:.4f}**{spread([r['bars'][n] for r in (result, *more)])}"
            for n, bar in enumerate(result["bars"])
        )
        bars = ", ".join(f"{bar['at_least']:.3f}" for bar in result["bars"])
        cost = row.get("train") or row.get("cost") or {}
        told = f"{cost['cpu_seconds'] / 60:.0f} CPU min, {cost['peak_mb']:,} MB" if cost else "–"
        covered = f"{row['coverage@10']:.3f}" if "coverage@10" in row else "–"
        told += f", {result['commit']['id'][:7]}"
        lines.append(f"| {name} | {got} | {bars} | {covered} | {told} |")
    return lines


def spread(bars: list[dict[str, Any]]) -> str:
    """Mean and standard deviation, where there are several seeds."""
    got = [bar["got"] for bar in bars]
    if len(got) < 2:
        return ""
    return f" ({len(got)} seeds: {statistics.mean(got):.4f} ± {statistics.stdev(got):.4f})"


def popularity(result: dict[str, Any]) -> list[str]:
    """The dial: as it stands and where validation put it, on both; and what had to be reached."""
    figures = result["figures"]
    chosen = str(figures["chosen"]["alpha"])
    lines = ["| | α | NDCG@10 | coverage@10 | ARP@10 |", "|---|---:|---:|---:|---:|"]
    for alpha in ("0.0", chosen):
        (point,) = [p for p in figures["validation"]["dial"] if str(p["alpha"]) == alpha]
        told = (point["accuracy"], point["coverage"], point["arp"])
        lines.append(_position("validation", alpha, told))
    for alpha in ("0.0", chosen):
        row = figures["test"][alpha]
        told = (row["ndcg@10"], row["coverage@10"], row["arp@10"])
        lines.append(_position("test", alpha, told))
    return [*lines, "", *bars(result)]


def _position(where: str, alpha: str, told: tuple[float, float, float]) -> str:
    accuracy, coverage, popular = told
    return f"| {where} | {alpha} | {accuracy:.4f} | {coverage:.4f} | {popular:,.0f} |"


def reranking(result: dict[str, Any]) -> list[str]:
    """Each model's lists in its own order and in that of its second stage, if it was kept."""
    lines = [
        "| model | validation, as retrieved → re-ranked | kept | test, as retrieved → re-ranked"
        " | gain on the test (95 %) | what tells most | rerank |",
        "|---|---:|---|---:|---:|---|---:|",
    ]
    for name, row in result["figures"]["models"].items():
        told, test = row["validation"], row["test"]
        plain = f"{test['as retrieved']['ndcg@10']:.4f}"
        new, gain = plain, "–"
        if told["kept"]:
            new = f"{plain} → **{test['re-ranked']['ndcg@10']:.4f}**"
            gain = "{:+.4f} ({:+.4f} … {:+.4f})".format(*row["test gain"])
        most = ", ".join(f"{n} {share:.0%}" for n, share in list(told["importance"].items())[:3])
        seconds = f"{row['cost']['rerank']['cpu_seconds']:.0f} CPU s"
        kept = f"yes, {told['trees']} trees" if told["kept"] else "no"
        validation = f"{told['before']:.4f} → {told['after']:.4f}"
        cells = (name, validation, kept, new, gain, most, seconds)
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *bars(result)]


def exploration(result: dict[str, Any]) -> list[str]:
    """How well the draws of each place fit what they told."""
    lines = [
        "| way | place | lists compared | chi-square | degrees of freedom | p |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for way in ("slots", "plackett-luce"):
        for row in result["figures"][way]:
            share = f"{100 * row['lists_compared']:.0f} %"
            cells = (row["chi_square"], row["degrees"], f"{row['p_value']:.3f}")
            lines.append(f"| {way} | {row['place']} | {share} | {' | '.join(map(str, cells))} |")
    return [*lines, "", *bars(result)]


def poisoning(result: dict[str, Any]) -> list[str]:
    """Lift of the target by attack and size, as a mean over the targets; then what it costs."""
    rows, names = result["figures"]["lifts"], ("popularity", "als", "cooccurrence")
    lines = [f"| who comes | share | {' | '.join(names)} |", "|---|---:|" + "---:|" * len(names)]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        for share in dict.fromkeys(row["share"] for row in rows):
            some = [row for row in rows if (row["kind"], row["share"]) == (kind, share)]
            cells = []
            for name in names:
                lifts = [
                    statistics.mean(row[way][name] for row in some)
                    for way in ("undefended", "defended")
                ]
                cells.append("{:.4f} → **{:.4f}**".format(*lifts))
            lines.append(f"| {kind} | {100 * share:g} % | {' | '.join(cells)} |")
    lines += ["", "| honest NDCG@10, no attack | model | undefended | defended | lost (95 %) |"]
    lines.append("|---|---|---:|---:|---:|")
    for what, told in result["figures"]["honest"].items():
        for name, row in told.items() if isinstance(told, dict) else ():
            lost = "{:+.2%} ({:+.2%} … {:+.2%})".format(row["lost"], *row["interval"])
            cells = (what, name, f"{row['undefended']:.4f}", f"{row['defended']:.4f}", lost)
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *bars(result)]


def gate(result: dict[str, Any]) -> list[str]:
    """How often challengers pass, how often slices are called lost, what a gate says to whom."""
    figures = result["figures"]
    losses = list(figures["accuracy"][0]["passes at a loss of"])
    said = {"-5%": "better by 5 %", "+0%": "equal", "+1%": "**worse by the margin, 1 %**"}
    heads = [said.get(loss, f"worse by {loss.strip('+%')} %") for loss in losses]
    lines = [f"| gets through, if | people | {' | '.join(heads)} |"]
    lines.append("|---|---:|" + "---:|" * len(heads))
    for row in figures["accuracy"]:
        cells = [f"{100 * share:.1f} %" for share in row["passes at a loss of"].values()]
        lines.append(f"| {row['pair']} | {row['people']:,} | {' | '.join(cells)} |")
    needs = ["| people needed | " + " | ".join(f"margin {m} %" for m in (1, 2, 5)) + " |"]
    needs.append("|---|---:|---:|---:|")
    for name, told in figures["pairs"].items():
        cells = [f"{told[f'people for {margin}%']:,.0f}" for margin in (1, 2, 5)]
        needs.append(
            f"| an equal model gets through four times of five, {name} | {' | '.join(cells)} |"
        )
    rows = figures["slices"]
    cuts = list(rows[0]["refused where new people lose"])
    named = ["**nothing**" if cut == "0%" else cut.replace("%", " %") for cut in cuts]
    slices = [f"| a slice is called lost, if new people lose | {' | '.join(named)} |"]
    slices.append("|---|" + "---:|" * len(cuts))
    for row in rows:
        for way in ("together", "each for itself"):
            told = row["refused where new people lose"].values()
            cells = [f"{100 * each[way]:.1f} %" for each in told]
            slices.append(
                f"| {row['people']:,} people, slices judged {way} | {' | '.join(cells)} |"
            )
    ends = ["| challenger | the gate says | failed |", "|---|---|---|"]
    for row in figures["outcomes"]:
        ends.append(
            f"| {row['challenger']} | {row['outcome']} | {', '.join(row['failed']) or '–'} |"
        )
    return [*lines, "", *needs, "", *slices, "", *ends, "", *bars(result)]


def space(result: dict[str, Any]) -> list[str]:
    """How near the next run comes, and what old vectors find there; then what had to be reached."""
    overlaps = ("old vector, as it came", "old vector, turned", "new vector")
    lines = [f"| model | next run | residual | one space | {' | '.join(overlaps)} |"]
    lines.append("|---|---|---:|---|" + "---:|" * len(overlaps))
    for name, rows in result["figures"].items():
        for case, row in rows.items():
            told = (f"{row['residual']:.2f}", "yes" if row["one space"] else "no")
            cells = (name, case, *told, *(f"{row[what]:.2f}" for what in overlaps))
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *bars(result)]


def monitoring(result: dict[str, Any]) -> list[str]:
    """False alarms, what was caught, and weeks of real shops: of these what is compared by PSI."""
    figures = result["figures"]
    well, sick, real = figures["honest"], figures["broken"], figures["complete-journey"]
    caught = ", ".join(f"{name} {n} of {sick['each']}" for name, n in sick["caught"].items())
    said = "; ".join(told.replace("T00:00:00", "") for told in real["said"])
    heads = ("PSI, week by week", "median", "largest", "limit by people", "above")
    heads = (*heads, "limit by events", "above", "above 0.1")
    lines = [
        f"- honest windows of synthetic shops: {well['windows']}, suspicions: "
        f"{sum(well['said'].values())}",
        f"- broken weeks that were caught: {caught}",
        f"- The Complete Journey, {real['weeks']} weeks, suspicions of those that ended on {said}",
        *("", f"| {' | '.join(heads)} |", "|---|" + "---:|" * 7),
    ]
    for name, row in real["drift"].items():
        if name in ("events-a-day", "new-users", "unknown-items"):
            continue  # a ratio, and shares
        sizes = (row[k] for k in ("median", "largest", "limit_by_people", "limit_by_events"))
        median, largest, people, events = ("–" if n is None else f"{n:.4f}" for n in sizes)
        shares = (row[k] for k in ("above_by_people", "above_by_events", "above_0.1"))
        above = ["–" if n is None else f"{100 * n:.0f} %" for n in shares]
        cells = (name, median, largest, people, above[0], events, *above[1:])
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *bars(result)]


def replaced(text: str, name: str, lines: list[str]) -> str:
    """The page with these lines between the two marks of a name."""
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block = "\n".join([first, *lines, last])
    return re.sub(f"{re.escape(first)}.*?{re.escape(last)}", lambda _: block, text, flags=re.S)


def main() -> None:
    """Replace every block between its two marks."""
    found = {file.stem: json.loads(file.read_text("utf-8")) for file in RESULTS.glob("*.json")}
    texts = {page: page.read_text("utf-8") for page in PAGES}
    made = {"encoders": encoders(found)}
    for name, result in sorted(found.items()):
        if not any(f"<!-- {name} -->" in text for text in texts.values()):
            continue  # its page tells it in words
        kinds = {"speed": speed, "scale": scale, "training": training, "popularity": popularity}
        kinds |= {"reranking": reranking, "retrieval": retrieval, "exploration": exploration}
        kinds |= {"poisoning": poisoning, "gate": gate, "space": space}
        kinds |= {"monitoring": monitoring, "warm": warm}
        kinds |= dict.fromkeys(SERVICE, service)
        make = kinds.get(name.split("-")[0])
        made[name] = make(result) if make else quality(name, result)
    for page, text in texts.items():
        for name, lines in made.items():
            text = replaced(text, name, lines)
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
