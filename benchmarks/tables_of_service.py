"""Tables of what kills, starves and loads the service: `tables.py` puts them into the page."""

from typing import Any


def service(result: dict[str, Any]) -> list[str]:
    """The figures of one benchmark, then what had to be reached."""
    kinds = {"failover": failover, "soak": soak, "load": load}
    kinds |= {"retraining": retraining, "month": month, "schedulers": schedulers}
    kinds |= {"map-frames": map_frames, "map-layout": map_layout}
    kinds |= {"console": console}
    made = kinds.get(result["benchmark"], plain)(result["figures"])
    return [*made, "", *bars(result)]


def bars(result: dict[str, Any]) -> list[str]:
    """One line each."""
    return [
        f"- {bar['what']}: **{bar['got']:g}**, bar {bar['at_least']:g}:"
        f" {'reached' if bar['reached'] else 'missed'}"
        for bar in result["bars"]
    ]


def plain(figures: dict[str, Any]) -> list[str]:
    """Every number with its name."""
    lines = ["| | |", "|---|---:|"]
    for name, value in figures.items():
        if isinstance(value, int | float):
            lines.append(f"| {name} | {value:,} |")
    return lines


def load(figures: dict[str, Any]) -> list[str]:
    """Lists by how many ask at once, and what is left without the service; then events."""
    alone = figures["encoder and index alone"]
    lines = ["| | requests a second | p50, ms | p99, ms |", "|---|---:|---:|---:|"]
    lines.append(f"| encoder and index alone | | {alone['p50 ms']:.2f} | {alone['p99 ms']:.2f} |")
    for name, told in figures.items():
        if name.endswith("at once"):
            cells = (told[what] for what in ("requests a second", "p50 ms", "p99 ms"))
            lines.append(f"| lists over HTTP, {name} | {' | '.join(f'{c:g}' for c in cells)} |")
    lines += ["", "| | acknowledged a second |", "|---|---:|"]
    for name, told in figures.items():
        if name.startswith("events"):
            lines.append(f"| {name} | {told['acknowledged a second']:,} |")
    return lines


def map_frames(figures: dict[str, Any]) -> list[str]:
    """Milliseconds of frames, by how many pixels of the screen one of the page is wide."""
    lines = ["| pixels for one of the page | frames | median, ms | 95 % within, ms | longest, ms |"]
    lines.append("|---|---:|---:|---:|---:|")
    for name, told in figures.items():
        if isinstance(told, dict):
            cells = (f"{told[what]:g}" for what in ("frames", "median", "95 % within", "longest"))
            lines.append(f"| {name.split()[0]} | {' | '.join(cells)} |")
    return [*lines, "", f"{figures['points']:,} points."]


def map_layout(figures: dict[str, Any]) -> list[str]:
    """What each method takes and keeps."""
    lines = ["| | items | neighbours kept | seconds | CPU seconds | peak MB |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for name, told in figures.items():
        kept = f"{told['placed']:,} | {told['neighbours_kept']:.3f}"
        cost = " | ".join(f"{told[what]:,.0f}" for what in ("seconds", "cpu_seconds", "peak_mb"))
        lines.append(f"| {name} | {kept} | {cost} |")
    return lines


def console(figures: dict[str, Any]) -> list[str]:
    """Each view until nothing of it waits; then what all of it weighs."""
    lines = ["| view | median, ms | 95 % within |", "|---|---:|---:|"]
    for view, told in figures["views"].items():
        if "usable, median" in told:
            usable = f"{told['usable, median']:,} | {told['usable, 95 % within']:,}"
            lines.append(f"| {view}, first parts | {usable} |")
        lines.append(f"| {view} | {told['median']:,} | {told['95 % within']:,} |")
    heaviest = max(figures["files"].items(), key=lambda file: file[1])
    count, all_of_it = len(figures["files"]), figures["kilobytes in all"]
    weight = f"{count} files, {all_of_it:g} kB packed; the largest, {heaviest[0]}, {heaviest[1]:g}."
    return [*lines, "", weight]


def failover(figures: dict[str, Any]) -> list[str]:
    """What was answered while the database was up, down, or on its way."""
    lines = ["| the database is | lists | batches of events | slowest list |", "|---|---|---|---:|"]
    for phase in ("up", "down", "between"):
        told = (figures[what][phase].items() for what in ("lists", "batches of events"))
        cells = [", ".join(f"{n:,} × {name}" for name, n in of) for of in told]
        slowest = figures["slowest list, seconds"][phase]
        lines.append(f"| {phase} | {' | '.join(cells)} | {slowest:g} s |")
    back = [f"{n}: at most {max(s):g} s" for n, s in figures["seconds until it was back"].items()]
    return [*lines, "", f"{figures['outages']} outages; then {', '.join(back)}."]


def soak(figures: dict[str, Any]) -> list[str]:
    """Some of the minutes."""
    minutes = figures["minutes"]
    names = [name for name in minutes[0] if name != "RSS, MB, most"]
    lines = [f"| minute | {' | '.join(names)} |", "|---:|" + "---:|" * len(names)]
    step = max(len(minutes) // 6, 1)
    for number in [*range(0, len(minutes) - 1, step), len(minutes) - 1]:
        told = " | ".join(f"{minutes[number].get(name, '–')}" for name in names)
        lines.append(f"| {number + 1} | {told} |")
    sent = ", ".join(f"{n:,} of {name}" for name, n in figures["requests"].items())
    return [*lines, "", f"Requests: {sent}."]


def retraining(figures: dict[str, Any]) -> list[str]:
    """Every number of its parts, then what came of each poison."""
    lines = ["| | |", "|---|---:|"]
    for name in ("killed", "swapped"):
        numbers = {n: v for n, v in figures[name].items() if isinstance(v, int | float)}
        lines += [f"| {name}: {what} | {value:,} |" for what, value in numbers.items()]
    lines += ["", "| days | what came of them, seed by seed |", "|---|---|"]
    for name, states in figures["poisoned"]["poisoned"].items():
        lines.append(f"| {name} | {', '.join(states)} |")
    return [*lines, f"| honest | {', '.join(figures['poisoned']['honest'])} |"]


def month(figures: dict[str, Any]) -> list[str]:
    """The means, every fifth night, and quality by age."""
    means = figures["mean ndcg@10"]
    lines = ["| ndcg@10 | frozen | gated | ungated |", "|---|---:|---:|---:|"]
    lines.append(f"| mean | {' | '.join(f'{means[w]:.4f}' for w in means)} |")
    for night in figures["each night"][4::5]:
        cells = " | ".join(f"{night[what]:.4f}" for what in means)
        lines.append(f"| night {night['night']}: {night['state']} | {cells} |")
    lines += ["", "| age of the model, days | lost | 95 % interval |", "|---:|---:|---|"]
    for one in figures["by age"]["curve"][::4]:
        ends = f"{one['low']:+.1%} to {one['high']:+.1%}"
        lines.append(f"| {one['age']:g} | {one['lost']:+.1%} | {ends} |")
    told = ", ".join(f"{count} × {state}" for state, count in figures["nights"].items())
    return [*lines, "", f"{told}. {figures['by age']['says']}."]


def warm(result: dict[str, Any]) -> list[str]:
    """What each way of training finds and takes; then what had to be reached."""
    lines = ["| model | training | NDCG@10 | less full (95 %) | CPU s of training |"]
    lines.append("|---|---|---:|---:|---:|")
    for name, row in result["figures"].items():
        for way in ("full", "warm", "none"):
            told = row.get(f"{way} less full")
            less = "{:+.4f} ({:+.4f} … {:+.4f})".format(*told) if told else ""
            cells = (
                name,
                way,
                f"{row[f'{way} ndcg']:.4f}",
                less,
                f"{row['CPU seconds'].get(way, 0):g}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *bars(result)]


def schedulers(figures: dict[str, Any]) -> list[str]:
    """What each made of every night."""
    nights = list(next(iter(figures["came"].values())))
    lines = [f"| | {' | '.join(nights)} |", "|---|" + "---|" * len(nights)]
    for name, told in figures["came"].items():
        cells = [f"{one['state']} ({one['tries']} ×)" for one in told.values()]
        lines.append(f"| {name} {figures['schedulers'].get(name, '')} | {' | '.join(cells)} |")
    schema = figures["schema of Kubernetes"]
    return [*lines, "", f"The CronJob keeps the schema of Kubernetes {schema}."]
