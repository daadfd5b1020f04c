"""Two runs on one window, though rows, people and catalogs differ: known answers."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import AVAILABLE_FROM, AVAILABLE_UNTIL, Catalog, Dataset, Interactions
from bowerbird.data.split import ByTime
from bowerbird.data.synthetic import World
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.als import Als
from bowerbird.encoders.content import Content
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import DataError
from bowerbird.index.partitioned import PartitionedIndex
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.runs.gate import POPULAR, decide
from bowerbird.runs.judging import TOGETHER, Contender, Seated, index_recall, judged
from bowerbird.runs.policy import Policy
from bowerbird.runs.run import Trained, write_run
from bowerbird.runs.tune import Choice
from bowerbird.surfaces.run_folder import load_run

DAY = 86_400
CUT = 100 * DAY
FALLBACK = Popularity(window_days=7.0)
QUICK = Policy(draws=400)


def shop(events, items, users=None):
    """A dataset of (user, item, day) by name, with rows in the order that is given."""
    people = Vocabulary(tuple(users or dict.fromkeys(user for user, *_ in events)))
    catalog = Catalog(Vocabulary(tuple(items)))
    rows = sorted(
        (people.rows([u])[0], day * DAY, catalog.items.rows([i])[0]) for u, i, day in events
    )
    user, time, item = (np.array(column) for column in zip(*rows, strict=True))
    log = Interactions(
        user.astype(np.int32),
        item.astype(np.int32),
        time.astype(np.int64),
        np.ones(len(rows), np.float32),
    )
    return Dataset(people, catalog, log)


def walkers(n, steps, first=90):
    """Everybody walks a, b, c, d, e in a circle from a place of their own, one step a day."""
    ring = "abcde"
    return [
        (f"u{user}", ring[(user + step) % 5], first + step)
        for user in range(n)
        for step in range(steps)
    ]


def contender(data, model=CoOccurrence()):  # noqa: B008  frozen
    return Contender(model.fit(data), data, FALLBACK)


@pytest.fixture(scope="module")
def live():
    """Three steps before the cut, the fourth after it: what comes next is certain."""
    events = [(u, i, day if day < 93 else 100) for u, i, day in walkers(60, 4)]
    return shop(events, "abcde")


@pytest.fixture(scope="module")
def window(live):
    return ByTime(at=CUT).split(live)


def test_who_knows_the_circle_finds_the_next_step_and_rows_of_another_order_change_nothing(window):
    mine = contender(window.train)
    # the champion was trained on other people, with the same items in another order
    other = shop([(f"x{u}", i, day) for u, i, day in walkers(30, 3, 80)], "edcba")
    new, old, baselines = judged(mine, contender(other), window, Policy(metric="ndcg@1", draws=400))
    assert new.report.mean("ndcg@1") == old.report.mean("ndcg@1") == 1
    assert np.array_equal(new.report.rows, old.report.rows)
    assert set(baselines) == {POPULAR, TOGETHER}
    assert baselines[TOGETHER].mean("ndcg@1") == 1


def test_an_item_that_the_champion_does_not_know_is_a_miss_and_still_a_candidate(window):
    known = [(f"x{u}", i, day) for u, i, day in walkers(30, 3, 80) if i != "e"]
    old = contender(shop(known, "abcd"))
    seat = Seated.at(old, window)
    hits = seat.recommend(window.holdout.queries, 5)
    e = window.train.catalog.items.rows(["e"])[0]
    wanted = window.holdout.relevant.toarray().argmax(axis=1)
    # popularity as of the cut stands behind it: e is shown, though never first by what it learned
    assert (hits.rows == e).any()
    _, measured, _ = judged(
        contender(window.train), old, window, Policy(metric="ndcg@1", draws=400)
    )
    values = measured.report.values["ndcg@1"]
    assert values[wanted == e].max() <= values[wanted != e].max()
    assert values[wanted == e].mean() < 1


def test_an_item_that_is_gone_is_not_shown(window):
    gone = shop([(f"x{u}", i, day) for u, i, day in walkers(30, 3, 80)], "zyxwabcde")
    seat = Seated.at(contender(gone), window)
    hits = seat.recommend(window.holdout.queries, 5)
    assert hits.rows.max() < 5
    assert not seat.allow[:4].any()
    assert seat.allow[4:].all()


def test_what_may_not_be_shown_at_the_cut_is_shown_by_neither(live):
    until = np.full(5, (CUT // DAY + 9) * DAY, np.int64)
    until[2] = 95 * DAY
    catalog = Catalog(live.catalog.items, {AVAILABLE_UNTIL: Column("time", until)})
    split = ByTime(at=CUT).split(replace(live, catalog=catalog))
    other = shop([(f"x{u}", i, day) for u, i, day in walkers(30, 3, 80)], "edcba")
    new, old, _ = judged(contender(split.train), contender(other), split, Policy(metric="ndcg@3"))
    assert not (new.report.rows == 2).any()
    assert not (old.report.rows == 2).any()


def test_histories_and_popularity_are_as_of_the_cut_for_a_champion_of_long_ago(window):
    # it has learned long before anybody of the window did something
    old = contender(shop([(f"x{u}", i, day) for u, i, day in walkers(30, 3, 10)], "edcba"))
    seat = Seated.at(old, window)
    counted = seat.engine.retriever.popularity
    today = np.log1p(window.train.item_counts())
    assert np.allclose(counted[seat.own], today)
    assert seat.recommend(window.holdout.queries, 1).rows[0] == 3  # after a, b, c comes d


@pytest.mark.parametrize("who", ["challenger", "champion"])
def test_whoever_has_learned_from_the_window_is_refused(live, window, who):
    pair = {"challenger": contender(window.train), "champion": contender(window.train)}
    pair[who] = contender(live)
    with pytest.raises(DataError, match=f"{who}: training events before the window expected"):
        judged(pair["challenger"], pair["champion"], window)


def test_an_order_without_dates_is_refused(window):
    undated = contender(replace(window.train, dated=False))
    undated = replace(undated, fallback=Popularity())
    with pytest.raises(DataError, match="champion: training events with dates expected"):
        judged(contender(window.train), undated, window)


@pytest.fixture(scope="module")
def world():
    data = World(n_users=2000, n_items=80, n_events=60_000, dim=4).make().dataset
    return ByTime(test_share=0.2).split(data)


@pytest.fixture(scope="module")
def settled(world):
    """ALS until it no longer moves: then the seed does not matter."""
    return contender(world.train, Als(dim=4, iterations=200))


def test_a_model_trained_again_with_another_seed_passes_once_it_has_settled(world, settled):
    again = contender(world.train, Als(dim=4, iterations=200, seed=1))
    verdict = decide(*judged(again, settled, world, QUICK), QUICK)
    assert verdict.passed, verdict.words()
    assert verdict.people > 1000
    assert len(verdict.slices) > 15


def test_a_model_that_has_not_settled_is_too_unlike_for_so_few_people(world, settled):
    hasty = contender(world.train, Als(dim=4, iterations=15, seed=1))
    verdict = decide(*judged(hasty, settled, world, QUICK), QUICK)
    told = next(check for check in verdict.checks if check.name == "accuracy")
    assert not told.passed
    assert "would need about" in told.sentence


def test_popularity_is_refused_by_coverage_too(world, settled):
    verdict = decide(*judged(contender(world.train, FALLBACK), settled, world, QUICK), QUICK)
    lost = {check.name for check in verdict.checks if not check.passed}
    assert {"accuracy", "slices", "coverage", "evenness", "popularity"} <= lost


def test_a_model_of_shuffled_people_is_refused(world, settled):
    log = world.train.log
    mixed = replace(log, items=np.random.default_rng(0).permutation(log.items))
    fitted = Als(dim=4, iterations=20).fit(world.train.with_log(mixed))
    verdict = decide(*judged(replace(settled, fitted=fitted), settled, world, QUICK), QUICK)
    assert verdict.outcome == "keep"


def test_new_items_are_placed_by_content_and_seen_as_cold():
    data = World(n_users=300, n_items=120, n_events=9000).make().dataset
    fields = {name: c for name, c in data.catalog.fields.items() if name != AVAILABLE_FROM}
    data = replace(data, catalog=Catalog(data.catalog.items, fields))
    split = ByTime(test_share=0.3).split(data)
    content = contender(split.train, Content(text="tfidf"))
    new, old, _ = judged(content, contender(split.train, FALLBACK), split, QUICK)
    assert (split.train.item_counts() == 0).any()
    assert new.cold > 0
    assert old.cold == 0
    verdict = decide(replace(old, report=new.report), new, {}, QUICK)
    assert not next(c for c in verdict.checks if c.name == "cold items").passed


def test_vectors_are_looked_at_and_the_index_is_asked_beside_an_exact_one(world, settled):
    vectors = settled.fitted.encode_items(world.train.catalog)
    drawers = PartitionedIndex.over(np.nan_to_num(vectors))
    seats = [Seated.at(replace(settled, index=index), world) for index in (None, drawers)]
    assert index_recall(seats[0], world, exact=True) == 1.0
    assert 0 < index_recall(seats[1], world, exact=False) <= 1.0
    new, _, _ = judged(settled, None, world, QUICK)
    assert new.health.dim == 4
    assert new.index_recall == 1.0
    plain, _, _ = judged(contender(world.train, FALLBACK), None, world, QUICK)
    assert plain.health is None


def test_single_lists_are_timed_in_turns_by_the_clock_that_is_given(window):
    ticks = iter(range(10_000))
    mine = contender(window.train)
    new, old, _ = judged(mine, mine, window, QUICK, clock=lambda: next(ticks) / 1000)
    assert new.latency_ms == old.latency_ms == pytest.approx(1.0)


def test_a_run_folder_is_judged_as_it_answers(window, tmp_path):
    fitted = CoOccurrence().fit(window.train)
    write_run(
        tmp_path / "run", window.train, Trained(fitted, Choice(CoOccurrence()), FALLBACK), {}, ""
    )
    champion = Contender.of(load_run(tmp_path / "run"))
    new, old, _ = judged(contender(window.train), champion, window, Policy(metric="ndcg@3"))
    assert np.array_equal(new.report.rows, old.report.rows)
