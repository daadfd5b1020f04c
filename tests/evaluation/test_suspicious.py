"""Snapshots that are broken or made up are caught; what shops do of themselves is not."""

import json
from dataclasses import replace

import numpy as np
import pytest

import shop_logs as logs
from bowerbird.errors import DataError
from bowerbird.evaluation.suspicious import suspicions

SEEDS = (1, 2, 3, 4)
WEEK = 7 * logs.DAY


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def world(request):
    return request.param, logs.made(request.param)


@pytest.fixture(scope="module")
def one():
    return 1, logs.made(1)


def judged(snapshot, before=None, days=7):
    before = snapshot if before is None else before
    return suspicions(logs.until(before, logs.END - days * logs.DAY), snapshot, days, logs.END)


def names(found, severity="hard"):
    return {each.name for each in found if each.severity == severity}


@pytest.mark.parametrize("mutate", logs.MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_each_way_a_snapshot_goes_wrong_is_caught_and_nothing_else_is_said(mutate, world):
    seed, data = world
    found = names(judged(mutate(data, seed), data))
    if mutate is logs.constant_times:  # which leaves the other days of the week empty
        assert logs.MUTATIONS[mutate] in found
    else:
        assert found == {logs.MUTATIONS[mutate]}


@pytest.mark.parametrize("shape", logs.HONEST, ids=lambda shape: shape.__name__)
def test_an_honest_week_raises_nothing(shape, world):
    seed, data = world
    assert judged(logs.thinned(data, shape, seed)) == ()


@pytest.mark.parametrize("mutate", [logs.rushed, logs.copied], ids=lambda mutate: mutate.__name__)
def test_what_can_be_kept_out_is_gone_without_its_places(mutate, one):
    seed, data = one
    bad = mutate(data, seed)
    (found,) = [each for each in judged(bad, data) if each.severity == "hard"]
    keep = np.ones(len(bad.log), dtype=bool)
    keep[found.places] = False
    assert judged(bad.with_log(bad.log.where(keep)), data) == ()


def test_of_a_rush_little_is_kept_out_but_what_was_made_up(one):
    seed, data = one
    bad = logs.rushed(data, seed)
    (found,) = judged(bad, data)
    users = bad.log.users[found.places]
    assert (users >= len(data.users)).mean() > 0.9
    assert len(np.unique(users[users >= len(data.users)])) == len(bad.users) - len(data.users)


def test_a_real_hit_of_people_who_were_there_before_is_no_rush(one):
    _, data = one
    week = logs.within(data, 7)
    people = np.unique(data.log.users[week])[::4]
    first = np.full(len(people), logs.END - WEEK // 2)
    rare = int(np.argmin(data.item_counts()))
    hit = logs.joined(data, users=people, items=np.full(len(people), rare), times=first)
    assert "rush" not in names(judged(hit, data))


def test_one_day_is_judged_as_a_week_is(one):
    _, data = one
    assert judged(data, days=1) == ()
    there = logs.within(data, 1)
    none = data.with_log(data.log.where(~there))
    assert [each.name for each in judged(none, data, days=1)] == ["no-events"]
    copies = data.with_log(data.log.where(np.repeat(np.arange(len(there)), np.where(there, 10, 1))))
    assert names(judged(copies, data, days=1)) == {"copies"}


def test_a_last_day_that_is_missing_is_seen_if_the_moment_is_told(one):
    _, data = one
    cut = logs.until(data, logs.END - logs.DAY)
    before = logs.until(data, logs.END - WEEK)
    assert names(suspicions(before, cut, 7, logs.END)) == {"missing-events"}
    assert suspicions(before, cut, 7) == ()


def test_ids_say_who_is_who_and_rows_do_not(one):
    seed, data = one
    turned = upside_down(data)
    assert judged(turned, data) == ()
    bad = logs.rushed(data, seed)
    assert judged(upside_down(bad), data) == judged(bad, data)


def upside_down(data):
    """The same log, users and items in other rows."""
    n, m = len(data.users), len(data.catalog)
    log = logs.placed(data.log, users=n - 1 - data.log.users, items=m - 1 - data.log.items)
    users = replace(data.users, ids=data.users.ids[::-1])
    traits = {name: column.take(np.arange(n)[::-1]) for name, column in data.traits.items()}
    catalog = data.catalog.take(np.arange(m)[::-1])
    return replace(data, users=users, catalog=catalog, log=log, traits=traits)


def test_the_log_before_may_reach_into_the_window():
    data = logs.made(1, events=20_000)
    whole = suspicions(data, data, 7, logs.END)
    assert whole == judged(data)


def test_a_first_log_and_a_short_one_are_judged_by_what_there_is():
    data = logs.made(1, events=20_000)
    nothing = data.with_log(data.log.where(np.zeros(len(data.log), dtype=bool)))
    assert judged(data, nothing) == ()
    short = data.with_log(data.log.where(data.log.times >= logs.END - 9 * logs.DAY))
    assert judged(short) == ()


def test_an_order_is_no_moment():
    data = logs.made(1, events=2_000)
    with pytest.raises(DataError, match="two logs with moments expected, an order came"):
        suspicions(data, replace(data, dated=False))


def test_a_suspicion_is_a_sentence_and_plain_data(one):
    seed, data = one
    (found,) = judged(logs.missing(data, seed), data)
    assert found.sentence().startswith("the day 3 before the last has too few events: about ")
    told = json.loads(json.dumps(found.to_json()))
    assert told["severity"] == "hard"
    assert told["places"] == 0
