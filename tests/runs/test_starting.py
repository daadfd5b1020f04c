"""Where training starts: as was asked, or in full; and a run that goes on can be made again."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.facts import Done
from bowerbird.data.queries import Queries
from bowerbird.data.split import ByTime
from bowerbird.runs.candidate import Candidate, made
from bowerbird.runs.plan import plan_of
from bowerbird.runs.policy import Policy
from bowerbird.runs.replay import replayed
from bowerbird.runs.starting import Start, start_of
from bowerbird.store.store import Change
from bowerbird.surfaces.registry import Line, Registry
from bowerbird.surfaces.run_folder import load_facts, load_run
from retrains import DAY, PLAN, copied
from retrains import made as shop_of

WARM = replace(PLAN, training="warm", policy=Policy(margin=0.9, least_people=20, draws=200))
NONE = replace(WARM, training="none")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A shop after three days; its first run has factors."""
    shop = shop_of(tmp_path_factory.mktemp("shop"), model="als", dim=4, iterations=20)
    for day in range(3):
        shop.live(day)
    yield shop
    shop.store.close()


@pytest.fixture
def shop(opened, tmp_path):
    made = copied(opened, tmp_path)
    yield made
    made.store.close()


def chained(shop, runs):
    """So many runs, each from the one before, as if every one had been promoted."""
    before, found, registry = load_run(shop.runs / "first"), [], Registry(shop.runs)
    train = ByTime(at=before.data.newest() - DAY).split(before.data).train
    for number in range(runs):
        start = start_of(WARM, before, registry, 0)
        about = {"cut": before.data.newest(), "as_of_ms": 0}
        asked = Candidate(before, train, before.data, WARM, about, before.folder.name, start)
        folder = shop.runs / f"run-{number}"
        made(folder, asked, shop.runs / ".unfinished", number, lambda news: None)
        before = load_run(folder)
        found.append(Start.of(before.facts))
    return found


def test_the_eighth_run_in_a_row_is_full(opened, tmp_path):
    shop = copied(opened, tmp_path)
    found = chained(shop, 9)
    assert [start.how for start in found] == ["warm"] * 7 + ["full", "warm"]
    assert [start.warm_in_a_row for start in found] == [*range(1, 8), 0, 1]
    assert found[7].asked == "warm" and "7 warm runs in a row" in found[7].why
    shop.store.close()


def test_it_starts_as_was_asked_unless_something_speaks_against_it(shop):
    before, registry = load_run(shop.runs / "first"), Registry(shop.runs)
    assert start_of(PLAN, before, registry, 3) == Start("full", "full", 0, "")
    assert start_of(WARM, before, registry, 0) == Start("warm", "warm", 1, "")
    assert start_of(NONE, before, registry, 0) == Start("none", "none", 0, "")
    for plan in (WARM, NONE):
        forgotten = start_of(plan, before, registry, 3)
        assert forgotten.how == "full" and "3 people of first were deleted" in forgotten.why
        anew = start_of(replace(plan, anew=True), before, registry, 0)
        assert anew.how == "full" and "chosen anew" in anew.why
    never = start_of(replace(WARM, warm_runs=0), before, registry, 0)
    assert never.how == "full" and never.warm_in_a_row == 0


def test_after_a_warm_run_that_did_not_get_through_the_next_is_full(shop):
    chained(shop, 1)  # run-0, a warm one
    before, registry = load_run(shop.runs / "first"), Registry(shop.runs)

    def noted(what, run):
        registry.note(Line(1, what, run, "first", "retrain", ""))
        return start_of(WARM, before, registry, 0)

    assert noted("promoted", "run-0").how == "warm"
    failed = noted("kept champion", "run-0")
    assert failed.how == "full" and failed.why == "run-0 was a warm one and did not get through"
    assert noted("refused", None).how == "full"  # of days when nothing was made nothing is told
    assert start_of(NONE, before, registry, 0).how == "none"
    assert noted("promoted", "first").how == "warm"


def test_a_warm_run_says_so_and_is_made_again_byte_by_byte(shop):
    done = shop.retrain(2, WARM)
    facts = load_facts(shop.runs / done.run)
    assert facts["training"] == {"asked": "warm", "how": "warm", "warm_in_a_row": 1, "why": ""}
    assert facts["plan"]["training"] == "warm" and facts["space"]["parent"] == "first"
    assert facts["snapshot"]["learned_until"] == facts["snapshot"]["cut"]
    found = replayed(shop.runs, done.run, shop.store, shop.identity, lambda news: None)
    assert found.same and found.code, found


def test_without_training_what_is_new_is_there_and_the_model_is_as_old_as_it_was(tmp_path):
    shop = shop_of(tmp_path, model="content", text="tfidf", dim=16)
    for day in range(3):
        shop.live(day)
    first = load_run(shop.runs / "first")
    twin = first.data.catalog.items.ids[0]
    fields = {name: first.data.catalog.fields[name].take(np.array([0])).words()[0] for name in
              ("title", "category")}  # fmt: skip
    at = (shop.begin + DAY) * 1000
    shop.store.items.put([Change("new", fields, time=at)])
    at = (shop.begin + 2 * DAY + 60) * 1000
    shop.store.facts.record([Done("n", "visitor", twin, "purchase", at, at, trust="secret")])
    done = shop.retrain(2, NONE)
    assert done.state == "promoted", done.words
    run = load_run(shop.runs / done.run)
    assert {n: h for n, h in run.facts["files"].items() if n.startswith("model/")} == {
        n: h for n, h in first.facts["files"].items() if n.startswith("model/")
    }
    assert run.facts["training"]["how"] == "none" and run.facts["space"]["same"]
    catalog, users = run.data.catalog, run.data.users
    vectors = run.fitted.encode_items(catalog)
    new, old = catalog.items.rows(["new", twin])
    scores = vectors[new] @ vectors.T
    assert np.isfinite(vectors[new]).all() and scores[old] > np.nanmean(scores)
    queries = run.data.queries()
    (visitor,) = users.rows(["visitor"])
    asked = queries.take(np.array([visitor]))
    assert asked.items.tolist() == [old] and run.fitted.encode_queries(asked).any()
    assert np.array_equal(run.fitted.encode_queries(asked), first.fitted.encode_queries(asked))
    # it has learned from nothing since, so the next one has all that to learn from
    assert run.learned_until == first.learned_until < run.facts["snapshot"]["cut"]
    again = shop.retrain(2, NONE)
    assert again.run is None and "nothing new" in again.words[0]
    shop.live(3)
    child = shop.retrain(3, replace(NONE, training="full"))
    learned = load_run(shop.runs / child.run)
    assert learned.learned_until == learned.facts["snapshot"]["cut"] == shop.begin + 2 * DAY
    assert learned.facts["parent"] == done.run
    shop.store.close()


def test_without_training_there_need_be_nothing_to_learn(shop):
    wide = replace(NONE, window_s=4 * DAY)  # all that came since the first run judges
    for training in ("full", "warm"):
        done = shop.retrain(2, replace(wide, training=training))
        assert done.run is None and "nothing to learn yet" in done.words[0]
    done = shop.retrain(2, wide)
    assert done.state == "promoted", done.words
    run = load_run(shop.runs / done.run)
    assert len(run.data.log) > len(load_run(shop.runs / "first").data.log)
    assert run.fitted.encode_queries(Queries.of([[0, 1]])).any()


def test_a_plan_says_how_training_starts(tmp_path):
    (tmp_path / "retrain.toml").write_text('[retrain]\ntraining = "warm"\nwarm_runs = 3\n')
    plan = plan_of(tmp_path)
    assert (plan.training, plan.warm_runs) == ("warm", 3)
