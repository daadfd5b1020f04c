"""A scenario over a run: each surface with a known answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import ConfigError
from bowerbird.retrieval.models import estimator_of
from bowerbird.retrieval.searched import asked_for
from bowerbird.surfaces.people import people_for
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.scenario import Scenario, read_rules
from bowerbird.surfaces.surface import Ask, surface_of
from worlds import cycles

NOW = 1_000


@pytest.fixture(scope="module")
def loaded():
    made = cycles()
    fields = {
        "title": Column.text([f"thing number {row}" for row in range(12)]),
        "kind": Column.category(["a" if row % 2 else "b" for row in range(12)]),
        "tags": Column.lists([["x"] if row < 6 else ["y"] for row in range(12)]),
    }
    traits = {"land": Column.category(["de" if u % 2 else "fr" for u in range(len(made.users))])}
    data = replace(made, catalog=Catalog(made.catalog.items, fields), traits=traits)
    fitted = estimator_of("als", dim=8).fit(data)
    return Run(Path("runs/als"), {"model": "als"}, data, fitted, Popularity(segment="land"))


def of(loaded, ask=Ask(NOW), **settings):  # noqa: B008  frozen
    return surface_of(loaded, Scenario.model_validate(settings), ask)


def ids(lists):
    return [item["item"] for item in lists["items"]]


def test_for_you_tells_why(loaded):
    surface = of(loaded, k=3)
    (told,) = surface.explained(Queries.of([[0, 1, 2]]))
    assert ids(told)[0] == "i3"
    assert told["rung"] == "personal" and told["model"] == "als" and told["run"] == "als"
    assert told["removed"] == {"already met or shown": 3}
    assert told["index"] == {"kind": "ExactIndex", "way": "exact", "eligible": 1.0}
    first = told["items"][0]
    assert first["rank"] == 1 and first["propensity"] == 1 and first["moved"] == []
    assert first["parts"]["als"] == pytest.approx(first["score"], rel=1e-5)
    assert {why["item"] for why in first["because"]} <= {"i0", "i1", "i2"}
    assert sum(why["share"] for why in first["because"]) == pytest.approx(1, abs=1e-3)


def test_who_is_unknown_is_told_so(loaded):
    asked = replace(Queries.of([[], []]), context={"land": Column.category(["de", None])})
    known, stranger = of(loaded, k=2).explained(asked)
    assert known["rung"] == "segment" and stranger["rung"] == "popular"
    assert known["items"][0]["because"] == [] and known["items"][0]["parts"] == {}


def test_filters_count_what_they_take_and_lists_are_full(loaded):
    ask = Ask(NOW, filter='tags contains "x"', never=("i3",))
    surface = of(loaded, ask, filter='kind = "a"', k=5)
    (told,) = surface.explained(Queries.of([[0, 1]]))
    assert set(ids(told)) == {"i5"}
    assert told["removed"] == {
        "filter": 9,
        "never": 1,
        "already met or shown": 1,
    }  # i0 was filtered
    assert told["index"]["way"] == "exact, masked"


def test_a_filter_cannot_get_out_of_its_brackets(loaded):
    with pytest.raises(ConfigError, match="filter: .* expected at character 11, '\\)' came"):
        of(loaded, Ask(NOW, filter='kind = "a") or (kind = "b"'), filter='kind = "b"')


def test_next_asks_with_the_last_session_only_and_repeats_nothing(loaded):
    asked = Queries.of([[2, 8, 0, 1]])
    asked = replace(asked, times=np.array([0, 10, 9_000, 9_010]))
    short = replace(Queries.of([[0, 1]]), times=np.array([9_000, 9_010]))
    surface = of(loaded, surface="next", idle="30m", k=4)
    (told,), (of_session,) = surface.explained(asked), surface.explained(short)
    assert told["rung"] == "session" and not {"i2", "i8"} & set(ids(told))
    rest = [item for item in ids(of_session) if item not in ("i2", "i8")]
    assert ids(told)[: len(rest)] == rest
    assert {why["item"] for item in told["items"] for why in item["because"]} <= {"i0", "i1"}


def test_a_discount_outlives_the_steps_behind_it(loaded):
    asked = Queries.of([[row] for row in range(12)])
    plain = of(loaded, discount=3.0, k=3).recommend(asked)
    stepped = of(loaded, discount=3.0, k=3, steps=[{"step": "tired"}]).recommend(asked)
    assert plain.rows.tolist() == stepped.rows.tolist()


def test_what_is_filled_is_said_to_be_popular(loaded):
    ease = replace(loaded, fitted=estimator_of("cooccurrence", window=1).fit(loaded.data))
    (told,) = of(ease, surface="similar", k=9).explained(Queries.of([[4]]))
    sources = [item["source"] for item in told["items"]]
    assert sources[0] == "item" and sources[-1] == "popular" and len(sources) == 9


def test_few_eligible_items_come_once_each(loaded, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[rules]]\nname = "p"\ndo = "pin"\nids = ["i9", "i3"]\n'
        '[[rules]]\nname = "q"\ndo = "quota"\nids = ["i2"]\nleast = 1\n'
    )
    for n in (0, 1, 3):
        ask = Ask(NOW, only=tuple(f"i{row}" for row in range(n)))
        hits = of(loaded, ask, rules=str(path), k=5).recommend(Queries.of([[7], [8]]))
        for rows in hits.rows.tolist():
            assert sorted(rows, reverse=True) == [*range(n)][::-1] + [-1] * (5 - n)


def test_what_a_quota_lets_in_does_not_jump_the_queue(loaded):
    plain = of(loaded, k=5, fetch=5).recommend(Queries.of([[0]])).rows[0].tolist()
    least = {"a": 4}
    steps = [{"step": "quota", "column": "kind", "least": least}]
    (told,) = of(loaded, k=5, fetch=5, steps=steps).explained(Queries.of([[0]]))
    shown = [int(item[1:]) for item in ids(told)]
    assert shown[0] == plain[0] and sum(row % 2 for row in shown) >= 4
    scores = [item["score"] for item in told["items"]]
    assert scores == sorted(scores, reverse=True)


def test_a_setting_of_another_surface_is_refused():
    for settings, words in (
        ({"across": "kind"}, "across is a setting of goes-with, for-you came"),
        ({"surface": "similar", "discount": 1.0}, "discount is a setting of for-you and next"),
        ({"surface": "audience", "rules": "r.toml"}, "an audience has surface, k and filter only"),
    ):
        with pytest.raises(ValueError, match=words):
            Scenario.model_validate(settings)


def test_similar_and_goes_with_leave_the_item_out(loaded):
    for surface in ("similar", "goes-with"):
        (told,) = of(loaded, surface=surface, k=2).explained(Queries.of([[4]]))
        assert set(ids(told)) == {"i3", "i5"}  # its neighbours on the circle
        assert told["rung"] == "item"


def test_what_goes_with_it_may_have_to_be_of_another_kind(loaded):
    (told,) = of(loaded, surface="goes-with", across="kind", k=6).explained(Queries.of([[4]]))
    assert all(int(item[1:]) % 2 for item in ids(told))
    with pytest.raises(ConfigError, match="a category column among kind expected, 'tags' came"):
        of(loaded, surface="goes-with", across="tags")
    with pytest.raises(ConfigError, match="types: some of event expected, buy came"):
        of(loaded, surface="goes-with", types=["buy"])


def test_search_finds_what_is_written(loaded):
    surface = of(loaded, surface="search", k=1)
    (told,) = surface.explained(asked_for(["thing number 7"]))
    assert ids(told) == ["i7"] and told["rung"] == "search"


def test_popular_new_and_trending_need_nobody(loaded):
    counts = loaded.data.item_counts()
    (told,) = of(loaded, surface="popular", k=1).explained(Queries.of([[]]))
    assert counts[int(ids(told)[0][1:])] == counts.max()
    for surface in ("new", "trending"):
        (told,) = of(loaded, surface=surface, k=3).explained(Queries.of([[]]))
        assert len(ids(told)) == 3


def test_an_audience_is_people(loaded):
    scenario = Scenario(surface="audience", k=3, filter='land = "de"')
    people = people_for(loaded, scenario, None, ["i3"])
    assert [one["rank"] for one in people] == [1, 2, 3]
    assert all(int(one["user"][1:]) % 2 for one in people)
    assert len(people_for(loaded, scenario, "u0", [], k=2)) == 2
    with pytest.raises(ConfigError, match="one --item, or --user, expected"):
        people_for(loaded, scenario, None, [])
    with pytest.raises(ConfigError, match="a surface that gives items expected"):
        of(loaded, surface="audience")


def test_steps_run_in_their_order_and_say_what_they_moved(loaded):
    steps = [
        {"step": "calibrate", "column": "tags", "weight": 0.9},
        {"step": "mmr", "weight": 0.5},
        {"step": "mmr", "column": "tags"},
        {"step": "dpp"},
        {"step": "quota", "column": "kind", "each": 2},
        {"step": "recent"},
        {"step": "tired"},
        {"step": "rotate", "keep": 1},
    ]
    surface = of(loaded, steps=steps, k=4, recently={"times": 1}, explore={"epsilon": 1.0})
    names = ["calibrate", "mmr", "mmr 2", "dpp", "quota", "recent", "tired", "rotate"]
    assert list(surface.engine.steps) == names
    (told,) = surface.explained(Queries.of([[0, 1]]))
    moved = [move for item in told["items"] for move in item["moved"]]
    assert {move["by"] for move in moved} & {*names}
    assert all(move["from"] != move["to"] for move in moved)
    assert min(item["propensity"] for item in told["items"]) < 0.2


def test_the_same_seed_draws_the_same_list(loaded):
    surface, asked = of(loaded, explore={"epsilon": 1.0}), Queries.of([[0, 1]] * 2)
    one, two = surface.recommend(asked, np.array([5, 6])).rows
    assert surface.recommend(asked, np.array([6, 5])).rows.tolist() == [two.tolist(), one.tolist()]
    assert one.tolist() != two.tolist()


def test_rules_are_counted_told_and_can_be_left_away(loaded, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[rules]]\nname = "first"\ndo = "pin"\nids = ["i9"]\nuntil = "2030-01-01"\n'
        '[[rules]]\nname = "gone"\ndo = "hide"\nitems = \'kind = "b"\'\n'
        '[[rules]]\nname = "up"\ndo = "boost"\nids = ["i11"]\nby = 3\naudience = \'land = "de"\'\n'
    )
    surface = of(loaded, rules=str(path), k=4)
    asked = replace(Queries.of([[0], [0]]), context={"land": Column.category(["de", "fr"])})
    german, french = surface.explained(asked)
    assert ids(german)[:2] == ["i9", "i11"] and ids(french)[0] == "i9"
    assert german["removed"]["rules"] == 6
    assert german["items"][1]["moved"][0]["by"] == "rule up"
    assert german["items"][0]["moved"][-1]["by"] == "pin first"
    plain, _ = surface.without_rules().explained(asked)
    assert ids(plain)[0] == "i1"


def test_no_rules_and_dates_of_toml_are_read(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("")
    assert read_rules(path) == []
    path.write_text(
        "[[rules]]\nname='x'\ndo='hide'\nids=['a']\nfrom=1970-01-02\nuntil='1970-01-03'"
    )
    (rule,) = read_rules(path)
    assert (rule.start, rule.stop) == (86_400, 2 * 86_400)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules = 3", r"\[\[rules\]\] tables and nothing else expected"),
        ("[[rules]]\nname = 'x'\ndo = 'sell'\nids = ['a']", "rule 1: do: .*'sell' came"),
        ("[[rules]]\nname = 'x'\ndo = 'pin'\nid = 'a'", "unknown key 'id'; the keys are name, do"),
        ("[[rules]]\ndo = 'pin'", "rule 1: name: field required"),
        ("[[rules]]\nname = 'x'\ndo = 'pin'", "rule 'x': either items or ids expected"),
        ("[[rules]\n", "a file of .*rules.* expected"),
        (
            "[[rules]]\nname = 'x'\ndo = 'hide'\nids = ['a']\nfrom = 'soon'",
            "rule 'x': from, until: a moment such as",
        ),
    ],
)
def test_rules_that_cannot_be_read_are_refused_with_their_place(tmp_path, text, words):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_rules(path)


def test_a_model_without_vectors_needs_a_column_to_be_diverse_by(loaded):
    ease = replace(loaded, fitted=estimator_of("ease").fit(loaded.data))
    with pytest.raises(ConfigError, match="mmr: a model of vectors or a column expected"):
        of(ease, steps=[{"step": "mmr"}])
    assert of(ease, steps=[{"step": "mmr", "column": "kind"}]).engine.steps
