"""`bowerbird online`: what the lists earned, and the exact rows behind each figure."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import out, print_json, shown, working
from bowerbird.cli.earned import print_report
from bowerbird.cli.options import expanded
from bowerbird.cli.reading import now
from bowerbird.data.artifacts import whole
from bowerbird.data.facts import Frames
from bowerbird.data.moments import seconds
from bowerbird.errors import ConfigError, DataError
from bowerbird.online.report import report as figures
from bowerbird.online.rows import harmless
from bowerbird.online.rows import rows as behind
from bowerbird.online.rules import Rules
from bowerbird.store.opened import open_store
from bowerbird.store.parquet import read_parquet
from bowerbird.store.sqlite import FILE
from bowerbird.surfaces.strict import seconds_of

FORMATS = (".parquet", ".csv")

online = typer.Typer(help="How good lists are on the live.", no_args_is_help=True)

Where = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Where events are kept: the --data folder of the service, postgresql://…, or what "
        "«bowerbird store compact» wrote.",
    ),
]


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """Which facts count, and how."""

    since: Annotated[
        str | None, typer.Option(help="Lists from then on: 2026-03-01, or with a time (UTC).")
    ] = None
    until: Annotated[str | None, typer.Option(help="Lists before then.")] = None
    as_of: Annotated[str | None, typer.Option(help="What had arrived by then; default: now.")] = (
        None
    )
    view_through: Annotated[
        str | None,
        typer.Option(help="Credit exposures without a click, too, for so long: 1h. Default: off."),
    ] = None
    served_as_seen: Annotated[
        bool, typer.Option("--served-as-seen", help="No exposures are sent: all served is seen.")
    ] = False

    def rules(self) -> Rules:
        """The same as rules of attribution.

        Raises:
            ConfigError: a moment or a length of time that is none.
        """
        through = self.view_through
        return Rules(
            as_of=1_000 * now() if self.as_of is None else 1_000 * seconds(self.as_of),
            since=0 if self.since is None else 1_000 * seconds(self.since),
            until=None if self.until is None else 1_000 * seconds(self.until),
            view_through_s=0 if through is None else int(seconds_of(through, "--view-through")),
            served_as_seen=self.served_as_seen,
        )


@online.callback()
def group() -> None:
    """How good lists are on the live."""


@online.command()
@expanded
def report(
    data: Where,
    told: RuleOptions,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="surface (default), model, segment, rung, day, position, item, arm:EXPERIMENT; "
            "may be repeated."
        ),
    ] = None,
    n_items: Annotated[
        int | None, typer.Option(min=1, help="Size of the catalog, for coverage.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="All figures, as JSON.")] = False,
) -> None:
    """What the lists earned, and how often they were clicked, with 95 % intervals over people.

    Credit is for diagnosis: who buys after a click might have bought anyway.

    [bold]Examples[/bold]

      bowerbird online report bowerbird-data

      bowerbird online report bowerbird-data --since 2026-03-01 --by surface --by day

      bowerbird online report bowerbird-data --view-through 1h --json
    """
    rules = told.rules()
    found = figures(read_facts(data, rules.as_of), rules, by or ["surface"], n_items)
    if json:
        print_json(found)
    else:
        print_report(found)


@online.command()
@expanded
def rows(
    data: Where,
    told: RuleOptions,
    metric: Annotated[str, typer.Option(help="As the report calls it: ctr_list, …")],
    out_file: Annotated[Path, typer.Option("--out", help="The file to write: .parquet or .csv.")],
    where: Annotated[
        list[str] | None,
        typer.Option(help="The group: surface=home; «surface=» is none. May be repeated."),
    ] = None,
) -> None:
    """Write the exact rows behind a figure: their numerators and denominators add up to it.

    In a CSV file, text that a spreadsheet would run as a formula begins with an apostrophe.

    [bold]Example[/bold]

      bowerbird online rows bowerbird-data --metric ctr_list --where surface=home --out rows.csv
    """
    if out_file.suffix.lower() not in FORMATS:
        raise ConfigError(f"--out {out_file}: a file ending in {' or '.join(FORMATS)} expected")
    rules = told.rules()
    made = behind(read_facts(data, rules.as_of), rules, metric, _group(where or []))
    with whole(out_file) as partial:
        if out_file.suffix.lower() == ".csv":
            harmless(made).write_csv(partial)
        else:
            made.write_parquet(partial)
    top, bottom = (int(made[name].sum()) for name in ("numerator", "denominator"))
    out.print(f"{made.height:,} rows, numerator {top:,}, denominator {bottom:,}: {shown(out_file)}")


def read_facts(where: str, as_of: int) -> Frames:
    """All facts that had arrived by then: of a store, or of its Parquet files.

    Raises:
        DataError: there is neither.
    """
    with working("reading events"):
        folder = Path(where)
        if "://" in where or (folder / FILE).is_file():
            with closing(open_store(where)) as store:
                return store.facts.frames(until=as_of + 1)
        if not (folder / "served").is_dir():
            told = f"{where}: a store expected, or what «bowerbird store compact» writes"
            raise DataError(f"{told}, neither is there: name the --data of «bowerbird serve»")
        return read_parquet(folder)


def _group(told: list[str]) -> Mapping[str, str | None]:
    where: dict[str, str | None] = {}
    for pair in told:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--where: name=value expected, {pair!r} came")
        where[name] = value or None
    return where
