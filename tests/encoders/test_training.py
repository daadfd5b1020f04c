"""The loop that trains: what it keeps, when it stops, and what it says."""

import math

import numpy as np
import pytest
import torch

from bowerbird.encoders.lesson import Schedule
from bowerbird.encoders.session import Session
from bowerbird.encoders.training import train
from bowerbird.errors import DataError


class Slope:
    """One number that is pushed down by one step of the learning rate, and scores as told."""

    def __init__(self, scores):
        self.network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.network.weight)
        self.scores, self.after = iter(scores), []

    def optimizers(self):
        return [torch.optim.SGD(self.network.parameters())]

    def losses(self, rng):
        return [(lambda: self.network.weight.sum(), 3)] * 10

    def judge(self):
        self.after.append(self.network.weight.item())
        return next(self.scores)


def plan(epochs, patience=100):
    return Schedule(epochs, 0.1, patience, 0)


def test_the_weights_of_the_best_epoch_are_kept():
    course = Slope([0.1, 0.3, 0.2, 0.25])
    done = train(course, plan(4), Session(), "mark")
    assert done.epochs == 2 and done.scores == [0.1, 0.3, 0.2, 0.25]
    assert course.network.weight.item() == course.after[1]
    assert done.events == 4 * 10 * 3


def test_without_a_judge_the_last_epoch_is_kept():
    course = Slope([math.nan] * 3)
    assert train(course, plan(3), Session(), "mark").epochs == 3
    assert course.network.weight.item() == course.after[2]


def test_it_stops_when_patience_is_over():
    course = Slope([0.3, 0.2, 0.1, 0.2, 0.4])
    assert train(course, plan(5, patience=3), Session(), "mark").epochs == 1
    assert len(course.after) == 4


def test_the_learning_rate_rises_then_falls_along_half_a_cosine():
    course = Slope([math.nan] * 10)
    train(course, plan(10), Session(), "mark")
    steps = -np.diff([0, *course.after])  # ten steps of the rate an epoch
    assert steps.argmax() == 1 and (np.diff(steps[1:]) < 0).all()
    assert steps[-1] < 0.1 * steps.max()
    # half of the way the rate is half of its highest, on top of what is always left
    assert steps[5] == pytest.approx(10 * 0.1 * (0.02 + 0.98 * 0.5), rel=0.2)


def test_a_budget_shortens_the_plan_and_completes_the_fall():
    seconds = iter(np.arange(0.0, 1000.0, 10.0))
    course = Slope([math.nan] * 30)
    session = Session(budget_s=45.0, clock=lambda: float(next(seconds)))
    assert train(course, plan(30), session, "mark").epochs == 4
    steps = -np.diff([0, *course.after])
    assert steps[-1] < 0.3 * steps.max()


def test_a_loss_that_is_no_number_stops_with_a_remedy():
    course = Slope([math.nan])
    course.losses = lambda rng: [(lambda: course.network.weight.sum() * math.nan, 1)]
    with pytest.raises(DataError, match="finite loss expected.*lower learning_rate"):
        train(course, plan(1), Session(), "mark")


class LookedUp:
    """Rows of a table, each looked up hundreds of times a step: threads add to one another's."""

    def __init__(self):
        made = torch.Generator().manual_seed(0)
        self.network = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(50, 64))])
        self.rows = torch.randint(0, 50, (20_000,), generator=made)
        self.weights = torch.randn(20_000, 64, generator=made)

    def optimizers(self):
        return [torch.optim.SGD(self.network.parameters())]

    def losses(self, rng):
        return [(lambda: (self.network[0][self.rows] * self.weights).mean(), 1)] * 5

    def judge(self):
        return math.nan


def test_a_fit_comes_out_the_same_with_several_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        courses = [LookedUp() for _ in range(4)]
        for course in courses:
            train(course, plan(1), Session(), "mark")
    finally:
        torch.set_num_threads(threads)
    first = courses[0].network[0]
    assert first.any()
    assert all(torch.equal(first, course.network[0]) for course in courses[1:])
    assert not torch.are_deterministic_algorithms_enabled()  # as it was before
