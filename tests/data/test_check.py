"""Every finding, in a world where the answer is known."""

import json
import shlex

import numpy as np
import polars as pl
import pytest

from bowerbird.cli.main import run as command_line
from bowerbird.data.check import check
from bowerbird.data.importing import Inputs, import_dataset
from bowerbird.data.tables import Source

NOW = 1_800_000_000
DAY = 86_400


@pytest.fixture
def found(tmp_path):
    """Findings by name, of tables given by their columns."""

    def look(events, items=None, now=NOW, **more):
        pl.DataFrame(events, strict=False).write_parquet(tmp_path / "e.parquet")
        if items is not None:
            pl.DataFrame(items).write_parquet(tmp_path / "i.parquet")
            more["items"] = Source(str(tmp_path / "i.parquet"))
        source = Source(str(tmp_path / "e.parquet"))
        imported = import_dataset(Inputs(source, max_broken=1.0, **more))
        return {finding.name: finding for finding in check(imported.data, imported.quarantine, now)}

    return look


def shop(n=2_000, **more):
    """Events of 40 people on 200 items, one a minute."""
    step = np.arange(n)
    columns = {"user": step % 40, "item": step * 7 % 200, "time": NOW - 60 * n + step * 60}
    return {**columns, **more}


def test_good_data_has_notes_only(found):
    step = np.arange(2_000)
    titles = [f"The good thing {n}" for n in range(200)]
    events = shop(event=np.where(step % 2, "view", "purchase"))
    findings = found(events, {"item": list(range(200)), "title": titles})
    assert {finding.level for finding in findings.values()} == {"note"}
    assert findings["event-types"].message == "event types: purchase 1,000, view 1,000"
    assert findings["text-coverage"].message == "100% of items have a text or a category"
    assert findings["size"].message.startswith("2,000 events of 40 users on 200 items, 2027-01-1")


def test_the_worst_comes_first(found):
    levels = [
        finding.level for finding in found({"user": [1], "item": [1], "time": [NOW + 9]}).values()
    ]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert levels[0] == "error"


def test_repeated_events_are_counted(found):
    events = {"user": [1, 1, 1, 2], "item": [5, 5, 5, 5], "time": [7, 7, 7, 7]}
    finding = found(events)["duplicates"]
    assert (finding.level, finding.count) == ("warning", 2)
    assert finding.example == "user 1, item 5 at 1970-01-01T00:00:07"
    assert "duplicates" not in found({**events, "event": ["a", "b", "c", "a"]})
    unordered = found({"user": [1, 1, 2], "item": [5, 5, 5]})["duplicates"]
    assert (unordered.level, unordered.count) == ("note", 1)
    assert unordered.example == "user 1, item 5"


def test_events_of_the_future_are_errors(found):
    events = {"user": [1, 2, 3], "item": [1, 2, 3], "time": [NOW, NOW + 1, NOW + DAY]}
    finding = found(events)["future-timestamps"]
    assert (finding.level, finding.count) == ("error", 2)
    assert "user 2, item 2" in finding.example
    broken = found({**events, "time": [NOW, NOW, NOW + 9 * DAY]}, now=None) | found(
        {**events, "time": [NOW, NOW, NOW + 9 * DAY]}
    )
    assert broken["future-timestamps"].count == 1


def test_broken_rows_of_each_kind_have_an_example_of_their_own(found):
    events = {"user": ["a", None, "c", "d"], "item": [1, 1, 1, 9], "time": ["1", "1", "?", "1"]}
    imported = found(events, {"item": [1]})
    assert "row 4: column item: an item of" in imported["unknown-items"].example
    assert "--unknown-items keep" in imported["unknown-items"].remedy
    assert imported["broken-rows"].level == "error"
    assert imported["broken-rows"].example.startswith("row 3: column time")


def test_one_timestamp_for_all_is_an_error(found):
    finding = found({"user": [1, 2], "item": [1, 2], "time": [NOW, NOW]})["constant-timestamps"]
    assert (finding.level, finding.count) == ("error", 2)


def test_whole_days_are_a_warning(found):
    day = np.arange(2_000) // 100 * DAY
    assert found(shop(time=day))["whole-days"].count == 2_000
    assert "whole-days" not in found(shop(time=day + np.arange(2_000) % 2))


def test_data_without_time_is_said_to_be_unordered(found):
    findings = found({"user": [1, 2], "item": [1, 2]})
    assert findings["unordered"].level == "warning"
    assert not {"constant-timestamps", "whole-days"} & set(findings)
    assert "unordered" not in found({"user": [1, 2], "item": [1, 2], "order": [1, 2]})


def test_a_bot_acts_faster_than_people_do(found):
    events = shop(3_000)
    events["user"] = np.where(np.arange(3_000) < 1_000, 99, events["user"])
    slow = NOW - 10**6 + np.arange(3_000) * 60
    fast = np.where(np.arange(3_000) < 1_000, NOW - 10**7 + np.arange(3_000) * 3, slow)
    finding = found({**events, "time": fast})["bots"]
    assert (finding.count, finding.example) == (1, "user 99")
    assert "33.3% of all events" in finding.message
    assert "bots" not in found({**events, "time": slow})
    basket = np.where(np.arange(3_000) < 1_000, NOW - 10**7, slow)  # all in one second
    assert "bots" not in found({**events, "time": basket})


def test_small_worlds_are_said_to_be_small(found):
    findings = found({"user": [1], "item": [1], "time": [5]})
    assert findings["tiny-catalog"].count == 1
    assert findings["few-events"].count == 1
    assert not {"tiny-catalog", "few-events"} & set(found(shop()))


def test_one_type_of_feedback_is_noted(found):
    assert "(event)" in found({"user": [1], "item": [1]})["single-type"].message
    events = {"user": [1, 1], "item": [1, 2], "event": ["view", "view"]}
    assert "(view)" in found(events)["single-type"].message


def test_items_without_events_and_without_texts_are_counted(found):
    items = {"item": [1, 2, 3, 4], "title": ["The one", "The other one", None, None]}
    findings = found({"user": [1], "item": [1]}, items)
    assert (findings["cold-items"].count, findings["cold-items"].example) == (3, "item 2")
    assert findings["text-coverage"].level == "warning"
    assert findings["text-coverage"].message == "50% of items have a text or a category"
    assert findings["text-coverage"].example == "item 3 has none"
    assert found({"user": [1], "item": [1]})["no-content"].level == "warning"


def test_histories_are_summed_up(found, tmp_path):
    pl.DataFrame({"user": [1, 2, 3, 4]}).write_parquet(tmp_path / "u.parquet")
    events = {"user": [1, 2, 2, 3, 3, 3, 3, 3], "item": range(8)}
    finding = found(events, users=Source(str(tmp_path / "u.parquet")))["histories"]
    assert finding.message == (
        "events per user: 25% have none, 75% have 1+, 50% have 2+, 25% have 5+; median 1"
    )
    assert finding.count == 3


def write(tmp_path, times):
    columns = {"user": [1, 2], "item": [1, 2], "time": times}
    pl.DataFrame(columns).write_csv(tmp_path / "e.csv")
    return f"check --events {tmp_path}/e.csv --quarantine {tmp_path}/q.jsonl"


def test_errors_end_with_exit_code_2_and_good_data_with_0(tmp_path, capfd):
    assert command_line(shlex.split(write(tmp_path, ["1", "2"]))) == 0
    assert "tiny" not in capfd.readouterr().err
    assert command_line(shlex.split(write(tmp_path, ["1", "?"]))) == 2
    told = capfd.readouterr().out
    assert "1 row is broken: column time: a moment expected" in told
    assert "for example row 2: column time" in told
    assert json.loads((tmp_path / "q.jsonl").read_text())["row"] == 2


def test_findings_are_json_for_machines(tmp_path, capfd):
    assert command_line([*shlex.split(write(tmp_path, ["9", "9"])), "--json"]) == 2
    findings = json.loads(capfd.readouterr().out)
    assert findings[0]["name"] == "constant-timestamps"
    assert set(findings[0]) == {"level", "name", "message", "count", "example", "remedy"}


def test_times_before_1990_are_a_wrong_unit_or_format(found):
    step = np.arange(2_000)
    finding = found(shop(time=20_260_131 + step % 7))["old-timestamps"]
    assert (finding.level, finding.count) == ("warning", 2_000)
    assert "1970-08-23" in finding.example and "the unit" in finding.remedy
    assert "old-timestamps" not in found(shop())
    assert "old-timestamps" not in found({"user": [1], "item": [1], "order": [1]})


def test_every_finding_says_what_to_do(found):
    small = {"user": [1, 1, 2], "item": [1, 1, 2]}
    items = {"item": [1, 2, 3], "title": ["The one", None, None]}
    dated = shop(time=np.arange(2_000) // 100 * DAY, event=np.arange(2_000) % 2)
    findings = found(dated) | found(small, items)
    assert len(findings) > 10
    assert [name for name, finding in findings.items() if not finding.remedy] == []
    whole = {"size", "event-types", "no-content"}  # of all the data, not of one row
    assert {name for name, finding in findings.items() if not finding.example} <= whole
