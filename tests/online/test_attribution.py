"""A log written by hand, with the table worked out by hand; and what must not change a figure."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.facts import SCHEMAS, Frames
from bowerbird.errors import ConfigError, DataError
from bowerbird.online.attribution import attributed
from bowerbird.online.clean import persons_of
from bowerbird.online.report import report
from bowerbird.online.rules import Rules
from live_logs import DAY, HOUR, MINUTE, START, empty, simulated, table

GOLDEN = Path(__file__).parent / "golden"
LATE_ENOUGH = START + 60 * DAY
MODES = {
    "default": Rules(as_of=START + 20 * DAY),
    "view": Rules(as_of=START + 20 * DAY, view_through_s=3_600),
    "served": Rules(as_of=START + 20 * DAY, served_as_seen=True),
}


def golden():
    """The log; in the files times are minutes since the start."""
    frames = {}
    for name, schema in SCHEMAS.items():
        told = pl.read_csv(GOLDEN / f"{name}.csv", infer_schema=False).drop("note", strict=False)
        moments = [moment for moment in ("time", "arrived") if moment in told.columns]
        rest = {"policy": "fixed", "request": "q", "config": "c", "trust": "secret", "source": "s"}
        frames[name] = told.with_columns(
            *((START + pl.col(moment).cast(pl.Int64) * MINUTE).alias(moment) for moment in moments),
            *(pl.lit(rest.get(column)).alias(column) for column in schema.keys() - {*told.columns}),
        ).select(pl.col(column).cast(dtype) for column, dtype in schema.items())
    return Frames(**frames)


def expected(name):
    return pl.read_csv(GOLDEN / f"expected_{name}.csv", infer_schema=False)


@pytest.mark.parametrize("mode", ["default", "view"])
def test_the_golden_log_is_credited_as_worked_out_by_hand(mode):
    found = attributed(golden(), MODES[mode]).conversions.sort("event_id")
    level = "level" if mode == "default" else "view_level"
    for row, told in zip(
        expected("conversions").sort("event_id").to_dicts(), found.to_dicts(), strict=True
    ):
        credited = told["level"] != "none"
        assert (told["event_id"], told["level"], told["refused"]) == (
            *(row["event_id"], row[level], row["refused"]),
        )
        assert credited == (told["credited"] is not None)
        if credited:
            assert (told["credited"], str(told["position"])) == (row["credited"], row["position"])


def test_places_of_the_golden_log_have_the_fate_worked_out_by_hand():
    slots = attributed(golden(), MODES["default"]).slots.sort("rec_id", "position")
    words = {True: "yes", False: "no", None: None}
    fates = ["reported", "seen", "clicked", "hidden", "repeated"]
    told = [
        (row["rec_id"], row["item"], *(words[row[fate]] for fate in fates))
        for row in slots.to_dicts()
    ]
    assert told == expected("slots").rows()


def figure_of(groups, key, metric):
    group = next(group for group in groups if group["group"] == key)
    return group["figures"][metric]


@pytest.mark.parametrize("mode", MODES)
def test_figures_of_the_golden_log_are_those_worked_out_by_hand(mode):
    told = report(golden(), MODES[mode], n_items=20)
    for _, surface, metric, numerator, denominator in (
        expected("figures").filter(pl.col("mode") == mode).rows()
    ):
        key = {} if surface is None else {"surface": None if surface == "null" else surface}
        figure = figure_of(told["groups"], key, metric)
        where = f"{mode} {key} {metric}"
        assert figure["numerator"] == int(numerator), where
        assert figure["denominator"] == (denominator and int(denominator)), where
        if denominator is None:
            assert figure["value"] == int(numerator), where
        elif denominator == "0":
            assert figure["value"] is figure["low"] is figure["high"] is None, where
        else:
            assert figure["value"] == pytest.approx(int(numerator) / int(denominator)), where


def test_figures_by_day_count_on_the_day_of_the_list_else_of_the_event():
    told = report(golden(), MODES["default"], by=("day",))
    for day, metric, numerator, denominator in expected("days").rows():
        figure = figure_of(told["groups"], {"day": day}, metric)
        assert (figure["numerator"], figure["denominator"]) == (
            int(numerator),
            denominator and int(denominator),
        ), f"{day} {metric}"


def test_the_golden_log_says_what_was_refused_and_how_long_a_click_takes():
    told = report(golden(), MODES["default"])
    assert told["refused"] == {
        "click": {"another person": 1, "no such list": 1, "not in the list": 1},
        "hide": {"another person": 1},
        "purchase": {"another person": 1, "no such list": 2, "not in the list": 1},
        "seen": {"another person": 1, "no such list": 1, "not in the list": 1},
    }
    assert told["late"] == 0 and told["served_as_seen"] is False
    to_click = told["groups"][0]["figures"]["median_ms_to_click"]
    assert [to_click[name] for name in ("value", "low", "high", "denominator")] == [
        *(2 * MINUTE, 1 * MINUTE, 10 * MINUTE, 7),
    ]
    assert told["groups"][0]["users"] == 7


def test_groups_by_place_item_and_arm_count_places():
    told = report(golden(), MODES["default"], by=("position",))["groups"]
    assert figure_of(told, {"position": 1}, "lists_served")["value"] == 10
    ctr = figure_of(told, {"position": 1}, "ctr_list")
    assert (ctr["numerator"], ctr["denominator"]) == (3, 7)
    assert figure_of(told, {"position": 3}, "revenue:EUR:click")["value"] == 1_500
    told = report(golden(), MODES["default"], by=("item",))["groups"]
    ctr = figure_of(told, {"item": "a"}, "ctr_slot")
    assert (ctr["numerator"], ctr["denominator"]) == (3, 5)
    assert figure_of(told, {"item": "q"}, "revenue:EUR:none")["value"] == 100
    told = report(golden(), MODES["default"], by=("arm:colour", "model"))["groups"]
    assert figure_of(told, {"arm:colour": "red", "model": "als"}, "lists_served")["value"] == 5
    assert figure_of(told, {"arm:colour": None, "model": "als"}, "lists_served")["value"] == 1


def shuffled(frames, seed):
    return Frames(
        **{
            name: getattr(frames, name).sample(fraction=1, shuffle=True, seed=seed)
            for name in SCHEMAS
        }
    )


def repeated(frames):
    return Frames(**{name: pl.concat([getattr(frames, name)] * 3) for name in SCHEMAS})


def in_other_batches(frames):
    """Each table cut in seven, the pieces the other way round."""
    return Frames(
        **{
            name: pl.concat(
                [getattr(frames, name)[start::7] for start in range(min(7, max(1, n)))][::-1]
            )
            for name in SCHEMAS
            if (n := getattr(frames, name).height) >= 0
        }
    )


def late(frames, seed=0):
    """Three events in ten arrive up to two days later."""

    def delayed(events):
        draw = np.random.default_rng(seed)
        more = np.where(draw.random(events.height) < 0.3, draw.integers(0, 2 * DAY), 0)
        return events.with_columns(pl.col("arrived") + pl.Series(more, dtype=pl.Int64))

    return replace(frames, seen=delayed(frames.seen), done=delayed(frames.done))


CHANGES = {
    "shuffled": lambda frames: shuffled(frames, 1),
    "three times": repeated,
    "three times and shuffled": lambda frames: shuffled(repeated(frames), 2),
    "in other batches": in_other_batches,
    "thirty percent late": late,
    "late, three times, shuffled": lambda frames: shuffled(repeated(late(frames)), 3),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("mode", MODES)
def test_the_way_facts_are_delivered_changes_no_bit(change, mode):
    frames = simulated(seed=5)
    rules = replace(MODES[mode], as_of=LATE_ENOUGH)
    by = ("surface", "day")
    assert report(CHANGES[change](frames), rules, by) == report(frames, rules, by)


@pytest.mark.parametrize("change", ["shuffled", "in other batches"])
def test_the_golden_log_may_come_in_any_order(change):
    assert report(CHANGES[change](golden()), MODES["default"]) == report(golden(), MODES["default"])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_lists=st.integers(0, 60),
    n_events=st.integers(0, 300),
    view_through_s=st.sampled_from([0, 3_600]),
    served_as_seen=st.booleans(),
    by=st.sampled_from(["surface", "day", "position", "item", "arm:colour"]),
)
def test_nothing_is_lost_and_nothing_counted_twice(
    seed, n_lists, n_events, view_through_s, served_as_seen, by
):
    n_events = n_events if n_lists else 0
    frames = simulated(n_lists, 4, n_events, 15, 12, seed) if n_lists else empty()
    rules = Rules(as_of=LATE_ENOUGH, view_through_s=view_through_s, served_as_seen=served_as_seen)
    groups = report(frames, rules, (by,))["groups"]
    whole, parts = groups[0]["figures"], [group["figures"] for group in groups[1:]]
    sold = frames.done.filter(pl.col("type") == "purchase")
    money = frames.done.filter(pl.col("type").is_in(["purchase", "refund"]))
    assert whole["conversions:purchase:total"]["value"] == sold.height
    totals = [name for name in whole if name.startswith(("conversions:", "revenue:"))]
    for currency, value in money.group_by("currency").agg(pl.col("value").sum()).rows():
        assert whole[f"revenue:{currency}:total"]["value"] == value
    for name in totals:
        kind, _, level = name.rpartition(":")
        assert whole[name]["value"] == sum(part[name]["value"] for part in parts), name
        levels = {"attributed": rules.levels, "total": (*rules.levels, "none")}.get(level, ())
        if levels:
            assert whole[name]["value"] == sum(whole[f"{kind}:{one}"]["value"] for one in levels)


def one_list(time=START, user="u1", **more):
    row = {"rec_id": "r1", "time": time, "user": user, "surface": "home", "rung": "personal"}
    return table("served", [row | {"arms": "{}", "model": "m"} | more])


def bought(event_id, time, **more):
    row = {"event_id": event_id, "user": "u1", "item": "a", "type": "purchase", "time": time}
    return row | {"arrived": time, "value": 100, "currency": "EUR"} | more


def test_a_figure_of_an_earlier_moment_comes_out_the_same_later():
    frames = simulated(seed=2)
    rules = Rules(as_of=START + 3 * DAY)
    first = replace(
        frames,
        seen=frames.seen.filter(pl.col("arrived") <= rules.as_of),
        done=frames.done.filter(pl.col("arrived") <= rules.as_of),
        served=frames.served.filter(pl.col("time") <= rules.as_of),
    )
    assert report(first, rules) == report(frames, rules)
    assert report(frames, rules)["groups"] != report(frames, Rules(as_of=LATE_ENOUGH))["groups"]


@pytest.mark.parametrize(("days", "final"), [(9, False), (10, True)])
def test_a_day_is_final_when_its_longest_window_and_the_grace_are_over(days, final):
    frames = replace(empty(), served=one_list(START + HOUR))
    groups = report(frames, Rules(as_of=START + days * DAY), ("day",))["groups"]
    assert [group["final"] for group in groups] == [final, final]
    assert groups[0]["figures"]["lists_served"]["final"] is final


def one_place(**events):
    """A list of one place, and these events."""
    slots = table("slots", [{"rec_id": "r1", "position": 1, "item": "a"}])
    tables = {name: table(name, rows) for name, rows in events.items()}
    return replace(empty(), served=one_list(), slots=slots, **tables)


@pytest.mark.parametrize(("after_ms", "late"), [(0, 0), (1, 1)])
def test_an_event_that_comes_after_its_day_was_final_counts_and_is_told(after_ms, late):
    arrived = START + 10 * DAY + after_ms
    told = report(
        one_place(done=[bought("p1", START, arrived=arrived, rec_id="r1")]),
        Rules(as_of=START + 20 * DAY),
    )
    assert told["late"] == late
    assert told["groups"][0]["figures"]["revenue:EUR:direct"]["value"] == 100


@pytest.mark.parametrize(
    ("visible_ms", "share", "counts"),
    [
        (1_000, 0.5, True),
        (999, 0.5, False),
        (1_000, 0.49, False),
        (None, 0.5, True),
        (None, 0.49, False),
        (1_000, None, True),
        (999, None, False),
        (None, None, True),
    ],
)
def test_what_was_seen_long_and_large_enough_counts(visible_ms, share, counts):
    look = {"event_id": "s1", "rec_id": "r1", "item": "a", "time": START, "arrived": START}
    look |= {"visible_ms": visible_ms, "share": share}
    (place,) = attributed(one_place(seen=[look]), Rules(as_of=LATE_ENOUGH)).slots.to_dicts()
    assert (place["reported"], place["seen"]) == (True, counts)


def test_an_exposure_without_a_name_is_of_whom_the_list_was_for():
    look = {"event_id": "s1", "rec_id": "r1", "item": "a", "time": START, "arrived": START}
    frames = one_place(seen=[look], done=[bought("p1", START + MINUTE)])
    found = attributed(frames, Rules(as_of=LATE_ENOUGH, view_through_s=60)).conversions
    assert found["level"].to_list() == ["view"]


def test_a_click_before_its_list_took_no_time():
    click = bought("c1", START - MINUTE, type="click", rec_id="r1", value=None, currency=None)
    figures = report(one_place(done=[click]), Rules(as_of=LATE_ENOUGH))["groups"][0]["figures"]
    assert figures["median_ms_to_click"]["value"] == 0


def test_spans_share_conversions_without_overlap():
    frames = simulated(seed=3)
    cut = START + 3 * DAY
    whole, before, after = (
        report(frames, Rules(as_of=LATE_ENOUGH, **span))["groups"][0]["figures"]
        for span in ({}, {"until": cut}, {"since": cut})
    )
    for name in ("lists_served", "lists_seen", "revenue:EUR:attributed", "revenue:USD:total"):
        assert before[name]["value"] and after[name]["value"]
        assert whole[name]["value"] == before[name]["value"] + after[name]["value"], name


def test_an_item_that_stands_twice_in_a_list_counts_where_it_stands_first():
    places = ((3, 0.1), (1, 0.2))
    slots = [{"rec_id": "r1", "position": n, "item": "a", "score": score} for n, score in places]
    done = table("done", [bought("p1", START, rec_id="r1")])
    frames = replace(empty(), served=one_list(), slots=table("slots", slots), done=done)
    found = attributed(frames, Rules(as_of=LATE_ENOUGH))
    assert found.slots["position"].to_list() == [1]
    assert found.conversions["position"].to_list() == [1]


def test_without_facts_there_are_counts_of_nothing_and_no_rates():
    figures = report(empty(), Rules(as_of=START), n_items=10)["groups"][0]["figures"]
    assert figures["lists_served"]["value"] == figures["conversions:purchase:total"]["value"] == 0
    for name in ("ctr_list", "conversion_rate:cart:direct", "median_ms_to_click", "hide_rate"):
        assert figures[name]["value"] is None and figures[name]["low"] is None


def test_merges_lead_as_far_as_they_lead_and_the_first_of_two_holds():
    pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("x", "y"), ("z", "z")]
    rows = [{"user": user, "into": into, "time": 1} for user, into in pairs]
    rows.append({"user": "x", "into": "e", "time": 2})
    found = dict(persons_of(table("merges", rows)).rows())
    assert found == {"a": "e", "b": "e", "c": "e", "d": "e", "x": "y"}


def test_merges_in_a_circle_are_refused_with_a_name_of_it():
    rows = [{"user": a, "into": b, "time": 1} for a, b in ("pq", "qr", "rq", "ab")]
    with pytest.raises(DataError, match="user '[pqr]' go round in a circle: take one of them out"):
        persons_of(table("merges", rows))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"since": 5, "until": 5}, "until after since"),
        ({"grace_s": -1}, "at least 0 s"),
        ({"clicks": ("click", "cart")}, r"\['cart'\] have several"),
        ({"sales": ("order",)}, "sales among the conversions"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        Rules(as_of=0, **wrong)


@pytest.mark.parametrize("by", [("colour",), ("arm:",), ("day", "day")])
def test_groups_that_cannot_be_meant_are_refused(by):
    with pytest.raises(ConfigError, match="expected"):
        report(empty(), Rules(as_of=0), by)


def test_an_empty_catalog_is_refused():
    with pytest.raises(ConfigError, match="at least 1 item"):
        report(empty(), Rules(as_of=0), n_items=0)


def test_lists_of_no_experiment_are_one_group():
    frames = replace(empty(), served=one_list(arms=None))
    told = report(frames, Rules(as_of=LATE_ENOUGH), ("arm:colour",))["groups"]
    assert [group["group"] for group in told] == [{}, {"arm:colour": None}]
