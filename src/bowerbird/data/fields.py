"""Table columns ↔ typed columns of the catalog: kinds recognised, values read and written back."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from bowerbird.data.columns import KINDS, NO_TIME, Column
from bowerbird.data.dataset import AVAILABLE_FROM, AVAILABLE_UNTIL
from bowerbird.data.moments import SECOND, micros, month_first
from bowerbird.data.numbers import decimal_comma, number
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError

LIST_SEPARATOR = "|"
PATH_SEPARATOR = " > "
"""Between a category and the narrower one inside it: a path is the list of its categories."""
MAX_CATEGORY_WORDS = 4.0
"""Longer on average than this, and values are prose rather than names of categories."""
MAX_CATEGORY_SHARE = 0.5
"""More distinct values per row than this, and prose it is, if it has spaces."""


def read_fields(frame: pl.DataFrame, kinds: Mapping[str, str], where: str) -> dict[str, Column]:
    """A typed column for each column of the frame; kinds not given are recognised.

    Raises:
        ConfigError: a kind is not one of columns.KINDS.
        DataError: a value does not fit its kind.
    """
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise ConfigError(
                f"{where}: column {name!r}: unknown kind {kind!r}; {', '.join(KINDS)}"
            )
    return {
        series.name: read_field(series, kinds.get(series.name), where)
        for series in frame.get_columns()
    }


def recognised(series: pl.Series) -> str:
    """The kind that fits the values of a column best.

    >>> recognised(pl.Series("genres", ["Drama|War", "Comedy|Drama", "War"]))
    'list'
    """
    if series.name in (AVAILABLE_FROM, AVAILABLE_UNTIL):
        return "time"
    dtype = series.dtype
    if isinstance(dtype, pl.Array):
        return "vector"
    if isinstance(dtype, pl.List):  # whole numbers are ids of categories
        return "vector" if dtype.inner.is_float() else "list"
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "time"
    if dtype.is_numeric():
        return "number"
    return _recognised_text(series.cast(pl.String))


def _recognised_text(series: pl.Series) -> str:
    values = series.drop_nulls()
    if len(values) == 0:
        return "category"
    if values.str.starts_with("http").mean() == 1:
        return "url"
    for separator in (LIST_SEPARATOR, PATH_SEPARATOR):
        if values.str.contains(separator, literal=True).mean() > 0.2:  # type: ignore[operator]  # of text, so a number
            return "list"
    if _numbers(values).null_count() == 0:
        return "number"
    words = values.str.count_matches(r"\S+").mean()
    distinct = values.n_unique() / len(values)
    prose = words > MAX_CATEGORY_WORDS or (distinct > MAX_CATEGORY_SHARE and words > 1.5)  # type: ignore[operator]  # same
    return "text" if prose else "category"


def read_field(series: pl.Series, kind: str | None, where: str) -> Column:
    """The typed column of a table's column; its kind is recognised if none is given."""
    try:
        kind = kind or recognised(series)
        return _READERS[kind](series)
    except (pl.exceptions.PolarsError, ValueError) as error:
        reason = str(error).splitlines()[0]
        what = f"{where}: column {series.name!r}: values of kind {kind or 'text'} expected"
        remedy = f"repair them, or give another kind: --kind {series.name}=KIND"
        raise DataError(f"{what}; {reason}; {remedy}") from error


def _text(series: pl.Series) -> Column:
    if isinstance(series.dtype, pl.List | pl.Array):
        series = series.cast(pl.List(pl.String)).list.join(", ")
    values = np.array(series.cast(pl.String).fill_null("").to_list(), dtype=object)
    return Column("text", values)


def _url(series: pl.Series) -> Column:
    return Column("url", _text(series).values)


def _category(series: pl.Series) -> Column:
    return Column.category(series.cast(pl.String).to_list())


def _list(series: pl.Series) -> Column:
    if not isinstance(series.dtype, pl.List | pl.Array):
        text = series.cast(pl.String).fill_null("")
        series = text.str.replace_all(PATH_SEPARATOR, LIST_SEPARATOR, literal=True)
        series = series.str.split(LIST_SEPARATOR)
    rows = series.cast(pl.List(pl.String)).to_list()
    return Column.lists([[v.strip() for v in row or [] if v and v.strip()] for row in rows])


def _number(series: pl.Series) -> Column:
    numbers = _numbers(series)
    bad = numbers.is_null() & series.is_not_null()
    if bad.any():
        row = int(bad.arg_max() or 0) + 1
        raise ValueError(f"{series.filter(bad)[0]!r} is no number, in row {row}")
    return Column("number", numbers.fill_null(np.nan).to_numpy().copy())


def _numbers(series: pl.Series) -> pl.Series:
    """Null where one is none."""
    if series.dtype != pl.String:
        return series.cast(pl.Float64)
    read = number(pl.col("n"), decimal_comma(series))
    return series.to_frame("n").select(read)["n"]


def _time(series: pl.Series) -> Column:
    texts = series.to_frame("t")
    first = series.dtype == pl.String and texts.select(month_first(pl.col("t"))).item()
    read = micros(pl.col("t"), series.dtype, first)
    frame = texts.select(read.alias("t"))
    bad = frame["t"].is_null() & series.is_not_null()
    if bad.any():
        row = int(bad.arg_max() or 0) + 1
        raise ValueError(f"{series.filter(bad)[0]!r} is no time, in row {row}")
    return Column("time", (frame["t"] // SECOND).fill_null(NO_TIME).to_numpy().copy())


def _vector(series: pl.Series) -> Column:
    if not isinstance(series.dtype, pl.List | pl.Array):
        raise ValueError(f"lists of numbers expected, {series.dtype} came")
    rows = series.cast(pl.List(pl.Float32))
    lengths = rows.list.len().drop_nulls().unique().sort().to_list()
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"vectors of one length expected, lengths {lengths[:5]} came")
    values = np.full((len(rows), lengths[0]), np.nan, dtype=np.float32)
    numbers = rows.drop_nulls().explode().cast(pl.Float32).fill_null(np.nan).to_numpy()
    values[rows.is_not_null().to_numpy()] = numbers.reshape(-1, lengths[0])
    return Column("vector", values)


_READERS = {
    "text": _text,
    "url": _url,
    "category": _category,
    "list": _list,
    "number": _number,
    "time": _time,
    "vector": _vector,
}


def write_fields(ids: Vocabulary, fields: Mapping[str, Column], id: str) -> pl.DataFrame:
    """A table of ids as they came and fields in readable form: what `read_fields` reads."""
    columns = {name: _plain(column) for name, column in fields.items() if name != id}
    return pl.DataFrame({id: ids_as_they_came(ids), **columns})


def ids_as_they_came(ids: Vocabulary) -> pl.Series:
    """The ids in the type of the column they were read from."""
    return pl.Series(list(ids.ids), dtype=pl.String).cast(getattr(pl, ids.kind))


def written_as(kind: str, ids: Sequence[str]) -> bool:
    """Can these ids be written back in this type?

    >>> written_as("Int64", ["7", "guest"])
    False
    """
    if kind == "String":
        return True
    text = pl.Series(list(ids), dtype=pl.String)
    cast = text.cast(getattr(pl, kind), strict=False)
    if cast.dtype.is_integer():  # "007" would come back as 7
        return bool((cast.cast(pl.String) == text).fill_null(False).all())
    return cast.null_count() == 0


def _plain(column: Column) -> pl.Series:
    if column.kind == "list" and column.offsets is not None:
        ends = zip(column.offsets[:-1], column.offsets[1:], strict=True)
        rows = [[column.labels[c] for c in column.values[a:b]] for a, b in ends]
        return pl.Series(rows, dtype=pl.List(pl.String))
    if column.kind == "vector":
        return pl.Series(column.values, dtype=pl.Array(pl.Float32, column.values.shape[1]))
    if column.kind == "number":
        return pl.Series(column.values)
    if column.kind == "time":
        times = pl.Series([None if t == NO_TIME else int(t) for t in column.values], dtype=pl.Int64)
        return pl.from_epoch(times, time_unit="s")
    return pl.Series([word or None for word in column.words()], dtype=pl.String)
