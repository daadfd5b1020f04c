"""What the columns of a shop's tables mean: named by the user, else recognised by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bowerbird.errors import DataError

NAMES: Mapping[str, tuple[str, ...]] = {
    "user": ("user", "user_id", "userid", "customer", "customer_id", "visitor_id", "visitorid",
             "session_id", "household_id"),
    "item": ("item", "item_id", "itemid", "product", "product_id", "productid", "sku", "movie_id",
             "article_id", "content_id"),
    "timestamp": ("timestamp", "time", "ts", "datetime", "date", "created_at", "event_time"),
    "order": ("order", "position", "sequence"),
    "type": ("event", "event_type", "type", "action", "behavior"),
    "weight": ("weight",),
    "value": ("value", "price", "revenue", "amount"),
    "rating": ("rating", "stars", "score"),
}  # fmt: skip
"""Column names that are recognised without being told, the likeliest first."""

ITEM_IDS = (*NAMES["item"], "id")
USER_IDS = (*NAMES["user"], "id")

EXPOSURES = ("seen", "exposure", "impression")
"""Event types which say that an item was shown, and no more."""

TYPE_WEIGHTS: Mapping[str, float] = {
    "seen": 0.0, "exposure": 0.0, "impression": 0.0,
    "view": 1.0, "click": 1.0, "play": 1.0,
    "cart": 3.0, "addtocart": 3.0, "add_to_cart": 3.0, "favorite": 3.0, "like": 3.0,
    "purchase": 5.0, "buy": 5.0, "order": 5.0, "transaction": 5.0,
}  # fmt: skip
"""How much one event of each type counts; a type that is not listed counts 1."""


@dataclass(frozen=True, slots=True)
class EventSchema:
    """Which column of the event table is what, and how much an event counts."""

    user: str | None = None
    item: str | None = None
    timestamp: str | None = None
    order: str | None = None
    type: str | None = None
    weight: str | None = None
    value: str | None = None
    rating: str | None = None
    context: tuple[str, ...] = ()  # device, country, surface, …: kept with each event
    type_weights: Mapping[str, float] = field(default_factory=lambda: dict(TYPE_WEIGHTS))
    threshold: float | None = None  # ratings below it are seen but not liked (weight 0)

    def resolved(self, columns: Sequence[str], where: str) -> "EventSchema":
        """The same with every column named that is there; user and item must be.

        Raises:
            DataError: a column is missing.

        >>> EventSchema().resolved(["user_id", "sku", "ts"], "e.csv").timestamp
        'ts'
        """
        found = {name: self._column(name, columns, where) for name in NAMES}
        missing = [name for name in ("user", "item") if found[name] is None]
        if missing:
            has = f"the columns are {', '.join(columns)}"
            remedy = f"name it with --{missing[0]}-column"
            a = {"user": "a", "item": "an"}[missing[0]]
            raise DataError(f"{where}: {a} {missing[0]} column expected; {has}; {remedy}")
        for name in self.context:
            if name not in columns:
                has = ", ".join(columns)
                raise DataError(f"{where}: column {name!r} expected (context); there are {has}")
        if self.threshold is not None and found["rating"] is None:
            has = f"the columns are {', '.join(columns)}"
            raise DataError(f"{where}: a rating column expected by --threshold; {has}")
        return replace(self, **found)  # type: ignore[arg-type]  # only column names are replaced

    def among(self, columns: Sequence[str]) -> "EventSchema":
        """The same without what is not among these columns: a narrower table of the same shop."""
        named = {name: getattr(self, name) for name in NAMES}
        gone = {n: None for n, column in named.items() if column and column not in columns}
        context = tuple(name for name in self.context if name in columns)
        rated = any(guess in columns for guess in (self.rating or "", *NAMES["rating"]))
        threshold = self.threshold if rated else None
        kept = replace(self, context=context, threshold=threshold)
        return replace(kept, **gone)  # type: ignore[arg-type]  # only column names are replaced

    def _column(self, name: str, columns: Sequence[str], where: str) -> str | None:
        given = getattr(self, name)
        if given == "":  # a column of this name means something else here
            return None
        if given is not None:
            if given not in columns:
                has = ", ".join(columns)
                raise DataError(f"{where}: column {given!r} expected ({name}); there are {has}")
            return str(given)
        lowered = {column.lower(): column for column in columns}
        return next((lowered[guess] for guess in NAMES[name] if guess in lowered), None)


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Which column of an item or user table is the id, and the kinds of the others.

    Kinds that are not given are recognised from the values: see `fields.recognised`.
    """

    id: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)  # column → kind of columns.KINDS
    ignore: tuple[str, ...] = ()

    def resolved(self, columns: Sequence[str], ids: Sequence[str], where: str) -> "TableSchema":
        """The same with the id column named.

        Raises:
            DataError: no id column, or a named column is missing.
        """
        lowered = {column.lower(): column for column in columns}
        id = self.id or next((lowered[g.lower()] for g in ids if g.lower() in lowered), None)
        if id is None:
            expected = f"an id column expected (one of {', '.join(ids)})"
            raise DataError(f"{where}: {expected}; the columns are {', '.join(columns)}")
        for column in (id, *self.kinds, *self.ignore):
            if column not in columns:
                raise DataError(
                    f"{where}: column {column!r} expected; there are {', '.join(columns)}"
                )
        return replace(self, id=id)
