"""Windows of which the change is known: alarms where there is much and it is sure, else none."""

import json
from dataclasses import replace

import numpy as np
import pytest

import shop_logs as logs
from bowerbird.data.columns import Column
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError
from bowerbird.evaluation.drift import Limits, drift_of_vectors, drifts

NAMES = {
    "event-types",
    "hours",
    "weekdays",
    "popularity",
    "category:category",
    "category:type",
    "number:price",
    "values",
    "events-a-day",
    "histories",
    "new-users",
    "unknown-items",
}


@pytest.fixture(scope="module")
def data():
    return logs.made(1, 60_000)


def windows(data, days=7, back=35):
    """The last days, and those before them."""
    cut = logs.END - days * logs.DAY
    times = data.log.times
    old = (times < cut) & (times >= cut - back * logs.DAY)
    new = (times >= cut) & (times < logs.END)
    return tuple(data.with_log(data.log.where(keep)) for keep in (old, new))


def alarms(found):
    return {drift.name for drift in found if drift.light.ok is False}


def of(found, name):
    (drift,) = [drift for drift in found if drift.name == name]
    return drift


@pytest.mark.parametrize("shape", [logs.even, logs.weekends, logs.growth])
@pytest.mark.parametrize("seed", range(4))
def test_honest_weeks_raise_no_alarm(shape, seed):
    data = logs.thinned(logs.made(seed, 60_000), shape, seed)
    found = drifts(*windows(data))
    assert {drift.name for drift in found} == NAMES
    assert alarms(found) == set()
    assert all(drift.light.ok for drift in found)


def changed(data, **columns):
    """The data with these columns in the last week."""
    week = logs.within(data, 7)
    new = {name: np.where(week, value, getattr(data.log, name)) for name, value in columns.items()}
    return data.with_log(logs.placed(data.log, **new))


def at_noon(data):
    return changed(data, times=data.log.times // logs.DAY * logs.DAY + 12 * 3600)


def on_one_day(data):
    week = logs.within(data, 7)
    random = np.random.default_rng(0)
    gone = week & (data.log.times < logs.END - logs.DAY) & (random.random(len(week)) < 0.6)
    return data.with_log(data.log.where(~gone))


def all_bought(data):
    return changed(data, types=2)


def dearer(data):
    return changed(data, values=data.log.values * np.float32(2))


def on_the_rarest(data):
    rare = np.argsort(data.item_counts())[:250]
    return changed(data, items=rare[data.log.items % 250])


def on_one_shelf(data):
    there = np.flatnonzero(data.catalog.fields["category"].values == 0)
    return changed(data, items=there[data.log.items % len(there)])


def of_strangers(data):
    random = np.random.default_rng(0)
    n = 2000
    return logs.joined(
        data,
        users=len(data.users) + np.arange(n),
        items=random.choice(data.log.items, n),
        times=logs.END - 7 * logs.DAY + random.integers(0, 7 * logs.DAY, n),
    )


def four_times(data):
    times = np.where(logs.within(data, 7), 4, 1)
    return data.with_log(data.log.where(np.repeat(np.arange(len(times)), times)))


CHANGES = {
    at_noon: "hours",
    on_one_day: "weekdays",
    all_bought: "event-types",
    dearer: "values",
    on_the_rarest: "popularity",
    on_one_shelf: "category:category",
    of_strangers: "new-users",
    four_times: "events-a-day",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_each_change_raises_its_alarm(change, data):
    found = drifts(*windows(change(data)))
    assert CHANGES[change] in alarms(found)
    assert [drift.light.ok for drift in found] == sorted(drift.light.ok for drift in found)


@pytest.mark.parametrize("change", [at_noon, on_one_day, all_bought, dearer, four_times])
def test_an_alarm_is_about_what_changed(change, data):
    assert alarms(drifts(*windows(change(data)))) <= {CHANGES[change], "events-a-day"}


def test_items_that_nobody_had_met_are_a_share_of_the_events(data):
    old, new = windows(data)
    size = len(data.catalog)
    catalog = data.catalog
    ids = Vocabulary(tuple(f"n{row}" if row % 3 == 0 else f"i{row}" for row in range(size)))
    found = drifts(old, replace(new, catalog=replace(catalog, items=ids)))
    drift = of(found, "unknown-items")
    assert drift.light.ok is False
    assert drift.figure == pytest.approx((new.log.items % 3 == 0).mean(), abs=0.02)


def test_many_events_make_no_alarm_of_a_small_change_and_few_none_of_chance():
    """p is as small as one likes where much is known of a hair."""
    random = np.random.default_rng(0)

    def window(n, purchases, start):
        data = logs.made(1, 2_000)
        users = np.sort(random.integers(0, 1000, n)).astype(np.int32)
        times = start + random.integers(0, 7 * logs.DAY, n)
        log = replace(
            data.log,
            users=users,
            items=random.integers(0, 500, n).astype(np.int32),
            times=times[np.lexsort((times, users))],
            weights=np.ones(n, np.float32),
            types=np.where(random.random(n) < purchases, 2, 0).astype(np.int16),
            values=np.full(n, np.nan, np.float32),
        )
        return data.with_log(log)

    sure = Limits(psi=0.0)
    week = 7 * logs.DAY
    large = [window(250_000, share, start) for share, start in ((0.20, 0), (0.21, week))]
    assert of(drifts(*large, sure), "event-types").light.ok is False
    assert of(drifts(*large), "event-types").light.ok is True
    small = [window(60, share, start) for share, start in ((0.20, 0), (0.30, week))]
    assert of(drifts(*small), "event-types").light.ok is True


def test_who_is_who_is_said_by_ids(data):
    old, new = windows(at_noon(data))
    n = len(new.users)
    users = replace(new.users, ids=new.users.ids[::-1])
    traits = {name: column.take(np.arange(n)[::-1]) for name, column in new.traits.items()}
    log = logs.placed(new.log, users=n - 1 - new.log.users)
    turned = replace(new, users=users, log=log, traits=traits)
    one, two = drifts(old, new), drifts(old, turned)
    assert [d.name for d in one] == [d.name for d in two]
    assert [d.figure for d in one] == pytest.approx([d.figure for d in two])
    assert [d.limit for d in one] == pytest.approx([d.limit for d in two])


def test_what_cannot_be_compared_has_no_figure_and_no_light(data):
    old, new = windows(data, back=10)
    found = drifts(old, new)
    for name in ("histories", "new-users", "unknown-items"):
        assert of(found, name).light.ok is None
    bare = [replace(side, log=replace(side.log, values=None)) for side in windows(data)]
    assert of(drifts(*bare), "values").light.ok is None
    day = drifts(*windows(data, days=1))
    assert of(day, "weekdays").light.ok is None
    json.dumps([drift.to_json() for drift in [*found, *day]], allow_nan=False)


def test_new_labels_and_rare_ones_are_no_error(data):
    old, new = windows(data)
    names = [f"only {row}" if row % 5 else "others" for row in range(len(new.catalog))]
    fields = new.catalog.fields | {"category": Column.category(names)}
    found = drifts(old, replace(new, catalog=replace(new.catalog, fields=fields)))
    assert "category:category" in alarms(found)


def test_prices_of_the_catalog_that_doubled_are_told_as_what_changed(data):
    old, new = windows(data)
    price = new.catalog.fields["price"]
    fields = new.catalog.fields | {"price": replace(price, values=2 * price.values)}
    dearer = replace(new, catalog=replace(new.catalog, fields=fields))
    assert alarms(drifts(old, dearer)) == {"number:price"}


def test_an_alarm_is_a_sentence(data):
    light = of(drifts(*windows(dearer(data))), "values").light
    assert light.sentence().startswith("Values of events: at most 0.100 (by chance 0.0")
    assert "most: " in light.figure
    told = of(drifts(*windows(data)), "hours").to_json()
    assert told["name"] == "hours"
    assert told["title"] == "Hours of the day (UTC)"
    assert told["figure"] < told["limit"]
    assert told["ok"] is True


def test_windows_without_moments_or_events_are_an_error(data):
    old, new = windows(data)
    with pytest.raises(DataError, match="old window: events with moments expected, none came"):
        drifts(replace(old, dated=False), new)
    with pytest.raises(DataError, match="new window"):
        drifts(old, new.with_log(new.log.where(np.zeros(len(new.log), dtype=bool))))


def test_vectors_that_moved_are_an_alarm_and_others_not():
    random = np.random.default_rng(0)
    then, now = (random.normal(size=(300, 8)).astype(np.float32) for _ in range(2))
    now[:20] = 0  # strangers have nothing to say
    still = drift_of_vectors(then, now)
    assert still.light.ok is True
    moved = drift_of_vectors(then, now + np.float32(0.5))
    assert moved.light.ok is False
    assert moved.figure > moved.limit
    json.dumps(moved.to_json())
