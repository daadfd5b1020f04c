"""A snapshot is the run's log and what came since, and nobody who is gone."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.defence import Defence
from bowerbird.data.facts import Done, Merge
from bowerbird.runs.run import write_data
from bowerbird.runs.snapshot import taken
from bowerbird.store.identity import Identity
from bowerbird.store.opened import open_store
from bowerbird.store.store import Change
from bowerbird.surfaces.run_folder import load_run, read_data
from servers import START, world, write

IDENTITY = Identity(bytes(32))
NOW = (START + 3600) * 1000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(write(tmp_path_factory.mktemp("runs") / "first", model="popularity"))


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


def done(store, user, item, minute=1, arrived=None, type="purchase"):
    at = (START + 60 * minute) * 1000
    store.facts.record(
        [Done(f"{user}-{item}-{minute}", user, item, type, at, arrived or at, trust="secret")]
    )


def snapshot(run, store, as_of=NOW):
    return taken(run, store, IDENTITY, Defence(new=1.0), as_of)


def of(data, name):
    """Items of a person, in their order."""
    row = data.users.rows([name])[0]
    return [data.catalog.items.ids[item] for item in data.log.items[data.log.users == row]]


def test_what_somebody_did_since_follows_what_the_run_knows_of_them(run, store):
    known = run.data.users.ids[0]
    done(store, IDENTITY.user(known), "i5")
    done(store, "visitor", "i7")
    found = snapshot(run, store)
    assert of(found.data, known) == [*of(run.data, known), "i5"]
    assert of(found.data, "visitor") == ["i7"]
    assert found.facts["live"] == 2 and found.facts["events"] == len(run.data.log) + 2


def test_what_arrives_later_does_not_exist_and_the_same_moment_gives_the_same(run, store):
    done(store, "a", "i1")
    done(store, "b", "i2", minute=2, arrived=NOW + 1)
    first, later = snapshot(run, store), snapshot(run, store, NOW + 1)
    assert "b" not in first.data.users and of(later.data, "b") == ["i2"]
    assert snapshot(run, store).facts == first.facts
    assert first.facts["data"] != later.facts["data"]


def test_who_was_deleted_is_in_it_neither_by_event_nor_by_name(run, store):
    one, other = run.data.users.ids[:2]
    done(store, IDENTITY.user(one), "i5")
    store.people.delete(IDENTITY.user(one), NOW)
    found = snapshot(run, store)
    assert one not in found.data.users and IDENTITY.user(one) not in found.data.users
    assert of(found.data, other) == of(run.data, other)
    assert found.facts["deleted people"] == 1


def test_who_comes_back_after_a_deletion_is_somebody_new(run, store):
    one = run.data.users.ids[0]
    store.people.delete(IDENTITY.user(one), START * 1000)
    done(store, IDENTITY.user(one), "i5", minute=9)
    found = snapshot(run, store)
    assert one not in found.data.users and of(found.data, IDENTITY.user(one)) == ["i5"]


def test_names_that_were_merged_are_one_person(run, store):
    one = run.data.users.ids[0]
    done(store, "nameless", "i5")
    store.people.merge([Merge("nameless", IDENTITY.user(one), NOW)])
    found = snapshot(run, store)
    assert "nameless" not in found.data.users
    assert of(found.data, one) == [*of(run.data, one), "i5"]


def test_items_are_as_the_shop_has_them_now(run, store):
    store.items.put([Change("new", {"title": "brand new", "price": 3.5}), Change("i2", None)])
    done(store, "a", "new")
    found = snapshot(run, store)
    catalog = found.data.catalog
    assert of(found.data, "a") == ["new"]
    assert catalog.fields["price"].values[catalog.items.rows(["new"])[0]] == 3.5
    assert [catalog.items.ids[row] for row in np.flatnonzero(found.gone)] == ["i2"]


def test_events_that_the_run_was_trained_on_count_once(run, store):
    data = world()
    row = int(np.argmax(data.log.times))
    user, item = data.users.ids[data.log.users[row]], data.catalog.items.ids[data.log.items[row]]
    at = int(data.log.times[row]) * 1000
    told = Done("again", IDENTITY.user(user), item, "view", at, NOW, trust="import")
    store.facts.record([told])
    assert snapshot(run, store).facts["events"] == len(run.data.log)


def test_an_item_stays_as_new_as_it_was_when_it_was_put(run, store, tmp_path):
    store.items.put([Change("new", {"title": "brand new"}, time=NOW - 5000)])
    once = snapshot(run, store)
    write_data(tmp_path, once.data)
    again = snapshot(replace(run, data=read_data(tmp_path)), store)
    column = again.data.catalog.fields["available_from"]
    assert column.values[-1] == NOW // 1000 - 5
    np.testing.assert_array_equal(column.values, once.data.catalog.fields["available_from"].values)
