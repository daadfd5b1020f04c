"""A list that went out is made again from its name: the same, or what is not so is named."""

import json
import os
import random
import shutil
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest

from bowerbird.cli.main import run as bowerbird
from bowerbird.errors import ArtifactError, DataError, StoreDown
from bowerbird.serving import ladder
from bowerbird.serving.messages import Ask
from bowerbird.serving.rec_id import rec_id
from bowerbird.serving.recomputed import Recomputing, differing
from bowerbird.serving.service import Settings
from servers import START, Clock, serving, write

RECIPE = """
[events]
path = "events.parquet"
[scenarios.home]
surface = "for-you"
k = 4
steps = [{ step = "mmr", column = "kind", weight = 0.5 }, { step = "recent", weight = 0.5 }]
[scenarios.drawn]
surface = "for-you"
explore = { epsilon = 0.5 }
[scenarios.ruled]
surface = "for-you"
rules = "rules.toml"
[scenarios.round]
surface = "popular"
steps = [{ step = "rotate", every = "1h", keep = 1 }]
[scenarios.fresh]
surface = "for-you"
recently = { times = 1, within = "1h" }
steps = [{ step = "tired" }]
"""
RULES = """
[[rules]]
name = "first of all"
do = "pin"
ids = ["i9"]
[[rules]]
name = "not now"
do = "hide"
items = "price >= 10"
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs, the first of which answers."""
    folder = tmp_path_factory.mktemp("recomputed")
    write(folder / "first", recipe=RECIPE)
    (folder / "first" / "rules.toml").write_text(RULES)
    (folder / "current").write_text("first\n")
    return folder


@pytest.fixture
def shop(runs, tmp_path):
    with opened(runs, tmp_path) as client:
        yield client


@contextmanager
def opened(runs, folder):
    settings = Settings(10_000, 1e6, recount_s=60.0)
    with serving(runs, folder, settings, clock=Clock()) as client:
        client.service.current.snapshot.warm(START)  # as a server does when it starts
        yield client


def later(client, seconds=1.0):
    client.service.clock.now += seconds


def ask(client, **told):
    reply = client.post("/v1/recommend", json=told)
    assert reply.status_code == 200, reply.text
    later(client)
    return reply.json()


def act(client, *rows, path="/v1/events"):
    name = path.rpartition("/")[2]
    reply = client.post(path, json={name: list(rows)})
    assert reply.json()["accepted"] == len(rows), reply.text
    later(client)


def written(client):
    """All lists are on disk."""
    client.service.lists.close()
    return Recomputing(
        client.service.current.runs.place, client.service.store, client.service.identity
    )


def items(told):
    return [item["item"] for item in told["items"]]


def assert_same(client, lists):
    """Each is made again as it went out; by the rung that was reached, scores and propensities."""
    again = written(client)
    for told in lists:
        found = again.list(told["rec_id"])
        assert found.same and not found.why, (told, found.differs, found.why)
        assert [item.item for item in found.again.items] == items(told)
        for before, now in zip(told["items"], found.again.items, strict=True):
            assert now.score == pytest.approx(before["score"], abs=1e-6)
            assert (now.source, now.propensity) == (before["source"], before["propensity"])
        assert "removed" in found.again.trace or found.again.rung == "baked"


WAYS = [
    {"user": "u0"},
    {"user": "u1", "scenario": "home", "session": "s1"},
    {"user": "u2", "scenario": "drawn"},
    {"user": "new", "scenario": "drawn", "k": 6},
    {"user": "u3", "scenario": "ruled", "k": 5},
    {"user": "u4", "scenario": "fresh"},
    {"scenario": "round"},
    {"user": "nobody"},
    {"visitor": "v1"},
    {"visitor": "v2", "traits": {"land": "de"}},
    {"items": ["i4", "i5", {"item": "i6", "type": "view", "time": (START - 60) * 1000}], "k": 2},
    {"items": ["i4"], "scenario": "similar"},
    {"items": ["i4", "i5"], "scenario": "goes-with"},
    {"items": ["i4", "i5"], "scenario": "next"},
    {"scenario": "search", "text": "thing number 7"},
    {"scenario": "popular"},
    {"scenario": "new", "user": "u5"},
    {"scenario": "trending", "traits": {"land": "fr"}},
]
MORE = [
    {},
    {"filter": "price < 9"},
    {"never": ["i1", "i2", "gone"]},
    {"only": ["i1", "i3", "i5", "i7", "n1"], "k": 3},
    {"filter": "kind = 'a'", "never": ["i3"], "explain": True, "fields": ["price"]},
]


def story(client, seed):
    """Lists of all kinds, while people act and the shop changes its items."""
    rng, lists = random.Random(seed), []
    for turn, way in enumerate(rng.sample(WAYS * 2, 2 * len(WAYS))):
        lists.append(ask(client, **way, **rng.choice(MORE[: 3 if "k" in way else 5])))
        who = rng.choice([{"user": "u0"}, {"user": "new"}, {"visitor": "v1"}, {"visitor": "v2"}])
        kind = rng.choice(["view", "purchase", "hide"])
        act(client, {**who, "item": f"i{rng.randrange(12)}", "type": kind})
        shown = {**who, "rec_id": lists[-1]["rec_id"], "item": f"i{rng.randrange(12)}"}
        act(client, shown, path="/v1/exposures")
        if turn % 7 == 3:
            client.put(f"/v1/items/n{turn}", json={"fields": {"price": turn, "kind": "a"}})
        if turn % 12 == 8:
            later(client, 61)
            client.service.current.refresh()
    return lists


@pytest.mark.parametrize("seed", range(1))
def test_every_list_of_a_story_is_made_again_as_it_went_out(shop, seed):
    lists = story(shop, seed)
    rungs = {told["rung"] for told in lists}
    assert rungs >= {"personal", "session", "popular"}
    assert shop.service.current.snapshot.live is not None
    assert_same(shop, lists)


def test_steps_follow_the_moment_of_a_list_however_long_their_scenario_is_open(shop):
    lists = [ask(shop, scenario="round", k=4) for _ in range(2)]
    later(shop, 3_600)
    lists.append(ask(shop, scenario="round", k=4))
    assert items(lists[0]) == items(lists[1]) != items(lists[2])
    assert_same(shop, lists)


def put(client, found):
    reply, served = found
    client.service.lists.put(served)
    later(client)
    return {"rec_id": reply.rec_id, "items": [vars_of(item) for item in reply.items]}


def vars_of(item):
    return {name: getattr(item, name) for name in ("item", "score", "source", "propensity")}


def test_lists_that_were_answered_in_need_are_made_again_on_the_same_rung(shop, monkeypatch):
    act(shop, *({"user": "u0", "item": f"i{n}", "type": "view"} for n in range(3)))
    service, lists = shop.service, []

    def question(until, **told):
        now_ms = service.now_ms()
        return service.answers.question(Ask(**told), rec_id(now_ms), now_ms, until, "q")

    snapshot = service.current.snapshot
    for told in ({"user": "u0"}, {"user": "u1", "filter": "price < 9", "scenario": "ruled"}):
        lists.append(put(shop, service.answers.best(question(0.0, **told), snapshot)))
        late = "the deadline is over"
        lists.append(put(shop, service.answers.baked(question(0.0, **told), snapshot, late)))
        with monkeypatch.context() as patch:
            patch.setattr(ladder, "asked", _failing(ladder.asked))
            lists.append(put(shop, service.answers.best(question(1e12, **told), snapshot)))
        with monkeypatch.context() as patch:
            patch.setattr(service.store.facts, "histories", _down)
            lists.append(put(shop, service.answers.best(question(1e12, **told), snapshot)))
    assert_same(shop, lists)
    kept = [service.store.facts.served(told["rec_id"]) for told in lists]
    assert [one.rung for one in kept] == ["segment", "baked", "segment", "session"] * 2
    assert all(one.reason for one in kept)


def _failing(asked):
    """As if the model failed, and nothing behind it."""
    calls = []

    def work(*told):
        calls.append(told)
        if len(calls) == 1:
            raise RuntimeError("no model today")
        return asked(*told)

    return work


def _down(users, last):
    raise StoreDown("nobody there")


def test_what_was_done_or_merged_later_is_not_known_to_the_list(shop):
    act(
        shop,
        {"user": "new", "item": "i0", "type": "view"},
        {"visitor": "v", "item": "i6", "type": "view"},
    )
    lists = [ask(shop, user="new", k=3), ask(shop, visitor="v", k=3)]
    early = (START - 3_600) * 1000  # it happened before the list, and came in after it
    act(shop, *({"user": "new", "item": f"i{n}", "type": "view", "time": early} for n in (1, 2)))
    assert shop.post("/v1/users/new/merge", json={"visitor": "v"}).json()["merged"]
    later(shop)
    lists += [ask(shop, user="new", k=3), ask(shop, visitor="v", k=3)]
    assert items(lists[0]) != items(lists[2]) and items(lists[2]) == items(lists[3])
    assert_same(shop, lists)


def test_an_event_of_the_same_moment_counts_as_far_as_the_list_knew_it(shop):
    service = shop.service
    told = {"user": "new", "type": "view"}
    shop.post("/v1/events", json={**told, "item": "i0", "event_id": "e0"})
    knew_one = shop.post("/v1/recommend", json={"user": "new", "k": 2}).json()
    shop.post("/v1/events", json={**told, "item": "i1", "event_id": "e1"})
    knew_two = shop.post("/v1/recommend", json={"user": "new", "k": 2}).json()
    assert service.now_ms() == START * 1000 and items(knew_one) != items(knew_two)
    assert_same(shop, [knew_one, knew_two])


def test_items_that_came_or_went_later_make_no_difference_and_one_that_changed_is_named(shop):
    shop.put("/v1/items/fresh", json={"fields": {"price": 3}})
    shop.service.current.refresh()
    shop.delete("/v1/items/i5")
    lists = [ask(shop, scenario="new", k=1), ask(shop, user="u0", filter="price < 8", k=4)]
    assert items(lists[0]) == ["fresh"] and "i5" not in items(lists[1])
    gone = items(lists[1])[0]
    shop.put("/v1/items/newer", json={"fields": {"price": 2}})
    shop.delete(f"/v1/items/{gone}")
    shop.service.current.refresh()
    assert_same(shop, lists)
    shop.patch("/v1/items/fresh", json={"fields": {"available_until": "2001-01-01T00:00:00Z"}})
    found = written(shop).list(lists[0]["rec_id"])
    assert not found.same and found.differs[0].startswith("place 1: fresh went out")
    assert any("3 items were changed since (fresh, " in why for why in found.why)


def test_rules_that_were_changed_since_are_named(shop, runs):
    rules = runs / "first" / "rules.toml"
    lists = [ask(shop, user="u3", scenario="ruled", k=3)]
    assert items(lists[0])[0] == "i9"
    assert_same(shop, lists)
    rules.write_text(RULES.replace("i9", "i2"))
    os.utime(rules, (START + 3_600,) * 2)
    try:
        found = written(shop).list(lists[0]["rec_id"])
    finally:
        rules.write_text(RULES)
        os.utime(rules, (START - 3_600,) * 2)
    assert not found.same and any(f"{rules} were changed since" in why for why in found.why)


def test_a_list_of_somebody_who_was_deleted_is_gone_with_them_and_that_is_said(shop):
    mine = ask(shop, user="u0", items=["i4"], session="s")
    yours = ask(shop, user="u1")
    shop.delete("/v1/users/u0")
    again = written(shop)
    with pytest.raises(DataError, match=r"none of the name .*1 names so far\) went with them"):
        again.list(mine["rec_id"])
    assert again.list(yours["rec_id"]).same
    (held,) = shop.service.store.database.read(
        "SELECT count(*) FROM served WHERE asked LIKE '%i4%'"
    )
    assert held == (0,)


def test_a_list_of_before_says_that_it_cannot_be_asked_again(shop):
    told = ask(shop, user="u0")
    again = written(shop)
    kept = shop.service.store.facts.served(told["rec_id"])
    old = replace(kept, rec_id="old", asked=None, change=None, counted=None, past=None)
    shop.service.store.facts.serve([old])
    with pytest.raises(DataError, match="a former version served it"):
        again.list("old")


def test_a_run_that_is_gone_is_said_and_why(shop, runs, tmp_path):
    told = ask(shop, user="u0")
    again = written(shop)
    empty = tmp_path / "runs"
    empty.mkdir()
    line = {"at": 1, "what": "removed", "run": "first", "before": None, "who": "retrain"}
    (empty / "audit.jsonl").write_text(json.dumps({**line, "why": "5 are kept"}) + "\n")
    with pytest.raises(ArtifactError, match=r"removed by retrain: 5 are kept.*keep more runs"):
        replace(again, runs=empty, _loaded={}).list(told["rec_id"])
    shutil.copytree(runs / "first", tmp_path / "other")
    with pytest.raises(ArtifactError, match="another came: name the folder of runs"):
        replace(again, runs=tmp_path / "other", _loaded={}).list(told["rec_id"])
    assert replace(again, runs=runs / "first", _loaded={}).list(told["rec_id"]).same


def test_the_command_tells_the_list_and_whether_it_is_the_same(runs, tmp_path, capsys):
    with opened(runs, tmp_path) as shop:
        told = ask(shop, user="u0", k=3, filter="price < 9", session="s", request="mine")
        shop.put("/v1/items/late", json={"fields": {"price": 1}})
    words = ["recompute", told["rec_id"], str(runs), "--data", str(tmp_path / "data")]
    assert bowerbird(words) == 0
    assert "the same as went out" in capsys.readouterr().out
    assert bowerbird([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["same"] and items(said["again"]) == items(told)
    told_again = {"scenario": "for-you", "k": 3, "filter": "price < 9", "session": "s"}
    told_again["explain"] = True
    assert said["asked"] == told_again
    assert said["again"]["trace"]["removed"] and said["served"]["request"] == "mine"
    assert bowerbird(["recompute", "none", str(runs), "--data", str(tmp_path / "data")]) == 2
    assert "none of the name none" in capsys.readouterr().err
    assert bowerbird([*words[:3], "--data", str(tmp_path / "nowhere")]) == 2
    assert not (tmp_path / "nowhere").exists()


def test_a_scenario_is_what_it_was_when_the_list_was_made(shop):
    def put(k):
        told = {"surface": "for-you", "k": k, "rules": [{"name": "r", "do": "pin", "ids": ["i9"]}]}
        assert shop.put("/v1/scenarios/front", json=told).status_code == 200
        later(shop)
        return ask(shop, user="u1", scenario="front")

    first, second = put(3), put(5)
    assert shop.delete("/v1/scenarios/front").status_code == 204
    assert len(items(first)) == 3 and len(items(second)) == 5
    assert_same(shop, [first, second])


def test_items_of_one_score_may_change_places_and_others_may_not(shop):
    told = ask(shop, user="u1", k=4)
    served = shop.service.store.facts
    written(shop)
    out = served.served(told["rec_id"])
    reply = written(shop).list(told["rec_id"]).again
    assert differing(out, reply) == []
    slots = out.slots

    def tied(*scores):
        some = zip(slots, scores, strict=True)
        return replace(out, slots=tuple(replace(slot, score=score) for slot, score in some))

    first, second, *rest = reply.items
    swapped = msgspec.structs.replace(reply, items=[second, first, *rest])
    for near in (2.0, 2.0000001):
        assert differing(tied(2.0, near, 1.0, 0.5), swapped) == []
    assert len(differing(tied(2.0001, 2.0, 1.0, 0.5), swapped)) == 2
    assert len(differing(tied(3.0, 2.0, 1.0, 0.5), swapped)) == 2
    assert len(differing(tied(3.0, 2.0, 2.0, 0.5), swapped)) == 2
    other = msgspec.structs.replace(first, item="i99")
    strange = msgspec.structs.replace(reply, items=[second, other, *rest])
    assert len(differing(tied(2.0, 2.0, 1.0, 0.5), strange)) == 2


def test_a_list_of_somebody_who_is_held_out_is_made_again_so(run, tmp_path):
    with serving(run, tmp_path) as client:
        client.put("/v1/scenarios/home", json={"surface": "for-you", "k": 4, "holdout": 0.5})
        asked = [{"scenario": "home", "user": f"u{n}"} for n in range(8)]
        got = [client.post("/v1/recommend", json=one).json() for one in asked]
        held = next(one for one in got if one["reason"] == "holdout")
        client.put("/v1/scenarios/home", json={"surface": "for-you", "k": 4})
        again = written(client).list(held["rec_id"])
        assert again.same and again.again.reason == "holdout"
