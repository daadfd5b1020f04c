"""Which run answers: one whole run at any moment, and a way back."""

import json
import os
import subprocess
import sys
import textwrap
from itertools import pairwise

import pytest

from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.surfaces.registry import Line, Registry

BY = ("anna", "better")


@pytest.fixture
def runs(tmp_path):
    """Four runs, by age; none answers."""
    for age, name in enumerate("abcd"):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        facts = {"format": 1, "files": {}, "trained_at": 100 + age, "model": "als"}
        (folder / "run.json").write_text(json.dumps(facts), "utf-8")
    return Registry(tmp_path / "runs")


def test_what_is_promoted_answers_and_rolling_back_goes_the_way_it_came(runs):
    assert runs.current() is None
    for at, name in enumerate("abc"):
        assert runs.promote(name, at, BY).before == (None, "a", "b")[at]
    assert runs.rollback(5, BY).run == "b" == runs.current()
    runs.promote("d", 6, BY)
    assert [runs.rollback(7, BY).run for _ in range(2)] == ["b", "a"]
    with pytest.raises(ConfigError, match="a run that answered before a expected"):
        runs.rollback(8, BY)
    told = [(line.what, line.run) for line in runs.audit()]
    assert told == [("promoted", "a"), ("promoted", "b"), ("promoted", "c"), ("rolled back", "b"),
                    ("promoted", "d"), ("rolled back", "b"), ("rolled back", "a")]  # fmt: skip


def test_a_run_that_was_first_named_by_hand_can_be_gone_back_to(runs):
    (runs.folder / "current").write_text("a\n")
    runs.promote("b", 1, BY)
    assert runs.rollback(2, BY).run == "a"


def test_a_promotion_that_was_killed_before_its_end_did_not_happen(runs):
    runs.promote("a", 1, BY)
    runs.promote("b", 2, BY)
    runs.note(Line(3, "promoted", "c", "b", *BY))  # its line is there, `current` is not
    with (runs.folder / "audit.jsonl").open("ab") as file:
        file.write(b'{"at": 4, "what": "prom')  # and one is torn
    assert runs.current() == "b"
    assert runs.rollback(5, BY).run == "a"
    assert runs.promote("d", 6, BY).before == "a"
    assert [line.at for line in runs.audit()] == [1, 2, 3, 5, 6]


def test_what_is_retired_answers_no_more(runs):
    runs.promote("a", 1, BY)
    runs.promote("b", 2, BY)
    runs.promote("c", 3, BY)
    runs.note(Line(4, "retired", "b", None, "retrain", "holds somebody who was deleted"))
    assert runs.rollback(5, BY).run == "a"
    with pytest.raises(ConfigError, match="b: is retired .holds somebody"):
        runs.promote("b", 6, BY)
    assert {e.name: e.retired for e in runs.entries() if e.retired} == {
        "b": "holds somebody who was deleted"
    }


def test_who_began_earlier_or_compared_with_another_run_promotes_no_more(runs):
    runs.promote("a", 1, BY)
    first, second = runs.begin(), runs.begin()
    with pytest.raises(ConfigError, match="another retrain has begun since"):
        runs.promote("b", 2, BY, first, "a")
    runs.promote("d", 3, BY)
    with pytest.raises(ConfigError, match="b: was compared with a, but d answers by now"):
        runs.promote("b", 4, BY, second, "a")
    assert runs.promote("b", 5, BY, second, "d").run == "b"


def test_the_newest_stay_and_so_do_the_one_that_answers_and_the_one_before(runs):
    runs.promote("a", 1, BY)
    runs.promote("b", 2, BY)
    assert runs.prune(1, 9) == ["c"]
    assert runs.names() == ["a", "b", "d"]
    assert [p.name for p in runs.folder.iterdir() if p.name.startswith(".c")] == []
    assert runs.rollback(10, BY).run == "a"


@pytest.mark.parametrize("name", ["", "x", "../runs/a", "."])
def test_only_what_is_there_can_be_promoted(runs, name):
    with pytest.raises(ConfigError, match=r"a run of .* \(a, b, c, d\) expected"):
        runs.promote(name, 1, BY)


def test_a_run_that_cannot_be_read_is_told_and_keeps_no_other_from_answering(runs):
    (runs.folder / "b" / "run.json").write_text("{")
    assert {e.name: bool(e.retired) for e in runs.entries()} == {
        "a": False, "b": True, "c": False, "d": False
    }  # fmt: skip
    assert runs.promote("c", 1, BY).run == "c"
    with pytest.raises(ArtifactError):
        runs.promote("b", 2, BY)
    assert runs.current() == "c"


def test_one_run_and_no_folder_are_told_apart(runs):
    with pytest.raises(ArtifactError, match="a folder of runs expected, one run came"):
        Registry(runs.folder / "a")
    with pytest.raises(ArtifactError, match="a folder of runs expected, there is none"):
        Registry(runs.folder / "none")


WORK = """
    import sys
    from pathlib import Path
    from bowerbird.surfaces.registry import Registry
    runs = Registry(Path(sys.argv[1]))
    for n in range(30):
        runs.promote("abcd"[n % 4], n, (sys.argv[2], ""))
"""


def test_several_processes_that_promote_at_once_leave_one_story(runs):
    words = [sys.executable, "-c", textwrap.dedent(WORK), str(runs.folder)]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    working = [subprocess.Popen([*words, name], env=environment) for name in ("x", "y", "z")]
    assert [process.wait(60) for process in working] == [0, 0, 0]
    lines = runs.audit()
    assert len(lines) == 90
    assert all(b.before == a.run for a, b in pairwise(lines))
    assert runs.current() == lines[-1].run
