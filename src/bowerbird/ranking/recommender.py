"""The engine: what is eligible, the best of it, and the steps that make a list of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.index.index import Hits, Ragged, pack
from bowerbird.ranking.explore import Explore
from bowerbird.ranking.exposed import Recently, exposed
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
        hits = self._candidates(queries, max(k, self.fetch) if refined else k, out)
        stages = {"candidates": hits}
        if self.pins:
            hits = self.pins.held(hits)
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
        return Lists(hits.top(k), propensity[:, :k], stages, out)

    def _out(self, queries: Queries) -> Ragged | None:
        """What each query must not get."""
        n = len(self.retriever.popularity)
        seen = None if self.repeats else history(queries, n)
        if self.recently is None:
            return seen
        lately = self.recently.rows(queries, n)
        return lately if seen is None else seen.joined(lately)

    def _candidates(self, queries: Queries, fetch: int, out: Ragged | None) -> Hits:
        """What the steps choose from: the best, and what a step cannot do without."""
        hits = self.retriever.retrieve(queries, fetch, self.allow, out)
        asking = (*self.steps.values(), *([self.pins] if self.pins else []))
        for step in asking:
            for want in step.wants() if isinstance(step, Wanting) else ():
                hits = self._with(want, queries, hits, out)
        return hits

    def _with(self, want: Want, queries: Queries, hits: Hits, out: Ragged | None) -> Hits:
        """The hits, and so many of the wanted rows behind them as are still lacking."""
        there = (hits.rows >= 0) & want.rows[hits.rows]
        short = np.flatnonzero(there.sum(axis=1) < want.least)
        if not len(short):
            return hits
        allow = want.rows if self.allow is None else want.rows & self.allow
        more = self.retriever.retrieve(
            queries.take(short), want.least, allow, out and out.take(short)
        )
        return _behind(hits, short, more)


def _behind(hits: Hits, queries: Int64[ndarray, "q"], more: Hits) -> Hits:
    """These hits, and for some of the queries others, too; what is there already once only."""
    rows = np.full((len(hits.rows), more.rows.shape[1]), -1, dtype=np.int32)
    scores = np.full(rows.shape, -np.inf, dtype=np.float32)
    rows[queries], scores[queries] = more.rows, more.scores
    known = (rows[:, :, None] == hits.rows[:, None, :]).any(axis=2)
    new = (rows >= 0) & ~known
    both = Hits(
        np.concatenate([hits.rows, np.where(new, rows, np.int32(-1))], axis=1),
        np.concatenate([hits.scores, np.where(new, scores, np.float32(-np.inf))], axis=1),
    )
    query, place = np.nonzero(both.rows >= 0)
    width = max(hits.rows.shape[1], int((both.rows >= 0).sum(axis=1).max(initial=0)))
    return pack(query, both.rows[query, place], both.scores[query, place], len(rows), width)


def history(queries: Queries, n_items: int) -> Ragged:
    """What each history holds, liked or only seen, as exclusions; what was only shown is not."""
    met = (queries.items >= 0) & (queries.items < n_items) & ~exposed(queries)
    inside = queries.where(met)
    return Ragged(np.ascontiguousarray(inside.items), inside.offsets)
