"""Alerts: written down, sent where one wants them, and never a reason to fail."""

import json

import pytest

from alert_hooks import Hook
from bowerbird.errors import ConfigError
from bowerbird.runs.alerts import of_error, of_look, of_outcome
from bowerbird.runs.plan import Plan, read_plan
from bowerbird.runs.retrain import Outcome
from bowerbird.runs.triggers import Look, Trigger, keep
from bowerbird.surfaces.progress import alerts_in
from bowerbird.surfaces.retrain_file import AlertsTable
from bowerbird.surfaces.telling import Alert, tell

REFUSED = Alert(1_000, "refused", None, "refused: the day 1 before the last is missing")


def told(runs, alert, table):
    """What was said of what could not be done, and how long was waited."""
    said, waited = [], []
    tell(runs, alert, table, said.append, waited.append)
    return said, waited


def test_an_alert_is_written_down_and_sent(tmp_path):
    with Hook(200) as hook:
        assert told(tmp_path, REFUSED, AlertsTable(webhook=hook.url)) == ([], [])
    expected = {"at": 1_000, "kind": "refused", "run": None, "text": REFUSED.text}
    expected["runs"] = tmp_path.name
    assert list(alerts_in(tmp_path)) == [expected]
    assert hook.got == [("application/json", expected)]


@pytest.mark.parametrize(
    ("statuses", "waited", "fault"),
    [
        ((500, 503, 200), [2.0, 4.0], None),
        ((429, 200), [2.0], None),
        ((500, 500, 500), [2.0, 4.0], "status 500"),
        ((404,), [], "status 404"),
    ],
)
def test_an_address_that_fails_is_tried_again_where_that_may_help(
    tmp_path, statuses, waited, fault
):
    with Hook(*statuses) as hook:
        said, pauses = told(tmp_path, REFUSED, AlertsTable(webhook=hook.url))
    assert (len(hook.got), pauses) == (len(statuses), waited)
    assert said == ([] if fault is None else [f"the alert «refused» could not be sent: {fault}"])
    assert len(list(alerts_in(tmp_path))) == 1


def test_nobody_at_home_is_said_without_the_address(tmp_path):
    with Hook() as hook:
        url = hook.url
    said, _ = told(tmp_path, REFUSED, AlertsTable(webhook=url))
    assert "could not be sent" in said[0] and "secret" not in said[0]


def test_only_what_is_wanted_is_told(tmp_path):
    told(tmp_path, REFUSED, AlertsTable(on=("failed",)))
    assert list(alerts_in(tmp_path)) == []
    told(tmp_path, of_error(OSError("no\n room"), 5), AlertsTable(on=("failed",)))
    assert [one["text"] for one in alerts_in(tmp_path)] == ["retrain failed: no room"]


def test_a_line_that_was_torn_off_is_no_alert(tmp_path):
    told(tmp_path, REFUSED, AlertsTable())
    with (tmp_path / "alerts.jsonl").open("a") as lines:
        lines.write('{"at": 3, "kin')
    assert [one["at"] for one in alerts_in(tmp_path)] == [1_000]


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    said, _ = told(tmp_path / "gone", REFUSED, AlertsTable())
    assert "cannot be written" in said[0]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome("promoted", "b", "a", ("better",)), None),
        (Outcome("kept champion", None, "a", ("nothing to learn yet",)), None),
        (Outcome("kept champion", "b", "a", ("worse",)), "kept champion"),
        (Outcome("refused", None, "a", ("a day is missing",)), "refused"),
    ],
)
def test_only_outcomes_that_somebody_should_look_at_are_alerts(outcome, kind):
    found = of_outcome(outcome, 7)
    assert (found and found.kind) == kind
    if found:
        assert found.text == f"{kind}: {outcome.words[0]}; a goes on answering"


def a_look(*fired):
    triggers = [
        Trigger(name, 1.0, 0.5, name in fired, f"so much {name}")
        for name in ("schedule", "new events", "unknown items", "decay", "drift")
    ]
    return Look(50, bool(fired), None, tuple(triggers))


def test_a_trigger_that_nobody_wants_is_told_once_until_it_has_gone(tmp_path):
    def kinds(look):
        found = [alert.kind for alert in of_look(look, tmp_path)]
        keep(tmp_path, look)
        return found

    assert kinds(a_look("schedule", "new events")) == []  # as it should be
    assert kinds(a_look("drift")) == ["drift"]
    assert kinds(a_look("drift", "decay")) == ["decay"]
    assert kinds(a_look()) == []
    assert kinds(a_look("drift")) == ["drift"]


def test_an_address_is_in_no_run(tmp_path):
    plan = read_plan({"alerts": {"webhook": "https://hooks.example/T0/token"}}, "here")
    assert "token" not in json.dumps(plan.to_json())
    assert plan.to_json() == Plan().to_json()
    with pytest.raises(ConfigError, match=r"\[alerts\]: webhook: an address that begins with"):
        read_plan({"alerts": {"webhook": "file:///etc/passwd"}}, "here")
    with pytest.raises(ConfigError, match=r"\[alerts\]: on"):
        read_plan({"alerts": {"on": ["everything"]}}, "here")
