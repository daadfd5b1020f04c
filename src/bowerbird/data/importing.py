"""A shop's tables → a Dataset, a batch at a time; what is broken is set aside with its reason.

The only way in: files, SQL queries and known data sets all pass here.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.events_frame import Context, event_rows, id_text
from bowerbird.data.fields import read_fields, written_as
from bowerbird.data.moments import SECOND
from bowerbird.data.quarantine import AN_ITEM_OF, Quarantine
from bowerbird.data.schema import ITEM_IDS, USER_IDS, EventSchema, TableSchema
from bowerbird.data.tables import Source, mixed_ids, opened, unreadable, untyped
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError

BATCH_ROWS = 500_000
"""Rows held as text at a time: about 100 MB; the arrays they become take 30 bytes a row."""
MAX_TYPES = 32_767
"""Codes of event types are int16."""
_KEPT_AS = {"item": "item_", "user": "user_"}  # in a run these name the column of ids
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")  # what fits into 64 bits and looks the same again


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where the tables are, what their columns mean, and how strict to be."""

    events: Source
    items: Source | None = None
    users: Source | None = None
    event_schema: EventSchema = EventSchema()  # noqa: RUF009  frozen, so sharing it is safe
    item_schema: TableSchema = TableSchema()  # noqa: RUF009  as above
    user_schema: TableSchema = TableSchema()  # noqa: RUF009  as above
    unknown_items: str = "error"  # or "keep": events of items that the item table lacks
    max_broken: float = 0.0  # share of broken rows to go on without
    quarantine: Path | None = None  # where broken rows are written
    now: int | None = None  # seconds; events more than a day later are broken


@dataclass(frozen=True, slots=True)
class Imported:
    """What came in, and what a person should know about it."""

    data: Dataset
    quarantine: Quarantine
    notes: tuple[str, ...] = ()


def import_dataset(inputs: Inputs, progress: Callable[[int], None] | None = None) -> Imported:
    """Read all tables of `inputs`; `progress` is told how many events have been read.

    Raises:
        DataError: a table cannot be read, lacks a column, or has more broken rows than allowed.
        ConfigError: a database or an option is wrong.

    Cost: one pass, about 60 bytes an event at the peak beside one batch.
    """
    quarantine = Quarantine()
    named = inputs.event_schema  # tables of one shop call an id the same
    item_ids, user_ids = (
        (named.item or ITEM_IDS[0], *ITEM_IDS),
        (named.user or USER_IDS[0], *USER_IDS),
    )
    items = _read_table(inputs.items, inputs.item_schema, item_ids, quarantine)
    users = _read_table(inputs.users, inputs.user_schema, user_ids, quarantine)
    with ExitStack() as stack:
        rows = stack.enter_context(opened(inputs.events))
        names = rows.collect_schema().names()
        schema = inputs.event_schema.resolved(names, str(inputs.events))
        _refuse_mixed_ids(inputs.events, schema)
        known = items.ids if items is not None and inputs.unknown_items == "error" else None
        where = (str(inputs.events), untyped(inputs.events), str(inputs.items))
        context = Context(schema, *where, known, inputs.now)
        columns = _read_events(rows, context, quarantine, progress)
        if not columns.items.names:
            _refuse_strangers(rows, context, quarantine)
    if inputs.quarantine is not None:
        quarantine.write(inputs.quarantine)
    quarantine.enforce(inputs.max_broken, inputs.quarantine)
    if not columns.items.names:
        broken = f"; {quarantine.told(inputs.quarantine)}" if len(quarantine) else ""
        came = f"{'no whole one' if broken else 'none'} came{broken}"
        raise DataError(f"{inputs.events}: at least one event expected, {came}")
    data = _assemble(columns, items, users, schema)
    return Imported(data, quarantine, tuple(_notes(data, schema, names, quarantine)))


class _Ids:
    """Text → codes, the same for every batch: Polars' own dictionary, kept between batches."""

    def __init__(self) -> None:
        self.dtype = pl.Categorical(pl.Categories.random())
        self.names: dict[int, str] = {}
        self._met = np.zeros(1, dtype=bool)  # by code; growing
        self._alive: pl.Series | None = None  # the dictionary lives as long as a column uses it

    def codes(self, series: pl.Series) -> ndarray:
        """int32 codes; -1 where there is none."""
        self._alive = coded = series.cast(self.dtype)
        unique = coded.unique().drop_nulls()
        found = unique.to_physical().to_numpy()
        room = int(found.max(initial=0)) + 1
        if room > len(self._met):
            self._met = np.pad(self._met, (0, 2 * room - len(self._met)))
        fresh = unique.filter(pl.Series(~self._met[found]))
        self._met[found] = True
        told = zip(fresh.to_physical().to_list(), fresh.cast(pl.String).to_list(), strict=True)
        self.names.update(told)
        codes: ndarray = coded.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
        return codes

    def vocabulary(self, kind: str, more: tuple[str, ...] = ()) -> tuple[Vocabulary, ndarray]:
        """The ids in their natural order, and the row of each code."""
        ids = sorted_ids({*self.names.values(), *more}, kind)
        vocabulary = Vocabulary(tuple(ids), kind)
        rows = np.full(max(self.names, default=-1) + 2, -1, dtype=np.int32)
        codes = np.fromiter(self.names.keys(), dtype=np.int64, count=len(self.names))
        rows[codes] = vocabulary.rows(list(self.names.values()))
        return vocabulary, rows  # the last entry answers code -1


@dataclass(slots=True)
class _Columns:
    """The arrays of all batches so far."""

    users: _Ids = field(default_factory=_Ids)
    items: _Ids = field(default_factory=_Ids)
    types: _Ids = field(default_factory=_Ids)
    context: dict[str, _Ids] = field(default_factory=dict)
    parts: dict[str, list[ndarray]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def add(self, batch: pl.DataFrame) -> None:
        for name in batch.columns:
            series = batch[name]
            if name in ("user", "item"):
                array = (self.users if name == "user" else self.items).codes(series)
            elif name == "type":
                array = self.types.codes(series).astype(np.int16)
                if len(self.types.names) > MAX_TYPES:
                    few = ", ".join(sorted(self.types.names.values())[:3])
                    raise DataError(
                        f"at most {MAX_TYPES:,} event types expected, more came: {few}, …"
                    )
            elif name.startswith("context."):
                array = self.context.setdefault(name, _Ids()).codes(series)
            else:
                array = series.to_numpy()
            self.parts.setdefault(name, []).append(array)

    def pop(self, name: str) -> ndarray | None:
        parts = self.parts.pop(name, None)
        return None if parts is None else np.concatenate(parts)


def _read_events(
    rows: pl.LazyFrame,
    context: Context,
    quarantine: Quarantine,
    progress: Callable[[int], None] | None,
) -> "_Columns":
    columns, done = _Columns(), 0
    frame = event_rows(rows, context)
    columns.kinds = {name: context.kind(rows, name) for name in ("user", "item")}
    try:
        for batch in frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            good = batch.filter(pl.col("reason").is_null())
            if good.height < batch.height:
                broken = batch.filter(pl.col("reason").is_not_null()).select("row", "reason")
                quarantine.add(context.where, broken)
            columns.add(good.drop("row", "reason"))
            done += batch.height
            if progress is not None:
                progress(done)
    except pl.exceptions.PolarsError as error:
        raise unreadable(Path(context.where), error) from error
    quarantine.fetch(context.where, rows)
    quarantine.rows_read += done
    for name in ("user", "item"):
        if columns.kinds[name] == "?":
            ids = columns.users if name == "user" else columns.items
            columns.kinds[name] = text_kind(ids.names.values())
    return columns


def _assemble(
    columns: _Columns, items: "_Table | None", users: "_Table | None", schema: EventSchema
) -> Dataset:
    kind = columns.kinds["item"]
    known = items.ids if items is not None else ()
    catalog_ids, item_rows = columns.items.vocabulary(_common(kind, known), known)
    people = users.ids if users is not None else ()
    user_ids, user_rows = columns.users.vocabulary(_common(columns.kinds["user"], people), people)
    log = _sorted_log(columns, user_rows, item_rows)
    fields = items.fields_of(catalog_ids) if items is not None else {}
    traits = users.fields_of(user_ids) if users is not None else {}
    dated = schema.timestamp is not None
    ordered = dated or schema.order is not None
    return Dataset(user_ids, Catalog(catalog_ids, fields), log, traits, ordered, dated)


def _sorted_log(columns: _Columns, user_rows: ndarray, item_rows: ndarray) -> Interactions:
    """By user, time, order; what ties keeps the order of the source (a stable sort)."""
    users, items = user_rows[columns.pop("user")], item_rows[columns.pop("item")]
    moments, order = columns.pop("time"), columns.pop("order")
    unit = SECOND
    if moments is None:
        moments = order if order is not None else np.zeros(len(users), np.int64)
        order, unit = None, 1
    by = _sorted_by(users, moments, order)
    types, values = columns.pop("type"), columns.pop("value")
    names, codes = columns.types.vocabulary("String")
    weights = columns.pop("weight")
    context = {}
    for name, ids in columns.context.items():
        labels, rows = ids.vocabulary("String")
        codes_of = rows[columns.pop(name)][by]
        context[name.removeprefix("context.")] = Column("category", codes_of, labels.ids)
    return Interactions(
        users=users[by],
        items=items[by],
        times=moments[by] // unit,
        weights=np.ones(len(by), np.float32) if weights is None else weights[by],
        types=None if types is None else codes[types][by].astype(np.int16),
        type_names=names.ids if types is not None else ("event",),
        values=None if values is None else values[by],
        context=context,
    )


def _sorted_by(users: ndarray, moments: ndarray, order: ndarray | None) -> ndarray:
    """The places by user, then moment, then order; stable."""
    if order is not None:
        return np.lexsort((order, moments, users))
    # one key of 64 bits sorts three times as fast as two, where both fit into it
    unit = next(unit for unit in (SECOND, 1_000, 1) if not (moments % unit).any())
    first, last = int(moments.min()) // unit, int(moments.max()) // unit
    if (last - first + 1) * (int(users.max()) + 1) >= 2**63:
        return np.lexsort((moments, users))
    keys = users.astype(np.int64) * (last - first + 1)
    keys += moments // unit - first
    return np.argsort(keys, kind="stable")


def read_catalog(source: Source, schema: TableSchema = TableSchema()) -> Catalog:  # noqa: B008  frozen
    """The items of one table, in its order.

    What the schema says of columns that are not there is passed over: today's table need not be as
    wide as the one that was learned from.

    Raises:
        DataError: it cannot be read, or an id is missing or comes twice.
    """
    quarantine = Quarantine()
    with opened(source) as rows:
        there = set(rows.collect_schema().names())
    schema = TableSchema(
        schema.id if schema.id in there else None,
        {name: kind for name, kind in schema.kinds.items() if name in there},
        tuple(name for name in schema.ignore if name in there),
    )
    table = _read_table(source, schema, ITEM_IDS, quarantine)
    quarantine.enforce(0.0, None)
    if table is None:  # only without a source, which there is
        return Catalog(Vocabulary(()))
    items = Vocabulary(table.ids, text_kind(table.ids))
    return Catalog(items, table.fields_of(items))


@dataclass(frozen=True, slots=True)
class _Table:
    """An item or user table: its ids, and the rest as it came."""

    ids: tuple[str, ...]
    rest: pl.DataFrame
    schema: TableSchema
    where: str

    def fields_of(self, ids: Vocabulary) -> dict[str, Column]:
        fields = read_fields(self.rest, self.schema.kinds, self.where)
        place = {id: row for row, id in enumerate(self.ids)}
        rows = np.array([place.get(id, -1) for id in ids.ids], dtype=np.int64)
        return {_KEPT_AS.get(name, name): column.take(rows) for name, column in fields.items()}


def _read_table(
    source: Source | None, schema: TableSchema, guesses: tuple[str, ...], quarantine: Quarantine
) -> _Table | None:
    if source is None:
        return None
    with opened(source) as rows:
        types = rows.collect_schema()
        schema = schema.resolved(types.names(), guesses, str(source))
        id = schema.id or ""
        text = id_text(pl.col(id), types[id], str(source), id)
        try:
            frame = rows.with_columns(text.alias(id)).collect()
        except pl.exceptions.PolarsError as error:
            raise unreadable(Path(source.where), error) from error
        ids = pl.col("id")
        again = pl.format("column {}: unique ids expected, {} came again", pl.lit(id), ids)
        empty = pl.format("column {}: an id expected, nothing came", pl.lit(id))
        repeated = ~ids.is_first_distinct()
        reasons = frame.select(
            pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).alias("row"),
            pl.col(id).alias("id"),
        ).with_columns(reason=pl.when(ids.is_null()).then(empty).when(repeated).then(again))
        broken = reasons.filter(pl.col("reason").is_not_null()).select("row", "reason")
        if broken.height:
            quarantine.add(str(source), broken)
            quarantine.fetch(str(source), rows)
    quarantine.rows_read += frame.height
    good = frame.filter(reasons["reason"].is_null())
    if not good.height:
        first = f"no whole one came; {quarantine.told(None)}" if broken.height else "none came"
        raise DataError(f"{source}: at least one row expected, {first}")
    rest = good.drop({id, *schema.ignore})
    return _Table(tuple(good[id].to_list()), rest, schema, str(source))


def text_kind(ids: Iterable[str]) -> str:
    """The type of ids that came as text: whole numbers if all are, without leading zeros.

    >>> text_kind(["7", "-12"]), text_kind(["007"]), text_kind(["7", "guest"])
    ('Int64', 'String', 'String')
    """
    return "Int64" if all(map(_WHOLE.fullmatch, ids)) else "String"


def sorted_ids(ids: set[str], kind: str) -> list[str]:
    """In the order of their type: 2 before 10 where they are numbers."""
    if kind.startswith(("Int", "UInt")):
        return sorted(ids, key=int)
    return sorted(ids, key=float if kind.startswith("Float") else None)


def _common(kind: str, more: tuple[str, ...]) -> str:
    """The type of both tables' ids; text if those of the other table do not fit."""
    return kind if written_as(kind, more) else "String"


def _refuse_strangers(rows: pl.LazyFrame, context: Context, quarantine: Quarantine) -> None:
    """Not one event has an item of the item table: the ids are of two sorts."""
    unknown = sum(count for (_, what), count in quarantine.counts.items() if AN_ITEM_OF in what)
    if context.known_items is None or not 0 < unknown == len(quarantine):
        return
    column = context.schema.item or ""
    text = id_text(pl.col(column), rows.collect_schema()[column], context.where, column)
    came = rows.select(text.alias("item")).drop_nulls().head(3).collect()["item"]
    there = ", ".join(context.known_items[:3])
    raise DataError(
        f"{context.where}: column {column!r}: items of {context.items_where} expected, none came: "
        f"{', '.join(came)} here, {there} there; name the column of the same ids: --item-column"
    )


def _refuse_mixed_ids(source: Source, schema: EventSchema) -> None:
    for column in (schema.user, schema.item):
        mixed = mixed_ids(source, column or "")
        if mixed:
            expected = f"{source}: column {column!r}: ids of one type expected, {mixed}"
            raise DataError(f"{expected}; quote all of them or none")


def _notes(
    data: Dataset, schema: EventSchema, names: list[str], quarantine: Quarantine
) -> list[str]:
    notes = []
    if schema.rating and schema.threshold is None:
        notes.append(
            f"column {schema.rating!r}: every rating counts as liking; --threshold 4 would count "
            "only ratings of 4 and more, the rest as seen"
        )
    weighted = {name.lower() for name in schema.type_weights}
    unweighted = [name for name in data.log.type_names if name.lower() not in weighted]
    if schema.type and unweighted:
        notes.append(f"event types without a weight count 1: {', '.join(unweighted[:8])}")
    if not data.ordered:
        notes.append("no timestamp or order column: who came first is not known")
    if len(quarantine):
        notes.append(f"{quarantine}; left out")
    return notes
