"""What is told beside a verdict: nothing of an honest retrain, each fault under its own name."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.split import ByTime
from bowerbird.data.synthetic import World
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import DataError
from bowerbird.retrieval.models import estimator_of
from bowerbird.runs import moved
from bowerbird.runs.aging import age
from bowerbird.runs.moved import neighbours
from bowerbird.runs.policy import Policy
from bowerbird.runs.retrain import PARTS
from bowerbird.runs.run import Trained, write_run
from bowerbird.runs.tune import Choice
from bowerbird.runs.watch_page import watch_sections
from bowerbird.runs.watching import Scene, drift, unknown, watched
from bowerbird.surfaces.run_folder import load_run
from pages import Checker
from retrains import DAY, RECIPE

EVIL = '<script>alert("x")</script>'


def run(folder, data, cut, model="als", change=None, seconds=1.0, **settings):
    """A run of this data that has learned from what was before the cut."""
    estimator = estimator_of(model, **settings)
    fitted = estimator.fit(data.with_log(data.log.where(data.log.times < cut)))
    fitted = fitted if change is None else change(fitted)
    trained = Trained(fitted, Choice(estimator), Popularity(window_days=7.0))
    facts = {"model": model, "seed": 0, "trained_at": cut, "seconds": seconds}
    write_run(folder, data, trained, facts | {"snapshot": {"cut": cut}}, RECIPE)
    return load_run(folder)


def scene(before, candidate, data, kept=(), policy=Policy(least_people=50)):  # noqa: B008  frozen
    split = ByTime(at=candidate.learned_until, repeats=True).split(data)
    return Scene(before, candidate, data, split, kept, policy)


def swapped(fitted):
    """The same vectors under other ids."""
    vectors = np.random.default_rng(0).permutation(fitted.table.vectors)
    return replace(fitted, table=replace(fitted.table, vectors=vectors))


def lights(told, part):
    return {light["name"]: light for light in told["lights"][part]}


@pytest.fixture(scope="module")
def shop():
    data = World(n_users=700, n_items=80, n_events=40_000, seed=5).make().dataset
    return data, data.newest() - 4 * DAY


@pytest.fixture(scope="module")
def honest(shop, tmp_path_factory):
    """The same events learned again with another seed."""
    data, cut = shop
    folder = tmp_path_factory.mktemp("honest")
    seeds = {"first": 0, "next": 7}
    both = [run(folder / name, data, cut, dim=8, seed=seed) for name, seed in seeds.items()]
    return scene(*both, data)


def test_of_an_honest_retrain_nothing_is_said(honest):
    told = watched(honest, PARTS, lambda news: None)
    assert told["alarms"] == []
    kept = lights(told, "neighbours")["Neighbours kept"]
    assert kept["ok"] is True
    assert told["neighbours"]["floor_from"] == "trained once more for it"
    assert abs(told["neighbours"]["overlap"] - told["neighbours"]["floor"]) < 0.1
    assert told["age"] is None  # both are as old: no curve
    assert "two or more ages in days expected" in lights(told, "age")["Age"]["says"]
    assert json.dumps(told, allow_nan=False)


def test_doubled_prices_are_a_drift_and_nothing_else_is(honest):
    catalog = honest.data.catalog
    price = catalog.fields["price"]
    dearer = replace(price, values=2 * price.values)
    data = replace(
        honest.data, catalog=replace(catalog, fields={**catalog.fields, "price": dearer})
    )
    found = drift(replace(honest, data=data)).lights
    assert [light.name for light in found if light.ok is False] == ["«price» of items met"]
    log = replace(honest.data.log, values=2 * honest.data.log.values)
    late = honest.data.log.times >= honest.candidate.learned_until
    log = replace(log, values=np.where(late, log.values, honest.data.log.values))
    found = drift(replace(honest, data=honest.data.with_log(log))).lights
    assert [light.name for light in found if light.ok is False] == ["Values of events"]


def test_swapped_ids_are_told_by_the_neighbours(shop, honest, tmp_path):
    data, cut = shop
    candidate = run(tmp_path / "swapped", data, cut, change=swapped, dim=8, seed=1)
    told = watched(replace(honest, candidate=candidate), PARTS, lambda news: None)
    assert len(told["alarms"]) == 1 and told["alarms"][0].startswith("Neighbours kept: at least")
    cards = told["neighbours"]["cards"]
    assert len(cards) == 10 and all(len(card["before"]) == 8 for card in cards)
    text = watch_sections(told)
    assert text.count("− ") > 40 and text.count("+ ") > 40


def test_cards_hold_the_most_met_items_and_who_stands_nearest(honest):
    told = neighbours(honest).figures
    counts = honest.newest.item_counts()
    rows = honest.data.catalog.items.rows([card["item"] for card in told["cards"]])
    assert sorted(counts[rows]) == sorted(np.sort(counts)[-10:])
    vectors = honest.before.fitted.table.vectors
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = np.argsort(-(unit @ unit[rows[0]]), kind="stable")
    ids = honest.data.catalog.items.ids
    assert told["cards"][0]["before"] == [ids[row] for row in nearest[1:9]]


def test_a_mover_says_what_is_written_on_it_anew(shop, honest, tmp_path):
    data, cut = shop
    words = data.catalog.fields["title"].words()
    words[::2] = [f"another {word}" for word in words[::2]]
    fields = {**data.catalog.fields, "title": Column.text(words)}
    new = replace(data, catalog=replace(data.catalog, fields=fields))
    candidate = run(tmp_path / "retold", new, cut, change=swapped, dim=8, seed=1)
    told = neighbours(scene(honest.before, candidate, new)).figures
    retold = {int(each["item"][1:]): each["retold"] for each in told["movers"]}
    assert {row % 2 for row in retold} == {0, 1}
    assert all(names == (() if row % 2 else ("title",)) for row, names in retold.items())
    assert all(
        each["says"].endswith("; title changed") == bool(each["retold"]) for each in told["movers"]
    )


def test_a_floor_is_not_measured_where_it_is_dear(shop, honest, tmp_path):
    data, cut = shop
    dear = run(tmp_path / "dear", data, cut, seconds=moved.CHEAP_S + 1, dim=8, seed=1)
    old = run(tmp_path / "old", data, cut - DAY, dim=8)
    alone = neighbours(replace(honest, candidate=dear))
    assert alone.lights[0].ok is None and "is not known" in alone.lights[0].says
    verdict = {"watched": {"neighbours": {"floor": 0.25}}}
    (tmp_path / "old.gate.json").write_text(json.dumps(verdict))
    told = neighbours(replace(honest, candidate=dear, kept=(dear.folder, old.folder)))
    assert told.lights[0].ok is True
    assert (told.figures["floor"], told.figures["floor_from"]) == (0.25, "measured for old")


def test_models_without_vectors_or_seed_are_told_as_such(shop, tmp_path):
    data, cut = shop
    both = [run(tmp_path / name, data, cut, model="cooccurrence") for name in ("a", "b")]
    told = watched(scene(*both, data), PARTS, lambda news: None)
    assert told["neighbours"] is None and told["alarms"] == []
    assert "one without vectors came" in lights(told, "neighbours")["Neighbours"]["says"]


def test_what_breaks_is_a_light_and_no_error(honest):
    def broken(of):
        raise ZeroDivisionError

    told = watched(honest, {"this": broken, "drift": drift}, lambda news: None)
    assert lights(told, "this")["This"]["says"] == "This cannot be told: ZeroDivisionError"
    assert told["this"] is None and told["drift"] is not None


def sliding(days=12, people=300, width=20, step=3):
    """Each day people meet some of a stretch of items that moves on."""
    random = np.random.default_rng(0)
    n = people * 4
    events = []
    for day in range(days):
        users = np.repeat(np.arange(people), 4)
        items = day * step + random.integers(0, width, n)
        events.append((users, items, day * DAY + random.integers(0, DAY, n)))
    users, items, times = (np.concatenate(column) for column in zip(*events, strict=True))
    order = np.lexsort((times, users))
    log = Interactions(
        users[order].astype(np.int32),
        items[order].astype(np.int32),
        times[order].astype(np.int64),
        np.ones(len(users), np.float32),
    )
    names = Vocabulary(tuple(f"i{row}" for row in range(days * step + width)))
    title = Column.text([EVIL] * len(names))
    catalog = Catalog(names, {"title": title})
    return Dataset(Vocabulary(tuple(f"u{row}" for row in range(people))), catalog, log)


def test_older_runs_that_are_worse_make_a_falling_curve(tmp_path):
    data = sliding()
    days = {"new": 11, "one": 10, "two": 9, "four": 7}
    runs = {
        name: run(tmp_path / name, data, day * DAY, "popularity", window_days=1.0)
        for name, day in days.items()
    }
    later = run(tmp_path / "later", data, 12 * DAY, "popularity", window_days=1.0)
    other = run(tmp_path / "other", data, 8 * DAY, "cooccurrence")
    (tmp_path / "damaged").mkdir()
    kept = [one.folder for one in (later, *runs.values(), other)] + [tmp_path / "damaged"]
    told = age(scene(runs["new"], runs["one"], data, kept)).figures
    assert told["runs"] == ["one", "two", "four"]  # the others have learned from that window
    found = age(scene(runs["one"], runs["new"], data, kept)).figures
    assert [point["age"] for point in found["curve"]] == [0, 1, 2, 4]
    assert found["runs"] == ["new", "one", "two", "four"]
    quality = [point["quality"] for point in found["curve"]]
    assert quality == sorted(quality, reverse=True) and quality[-1] < 0.8 * quality[0]
    assert found["interval_days"] == 0
    assert found["says"].startswith("retrain more often than every 1 day: such a model may lose")


def test_events_with_items_that_a_model_has_not_met_are_counted(tmp_path):
    data = sliding(days=6, step=10)
    before = run(tmp_path / "before", data, 4 * DAY, "popularity")
    candidate = run(tmp_path / "candidate", data, 5 * DAY, "popularity")
    told = unknown(scene(before, candidate, data))
    newest = data.log.items[data.log.times >= 5 * DAY]
    assert told.figures["before"] == pytest.approx(np.mean(newest >= 50))  # days 0 to 3: below 50
    assert told.figures["after"] == pytest.approx(np.mean(newest >= 60))
    assert told.lights[0].ok is False and told.figures["before"] == 1.0


def test_a_hostile_title_is_escaped_and_the_page_is_whole(tmp_path):
    data = sliding()
    before = run(tmp_path / "before", data, 10 * DAY, dim=8)
    candidate = run(tmp_path / "candidate", data, 11 * DAY, change=swapped, dim=8)
    text = watch_sections(watched(scene(before, candidate, data), PARTS, lambda news: None))
    assert "<script" not in text and text.count("&lt;script&gt;") > 50
    checker = Checker()
    checker.feed(text)
    assert checker.open == [] and not {"script", "img", "link"} & checker.seen
    assert text.count('<svg class="plot"') == 2
    assert re.findall(r"<h2>(.*?)</h2>", text) == [
        "Watched",
        "Age",
        "Who stands beside whom",
        "Movers",
    ]


def test_without_events_nothing_is_drift(honest):
    data = honest.data
    nothing = replace(honest, data=data.with_log(data.log.where(data.log.times < 0)))
    with pytest.raises(DataError):
        drift(nothing)
