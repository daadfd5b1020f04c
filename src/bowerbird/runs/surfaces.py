"""A scenario over a run: what retrieves, the steps, the rules; then lists, and why they are so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.encoders.content import Content
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.trending import first_seen, newest, trending
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
from bowerbird.retrieval.alike import Across, Alike, last_session
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.retrieval.eligible import eligible
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.retrieval.searched import Searched, text_encoder
from bowerbird.runs.assemble import recommender_of
from bowerbird.runs.logged import MARK, feature_columns
from bowerbird.runs.reranking import kept_reranker
from bowerbird.runs.run import Run
from bowerbird.runs.scenario import (
    Calibrated,
    Diversify,
    Quotas,
    RecentFirst,
    Reranked,
    Rotated,
    Scenario,
    StepTable,
    TiredOf,
    read_rules,
)
from bowerbird.runs.strict import seconds_of
from bowerbird.runs.turning import turned

BASKET = CoOccurrence(damping=0.3, backward=1.0, decay=1.0, window=10)
"""What goes with what: whoever came first, and every item of a basket counts alike."""
SOURCES = {"for-you": "personal", "next": "session", "similar": "item", "goes-with": "item"}
"""What a surface's own hits are called, where that is not its name."""


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

    def recommend(self, queries: Queries, seeds: Int64[ndarray, "b"] | None = None) -> Hits:
        """A list for each query."""
        shape = (len(queries), self.k)
        out = Hits(np.full(shape, -1, np.int32), np.full(shape, NONE))
        for some, _, lists in self._answered(queries, seeds):
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
        asked = self._asked(queries)
        for some, _, lists in replace(self, engine=wide)._answered(queries, seeds):
            out.rows[some], out.scores[some] = lists.hits
            query, place = np.nonzero(lists.hits.rows >= 0)
            values = feature_columns(
                features, asked.take(some), lists.stages["candidates"], lists.hits
            )
            for name in features.names:
                known[name][some[query], place] = values[f"{MARK}{name}"]
        return out, {f"{MARK}{name}": values for name, values in known.items()}

    def explained(
        self, queries: Queries, seeds: Int64[ndarray, "b"] | None = None
    ) -> list[dict[str, Any]]:
        """The same lists, each with what it came from (`ranking.explain`)."""
        told: dict[int, dict[str, Any]] = {}
        asked = self._asked(queries)
        for some, engine, lists in self._answered(queries, seeds):
            hidden = _allowed(self.engine) - _allowed(engine)
            removed = {**self.origin.removed, **({"rules": hidden} if hidden else {})}
            origin = replace(self.origin, removed=removed)
            why = explained(engine, asked.take(some), lists, origin)
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

    def _answered(
        self, queries: Queries, seeds: Int64[ndarray, "b"] | None
    ) -> list[tuple[Int64[ndarray, "q"], Recommender, Lists]]:
        """For all queries to which the same rules apply: who they are, what answered, and how."""
        asked = self._asked(queries)
        seeds = np.arange(len(queries)) if seeds is None else seeds
        groups = [(np.arange(len(queries)), self.engine)]
        if self.rules is not None:
            groups = list(self.rules.ruled(self.engine, asked, self.now, self.k))
        return [
            (some, engine, engine.lists(asked.take(some), self.k, seeds[some]))
            for some, engine in groups
        ]

    def _asked(self, queries: Queries) -> Queries:
        if self.scenario.surface != "next":
            return queries
        return last_session(queries, seconds_of(self.scenario.idle, "idle"))


def known_of_hits(run: Run, surface: Surface) -> Features:
    """The features of the surface's re-ranker, else of the run's data."""
    learned = [step for step in surface.engine.steps.values() if isinstance(step, Reranker)]
    return learned[0].features if learned else Features.of(run.data)


def _allowed(engine: Recommender) -> int:
    allow = engine.allow
    return len(engine.retriever.popularity) if allow is None else int(np.count_nonzero(allow))


def surface_of(run: Run, scenario: Scenario, ask: Ask) -> Surface:
    """A scenario over a run.

    Raises:
        ConfigError: a setting does not fit the data or the model.
        DataError: an id is not in the catalog.
    """
    data, k = run.data, ask.k or scenario.k
    filters = (scenario.filter, ask.filter)
    may = eligible(data.catalog, ask.now, filters, ask.only, ask.never)
    engine = recommender_of(run.fitted, data, run.fallback, scenario.repeats, index=ask.index)
    engine = replace(engine, allow=may.allow, fetch=max(scenario.fetch, k))
    model = engine.retriever.main
    if scenario.discount:
        engine = turned(engine, data, scenario.discount)
    if scenario.surface not in ("for-you", "next"):
        main = _retriever(run, scenario, model)
        engine = replace(engine, retriever=replace(engine.retriever, main=main))
    lately = scenario.recently
    recently = Recently(seconds_of(lately.within, "within"), lately.times) if lately else None
    explore = Explore(**scenario.explore.model_dump()) if scenario.explore else None
    make = partial(_step, run=run, model=model, now=ask.now, k=k)
    steps = _named([(table.step, make(table)) for table in scenario.steps])
    learned = [step.fetch for step in steps.values() if isinstance(step, Reranker)]
    fetch = max(k, *learned, 0) if learned else engine.fetch  # places are among as many candidates
    engine = replace(engine, steps=steps, explore=explore, recently=recently, fetch=fetch)
    rules = Rules.over(read_rules(Path(scenario.rules)), data.catalog) if scenario.rules else None
    facts = {"surface": scenario.surface, "model": run.facts.get("model"), "run": run.folder.name}
    facts["data"] = str(run.facts.get("data", ""))[:12]
    facts |= _index_facts(model, may.allow)
    source = SOURCES.get(scenario.surface, scenario.surface)
    origin = Origin(facts, may.removed, data.catalog.items.ids, source)
    return Surface(scenario, engine, rules, ask.now, k, origin)


def _retriever(run: Run, scenario: Scenario, model: Retriever) -> Retriever:
    """What finds the items of a surface that does not ask the model about a person."""
    data, segment, days = run.data, scenario.segment, scenario.days
    made: dict[str, Callable[[], Retriever]] = {
        "similar": lambda: Alike.over(model),
        "goes-with": lambda: _goes_with(data, scenario),
        "search": lambda: _search(run),
        "popular": lambda: VectorRetriever.over(
            Popularity(days if data.dated else None, segment=segment).fit(data), data.catalog
        ),
        "new": lambda: VectorRetriever.over(newest(data, segment), data.catalog),
        "trending": lambda: VectorRetriever.over(trending(data, days, segment), data.catalog),
    }
    if scenario.surface not in made:
        raise ConfigError(f"a surface that gives items expected, {scenario.surface} came")
    return made[scenario.surface]()


def _goes_with(data: Dataset, scenario: Scenario) -> Retriever:
    log = data.log
    if scenario.types:
        unknown = sorted(set(scenario.types) - set(log.type_names))
        if unknown or log.types is None:
            valid, came = ", ".join(log.type_names), ", ".join(unknown or scenario.types)
            raise ConfigError(f"types: some of {valid} expected, {came} came")
        codes = [log.type_names.index(name) for name in scenario.types]
        log = log.where(np.isin(log.types, codes))
    found = BASKET.fit(data.with_log(log))
    if scenario.across is None:
        return found
    return Across(found, _column(data, scenario.across, ("category",)).values)


def _search(run: Run) -> Retriever:
    """By the model's own reading, else by reading the catalog now."""
    reader = text_encoder(run.fitted) or Content(blend=1.0).fit(run.data)
    return Searched.over(reader, run.data.catalog)


def _step(table: StepTable, run: Run, model: Retriever, now: int, k: int) -> Step:
    """The step that a table asks for."""
    data = run.data
    if isinstance(table, Reranked):
        return _reranker(run)
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
        return Tired(len(data.catalog), table.weight, half)
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
    main = model.main if isinstance(model, Fused) else model
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


def _index_facts(model: Retriever, allow: ndarray | None) -> dict[str, Any]:
    """Which index answers, and which way it goes at this filter."""
    main = model.main if isinstance(model, Fused) else model
    if not isinstance(main, VectorRetriever):
        return {"index": None}
    share = 1.0 if allow is None or not len(allow) else float(allow.mean())
    way = main.index.way(allow)
    return {"index": {"kind": type(main.index).__name__, "way": way, "eligible": round(share, 4)}}
