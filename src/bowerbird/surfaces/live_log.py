"""What was done since a run was trained, laid behind its log: for what counts, not for what learns.

The model stays as it is; what is popular, new and trending, and whom an item fits, are of now.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple, dataclass, replace

import numpy as np
import polars as pl
from numpy import ndarray

from bowerbird.data.bursts import Usual
from bowerbird.data.dataset import Dataset, Interactions
from bowerbird.data.defence import Defence
from bowerbird.data.facts import SCHEMAS
from bowerbird.data.joining import peopled, together
from bowerbird.data.schema import EXPOSURES
from bowerbird.data.trusted import REASONS, Before, Trusted, trusted
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.online.clean import persons_of
from bowerbird.store.identity import Identity
from bowerbird.store.store import People, Store
from bowerbird.surfaces.run_folder import Run

OVERLAP_MS = 60_000
"""Who was deleted so long before the last look may not have been seen then."""
LATE = 10_000
"""Numbers that are read again: several may be writing, and a lower one appear after a higher."""
OTHER = "other"
WORDS = ("user", "item", "type", "trust")
"""Columns that say the same again and again: held as codes, four bytes each."""
HELD = {"event_id": pl.UInt64(), **dict.fromkeys(WORDS, pl.Categorical()), "time": pl.Int64()}
HELD |= {"arrived": pl.Int64()}
"""40 bytes an event, since there may be many until the next training. Ids are held as hashes."""


@dataclass(frozen=True, slots=True)
class Live:
    """A run's data with what was done since, and what of that does not count."""

    data: Dataset
    held: pl.DataFrame  # in quarantine: reason, item, events, users
    events: int  # that arrived since
    as_of: int  # ms


def held_by_reason(live: Live | None) -> dict[str, int]:
    """How many events are in quarantine, for each reason there is."""
    counts = dict.fromkeys(REASONS, 0)
    if live is not None:
        told = live.held.group_by("reason").agg(pl.col("events").sum())
        counts |= dict(told.iter_rows())
    return counts


def merges_in(people: People) -> pl.DataFrame:
    """All merges there were, as a table of the facts."""
    rows = [astuple(merge) for merge in people.merged()]
    return pl.DataFrame(rows, schema=dict(SCHEMAS["merges"]), orient="row")


def since_of(run: Run) -> int:
    """Milliseconds since 1970 UTC: what arrived before is in the run."""
    taken = run.facts.get("snapshot")
    if taken is not None:
        return int(taken["as_of_ms"])
    return run.data.newest() * 1_000 if run.data.dated else 0


@dataclass(frozen=True, slots=True)
class _Known:
    """What a run says of people and items, for events to be judged by."""

    log: Interactions  # of which this is true
    people: pl.DataFrame  # name (an id or its key), row, first (ms)
    usual: Usual
    since: int  # ms; what arrived before is in the run

    @classmethod
    def of(cls, run: Run, identity: Identity, rules: Defence) -> "_Known":
        data, log = run.data, run.data.log
        ids = data.users.ids
        rows, starts = np.unique(log.users, return_index=True)
        first = np.full(len(ids), np.iinfo(np.int64).max)
        first[rows] = log.times[starts] * 1_000 if data.dated else 0
        names = [*map(identity.user, ids), *ids]  # in the order in which lists look for them
        people = pl.DataFrame(
            {
                "name": names,
                "row": np.tile(np.arange(len(ids)), 2),
                "first": np.tile(first, 2),
            },
            schema={"name": pl.String, "row": pl.Int64, "first": pl.Int64},
        ).unique("name", keep="first", maintain_order=True)
        usual, liked = Usual(), log.weights > 0
        if data.dated:
            moments = log.times[liked] * 1_000
            usual = Usual.of(data.catalog.items.ids, log.items[liked], moments, rules)
        return cls(log, people, usual, since_of(run))


class LiveLog:
    """Follows the events in a store. What it read it keeps, so that it reads only what is new."""

    def __init__(self, store: Store, identity: Identity, rules: Defence) -> None:
        self._store, self._identity, self._rules = store, identity, rules
        self._known: _Known | None = None
        self._looked = self._since = 0
        self._forget()

    def behind(
        self, run: Run, weights: Mapping[str, float], forgotten: Collection[str], now_ms: int
    ) -> Live:
        """The data of a run with what was done since.

        Args:
            run: with its catalog of now; what is not in it is left out.
            weights: of types of events, in lower case; a type that is not among them counts 1.
            forgotten: people, by id or key, of whom the run is to know nothing.
            now_ms: what arrives later does not exist.
        """
        if self._known is None or self._known.log is not run.data.log:
            self._known = _Known.of(run, self._identity, self._rules)
        known = self._known
        self._read(known.since, now_ms)
        done = self._done.with_columns(pl.col(WORDS).cast(pl.String))
        events, first = _named(done, merges_in(self._store.people), known, run)
        told = trusted(events, now_ms, self._rules, Before(first, known.usual))
        log, newcomers = _log(told, run.data, weights)
        named = known.people.filter(pl.col("name").is_in(list(forgotten)))
        before = replace(run.data.log, values=None, context={})
        if named.height:
            before = before.where(~np.isin(before.users, named["row"].to_numpy()))
        data = replace(peopled(run.data, newcomers), log=together(before, log))
        return Live(data, told.quarantined(), told.events.height, now_ms)

    def _forget(self) -> None:
        self._done, self._number = pl.DataFrame(schema=HELD), 0

    def _read(self, since: int, now_ms: int) -> None:
        if self._store.people.deleted(self._looked) or since < self._since:
            self._forget()  # what was read of them is in here, or what is needed is not
        if since > self._since:
            self._done = self._done.filter(pl.col("arrived") >= since)
        self._looked, self._since = now_ms - OVERLAP_MS, since
        after = max(self._number - LATE, 0)
        self._number, rows = self._store.facts.done(after, since)
        held = rows.with_columns(pl.col("event_id").hash()).select(
            pl.col(name).cast(kind) for name, kind in HELD.items()
        )
        new = held.join(self._done, on="event_id", how="anti")
        self._done = pl.concat([self._done, new], rechunk=True)


def _named(
    done: pl.DataFrame, merges: pl.DataFrame, known: _Known, run: Run
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Events under the id that their person has in the run, else their key; since when they came.

    Nothing happened after it arrived.
    """
    users = done.select(pl.col("user").unique())
    users = users.join(persons_of(merges), on="user", how="left")
    users = users.with_columns(person=pl.coalesce("person", "user"))
    for name in ("person", "user"):
        there = known.people.select(pl.all().name.suffix(f"_{name}"))
        users = users.join(there, left_on=name, right_on=f"name_{name}", how="left")
    users = users.with_columns(
        row=pl.coalesce("row_person", "row_user"),
        first=pl.min_horizontal("first_person", "first_user"),
    )
    ids = pl.Series("id", run.data.users.ids, dtype=pl.String)
    own = ids.gather(users["row"])
    users = users.with_columns(name=pl.coalesce(own, "person")).select("user", "name", "first")
    events = done.join(users, on="user", how="left").with_columns(
        user="name", time=pl.min_horizontal("time", "arrived")
    )
    came = users.drop_nulls("first").group_by("name").agg(pl.col("first").min())
    return events.drop("name", "first"), dict(came.select("name", "first").iter_rows())


def _log(
    told: Trusted, data: Dataset, weights: Mapping[str, float]
) -> tuple[Interactions, Vocabulary]:
    """What counts, in rows of the data with the newcomers behind its users; who these are."""
    kept = told.kept().with_columns(
        kind=pl.col("type").str.to_lowercase(), second=pl.col("time") // 1_000
    )
    kept = _with(kept, "item", "item_row", data.catalog.items.rows)
    kept = kept.filter(~pl.col("kind").is_in(EXPOSURES) & (pl.col("item_row") >= 0))
    users = data.users.extended(kept["user"].unique(maintain_order=True).to_list())
    kept = _with(kept, "user", "user_row", users.rows)
    kept = kept.filter(~_in_run(kept, data)).sort("user_row", "second", maintain_order=True)
    kept = _with(kept, "kind", "weight", lambda kinds: np.array([weights.get(k, 1) for k in kinds]))
    own = {name.lower(): name for name in data.log.type_names}
    names = tuple(dict.fromkeys([*own.values(), *weights, OTHER]))
    place = {name: code for code, name in enumerate(names)}

    def codes(kinds: list[str]) -> ndarray:  # words that anybody may make up are one type
        return np.array([place.get(own.get(k, k), place[OTHER]) for k in kinds], dtype=np.int16)

    kept = _with(kept, "kind", "code", codes)
    log = Interactions(
        kept["user_row"].to_numpy(),
        kept["item_row"].to_numpy(),
        kept["second"].to_numpy(),
        (kept["weight"] * kept["factor"]).cast(pl.Float32).to_numpy(),
        kept["code"].to_numpy(),
        names,
    )
    return log, Vocabulary(users.ids[len(data.users) :])


def _with(
    events: pl.DataFrame, column: str, name: str, of: Callable[[list[str]], ndarray]
) -> pl.DataFrame:
    """With what follows from a column, worked out once for each of its values."""
    values = events[column].unique(maintain_order=True)
    told = pl.DataFrame({column: values, name: of(values.to_list())})
    return events.join(told, on=column, how="left", maintain_order="left")


def _in_run(events: pl.DataFrame, data: Dataset) -> pl.Series:
    """Which events the run was trained on: the same person, item and second."""
    late = events["second"] < data.newest()
    if not data.dated or not late.any():
        return pl.Series(np.zeros(len(events), dtype=bool))
    recent = data.log.times >= events["second"].filter(late).min()
    part = data.log.where(recent)
    told = pl.DataFrame({"user_row": part.users, "item_row": part.items, "second": part.times})
    keys = events.select("user_row", "item_row", "second").with_row_index("place")
    twice = keys.join(told, on=["user_row", "item_row", "second"], how="semi")["place"]
    found = np.zeros(len(events), dtype=bool)
    found[twice.to_numpy()] = True
    return pl.Series(found)
