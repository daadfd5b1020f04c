"""One lazy frame of clean event columns, and for each broken row the reason why it is broken."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from bowerbird.data.moments import SECOND, micros, month_first, slashed
from bowerbird.data.numbers import SNIFFED, decimal_comma, number
from bowerbird.data.quarantine import AN_ITEM_OF
from bowerbird.data.schema import NAMES, EventSchema
from bowerbird.data.tables import unreadable
from bowerbird.errors import DataError

DAY = 86_400
MAX_WEIGHT = 1e30
"""Beyond it, sums of weights no longer fit into float32."""
_OURS = "bowerbird."
"""Before the names of our own columns while the shop's, which may be called anything, are there."""
_NOTHING = ("", "nan", "null", "none", "na", "n/a")


@dataclass(frozen=True, slots=True)
class Context:
    """What the rows are judged by."""

    schema: EventSchema
    where: str
    untyped: bool  # the source knows text only
    items_where: str
    known_items: tuple[str, ...] | None  # None: any item will do
    now: int | None
    commas: Mapping[str, bool] = field(default_factory=dict)  # columns of numbers that are text
    month_first: bool = False  # in dates with slashes

    def kind(self, rows: pl.LazyFrame, name: str) -> str:
        """The type that ids of this column are written back in; "?": text that may be numbers."""
        dtype = rows.collect_schema()[str(getattr(self.schema, name))]
        return "?" if self.untyped else id_kind(dtype)


def event_rows(rows: pl.LazyFrame, context: Context) -> pl.LazyFrame:
    """Columns row (from 1), user, item, [time, order, type, weight, value, context.*], reason.

    Raises:
        DataError: a column has a type that cannot mean what it should.
    """
    schema, types = context.schema, rows.collect_schema()
    _refuse_nested(context, types)
    context = _as_written(rows, context)
    values = _values(context, types)
    reason = pl.coalesce(*(_reason(name, context) for name in values))
    return (
        rows.with_columns(**{f"{_OURS}{name}": value for name, value in values.items()})
        .with_row_index(f"{_OURS}row", offset=1)
        .select(
            pl.col(f"{_OURS}row").alias("row"),
            *(pl.col(f"{_OURS}{name}").alias(name) for name in values),
            *(
                pl.col(column).cast(pl.String).alias(f"context.{column}")
                for column in schema.context
            ),
            reason.alias("reason"),
        )
    )


def id_kind(dtype: pl.DataType) -> str:
    """The name of the type that ids are written back in."""
    return str(dtype) if dtype.is_numeric() else "String"


def id_text(column: pl.Expr, dtype: pl.DataType, where: str, name: str) -> pl.Expr:
    """Ids as text; null where there is none."""
    if dtype.is_integer():
        return column.cast(pl.String)
    if dtype.is_float():  # how a table with gaps writes integers
        whole = column.is_finite() & (column == column.floor())
        number = pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String))
        return number.otherwise(pl.when(column.is_finite()).then(column.cast(pl.String)))
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        text = column.cast(pl.String).str.strip_chars()
        return pl.when(~text.str.to_lowercase().is_in(_NOTHING)).then(text)
    came = f"{where}: column {name!r}: ids of text or whole numbers expected, {dtype} came"
    raise DataError(f"{came}; convert the column or name another")


def _as_written(rows: pl.LazyFrame, context: Context) -> Context:
    """With how numbers and dates are written where they are text."""
    schema, types = context.schema, rows.collect_schema()
    names = (schema.timestamp, schema.value, schema.weight, schema.rating)
    told = dict.fromkeys(name for name in names if name and types[name] == pl.String)
    if not told:
        return context
    try:
        head = rows.select(*told).head(SNIFFED).collect()
        dates = schema.timestamp if schema.timestamp in told else None
        first = dates is not None and slashed(head[dates])
        if first and dates is not None:  # one day beyond the 12th tells, wherever it stands
            asked = rows.select(month_first(pl.col(dates)))
            first = bool(asked.collect(engine="streaming").item())
    except pl.exceptions.PolarsError as error:
        raise unreadable(Path(context.where), error) from error
    commas = {name: decimal_comma(head[name]) for name in told if name != dates}
    return replace(context, commas=commas, month_first=first)


def _refuse_nested(context: Context, types: Mapping[str, pl.DataType]) -> None:
    for name in (*NAMES, "context"):
        given = getattr(context.schema, name)
        for column in given if isinstance(given, tuple) else (given,):
            if column is not None and types[column].is_nested():
                came = f"one value a row expected ({name}), {types[column]} came"
                raise DataError(f"{context.where}: column {column!r}: {came}; name another column")


def _values(context: Context, types: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
    """A clean expression for each column there is; null where a value cannot be read."""
    schema = context.schema
    values = {
        name: id_text(pl.col(column), types[column], context.where, column)
        for name, column in (("user", schema.user or ""), ("item", schema.item or ""))
    }
    if schema.timestamp:
        values["time"] = micros(
            pl.col(schema.timestamp), types[schema.timestamp], context.month_first
        )
    if schema.order:
        values["order"] = _whole(pl.col(schema.order), types[schema.order])
    if schema.type:
        text = pl.col(schema.type).cast(pl.String).str.strip_chars()
        values["type"] = pl.when(~text.str.to_lowercase().is_in(_NOTHING)).then(text)
    weight = _weight(context)
    if weight is not None:
        values["weight"] = weight
    if schema.value:
        values["value"] = _number(schema.value, context).cast(pl.Float32, strict=False)
    return values


def _number(column: str, context: Context) -> pl.Expr:
    if column in context.commas:
        return number(pl.col(column), context.commas[column]).fill_nan(None)
    return pl.col(column).cast(pl.Float64, strict=False).fill_nan(None)


def _whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whole numbers, exact, also as a table with gaps writes them (1.0); null for a fraction."""
    text = dtype in (pl.String, pl.Categorical, pl.Enum)
    if not (text or dtype.is_float() or dtype.is_decimal()):
        return column.cast(pl.Int64, strict=False)
    column = column.cast(pl.String).str.strip_chars() if text else column
    number = column.cast(pl.Float64, strict=False)
    whole = pl.when(number.is_finite() & (number == number.floor()))
    read = whole.then(number.cast(pl.Int64, strict=False))
    return pl.coalesce(column.cast(pl.Int64, strict=False), read) if text else read


def _weight(context: Context) -> pl.Expr | None:
    """Type weight · given weight · (1 if liked, 0 if rated below the threshold)."""
    schema, factors = context.schema, []
    if schema.type:
        kind = pl.col(schema.type).cast(pl.String).str.strip_chars().str.to_lowercase()
        lowered = {name.lower(): weight for name, weight in schema.type_weights.items()}
        factors.append(kind.replace_strict(lowered, default=1.0, return_dtype=pl.Float64))
    if schema.weight:
        factors.append(_number(schema.weight, context))
    if schema.rating and schema.threshold is not None:
        liked = _number(schema.rating, context) >= schema.threshold
        factors.append(liked.cast(pl.Float64))
    if not factors:
        return None
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product.cast(pl.Float32, strict=False)


def _reason(name: str, context: Context) -> pl.Expr:
    """Why this value breaks its row; null where it does not."""
    schema, value = context.schema, pl.col(f"{_OURS}{name}")
    column = str(schema.timestamp if name == "time" else getattr(schema, name))
    if name in ("user", "item"):
        reason = _told(column, "an id expected", value.is_null())
        if name == "item" and context.known_items is not None:
            known = pl.Series(context.known_items, dtype=pl.String)
            expected = f"{AN_ITEM_OF} {context.items_where} expected"
            return pl.coalesce(reason, _told(column, expected, ~value.is_in(known.implode())))
        return reason
    if name == "time":
        reason = _told(column, "a moment expected (ISO text or epoch number)", value.is_null())
        if context.now is None:
            return reason
        late = value > (context.now + DAY) * SECOND
        return pl.coalesce(reason, _told(column, "a moment in the past expected", late))
    if name == "weight":
        return _weight_reason(context)
    if name == "value":  # most events have none, which is no fault
        came = pl.col(column).cast(pl.String).str.strip_chars().str.to_lowercase()
        number = value.is_not_null() & value.is_finite()
        return _told(column, "a number expected", ~number & ~came.is_in(_NOTHING))
    expected = "a whole number expected" if name == "order" else "an event type expected"
    return _told(column, expected, value.is_null())


def _weight_reason(context: Context) -> pl.Expr:
    schema, reasons = context.schema, []
    if schema.weight:
        number = _number(schema.weight, context)
        bad = number.is_null() | (number < 0) | (number > MAX_WEIGHT)
        reasons.append(_told(schema.weight, "a weight of 0 or more expected", bad))
    if schema.rating and schema.threshold is not None:
        missing = _number(schema.rating, context).is_null()
        reasons.append(_told(schema.rating, "a rating expected", missing))
    return pl.coalesce(*reasons, pl.lit(None, pl.String))


def _told(column: str, expected: str, broken: pl.Expr) -> pl.Expr:
    came = pl.col(column).cast(pl.String)
    came = pl.when(came.str.strip_chars() == "").then(None).otherwise(came).fill_null("nothing")
    text = pl.format("column {}: {}, {} came", pl.lit(column), pl.lit(expected), came)
    return pl.when(broken).then(text)
