"""Moments as people write them (ISO text, dates, epoch numbers of any unit) → microseconds."""

import polars as pl

from bowerbird.errors import ConfigError

SECOND = 1_000_000
_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z")


def micros(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Microseconds since 1970-01-01 UTC (Int64); null where a value is no moment.

    A number is seconds below 10¹¹ (the year 5138), milliseconds below 10¹⁴, microseconds below
    10¹⁷, else nanoseconds. Text without a zone is UTC.

    >>> frame = pl.DataFrame({"t": ["1970-01-01 00:00:01", "1970-01-01T02:00:00+02:00", "7", "?"]})
    >>> frame.select(micros(pl.col("t"), pl.String()))["t"].to_list()
    [1000000, 0, 7000000, None]
    """
    if dtype.is_temporal():
        return column.cast(pl.Datetime("us")).to_physical()
    if dtype.is_numeric():
        return _epoch(column, dtype)
    text = column.cast(pl.String).str.strip_chars()
    naive = [text.str.to_datetime(f, strict=False, time_unit="us").to_physical() for f in _FORMATS]
    zoned = [text.str.to_datetime(f, strict=False, time_unit="us").to_physical() for f in _ZONED]
    number = _epoch(text.cast(pl.Float64, strict=False), pl.Float64())
    return pl.coalesce(*naive, *zoned, number)


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
