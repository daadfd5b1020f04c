import pytest

from bowerbird.data.split import ByTime, LeaveOneOut
from bowerbird.encoders.als import Als
from bowerbird.errors import ConfigError
from bowerbird.runs.recipe import model_names, read_recipe, recipe_of, rule_of

FULL = """
seed = 7

[events]
path = "events.csv"
user = "customer"
weights = { view = 1, purchase = 9 }
threshold = 4

[items]
path = "items.csv"
kinds = { title = "text" }

[model]
name = "als"
dim = 8

[split]
kind = "leave-one-out"
"""


def test_a_recipe_says_everything(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(FULL)
    recipe = read_recipe(path)
    inputs = recipe.inputs(now=5)
    assert inputs.events.where == str(tmp_path / "events.csv")  # beside the recipe
    assert inputs.event_schema.user == "customer"
    assert inputs.event_schema.type_weights["purchase"] == 9
    assert inputs.event_schema.type_weights["cart"] == 3  # the others keep their defaults
    assert inputs.event_schema.threshold == 4
    assert inputs.item_schema.kinds == {"title": "text"}
    assert recipe.estimator() == Als(dim=8, seed=7)
    assert recipe.rule() == LeaveOneOut()


def test_what_is_written_is_read_again_the_same(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(FULL)
    recipe = read_recipe(path)
    again = tmp_path / "again.toml"
    again.write_text(recipe.text())
    assert read_recipe(again) == recipe


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "events: field required"),
        ({"events": {"path": "e"}, "epochs": 3}, "unknown key 'epochs'; the keys are events,"),
        ({"events": {"path": "e", "usr": "u"}}, "unknown key 'events.usr'; the keys are path,"),
        ({"events": {"path": "e"}, "quality": {"max_broken": 2}}, "quality.max_broken"),
        ({"events": {"path": 3}}, "events.path: input should be a valid string, 3 came"),
        ({"events": {"path": "e", "weights": {"view": -1}}}, "events.weights.view"),
    ],
)
def test_a_wrong_key_names_itself_and_the_right_ones(told, words):
    with pytest.raises(ConfigError) as caught:
        recipe_of(told, "r.toml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"name": "magic"}, "one of popularity, cooccurrence"),
        ({"name": "als", "factors": 8}, "dim, regularization"),
        ({"name": "als", "dim": "many"}, "dim = 'many'"),
    ],
)
def test_a_wrong_model_names_the_right_ones(model, words):
    with pytest.raises(ConfigError, match=words):
        recipe_of({"events": {"path": "e"}, "model": model}, "r.toml").estimator()


def test_a_rule_takes_its_own_settings_only():
    assert rule_of("time", test_share=0.2) == ByTime(test_share=0.2)
    with pytest.raises(ConfigError, match="one of time, leave-one-out"):
        rule_of("random")
    with pytest.raises(ConfigError, match="unknown key 'share'; the keys are test_share, at"):
        rule_of("time", share=0.2)
    with pytest.raises(ConfigError, match="split time: test_share: .* 'half' came"):
        rule_of("time", test_share="half")


def test_no_models_or_unknown_ones_are_refused():
    for told in ("", "als,magic"):
        with pytest.raises(ConfigError, match="some of popularity"):
            model_names(told)


def test_a_password_is_never_kept():
    told = {"path": "select 1", "database": "postgresql://me:se:cr/et@db.host:5432/shop"}
    text = recipe_of({"events": told}, "r.toml").text()
    assert "postgresql://me@db.host:5432/shop" in text
    assert "se:cr" not in text
