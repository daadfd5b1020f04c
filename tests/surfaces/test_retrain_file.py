"""RUNS/retrain.toml as a service changes it: checked as a retrain does, nothing else touched."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.errors import ConfigError
from bowerbird.runs.plan import plan_of
from bowerbird.surfaces.retrain_file import FILE, change
from bowerbird.surfaces.toml_keys import with_keys

TEXT = """# how our runs are made again
[retrain]
window = "2d"   # the newest

[ triggers ]  # when
every = "1d"    # "off" # is never
# not before the shop wakes
drift = true
[alerts]
on = [
  "failed",  # whatever came
  "refused",
]

[gate]
margin = 0.02
"""


def test_keys_are_said_anew_and_all_that_is_around_them_stays():
    told = with_keys(TEXT, "triggers", {"every": "12h", "at": "02:00", "drift": None})
    assert '[ triggers ]  # when\nevery = "12h"    # "off" # is never\n# not before' in told
    assert 'the shop wakes\nat = "02:00"\n[alerts]' in told
    told = with_keys(told, "alerts", {"on": ["decay"], "webhook": "https://x.example/#a"})
    assert 'on = ["decay"]\nwebhook = "https://x.example/#a"\n\n[gate]' in told
    assert told.startswith('# how our runs are made again\n[retrain]\nwindow = "2d"   # the newest')
    told = with_keys(told, "alerts", {"webhook": 'https://y.example/"\\#b'})
    assert tomllib.loads(told)["alerts"]["webhook"] == 'https://y.example/"\\#b'


def test_a_table_that_is_not_there_is_added():
    assert with_keys("", "triggers", {"every": "1h"}) == '[triggers]\nevery = "1h"\n'
    assert with_keys("[a]\nx = 1", "b", {"y": 2}) == "[a]\nx = 1\n\n[b]\ny = 2\n"
    assert with_keys("[b]", "b", {"y": 2}) == "[b]\ny = 2\n"


@pytest.mark.parametrize("text", ['triggers.every = "1d"\n', 'triggers = {every = "1d"}\n',
                                  '[triggers]\n"every" = "1d"\n'])  # fmt: skip
def test_what_is_written_in_another_way_is_left_to_people(text):
    with pytest.raises(ConfigError, match="by hand"):
        with_keys(text, "triggers", {"every": "12h"})


@given(st.dictionaries(st.sampled_from("abc"), st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3))))  # fmt: skip
def test_whatever_is_said_can_be_read_again_or_is_refused(changes):
    text = '[x]\nc = 1\n[t]\n# one\na = [1,\n 2] # two\n\nb = """\na = 3\n[t]\n"""\n[y]\n'
    before = tomllib.loads(text)
    try:
        told = tomllib.loads(with_keys(text, "t", changes))
    except ConfigError:
        return
    wanted = {key: value for key, value in (before["t"] | changes).items() if value is not None}
    assert told == before | {"t": wanted}


def test_what_was_changed_is_what_a_retrain_reads(tmp_path):
    path = tmp_path / FILE
    path.write_text(TEXT)
    asked = {"triggers": {"every": "12h", "cooldown": "off"}, "alerts": {"on": ["failed"]}}
    assert change(path, asked) == {
        "triggers": {"every": "1d", "cooldown": None},
        "alerts": {"on": ["failed", "refused"]},
    }
    plan = plan_of(tmp_path)
    assert (plan.triggers.every, plan.triggers.cooldown, plan.alerts.on) == (
        "12h",
        "off",
        ("failed",),
    )
    assert plan.window_s == 2 * 86_400 and plan.policy.margin == 0.02
    assert change(path, asked) == {}
    change(path, {"triggers": {"every": None}, "alerts": {}})
    assert plan_of(tmp_path).triggers.every == "1d" and "every" not in path.read_text()


@pytest.mark.parametrize(
    ("table", "keys", "told"),
    [
        ("triggers", {"evry": "1d"}, r"\[triggers\]: a key among every, .*'evry' came"),
        ("triggers", {"evry": None}, r"\[triggers\]: a key among every, .*'evry' came"),
        ("triggers", {"every": "often"}, r"every: .*'often' came"),
        ("triggers", {"every": "99999d"}, "ten years at most"),
        ("triggers", {"new_events": 2}, "new_events: .*2 came"),
        ("triggers", {"at": "25:00"}, "02:00 expected"),
        ("alerts", {"webhook": "ftp://x"}, "https:// expected"),
        ("alerts", {"webhook": "https://x y\n"}, "without spaces"),
        ("alerts", {"on": ["all"]}, "on"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(tmp_path, table, keys, told):
    path = tmp_path / FILE
    path.write_text(TEXT)
    with pytest.raises(ConfigError, match=told):
        change(path, {"triggers": {"decay": 0.3}, table: keys})
    assert path.read_text() == TEXT


def test_a_file_that_is_no_table_is_told(tmp_path):
    path = tmp_path / FILE
    for text, told in (("triggers = 3\n", "a table"), ("[", "readable TOML")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=told):
            change(path, {"triggers": {"every": "2d"}})
