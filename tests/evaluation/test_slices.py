"""Groups of users and of items, and that their parts make the whole."""

import numpy as np
import pytest

from bowerbird.evaluation.offline import Background, evaluate
from bowerbird.evaluation.slices import AGE, HISTORY, POPULARITY, TYPE, popularity_groups


@pytest.fixture(scope="module")
def report(world):
    return evaluate(world.recommend, world.holdout, Background.of(world.train))


def of(report, name):
    return [s for s in report.slices if s.slice == name]


@pytest.mark.parametrize("name", [HISTORY, "user city", "user age"])
def test_the_users_of_a_slice_are_all_judged_users_once(report, name):
    rows = of(report, name)
    assert sum(row.users for row in rows) == 34
    whole = sum(row.users * row.means["ndcg@10"] for row in rows) / 34
    assert whole == pytest.approx(report.mean("ndcg@10"))


@pytest.mark.parametrize("names", [(POPULARITY, "cold"), (AGE,), (TYPE,)])
def test_the_hits_of_all_groups_of_items_are_all_hits(world, report, names):
    # precision@10 · 10 counts hits, so over the users of a slice they must add up to the total
    rows = [s for s in report.slices if s.slice in names or s.group in names]
    hits = sum(row.users * row.means["precision@10"] for row in rows)
    assert hits == pytest.approx(34 * report.mean("precision@10"))


def test_histories_fall_into_the_bins_they_are_named_after(world, report):
    lengths = world.holdout.queries.lengths()[world.holdout.relevant.sum(axis=1) > 0]
    bins = {s.group: s.users for s in of(report, HISTORY)}
    wanted = {
        "5-9": ((lengths >= 5) & (lengths <= 9)).sum(),
        "10-19": ((lengths >= 10) & (lengths <= 19)).sum(),
        "20+": (lengths >= 20).sum(),
    }
    assert bins == {name: n for name, n in wanted.items() if n}


def test_quarters_of_a_number_are_of_about_the_same_size(report):
    sizes = [s.users for s in of(report, "user age")]
    assert len(sizes) == 4
    assert max(sizes) - min(sizes) <= 2


def test_a_trait_of_many_labels_is_no_slice(report):
    assert of(report, "user postcode") == []


def test_those_of_whom_nothing_is_known_are_a_group(report):
    assert [s.group for s in of(report, "user city")] == ["Bonn", "Ulm", "not given"]


def test_head_mid_and_tail_share_the_warm_items():
    counts = np.array([9, 1, 8, 7, 6, 5, 4, 3, 2, 10, 0])
    groups = popularity_groups(counts)
    assert np.flatnonzero(groups["head"]).tolist() == [0, 9]
    assert np.flatnonzero(groups["tail"]).tolist() == [1, 5, 6, 7, 8]
    assert (sum(groups.values()) == (counts > 0)).all()


def test_cold_items_are_judged_with_the_lists_that_everybody_else_is(world, report):
    cold = np.arange(30) >= 26
    relevant = world.holdout.relevant.toarray() * cold
    asked = relevant.sum(axis=1) > 0
    hit = np.take_along_axis(relevant, world.rows, axis=1).sum(axis=1)
    row = next(s for s in of(report, AGE) if s.group == "cold")
    assert row.users == asked.sum()
    assert row.means["recall@10"] == pytest.approx(
        (hit[asked] / relevant[asked].sum(axis=1)).mean()
    )


def test_a_slice_is_plain_data(report):
    row = of(report, AGE)[0].to_json()
    assert (row["slice"], row["group"]) == ("item age", "warm")
    assert set(row) == {"slice", "group", "users", "means"}
