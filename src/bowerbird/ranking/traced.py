"""What happened to a list on its way, step by step, and what each step added to its items.

Apart from `explain`, which says it in a few words for every list that asks: this is for people who
turn a setting and want to see what it does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.index.index import Hits
from bowerbird.ranking.diversify import Mmr
from bowerbird.ranking.freshness import Recent
from bowerbird.ranking.recommender import Lists, Recommender
from bowerbird.ranking.rerank import Reranker
from bowerbird.ranking.rules import Boost
from bowerbird.retrieval.alike import LastSession
from bowerbird.retrieval.dial import Dial

Scale = Literal["score", "lift", "relevance", "rank"]
"""What a part is a part of: the model's score; how many times likelier than an average item; the
relevance 0 … 1 that steps go by; what a re-ranker says."""


@dataclass(frozen=True, slots=True)
class Part:
    """What something adds to an item."""

    name: str
    value: float
    scale: Scale


@dataclass(frozen=True, slots=True)
class Stage:
    """What a step has left of the hits, and what it has moved."""

    name: str
    hits: int  # that are there after it
    moved: int  # of the first k after it: on another place than before


@dataclass(frozen=True, slots=True)
class Traced:
    """The way of one list."""

    own: int  # candidates that the retriever found itself; the others fill up
    stages: list[Stage]  # "candidates" first
    places: list[dict[str, int]]  # of each item: its rank after each stage in which it was there
    parts: list[list[Part]]  # of each item, beside what the model's score is made of


def traced(engine: Recommender, queries: Queries, lists: Lists) -> Traced:
    """The way of the list of a single query.

    Args:
        engine: what has answered.
        queries: who asked, one.
        lists: the answer.
    """
    shown = lists.hits.rows[0]
    shown, k = shown[shown >= 0], lists.hits.rows.shape[1]
    stages, before = [], None
    for name, hits in lists.stages.items():
        rows = hits.rows[0]
        moved = 0 if before is None else int(np.count_nonzero(_moved(before, rows[:k])))
        stages.append(Stage(name, int(np.count_nonzero(rows >= 0)), moved))
        before = rows
    first = lists.stages["candidates"].rows[0]
    own = int(np.count_nonzero(np.isin(first[first >= 0], lists.own[0])))
    places = [_places(lists, row) for row in shown.tolist()]
    parts: list[list[Part]] = [[] for _ in shown]
    for name, values, scale in _added(engine, queries, lists, shown):
        for place, value in enumerate(values.tolist()):
            if value and np.isfinite(value):
                parts[place].append(Part(name, value, scale))
    return Traced(own, stages, places, parts)


def _moved(before: Int32[ndarray, "m"], rows: Int32[ndarray, "k"]) -> ndarray:
    """Which of these rows stand where something else stood."""
    wide = np.full(len(rows), -1, np.int32)
    wide[: len(before)] = before[: len(rows)]
    moved: ndarray = (rows >= 0) & (rows != wide)
    return moved


def _places(lists: Lists, row: int) -> dict[str, int]:
    found = {}
    for name, hits in lists.stages.items():
        at = np.flatnonzero(hits.rows[0] == row)
        if len(at):
            found[name] = int(at[0]) + 1
    return found


def _added(
    engine: Recommender, queries: Queries, lists: Lists, shown: Int32[ndarray, "s"]
) -> Iterator[tuple[str, Float32[ndarray, "s"], Scale]]:
    """What the dial and the steps add to the items that are shown."""
    main = engine.retriever.main
    while isinstance(main, LastSession):
        main = main.main
    if isinstance(main, Dial):
        found = np.isin(shown, lists.own[0])
        lifts = _scores(lists.stages["candidates"], shown)
        more = main.added(shown, lists.hits.rows.shape[1])
        if more:
            yield "lift", np.where(found, lifts, np.float32(0)), "lift"
        for name, values in more.items():
            yield name, np.where(found, values, np.float32(0)), "lift"
    for name, step in engine.steps.items():
        after = lists.stages[name]
        if isinstance(step, Boost):
            yield name, np.float32(step.by) * step.rows[shown], "relevance"
        elif isinstance(step, Recent):
            young = step.weight * step.youth(step.since[shown], int(queries.now[0]))
            yield name, young.astype(np.float32), "relevance"
        elif isinstance(step, Reranker):
            yield name, _scores(after, shown), "rank"
        elif isinstance(step, Mmr):
            yield name, _alike(step, after, shown), "relevance"


def _scores(hits: Hits, shown: Int32[ndarray, "s"]) -> Float32[ndarray, "s"]:
    """What hits say of these rows; NaN where they are not among them."""
    told = dict(zip(hits.rows[0].tolist(), hits.scores[0].tolist(), strict=True))
    return np.array([told.get(row, np.nan) for row in shown.tolist()], dtype=np.float32)


def _alike(step: Mmr, after: Hits, shown: Int32[ndarray, "s"]) -> Float32[ndarray, "s"]:
    """What was taken from each for being like one that stands above it."""
    rows = after.rows[0][: step.k]
    rows = rows[rows >= 0]
    vectors = np.nan_to_num(step.vectors[rows].astype(np.float64))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    near = np.tril(unit @ unit.T, -1) + np.triu(np.full((len(rows), len(rows)), -np.inf))
    worst = near.max(axis=1, initial=-np.inf)
    taken = np.where(np.isfinite(worst), (step.weight - 1) * worst, 0.0)
    told = dict(zip(rows.tolist(), taken.tolist(), strict=True))
    return np.array([told.get(row, 0.0) for row in shown.tolist()], dtype=np.float32)
