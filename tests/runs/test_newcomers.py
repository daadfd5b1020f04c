"""What somebody without a history is shown: chosen on people held out whole."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.encoders.popularity import Popularity
from bowerbird.retrieval.models import seeded
from bowerbird.runs.newcomers import for_newcomers
from bowerbird.runs.run import train, write_run
from bowerbird.surfaces.assemble import recommender_of
from bowerbird.surfaces.run_folder import load_run
from worlds import dataset


def taste(split=True, n_users=300):
    """«old» people like items 0 to 9, «young» ones 10 to 19; without a split all like all."""
    rng = np.random.default_rng(0)
    histories = [
        rng.permutation(10)[:5] + 10 * ((u if split else rng.integers(2)) % 2)
        for u in range(n_users)
    ]
    data = dataset([h.tolist() for h in histories], 20)
    ages = Column.category(["old", "young"] * (n_users // 2))
    ids = Column.category([f"only {u}" for u in range(n_users)])
    return replace(data, traits={"id": ids, "age": ages, "note": Column.text([""] * n_users)})


def test_a_column_that_tells_people_apart_is_used():
    found = for_newcomers(Popularity(window_days=7.0), taste(), 0)
    assert found.segment == "age" and found.window_days == 7.0


def test_a_column_that_tells_nothing_is_not():
    found = for_newcomers(Popularity(segment="age"), taste(split=False), 0)
    assert found == Popularity()


@pytest.mark.parametrize("data", [taste(n_users=10), replace(taste(), traits={})])
def test_with_few_people_or_no_columns_all_are_one_kind(data):
    assert for_newcomers(Popularity(), data, 0) == Popularity()


@pytest.mark.parametrize("name", ["als", "cooccurrence", "blend"])
def test_every_model_shows_a_stranger_what_their_kind_likes(name, tmp_path):
    data = taste()
    write_run(tmp_path / "run", data, train(seeded(name, 0), data, 0), {"model": name}, "")
    run = load_run(tmp_path / "run")
    assert run.fallback.segment == "age"
    ages = Column.category(["old", "young"])
    nobody = replace(Queries.of([[], []]), context={"age": ages})
    rows = recommender_of(run.fitted, run.data, run.fallback).recommend(nobody, 5).rows
    assert (rows[0] < 10).all() and (rows[1] >= 10).all()
