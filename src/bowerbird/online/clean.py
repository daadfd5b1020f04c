"""The facts as they stood at a moment: each once, in one order, with people for names.

However facts are shuffled, repeated or cut into batches, what comes out is the same to the bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from bowerbird.data.facts import SCHEMAS, Frames
from bowerbird.errors import DataError
from bowerbird.online.rules import Rules


@dataclass(frozen=True, slots=True)
class Clean:
    """Lists, their places and events; `person` is who the user is after all merges."""

    lists: pl.DataFrame
    slots: pl.DataFrame  # an item that stands twice in a list counts where it stands first
    seen: pl.DataFrame
    done: pl.DataFrame


def cleaned(frames: Frames, rules: Rules) -> Clean:
    """What had arrived by `rules.as_of`; of an event that was sent twice, what arrived first."""
    known = pl.col("arrived") <= rules.as_of
    merges = frames.merges.filter(pl.col("time") <= rules.as_of)
    persons = persons_of(merges)
    lists = frames.served.filter(pl.col("time") <= rules.as_of)
    lists = _once(lists, "served", ["rec_id"], ["time"]).sort("time", "rec_id")
    slots = _once(frames.slots, "slots", ["rec_id", "position"])
    return Clean(
        lists=_with_person(lists, persons),
        slots=_once(slots, "slots", ["rec_id", "item"], ["position"]),
        seen=_with_person(_events(frames.seen.filter(known), "seen"), persons),
        done=_with_person(_events(frames.done.filter(known), "done"), persons),
    )


def persons_of(merges: pl.DataFrame) -> pl.DataFrame:
    """Who each merged user is in the end: user, person. Of two merges of a user the first holds.

    Raises:
        DataError: merges go round in a circle.
    """
    steps = _once(merges, "merges", ["user"], ["time"]).filter(pl.col("user") != pl.col("into"))
    steps = steps.select("user", person="into")
    for _ in range(steps.height.bit_length() + 1):  # each round doubles how far they lead
        ahead = steps.rename({"user": "person", "person": "further"})
        further = steps.join(ahead, on="person", how="left")
        if further["further"].null_count() == steps.height:
            return steps
        steps = further.select("user", pl.coalesce("further", "person").alias("person"))
    lost = steps.join(steps, left_on="person", right_on="user", how="semi")["user"].min()
    raise DataError(
        f"merges that end somewhere expected, those of user {lost!r} go round in a circle: take "
        "one of them out"
    )


def _with_person(frame: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    if persons.is_empty():
        return frame.with_columns(person="user")
    joined = frame.join(persons, on="user", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("person", "user"))


def _events(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    return _once(frame, table, ["event_id"], ["arrived"]).sort("time", "event_id")


def _once(
    frame: pl.DataFrame, table: str, key: Sequence[str], first: Sequence[str] = ()
) -> pl.DataFrame:
    """One row a key: the first by `first`, and where that is a tie, by all other columns."""
    frame = frame.select(list(SCHEMAS[table]))
    twice = pl.struct(key).is_duplicated()
    some = frame.filter(twice)
    if some.is_empty():
        return frame
    order = [*key, *first, *(name for name in frame.columns if name not in (*key, *first))]
    some = some.sort(order).unique(key, keep="first", maintain_order=True)
    return pl.concat([frame.filter(~twice), some])
