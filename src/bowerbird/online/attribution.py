"""Which click and which purchase belong to which list: a pure function of the three facts.

For diagnosis. A list that is credited with a purchase need not have caused it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from bowerbird.data.facts import Frames
from bowerbird.online.clean import Clean, cleaned
from bowerbird.online.rules import DAY_MS, Rules
from bowerbird.online.sessions import sessions_of

NO_LIST, NO_ITEM, NO_PERSON = "no such list", "not in the list", "another person"
"""Why an event that names a list does not belong to it."""
UNATTRIBUTED = "none"
_SEEN = pl.lit("seen")
_TOLD = ["type", "time", "arrived", "refused"]


@dataclass(frozen=True, slots=True)
class Attributed:
    """Lists with what came of them, and conversions with the list that each is credited to.

    `list` is a list's number, in order of time; `unit` who the list was for, or else the list
    itself: what intervals take as one draw. `refused` is why an event does not belong to the list
    that it names; those are told by type of event.
    """

    lists: pl.DataFrame
    slots: pl.DataFrame
    clicks: pl.DataFrame
    conversions: pl.DataFrame  # and refunds
    refused: Mapping[str, Mapping[str, int]]
    late: int  # events that came after the windows of their day had closed; they count


def attributed(frames: Frames, rules: Rules) -> Attributed:
    """The facts credited as `attr_v1` says, cut to the span of the rules.

    Raises:
        DataError: merges go round in a circle.
    """
    clean = cleaned(frames, rules)
    lists, slots = _lists_and_slots(clean)
    seen = _placed(clean.seen, slots, lists)
    done = _placed(clean.done, slots, lists)
    exposures = _exposures(seen, slots, rules)
    slots = _with_fate(slots, exposures, done, rules)
    lists = _with_sessions(_gathered(lists, slots), clean, rules)
    credited = _with_refunds(_credited(done, exposures, lists, rules), done, rules)
    clicks = done.filter(pl.col("type").is_in(rules.clicks))
    both = pl.concat([frame.select(_TOLD) for frame in (seen.with_columns(type=_SEEN), done)])
    return Attributed(
        lists=_within(lists, "time", rules),
        slots=_within(slots, "time", rules),
        clicks=_within(clicks.with_columns(moment=_moment("served")), "moment", rules),
        conversions=_within(_of_lists(credited, lists), "moment", rules),
        refused=_refused(_within(both, "time", rules)),
        late=_late(_within(both, "time", rules), rules),
    )


def _lists_and_slots(clean: Clean) -> tuple[pl.DataFrame, pl.DataFrame]:
    lists = clean.lists.with_row_index("list").select(
        "list",
        "rec_id",
        "time",
        "person",
        "surface",
        "model",
        "segment",
        "rung",
        "arms",
        unit=pl.coalesce("person", pl.format("list {}", "rec_id")),
        day=day_of("time"),
    )
    whose = lists.select("rec_id", "list", "unit", "time", holder="person")
    slots = clean.slots.select("rec_id", "item", "position", "source").join(whose, on="rec_id")
    return lists, slots.sort("list", "position").with_row_index("slot")


def day_of(column: str) -> pl.Expr:
    """The UTC date of milliseconds, as text."""
    return pl.from_epoch(column, time_unit="ms").dt.strftime("%Y-%m-%d")


def _placed(events: pl.DataFrame, slots: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """Events with the place that they belong to (list, slot, position), or why to none."""
    places = slots.select("rec_id", "item", "slot", "list", "position", "holder", served="time")
    events = events.drop("position", strict=False)
    joined = events.join(places, on=["rec_id", "item"], how="left", maintain_order="left")
    exists = pl.col("rec_id").is_in(lists["rec_id"].implode())
    refused = (
        pl.when(pl.col("rec_id").is_null())
        .then(None)
        .when(~exists)
        .then(pl.lit(NO_LIST))
        .when(pl.col("slot").is_null())
        .then(pl.lit(NO_ITEM))
        .when(pl.col("person") != pl.col("holder"))  # null: not both are known
        .then(pl.lit(NO_PERSON))
    )
    belongs = refused.is_null() & pl.col("slot").is_not_null()
    kept = [pl.when(belongs).then(name).alias(name) for name in ("slot", "list", "position")]
    return joined.with_columns(*kept, refused=refused)


def _exposures(seen: pl.DataFrame, slots: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Who had which place before their eyes, and whether long and large enough to count."""
    enough = (pl.col("visible_ms") >= rules.visible_ms).fill_null(value=True) & (
        pl.col("share") >= rules.share
    ).fill_null(value=True)
    columns = ["slot", "list", "rec_id", "item", "position", "person", "time"]
    told = seen.filter(pl.col("slot").is_not_null()).select(
        *columns[:-2],
        pl.coalesce("person", "holder").alias("person"),
        "time",
        counts=enough,
        reported=pl.lit(value=True),
    )
    if not rules.served_as_seen:
        return told
    taken = slots.rename({"holder": "person"}).select(
        *columns, counts=pl.lit(value=True), reported=pl.lit(value=False)
    )
    return pl.concat([told, taken])


def _with_fate(
    slots: pl.DataFrame, exposures: pl.DataFrame, done: pl.DataFrame, rules: Rules
) -> pl.DataFrame:
    """Places with what came of each: reported, seen, clicked and when first, hidden, repeated."""
    placed = done.filter(pl.col("slot").is_not_null())
    looks = exposures.group_by("slot").agg(
        pl.col("reported").any(), pl.col("counts").any().alias("seen")
    )
    clicks = placed.filter(pl.col("type").is_in(rules.clicks)).group_by("slot")
    after = (pl.col("time") - pl.col("served")).min().clip(lower_bound=0)  # clocks differ a little
    hides = placed.filter(pl.col("type").is_in(rules.hides)).select("slot").unique()
    fates = (
        slots.join(looks, on="slot", how="left", maintain_order="left")
        .join(clicks.agg(to_click_ms=after), on="slot", how="left", maintain_order="left")
        .with_columns(
            clicked=pl.col("to_click_ms").is_not_null(),
            hidden=pl.col("slot").is_in(hides["slot"].implode()),
            reported=pl.col("reported").fill_null(value=False),
        )
        .with_columns(seen=pl.col("seen").fill_null(value=False) | pl.col("clicked"))
    )
    return fates.with_columns(repeated=_repeated(fates))


def _repeated(slots: pl.DataFrame) -> pl.Series:
    """Whether the person had seen the item in an earlier list; null where nobody is known."""
    known = slots.filter("seen", pl.col("holder").is_not_null())  # in order of the lists
    again = known.select("slot", repeated=~pl.struct("holder", "item").is_first_distinct())
    return slots.select("slot").join(again, on="slot", how="left", maintain_order="left")[
        "repeated"
    ]


def _gathered(lists: pl.DataFrame, slots: pl.DataFrame) -> pl.DataFrame:
    """Lists with what came of their places."""
    told = [pl.col(name).any() for name in ("reported", "seen", "clicked")]
    fates = slots.group_by("list").agg(*told, pl.col("to_click_ms").min())
    joined = lists.join(fates, on="list", how="left", maintain_order="left")
    return joined.with_columns(pl.col("reported", "seen", "clicked").fill_null(value=False))


def _with_sessions(lists: pl.DataFrame, clean: Clean, rules: Rules) -> pl.DataFrame:
    moments = [frame.select("person", "time") for frame in (clean.lists, clean.seen, clean.done)]
    sessions = sessions_of(pl.concat(moments), rules.idle_s)
    return lists.join(sessions, on=["person", "time"], how="left", maintain_order="left")


def _credited(
    done: pl.DataFrame, exposures: pl.DataFrame, lists: pl.DataFrame, rules: Rules
) -> pl.DataFrame:
    """Conversions with one touch each: what they name, else the last click, else the last look."""
    found = done.filter(pl.col("type").is_in(rules.conversions)).with_columns(
        level=pl.when(pl.col("slot").is_not_null()).then(pl.lit("direct"))
    )
    windows = {name: rules.window_ms(name) for name in rules.conversions}
    click_ms = pl.col("type").replace_strict(windows, default=0, return_dtype=pl.Int64)
    clicks = done.filter(pl.col("type").is_in(rules.clicks), pl.col("slot").is_not_null())
    found = _touched(found, clicks, "click", click_ms)
    if rules.view_through_s:
        looks = exposures.filter("counts")
        found = _touched(found, looks, "view", pl.lit(1_000 * rules.view_through_s))
    return found


def _touched(
    conversions: pl.DataFrame, touches: pl.DataFrame, level: str, window_ms: pl.Expr
) -> pl.DataFrame:
    """Credit what has no touch yet to the last of these: same person, same item, in the window.

    At one moment the smaller rec_id wins.
    """
    touches = (
        touches.filter(pl.col("person").is_not_null())
        .sort("time", "rec_id")
        .unique(["person", "item", "time"], keep="first", maintain_order=True)
        .select("person", "item", "time", touched="time", at_list="list", at="position")
    )
    joined = conversions.sort("time", "event_id").join_asof(
        touches, on="time", by=["person", "item"], check_sortedness=False
    )
    takes = pl.col("level").is_null() & (pl.col("time") - pl.col("touched") <= window_ms)
    return joined.with_columns(
        level=pl.when(takes).then(pl.lit(level)).otherwise("level"),
        list=pl.when(takes).then("at_list").otherwise("list"),
        position=pl.when(takes).then("at").otherwise("position"),
    ).drop("touched", "at_list", "at")


def _with_refunds(credited: pl.DataFrame, done: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Refunds behind them, each credited as the conversion that it takes back."""
    originals = credited.select("level", "list", "position", refers="event_id")
    refunds = done.filter(pl.col("type").is_in(rules.refunds)).drop("list", "position")
    refunds = refunds.join(originals, on="refers", how="left").select(credited.columns)
    return pl.concat([credited, refunds]).sort("time", "event_id")


def _of_lists(conversions: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """Conversions with what is known of the list that each is credited to."""
    columns = ["surface", "model", "segment", "rung", "arms"]
    of = lists.select("list", *columns, credited="rec_id", at="time", whose="unit")
    joined = conversions.join(of, on="list", how="left", maintain_order="left")
    return joined.with_columns(moment=_moment("at")).select(
        *("event_id", "person", "item", "type", "time", "value"),
        pl.col("currency").fill_null("XXX"),  # ISO 4217: no currency
        *("refers", "rec_id", "refused"),
        pl.col("level").fill_null(UNATTRIBUTED),
        *("credited", "list", "position", *columns, "moment"),
        unit=pl.coalesce("whose", "person", pl.format("event {}", "event_id")),
        day=day_of("moment"),
    )


def _moment(of_list: str) -> pl.Expr:
    """When something counts: when its list was served, else when it was done."""
    return pl.coalesce(pl.when(pl.col("list").is_not_null()).then(of_list), "time")


def _within(frame: pl.DataFrame, moment: str, rules: Rules) -> pl.DataFrame:
    until = pl.lit(value=True) if rules.until is None else pl.col(moment) < rules.until
    return frame.filter(pl.col(moment) >= rules.since, until)


def _refused(events: pl.DataFrame) -> dict[str, dict[str, int]]:
    counts = events.filter(pl.col("refused").is_not_null()).group_by("type", "refused").len()
    told: dict[str, dict[str, int]] = {}
    for type, reason, count in counts.sort("type", "refused").iter_rows():
        told.setdefault(type, {})[reason] = count
    return told


def _late(events: pl.DataFrame, rules: Rules) -> int:
    closed = (pl.col("time") // DAY_MS + 1) * DAY_MS + rules.closing_ms
    return events.filter(pl.col("arrived") > closed).height
