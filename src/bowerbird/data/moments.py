"""Moments as people write them (ISO text, dates of any country, epoch numbers) → microseconds."""

from functools import partial

import numpy as np
import polars as pl

from bowerbird.errors import ConfigError

SECOND = 1_000_000
_TIMES = ("T%H:%M:%S%.f", " %H:%M:%S%.f", "T%H:%M", " %H:%M")
_HALVES = (" %I:%M:%S %p", " %I:%M %p")
_FORMATS = ("%Y-%m-%d", *(f"%Y-%m-%d{time}" for time in (*_TIMES, *_HALVES)))
_ZONED = tuple(f"%Y-%m-%d{time}{zone}" for time in _TIMES for zone in ("%#z", " %#z"))
_NUMBER = ""
_SNIFFED = 100
_DATE = r"^(\d{1,2})([./-])(\d{1,2})[./-]"
_REST = r"(?:,? +(.*?)(?: Uhr)?)?$"


def micros(column: pl.Expr, dtype: pl.DataType, month_first: bool = False) -> pl.Expr:
    """Microseconds since 1970-01-01 UTC (Int64); null where a value is no moment.

    A number is seconds below 10¹¹ (the year 5138), milliseconds below 10¹⁴, microseconds below
    10¹⁷, else nanoseconds. Text without a zone is UTC. 31.12.2025 and 31/12/2025 are dates, too;
    with `month_first` 12/31/2025 is.

    >>> frame = pl.DataFrame({"t": ["1970-01-01 00:00:01", "1970-01-01T02:00:00+02:00", "7", "?"]})
    >>> frame.select(micros(pl.col("t"), pl.String()))["t"].to_list()
    [1000000, 0, 7000000, None]
    """
    if isinstance(dtype, pl.Date | pl.Datetime):
        return column.cast(pl.Datetime("us")).to_physical()
    if dtype.is_numeric():
        return _epoch(column, dtype)
    read = partial(_read, month_first=month_first)
    return column.cast(pl.String).map_batches(read, return_dtype=pl.Int64, is_elementwise=True)


def slashed(texts: pl.Series) -> bool:
    """Are some of these dates of which only all of them tell whether the month comes first?"""
    return bool(texts.str.contains(r"^\s*\d{1,2}[/-]\d{1,2}[/-]").any())


def month_first(texts: pl.Expr) -> pl.Expr:
    """Is the month first in dates such as 12/31/2025? Only where no day can be, and a month can.

    >>> frame = pl.DataFrame({"t": ["03/04/2025", "12/31/2025"]})
    >>> frame.select(month_first(pl.col("t"))).item()
    True
    """
    parts = texts.str.strip_chars().str.extract_groups(r"^(\d{1,2})[/-](\d{1,2})[/-]")
    first, second = (parts.struct.field(name).cast(pl.Int32).max() for name in ("1", "2"))
    return ((first <= 12) & (second > 12)).fill_null(False)


def seconds(told: str) -> int:
    """Seconds since 1970-01-01 UTC of one moment.

    Raises:
        ConfigError: it is none.

    >>> seconds("1970-01-02")
    86400
    """
    found = _in_formats(_bare(pl.Series([told])))[0]  # 03/04 would be a guess
    if found is None:
        raise ConfigError(f"a moment such as 2026-01-31T12:00 expected, {told!r} came")
    return int(found // SECOND)


def _read(column: pl.Series, month_first: bool) -> pl.Series:
    text = _bare(column)
    found = _in_formats(text)
    left = found.is_null() & text.is_not_null()
    if left.any():
        found = found.scatter(left.arg_true(), _in_formats(_iso(text.filter(left), month_first)))
    return found


def _bare(text: pl.Series) -> pl.Series:
    return text.str.strip_chars().str.strip_suffix("Z").str.strip_suffix(" UTC")


def _iso(text: pl.Series, month_first: bool) -> pl.Series:
    """Dates of other countries as ISO has them; a year of two digits is of this century."""
    for year, century in ((r"(\d{4})", ""), (r"(\d{2})", "20")):
        dotted = text.str.contains(r"^\d{1,2}\.")
        day, month = ("${3}", "${1}") if month_first else ("${1}", "${3}")
        iso = text.str.replace(f"{_DATE}{year}{_REST}", f"{century}${{4}}-{month}-{day} ${{5}}")
        ours = text.str.replace(f"{_DATE}{year}{_REST}", f"{century}${{4}}-${{3}}-${{1}} ${{5}}")
        text = iso.zip_with(~dotted, ours).str.strip_chars_end()
    return text


def _in_formats(text: pl.Series) -> pl.Series:
    """Format by format, the likeliest first, each on what those before it could not read."""
    few = text.drop_nulls().head(_SNIFFED)
    formats = sorted(
        (_NUMBER, *_FORMATS, *_ZONED), key=lambda format: _in_format(few, format).null_count()
    )
    found = _in_format(text, formats[0])
    for format in formats[1:]:
        left = found.is_null() & text.is_not_null()
        if not left.any():
            break
        found = found.scatter(left.arg_true(), _in_format(text.filter(left), format))
    return found


def _in_format(text: pl.Series, format: str) -> pl.Series:
    if format == _NUMBER:
        number = text.cast(pl.Float64, strict=False).to_frame("t")
        return number.select(_epoch(pl.col("t"), pl.Float64()))["t"].alias(text.name)
    return text.str.to_datetime(format, strict=False, time_unit="us").to_physical()


def _epoch(number: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whole numbers stay whole: a float64 of nanoseconds would lose the last digits."""
    if dtype.is_float():
        number = pl.when(number.is_finite()).then(number)
        wide = number.cast(pl.Float64)
        small = (wide * SECOND).round().cast(pl.Int64, strict=False)
    else:
        wide = number.cast(pl.Int64, strict=False)
        small = wide * SECOND
    whole = wide.cast(pl.Int64, strict=False)
    size = wide.abs()
    return (
        pl.when(size < 10**11)
        .then(small)
        .when(size < 10**14)
        .then(whole * 1000)
        .when(size < 10**17)
        .then(whole)
        .otherwise(whole // 1000)
    )


def moment_text(seconds: int) -> str:
    """A moment (seconds since 1970 UTC) as people read it.

    >>> moment_text(86_400)
    '1970-01-02T00:00:00Z'
    """
    return f"{np.datetime64(seconds, 's')}Z"
