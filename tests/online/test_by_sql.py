"""Figures of random logs against plain SQL that shares no code with them."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from bowerbird.data.facts import SCHEMAS
from bowerbird.online.intervals import Z
from bowerbird.online.report import report
from bowerbird.online.rules import Rules
from live_logs import DAY, START, simulated

SQL = (Path(__file__).parent / "by_sql.sql").read_text("utf-8")


def with_others_under_one_id(frames):
    """Some events again, later and of another worth; some lists again."""
    again = frames.done.sample(200, seed=1).with_columns(
        pl.col("arrived") + 1, value=pl.col("value") + 100_000, item=pl.lit("i00001")
    )
    lists = frames.served.sample(20, seed=1).with_columns(
        pl.col("time") + 1, surface=pl.lit("nowhere")
    )
    return replace(
        frames,
        done=pl.concat([frames.done, again]),
        served=pl.concat([frames.served, lists]),
    )


def in_sql(frames, rules):
    """A database with the facts, the rules and what SQL makes of them."""
    database = sqlite3.connect(":memory:")
    for name in SCHEMAS:
        frame = getattr(frames, name)
        columns = ", ".join(f'"{column}"' for column in frame.columns)
        database.execute(f"CREATE TABLE {name} ({columns})")
        places = ", ".join("?" * frame.width)
        database.executemany(f"INSERT INTO {name} VALUES ({places})", frame.rows())
    database.execute("CREATE TABLE rules (as_of, view_ms, served_as_seen)")
    row = (rules.as_of, 1_000 * rules.view_through_s, rules.served_as_seen)
    database.execute("INSERT INTO rules VALUES (?, ?, ?)", row)
    database.executescript(SQL)
    return database


@pytest.mark.parametrize(
    ("seed", "rules"),
    [
        (1, Rules(as_of=START + 60 * DAY)),
        (2, Rules(as_of=START + 60 * DAY, view_through_s=3_600)),
        (3, Rules(as_of=START + 60 * DAY, view_through_s=3_600, served_as_seen=True)),
        (4, Rules(as_of=START + 4 * DAY, view_through_s=7_200)),  # half of it has not arrived
    ],
)
def test_sql_counts_the_same_to_the_cent(seed, rules):
    frames = with_others_under_one_id(simulated(900, 6, 6_000, 80, 60, seed=seed))
    database = in_sql(frames, rules)
    told = report(frames, rules)
    groups = {group["group"]["surface"]: group["figures"] for group in told["groups"][1:]}
    asked = "SELECT metric, surface, top, bottom FROM figures"
    compared = 0
    for metric, surface, top, bottom in database.execute(asked):
        figure = groups[surface][metric]
        assert (figure["numerator"], figure["denominator"]) == (top, bottom), (metric, surface)
        compared += bool(top)
    assert compared > 60
    assert set(groups) == {"home", "item", "cart", None}
    for metric in told["groups"][0]["figures"]:
        if metric.startswith(("conversions:", "revenue:")):
            level = metric.split(":")[2]
            if level not in ("attributed", "total"):
                asked = f"SELECT COALESCE(SUM(top), 0) FROM figures WHERE metric = '{metric}'"
                (total,) = database.execute(asked).fetchone()
                assert told["groups"][0]["figures"][metric]["value"] == total, metric


def test_sql_finds_the_same_interval():
    frames = simulated(900, 6, 6_000, 80, 60, seed=9)
    rules = Rules(as_of=START + 60 * DAY)
    database = in_sql(frames, rules)
    n, yy, xx, xy, y, x = database.execute(
        "SELECT COUNT(*), SUM(y*y), SUM(x*x), SUM(x*y), SUM(y), SUM(x) FROM "
        "(SELECT SUM(clicked) AS y, SUM(seen) AS x FROM gone WHERE seen GROUP BY unit)"
    ).fetchone()
    var_y, var_x = (yy - y * y / n) / (n - 1), (xx - x * x / n) / (n - 1)
    cov, r = (xy - x * y / n) / (n - 1), y / x
    half = Z * ((var_y - 2 * r * cov + r * r * var_x) / (n * (x / n) ** 2)) ** 0.5
    figure = report(frames, rules, ())["groups"][0]["figures"]["ctr_list"]
    assert figure["users"] == n
    assert (figure["low"], figure["high"]) == pytest.approx((r - half, r + half))
