"""Numbers as people write them: 1234.5, 1,234.50, 1.234,50 €, 1 234,5, 1'234.50."""

import polars as pl

SNIFFED = 100_000
"""Rows by which it is told how a column writes its numbers."""
_AROUND = r"[\s\u00a0\u202f'’€$£¥]|EUR|USD|GBP|CHF"
_POINT = r"^[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$"
_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"


def decimal_comma(values: pl.Series) -> bool:
    """Are these written with a decimal comma? Where either could be meant, they are not.

    >>> decimal_comma(pl.Series(["1.234", "0,5"])), decimal_comma(pl.Series(["1.234", "1,234"]))
    (True, False)
    """
    text = values.cast(pl.String).drop_nulls().str.replace_all(_AROUND, "")
    point, comma = text.str.contains(_POINT), text.str.contains(_COMMA)
    return int((comma & ~point).sum()) > int((point & ~comma).sum())


def number(column: pl.Expr, comma: bool) -> pl.Expr:
    """Text as float64; null where it is no number.

    >>> frame = pl.DataFrame({"n": ["1.234,56 €", "7", "x"]})
    >>> frame.select(number(pl.col("n"), comma=True))["n"].to_list()
    [1234.56, 7.0, None]
    """
    text = column.cast(pl.String).str.replace_all(_AROUND, "")
    fits = text.str.contains(_COMMA if comma else _POINT)
    if comma:
        plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return pl.when(fits).then(plain).cast(pl.Float64, strict=False)
    plain = pl.when(fits).then(text.str.replace_all(",", "", literal=True)).otherwise(text)
    return plain.cast(pl.Float64, strict=False)
