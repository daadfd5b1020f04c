"""Lists for everybody, part by part, and what a killed job leaves."""

import json

import polars as pl
import pytest

from bowerbird.cli import recommend as command
from bowerbird.cli.main import run
from bowerbird.data.synthetic import World
from bowerbird.runs.streamed import Parts

RECIPE = """
[events]
path = "events.parquet"
[items]
path = "items.parquet"
[model]
name = "als"
tune = false
[scenarios.home]
filter = "price < 30"
steps = [{ step = "quota", column = "category", each = 2 }]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    World(n_users=95, n_items=120, n_events=3_000, seed=2).write(folder)
    (folder / "recipe.toml").write_text(RECIPE)
    assert run(["train", str(folder / "recipe.toml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(command, "BATCH", 20)


def asked(trained, out, *more):
    return ["recommend", str(trained), "--all-users", "-k", "4", "--out", str(out), *more]


def stopped(monkeypatch, after):
    """Ctrl-C while a later part is made; says which parts were."""
    made, plain = [], command._Lists.part

    def part(self, number, say):
        if len(made) == after:
            raise KeyboardInterrupt
        made.append(number)
        return plain(self, number, say)

    monkeypatch.setattr(command._Lists, "part", part)
    return made


def test_a_stopped_job_goes_on_and_ends_as_if_it_had_not_been(
    trained, tmp_path, monkeypatch, capsys
):
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    assert run(asked(trained, whole)) == 0
    with monkeypatch.context() as patch:
        made = stopped(patch, after=2)
        assert run(asked(trained, out)) == 130
    assert made == [0, 1] and not out.exists()
    assert "2 of 5 parts are kept in" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        made = stopped(patch, after=99)
        assert run(asked(trained, out)) == 0
    assert made == [2, 3, 4]
    assert "going on: 3 of 5 parts are left" in capsys.readouterr().err
    assert pl.read_parquet(out).equals(pl.read_parquet(whole))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out.parquet", "whole.parquet"]


@pytest.mark.parametrize("more", [["--filter", "price < 30"], ["--scenario", "home"]])
def test_parts_of_another_question_are_not_gone_on_with(trained, tmp_path, monkeypatch, more):
    out = tmp_path / "out.parquet"
    with monkeypatch.context() as patch:
        stopped(patch, after=2)
        assert run(asked(trained, out)) == 130
    with monkeypatch.context() as patch:
        made = stopped(patch, after=99)
        assert run(asked(trained, out, *more)) == 0
    assert made == [0, 1, 2, 3, 4]


def test_every_format_holds_the_same_rows(trained, tmp_path, capsys):
    lists = {}
    for ending in ("parquet", "csv", "tsv", "jsonl"):
        capsys.readouterr()
        assert run(asked(trained, tmp_path / f"out.{ending}", "--json")) == 0
        lists[ending] = json.loads(capsys.readouterr().out)
    first = [(row["user"], row["item"], row["rank"]) for row in lists["parquet"]]
    assert len(first) == 95 * 4
    for ending, rows in lists.items():
        assert [(row["user"], row["item"], row["rank"]) for row in rows] == first, ending


def test_a_scenario_s_steps_and_filters_hold_for_everybody(trained, tmp_path):
    out = tmp_path / "home.parquet"
    assert run(asked(trained, out, "--scenario", "home")) == 0
    items = pl.read_parquet(trained.parent / "items.parquet")
    found = pl.read_parquet(out).join(items, on="item")
    assert found["price"].max() < 30
    told = found.group_by("user", "category").len()
    assert found.height == 95 * 4 and told["len"].max() == 2
    plain = tmp_path / "plain.parquet"
    assert run(asked(trained, plain, "--filter", "price < 30")) == 0
    told = pl.read_parquet(plain).join(items, on="item").group_by("user", "category").len()
    assert told["len"].max() > 2


def test_rules_and_scenarios_can_be_tried_without_a_new_run(trained, tmp_path):
    (tmp_path / "rules.toml").write_text(
        '[[rules]]\nname = "x"\ndo = "hide"\nitems = "price > 30"\n'
    )
    (tmp_path / "other.toml").write_text(
        '[events]\npath = "e.csv"\n[scenarios.short]\nk = 2\nfilter = "price > 10"\n'
    )
    out = tmp_path / "out.parquet"
    told = ["--recipe", str(tmp_path / "other.toml"), "--scenario", "short"]
    told += ["--rules", str(tmp_path / "rules.toml"), "--out", str(out)]
    assert run(["recommend", str(trained), "--all-users", *told]) == 0
    items = pl.read_parquet(trained.parent / "items.parquet")
    prices = pl.read_parquet(out).join(items, on="item")["price"]
    assert len(prices) == 2 * 95 and prices.min() > 10 and prices.max() <= 30


def test_only_scenarios_about_people_can_be_asked_for_all(trained, tmp_path, capsys):
    assert run(asked(trained, tmp_path / "out.csv", "--scenario", "similar")) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "for-you, next, popular, new, trending, home expected, 'similar' came" in said


def test_half_a_question_is_no_question(tmp_path):
    parts = Parts.of(tmp_path / "out.csv", 2, {"asked": 1})
    parts.write(0, pl.DataFrame({"user": [1]}))
    assert Parts.of(tmp_path / "out.csv", 2, {"asked": 1}).missing() == [1]
    (parts.folder / "asked.json").write_text('{"asked"')
    assert Parts.of(tmp_path / "out.csv", 2, {"asked": 1}).missing() == [0, 1]
