"""The gate's decision: known answers, what never passes, and how often chance decides."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.health import health_of
from bowerbird.runs.gate import NEVER, POPULAR, decide
from bowerbird.runs.gate_page import gate_page
from bowerbird.runs.policy import Policy
from gates import K, draws, model, report, shuffled

QUICK = Policy(draws=400)
N = 2000


def failed(verdict):
    return {check.name for check in verdict.checks if not check.passed}


def check(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


def noisy(values, share, seed):
    """As good on average, and unlike: some people's values are dealt out anew."""
    random = np.random.default_rng(seed)
    moved = np.flatnonzero(random.random(len(values)) < share)
    out = values.copy()
    out[moved] = values[random.permutation(moved)]
    return out


def vectors(seed, length=None):
    random = np.random.default_rng(seed)
    items = random.normal(size=(300, 16)).astype(np.float32)
    counts = random.integers(1, 50, 300)
    if length is not None:
        items *= (counts**length)[:, None].astype(np.float32)
    queries = random.normal(size=(400, 16)).astype(np.float32)
    return items, queries, counts


def test_the_same_model_passes():
    same = model(draws(N), {"history length: 0": np.arange(N) < 100})
    verdict = decide(same, same, {}, QUICK)
    assert verdict.passed
    assert verdict.outcome == "promote"
    assert verdict.gain.low == 0
    assert check(verdict, "accuracy").limit == pytest.approx(-0.01 * verdict.mean)
    assert verdict.words()[0] == "Promote: every check passed."


def test_of_few_people_even_the_same_model_cannot_be_said_to_be_good():
    same = model(draws(150))
    verdict = decide(same, same, {}, QUICK)
    assert failed(verdict) == {"people"}
    assert verdict.outcome == "cannot say"
    assert "too few" in verdict.words()[1]


def test_an_equal_but_unlike_model_passes_with_enough_people_and_not_with_few():
    policy = replace(QUICK, margin=0.05)
    few = draws(400)
    verdict = decide(model(noisy(few, 0.2, 1)), model(few), {}, policy)
    assert verdict.outcome == "cannot say"
    assert failed(verdict) == {"accuracy"}
    wanted = int(check(verdict, "accuracy").sentence.split()[-1].strip(".").replace(",", ""))
    many = draws(2 * wanted)
    assert decide(model(noisy(many, 0.2, 1)), model(many), {}, policy).passed


def test_shuffled_lists_are_refused():
    values = draws(N)
    worse = np.where(np.random.default_rng(3).random(N) < 0.5, values, 0)
    verdict = decide(model(worse), model(values), {}, QUICK)
    assert verdict.outcome == "keep"
    assert "all of it is below" in check(verdict, "accuracy").sentence


def test_better_on_average_and_lost_for_new_people_is_refused_by_the_slice():
    values, new = draws(N), np.arange(N) < 200
    better = np.where(new, 0.2 * values, np.minimum(values + 0.05, 1))
    parts = {"history length: 0": new, "history length: 20+": ~new}
    verdict = decide(model(better, parts), model(values, parts), {}, QUICK)
    assert verdict.gain.low > 0
    assert failed(verdict) == {"slices"}
    assert "history length: 0 (200 people) -80.0%" in check(verdict, "slices").sentence
    assert verdict.outcome == "keep"


def test_a_slice_of_a_handful_is_shown_and_not_judged():
    values, new = draws(N), np.arange(N) < 20
    lost = np.where(new, 0, values + 0.01)
    parts = {"new": new}
    verdict = decide(model(lost, parts), model(values, parts), {}, QUICK)
    assert verdict.passed
    assert not verdict.slices[0].told
    assert "1 of fewer than 30 people are not judged" in check(verdict, "slices").sentence


def test_a_loss_beyond_chance_but_within_the_margin_is_no_lost_slice():
    values = np.full(N, 0.5)
    parts = {"some": np.arange(N) < 500}
    verdict = decide(model(np.where(parts["some"], 0.49, 0.51), parts), model(values, parts), {})
    assert verdict.slices[0].high < 0
    assert verdict.passed


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"coverage": 0.44}, "coverage"),
        ({"gini": 0.65}, "evenness"),
        ({"arp": 111.0}, "popularity"),
        ({"cold": 0.0}, "cold items"),
        ({"filled": K - 1}, "full lists"),
        ({"told": {"index_recall": 0.92}}, "index recall"),
        ({"told": {"latency_ms": 31.0}}, "latency"),
    ],
)
def test_each_guard_refuses_alone_whatever_the_accuracy(changed, name):
    values = draws(N)
    told = {"index_recall": 0.96, "latency_ms": 20.0}
    old = model(values, told=told)
    new = model(values + 0.1, **{**changed, "told": {**told, **changed.get("told", {})}})
    assert failed(decide(new, old, {}, QUICK)) == {name}


def test_what_gets_better_is_no_reason_to_refuse():
    values = draws(N)
    old = model(values, cold=0.0, told={"latency_ms": 3.0})
    new = model(values, coverage=0.9, gini=0.1, arp=10.0, cold=0.0, told={"latency_ms": 19.0})
    assert decide(new, old, {}, QUICK).passed  # 19 ms are fast enough, six times slower or not


def test_an_alarm_is_one_unless_it_is_tolerated_or_the_champion_s_as_well():
    values = draws(N)
    well, ill = (health_of(*vectors(0, length)) for length in (None, 2.0))
    assert ill.alarms()
    old, same = model(values, told={"health": well}), model(values, told={"health": ill})
    strict = replace(QUICK, tolerated=())
    verdict = decide(same, old, {}, strict)
    assert failed(verdict) == {"health"}
    assert verdict.health == ill.lights(well)
    assert [told["ok"] for told in verdict.to_json()["health"]] == [v.ok for v in verdict.health]
    assert "Length by popularity gained" in gate_page(verdict, "t")
    assert decide(same, same, {}, strict).passed
    alarms = tuple(light.name.lower() for light in ill.lights(well) if light.ok is False)
    assert decide(same, old, {}, replace(QUICK, tolerated=alarms)).passed


def test_missing_vectors_count_even_if_the_champion_of_long_ago_misses_more():
    values, (items, queries, counts) = draws(N), vectors(0)
    old, new = items.copy(), items.copy()
    old[:60], new[:30] = np.nan, np.nan
    pair = [model(values, told={"health": health_of(v, queries, counts)}) for v in (new, old)]
    verdict = decide(*pair, {}, QUICK)
    assert failed(verdict) == {"health"}
    names = [light.name.lower() for light in pair[0].health.lights()]
    assert set(NEVER) <= set(names)


def test_a_first_model_has_to_beat_what_is_popular_and_be_behind_no_other():
    values = draws(N)
    popular, together = report(values), report(values + 0.1)
    beats = model(values + 0.1)
    baselines = {POPULAR: popular, "together": together}
    first = decide(beats, None, baselines, QUICK)
    assert first.passed
    assert first.gain is None
    assert failed(decide(model(values), None, baselines, QUICK)) == {
        f"against {POPULAR}",
        "against together",
    }
    with pytest.raises(ConfigError, match="baseline 'popular of the last 7 days' expected"):
        decide(beats, None, {"together": together}, QUICK)


def test_a_chain_of_small_losses_ends_at_the_baseline():
    level = np.full(N, 0.5)
    baseline = {"together": report(level - 0.011 + np.linspace(-0.1, 0.1, N))}
    policy = replace(QUICK, margin=0.02)
    outcomes = []
    champion, values = model(level), level
    for _ in range(5):
        values = values * 0.985
        verdict = decide(model(values), champion, baseline, policy)
        outcomes.append(verdict.passed)
        champion = model(values) if verdict.passed else champion
    assert outcomes[0]
    assert not all(outcomes)
    behind = check(verdict, "against together")
    assert not behind.passed
    # where the champion is behind as well, nothing is lost by another that is
    worse = model(level * 0.5)
    assert decide(worse, worse, baseline, policy).passed


def test_other_people_or_other_slices_are_refused():
    values = draws(N)
    with pytest.raises(DataError, match="reports on the same users expected"):
        decide(model(values), model(values[:-1]), {}, QUICK)
    with pytest.raises(DataError, match="slices of one window expected"):
        decide(model(values, {"a": values > 0}), model(values, {"b": values > 0}), {}, QUICK)


def test_people_with_nothing_to_find_do_not_count():
    values = np.concatenate([draws(100), np.full(500, np.nan)])
    verdict = decide(model(values), model(values), {}, QUICK)
    assert verdict.people == 100
    assert failed(verdict) == {"people"}


def test_nobody_at_all_is_a_no_and_no_crash():
    nobody = model(np.full(10, np.nan), {"a": np.ones(10, bool)})
    verdict = decide(nobody, nobody, {}, QUICK)
    assert not verdict.passed
    assert json.loads(json.dumps(verdict.to_json()))["mean"] is None


def test_a_verdict_is_plain_data():
    values = draws(N)
    told = {"index_recall": 1.0, "latency_ms": 2.0}
    one = model(values, {"a": values > 0}, told=told)
    verdict = decide(one, one, {"together": report(values)}, QUICK)
    made = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert made["passed"] is True
    assert [each["name"] for each in made["checks"]] == [c.name for c in verdict.checks]
    assert made["policy"]["metric"] == "ndcg@10"
    assert made["facts"] == {"cut": "2026"}


figures = st.fixed_dictionaries(
    {
        "coverage": st.floats(0.3, 0.7),
        "gini": st.floats(0.4, 0.8),
        "arp": st.floats(80, 130),
        "cold": st.sampled_from([0.0, 0.1]),
        "filled": st.sampled_from([K, K - 1]),
        "told": st.fixed_dictionaries(
            {"index_recall": st.floats(0.9, 1.0), "latency_ms": st.floats(1, 60)}
        ),
    }
)


@settings(max_examples=40, deadline=None)
@given(new=figures, old=figures, lift=st.floats(-0.1, 0.1), seed=st.integers(0, 99))
def test_it_never_passes_when_a_guard_fails_and_order_changes_nothing(new, old, lift, seed):
    values = draws(300, seed=seed)
    parts = {"a": np.arange(300) < 60, "b": np.arange(300) >= 60}
    pair = model(values + lift, parts, **new), model(values, parts, **old)
    verdict = decide(*pair, {}, Policy(draws=200))
    k = f"@{K}"
    reports = [one.report for one in pair]
    broken = (
        reports[0].mean("coverage" + k) < 0.9 * reports[1].mean("coverage" + k)
        or 1 - new["gini"] < 0.9 * (1 - old["gini"])
        or new["arp"] > 1.1 * old["arp"]
        or (old["cold"] > 0 and new["cold"] == 0)
        or new["filled"] < old["filled"]
        or new["told"]["index_recall"] < 0.93
        or new["told"]["latency_ms"] > max(20, 1.5 * old["told"]["latency_ms"])
        or lift <= -0.01 * values.mean()
    )
    assert not (verdict.passed and broken)
    assert verdict.passed == (not failed(verdict)) == (verdict.outcome == "promote")
    by = np.random.default_rng(seed).permutation(300)
    again = decide(shuffled(pair[0], by), shuffled(pair[1], by), {}, Policy(draws=200))
    # ARP is a mean over people, so its last bits may follow their order
    assert again.gain == verdict.gain
    assert again.slices == verdict.slices
    assert [c.passed for c in again.checks] == [c.passed for c in verdict.checks]


def test_of_equal_models_few_are_refused_for_a_slice_and_of_bad_ones_few_get_through():
    slices = {f"s{place}": slice(place * 60, (place + 1) * 60) for place in range(15)}
    n, policy, tries = 900, Policy(draws=300, least_people=50), 60
    refused = promoted = 0
    for seed in range(tries):
        values = draws(n, seed=seed)
        parts = {}
        for name, some in slices.items():
            parts[name] = np.zeros(n, bool)
            parts[name][some] = True
        equal = noisy(values, 0.5, 1000 + seed)
        verdict = decide(model(equal, parts), model(values, parts), {}, policy)
        refused += "slices" in failed(verdict)
        lost = np.where(np.random.default_rng(seed).random(n) < 0.1, 0, noisy(values, 0.3, seed))
        promoted += decide(model(lost), model(values), {}, policy).passed
    assert refused / tries <= 0.1  # 2.5 % are meant; the benchmark measures it
    assert promoted / tries <= 0.1
