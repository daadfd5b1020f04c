"""An unfinished fit on disk: whose it is, whether it is whole, and that it goes on as it was."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.synthetic import World
from bowerbird.encoders.checkpoint import FILE, Progress, Unfinished
from bowerbird.encoders.lesson import Schedule
from bowerbird.encoders.session import Session, mark_of
from bowerbird.encoders.training import train
from bowerbird.encoders.transformer import Transformer
from bowerbird.encoders.two_tower import TwoTower
from bowerbird.errors import ArtifactError

SCHEDULE = Schedule(epochs=6, learning_rate=0.05, patience=100, seed=3)


class Fitting:
    """A least squares fit; its parameter may lie in memory column by column."""

    def __init__(self, transposed=False):
        rng = np.random.default_rng(0)
        start = torch.from_numpy(rng.standard_normal((3, 4)).astype(np.float32))
        self.network = torch.nn.Module()
        start = start.T.contiguous().T if transposed else start
        self.network.weight = torch.nn.Parameter(start)
        self.goal = torch.arange(12.0).view(3, 4)

    def optimizers(self):
        return [torch.optim.Adam(self.network.parameters(), fused=True)]

    def losses(self, rng):
        parts = [torch.from_numpy(rng.random((3, 4)).astype(np.float32)) for _ in range(5)]
        return [(lambda p=p: (p * (self.network.weight - self.goal) ** 2).sum(), 1) for p in parts]

    def judge(self):
        return -float((self.network.weight.detach() - self.goal).abs().sum())


def interrupted(course, folder, after):
    """Train, and be interrupted while the epoch after so many is told."""

    def say(news):
        if news.startswith(f"epoch {after + 1} of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(course, SCHEDULE, Session(say, checkpoints=folder), "mark")


@pytest.mark.parametrize("transposed", [False, True])
def test_what_goes_on_ends_as_what_was_never_interrupted(transposed, tmp_path):
    whole, cut = Fitting(transposed), Fitting(transposed)
    assert cut.network.weight.is_contiguous() != transposed
    expected = train(whole, SCHEDULE, Session(), "mark")
    interrupted(cut, tmp_path, after=3)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    later = Fitting(transposed)
    told = []
    found = train(later, SCHEDULE, Session(told.append, checkpoints=tmp_path), "mark")
    assert told[0] == "going on after epoch 3 of 6"
    assert found.scores == expected.scores and found.losses == expected.losses
    assert torch.equal(later.network.weight, whole.network.weight)
    told.clear()
    once_more = Fitting(transposed)
    train(once_more, SCHEDULE, Session(told.append, checkpoints=tmp_path), "mark")
    assert told == ["going on after epoch 6 of 6"]  # what is over is not trained again
    assert torch.equal(once_more.network.weight, whole.network.weight)


def test_moments_lie_in_memory_as_their_parameter_does(tmp_path):
    course = Fitting(transposed=True)
    interrupted(course, tmp_path, after=1)
    later = Fitting(transposed=True)
    (optimizer,) = later.optimizers()
    assert Unfinished(tmp_path, "mark").load(later.network, [optimizer]) is not None
    (state,) = optimizer.state.values()
    for name in ("exp_avg", "exp_avg_sq"):
        assert state[name].stride() == later.network.weight.stride() == (1, 3)


def test_the_checkpoint_of_something_else_is_not_used(tmp_path):
    interrupted(Fitting(), tmp_path, after=2)
    course = Fitting()
    assert Unfinished(tmp_path, "other").load(course.network, course.optimizers()) is None


def cut_short(content):
    return content[: len(content) // 2]


def flipped(content):
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


def test_a_damaged_checkpoint_is_told_with_its_name_and_the_remedy(tmp_path):
    interrupted(Fitting(), tmp_path, after=2)
    path = tmp_path / FILE
    content = path.read_bytes()
    for damage in (cut_short, flipped, lambda content: b"", lambda content: b"no arrays at all"):
        path.write_bytes(damage(content))
        with pytest.raises(ArtifactError, match="damaged.*remove the file") as caught:
            train(Fitting(), SCHEDULE, Session(checkpoints=tmp_path), "mark")
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_the_checkpoint_of_another_network_is_told(tmp_path):
    interrupted(Fitting(), tmp_path, after=2)
    other = torch.nn.Linear(7, 7)
    with pytest.raises(ArtifactError, match=r"checkpoint of this version expected.*damaged"):
        Unfinished(tmp_path, "mark").load(other, [torch.optim.Adam(other.parameters())])


def test_progress_is_said_and_read_again_without_scores():
    progress = Progress(5).after(1.0, math.nan, 10, 2.0)
    again = Progress.of(progress.facts())
    assert math.isnan(again.best_score) and math.isnan(again.scores[0])
    assert replace(again, best_score=0.0, scores=[]) == replace(progress, best_score=0.0, scores=[])


def test_a_mark_sees_settings_model_and_everything_in_the_data():
    data = World(n_users=40, n_items=30, n_events=400, seed=1).make().dataset
    texts = Column.text(["another title", *[""] * 29])
    fields = {**data.catalog.fields, "title": texts}
    first = next(iter(data.traits))
    fewer = {name: column for name, column in data.traits.items() if name != first}
    log = data.log
    changed = [
        replace(data, catalog=Catalog(data.catalog.items, fields)),
        replace(data, catalog=Catalog(data.catalog.items, {"title": texts})),
        replace(data, traits=fewer),
        replace(data, dated=False),
        data.with_log(replace(log, weights=log.weights + 1)),
        data.with_log(replace(log, types=(log.types + 1) % 2)),
    ]
    marks = [mark_of(Transformer(), each) for each in (data, *changed)]
    marks += [mark_of(Transformer(dim=8), data), mark_of(TwoTower(), data)]
    assert len(set(marks)) == len(marks)
    assert marks[0] == mark_of(Transformer(), replace(data))
