"""`bowerbird online`: reports and rows from a store and from Parquet files."""

import json

import polars as pl
import pytest

from bowerbird.cli.main import run
from bowerbird.data.facts import SCHEMAS, Done, Merge, Seen, Served, Slot
from bowerbird.online.report import report
from bowerbird.online.rules import Rules
from bowerbird.store.opened import open_store
from live_logs import DAY, HOUR, MINUTE, START, simulated

AS_OF = START + 20 * DAY
MOMENT = ["--as-of", "2026-03-21"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A log as the Parquet files of a store."""
    folder = tmp_path_factory.mktemp("facts")
    frames = simulated(300, 5, 2_000, 60, 30, seed=8)
    for name in SCHEMAS:
        (folder / name).mkdir()
        frame = getattr(frames, name)
        for part in (0, 1):
            frame[part::2].write_parquet(folder / name / f"{part}-{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with two lists of one person under two names, a click and a purchase in yen."""
    folder = tmp_path_factory.mktemp("live")
    slots = (Slot("=a", 2.0, 1.0, "personal"), Slot("b", 1.0, 1.0, "personal"))
    lists = [
        Served(f"r{n}", f"q{n}", START + n * HOUR, "home", "m", "c", "personal", slots, user)
        for n, user in enumerate(("anonymous", "ann"))
    ]
    time = START + MINUTE
    bought = Done(
        "p1", "ann", "=a", "purchase", time + HOUR, time + HOUR, value=900, currency="JPY"
    )
    opened = open_store(folder)
    opened.facts.serve(lists)
    opened.facts.record(
        [
            Seen("s1", "r0", "=a", time, time, 1, "anonymous"),
            Done("c1", "anonymous", "=a", "click", time, time, rec_id="r0"),
            bought,
        ]
    )
    opened.people.merge([Merge("anonymous", "ann", time)])
    opened.close()
    return folder


def asked(capsys, *words):
    assert run(["online", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_json_holds_what_the_library_finds_in_the_same_facts(files, capsys):
    frames = simulated(300, 5, 2_000, 60, 30, seed=8)
    words = ["--json", "--by", "surface", "--by", "day", "--view-through", "1h", "--n-items", "30"]
    told = json.loads(asked(capsys, "report", files, *MOMENT, *words))
    rules = Rules(as_of=AS_OF, view_through_s=3_600)
    assert told == json.loads(json.dumps(report(frames, rules, ("surface", "day"), 30)))
    span = ["--since", "2026-03-02", "--until", "2026-03-04T12:00", "--served-as-seen"]
    told = json.loads(asked(capsys, "report", files, *MOMENT, "--json", *span))
    rules = Rules(as_of=AS_OF, since=START + DAY, until=START + 84 * HOUR, served_as_seen=True)
    assert told == json.loads(json.dumps(report(frames, rules)))


def test_a_store_is_read_with_its_merges_and_as_of_a_moment(store, capsys):
    told = json.loads(asked(capsys, "report", store, *MOMENT, "--json"))
    figures = told["groups"][0]["figures"]
    assert told["groups"][0]["users"] == 1
    assert figures["revenue:JPY:click"]["value"] == 900
    assert figures["lists_seen"]["value"] == 1
    before = json.loads(asked(capsys, "report", store, "--as-of", "2026-03-01T01:00", "--json"))
    assert "revenue:JPY:click" not in before["groups"][0]["figures"]
    assert before["groups"][0]["figures"]["lists_served"]["value"] == 2
    assert before["groups"][0]["final"] is False


def test_the_report_says_in_words_what_was_earned(files, store, capsys):
    told = asked(capsys, "report", files, "--as-of", "2026-03-07", "--view-through", "1h")
    for words in ("after a click", "after a look", "unattributed", "EUR", "USD", "home"):
        assert words in told
    assert "Not final: figures of a day may change for 9 days." in told
    assert "do not belong to" in told and "Credit is for diagnosis" in told
    told = asked(capsys, "report", store, *MOMENT)
    assert " 900 " in told and "9.00" not in told  # a yen has no hundredths
    assert "after a look" not in told and "Not final" not in told
    assert "1 of 2" in told and "100.0 (20.7–100.0)" in told


def test_without_facts_a_report_says_so_in_nothings(tmp_path, capsys):
    (tmp_path / "served").mkdir()
    told = asked(capsys, "report", tmp_path, "--served-as-seen")
    assert "0 of 0" in told and "–" in told and "too low" in told


def test_many_groups_are_cut_short_for_people_not_for_machines(files, capsys):
    told = asked(capsys, "report", files, *MOMENT, "--by", "item", "--by", "surface")
    groups = json.loads(
        asked(capsys, "report", files, *MOMENT, "--by", "item", "--by", "surface", "--json")
    )["groups"]
    assert f"{len(groups) - 1} groups; --json has all." in told
    assert len(told.splitlines()) < 80 < len(groups)


def test_rows_are_written_and_add_up(files, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    group = ["--where", "surface=home", "--where", "segment="]
    told = asked(capsys, "rows", files, *MOMENT, "--metric", "ctr_list", *group, "--out", out)
    made = pl.read_parquet(out)
    top, bottom = made["numerator"].sum(), made["denominator"].sum()
    assert f"{made.height} rows, numerator {top}, denominator {bottom}" in told
    by = ["--by", "surface", "--by", "segment", "--json"]
    groups = json.loads(asked(capsys, "report", files, *MOMENT, *by))["groups"]
    one = next(g for g in groups if g["group"] == {"surface": "home", "segment": None})
    figure = one["figures"]["ctr_list"]
    assert (figure["numerator"], figure["denominator"]) == (top, bottom) and top > 0


def test_a_spreadsheet_runs_nothing_of_the_rows(store, tmp_path, capsys):
    asked(capsys, "rows", store, *MOMENT, "--metric", "ctr_slot", "--out", tmp_path / "rows.CSV")
    (row,) = pl.read_csv(tmp_path / "rows.CSV").to_dicts()
    assert row["item"] == "'=a" and row["numerator"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rows", "--metric", "ctr", "--out", "r.csv"], "'ctr' came: lists_served"),
        (["rows", "--metric", "ctr_list", "--out", "r.txt"], "ending in .parquet or .csv"),
        (["rows", "--metric", "ctr_list", "--where", "home", "--out", "r.csv"], "name=value"),
        (["report", "--by", "colour"], "groups by surface, model"),
        (["report", "--view-through", "soon"], "--view-through: a time such as"),
        (["report", "--since", "yesterday"], "a moment such as"),
        (["report", "--since", "2026-03-05", "--until", "2026-03-04"], "until after since"),
    ],
)
def test_what_cannot_be_meant_is_told_on_one_line(words, told, files, capsys):
    command, *rest = words
    assert run(["online", command, str(files), *rest]) == 2
    assert told in capsys.readouterr().err


def test_a_place_without_facts_is_told(tmp_path, capsys):
    assert run(["online", "report", str(tmp_path / "nowhere")]) == 2
    assert "a store expected, or what «bowerbird store compact» writes" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "done").mkdir()
    assert run(["online", "report", str(tmp_path)]) == 2
    assert "neither is there: name the --data" in capsys.readouterr().err
