"""Moments as people write them (ISO text, dates, epoch numbers of any unit) → microseconds."""

import numpy as np
import polars as pl

from bowerbird.errors import ConfigError

SECOND = 1_000_000
_TIMES = ("T%H:%M:%S%.f", " %H:%M:%S%.f", "T%H:%M", " %H:%M")
_FORMATS = ("%Y-%m-%d", *(f"%Y-%m-%d{time}" for time in _TIMES))
_ZONED = tuple(f"%Y-%m-%d{time}{zone}" for time in _TIMES for zone in ("%#z", " %#z"))
_NUMBER = ""
_SNIFFED = 100


def micros(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Microseconds since 1970-01-01 UTC (Int64); null where a value is no moment.

    A number is seconds below 10¹¹ (the year 5138), milliseconds below 10¹⁴, microseconds below
    10¹⁷, else nanoseconds. Text without a zone is UTC.

    >>> frame = pl.DataFrame({"t": ["1970-01-01 00:00:01", "1970-01-01T02:00:00+02:00", "7", "?"]})
    >>> frame.select(micros(pl.col("t"), pl.String()))["t"].to_list()
    [1000000, 0, 7000000, None]
    """
    if isinstance(dtype, pl.Date | pl.Datetime):
        return column.cast(pl.Datetime("us")).to_physical()
    if dtype.is_numeric():
        return _epoch(column, dtype)
    return column.cast(pl.String).map_batches(_read, return_dtype=pl.Int64, is_elementwise=True)


def seconds(told: str) -> int:
    """Seconds since 1970-01-01 UTC of one moment.

    Raises:
        ConfigError: it is none.

    >>> seconds("1970-01-02")
    86400
    """
    found = pl.DataFrame({"t": [told]}).select(micros(pl.col("t"), pl.String()))["t"][0]
    if found is None:
        raise ConfigError(f"a moment such as 2026-01-31T12:00 expected, {told!r} came")
    return int(found // SECOND)


def _read(column: pl.Series) -> pl.Series:
    """Format by format, the likeliest first, each on what those before it could not read."""
    text = column.str.strip_chars().str.strip_suffix("Z").str.strip_suffix(" UTC")
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
