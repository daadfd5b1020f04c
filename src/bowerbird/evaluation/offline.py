"""Judging a stranger: any function (queries, k) → hits, asked about what came after the cut."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.data.split import Holdout
from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation import exposure
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.metrics import Judged, accuracy
from bowerbird.evaluation.report import Report
from bowerbird.evaluation.slices import slices
from bowerbird.index.index import Hits

__all__ = ["Background", "Recommend", "Report", "evaluate", "judge"]

Recommend = Callable[[Queries, int], Hits]

BLOCK = 1024
"""Queries asked at a time: enough for a fast product, few enough to report progress."""


def evaluate(
    recommend: Recommend,
    holdout: Holdout,
    background: Background,
    ks: Sequence[int] = (10,),
    progress: Callable[[int], None] | None = None,
) -> Report:
    """How good this recommender's lists are, one value a query, with slices and exposure.

    Places count in the order given. Only queries with something relevant are judged, for accuracy
    and for exposure; relevant items that may not be shown count as missed.

    Args:
        recommend: answers at most k distinct, allowed items a query; it leaves out what was seen.
        holdout: the questions, and what came after.
        background: of the training data, so of nothing that came after.
        ks: list lengths; the longest is asked for, the others are its beginnings.
        progress: called with the number of queries done.

    Raises:
        ConfigError: no k, or one below 1.
        DataError: holdout and background disagree, nothing is relevant, or a list has a wrong
            shape, an item twice, or one that may not be shown.
    """
    lengths = _lengths(ks)
    _check(holdout, background)
    return judge(_ask(recommend, holdout, lengths[-1], progress), holdout, background, lengths)


def judge(hits: Hits, holdout: Holdout, background: Background, ks: Sequence[int]) -> Report:
    """The same for lists that are there already, as `evaluate` would have got them.

    Args:
        hits: as long as the longest k, with distinct, allowed items: it is not checked again.
        holdout: the questions, and what came after.
        background: of the training data.
        ks: list lengths.
    """
    lengths = _lengths(ks)
    judged = Judged.of(hits, holdout.relevant)
    values = accuracy(judged, lengths)
    totals: dict[str, float] = {}
    curves: dict[str, ndarray] = {}
    for k in lengths:
        listed = np.where(judged.sizes()[:, None] > 0, hits.rows[:, :k], np.int32(-1))
        shown = exposure.shown_counts(listed, len(background))
        values |= _list_values(listed, holdout, background, k)
        totals |= _totals(shown, judged, holdout, background, k)
        curves[f"lorenz@{k}"] = exposure.lorenz(shown, background.counts)
    rows = slices(values, judged, holdout, background, lengths)
    facts = _facts(hits, judged, holdout, background)
    return Report(values, totals, rows, facts, holdout.users, hits.rows, curves)


def _lengths(ks: Sequence[int]) -> tuple[int, ...]:
    if not ks or min(ks) < 1:
        raise ConfigError(f"ks: at least one list length ≥ 1 expected, {list(ks)} came")
    return tuple(sorted(set(ks)))


def _check(holdout: Holdout, background: Background) -> None:
    b, n = holdout.relevant.shape
    if n != len(background):
        raise DataError(
            f"{len(background)} items expected (background), the holdout has {n}:"
            " both must come from one catalog"
        )
    if not b == len(holdout.queries) == len(holdout.users):
        came = f"{len(holdout.queries)} queries and {b} rows of relevant items came"
        raise DataError(f"holdout: {len(holdout.users)} of each expected, one a user, {came}")
    if holdout.allow is not None and len(holdout.allow) != n:
        raise DataError(f"allow: {n} items expected, {len(holdout.allow)} came")
    if not (holdout.relevant.data > 0).any():
        raise DataError(f"something relevant expected in {b} queries, nothing came: cut earlier")


def _ask(
    recommend: Recommend, holdout: Holdout, k: int, progress: Callable[[int], None] | None
) -> Hits:
    b, n = holdout.relevant.shape
    allow = np.ones(n, dtype=bool) if holdout.allow is None else holdout.allow
    rows = np.full((b, k), -1, dtype=np.int32)
    scores = np.full((b, k), -np.inf, dtype=np.float32)
    for start in range(0, b, BLOCK):
        stop = min(start + BLOCK, b)
        hits = recommend(holdout.queries.take(np.arange(start, stop)), k)
        _check_lists(np.asarray(hits.rows), np.asarray(hits.scores), (stop - start, k), start)
        _check_items(np.asarray(hits.rows), allow, start)
        rows[start:stop], scores[start:stop] = hits.rows, hits.scores
        if progress is not None:
            progress(stop)
    return Hits(rows, scores)


def _check_lists(rows: ndarray, scores: ndarray, shape: tuple[int, int], start: int) -> None:
    where = f"queries {start} to {start + shape[0] - 1}"
    if rows.shape != shape or scores.shape != shape:
        raise DataError(
            f"recommender: rows and scores of shape {shape} expected, {rows.shape} and"
            f" {scores.shape} came ({where}): fill short lists with row -1, score -inf"
        )
    if not np.issubdtype(rows.dtype, np.integer):
        raise DataError(f"recommender: item rows (int32) expected, {rows.dtype} came ({where})")
    ordered = np.sort(rows, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        query, place = np.argwhere(twice)[0]
        raise DataError(
            f"recommender: each item once a list expected, item row {ordered[query, place]} came"
            f" twice for query {start + query}: remove repeats before answering"
        )


def _check_items(rows: ndarray, allow: Bool[ndarray, "n"], start: int) -> None:
    inside = (rows >= -1) & (rows < len(allow))
    wrong = ~inside | ((rows >= 0) & ~allow[np.where(inside, rows, 0)])
    if wrong.any():
        query, place = np.argwhere(wrong)[0]
        row = rows[query, place]
        valid = f"rows 0 to {len(allow) - 1} that the holdout allows, or -1"
        raise DataError(
            f"recommender: {valid} expected, item row {row} came for query {start + query}:"
            " give the recommender the holdout's allow mask"
        )


def _list_values(
    listed: Int32[ndarray, "b k"], holdout: Holdout, background: Background, k: int
) -> dict[str, Float64[ndarray, "b"]]:
    counts = background.counts
    values = {
        f"arp@{k}": exposure.arp(listed, counts),
        f"aplt@{k}": exposure.aplt(listed, exposure.head_items(counts)),
        f"novelty@{k}": exposure.novelty(listed, counts),
        f"diversity@{k}": exposure.diversity(listed, background.features),
    }
    if background.shares is not None:
        history = holdout.queries.counts(len(background))
        values[f"calibration@{k}"] = exposure.calibration(listed, history, background.shares)
    return values


def _totals(
    shown: Int64[ndarray, "n"], judged: Judged, holdout: Holdout, background: Background, k: int
) -> dict[str, float]:
    head = exposure.head_items(background.counts)
    return {
        f"coverage@{k}": exposure.coverage(shown, background.counts),
        f"catalog_coverage@{k}": exposure.catalog_coverage(shown, holdout.allow),
        f"gini@{k}": exposure.gini(shown, background.counts),
        f"popreo@{k}": exposure.popreo(judged, k, head),
    }


def _facts(
    hits: Hits, judged: Judged, holdout: Holdout, background: Background
) -> Mapping[str, str]:
    there = hits.rows >= 0
    beside = there[:, 1:] & there[:, :-1]
    tied = beside & (hits.scores[:, 1:] == hits.scores[:, :-1])
    asked = judged.sizes() > 0
    step = exposure.diversity_step(np.where(asked[:, None], hits.rows, -1), background.features)
    old = Judged.of(hits, holdout.queries.counts(len(background))).hit[asked].sum()
    return {
        **holdout.rules,
        "judged": f"{int(asked.sum())} of {len(asked)} queries; the others have nothing to find",
        "answered": f"{int(there[asked].any(axis=1).sum())} of the judged queries got a list",
        "cold items": f"{int((background.counts == 0).sum())} without a training interaction",
        "places": f"{hits.rows.shape[1]} a list, in the order given",
        "tied places": f"{int(tied.sum()) / max(1, int(beside.sum())):.2%} score like the next",
        "seen items": f"{int(old)} places hold an item of the history",
        "diversity reads": "all lists" if step == 1 else f"one list in {step}",
        **background.facts,
    }
