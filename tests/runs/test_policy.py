"""What a gate asks for can be changed by name, and nonsense is refused by name."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from bowerbird.errors import ConfigError
from bowerbird.runs.policy import Policy


def test_a_table_of_toml_changes_what_it_names_and_nothing_else():
    told = tomllib.loads(
        'metric = "recall@20"\nmargin = 0\nleast_people = 50\ntolerated = ["hubs"]'
    )
    policy = Policy.of(told)
    assert (policy.metric, policy.k, policy.margin, policy.tolerated) == (
        "recall@20",
        20,
        0.0,
        ("hubs",),
    )
    same = [f.name for f in fields(Policy) if f.name not in told]
    assert all(getattr(policy, name) == getattr(Policy(), name) for name in same)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"nonsense": 1}, "gate: one of metric, margin, .* expected, 'nonsense' came"),
        ({"metric": "ndcg"}, "metric: one of .* with @k, expected, 'ndcg' came"),
        ({"metric": "coverage@10"}, "metric: one of ndcg|metric: one of hit"),
        ({"metric": "ndcg@0"}, "'ndcg@0' came"),
        ({"metric": 3}, "gate metric: a word expected, 3 came"),
        ({"margin": "much"}, "gate margin: a number expected, 'much' came"),
        ({"margin": True}, "gate margin: a number expected, True came"),
        ({"margin": 1.0}, "gate margin: a number from 0 to below 1 expected, 1.0 came"),
        ({"margin": float("nan")}, "gate margin: a number from 0 to below 1 expected, nan came"),
        ({"slice_margin": -0.1}, "gate slice_margin"),
        ({"coverage_drop": 2}, "gate coverage_drop"),
        ({"evenness_drop": 2}, "gate evenness_drop"),
        ({"popularity_rise": -1}, "gate popularity_rise"),
        ({"least_people": 1.5}, "gate least_people: a whole number expected, 1.5 came"),
        ({"least_people": 1}, "gate least_people: a number ≥ 2 expected, 1 came"),
        ({"least_in_slice": 0}, "gate least_in_slice: a number ≥ 2 expected, 0 came"),
        ({"index_recall": 1.1}, "gate index_recall: a number from 0 to 1 expected, 1.1 came"),
        ({"latency_ratio": 0.5}, "gate latency_ratio: a number ≥ 1 expected, 0.5 came"),
        ({"latency_free_ms": -1}, "gate latency_free_ms: a number ≥ 0 expected"),
        ({"draws": 10}, "gate draws: a number ≥ 200 expected, 10 came"),
        ({"seed": -1}, "gate seed: a number ≥ 0 expected, -1 came"),
        ({"tolerated": "hubs"}, "gate tolerated: a list of words expected, 'hubs' came"),
        ({"tolerated": [1]}, "gate tolerated: a list of words expected"),
    ],
)
def test_what_cannot_be_a_limit_is_refused_by_its_name(told, says):
    with pytest.raises(ConfigError, match=says):
        Policy.of(told)


def test_the_page_names_every_limit_with_its_default():
    page = (Path(__file__).parents[2] / "docs" / "gate.md").read_text("utf-8")
    told = dict(re.findall(r"\| `(\w+)` \| (.*?) \|$", page, re.MULTILINE))
    told |= dict(re.findall(r"`(draws|seed)` \((\d+)\)", page))
    known = {field.name: field.default for field in fields(Policy)}
    words = {name: ", ".join(v) if isinstance(v, tuple) else str(v) for name, v in known.items()}
    assert told == words
