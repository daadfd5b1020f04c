"""The command line as people use it, on a synthetic world, in this process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from bowerbird.cli.main import run
from bowerbird.data.synthetic import World


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    World(n_users=150, n_items=80, n_events=3000, seed=4).write(folder)
    return folder


@pytest.fixture(scope="module")
def trained(shop):
    folder = shop / "run"
    assert run([*_train(shop, "cooccurrence"), "--out", str(folder)]) == 0
    return folder


def _tables(shop):
    return [f"--{name}={shop / name}.parquet" for name in ("events", "items", "users")]


def _train(shop, model):
    return ["train", *_tables(shop), "--model", model, "--no-tune", "--seed", "0"]


def test_lists_for_everybody(shop, trained, tmp_path):
    out = tmp_path / "recs.parquet"
    assert run(["recommend", str(trained), "--all-users", "-k", "7", "--out", str(out)]) == 0
    recs = pl.read_parquet(out)
    assert recs.columns == ["user", "item", "rank", "score"]
    assert recs.height == 150 * 7
    assert recs["rank"].to_list()[:7] == [1, 2, 3, 4, 5, 6, 7]
    seen = pl.read_parquet(shop / "events.parquet").select("user", "item")
    assert recs.join(seen, on=["user", "item"], how="semi").is_empty()
    falling = recs.group_by("user").agg(pl.col("score").diff().max()).get_column("score")
    assert falling.max() <= 0


def test_repeats_only_when_asked_for(shop, trained, tmp_path):
    out = tmp_path / "recs.csv"
    assert (
        run(["recommend", str(trained), "--all-users", "--allow-repeats", "--out", str(out)]) == 0
    )
    recs = pl.read_csv(out)
    seen = pl.read_parquet(shop / "events.parquet").select("user", "item")
    assert not recs.join(seen, on=["user", "item"], how="semi").is_empty()


def test_users_from_a_file_in_their_order_strangers_too(trained, tmp_path, capfd):
    people = tmp_path / "users.txt"
    people.write_text("u3\nnobody\nu1\nu3\n")
    out = tmp_path / "recs.jsonl"
    assert (
        run(["recommend", str(trained), "--users", str(people), "-k", "2", "--out", str(out)]) == 0
    )
    recs = pl.read_ndjson(out)
    assert recs["user"].to_list() == ["u3", "u3", "nobody", "nobody", "u1", "u1"]
    assert "1 user without a history got what is popular" in capfd.readouterr().err


def test_histories_of_people_the_run_never_saw(trained, tmp_path):
    past = pl.DataFrame({"user": [7, 7, 8], "item": ["i1", "i2", "nonsense"], "order": [0, 1, 0]})
    past.write_parquet(tmp_path / "h.parquet")
    out = tmp_path / "recs.parquet"
    asked = ["--history", str(tmp_path / "h.parquet"), "-k", "5", "--out", str(out)]
    assert run(["recommend", str(trained), *asked]) == 0
    recs = pl.read_parquet(out)
    assert recs["user"].dtype == pl.Int64  # as they came
    assert recs["user"].to_list() == [7] * 5 + [8] * 5
    assert not {"i1", "i2"} & set(recs.filter(pl.col("user") == 7)["item"])


def test_a_history_in_a_file_goes_before_the_one_in_the_run(trained, tmp_path):
    pl.DataFrame({"user": ["u1"], "item": ["i5"]}).write_csv(tmp_path / "h.csv")
    known, told = tmp_path / "known.csv", tmp_path / "told.csv"
    asked = ["recommend", str(trained), "--user", "u1", "-k", "10", "--out"]
    assert run([*asked, str(known)]) == 0
    assert run([*asked, str(told), "--history", str(tmp_path / "h.csv")]) == 0
    assert known.read_text() != told.read_text()


@pytest.mark.parametrize("model", ["content", "cooccurrence", "als"])
def test_only_the_catalog_of_today_is_shown_and_new_items_can_be(shop, tmp_path, model):
    folder, out = tmp_path / "run", tmp_path / "recs.parquet"
    assert run([*_train(shop, model), "--out", str(folder)]) == 0
    items = pl.read_parquet(shop / "items.parquet")
    twins = items.head(5).with_columns(item=pl.format("new-{}", "item"), available_from=None)
    today = pl.concat([items.head(20), twins], how="diagonal_relaxed")
    today.write_parquet(tmp_path / "today.parquet")
    asked = ["--all-users", "-k", "25", "--items", str(tmp_path / "today.parquet")]
    assert run(["recommend", str(folder), *asked, "--allow-repeats", "--out", str(out)]) == 0
    recs = pl.read_parquet(out)
    assert set(recs["item"]) == set(today["item"])  # 25 are eligible: all are shown
    if model == "content":  # the new twin of an item scores as the item does
        both = recs.filter(pl.col("user") == "u0").select("item", "score").rows_by_key("item")
        first = items["item"][0]
        assert both[first][0] == pytest.approx(both[f"new-{first}"][0], abs=1e-4)


def test_what_is_not_available_is_not_shown(shop, tmp_path):
    items = pl.read_parquet(shop / "items.parquet").drop("available_from")
    gone = items["item"][:40]
    until = pl.when(pl.col("item").is_in(gone.implode())).then(pl.lit("2026-01-02"))
    items.with_columns(available_until=until).write_parquet(tmp_path / "items.parquet")
    tables = [f"--events={shop}/events.parquet", f"--items={tmp_path}/items.parquet"]
    folder, out = tmp_path / "run", tmp_path / "recs.parquet"
    assert run(["train", *tables, "--model=popularity", "--no-tune", "--out", str(folder)]) == 0
    asked = ["recommend", str(folder), "--all-users", "--out", str(out)]
    assert run(asked) == 0
    assert not set(gone) & set(pl.read_parquet(out)["item"])
    assert run([*asked, "--at", "2026-01-01"]) == 0
    assert set(gone) & set(pl.read_parquet(out)["item"])


def test_similar_items_never_include_the_item(trained, capsys):
    assert run(["similar", str(trained), "i3", "-k", "4", "--json"]) == 0
    near = json.loads(capsys.readouterr().out)
    assert [row["rank"] for row in near] == [1, 2, 3, 4]
    assert "i3" not in {row["item"] for row in near}


def test_a_recipe_and_options_make_the_same_run(shop, trained, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"""
        [events]
        path = "{shop}/events.parquet"
        [items]
        path = "{shop}/items.parquet"
        [users]
        path = "{shop}/users.parquet"
        [model]
        name = "cooccurrence"
        tune = false
        """
    )
    assert run(["train", str(recipe), "--out", str(tmp_path / "run")]) == 0
    one, two = (json.loads((f / "run.json").read_text()) for f in (trained, tmp_path / "run"))
    assert one["data"] == two["data"]
    weights = "model/arrays.safetensors"
    assert one["files"][weights] == two["files"][weights]


@pytest.mark.parametrize("split", ["time", "leave-one-out", "cold-items", "cold-users"])
def test_evaluate_writes_a_report_for_every_split(shop, tmp_path, capsys, split):
    out = tmp_path / "report"
    models = ["--models", "popularity,cooccurrence", "--no-tune", "-k", "5"]
    code = run(["evaluate", *_tables(shop), "--split", split, *models, "--out", str(out)])
    shown = capsys.readouterr().out
    assert code == 0
    assert "ndcg@5" in shown and "score ties go to the lower row" in shown
    report = json.loads((out / "report.json").read_text())
    assert set(report["reports"]) == {"popularity", "cooccurrence"}
    assert (out / "report.html").read_text().startswith("<!doctype html>")


def test_evaluate_on_a_split_as_given_agrees_with_counting(tmp_path, capsys):
    train = pl.DataFrame({"user": [1, 1, 2, 2, 3], "item": [10, 11, 10, 11, 10]})
    train.write_csv(tmp_path / "train.csv")
    # 11 is the most popular item that user 3 has not seen; 12 nobody has; user 4 is new
    test = pl.DataFrame({"user": [3, 3, 4], "item": [11, 12, 10]})
    test.write_csv(tmp_path / "test.csv")
    args = ["--events", str(tmp_path / "train.csv"), "--test", str(tmp_path / "test.csv")]
    assert run(["evaluate", *args, "--models", "popularity", "-k", "1", "--json"]) == 0
    means = json.loads(capsys.readouterr().out)["reports"]["popularity"]["means"]
    assert means["recall@1"]["mean"] == pytest.approx((0.5 + 1) / 2)
    assert means["hit@1"]["mean"] == 1


def test_doctor_verifies_a_run(trained, capsys):
    assert run(["doctor", str(trained), "--json"]) == 0
    assert "whole; cooccurrence, 3,000 events" in json.loads(capsys.readouterr().out)["run"]


def test_known_data_sets_are_listed_without_fetching(capsys):
    assert run(["datasets", "--json"]) == 0
    assert {"movielens-100k", "complete-journey"} <= set(json.loads(capsys.readouterr().out))


def test_every_command_helps_with_examples():
    script = Path(sys.executable).with_name("bowerbird")
    wide = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
    for command in ("check", "train", "evaluate", "recommend", "similar", "datasets", "doctor"):
        done = subprocess.run(
            [script, command, "--help"], capture_output=True, text=True, env=wide, check=True
        )
        assert f"bowerbird {command}" in done.stdout.split("Example")[1]


def test_no_arguments_show_the_help(capsys):
    assert run([]) == 2
    assert "recommend" in capsys.readouterr().out


def test_what_somebody_has_met_is_not_shown_whichever_table_says_so(shop, trained, tmp_path):
    pl.DataFrame({"user": ["u1"], "item": ["i5"]}).write_csv(tmp_path / "h.csv")
    out = tmp_path / "recs.csv"
    asked = ["--history", str(tmp_path / "h.csv"), "-k", "60", "--out", str(out)]
    assert run(["recommend", str(trained), *asked]) == 0
    events = pl.read_parquet(shop / "events.parquet").filter(pl.col("user") == "u1")
    assert not {"i5", *events["item"]} & set(pl.read_csv(out)["item"])


def test_a_history_is_read_as_the_run_s_own_events_were(tmp_path):
    lines = [
        f"{u},{(u + step) % 9},{5 if step < 3 else 1},{step}"
        for u in range(60)
        for step in range(4)
    ]
    (tmp_path / "e.csv").write_text("\n".join(["buyer,sku,stars,when", *lines]))
    names = "--user-column=buyer --item-column=sku --rating-column=stars --time-column=when"
    args = [f"--events={tmp_path}/e.csv", *names.split(), "--threshold=4", "--model=cooccurrence"]
    folder = tmp_path / "run"
    assert run(["train", *args, "--no-tune", "--out", str(folder)]) == 0
    lists = []
    for stars in (1, 5):  # the last one was liked, or only seen
        (tmp_path / "h.csv").write_text(f"buyer,sku,stars,when\n99,0,5,0\n99,4,{stars},1\n")
        out = tmp_path / f"{stars}.csv"
        asked = ["--history", str(tmp_path / "h.csv"), "-k", "2", "--out", str(out)]
        assert run(["recommend", str(folder), *asked]) == 0
        lists.append(pl.read_csv(out)["item"].to_list())
    assert [first for first, _ in lists] == [1, 5]  # what follows 0, what follows 4


def test_today_s_titles_are_texts_whatever_they_look_like(shop, tmp_path):
    folder, out = tmp_path / "run", tmp_path / "recs.parquet"
    assert run([*_train(shop, "content"), "--out", str(folder)]) == 0
    items = pl.read_parquet(shop / "items.parquet").drop("available_from")
    one = items.head(1).with_columns(item=pl.lit("new"), title=pl.lit("Word"))
    one.write_parquet(tmp_path / "today.parquet")
    asked = ["--user", "u0", "--items", str(tmp_path / "today.parquet"), "--out", str(out)]
    assert run(["recommend", str(folder), *asked]) == 0
    assert pl.read_parquet(out)["item"].to_list() == ["new"]


def test_only_a_run_is_ever_replaced(shop, tmp_path, capfd):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letters.txt").write_text("dear")
    code = run([*_train(shop, "popularity"), "--out", str(precious), "--overwrite"])
    assert code == 2
    assert "is no run folder, so it is not replaced" in capfd.readouterr().err
    assert (precious / "letters.txt").read_text() == "dear"


def test_cold_items_can_be_listed_by_id(shop, capsys):
    split = ["--split", "cold-items", "--setting", "by=listed", "--setting", "items=i3,i4"]
    args = ["--models", "popularity", "--no-tune", "-k", "5", "--json"]
    assert run(["evaluate", *_tables(shop), *split, *args]) == 0
    facts = json.loads(capsys.readouterr().out)["reports"]["popularity"]["facts"]
    assert facts["split"] == "cold items: 2 held out, listed"


def test_a_synthetic_world_takes_the_place_of_a_world_only(tmp_path, capfd):
    command = ["datasets", "--synthetic", str(tmp_path / "w"), "--events", "200"]
    assert run(command) == run(command) == 0
    (tmp_path / "w" / "thesis.txt").write_text("years of work")
    capfd.readouterr()
    assert run(command) == 2
    told = capfd.readouterr().err
    assert "it holds thesis.txt: name another folder" in told and told.count("\n") == 1
    assert (tmp_path / "w" / "thesis.txt").read_text() == "years of work"


def test_auto_says_what_each_model_reached_and_keeps_it(shop, tmp_path, capsys):
    folder, told = tmp_path / "run", ["--setting", "models=ease,als,content", "--budget", "1m"]
    args = ["train", *_tables(shop), "--model", "auto", *told, "--out", str(folder)]
    assert run(args) == 0
    shown = capsys.readouterr().out
    assert "On your data, for items people have met" in shown
    assert "people, 20+ events" in shown and "items, warm" in shown
    facts = json.loads((folder / "run.json").read_text())
    why = facts["choice"]["why"]
    assert facts["model"] == "auto"
    assert [part["model"] for part in why["parts"]] == ["popularity", "ease", "als", "content"]
    out = tmp_path / "recs.parquet"
    assert run(["recommend", str(folder), "--all-users", "-k", "5", "--out", str(out)]) == 0
    assert pl.read_parquet(out).height == 150 * 5


def test_a_budget_can_stand_in_a_recipe(shop, tmp_path, capfd):
    recipe = tmp_path / "recipe.toml"
    words = ["[events]", f'path = "{shop}/events.parquet"', "[model]", 'name = "auto"']
    recipe.write_text("\n".join([*words, 'models = "ease"', 'budget = "30s"']))
    assert run(["train", str(recipe), "--out", str(tmp_path / "run")]) == 0
    capfd.readouterr()
    assert run(["train", str(recipe), "--budget", "soon", "--out", str(tmp_path / "no")]) == 2
    assert "a time such as 90s, 10m, 1h or 7d expected, 'soon' came" in capfd.readouterr().err


def test_a_blend_and_auto_can_be_compared_when_they_are_named(shop, capsys):
    asked = ["--models", "cooccurrence,blend,auto", "-k", "5", "--budget", "30s", "--json"]
    assert run(["evaluate", *_tables(shop), "--split", "leave-one-out", *asked]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["reports"]) == {"cooccurrence", "blend", "auto"}
    assert report["settings"]["blend"]["settings"]["weights"]
    assert report["settings"]["auto"]["why"]["words"]


def test_a_discount_shows_what_is_less_popular_and_0_changes_nothing(shop, trained, tmp_path):
    events = pl.read_parquet(shop / "events.parquet")
    counts = events.group_by("item").len("count")
    shown, tables = [], []
    for told in ([], ["--discount", "0"], ["--discount", "1"], ["--discount", "6"]):
        out = tmp_path / f"{len(shown)}.parquet"
        assert run(["recommend", str(trained), "--all-users", *told, "--out", str(out)]) == 0
        tables.append(pl.read_parquet(out))
        assert tables[-1].height == 10 * 150
        shown.append(tables[-1].join(counts, on="item")["count"].mean())
    assert tables[0].equals(tables[1])
    assert shown[1] > shown[2] > shown[3]


def test_evaluate_measures_the_dial_and_tells_health(shop, tmp_path, capsys):
    asked = ["evaluate", *_tables(shop), "--models", "als,cooccurrence", "--no-tune", "-k", "5"]
    assert run([*asked, "--out", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report["dial"]) == {"als", "cooccurrence"}
    dial = report["dial"]["als"]
    assert dial["points"][0]["alpha"] == 0
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert f"dial of als {dial['sentence']}" in lines
    assert f"health of als {report['health']['als']['verdict']}" in lines
    html = (tmp_path / "report" / "report.html").read_text()
    assert "<h2>Popularity dial</h2>" in html
    assert f"{dial['alpha']:g} (chosen)" in html
    assert run([*asked, "--no-dial", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dial"] == {}


def test_the_gate_of_health_names_what_failed_and_lets_pass_what_is_well(shop, tmp_path, capfd):
    asked = ["evaluate", *_tables(shop), "--models", "als", "--no-tune", "-k", "5", "--no-dial"]
    gate = [*asked, "--gate", "health", "--out", str(tmp_path / "report")]
    assert run([*gate, "--limit", "norm_popularity=0"]) == 2
    said = capfd.readouterr().err
    assert "--gate health: als: Length by popularity: at most 0 expected, 0." in said
    assert (tmp_path / "report" / "report.html").is_file()  # what failed can be read
    loose = ("norm_popularity=1", "dead=1", "mean_cosine=1", "tied=1", "effective_rank=0")
    assert run([*gate, *(word for one in loose for word in ("--limit", one))]) == 0
