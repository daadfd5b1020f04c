"""What docs say twice is made here: cli.md from the commands, tables of figures from the results.

Run it after a change of options or of benchmark results: `python docs/refresh.py`. The tests fail
while a page is not what this file makes of it.
"""

import inspect
import json
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from typer.main import get_command

import bowerbird
from bowerbird.cli.main import COMMANDS, app_of
from bowerbird.cli.main import GROUPS as SETS
from bowerbird.online.definitions import (
    DEFINITIONS,
    GROUPS,
    HOLDOUT,
    INTERVAL_OF,
    INTERVALS,
    Definition,
)
from bowerbird.serving.app import ROUTES
from bowerbird.serving.telemetry import Telemetry

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
NUMBERS = re.compile(r"(<!-- numbers: (\S+) (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)
TAKES: dict[Any, str] = {
    str: "text",
    Path: "path",
    int: "whole number",
    float: "number",
    bool: "",
    list[str]: "text, may be repeated",
}
FILES = re.compile(r"(<!-- file: (\S+) (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
MADE = re.compile(r"(<!-- (public names|routes|metrics|figures|intervals|groups|holdout) -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = """# Command line

Made by `python docs/refresh.py` from what `bowerbird COMMAND --help` says. Do not edit.

Every command takes `--help`. `--json` prints one JSON document to standard output and nothing else
there; progress, notes and errors go to standard error.

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | a bug of ours: a traceback is shown; please report it |
| 2 | wrong usage or input: one line says what was expected, what came, where, and what to do; \
`check` also ends so when it has found errors in the data |
| 130 | interrupted (Ctrl-C or SIGTERM); nothing half-written is left |
"""


def main() -> None:
    """Write every page anew."""
    (ROOT / "docs" / "cli.md").write_text(command_page(), "utf-8")
    for page in pages():
        page.write_text(refreshed(page.read_text("utf-8")), "utf-8")


def pages() -> list[Path]:
    """Every page of the documentation."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def command_page() -> str:
    """docs/cli.md: every command with its arguments and options."""
    return HEAD + "".join(_section(name, command) for name, command in commands().items())


def commands() -> dict[str, Any]:
    """Every command by its name, those of a group with the group's before theirs."""
    made: dict[str, Any] = {}
    for name, command in get_command(app_of((*COMMANDS, *SETS))).commands.items():  # type: ignore[attr-defined]  # a group
        parts = getattr(command, "commands", None)
        made |= {f"{name} {part}": one for part, one in parts.items()} if parts else {name: command}
    return made


def refreshed(text: str) -> str:
    """The page with every marked table as code and results say; without results it stays."""
    tables = {"public names": public_names, "routes": routes, "metrics": metrics}
    tables |= {"figures": figures, "intervals": intervals, "groups": groups, "holdout": holdout}
    text = FILES.sub(_file, NUMBERS.sub(_filled, text))
    return MADE.sub(lambda found: found[1] + tables[found[2]]() + found[3], text)


def public_names() -> str:
    """What `bowerbird` exports, with the first sentence about it."""
    rows = ["| name | gives |", "|---|---|"]
    for name in bowerbird.__all__:
        about = (inspect.getdoc(getattr(bowerbird, name)) or "").split("\n\n")[0]
        rows.append(f"| `{name}` | {' '.join(about.split()).rstrip('.')} |")
    return "\n".join(rows) + "\n"


def routes() -> str:
    """What can be asked of a service, and by whom."""
    rows = ["| request | gives or does | scope | public key |", "|---|---|---|---|"]
    for route in ROUTES:
        scope = "none" if route.scope is None else f"`{route.scope}`"
        public = "yes" if route.public or route.scope is None else "no"
        rows.append(f"| `{route.name}` | {route.summary.rstrip('?')} | {scope} | {public} |")
    return "\n".join(rows) + "\n"


def metrics() -> str:
    """What a service counts and times of itself."""
    rows = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for one in vars(Telemetry()).values():
        for told in one.describe() if hasattr(one, "describe") else ():
            name = told.name + "_total" * (told.type == "counter")
            labels = ", ".join(f"`{label}`" for label in one._labelnames)
            about = told.documentation.rstrip(".")
            rows.append(f"| `{name}` | {told.type} | {labels} | {about} |")
    return "\n".join(rows) + "\n"


def figures(of: tuple[Definition, ...] = DEFINITIONS) -> str:
    """What each figure of what lists earned is, and which interval it has."""
    rows = ["| metric | is | interval |", "|---|---|---|"]
    for one in of:
        rows.append(f"| `{one.name}` | {one.words} | {INTERVAL_OF[one.kind]} |")
    return "\n".join(rows) + "\n"


def holdout() -> str:
    """What is compared with people who are held out."""
    return figures(HOLDOUT)


def intervals() -> str:
    """How each kind of interval is found."""
    rows = [f"| {name} | {words} |" for name, words in INTERVALS.items()]
    return "\n".join(["| interval | is |", "|---|---|", *rows]) + "\n"


def groups() -> str:
    """What figures can be grouped by."""
    rows = [f"| `{name}` | {words} |" for name, words in GROUPS.items()]
    return "\n".join(["| group | is |", "|---|---|", *rows]) + "\n"


def _section(name: str, command: Any) -> str:  # noqa: ANN401  typer does not export its class
    prose = re.sub(r"\[/?bold\]", "", command.help or "").replace("\b", "").strip()
    words, _, examples = prose.partition("\n\nExample")
    lines = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
    shown = "```text\n" + "\n".join(lines) + "\n```\n\n" if lines else ""
    hints = get_type_hints(command.callback)
    rows = "".join(_row(parameter, hints[parameter.name]) for parameter in command.params)
    about = re.sub(r"(?<!\n)\n(?!\n)", " ", words)
    table = f"| argument or option | takes | default | meaning |\n|---|---|---|---|\n{rows}"
    return f"\n## bowerbird {name}\n\n{about}\n\n{shown}{table}"


def _row(parameter: Any, hint: Any) -> str:  # noqa: ANN401  as above
    if parameter.param_type_name == "argument":
        names = parameter.name.upper() if parameter.required else f"[{parameter.name.upper()}]"
    else:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    bare = next((part for part in get_args(hint) if part is not type(None)), hint)
    bare = hint if getattr(hint, "__name__", "") == "list" else bare
    unset = parameter.default in (None, False) or repr(parameter.default).endswith("UNSET")
    default = "" if unset else str(parameter.default)
    words = (parameter.help or "").replace("|", "\\|").rstrip(".")
    takes = " or ".join(get_args(bare)) if get_origin(bare) is Literal else TAKES[bare]
    return f"| `{names}` | {takes} | {default} | {words} |\n"


def _file(found: re.Match[str]) -> str:
    """A file as it is, between its marks: `py` is shown only, tests run what says `python`."""
    head, name, language, end = found.groups()
    return f"{head}```{language}\n{(ROOT / name).read_text('utf-8')}```\n{end}"


def _filled(found: re.Match[str]) -> str:
    head, name, metrics, end = found.groups()
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        return found.group()
    return head + table(json.loads(path.read_text("utf-8")), metrics.split()) + end


def table(result: dict[str, Any], metrics: list[str]) -> str:
    """Models by rows, the best first; the interval stands beside what has one."""
    models: dict[str, Any] = result["figures"]["models"]
    judged = {name: row for name, row in models.items() if "skipped" not in row}
    order = sorted(judged, key=lambda name: -judged[name][metrics[0]])
    lines = [f"| model | {' | '.join(metrics)} |", "|---|" + "---|" * len(metrics)]
    for name in order:
        cells = [_cell(judged[name], metric) for metric in metrics]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any], metric: str) -> str:
    interval = row["intervals (95 %)"].get(metric)
    between = f" ({interval[0]:.4f} … {interval[1]:.4f})" if interval else ""
    return f"{row[metric]:.4f}{between}"


if __name__ == "__main__":
    main()
