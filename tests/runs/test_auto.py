import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from bowerbird.data.split import LeaveOneOut
from bowerbird.data.synthetic import World
from bowerbird.encoders.session import Session
from bowerbird.errors import ConfigError
from bowerbird.retrieval.blend import Blend
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.retrieval.models import MODELS, seeded
from bowerbird.runs.auto import Auto, chosen, named_estimator
from bowerbird.runs.contest import Contest, try_all
from bowerbird.runs.run import train, write_run
from bowerbird.runs.tune import Terms, halves
from bowerbird.runs.verdict import words
from bowerbird.surfaces.run_folder import load_run
from worlds import cycles, dataset


class Clock:
    """Goes on by a second each time somebody looks."""

    def __init__(self, step=1.0):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture(scope="module")
def world():
    return World(n_users=300, n_items=90, n_events=6000, seed=3).make().dataset


def test_what_is_certain_wins_alone():
    choice = chosen(Auto("als,cooccurrence"), cycles(n_users=200), LeaveOneOut(), Terms())
    assert isinstance(choice.estimator, CoOccurrence)
    assert choice.why["won"] == "cooccurrence" and choice.why["weights"] is None
    assert max(score for _, score in choice.scores) == pytest.approx(1.0)
    assert any("alone" in line for line in choice.why["words"])


def test_the_table_has_every_part_beside_the_blend(world):
    choice = chosen(Auto("ease,als,content"), world, LeaveOneOut(), Terms())
    why = json.loads(json.dumps(choice.to_json()))["why"]
    names = [part["model"] for part in why["parts"]]
    assert names == ["popularity", "ease", "als", "content"]
    warm = next(r for r in why["slices"] if (r["slice"], r["group"]) == ("item age", "warm"))
    assert set(names) <= set(warm["scores"])
    scores = {part["model"]: part["score"] for part in why["parts"]}
    for name in names:
        assert warm["scores"][name] == pytest.approx(scores[name], abs=0.05)
    assert "learning from behaviour" in why["words"][0]
    if why["won"] == "blend":
        assert why["blend"]["score"] > max(scores.values())
        assert isinstance(choice.estimator, Blend) and choice.estimator.given()
    choice.estimator.fit(world)


def test_new_items_are_asked_about_where_content_can_answer(monkeypatch, world):
    monkeypatch.setattr("bowerbird.runs.new_items.FEW", 3)
    why = chosen(Auto("als,content"), world, LeaveOneOut(), Terms()).why
    new = why["new items"]
    assert new["items"] >= 3 and "content" in new["scores"]
    assert 0 <= new["scores"]["content"]["all"] <= new["scores"]["content"]["new"] <= 1
    assert any("For new items" in line for line in why["words"])
    assert chosen(Auto("als,ease"), world, LeaveOneOut(), Terms()).why["new items"] is None


def test_new_items_come_forward_as_far_as_it_costs_little(monkeypatch, world):
    monkeypatch.setattr("bowerbird.runs.new_items.FEW", 3)
    choice = chosen(Blend("als, ease, content"), world, LeaveOneOut(), Terms())
    dial = choice.why["new items"]["dial"]
    assert dial[0]["unmet"] == 1
    chose = next(step for step in dial if step["unmet"] == choice.estimator.unmet)
    assert chose["met"] >= 0.99 * dial[0]["met"] and chose["new"] >= dial[0]["new"]


def test_the_budget_is_kept(world):
    clock = Clock()
    session = Session(budget_s=60.0, clock=clock)
    told = []
    choice = chosen(
        Auto("cooccurrence,als,ease"), world, LeaveOneOut(), Terms(session=session), told.append
    )
    tried = {part["model"]: part["tried"] for part in choice.why["parts"]}
    assert tried["cooccurrence"] < 24  # not all of its settings
    assert clock.now < 120  # every look costs a second: it ends soon after
    assert all("left" in line for line in told) and any("best so far" in line for line in told)


def test_what_no_time_was_left_for_is_said(world):
    train_, holdout = halves(world, LeaveOneOut(), 0)
    terms = Terms(session=Session(clock=Clock(4.0)))
    contest = Contest(train_, holdout, terms, lambda news: None, 20.0)
    try_all(contest, {name: seeded(name, 0) for name in ("popularity", "als", "ease")})
    assert contest.tried[0].name == "popularity"
    assert "no time was left" in contest.skipped["ease"]


@dataclass(frozen=True, slots=True)
class Slow:
    """Trains: writes down with what session, and finds that 7 epochs are enough."""

    epochs: int = 50
    asked: tuple = ()

    def fit(self, data, session=Session()):  # noqa: B008  frozen
        SESSIONS.append(session)
        fitted = CoOccurrence().fit(data)
        found = replace(self, epochs=7) if session.validation is not None else self
        return Fitted(found, fitted)

    def load(self, folder):
        raise NotImplementedError


@dataclass(frozen=True)
class Fitted:
    estimator: Slow
    inner: object

    def retrieve(self, *args, **more):
        return self.inner.retrieve(*args, **more)

    def similar(self, *args, **more):
        return self.inner.similar(*args, **more)

    def scores(self, *args):
        return self.inner.scores(*args)

    def save(self, folder):
        raise NotImplementedError


SESSIONS = []


def test_what_is_trained_stops_on_validation_and_leaves_time_for_the_last_fit():
    SESSIONS.clear()
    data = cycles(n_users=200)
    choice = chosen(Slow(), data, LeaveOneOut(), Terms(session=Session(budget_s=100.0)))
    assert choice.estimator.epochs == 7
    # the fit on everything, of 1,200 events instead of 1,000, is to have time as well
    assert SESSIONS[0].budget_s == pytest.approx(95 / (1 + 1200 / 1000), abs=1)
    assert len(SESSIONS[0].validation) == 200
    train_, holdout = halves(data, LeaveOneOut(), 0)
    contest = Contest(train_, holdout, Terms(), lambda news: None, 100.0)
    try_all(contest, {"popularity": seeded("popularity", 0), "slow": Slow()})
    assert 40 < SESSIONS[-1].budget_s < 50
    assert contest.tried[-1].estimator.epochs == 7
    contest = Contest(train_, holdout, Terms(), lambda news: None, 100.0, again=3.0)
    try_all(contest, {"popularity": seeded("popularity", 0), "slow": Slow()})
    assert 20 < SESSIONS[-1].budget_s < 23  # three quarters of what is left are for the last fit


def test_a_blend_s_parts_choose_for_themselves():
    data = cycles(n_users=200)
    choice = chosen(Blend("als(dim=4), cooccurrence"), data, LeaveOneOut(), Terms())
    assert isinstance(choice.estimator, Blend)
    assert choice.estimator.given() and "cooccurrence" in choice.estimator.parts
    given = Blend("als(dim=4), cooccurrence", "1, 1")
    assert chosen(given, data, LeaveOneOut(), Terms()).estimator == given


def test_a_part_that_refuses_is_told_where_it_was_asked_for():
    with pytest.raises(ConfigError, match="part content of the blend"):
        chosen(Blend("als(dim=4), content"), cycles(n_users=100), LeaveOneOut(), Terms())
    why = chosen(Auto("als,content"), cycles(n_users=100), LeaveOneOut(), Terms()).why
    assert "content" in why["skipped"]


def test_too_few_people_get_what_suits():
    choice = chosen(Auto(), dataset([[0, 1]] * 5), LeaveOneOut(), Terms())
    assert isinstance(choice.estimator, CoOccurrence) and "too few" in choice.why["words"][0]


def test_auto_without_choosing_is_refused():
    with pytest.raises(ConfigError, match="leave out --no-tune"):
        train(Auto(), cycles(n_users=50), 0, tune=False)


def test_names_and_settings_of_auto():
    assert named_estimator("auto", 3) == Auto(seed=3)
    assert named_estimator("als", 3, dim=4) == seeded("als", 3, dim=4)
    with pytest.raises(ConfigError, match="settings of model auto among models, seed"):
        named_estimator("auto", 0, dim=4)
    with pytest.raises(ConfigError, match="'blend' came"):
        Auto("blend")
    assert "popularity" in Auto().candidates(cycles()) and "blend" in MODELS


def test_a_run_of_auto_keeps_its_table(world, tmp_path):
    trained = train(Auto("ease,als"), world, 0)
    write_run(tmp_path / "run", world, trained, {"model": "auto", "seed": 0}, "")
    run = load_run(tmp_path / "run")
    assert run.facts["choice"]["why"]["words"] == trained.choice.why["words"]
    assert np.isfinite(run.facts["choice"]["why"]["parts"][0]["score"])


def test_words_of_a_world_where_content_wins():
    parts = [{"model": "als", "score": 0.02}, {"model": "content", "score": 0.05}]
    scores = {"content": {"all": 0.01, "new": 0.2}}
    told = words({"parts": parts, "won": "content", "new items": {"items": 1200, "scores": scores}})
    assert "does not beat content alone, 0.020 against 0.050" in told[0]
    assert "No blend was better than content alone" in told[1]
    assert "1,200 items held out" in told[2]
    late = {"parts": parts, "won": "content", "skipped": {"a blend with als": "no time was left"}}
    assert "No blend that there was time for" in words(late)[1]


def small():
    """Two models that are trained, in moments."""
    pytest.importorskip("torch", reason="the extra train is not installed")
    return {
        "sequence": seeded("sequence", 0, dim=8, blocks=1, epochs=2, text="tfidf"),
        "two-tower": seeded("two-tower", 0, dim=8, content_rank=8, epochs=2, text="tfidf"),
    }


def followed(told, cut=None):
    """News are collected; at those that begin like `cut` somebody presses Ctrl-C."""

    def say(news):
        told.append(news)
        if cut is not None and news.startswith(cut):
            raise KeyboardInterrupt

    return say


def test_a_contest_that_was_cut_off_does_not_train_again_what_was_trained(world, tmp_path):
    train_, holdout = halves(world, LeaveOneOut(), 0)
    terms, told = Terms(session=Session(checkpoints=tmp_path)), []

    def tried(say):
        contest = Contest(train_, holdout, terms, say, 600.0)
        try_all(contest, small())
        return contest.tried

    whole = tried(followed([]))
    for left in tmp_path.rglob("*.safetensors"):
        left.unlink()
    with pytest.raises(KeyboardInterrupt):
        tried(followed([], "two-tower: epoch 1 of 2"))
    again = tried(followed(told))
    assert any(news.startswith("sequence: going on after epoch 2 of 2") for news in told)
    assert not any(news.startswith("sequence: epoch") for news in told)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert one.estimator == other.estimator


def test_the_last_fit_of_a_blend_goes_on_too(world, tmp_path):
    parts = ", ".join(
        f"{name}({', '.join(f'{k}={v}' for k, v in settings.items())})"
        for name, settings in {
            "sequence": {"dim": 8, "blocks": 1, "epochs": 2, "text": "tfidf"},
            "two-tower": {"dim": 8, "content_rank": 8, "epochs": 2, "text": "tfidf"},
        }.items()
    )
    pytest.importorskip("torch", reason="the extra train is not installed")
    blend, told = Blend(parts=parts, weights="1, 1", popularity=0.0), []
    with pytest.raises(KeyboardInterrupt):
        blend.fit(world, Session(followed([], "two-tower: epoch 1 of 2"), checkpoints=tmp_path))
    again = blend.fit(world, Session(followed(told), checkpoints=tmp_path))
    assert "sequence: going on after epoch 2 of 2" in told
    whole = blend.fit(world)
    queries = world.queries()
    np.testing.assert_array_equal(again.encode_queries(queries), whole.encode_queries(queries))
