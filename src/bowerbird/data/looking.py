"""A first look at a table that nobody has described: how it is written, what its columns may mean.

A guess, each with its reason; a person has the last word.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import polars as pl

from bowerbird.data.dialect import encoding_of, head_of, records, separator_of
from bowerbird.data.fields import recognised
from bowerbird.data.moments import SECOND, micros, month_first
from bowerbird.data.numbers import decimal_comma, number
from bowerbird.data.schema import ITEM_IDS, NAMES, TYPE_WEIGHTS, USER_IDS
from bowerbird.data.tables import first_line
from bowerbird.errors import DataError

Table = Literal["events", "items", "users"]
ROWS, SHOWN, EXAMPLES = 2_000, 8, 3
"""Rows that are looked at, rows and examples that are told."""
LONG = 80
"""Signs of a value that are told."""
STEMS: dict[str, tuple[str, ...]] = {
    "user": ("user", "customer", "client", "visitor", "buyer", "member", "account", "person",
             "session", "kund", "kaeufer", "käufer", "benutzer", "usuario", "utilisateur"),
    "item": ("item", "product", "produkt", "prod", "artik", "article", "sku", "isbn", "asin",
             "film", "movie", "track", "content"),
    "timestamp": ("time", "date", "datum", "zeit", "stamp", "when", "wann", "fecha", "created"),
    "type": ("event", "type", "typ", "action", "aktion", "ereignis", "vorgang", "behavior"),
    "value": ("price", "preis", "value", "wert", "amount", "betrag", "revenue", "umsatz", "total",
              "summe", "precio", "montant"),
    "rating": ("rating", "stars", "score", "bewertung", "sterne"),
}  # fmt: skip
"""How names of columns begin that are not among those which are recognised without a word."""
MOMENTS = range(315_532_800, 4_102_444_800)
"""Seconds of 1980 to 2100: a number is taken for a moment only if it is of these."""


@dataclass(slots=True)
class Guess:
    """What a column may be."""

    name: str
    role: str  # of NAMES, or id; empty: none was found
    kind: str  # of columns.KINDS
    reason: str
    examples: list[str]


@dataclass(slots=True)
class Look:
    """What the beginning of a table looks like."""

    format: str
    encoding: str | None
    separator: str | None
    columns: list[Guess]
    rows: list[list[str | None]]
    notes: list[str] = field(default_factory=list)


def look(path: Path, table: Table) -> Look:
    """The first rows of a file, and for each column a guess.

    Raises:
        DataError: it has no columns, or is not of its format.

    Cost: its first mebibyte; of a CSV one pass for the encoding.
    """
    suffix = path.suffix.lower()
    try:
        frame = _head(path)
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        told = f"{path.name}: a {suffix.removeprefix('.')} file expected, {first_line(error)}"
        raise DataError(f"{told}; export it again") from error
    if not frame.width or not frame.height:
        raise DataError(f"{path.name}: a header and at least one row expected, they are missing")
    text = suffix in (".csv", ".tsv")
    guesses = _events(frame) if table == "events" else _things(frame, table)
    return Look(
        format=suffix.removeprefix("."),
        encoding=encoding_of(path) if text else None,
        separator=separator_of(path) if text else None,
        columns=guesses,
        rows=[[_shown(value) for value in row] for row in frame.head(SHOWN).iter_rows()],
        notes=_notes(frame, guesses, table, text),
    )


def _head(path: Path) -> pl.DataFrame:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return pl.scan_parquet(path, glob=False).head(ROWS).collect()
    if suffix in (".jsonl", ".ndjson"):
        lines = [json.loads(line) for line in head_of(path).splitlines()[:ROWS] if line.strip()]
        return pl.DataFrame(lines, infer_schema_length=None, strict=False)
    rows = list(islice(records(head_of(path), separator_of(path)), ROWS + 1))
    if not rows:
        raise DataError(f"{path.name}: a header and at least one row expected, the file is empty")
    names = [name or f"column {place}" for place, name in enumerate(rows[0], 1)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"{path.name}: names that differ expected in its header, {twice!r} is twice"
        )
    whole = [row for row in rows[1:] if len(row) == len(names)]
    values = {n: [row[place] or None for row in whole] for place, n in enumerate(names)}
    return pl.DataFrame(values, schema=dict.fromkeys(names, pl.String))


def _events(frame: pl.DataFrame) -> list[Guess]:
    taken: dict[str, tuple[str, str]] = {}  # column → role, reason
    for way in (_by_name, _by_stem, _by_values):
        for role in NAMES:
            if role not in [found for found, _ in taken.values()]:
                left = [name for name in frame.columns if name not in taken]
                found = way(frame, role, left)
                if found is not None:
                    taken[found[0]] = (role, found[1])
    none = ("", "nothing tells what it is")
    return [_guess(frame[name], *taken.get(name, none)) for name in frame.columns]


def _things(frame: pl.DataFrame, table: Table) -> list[Guess]:
    ids = ITEM_IDS if table == "items" else USER_IDS
    lowered = {name.lower(): name for name in frame.columns}
    id = next((lowered[one] for one in ids if one in lowered), None)
    reason = "a usual name of it"
    if id is None:
        whole = [n for n in frame.columns if _unique(frame[n])]
        named = [n for n in whole if _begins(n, STEMS[table.removesuffix("s")])]
        id = next(iter(named or whole), None)
        reason = "every row has one of its own"
    told = "as its values are"
    return [
        _guess(frame[n], "id" if n == id else "", reason if n == id else told)
        for n in frame.columns
    ]


def _guess(series: pl.Series, role: str, reason: str) -> Guess:
    few = series.drop_nulls().unique(maintain_order=True).head(EXAMPLES)
    kind = "time" if _moments(series) else recognised(series)
    if series.dtype == pl.String and decimal_comma(series) and kind == "number":
        reason += "; numbers with a decimal comma"
    return Guess(series.name, role, kind, reason, [_shown(value) or "" for value in few])


def _by_name(frame: pl.DataFrame, role: str, names: Sequence[str]) -> tuple[str, str] | None:
    lowered = {name.lower(): name for name in names}
    found = next((lowered[one] for one in NAMES[role] if one in lowered), None)
    return None if found is None else (found, "a usual name of it")


def _by_stem(frame: pl.DataFrame, role: str, names: Sequence[str]) -> tuple[str, str] | None:
    for stem in STEMS.get(role, ()):
        for name in names:
            if _begins(name, (stem,)) and _may_be(frame[name], role):
                return name, "its name says so"
    return None


def _may_be(series: pl.Series, role: str) -> bool:
    """A name alone is not believed where values can tell."""
    if role == "timestamp":
        return _moments(series)
    return role not in ("value", "rating") or _numbers(series)


def _by_values(frame: pl.DataFrame, role: str, names: Sequence[str]) -> tuple[str, str] | None:
    for name in names:
        series = frame[name]
        if role == "timestamp" and _moments(series):
            return name, "its values are moments"
        words = set(series.drop_nulls().cast(pl.String).str.to_lowercase().head(ROWS))
        if role == "type" and series.dtype == pl.String and words & set(TYPE_WEIGHTS):
            return name, "its values are names of events"
    return None


def _begins(name: str, stems: Sequence[str]) -> bool:
    parts = re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    return any(part.startswith(stem) for part in parts for stem in stems)


def _moments(series: pl.Series) -> bool:
    """Are (nearly) all of them moments of our time?"""
    if isinstance(series.dtype, pl.Date | pl.Datetime):
        return True
    values = series.drop_nulls()
    if not (values.len() and (series.dtype == pl.String or series.dtype.is_integer())):
        return False
    frame = values.to_frame("t")
    first = series.dtype == pl.String and frame.select(month_first(pl.col("t"))).item()
    read = frame.select(micros(pl.col("t"), series.dtype, first))["t"] // SECOND
    return int(read.is_between(MOMENTS.start, MOMENTS.stop).sum()) >= 0.9 * values.len()


def _numbers(series: pl.Series) -> bool:
    if series.dtype != pl.String:
        return series.dtype.is_numeric()
    values = series.drop_nulls()
    read = values.to_frame("n").select(number(pl.col("n"), decimal_comma(values)))["n"]
    return int(read.is_not_null().sum()) >= 0.9 * values.len()


def _unique(series: pl.Series) -> bool:
    plain = series.dtype == pl.String or series.dtype.is_integer()
    return plain and series.null_count() == 0 and series.n_unique() == series.len()


def _notes(frame: pl.DataFrame, guesses: list[Guess], table: Table, text: bool) -> list[str]:
    notes = []
    names = pl.Series("n", frame.columns)
    if text and (_numbers(names.head(1)) or any(_moments(names.slice(n, 1)) for n in range(9))):
        notes.append("The first line looks like a row: put a line with the names above it.")
    roles = {guess.role for guess in guesses}
    if table == "events" and not {"user", "item"} <= roles:
        if any(_unique(frame[name]) for name in frame.columns) and "timestamp" not in roles:
            notes.append("This looks like a table of things, not of what people did.")
        notes.append("Say which column names the user and which the item.")
    return notes


def _shown(value: Any) -> str | None:  # noqa: ANN401  whatever a table holds
    if value is None:
        return None
    told = str(value)
    return told if len(told) <= LONG else told[: LONG - 1] + "…"
