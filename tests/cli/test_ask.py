"""`bowerbird ask`, from a recipe with scenarios to lists with reasons."""

import json

import pytest

from bowerbird.cli.main import run
from bowerbird.data.synthetic import World

RECIPE = """
[events]
path = "events.parquet"
[items]
path = "items.parquet"
[users]
path = "users.parquet"
[model]
name = "als"
tune = false

[scenarios.home]
k = 4
filter = "not category is none"
rules = "rules.toml"
steps = [{ step = "mmr", weight = 0.5 }, { step = "quota", column = "category", each = 2 }]
explore = { epsilon = 0.5 }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    World(n_users=150, n_items=120, n_events=4_000, seed=2).write(folder)
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "rules.toml").write_text(
        '[[rules]]\nname = "week"\ndo = "pin"\nids = ["i7"]\nposition = 2\n'
    )
    asked = ["train", str(folder / "recipe.toml"), "--out", str(folder / "run")]
    assert run(asked) == 0
    return folder


def told(capsys, shop, *words):
    capsys.readouterr()
    code = run(["ask", str(shop / "run"), *words, "--json"])
    read = capsys.readouterr()
    assert code == 0, read.err
    return json.loads(read.out)


def test_the_scenario_of_the_recipe_is_kept_in_the_run(shop, capsys):
    lists = told(capsys, shop, "home", "--user", "u3")
    assert [item["rank"] for item in lists["items"]] == [1, 2, 3, 4]
    assert lists["items"][1]["item"] == "i7" or lists["removed"]["already met or shown"]
    assert told(capsys, shop, "home", "--user", "u3") == lists  # the same is drawn again
    assert len(told(capsys, shop, "home", "--user", "u3", "-k", "2")["items"]) == 2


def test_every_surface_answers(shop, capsys):
    assert told(capsys, shop, "--user", "u3")["rung"] == "personal"
    assert told(capsys, shop, "--user", "nobody")["rung"] == "popular"
    assert told(capsys, shop, "next", "--item", "i1", "--item", "i2")["rung"] == "session"
    for surface in ("similar", "goes-with"):
        lists = told(capsys, shop, surface, "--item", "i1")
        assert lists["rung"] == "item"
        assert "i1" not in {item["item"] for item in lists["items"]}
    for surface in ("popular", "new", "trending"):
        assert len(told(capsys, shop, surface)["items"]) == 10
    word = "item 5"
    assert told(capsys, shop, "search", "--text", word)["surface"] == "search"
    people = told(capsys, shop, "audience", "--item", "i1", "-k", "3")
    assert [one["rank"] for one in people] == [1, 2, 3]


def test_a_person_can_read_it(shop, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    capsys.readouterr()
    assert run(["ask", str(shop / "run"), "--user", "u3", "--explain"]) == 0
    read = capsys.readouterr().out
    assert "because of" in read and "candidates; removed: already met or shown" in read
    assert run(["ask", str(shop / "run"), "home", "--user", "u3", "--dry-run"]) == 0
    read = capsys.readouterr().out
    assert "without rules" in read
    assert run(["ask", str(shop / "run"), "audience", "--item", "i1"]) == 0
    assert "audience" in capsys.readouterr().out


def test_a_dry_run_has_the_list_before_and_after(shop, tmp_path, capsys):
    rules = tmp_path / "other.toml"
    rules.write_text("[[rules]]\nname = 'none of it'\ndo = 'hide'\nitems = 'price > 0'\n")
    both = told(capsys, shop, "popular", "--rules", str(rules), "--dry-run")
    assert len(both["before"]["items"]) == 10
    assert both["after"]["items"] == [] and both["after"]["removed"]["rules"] == 120


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nowhere"], "one of for-you, similar, goes-with, next, search, popular, new, trending"),
        (["similar"], "similar: --item expected"),
        (["search"], "--text expected with a scenario that searches"),
        (["--item", "i1", "--user", "u1"], "--user or --item expected, both came"),
        (["similar", "--item", "i999"], "expected, 'i999' came"),
        (["--user", "u1", "--trait", "age"], "--trait: name=value expected, 'age' came"),
        (["--user", "u1", "--filter", "colour = 3"], "a column among"),
        (["--user", "u1", "--rules", "nowhere.toml"], "nowhere.toml: a file of"),
        (["--user", "u1", "--trait", "devic=phone"], "a column among device, age expected"),
        (["--user", "u1", "--trait", "device=phnoe"], "expected, 'phnoe' came"),
        (["search", "--text", " "], "--text: a word at least expected, none came"),
        (["audience", "--item", "i1", "--never", "i2"], "audience: --item or --user, -k and"),
        (["audience"], "one --item, or --user, expected"),
    ],
)
def test_what_cannot_be_asked_is_told(shop, capsys, words, error):
    capsys.readouterr()
    assert run(["ask", str(shop / "run"), *words]) == 2
    assert error in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("kk = 3", "unknown key 'scenarios.home.kk'; the keys are surface, k,"),
        ('steps = [{ step = "sort" }]', "expected tags: 'rerank', 'mmr', 'dpp', 'calibrate'"),
        ('steps = [{ step = "mmr", wait = 3 }]', "the keys are step, weight, column"),
        ("explore = { slot = 3 }", "the keys are way, epsilon, slots, temperature, among"),
        ('surface = "shelf"', "input should be 'for-you'"),
    ],
)
def test_a_scenario_that_says_something_unknown_is_refused(shop, tmp_path, capsys, table, error):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'[events]\npath = "e.csv"\n[scenarios.home]\n{table}\n')
    capsys.readouterr()
    assert run(["ask", str(shop / "run"), "home", "--recipe", str(recipe)]) == 2
    assert error in " ".join(capsys.readouterr().err.split())
