import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.calibrate import Calibrate, divergence
from bowerbird.ranking.diversify import Dpp, Mmr
from bowerbird.ranking.step import Step, relevance

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(40, 5)).astype(np.float32)
VECTORS[7] = np.nan
ASK = Queries.of([[0], [1], [2]])


def candidates(b=3, m=8):
    rows = np.array([RNG.permutation(40)[:m] for _ in range(b)], dtype=np.int32)
    scores = -np.sort(-RNG.normal(size=(b, m)).astype(np.float32), axis=1)
    rows[-1, 6:], scores[-1, 6:] = -1, -np.inf
    return Hits(rows, scores)


def unit(rows):
    taken = np.nan_to_num(VECTORS[rows].astype(np.float64))
    length = np.linalg.norm(taken, axis=1, keepdims=True)
    return taken / np.where(length > 0, length, 1)


def kernel(rows, value, weight):
    cosines = unit(rows) @ unit(rows).T
    np.fill_diagonal(cosines, 1)
    quality = np.exp(weight / (2 * (1 - weight)) * value)
    return quality[:, None] * cosines * quality


def by_definition(hits, q, k, gain):
    """Greedy, with what each next item adds worked out from the definition."""
    rows = hits.rows[q][hits.rows[q] >= 0]
    value = relevance(hits)[q][: len(rows)].astype(np.float64)
    taken = []
    for _ in range(min(k, len(rows))):
        open_ = [i for i in range(len(rows)) if i not in taken]
        taken.append(max(open_, key=lambda i: gain(rows, value, taken, i)))
    return rows[taken].tolist()


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.8])
def test_mmr_is_its_definition(weight):
    def gain(rows, value, taken, i):
        near = max((unit(rows)[i] @ unit(rows)[j] for j in taken), default=0.0)
        return weight * value[i] - (1 - weight) * near

    hits = candidates()
    out = Mmr(VECTORS, weight, 5)(ASK, hits)
    for q in range(3):
        assert out.rows[q, :5].tolist() == by_definition(hits, q, 5, gain)


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.8])
def test_dpp_takes_the_largest_determinant_at_every_step(weight):
    def gain(rows, value, taken, i):
        some = [*taken, i]
        return np.linalg.det(kernel(rows, value, weight)[np.ix_(some, some)])

    hits = candidates()
    out = Dpp(VECTORS, weight, 4)(ASK, hits)
    for q in range(3):
        assert out.rows[q, :4].tolist() == by_definition(hits, q, 4, gain)


def test_a_dpp_whose_span_is_full_goes_on_with_what_is_left():
    flat = np.array([[1, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    hits = Hits(np.array([[0, 1, 2, 3]], np.int32), np.array([[4, 3, 2, 1]], np.float32))
    assert Dpp(flat, 0.5, 4)(ASK.take(np.array([0])), hits).rows.tolist() == [[0, 2, 1, 3]]


STEPS = {
    "mmr": Mmr(VECTORS, 0.4, 3),
    "dpp": Dpp(VECTORS, 0.4, 3),
    "calibrate": Calibrate.by(Column.category([f"c{i % 3}" for i in range(40)]), 0.9, 3),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_invents_nothing_loses_nothing_and_keeps_the_scores(step):
    assert isinstance(step, Step)
    hits = candidates()
    out = step(ASK, hits)
    for q in range(3):
        before = dict(zip(hits.rows[q].tolist(), hits.scores[q].tolist(), strict=True))
        after = dict(zip(out.rows[q].tolist(), out.scores[q].tolist(), strict=True))
        assert before == after and (out.rows[q, 6:] == -1).all() == (q == 2)
        rest = [row for row in out.rows[q, 3:].tolist() if row >= 0]
        assert rest == [row for row in hits.rows[q].tolist() if row in rest]  # as they were
    nothing = Hits(np.full((3, 4), -1, np.int32), np.full((3, 4), -np.inf, np.float32))
    assert (step(ASK, nothing).rows == -1).all()
    assert step(ASK.take(np.array([], dtype=int)), Hits(*(e[:0] for e in hits))).rows.shape == (
        0,
        8,
    )


def test_calibration_is_its_definition():
    column = Column.lists([["a"], ["a", "b"], ["b"], ["c"], [], ["a"], ["c"], ["b"]])
    step = Calibrate.by(column, 0.6, 4)
    queries = Queries.of([[0, 0, 3, 1]])  # a: 2.5 of 4, b: .5, c: 1
    np.testing.assert_allclose(step.history(queries)[0], [2.5 / 4, 0.5 / 4, 1 / 4])
    hits = Hits(
        np.array([[7, 2, 5, 4, 6, 1]], np.int32), np.array([[6, 5, 4, 3, 2, 1]], np.float32)
    )
    theirs, p = step.shares.toarray(), step.history(queries)[0]

    def gain(rows, value, taken, i):
        some = [*taken, i]
        q = theirs[rows[some]].mean(axis=0)
        smooth = 0.99 * q + 0.01 * p
        return 0.4 * value[some].sum() - 0.6 * sum(p * np.log(p / smooth))

    assert step(queries, hits).rows[0, :4].tolist() == by_definition(hits, 0, 4, gain)


def test_a_calibrated_list_has_the_shares_of_the_history():
    column = Column.category(["drama"] * 20 + ["comedy"] * 20)
    queries = Queries.of([[0, 1, 2, 20]])  # 3 : 1
    rows = np.array([[*range(3, 13), *range(21, 31)]], dtype=np.int32)
    hits = Hits(rows, -np.arange(20, dtype=np.float32)[None])
    listed = Calibrate.by(column, 0.99, 8)(queries, hits).rows[0, :8]
    assert (listed < 20).sum() == 6
    untouched = Calibrate.by(column, 0.0, 8)(queries, hits)
    assert np.array_equal(untouched.rows, rows)
    stranger = Calibrate.by(column, 0.99, 8)(Queries.of([[]]), hits)
    assert np.array_equal(stranger.rows, rows)


def test_divergence_is_zero_for_the_same_shares_and_grows_apart():
    p = np.array([0.7, 0.3, 0.0])
    near, far = divergence(p, np.array([[0.6, 0.4, 0], [0, 0, 1]]))
    assert divergence(p, p[None])[0] == pytest.approx(0) and 0 < near < far < np.inf


@pytest.mark.parametrize(
    "made",
    [
        lambda: Mmr(VECTORS, 1.5),
        lambda: Mmr(VECTORS, 0.5, 0),
        lambda: Dpp(VECTORS, 1.0),
        lambda: Calibrate.by(Column.category(["a"]), -1.0),
        lambda: Calibrate.by(Column.text(["a"])),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(made):
    with pytest.raises(ConfigError, match="expected"):
        made()
