"""Training the sequence network: a lesson in, arrays out. The only door to torch.

Apart from the course because an estimator enters here, and gets back what needs no torch.
"""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.encoders.judging import Judge
from bowerbird.encoders.lesson import Learned, Lesson, Schedule, Terms
from bowerbird.encoders.sequence_course import SequenceCourse
from bowerbird.encoders.session import Session
from bowerbird.encoders.training import train

PROBES = 1_000
"""Histories that new items' scores are calibrated on."""


def learn(
    lesson: Lesson, ways: tuple[Terms, Schedule], judge: Judge | None, session: Session, mark: str
) -> Learned:
    """Train; what is kept is of the best epoch.

    Args:
        lesson: what there is to learn from.
        ways: the network and the batches; how long and how fast.
        judge: validation, if there is any.
        session: what is told, and the budget.
        mark: settings and data, for checkpoints.
    """
    terms, schedule = ways
    course = SequenceCourse(lesson, terms, judge)
    trained = train(course, schedule, session, mark)
    table = course.table()
    network = {
        name: value.detach().float().cpu().numpy().copy()
        for name, value in course.network.network.state_dict().items()
    }
    mapping = np.zeros((0, table.shape[1] + 1), dtype=np.float32)
    if lesson.content.shape[1]:
        mapping = calibrated(course, table)
    return Learned(trained, table, mapping, network)


def calibrated(
    course: SequenceCourse, table: Float32[ndarray, "m dim"]
) -> Float32[ndarray, "f_plus_1 dim_plus_1"]:
    """Content → vector, such that scores by content alone spread as the trained ones do.

    With s the scores of the items that were met by their trained vectors and c those by content
    alone, over a sample of histories: the vector is a·W·content, its constant b, where
    a = std(s) / std(c) and b = mean(s) - a·mean(c).
    """
    lesson, queries = course.lesson, course.lesson.histories
    asked = np.flatnonzero(queries.lengths() > 0)
    asked = np.random.default_rng(course.terms.seed).permutation(asked)[:PROBES]
    states = course.encoded(queries.take(asked), lesson.context[asked])
    mapping = course.network.mapping.detach().float().cpu().numpy()
    full, bare = states @ table.T, states @ (lesson.content @ mapping).T
    a = float(full.std()) / max(float(bare.std()), 1e-6)
    out = np.zeros((len(mapping) + 1, mapping.shape[1] + 1), dtype=np.float32)
    out[:-1, :-1] = a * mapping
    out[-1, -1] = float(full.mean()) - a * float(bare.mean())
    return out
