"""Retraining: a better or equal run answers, a worse one never, and nothing is lost on the way."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.errors import ConfigError, StoreDown
from bowerbird.ranking.rerank import Rerank
from bowerbird.retrieval.models import estimator_of
from bowerbird.runs import reranking
from bowerbird.runs.plan import Plan, plan_of
from bowerbird.runs.replay import replayed
from bowerbird.runs.reranking import keep_reranker, learned, lesson_of
from bowerbird.runs.retrain import PARTS
from bowerbird.runs.work import STEPS, Work
from bowerbird.store.store import Change
from bowerbird.store.written import alone
from bowerbird.surfaces.registry import Registry
from bowerbird.surfaces.run_folder import load_facts, load_run
from retrains import DAY, PLAN, RECIPE, copied, made


@pytest.fixture(scope="module")
def after_four_days(tmp_path_factory):
    shop = made(tmp_path_factory.mktemp("shop"))
    for day in range(4):
        shop.live(day)
    yield shop
    shop.store.close()


@pytest.fixture
def shop(after_four_days, tmp_path):
    made = copied(after_four_days, tmp_path)
    yield made
    made.store.close()


def test_a_run_of_all_there_is_answers_and_says_where_it_comes_from(shop):
    done = shop.retrain(3)
    assert done.state == "promoted" and done.code == 0, done.words
    registry = Registry(shop.runs)
    assert registry.current() == done.run != "first"
    run = load_run(shop.runs / done.run)
    facts, cut = run.facts, shop.begin + 2 * DAY
    assert (facts["parent"], facts["champion"]) == ("first", "first")
    assert facts["snapshot"]["cut"] == cut and facts["snapshot"]["data"]
    assert len(facts["code"]) == 64 and facts["space"]["id"] is None
    assert run.data.log.times.max() >= cut  # what judged is in its histories
    told = json.loads((shop.runs / f"{done.run}.gate.json").read_text())
    assert told["passed"] and set(PARTS) < set(told["watched"])
    page = (shop.runs / f"{done.run}.gate.html").read_text("utf-8")
    assert "<h2>Watched</h2>" in page and "<h2>Age</h2>" in page
    progress = json.loads((shop.runs / "retrain.json").read_text())
    assert progress["state"] == "promoted"
    assert [step["step"] for step in progress["steps"]] == list(STEPS)
    assert registry.rollback(1, ("anna", "")).run == "first"


def test_doubled_prices_are_told_and_keep_nothing_back(shop):
    price = shop.world.catalog.fields["price"].values
    ids = shop.world.catalog.items.ids
    moment = (shop.begin + 3 * DAY) * 1000
    dearer = [Change(id, {"price": 2 * float(price[row])}, moment) for row, id in enumerate(ids)]
    shop.store.items.put(dearer)
    done = shop.retrain(3)
    assert done.state == "promoted"
    told = json.loads((shop.runs / f"{done.run}.gate.json").read_text())["watched"]
    (alarm,) = [words for words in told["alarms"] if "«price» of items met" in words]
    assert alarm in done.words


def test_where_nothing_is_new_nothing_is_made(shop):
    assert shop.retrain(3).state == "promoted"
    again = shop.retrain(3)
    assert (again.state, again.code, again.run) == ("kept champion", 10, None)
    assert "nothing to learn yet" in again.words[0]


def test_vectors_are_turned_onto_the_space_of_the_run_before(tmp_path):
    shop = made(tmp_path, model="als", dim=8, iterations=30)
    for day in range(4):
        shop.live(day)
    done = shop.retrain(3)
    told = load_facts(shop.runs / done.run)["space"]
    assert told["parent"] == "first" and told["anchors"] >= 16
    assert told["same"] == (told["residual"] < 0.35)
    shop.store.close()


def test_a_model_that_finds_less_is_kept_out(shop, monkeypatch):
    from bowerbird.runs import candidate

    worse = estimator_of("popularity", window_days=0.01)
    monkeypatch.setattr(candidate, "saved_estimator", lambda folder: worse)
    done = shop.retrain(3)
    verdict = json.loads((shop.runs / f"{done.run}.gate.json").read_text())
    assert not verdict["passed"] and verdict["gain"]["high"] < 0
    assert (done.state, done.code) == ("kept champion", 10)
    assert Registry(shop.runs).current() == "first" and done.run in Registry(shop.runs).names()
    assert Registry(shop.runs).audit()[-1].what == "kept champion"


def at_one_moment(rows):
    return np.stack([rows[:, 0], rows[:, 1], np.full(len(rows), rows[:, 2].min())], axis=1)


@pytest.mark.parametrize("change", [at_one_moment, lambda rows: rows[:0]], ids=["moment", "none"])
def test_a_day_that_is_broken_is_not_learned_from(after_four_days, tmp_path, change):
    shop = copied(after_four_days, tmp_path)
    shop.live(4, change)
    done = shop.retrain(4)
    assert (done.state, done.code, done.run) == ("refused", 20, None), done.words
    assert Registry(shop.runs).current() == "first" and Registry(shop.runs).names() == ["first"]
    assert Registry(shop.runs).audit()[-1].what == "refused"
    accepted = shop.retrain(4, replace(PLAN, accept=True))
    assert accepted.run is not None and accepted.state != "refused"


@pytest.fixture(scope="module")
def never_interrupted(after_four_days, tmp_path_factory):
    """What comes of it, and the facts of the run."""
    shop = copied(after_four_days, tmp_path_factory.mktemp("whole"))
    done = shop.retrain(3)
    yield done, load_facts(shop.runs / done.run)
    shop.store.close()


@pytest.mark.parametrize("step", STEPS)
def test_what_is_interrupted_goes_on_and_ends_as_if_nothing_had_been(shop, never_interrupted, step):
    expected, facts = never_interrupted

    def stop(news):
        if news.startswith(f"{step}:") and "begins" in news:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.retrain(3, say=stop)
    assert Registry(shop.runs).current() == "first"
    assert json.loads((shop.runs / "retrain.json").read_text())["state"] == "failed"
    done = shop.retrain(3)
    assert (done.state, done.run) == (expected.state, expected.run)
    found = load_facts(shop.runs / done.run)
    assert found["files"] == facts["files"] and found["data"] == facts["data"]
    again = [s["again"] for s in json.loads((shop.runs / "retrain.json").read_text())["steps"]]
    assert again == [name in STEPS[: STEPS.index(step)] for name in STEPS]
    assert not (shop.runs / ".retrain").exists()


def test_a_run_that_is_made_again_is_the_same_byte_by_byte(shop):
    done = shop.retrain(3)
    shop.live(4)  # what came later is not seen
    told = (shop.runs, done.run, shop.store, shop.identity, lambda news: None)
    found = replayed(*told)
    assert found.same and found.code and len(found.files) >= 5, found
    gone = shop.world.users.ids[0]
    shop.store.people.delete(shop.identity.user(gone), (shop.begin + 5 * DAY) * 1000)
    differs = replayed(*told)
    assert not differs.same and differs.data[0] != differs.data[1]
    assert not list(shop.runs.glob(".replay-*"))
    with pytest.raises(ConfigError, match="a run that «bowerbird retrain» made expected"):
        replayed(shop.runs, "first", *told[2:])


def test_of_two_at_once_the_second_is_refused(shop):
    with alone(shop.runs / ".retraining"), pytest.raises(StoreDown, match="another process works"):
        shop.retrain(3)
    assert shop.retrain(3).state == "promoted"


def test_a_run_that_somebody_else_named_meanwhile_stays(shop):
    registry = Registry(shop.runs)

    def meanwhile(news):
        if news.startswith("shadow: begins"):
            registry.begin()

    with pytest.raises(ConfigError, match="another retrain has begun since"):
        shop.retrain(3, say=meanwhile)
    assert registry.current() == "first"


def test_who_was_deleted_is_not_learned_from_and_old_runs_that_knew_them_are_retired(shop):
    gone = shop.world.users.ids[0]
    assert gone in load_run(shop.runs / "first").data.users
    shop.store.people.delete(shop.identity.user(gone), (shop.begin + 3 * DAY) * 1000)
    done = shop.retrain(3)
    assert done.state == "promoted", done.words
    known = load_run(shop.runs / done.run).data.users
    assert gone not in known and shop.identity.user(gone) not in known
    assert "deleted" in Registry(shop.runs).retired()["first"]
    with pytest.raises(ConfigError, match="a run that answered before"):
        Registry(shop.runs).rollback(1, ("anna", ""))


def test_a_first_run_must_beat_what_is_popular(shop):
    (shop.runs / "current").unlink()
    done = shop.retrain(3)
    told = json.loads((shop.runs / f"{done.run}.gate.json").read_text())
    assert told["gain"] is None and {b["name"] for b in told["baselines"]}
    assert done.champion is None
    assert (Registry(shop.runs).current() == done.run) == told["passed"]


def test_work_of_another_day_or_another_plan_is_begun_anew(tmp_path):
    now = [1000.0]
    work = Work(tmp_path, lambda news: None, lambda: now[0])
    assert work.begin({"plan": 1}, 1) == 1_000_000
    now[0] += 60
    assert Work(tmp_path, work.say, work.clock).begin({"plan": 1}, 2) == 1_000_000
    assert Work(tmp_path, work.say, work.clock).begin({"plan": 2}, 3) == 1_060_000
    now[0] += 2 * DAY
    assert Work(tmp_path, work.say, work.clock).begin({"plan": 2}, 4) == int(now[0] * 1000)


def test_only_runs_that_are_new_enough_stay(shop):
    plan = replace(PLAN, keep=2)
    first = shop.retrain(3, plan)
    shop.live(4)
    second = shop.retrain(4, plan)
    registry = Registry(shop.runs)
    if first.state == second.state == "promoted":
        assert registry.names() == [first.run, second.run]
    else:
        assert registry.current() in registry.names() and len(registry.names()) <= 3
    left = {path.name.partition(".")[0] for path in shop.runs.glob("*.gate.json")}
    assert left <= set(registry.names())


SCENARIOS = """
[scenarios.home]
surface = "for-you"
[[scenarios.home.steps]]
step = "rerank"
"""


@pytest.mark.parametrize("learns", [True, False], ids=["learned again", "surely worse"])
def test_a_run_that_puts_in_order_learns_that_again(tmp_path, monkeypatch, learns):
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    shop = made(tmp_path, recipe=RECIPE + SCENARIOS)
    for day in range(4):
        shop.live(day)
    first = load_run(shop.runs / "first")
    settings = Rerank(trees=20)
    trees, verdict = learned(*lesson_of(first, 30, 0, str), settings, str)
    keep_reranker(first, trees, verdict, settings, 30)
    if not learns:
        worse = replace(verdict, high=-0.01)
        monkeypatch.setattr(reranking, "learned", lambda *told: (trees, worse))
    done = shop.retrain(3)
    there = (shop.runs / done.run / "rerank").is_dir()
    if learns:
        assert done.state == "promoted" and there, done.words
        kept = json.loads((shop.runs / done.run / "rerank" / "rerank.json").read_text())
        assert kept["settings"]["trees"] == 20 and kept["fetch"] == 30
    else:
        assert done.state == "kept champion" and not there
        assert "scenario home cannot be opened" in done.words[0]
    shop.store.close()


def test_a_plan_says_what_it_cannot_mean(tmp_path):
    assert plan_of(tmp_path) == Plan()
    path = tmp_path / "retrain.toml"
    for text, told in {
        "[retrain]\nwindow = 3": "window",
        '[retrain]\nwindow = "x"': "window: a time such as",
        "[retrain]\nkeep = 1": "keep",
        "[retrain]\nevery = 1": "a key among window, settings, .*shadow expected, 'every' came",
        "[gate]\nmargins = 1": "gate: one of",
        "[other]": r"tables .retrain., .gate., .*, .alerts. expected, 'other' came",
        "[defence]\nx = 1": "defence",
        "x": "readable TOML expected",
    }.items():
        path.write_text(text)
        with pytest.raises(ConfigError, match=told):
            plan_of(tmp_path)
