"""Two runs measured on one window, though their catalogs and people differ.

What is judged is what will answer: both are asked about the catalog of today, with histories and
popularity as of the cut, as a service would ask them; and neither may have learned from the window.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.data.joining import extended
from bowerbird.data.moments import moment_text
from bowerbird.data.queries import Queries
from bowerbird.data.split import Holdout, Split
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.popularity import Popularity, PopularityEncoder
from bowerbird.errors import DataError
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.health import SAMPLE, Health, Limits, health_of
from bowerbird.evaluation.metrics import Judged
from bowerbird.evaluation.offline import evaluate
from bowerbird.evaluation.report import Report
from bowerbird.evaluation.slices import parted
from bowerbird.index.chosen import exact_index, one_by_one, recall_of
from bowerbird.index.index import Hits, Index
from bowerbird.ranking.recommender import Recommender
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.retrieval.fuse import unfused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.runs.gate import POPULAR, Measured
from bowerbird.runs.indexing import K
from bowerbird.runs.policy import Policy
from bowerbird.surfaces.assemble import recommender_of
from bowerbird.surfaces.kept import kept_index
from bowerbird.surfaces.run_folder import Run

TOGETHER = "item-item co-occurrence"
"""The other baseline: what was met together, in its default settings."""
DAYS = 7.0
"""Of the first baseline."""
ASKED = 400
"""Single lists that are timed, and people whose vectors ask the index."""
WARM = 5
"""Lists before the clock runs."""

Clock = Callable[[], float]
"""Seconds; only differences count."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A model with what it was trained on, whether it is a run folder already or not."""

    fitted: Encoder | Retriever
    data: Dataset  # what it has learned from
    fallback: Popularity
    index: Index | None = None  # of the vectors of its own catalog; None: lists are exact

    @classmethod
    def of(cls, run: Run) -> "Contender":
        """The run as it answers, with the index that it keeps.

        Raises:
            ArtifactError: the index is damaged, or of another catalog.
        """
        index = kept_index(run.folder, len(run.data.catalog))
        return cls(run.fitted, run.data, run.fallback, index)

    @classmethod
    def learned(cls, run: Run) -> "Contender":
        """The run with what it has learned from alone."""
        return replace(cls.of(run), data=run.learned)


@dataclass(frozen=True, slots=True)
class Seated:
    """A contender over the catalog of today: asked, and answering, in the window's rows."""

    engine: Recommender  # in its own rows: those it was fitted on first, what is new behind them
    own: Int64[ndarray, "n"]  # row of the window → its own
    back: Int64[ndarray, "m"]  # its own row → the window's, -1: the item is gone
    allow: Bool[ndarray, "m"]  # its own rows that may be shown

    @classmethod
    def at(cls, contender: Contender, split: Split) -> "Seated":
        """Placed where the window's people ask.

        Raises:
            DataError: a column of today's catalog does not fit the contender's.
        """
        train, holdout = split
        catalog = extended(contender.data.catalog, train.catalog)
        own = catalog.items.rows(train.catalog.items.ids).astype(np.int64)
        back = np.full(len(catalog), -1, dtype=np.int64)
        back[own] = np.arange(len(own))
        log = replace(train.log, items=own[train.log.items].astype(np.int32))
        seen = replace(train, catalog=catalog, log=log)
        engine = recommender_of(
            contender.fitted, seen, contender.fallback, holdout.repeats, index=contender.index
        )
        allow = back >= 0
        if holdout.allow is not None:
            allow[own] = holdout.allow
        return cls(replace(engine, allow=allow), own, back, allow)

    def recommend(self, queries: Queries, k: int) -> Hits:
        """Lists in the window's rows; what the contender does not know is no part of a history."""
        items = self.own[queries.items].astype(np.int32)
        hits = self.engine.recommend(replace(queries, items=items), k)
        rows = np.where(hits.rows >= 0, self.back[hits.rows], -1).astype(np.int32)
        return Hits(rows, hits.scores)

    def vectors(self) -> VectorRetriever | None:
        """Its vectors, with the encoder and the index; None where it has none."""
        main = self.engine.retriever.main
        found = unfused(main)
        return found if isinstance(found, VectorRetriever) else None

    def encoded(self, queries: Queries, rows: ndarray) -> Float32[ndarray, "b dim"]:
        """Vectors of these of the window's queries; those with nothing to say are left out."""
        found = self.vectors()
        assert found is not None
        some = queries.take(rows)
        items = self.own[some.items].astype(np.int32)
        asked = found.encoder.encode_queries(replace(some, items=items))
        return np.ascontiguousarray(asked[np.any(asked, axis=1)])


def judged(
    challenger: Contender,
    champion: Contender | None,
    split: Split,
    policy: Policy = Policy(),  # noqa: B008  frozen
    clock: Clock | None = None,
    limits: Limits = Limits(),  # noqa: B008  frozen
) -> tuple[Measured, Measured | None, dict[str, Report]]:
    """Challenger, champion and baselines on one window: what `decide` asks for.

    Args:
        challenger: what would answer.
        champion: what answers now; None: nothing does.
        split: of all events there are and the catalog of today, cut where the window begins.
        policy: says by which metric.
        clock: times single lists of both, in turns; None: they are not timed.
        limits: of the health of vectors.

    Raises:
        DataError: one of them has learned from the window, has no dates, or nobody has something to
            find.
    """
    named = {"challenger": challenger} | ({} if champion is None else {"champion": champion})
    for name, each in named.items():
        check_blind(each, split, name)
    background = Background.of(split.train)
    seats = {name: Seated.at(each, split) for name, each in named.items()}
    times = latencies(seats, split, clock, policy) if clock is not None else {}
    found = {
        name: replace(
            measured(seat, split, background, policy),
            health=health(seat, split, limits, policy.seed),
            index_recall=index_recall(seat, split, named[name].index is None, policy.seed),
            latency_ms=times.get(name),
        )
        for name, seat in seats.items()
    }
    against = baselines(split, background, policy, challenger.fallback.segment)
    return found["challenger"], found.get("champion"), against


def check_blind(contender: Contender, split: Split, name: str) -> None:
    """Nothing it has learned from may be of the window.

    Raises:
        DataError: something is, or nobody can tell since there are no dates.
    """
    cut = int(split.holdout.queries.now.min())
    if not contender.data.dated:
        came = "an order without dates came: it cannot be judged by time"
        raise DataError(f"{name}: training events with dates expected, {came}")
    newest = contender.data.newest() - 1
    if len(contender.data.log) and newest >= cut:
        raise DataError(
            f"{name}: training events before the window expected, which begins at"
            f" {moment_text(cut)}, one of {moment_text(newest)} came: judge on a window that begins"
            " later, or train on what was before it"
        )


def measured(seat: Seated, split: Split, background: Background, policy: Policy) -> Measured:
    """The report of one contender and its values by slice; vectors and time are not looked at."""
    holdout, k = split.holdout, policy.k
    report = evaluate(seat.recommend, holdout, background, (k,))
    parts = parts_of(report, holdout, background, policy.metric)
    rows = report.rows[Judged.of(_listed(report), holdout.relevant).sizes() > 0]
    shown = rows[rows >= 0]
    cold = float((background.counts[shown] == 0).mean()) if len(shown) else 0.0
    return Measured(report, parts, cold)


def parts_of(
    report: Report, holdout: Holdout, background: Background, metric: str
) -> dict[str, Float64[ndarray, "b"]]:
    """One value a query by slice, NaN for who is not in it: what can be compared slice by slice.

    Args:
        report: of lists on this holdout, at least as long as the metric's k.
        holdout: who asked, and what they found later.
        background: of the training data.
        metric: such as ndcg@10.
    """
    told, k = Judged.of(_listed(report), holdout.relevant), int(metric.partition("@")[2])
    return {
        f"{name}: {group}": own[metric]
        for name, group, _, own in parted(
            {metric: report.values[metric]}, told, holdout, background, (k,)
        )
    }


def _listed(report: Report) -> Hits:
    return Hits(report.rows, np.zeros(report.rows.shape, np.float32))


def baselines(
    split: Split, background: Background, policy: Policy, segment: str | None = None
) -> dict[str, Report]:
    """What a model has to be worth its while against, learned from what was before the cut.

    Args:
        split: the window.
        background: of the training data.
        policy: says how long lists are.
        segment: category column of people; each category gets what is popular in it.
    """
    train, holdout = split
    popular = Popularity(window_days=DAYS, segment=segment if segment in train.traits else None)
    models: dict[str, Encoder | Retriever]
    models = {POPULAR: popular.fit(train), TOGETHER: CoOccurrence().fit(train)}
    reports = {}
    for name, fitted in models.items():
        engine = recommender_of(fitted, train, popular, holdout.repeats)
        engine = replace(engine, allow=holdout.allow)
        reports[name] = evaluate(engine.recommend, holdout, background, (policy.k,))
    return reports


def health(seat: Seated, split: Split, limits: Limits, seed: int = 0) -> Health | None:
    """Of the vectors of what may be shown, as people before the cut look into them.

    None for models without vectors, and for popularity, of which one direction is all there is.
    """
    found = seat.vectors()
    if found is None or isinstance(found.encoder, PopularityEncoder):
        return None
    train = split.train
    shown = np.flatnonzero(seat.allow)
    queries = train.queries()
    known = np.flatnonzero(queries.lengths())
    known = np.random.default_rng(seed).permutation(known)[:SAMPLE]
    types = train.catalog.types()
    codes = None if types is None else types.values[seat.back[shown]]
    asked, counts = seat.encoded(queries, known), train.item_counts()[seat.back[shown]]
    return health_of(found.vectors[shown], asked, counts, codes, limits, seed)


def index_recall(seat: Seated, split: Split, exact: bool, seed: int = 0) -> float | None:
    """Share of the exact first 100 that the index finds for people of the window.

    None for models without vectors; 1 where the index is `exact`.
    """
    found = seat.vectors()
    if found is None or exact:
        return None if found is None else 1.0
    asked = seat.encoded(split.holdout.queries, _drawn(split, seed))
    truth = exact_index(found.vectors).search(asked, K, seat.allow)
    return recall_of(one_by_one(found.index, asked, K, seat.allow), truth)


def latencies(
    seats: Mapping[str, Seated], split: Split, clock: Clock, policy: Policy
) -> dict[str, float]:
    """95th percentile of single lists, in milliseconds; all in turns, so that noise hits all."""
    taken: dict[str, list[float]] = {name: [] for name in seats}
    for number, row in enumerate(_drawn(split, policy.seed)):
        one = split.holdout.queries.take(np.array([row]))
        for name, seat in seats.items():
            began = clock()
            seat.recommend(one, policy.k)
            if number >= WARM:
                taken[name].append(1000 * (clock() - began))
    return {name: float(np.quantile(some, 0.95)) for name, some in taken.items() if some}


def _drawn(split: Split, seed: int) -> Int64[ndarray, "q"]:
    """Some of the window's people, in an order that means nothing."""
    drawn: Int64[ndarray, q] = np.random.default_rng(seed).permutation(len(split.holdout))[:ASKED]
    return drawn
