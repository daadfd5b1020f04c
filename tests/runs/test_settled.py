"""Training that is interrupted or has little time: what was chosen stays, the time is kept."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from bowerbird.encoders.checkpoint import FILE as CHECKPOINT
from bowerbird.encoders.lesson import Schedule
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.session import Session
from bowerbird.encoders.training import train as train_loop
from bowerbird.errors import ArtifactError
from bowerbird.retrieval.models import seeded
from bowerbird.runs.auto import Auto
from bowerbird.runs.run import train
from bowerbird.runs.settled import FILE, Settled
from bowerbird.runs.tune import Choice, Terms
from worlds import cycles

SMALL = {"dim": 8, "epochs": 4, "patience": 4, "batch_events": 128}
FIXED = tuple(SMALL)


def stopped(news, times=1):
    """Say: be interrupted the so-manieth time that this is told."""
    left = [times]

    def say(told):
        left[0] -= news in told
        if not left[0]:
            raise KeyboardInterrupt

    return say


def trained(folder, say=None):
    session = Session(checkpoints=folder)
    return train(seeded("sequence", 0, **SMALL), cycles(), 0, True, FIXED, say, session)


def arrays(fitted):
    return {**fitted.network, "items": fitted.table.vectors}


def test_a_training_stopped_twice_ends_as_one_that_was_not(tmp_path):
    expected = trained(None)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, stopped("epoch 3 of 4 · loss"))
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]
    told = []
    again = stopped("epoch 3 of 4 · loss", 2)  # once while choosing, once on everything
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, lambda news: (told.append(news), again(news)))
    assert "going on after epoch 2 of 4" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT, FILE]
    told.clear()
    found = trained(tmp_path, told.append)
    assert told[0] == "going on with the settings that were chosen"
    assert told[1] == "fitting on all events" and "going on after epoch 2 of 4" in told
    assert found.choice == expected.choice and found.fallback == expected.fallback
    for name, array in arrays(expected.fitted).items():
        np.testing.assert_array_equal(arrays(found.fitted)[name], array)


def test_other_settings_or_data_are_chosen_anew(tmp_path):
    estimator, data = seeded("sequence", 0), cycles()
    terms = Terms(session=Session(checkpoints=tmp_path))
    choice = Choice(replace(estimator, epochs=3), (({"epochs": 3}, 0.5),), 7, why={"words": ["x"]})
    Settled.of(estimator, data, terms).save(choice, Popularity(window_days=7.0))
    assert Settled.of(estimator, data, terms).load() == (choice, Popularity(window_days=7.0))
    others = [
        (replace(estimator, dim=8), data, terms),
        (estimator, cycles(seed=1), terms),
        (estimator, data, replace(terms, fixed=("dim",))),
        (seeded("two-tower", 0), data, terms),
        (Auto(), data, terms),
    ]
    assert all(Settled.of(*asked).load() is None for asked in others)


def test_what_is_quick_to_choose_is_not_kept(tmp_path):
    terms = Terms(session=Session(checkpoints=tmp_path / "kept"))
    Settled.of(seeded("als", 0), cycles(), terms).save(Choice(seeded("als", 0)), Popularity())
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"mark": "x"', "null"])
def test_a_damaged_choice_is_told_with_its_name_and_the_remedy(content, tmp_path):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ArtifactError, match=r"chosen\.json, it is damaged.*remove it"):
        trained(tmp_path)


class Clock:
    """Stands still, unless it is told to go on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Costly:
    """One weight; every epoch takes so many seconds."""

    def __init__(self, clock, seconds):
        self.network, self.clock, self.seconds = torch.nn.Linear(1, 1), clock, seconds

    def optimizers(self):
        return [torch.optim.SGD(self.network.parameters())]

    def losses(self, rng):
        self.clock.now += self.seconds
        return [(lambda: self.network.weight.sum(), 1)]

    def judge(self):
        return 0.1


@dataclass(frozen=True)
class Popular:
    estimator: object
    encoder: object

    def encode_items(self, catalog):
        return self.encoder.encode_items(catalog)

    def encode_queries(self, queries):
        return self.encoder.encode_queries(queries)

    def save(self, folder):
        raise NotImplementedError


@dataclass(frozen=True)
class Slow:
    """Popularity that takes 3 s to prepare, and a second an epoch and 100 events."""

    clock: Clock
    slower: float = 1.0  # times, when it is fitted without validation
    epochs: int = 1000

    def fit(self, data, session=None):
        session = session.begun()
        self.clock.now += 3
        seconds = len(data.log) / 100 * (1 if session.validation else self.slower)
        plan = Schedule(self.epochs, 0.1, 1000, 0)
        done = train_loop(Costly(self.clock, seconds), plan, session, "mark")
        epochs = done.epochs if session.validation is None else len(done.scores)
        return Popular(replace(self, epochs=epochs), Popularity().fit(data))

    def load(self, folder):
        raise NotImplementedError


@pytest.mark.parametrize(("slower", "least", "most"), [(1.0, 45, 61), (1.5, 45, 66), (9, 45, 90)])
def test_both_fits_together_keep_the_budget(slower, least, most, monkeypatch):
    monkeypatch.setattr("bowerbird.runs.settled.mark_of", lambda *asked: "mark")
    clock = Clock()
    session = Session(budget_s=60.0, clock=clock)
    made = train(Slow(clock, slower), cycles(length=5), 0, True, (), None, session)
    assert least <= clock.now - 100 <= most, clock.now - 100
    assert made.choice.estimator.epochs >= 3
