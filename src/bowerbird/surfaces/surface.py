"""A scenario over a run: what retrieves, the steps, the rules; then lists, and why they are so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.encoders.trending import first_seen
from bowerbird.errors import ConfigError
from bowerbird.index.index import NONE, Hits, Index
from bowerbird.ranking.calibrate import Calibrate, category_shares
from bowerbird.ranking.diversify import Dpp, Mmr
from bowerbird.ranking.explain import Origin, explained
from bowerbird.ranking.explore import Explore
from bowerbird.ranking.exposed import Recently, Tired
from bowerbird.ranking.features import Features
from bowerbird.ranking.freshness import Recent, Rotate
from bowerbird.ranking.quota import Quota
from bowerbird.ranking.recommender import Lists, Recommender
from bowerbird.ranking.rerank import Reranker
from bowerbird.ranking.rules import Rules
from bowerbird.ranking.step import Step, as_they_are
from bowerbird.retrieval.alike import LastSession, other_kinds
from bowerbird.retrieval.backfill import Backfill
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.eligible import Eligible, eligible
from bowerbird.retrieval.fuse import Fused, unfused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.retrieval.searched import Searched
from bowerbird.surfaces.assemble import recommender_of, turned
from bowerbird.surfaces.feature_columns import MARK, feature_columns
from bowerbird.surfaces.kept import kept_reranker
from bowerbird.surfaces.retrievers import Fitted, retriever_of
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.scenario import (
    Calibrated,
    Diversify,
    Quotas,
    RecentFirst,
    Reranked,
    Rotated,
    Scenario,
    StepTable,
    TiredOf,
    rules_of,
)
from bowerbird.surfaces.strict import seconds_of

SOURCES = {"for-you": "personal", "next": "session", "similar": "item", "goes-with": "item"}
"""What a surface's own hits are called, where that is not its name."""
ANSWERS = {
    "goes-with": "cooccurrence",
    "search": "content",
    "popular": "popularity",
    "new": "first seen",
    "trending": "counts",
}
"""What answers for a surface that does not ask the run's model."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a scenario is asked beside its own settings."""

    now: int
    index: Index | None = None  # of the run's vectors
    k: int | None = None
    filter: str | None = None  # laid over the scenario's own
    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surface:
    """A scenario that can be asked."""

    scenario: Scenario
    engine: Recommender
    rules: Rules | None
    now: int
    k: int
    origin: Origin
    across: Int32[ndarray, "n"] | None = None  # only items of another category than those asked of

    def recommend(self, queries: Queries, seeds: Int64[ndarray, "b"] | None = None) -> Hits:
        """A list for each query."""
        shape = (len(queries), self.k)
        out = Hits(np.full(shape, -1, np.int32), np.full(shape, NONE))
        for some, _, lists in self.answered(queries, seeds):
            out.rows[some], out.scores[some] = lists.hits
        return out

    def logged(
        self, queries: Queries, seeds: Int64[ndarray, "b"], features: Features
    ) -> tuple[Hits, dict[str, Float32[ndarray, "b k"]]]:
        """The same lists, and what was known of each hit among its candidates (NaN: nothing)."""
        wide = replace(self.engine, steps={**self.engine.steps, "logged": as_they_are})
        shape = (len(queries), self.k)
        out = Hits(np.full(shape, -1, np.int32), np.full(shape, NONE))
        known = {name: np.full(shape, np.nan, np.float32) for name in features.names}
        for some, _, lists in replace(self, engine=wide).answered(queries, seeds):
            out.rows[some], out.scores[some] = lists.hits
            query, place = np.nonzero(lists.hits.rows >= 0)
            values = feature_columns(
                features, queries.take(some), lists.stages["candidates"], lists.hits
            )
            for name in features.names:
                known[name][some[query], place] = values[f"{MARK}{name}"]
        return out, {f"{MARK}{name}": values for name, values in known.items()}

    def explained(
        self, queries: Queries, seeds: Int64[ndarray, "b"] | None = None, deep: bool = True
    ) -> list[dict[str, Any]]:
        """The same lists, each with what it came from (`ranking.explain`, as is `deep`)."""
        told: dict[int, dict[str, Any]] = {}
        for some, engine, lists in self.answered(queries, seeds):
            hidden = 0  # counted where something hides: a mask has a byte for each item there is
            if engine is not self.engine:
                hidden = _allowed(self.engine) - _allowed(engine)
            by = [(self.rules, "rules"), (self.across, "across")]
            reason = " and ".join(name for some, name in by if some is not None)
            removed = {**self.origin.removed, **({reason: hidden} if hidden else {})}
            origin = replace(self.origin, removed=removed)
            why = explained(engine, _of(queries, some), lists, origin, deep)
            told |= dict(zip(some.tolist(), why, strict=True))
        return [told[q] for q in range(len(queries))]

    def among(self, rows: Bool[ndarray, "n"]) -> "Surface":
        """The same with these items only."""
        allow = self.engine.allow
        allow = rows if allow is None else rows & allow
        return replace(self, engine=replace(self.engine, allow=allow))

    def without_rules(self) -> "Surface":
        """The same, as if nobody had said anything."""
        return replace(self, rules=None)

    def answered(
        self, queries: Queries, seeds: Int64[ndarray, "b"] | None
    ) -> Iterator[tuple[Int64[ndarray, "q"], Recommender, Lists]]:
        """For all queries to which the same applies: who they are, what answered, and how."""
        seeds = np.arange(len(queries)) if seeds is None else seeds
        for some, engine in self._engines(queries):
            yield some, engine, engine.lists(_of(queries, some), self.k, seeds[some])

    def _engines(self, queries: Queries) -> Iterator[tuple[Int64[ndarray, "q"], Recommender]]:
        """By the rules that hold, and by the categories that are left out."""
        groups = iter([(np.arange(len(queries)), self.engine)])
        if self.rules is not None:
            groups = self.rules.ruled(self.engine, queries, self.now, self.k)
        for some, engine in groups:
            if self.across is None:
                yield some, engine
                continue
            for part, rows in other_kinds(queries.take(some), self.across):
                allow = rows if engine.allow is None else rows & engine.allow
                yield some[part], replace(engine, allow=allow)


def known_of_hits(run: Run, surface: Surface) -> Features:
    """The features of the surface's re-ranker, else of the run's data."""
    learned = [step for step in surface.engine.steps.values() if isinstance(step, Reranker)]
    return learned[0].features if learned else Features.of(run.data)


def _of(queries: Queries, some: Int64[ndarray, "q"]) -> Queries:
    """Those; all of them are not copied."""
    return queries if len(some) == len(queries) else queries.take(some)


def _allowed(engine: Recommender) -> int:
    allow = engine.allow
    return len(engine.retriever.popularity) if allow is None else int(np.count_nonzero(allow))


@dataclass(frozen=True, slots=True)
class Opened:
    """What of a scenario is the same whatever it is asked: made once, asked often."""

    run: Run
    scenario: Scenario
    model: Retriever  # of the run, over its catalog
    engine: Recommender  # retrieves as the surface does; no mask, no steps
    reranker: Reranker | None = None

    @classmethod
    def of(
        cls, run: Run, scenario: Scenario, plain: Recommender, fitted: Fitted | None = None
    ) -> "Opened":
        """Over a run.

        Args:
            run: with the catalog that is to be shown.
            scenario: which of its surfaces.
            plain: the run's own recommender (`recommender_of`), which all its scenarios share.
            fitted: what was fitted for surfaces of this run before; what is new is put there.

        Raises:
            ConfigError: a setting does not fit the data or the model.
        """
        model = plain.retriever.main
        engine = replace(plain, repeats=scenario.repeats)
        if scenario.surface != "for-you" and not scenario.discount:
            main = retriever_of(run, scenario, model, {} if fitted is None else fitted)
            engine = replace(engine, retriever=replace(engine.retriever, main=main))
        learned = any(isinstance(table, Reranked) for table in scenario.steps)
        return cls(run, scenario, model, engine, _reranker(run) if learned else None)

    def saying(self, scenario: Scenario) -> "Opened | None":
        """What another scenario that finds its items in the same way asks; None: it does not.

        Raises:
            ConfigError: it wants a re-ranker, and the run has none.
        """
        if finding(scenario) != finding(self.scenario):
            return None
        learned = any(isinstance(table, Reranked) for table in scenario.steps)
        reranker = (self.reranker or _reranker(self.run)) if learned else None
        return replace(self, scenario=scenario, reranker=reranker)

    def dialled(self, dial: Dial) -> "Opened":
        """The same with a dial that was made before; a discount turns it and makes none."""
        retriever = replace(self.engine.retriever, main=dial)
        return replace(self, engine=replace(self.engine, retriever=retriever))

    def backed_by(self, popular: Backfill) -> "Opened":
        """The same with another popularity behind what it finds."""
        retriever = replace(popular, main=self.engine.retriever.main)
        return replace(self, engine=replace(self.engine, retriever=retriever))


FINDING = {"surface", "repeats", "days", "segment", "types", "idle"}
"""Settings that say how items are found; the others what is made of them."""


def finding(scenario: Scenario) -> dict[str, Any]:
    """What says how items are found: where this is the same, one is opened for both."""
    told = scenario.model_dump(include=FINDING)
    return {**told, "dial": bool(scenario.discount) and scenario.surface != "for-you"}


def surface_of(run: Run, scenario: Scenario, ask: Ask) -> Surface:
    """A scenario over a run.

    Raises:
        ConfigError: a setting does not fit the data or the model.
        DataError: an id is not in the catalog.
    """
    plain = recommender_of(run.fitted, run.data, run.fallback, index=ask.index)
    return asked_of(Opened.of(run, scenario, plain), ask)


def asked_of(opened: Opened, ask: Ask) -> Surface:
    """A scenario that is open already, at a moment, for lists of a length.

    Raises:
        ConfigError: a setting does not fit the data or the model.
        DataError: an id is not in the catalog.
    """
    run, scenario, engine = opened.run, opened.scenario, opened.engine
    data, k = run.data, ask.k or scenario.k
    filters = (scenario.filter, ask.filter)
    may = eligible(data.catalog, ask.now, filters, ask.only, ask.never)
    engine = replace(engine, allow=may.allow, fetch=max(scenario.fetch, k))
    if scenario.discount:
        engine = turned(engine, data, scenario.discount, k)
        if scenario.surface != "for-you":
            main = retriever_of(run, scenario, engine.retriever.main, {})
            engine = replace(engine, retriever=replace(engine.retriever, main=main))
    lately = scenario.recently
    recently = None
    if lately:
        recently = Recently(ask.now, seconds_of(lately.within, "within"), lately.times)
    explore = Explore(**scenario.explore.model_dump()) if scenario.explore else None
    make = partial(_step, opened=opened, now=ask.now, k=k)
    steps = _named([(table.step, make(table)) for table in scenario.steps])
    learned = [step.fetch for step in steps.values() if isinstance(step, Reranker)]
    fetch = max(k, *learned) if learned else engine.fetch  # places are among as many candidates
    engine = replace(engine, steps=steps, explore=explore, recently=recently, fetch=fetch)
    told = rules_of(scenario)
    rules = None if told is None else Rules.over(told, data.catalog)
    across = None if scenario.across is None else _column(data, scenario.across, ("category",))
    return Surface(
        scenario,
        engine,
        rules,
        ask.now,
        k,
        _origin(run, scenario, engine, may),
        None if across is None else across.values,
    )


def _origin(run: Run, scenario: Scenario, engine: Recommender, may: Eligible) -> Origin:
    """What answers: the run's model, or what counts or reads for this surface, and its index."""
    name, main = scenario.surface, engine.retriever.main
    of_model = name in ("for-you", "next", "similar")
    facts: dict[str, Any] = {
        "surface": name,
        "model": run.facts.get("model") if of_model else ANSWERS[name],
        "run": run.folder.name,
        "data": str(run.facts.get("data", ""))[:12],
        "index": None,
    }
    while isinstance(main, Dial | LastSession | Searched | Fused) and main.main is not None:
        main = main.main
    if isinstance(main, VectorRetriever):
        kind, way = type(main.index).__name__, main.index.way(may.allow)
        facts["index"] = {"kind": kind, "way": way, "eligible": round(may.share, 4)}
    return Origin(facts, may.removed, run.data.catalog.items.ids, SOURCES.get(name, name))


def _step(table: StepTable, opened: Opened, now: int, k: int) -> Step:
    """The step that a table asks for."""
    data, model = opened.run.data, opened.model
    if isinstance(table, Reranked):
        assert opened.reranker is not None  # it was asked for when the scenario was opened
        return opened.reranker
    if isinstance(table, Diversify):
        vectors = _vectors(table, data, model)
        return (Mmr if table.step == "mmr" else Dpp)(vectors, table.weight, k)
    if isinstance(table, Calibrated):
        return Calibrate.by(_column(data, table.column, ("category", "list")), table.weight, k)
    if isinstance(table, Quotas):
        column = _column(data, table.column, ("category",))
        return Quota.by(column, table.most, table.least, table.each, k)
    if isinstance(table, RecentFirst):
        half = seconds_of(table.half_life, "half_life")
        return Recent(first_seen(data), now, table.weight, half)
    if isinstance(table, TiredOf):
        half = seconds_of(table.half_life, "half_life")
        return Tired(len(data.catalog), now, table.weight, half)
    assert isinstance(table, Rotated)  # the last there is
    every = int(seconds_of(table.every, "every"))
    return Rotate(now, every, table.among, table.keep, k)


def _reranker(run: Run) -> Reranker:
    found = kept_reranker(run)
    if found is None:
        remedy = f"«bowerbird rerank {run.folder}» learns one"
        raise ConfigError(f"a re-ranker expected in {run.folder}, none is there: {remedy}")
    return found


def _vectors(table: Diversify, data: Dataset, model: Retriever) -> ndarray:
    if table.column is not None:
        shares = category_shares(_column(data, table.column, ("category", "list")))
        dense: ndarray = shares.toarray().astype(np.float32)
        return dense
    main = unfused(model)
    if not isinstance(main, VectorRetriever):
        raise ConfigError(
            f"{table.step}: a model of vectors or a column expected, a model without vectors came:"
            ' name a category or list column, as in { step = "mmr", column = "category" }'
        )
    return main.vectors


def _column(data: Dataset, name: str, kinds: tuple[str, ...]) -> Column:
    column = data.catalog.fields.get(name)
    if column is None or column.kind not in kinds:
        valid = [name for name, some in data.catalog.fields.items() if some.kind in kinds]
        raise ConfigError(
            f"a {' or '.join(kinds)} column among {', '.join(valid) or '(none)'} expected,"
            f" {name!r} came"
        )
    return column


def _named(steps: list[tuple[str, Step]]) -> Mapping[str, Step]:
    """By name; a second one of a kind has a number."""
    named: dict[str, Step] = {}
    for name, step in steps:
        count = sum(key.split(" ")[0] == name for key in named)
        named[f"{name} {count + 1}" if count else name] = step
    return named
