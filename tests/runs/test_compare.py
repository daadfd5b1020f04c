import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.split import ByTime, LeaveOneOut, Split
from bowerbird.data.synthetic import World
from bowerbird.errors import DataError
from bowerbird.retrieval.models import seeded
from bowerbird.runs.compare import Plan, compare
from bowerbird.runs.tune import Terms, choose
from worlds import cycles, dataset


def test_who_knows_what_follows_wins_where_it_is_certain():
    data = cycles(n_users=300)
    split = LeaveOneOut().split(data)
    plan = Plan(("popularity", "cooccurrence", "als"), LeaveOneOut(), ks=(1, 5))
    result = compare(split, plan)
    assert result.board.rows[0].model == "cooccurrence"
    assert result.reports["cooccurrence"].mean("ndcg@5") == pytest.approx(1.0)
    assert result.board.row("cooccurrence").cells[result.board.metrics[0]].sure
    assert json.loads(json.dumps(result.to_json()))["settings"]["als"]["users"] == 300


def test_a_model_that_refuses_the_data_is_skipped_with_its_reason():
    data = cycles(n_users=60)  # no texts or categories
    told = []
    result = compare(
        LeaveOneOut().split(data),
        Plan(("popularity", "content"), LeaveOneOut(), ks=(5,), tune=False),
        lambda model, what: told.append((model, what)),
    )
    assert list(result.reports) == ["popularity"]
    assert "content" in result.skipped
    assert any(model == "content" and "skipped" in what for model, what in told)


def test_if_all_refuse_it_is_an_error():
    split = LeaveOneOut().split(cycles(n_users=60))
    with pytest.raises(DataError, match="no model could be judged: content"):
        compare(split, Plan(("content",), LeaveOneOut(), ks=(5,), tune=False))


def test_without_refit_the_validation_events_are_not_learned_from():
    # everybody's last but one event is item 1 → only a model that has seen it knows it
    data = dataset([[0, 1, 2]] * 40, n_items=4)
    split = LeaveOneOut().split(data)
    plan = Plan(("popularity",), LeaveOneOut(), ks=(2,), tune=False)
    seen = compare(split, plan).fitted["popularity"]
    blind = compare(split, replace(plan, refit=False)).fitted["popularity"]
    known = [
        [row for row, v in enumerate(f.encode_items(data.catalog)[:, 0]) if v == v]
        for f in (seen, blind)
    ]
    assert known == [[0, 1], [0]]


def test_a_recent_window_is_chosen_where_fashion_changes():
    world = World(n_users=400, n_items=150, n_events=12_000, drift=1.0, seed=1).make().dataset
    split = ByTime().split(world)
    result = compare(split, Plan(("popularity",), ByTime(), ks=(10,)))
    assert result.fallback == result.choices["popularity"].estimator


def test_too_few_people_keep_the_settings():
    data = dataset([[0, 1]] * 5)
    estimator = seeded("cooccurrence", 0)
    assert choose(estimator, data, LeaveOneOut()).scores == ()


def test_what_somebody_asked_for_is_not_chosen_anew():
    data = cycles(n_users=60)
    estimator = seeded("cooccurrence", 0, decay=0.9, damping=0.3)
    chosen = choose(estimator, data, LeaveOneOut(), Terms(fixed=("decay",)))
    assert {settings["decay"] for settings, _ in chosen.scores} == {0.9}
    assert len(chosen.scores) == 1 + 2 * 2 * 2 - 1  # the default is one of the others' grid
    assert chosen.estimator.decay == 0.9
    free = choose(estimator, data, LeaveOneOut(), Terms(fixed=("damping",)))
    assert {settings["damping"] for settings, _ in free.scores} == {0.3}
    assert len({settings["decay"] for settings, _ in free.scores}) > 1


def test_unordered_data_is_cut_several_times():
    data = replace(cycles(n_users=60, n_items=8), ordered=False, dated=False)
    told = []
    estimator = seeded("ease", 0)
    choice = choose(estimator, data, LeaveOneOut(), progress=told.append)
    assert len(choice.scores) == len(estimator.variants(data))
    assert told[-1].endswith(f"of {5 * len(choice.scores)}")


def test_settings_are_chosen_among_the_items_that_will_be_ranked():
    data = cycles(n_users=200)
    only = np.zeros(len(data.catalog), dtype=bool)
    only[:3] = True

    class Narrow(LeaveOneOut):
        def split(self, data):
            split = LeaveOneOut().split(data)
            return Split(split.train, replace(split.holdout, allow=only))

    wide = choose(seeded("cooccurrence", 0), data, LeaveOneOut())
    narrow = choose(seeded("cooccurrence", 0), data, Narrow())
    assert max(s for _, s in wide.scores) == pytest.approx(1.0)
    assert max(s for _, s in narrow.scores) < 0.5  # most answers may not be shown
