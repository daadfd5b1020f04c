"""What each rule does to events of which the answer is known; and that order changes nothing."""

import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.bursts import Usual
from bowerbird.data.defence import Defence
from bowerbird.data.trusted import ALIKE, BURST, NOTHING, Before, trusted
from bowerbird.errors import ConfigError
from live_logs import DAY, HOUR, MINUTE, START, table

LATER = START + 1_000 * DAY
RULES = Defence()


def event(user="old", item="i", at=START, **told):
    event.number += 1
    arrived = told.pop("arrived", at)
    return {
        "event_id": f"e{event.number:06}",
        "user": user,
        "item": item,
        "type": "view",
        "time": at,
        "arrived": arrived,
        "trust": "secret",
    } | told


event.number = 0


def factors(events, rules=RULES, before=NOTHING, now=LATER):
    """In the order the events were given."""
    told = trusted(table("done", events), now, rules, before).events
    found = dict(told.select("event_id", "factor").iter_rows())
    return [round(found[one["event_id"]], 6) for one in events if one["event_id"] in found]


def reasons(events, rules=RULES, before=NOTHING):
    told = trusted(table("done", events), LATER, rules, before).events
    found = dict(told.select("event_id", "reason").iter_rows())
    return [found[one["event_id"]] for one in events]


def met_before(*users):
    return Before(dict.fromkeys(users, START - 30 * DAY))


OLD = met_before("old")


def test_an_event_is_believed_as_far_as_who_sent_it():
    events = [event(item=trust, trust=trust) for trust in ("secret", "public", "import")]
    assert factors(events, before=OLD) == [1.0, 0.5, 1.0]
    assert factors(events, Defence(secret=0.9, public=0.0, imported=0.3), OLD) == [0.9, 0, 0.3]


def test_of_a_person_s_day_the_first_events_count():
    events = [event(item=f"i{n}", at=START + n * MINUTE) for n in range(53)]
    events.append(event(item="i0", at=START + DAY))
    assert factors(events[::-1], Defence(influence=1e9), OLD)[::-1] == [1.0] * 50 + [0.0] * 3 + [1]


def test_the_same_again_counts_once_a_day_but_a_purchase_is_not_the_same_as_a_view():
    again = [event(at=START + n * MINUTE) for n in range(3)]
    events = [*again, event(type="purchase"), event(at=START + DAY)]
    assert factors(events, before=OLD) == [1.0, 0, 0, 1.0, 1.0]
    made_up = [event(type=f"kind{n}", at=START + n) for n in range(3)]
    assert factors(made_up, before=OLD) == [1.0, 0, 0]  # words of one's own are one kind


def test_the_influence_of_a_person_grows_with_the_root_of_what_they_do():
    many = [event(item=f"i{n}", at=START + day * DAY + n) for day in range(8) for n in range(50)]
    few = [event("other", f"i{n}") for n in range(100)]
    told = factors([*many, *few], Defence(a_day=100), met_before("old", "other"))
    assert told == [0.5] * 400 + [1.0] * 100  # 10/√400, 10/√100
    next_span = [event(at=START + 60 * DAY)]
    assert factors([*many, *next_span], before=OLD)[-1] == 1.0


def test_for_a_day_somebody_new_counts_a_fifth_unless_the_shop_has_sold_them_something():
    events = [
        event("new", "a"),
        event("new", "b", START + DAY - 1),
        event("new", "c", START + DAY),
        event("new", "d", type="purchase"),
        event("new", "e", type="purchase", trust="public"),
    ]
    assert factors(events) == [0.2, 0.2, 1.0, 1.0, 0.1]


def test_a_browser_is_not_believed_that_it_was_there_a_month_ago():
    then = START - 30 * DAY
    events = [event("fake", "a", then, arrived=START, trust="public")]
    events += [event("fake", "b", START, trust="public")]
    assert factors(events) == [0.1, 0.1]
    told_by_the_shop = [event("real", "a", then, arrived=START), event("real", "b", START)]
    assert factors(told_by_the_shop) == [0.2, 1.0]


def test_a_file_makes_people_old_and_is_not_doubted_itself():
    brought = [event("u", "a", START - 2 * DAY + n, trust="import") for n in range(200)]
    assert factors([*brought, event("u", "b")]) == [1.0] * 200 + [1.0]


def test_what_arrives_later_does_not_exist():
    events = [event(item="a"), event(item="b", arrived=START + HOUR)]
    assert factors(events, before=OLD, now=START) == [1.0]


def quiet_shop(days=10, a_day=20):
    """Old people, each of them another item a day; from the first day on nobody is new."""
    people = [f"p{n}" for n in range(a_day)]
    return [
        event(person, f"i{(n + day) % a_day}", START + day * DAY + n * MINUTE)
        for day in range(days)
        for n, person in enumerate(people)
    ], met_before(*people)


def rush(n, item, day=9, prefix="n", **told):
    return [event(f"{prefix}{u}", item, START + day * DAY + u, **told) for u in range(n)]


def test_a_rush_of_new_people_to_an_item_is_held_and_others_events_of_it_are_not():
    usual, before = quiet_shop()
    fake = rush(30, "i3")
    kept = rush(1, "i3", day=8, prefix="early") + rush(12, "i4", prefix="m")
    sold = rush(5, "i3", prefix="s", type="purchase")
    told = reasons([*usual, *fake, *kept, *sold], before=before)
    assert told[len(usual) : len(usual) + 30] == [BURST] * 30
    assert set(told[: len(usual)]) == {None} and set(told[len(usual) + 30 :]) == {None}
    assert set(factors([*usual, *fake], before=before)[len(usual) :]) == {0.0}


@pytest.mark.parametrize(("n", "held"), [(13, False), (14, True)])
def test_the_edge_is_six_standard_deviations_over_the_floor(n, held):
    usual, before = quiet_shop()  # less than a floor of 3 is usual of i3; 3 + 6·√3 = 13.4
    assert (reasons([*usual, *rush(n, "i3")], before=before)[-1] == BURST) is held


def test_an_honest_hit_of_people_who_were_there_before_is_no_burst():
    usual, before = quiet_shop()
    people = [f"a{n}" for n in range(300)]
    hit = [event(name, "i3", START + 9 * DAY + n) for n, name in enumerate(people)]
    before = met_before(*before.first, *people)
    assert set(reasons([*usual, *hit], before=before)) == {None}


def test_when_many_new_people_come_each_item_may_have_its_share_of_them():
    usual, before = quiet_shop(a_day=20)  # each item once a day
    crowd = [ev for n in range(20) for ev in rush(40, f"i{n}", prefix=f"c{n}-")]
    assert set(reasons([*usual, *crowd], before=before)) == {None}
    fake = rush(110, "i3", prefix="f")  # 40 + 6·√40 = 78 is the most of an item, were it only them
    told = reasons([*usual, *crowd, *fake], before=before)
    assert set(told[-110:]) == {BURST} and told.count(BURST) == 150


def test_what_is_usual_was_learned_before_the_facts():
    days = np.arange(10).repeat(100) * DAY + START - 20 * DAY
    usual = Usual.of(("hot", "cold"), np.tile([0, *[1] * 9], 100), days, RULES)
    before = Before(usual=usual)
    assert set(reasons(rush(11, "hot", day=0), before=before)) == {None}
    assert set(reasons(rush(14, "cold", day=0), before=before)) == {None}  # 90 a day are usual
    assert set(reasons(rush(14, "hot", day=0), before=before)) == {None}  # 10 + 6·√10 = 29
    assert set(reasons(rush(30, "hot", day=0), before=before)) == {BURST}
    assert set(reasons(rush(14, "unheard", day=0), before=before)) == {BURST}


def test_in_a_shop_s_first_days_nothing_is_a_burst():
    assert set(reasons(rush(100, "i", day=0))) == {None}
    later = [event("p", "other"), *rush(100, "i", day=3)]
    assert set(reasons(later)[1:]) == {BURST}


def test_a_rush_that_is_held_does_not_become_usual_the_next_day():
    usual, before = quiet_shop()
    days = [one for day in (7, 8, 9) for one in rush(100, "i3", day, prefix=f"d{day}-")]
    assert set(reasons([*usual, *days], before=before)[len(usual) :]) == {BURST}


def crowd(n, items, prefix="n", at=START, **told):
    return [
        event(f"{prefix}{u}", item, at + u * MINUTE, **told) for u in range(n) for item in items
    ]


def test_new_people_who_met_the_same_items_are_held_when_they_are_five():
    same = [f"i{n}" for n in range(6)]
    assert set(reasons(crowd(5, same))) == {ALIKE}
    assert set(reasons(crowd(4, same))) == {None}
    assert set(reasons(crowd(9, same[:4]))) == {None}  # so few items may well be the same


def test_nearly_the_same_is_enough_and_half_the_same_is_not():
    most, half = [f"i{n}" for n in range(19)], [f"i{n}" for n in range(10)]
    near = [one for u in range(6) for one in crowd(1, [*most, f"own{u}"], prefix=f"n{u}")]
    far = [
        one
        for u in range(6)
        for one in crowd(1, [*half, *(f"o{u}-{n}" for n in range(10))], prefix=f"f{u}")
    ]
    assert set(reasons(near)) == {ALIKE}  # 19 of 21 are met by both
    assert set(reasons(far)) == {None}


def test_people_alike_who_came_on_other_days_or_are_old_are_left_alone():
    same = [f"i{n}" for n in range(6)]
    apart = [one for n in range(8) for one in crowd(1, same, f"n{n}", START + 2 * n * DAY)]
    assert set(reasons(apart)) == {None}
    old = met_before(*(f"n{n}" for n in range(8)))
    assert set(reasons(crowd(8, same), before=old)) == {None}


def test_quarantine_is_told_by_reason_and_item():
    usual, before = quiet_shop()
    told = trusted(
        table("done", [*usual, *rush(30, "i3"), *crowd(5, [f"x{n}" for n in range(6)], "c")]),
        LATER,
        RULES,
        before,
    )
    rows = told.quarantined().rows()
    assert rows[0] == (BURST, "i3", 30, 30)
    assert rows[1:] == [(ALIKE, f"x{n}", 5, 5) for n in range(6)]
    assert told.kept().height == len(usual)


def test_no_events_are_no_trouble():
    told = trusted(table("done"), LATER, RULES)
    assert told.events.is_empty() and told.quarantined().is_empty()


EVENTS = st.lists(
    st.builds(
        event,
        user=st.sampled_from([f"u{n}" for n in range(12)]),
        item=st.sampled_from([f"i{n}" for n in range(8)]),
        at=st.integers(0, 6 * 24).map(lambda hours: START + hours * HOUR),
        type=st.sampled_from(["view", "purchase", "odd", "odder"]),
        trust=st.sampled_from(["secret", "public", "import"]),
    ),
    max_size=60,
)
TIGHT = Defence(a_day=4, influence=1.5, floor=0.5, z=1.0, alike_items=2, alike_users=2, alike=0.6)


@given(EVENTS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_facts_changes_nothing_and_no_factor_leaves_its_bounds(events, draw):
    given = table("done", events)
    mixed = table("done", draw.sample(events, len(events)))
    told, other = (trusted(each, LATER, TIGHT).events for each in (given, mixed))
    assert told.equals(other)
    assert told["factor"].is_between(0, 1).all() and told.height == len(events)
    assert told.filter(pl.col("reason").is_not_null())["factor"].sum() == 0


def test_the_time_it_takes_is_that_of_a_few_sorts():
    draw, n = np.random.default_rng(0), 200_000
    times = START + draw.integers(0, 30 * DAY, n)
    done = pl.DataFrame(
        {
            "event_id": pl.int_range(n, eager=True).cast(pl.String),
            "user": pl.Series(draw.zipf(1.3, n) % 50_000).cast(pl.String),
            "item": pl.Series(draw.zipf(1.2, n) % 50_000).cast(pl.String),
            "type": "view",
            "time": times,
            "arrived": times,
            "trust": "public",
        }
    )
    began = time.process_time()
    told = trusted(done, LATER, RULES)
    assert told.events.height == n
    assert time.process_time() - began < 8  # one, and five for a million


@pytest.mark.parametrize(
    "told", [{"public": 1.5}, {"a_day": 0}, {"z": 0.0}, {"alike_users": 1}, {"influence": -1.0}]
)
def test_rules_that_cannot_be_meant_are_refused(told):
    with pytest.raises(ConfigError, match=next(iter(told))):
        Defence(**told)
