"""What makes a retrain due: each trigger fires where it must, and nowhere else."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.facts import Done, Seen, Served, Slot
from bowerbird.errors import ConfigError
from bowerbird.online.attribution import attributed
from bowerbird.online.rules import Rules
from bowerbird.runs.plan import read_plan
from bowerbird.runs.retrain import run_before
from bowerbird.runs.triggers import keep, looked
from bowerbird.store.store import Change
from bowerbird.surfaces.registry import Registry
from bowerbird.surfaces.retrain_file import TriggersTable
from retrains import DAY, PLAN, copied, made

HOUR = 3600


@pytest.fixture(scope="module")
def after_two_days(tmp_path_factory):
    shop = made(tmp_path_factory.mktemp("shop"))
    for day in range(2):
        shop.live(day)
    yield shop
    shop.store.close()


@pytest.fixture
def shop(after_two_days, tmp_path):
    made = copied(after_two_days, tmp_path)
    yield made
    made.store.close()


def at(shop, moment, drift=False, **settings):
    """What would make a retrain due so many seconds after the first run was trained."""
    registry = Registry(shop.runs)
    before, _ = run_before(registry)
    plan = replace(PLAN, triggers=TriggersTable(drift=drift, **settings))
    return looked(registry, before, shop.store, shop.identity, plan, shop.begin + int(moment))


def named(look, name):
    return next(trigger for trigger in look.triggers if trigger.name == name)


def test_a_quiet_shop_is_due_by_the_clock_alone(shop):
    look = at(shop, DAY - 1)
    assert (look.due, look.fired(), look.cooling_until) == (False, [], None)
    schedule = named(look, "schedule")
    assert (schedule.value, schedule.limit, schedule.fired) == (DAY - 1, DAY, False)
    assert at(shop, DAY).fired() == ["schedule"]
    assert at(shop, 5 * DAY, every="off").fired() == []


def test_a_time_of_the_day_comes_once_a_day(shop):
    midnight = shop.begin - shop.begin % DAY + 2 * DAY

    def due(hours):
        return at(shop, midnight - shop.begin + hours * HOUR, at="02:00").fired() == ["schedule"]

    assert due(3)  # the first run is older than that
    assert shop.retrain(1).state == "kept champion"  # it ends, too
    ended = shop.begin + 2 * DAY - midnight  # when this one ended
    last = ended // DAY * DAY + 2 * HOUR + (DAY if ended % DAY >= 2 * HOUR else 0)
    assert not due((last - 60) / HOUR)
    assert due((last + 60) / HOUR)


def test_new_events_count_by_share_and_by_number(shop):
    came = named(at(shop, 2 * DAY), "new events").value
    log = shop.world.log
    assert came == np.count_nonzero(
        (log.times >= shop.begin) & (log.times < shop.begin + 2 * DAY)
    )  # each event of the two days
    few = named(at(shop, 2 * DAY, every="off"), "new events")
    assert (few.limit, few.fired) == (10_000, False)
    known = np.count_nonzero(log.times < shop.begin)
    enough = {"least_events": 1, "every": "off"}
    assert at(shop, 2 * DAY, new_events=came / known - 0.001, **enough).fired() == ["new events"]
    assert at(shop, 2 * DAY, new_events=came / known + 0.001, **enough).fired() == []


def test_items_that_the_model_has_never_met_are_counted_among_new_events(shop):
    shop.store.items.put([Change("fresh", {"title": "new"}, time=(shop.begin + DAY) * 1000)])
    quiet = named(at(shop, 2 * DAY), "unknown items")
    assert (quiet.value, quiet.fired) == (0.0, False)
    people = [shop.identity.user(user) for user in shop.world.users.ids[:300]]
    moments = [(shop.begin + DAY + 3 * n) * 1000 for n in range(len(people))]
    shop.store.facts.record(
        [
            Done(f"fresh-{n}", user, "fresh", "purchase", moment, moment, trust="secret")
            for n, (user, moment) in enumerate(zip(people, moments, strict=True))
        ]
    )
    old = named(at(shop, 2 * DAY), "new events").value - len(people)
    strange = named(at(shop, 2 * DAY, every="off"), "unknown items")
    assert strange.value == pytest.approx(300 / (300 + old))
    assert strange.fired and strange.words.startswith(f"{strange.value:.1%} of new events")
    assert not named(at(shop, 2 * DAY, unknown_items=strange.value), "unknown items").fired
    assert named(at(shop, 2 * DAY, unknown_items=0), "unknown items").words == "off"


def lived(shop, day, hour=None):
    """A day's events, of the types that they have; at this hour, where one is named."""
    log, begin = shop.world.log, shop.begin + day * DAY
    users, items = shop.world.users.ids, shop.world.catalog.items.ids
    facts = []
    for n in np.flatnonzero((log.times >= begin) & (log.times < begin + DAY)):
        second = int(log.times[n])
        second = second if hour is None else begin + hour * HOUR + second % HOUR
        of, type = shop.identity.user(users[log.users[n]]), log.type_names[log.types[n]]
        moment = (1000 * second, 1000 * second)
        facts.append(Done(f"{day}-{n}", of, items[log.items[n]], type, *moment, trust="secret"))
    shop.store.facts.record(facts)


@pytest.mark.parametrize(("hour", "fired"), [(None, False), (4, True)], ids=["as ever", "at four"])
def test_people_who_come_at_other_hours_are_a_drift(tmp_path, hour, fired):
    shop = made(tmp_path)
    for day in range(3):
        lived(shop, day, hour)
    look = at(shop, 3 * DAY, drift=True, every="off")
    assert named(look, "drift").fired == look.due == fired, named(look, "drift").words
    assert ("Hours of the day" in named(look, "drift").words) == fired
    shop.store.close()


def lists(shop, days, clicked, per_day=60):
    """Lists that were seen on these days; the first so many of each day were clicked."""
    served, facts = [], []
    for day in days:
        for n in range(per_day):
            moment = (shop.begin + day * DAY + 60 * n) * 1000
            rec, user = f"{day:03}-{n:03}", shop.identity.user(f"v{n}")
            slots = (Slot("i1", 1.0, 1.0, "personal"),)
            served.append(
                Served(rec, rec, moment, "for-you", "first", "c", "personal", slots, user)
            )
            facts.append(Seen(f"s{rec}", rec, "i1", moment + 1000, moment + 1000, 1, user))
            if n < clicked:
                facts.append(
                    Done(f"c{rec}", user, "i1", "click", moment + 2000, moment + 2000, rec)
                )
    shop.store.facts.serve(served)
    shop.store.facts.record(facts)


def test_lists_that_are_surely_clicked_less_than_before_are_a_decay(shop):
    assert named(at(shop, 2 * DAY), "decay").value is None  # nothing was seen
    lists(shop, range(1, 29), 30)
    lists(shop, range(29, 35), 30)
    steady = named(at(shop, 35 * DAY), "decay")
    assert steady.value == pytest.approx(0.0, abs=0.01) and not steady.fired
    lists(shop, range(40, 47), 6)
    fallen = named(at(shop, 47 * DAY, every="off"), "decay")
    assert fallen.value == pytest.approx(0.8) and fallen.fired
    assert fallen.words == (
        "10.00% of lists seen were clicked in the last 7 days, 50.00% in the 28 before"
    )
    assert not named(at(shop, 47 * DAY, decay=0.9), "decay").fired
    facts = shop.store.facts.frames(0, (shop.begin + 47 * DAY) * 1000)
    seen = attributed(facts, Rules(as_of=(shop.begin + 47 * DAY) * 1000)).lists
    assert len(seen) == 41 * 60


def test_nothing_is_heeded_while_the_last_retrain_cools_down(shop):
    assert shop.retrain(1).state == "kept champion"  # it ends, too
    end = 2 * DAY
    soon = at(shop, end + HOUR, new_events=0.0001, least_events=1, every="1m")
    assert soon.fired() == ["schedule", "new events"] and not soon.due
    assert soon.cooling_until == shop.begin + end + 6 * HOUR
    assert at(shop, end + 6 * HOUR, every="1m").due
    assert at(shop, end + HOUR, every="1m", cooldown="off").due


def test_what_was_killed_is_due_at_once_and_what_is_under_way_is_not(shop):
    told = {"state": "running", "pid": 2**22 + 1, "began": shop.begin + DAY}
    (shop.runs / "retrain.json").write_text(json.dumps(told))
    look = at(shop, DAY + 1)
    assert look.due and "interrupted" in look.fired()
    told["pid"] = os.getpid()
    (shop.runs / "retrain.json").write_text(json.dumps(told))
    look = at(shop, 9 * DAY)
    assert look.fired() == ["schedule"] and not look.due


def test_a_look_is_kept_as_plain_data(shop):
    look = at(shop, DAY)
    keep(shop.runs, look)
    told = json.loads((shop.runs / "triggers.json").read_text())
    assert told == json.loads(json.dumps(look.to_json()))
    assert {
        "schedule",
        "new events",
        "unknown items",
        "drift",
        "decay",
        "interrupted",
        "manual",
    } == {one["name"] for one in told["triggers"]}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"every": "often"}, "every: this: a time such as"),
        ({"at": "25:00"}, "at: a time of the day such as 02:00 expected, '25:00' came"),
        ({"decay": 2}, "decay: .*less than 1, 2 came"),
        ({"evry": "1d"}, "a key among every, .* expected, 'evry' came"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_told_with_its_name(table, told):
    with pytest.raises(ConfigError, match=rf"here: \[triggers\]: {told}"):
        read_plan({"triggers": table}, "here")
