"""The engine: what is eligible, the best of it, and the steps that make a list of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from numpy import ndarray

from bowerbird.data.exposures import exposed
from bowerbird.data.queries import Queries
from bowerbird.index.index import Hits, Ragged
from bowerbird.ranking.explore import Explore
from bowerbird.ranking.exposed import Recently
from bowerbird.ranking.pins import Pins
from bowerbird.ranking.step import Step, Want, Wanting
from bowerbird.retrieval.backfill import Backfill

FETCH = 200
"""Candidates that steps choose from, where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What is shown, and how it came about."""

    hits: Hits
    propensity: Float64[ndarray, "b k"]  # of each place, given those above it; 1: nothing was drawn
    stages: Mapping[str, Hits]  # "candidates", then what each step has left, the last one first k
    out: Ragged | None  # what each query must not get
    own: Int32[ndarray, "b m"]  # candidates that the retriever found itself; -1: what was filled


@dataclass(frozen=True, slots=True)
class Recommender:
    """A retriever that always answers, the rules of what it may answer with, and steps."""

    retriever: Backfill
    allow: Bool[ndarray, "n"] | None = None  # items that may be shown; None is all
    repeats: bool = False  # may an item of the history be recommended again?
    steps: Mapping[str, Step] = field(default_factory=dict)  # by the names they are told by
    explore: Explore | None = None
    pins: Pins | None = None
    recently: Recently | None = None  # what was shown lately is left out
    fetch: int = FETCH

    def recommend(self, queries: Queries, k: int) -> Hits:
        """The k best a query, best first; fewer only where fewer are eligible."""
        return self.lists(queries, k).hits

    def lists(self, queries: Queries, k: int, seeds: Int64[ndarray, "b"] | None = None) -> Lists:
        """The same, and how each list came about.

        Args:
            queries: who asks.
            k: how many items.
            seeds: of what is drawn for each query: the same again gives the same list. None: its
                place in the batch.
        """
        out = self._out(queries)
        refined = self.steps or self.explore or self.pins
        hits, own = self._candidates(queries, max(k, self.fetch) if refined else k, out)
        stages = {"candidates": hits}
        if self.pins:
            stages["held"] = hits = self.pins.held(hits)
        for name, step in self.steps.items():
            stages[name] = hits = step(queries, hits)
        propensity = np.ones((len(queries), k))
        if self.explore is not None:
            seeds = np.arange(len(queries)) if seeds is None else seeds
            hits, drawn = self.explore.draw(hits, k, seeds)
            stages["explore"], propensity = hits, drawn
        if self.pins:
            hits, propensity = self.pins.put(stages["candidates"], hits, propensity)
            stages["pin"] = hits
        return Lists(hits.top(k), propensity[:, :k], stages, out, own)

    def _out(self, queries: Queries) -> Ragged | None:
        """What each query must not get."""
        n = len(self.retriever.popularity)
        seen = None if self.repeats else history(queries, n)
        if self.recently is None:
            return seen
        lately = self.recently.rows(queries, n)
        return lately if seen is None else seen.joined(lately)

    def _candidates(
        self, queries: Queries, fetch: int, out: Ragged | None
    ) -> tuple[Hits, Int32[ndarray, "b m"]]:
        """What the steps choose from: the best, and what a step cannot do without; and whose."""
        hits, mine = self.retriever.found(queries, fetch, self.allow, out)
        own = [np.where(mine, hits.rows, np.int32(-1))]
        asking = (*self.steps.values(), *([self.pins] if self.pins else []))
        for step in asking:
            for want in step.wants() if isinstance(step, Wanting) else ():
                hits, more = self._with(want, queries, hits, out)
                own.append(more)
        return hits, np.concatenate(own, axis=1)

    def _with(
        self, want: Want, queries: Queries, hits: Hits, out: Ragged | None
    ) -> tuple[Hits, Int32[ndarray, "b m"]]:
        """The hits, and so many of the wanted rows behind them as are still lacking."""
        allow = want.rows if self.allow is None else want.rows & self.allow
        there = ((hits.rows >= 0) & want.rows[hits.rows]).sum(axis=1)
        short = np.flatnonzero(there < np.minimum(want.least, _eligible(allow, out, len(queries))))
        own = np.full((len(queries), want.least), -1, dtype=np.int32)
        if not len(short):
            return hits, own
        some = queries.take(short)
        more, mine = self.retriever.found(some, want.least, allow, out and out.take(short))
        own[short] = np.where(mine, more.rows, np.int32(-1))
        return _behind(hits, short, more), own


def _eligible(allow: Bool[ndarray, "n"], out: Ragged | None, b: int) -> Int64[ndarray, "b"]:
    """How many of these rows each query may get."""
    total = np.full(b, np.count_nonzero(allow), dtype=np.int64)
    if out is None or not len(out.rows):
        return total
    inside = allow[out.rows]
    cells = np.unique(out.owners()[inside] * np.int64(len(allow)) + out.rows[inside])
    return total - np.bincount(cells // len(allow), minlength=b)


def _behind(hits: Hits, queries: Int64[ndarray, "q"], more: Hits) -> Hits:
    """These hits, and for some of the queries others behind them, what is there already once only.

    What was not among the best scores below the last of these: the other search had other rows to
    compare with, so its scores may be of another scale.
    """
    rows = np.full((len(hits.rows), more.rows.shape[1]), -1, dtype=np.int32)
    scores = np.full(rows.shape, -np.inf, dtype=np.float32)
    last = np.where(hits.rows >= 0, hits.scores, np.inf).min(axis=1, initial=np.inf)
    below = np.nextafter(last.astype(np.float32), np.float32(-np.inf))
    rows[queries] = more.rows
    scores[queries] = np.minimum(more.scores, below[queries, None])
    new = (rows >= 0) & ~(rows[:, :, None] == hits.rows[:, None, :]).any(axis=2)
    rows = np.concatenate([hits.rows, np.where(new, rows, np.int32(-1))], axis=1)
    scores = np.concatenate([hits.scores, np.where(new, scores, np.float32(-np.inf))], axis=1)
    order = np.argsort(rows < 0, axis=1, kind="stable")
    return Hits(np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1))


def history(queries: Queries, n_items: int) -> Ragged:
    """What each history holds, liked or only seen, as exclusions; what was only shown is not."""
    met = (queries.items >= 0) & (queries.items < n_items) & ~exposed(queries)
    inside = queries.where(met)
    return Ragged(np.ascontiguousarray(inside.items), inside.offsets)
