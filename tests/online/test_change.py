"""A span beside the span before it: the figures of each, and what is more than chance."""

import numpy as np
import polars as pl
import pytest

from bowerbird.errors import ConfigError
from bowerbird.online.change import change
from bowerbird.online.report import report
from bowerbird.online.rules import Rules
from live_logs import DAY, HOUR, MINUTE, START, empty, simulated, table

WEEK = 7 * DAY


def shop(rates, n_users=200, seed=0, start=START, late=()):
    """Each user sees one list a week; in week w a share of rates[w] clicks."""
    draw = np.random.default_rng(seed)
    served, slots, seen, done = [], [], [], []
    for week, rate in enumerate(rates):
        for user in range(n_users):
            rec, at = f"r{week}-{user}", start + week * WEEK + user * MINUTE
            served.append(
                {"rec_id": rec, "time": at, "user": f"u{user}", "surface": "home", "model": "m"}
                | {"config": "c", "rung": "personal", "arms": "{}", "request": rec}
            )
            slots.append({"rec_id": rec, "position": 1, "item": "i1"})
            event = {"rec_id": rec, "item": "i1", "user": f"u{user}", "time": at, "arrived": at}
            seen.append({"event_id": f"s{rec}", **event})
            if draw.random() < rate:
                done.append({"event_id": f"c{rec}", "type": "click", **event})
    done.extend(late)
    told = {"served": served, "slots": slots, "seen": seen, "done": done, "merges": []}
    return type(empty())(**{name: table(name, rows) for name, rows in told.items()})


def test_a_real_change_is_told_and_none_is_within_chance():
    rules = Rules(as_of=START + 2 * WEEK - 1, since=START + WEEK)
    told = change(shop([0.1, 0.3]), rules)["change"]["ctr_list"]
    assert told["verdict"] == "more" and told["low"] > 0 and told["users"] == 200
    told = change(shop([0.3, 0.1]), rules)["change"]["ctr_list"]
    assert told["verdict"] == "less" and told["high"] < 0
    assert change(shop([0.2, 0.2]), rules)["change"]["ctr_list"]["verdict"] == "within chance"
    told = change(shop([0.1, 0.9], n_users=20), rules)["change"]["ctr_list"]
    assert told["verdict"] == "too few to say"


def test_figures_are_those_of_two_reports():
    frames = simulated(900, 5, 6_000, 80, 40, seed=2)
    middle, end = START + 3 * DAY, START + 6 * DAY
    rules = Rules(as_of=end - 1, since=middle)
    told = change(frames, rules, {"surface": "home"})
    where = {"surface": "home"}
    now = report(frames, rules, (), where=where)["groups"][0]["figures"]
    assert told["now"]["figures"] == now
    assert told["before"]["since"] == START and told["before"]["until"] == middle
    for name, one in told["change"].items():
        if one is None or one["value"] is None:
            continue
        before = told["before"]["figures"][name]["value"] or 0
        assert one["value"] == pytest.approx((now[name]["value"] or 0) - before), name


def test_the_span_before_is_seen_at_the_same_age():
    """A click a week later came too late for last week, so it is not counted for the one before."""
    at = START + WEEK + HOUR
    late = [
        {"event_id": f"x{n}", "rec_id": f"r0-{n}", "item": "i1", "user": f"u{n}", "type": "click"}
        | {"time": at, "arrived": at}
        for n in range(100)
    ]
    rules = Rules(as_of=START + 2 * WEEK - 1, since=START + WEEK)
    told = change(shop([0.2, 0.2], late=late), rules)
    assert told["before"]["figures"]["ctr_list"]["numerator"] < 60
    assert told["change"]["ctr_list"]["verdict"] == "within chance"


def test_the_interval_is_that_of_paired_people():
    """Var of a difference of means of the same n people is that of the differences, over n."""
    frames = shop([0.3, 0.5], seed=3)
    told = change(frames, Rules(as_of=START + 2 * WEEK - 1, since=START + WEEK))["change"]
    clicks = frames.done.with_columns(week=pl.col("rec_id").str.slice(1, 1).cast(int))
    did = np.zeros((2, 200))
    did[clicks["week"], clicks["user"].str.slice(1).cast(int)] = 1
    step = did[1] - did[0]
    half = 1.959963984540054 * step.std(ddof=1) / np.sqrt(200)
    one = told["ctr_list"]
    assert one["value"] == pytest.approx(step.mean())
    assert (one["low"], one["high"]) == pytest.approx((step.mean() - half, step.mean() + half))


def test_no_change_is_called_one_in_about_one_of_twenty_spans():
    rules = Rules(as_of=START + 2 * WEEK - 1, since=START + WEEK)
    told = [change(shop([0.2, 0.2], 100, s), rules)["change"]["ctr_list"] for s in range(60)]
    wrong = sum(one["verdict"] in ("more", "less") for one in told)
    assert 0 < wrong <= 8  # binomial(60, 0.05): more than 8 is one in 500


def test_a_span_without_a_beginning_has_none_before_it():
    with pytest.raises(ConfigError, match="a span that another comes before expected"):
        change(empty(), Rules(as_of=START))
