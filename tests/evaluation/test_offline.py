"""The whole judgement: known answers, strangers who misbehave, intervals."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.sparse import csr_array

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation import exposure
from bowerbird.evaluation.offline import Background, evaluate
from bowerbird.index.index import Hits

# An independent scorer's figures for the world of conftest.py (generator seed 20261123)
KNOWN = {
    "hit@3": 0.2941176470588,
    "recall@3": 0.0754901960784,
    "recall_min@3": 0.1176470588235,
    "ndcg@3": 0.1125530348513,
    "mrr@3": 0.1813725490196,
    "coverage@3": 1.0769230769231,
    "gini@3": 0.1848739495798,
    "aplt@3": 0.8137254901961,
    "hit@10": 0.6764705882353,
    "recall@10": 0.2784313725490,
    "recall_min@10": 0.2784313725490,
    "ndcg@10": 0.1823071561820,
    "mrr@10": 0.2428804855275,
    "coverage@10": 1.1538461538462,
    "gini@10": 0.1503921568627,
    "aplt@10": 0.8529411764706,
}
# The same when user u gets only (u mod 7) + 4 items
KNOWN_SHORT = {
    "hit@10": 0.5,
    "recall@10": 0.1583333333333,
    "ndcg@10": 0.1319348374877,
    "mrr@10": 0.2211484593838,
    "coverage@10": 1.1538461538462,
    "gini@10": 0.1542772861357,
}


@pytest.fixture(scope="module")
def background(world):
    return Background.of(world.train)


@pytest.fixture(scope="module")
def report(world, background):
    return evaluate(world.recommend, world.holdout, background, ks=(3, 10))


def perfect(world):
    def recommend(queries, k):
        rows = np.full((len(queries), k), -1, dtype=np.int32)
        for place, user in enumerate(queries.now):
            wanted = world.holdout.relevant[[user]].indices[:k]
            rows[place, : len(wanted)] = wanted
        return Hits(rows, np.where(rows >= 0, 1, -np.inf).astype(np.float32))

    return recommend


def test_means_are_those_of_an_independent_scorer(report):
    assert {name: report.mean(name) for name in KNOWN} == pytest.approx(KNOWN, abs=1e-9)
    assert report.facts["judged"].startswith("34 of 40")
    assert report.facts["seen items"].startswith("87 ")


def test_the_holdout_that_came_is_not_changed(world, background):
    before = world.holdout.queries.items.copy(), world.holdout.queries.offsets.copy()
    evaluate(world.recommend, world.holdout, background)
    np.testing.assert_array_equal(world.holdout.queries.items, before[0])
    np.testing.assert_array_equal(world.holdout.queries.offsets, before[1])


def test_short_lists_too(world, background):
    def short(queries, k):
        full = world.recommend(queries, k)
        keep = np.arange(k) <= (queries.now % 7 + 3)[:, None]
        rows = np.where(keep, full.rows, np.int32(-1))
        return Hits(rows, np.where(keep, full.scores, np.float32(-np.inf)))

    report = evaluate(short, world.holdout, background)
    got = {name: report.mean(name) for name in KNOWN_SHORT}
    assert got == pytest.approx(KNOWN_SHORT, abs=1e-9)


def test_progress_counts_up_to_all_queries_and_blocks_change_nothing(
    world, background, report, monkeypatch
):
    monkeypatch.setattr("bowerbird.evaluation.offline.BLOCK", 16)
    done = []
    again = evaluate(world.recommend, world.holdout, background, (10, 3, 3), done.append)
    assert done == [16, 32, 40]
    assert again.metrics() == report.metrics()
    for name in report.values:
        np.testing.assert_array_equal(again.values[name], report.values[name])


def test_the_order_of_the_users_leaves_the_means(world, background, report):
    order = np.random.default_rng(0).permutation(40)
    holdout = world.holdout
    moved = dataclasses.replace(
        holdout,
        users=holdout.users[order],
        queries=holdout.queries.take(order),
        relevant=holdout.relevant[order],
    )
    again = evaluate(world.recommend, moved, background, (3, 10))
    for name in report.metrics():
        assert again.mean(name) == pytest.approx(report.mean(name), nan_ok=True), name
    assert [s.users for s in again.slices] == [s.users for s in report.slices]


def test_a_gain_has_the_sign_that_was_built_in(world, background, report):
    best = evaluate(perfect(world), world.holdout, background, (3, 10))
    assert best.mean("ndcg@10") == 1
    gained, low, high = best.gain(report, "ndcg@10")
    assert gained == pytest.approx(1 - KNOWN["ndcg@10"], abs=1e-9)
    assert 0 < low < gained < high
    lost, low, high = report.gain(best, "ndcg@10")
    assert (lost, high < 0) == (pytest.approx(-gained), True)
    assert report.gain(report, "ndcg@10") == (0, 0, 0)


def test_pairing_makes_the_interval_narrower_than_two_apart(report):
    shifted = dataclasses.replace(
        report, values={**report.values, "ndcg@10": report.values["ndcg@10"] + 0.01}
    )
    gained, low, high = shifted.gain(report, "ndcg@10")
    assert (gained, low, high) == pytest.approx((0.01, 0.01, 0.01))
    low, high = report.interval("ndcg@10")
    assert high - low > 0.05


def test_the_interval_is_about_two_standard_errors_and_its_seed_decides_it(report):
    values = report.values["ndcg@10"][np.isfinite(report.values["ndcg@10"])]
    error = values.std() / len(values) ** 0.5
    low, high = report.interval("ndcg@10")
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.12)
    assert report.interval("ndcg@10", seed=0) == (low, high)
    assert report.interval("ndcg@10", seed=1) != (low, high)


def test_a_report_is_plain_json_with_none_for_what_is_not_there(report):
    nothing = dataclasses.replace(report, totals={"popreo@10": float("nan")})
    facts = json.loads(json.dumps(nothing.to_json(draws=50), allow_nan=False))
    assert facts["totals"] == {"popreo@10": None}
    assert facts["means"]["ndcg@10"]["mean"] == pytest.approx(KNOWN["ndcg@10"])
    assert facts["means"]["ndcg@10"]["low"] < facts["means"]["ndcg@10"]["high"]
    assert facts["facts"]["split"] == "made up"
    assert facts["queries"] == 40


def test_an_unknown_metric_lists_those_there_are(report):
    with pytest.raises(ConfigError, match=r"ndcg@3.*'auc' came"):
        report.mean("auc")
    with pytest.raises(ConfigError, match=r"one value a query expected.*'coverage@10' came"):
        report.interval("coverage@10")


def test_other_people_cannot_be_compared(report):
    other = dataclasses.replace(report, users=report.users[::-1])
    with pytest.raises(DataError, match="same users expected"):
        report.gain(other, "ndcg@10")


def answer(rows):
    rows = np.array(rows)
    return lambda queries, k: Hits(
        np.broadcast_to(rows, (len(queries), len(rows))),
        np.zeros((len(queries), len(rows)), np.float32),
    )


@pytest.mark.parametrize(
    ("recommend", "message"),
    [
        (answer(np.arange(9, dtype=np.int32)), r"shape \(40, 10\) expected, \(40, 9\)"),
        (answer(np.arange(10) / 2), "int32.* expected, float64 came"),
        (answer([0, 1, 2, 3, 4, 5, 6, 7, 8, 4]), "item row 4 came twice for query 0"),
        (answer([0, 1, 2, 3, 4, 5, 6, 7, 8, 30]), "rows 0 to 29 .* item row 30 came"),
        (answer([0, 1, 2, 3, 4, 5, 6, 7, 8, -2]), "item row -2 came for query 0"),
        (answer([0, 1, 2, 3, 4, 5, 6, 7, 8, 29]), "item row 29 came .* allow mask"),
    ],
)
def test_a_misbehaving_recommender_is_told_so(world, background, recommend, message):
    holdout = dataclasses.replace(world.holdout, allow=np.arange(30) < 29)
    with pytest.raises(DataError, match=message):
        evaluate(recommend, holdout, background)


def test_several_missing_places_are_no_repeats(world, background):
    report = evaluate(answer([3, -1, 1] + [-1] * 7), world.holdout, background)
    assert report.mean("coverage@10") == 2 / 26
    # a book of the genres a, b, c and a book of genre a: 2 labels in common, of 4 and of 2
    assert report.mean("diversity@10") == pytest.approx(1 - 2 / 8**0.5)


@pytest.mark.parametrize("ks", [(), (0,), (10, -1)])
def test_a_list_has_a_length(world, background, ks):
    with pytest.raises(ConfigError, match="ks: at least one list length"):
        evaluate(world.recommend, world.holdout, background, ks)


def test_a_holdout_of_another_catalog_is_refused(world, background):
    small = dataclasses.replace(world.holdout, relevant=csr_array((40, 7)))
    with pytest.raises(DataError, match=r"30 items expected .background., the holdout has 7"):
        evaluate(world.recommend, small, background)
    fewer = dataclasses.replace(world.holdout, relevant=csr_array((39, 30)))
    with pytest.raises(DataError, match="40 of each expected"):
        evaluate(world.recommend, fewer, background)
    masked = dataclasses.replace(world.holdout, allow=np.ones(7, dtype=bool))
    with pytest.raises(DataError, match="allow: 30 items expected, 7 came"):
        evaluate(world.recommend, masked, background)


def test_a_holdout_without_answers_is_refused(world, background):
    nothing = dataclasses.replace(world.holdout, relevant=csr_array((40, 30)))
    with pytest.raises(DataError, match="something relevant expected in 40 queries"):
        evaluate(world.recommend, nothing, background)


def test_a_report_says_how_many_lists_diversity_reads(world, background, report, monkeypatch):
    assert report.facts["diversity reads"] == "all lists"
    rows = np.where(np.diff(world.holdout.relevant.indptr)[:, None] > 0, report.rows, -1)
    work = (np.diff(background.features.indptr)[rows] * (rows >= 0)).sum()
    monkeypatch.setattr(exposure, "PRODUCTS", work / 4)
    again = evaluate(world.recommend, world.holdout, background)
    assert again.facts["diversity reads"] == "one list in 4"
    assert np.isnan(again.values["diversity@10"]).sum() >= 30
