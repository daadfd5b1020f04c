"""The re-ranker of a run: learned on what its people chose next, kept only where it surely helps.

RUN/rerank/   model.txt (LightGBM's own text) and rerank.json: names of the features, settings,
              hashes, versions, what validation said
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.data.artifacts import load_json, save_json, whole
from bowerbird.data.dataset import Dataset
from bowerbird.data.random_share import RandomShare
from bowerbird.data.split import ByTime, LeaveOneOut, Rule
from bowerbird.encoders.session import Session
from bowerbird.errors import ArtifactError, DataError
from bowerbird.evaluation.bootstrap import intervals
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.index.index import Hits
from bowerbird.index.stored import digest
from bowerbird.ranking.features import Features
from bowerbird.ranking.rerank import Lesson, Rerank, Trees, rescored
from bowerbird.ranking.step import ordered
from bowerbird.retrieval.blend import fit_with
from bowerbird.runs.run import versions
from bowerbird.runs.tune import Progress, Terms, asked, halves
from bowerbird.surfaces.kept import FACTS, FOLDER, FORMAT, MODEL
from bowerbird.surfaces.run_folder import Run

SHARES = (0.5, 0.2)
"""Of the people: those learned from, those who say when to stop; the others judge."""
LEAST = 20
"""People with a right candidate in each of the three parts; with fewer, chance would learn."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """NDCG of people who were neither learned from nor stopped by, in the old and the new order."""

    k: int
    people: int
    before: float
    after: float
    gain: float
    low: float  # of the gain, person by person: ends of the 95 % interval
    high: float
    trees: int
    importance: dict[str, float]  # share of each feature in what the trees gained

    @property
    def kept(self) -> bool:
        """Is the new order surely better?"""
        return self.low > 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        shares = {name: round(share, 4) for name, share in self.importance.items()}
        return {**asdict(self), "importance": shares, "kept": self.kept}


def lesson_of(
    run: Run, fetch: int, seed: int, progress: Progress
) -> tuple[Lesson, tuple[str, ...]]:
    """What the run's own people teach: candidates of its model without their answers, and names.

    The model is fitted once more without the answers, with the settings of the run. Features are of
    what is left. With dates, answers are what came after one moment for all: ages and trends are
    then what they will be when lists are made. Else they are everyone's last event, or, without an
    order, a random share.

    Args:
        run: a run.
        fetch: candidates of each.
        seed: of what is drawn.
        progress: told what is being done.

    Raises:
        DataError: too few people have answers.
    """
    found = halves(run.data, rule_for(run.data, seed), seed)
    if found is None:
        raise DataError(
            "rerank: more people with answers expected: there are too few to learn from; use"
            " --logged FILE, or wait for more events"
        )
    train, holdout = found
    progress("fitting without the answers")
    made: Any = run.fitted
    fitted = fit_with(made.estimator, train, Session(progress))
    progress("asking for candidates")
    hits = asked(fitted, train, holdout, Terms(seed, fetch, run.fallback))
    features = Features.of(train)
    lesson = Lesson(features(holdout.queries, hits), hits, holdout.relevant)
    return lesson, features.names


def learn_again(run: Run, before: Run, progress: Progress) -> Verdict | None:
    """Learn what the run before has kept, with its settings; None: it has kept nothing.

    That there is a re-ranker was decided then. So this one is kept unless it is surely worse than
    the order there is; then scenarios that need one cannot be opened.

    Args:
        run: that was made of newer events.
        before: the run that it goes on from.
        progress: told what is being done.

    Raises:
        ArtifactError: what the run before has kept cannot be read.
        DataError: too few people have answers.
    """
    if not (before.folder / FOLDER).is_dir():
        return None
    told = load_json(before.folder / FOLDER / FACTS)
    settings, fetch = Rerank(**told["settings"]), int(told["fetch"])
    lesson, names = lesson_of(run, fetch, settings.seed, progress)
    trees, verdict = learned(lesson, names, settings, progress)
    if verdict.high >= 0:
        keep_reranker(run, trees, verdict, settings, fetch)
    return verdict


def rule_for(data: Dataset, seed: int) -> Rule:
    """How answers are held out."""
    if data.dated:
        return ByTime()
    return LeaveOneOut(seed=seed) if data.ordered else RandomShare(seed=seed)


def learned(
    lesson: Lesson, names: Sequence[str], settings: Rerank, progress: Progress
) -> tuple[Trees, Verdict]:
    """Trees of all these people, and what trees of half of them were worth to others.

    Half of the people are learned from, a fifth says when to stop; the rest judges. Then as many
    trees are learned from all.

    Raises:
        DataError: too few people have a right candidate in one of the parts.
        ConfigError: LightGBM is not installed.
    """
    drawn = np.random.default_rng(settings.seed).permutation(len(lesson))
    ends = np.cumsum([int(share * len(drawn)) for share in SHARES])
    fit, stop, judge = (lesson.take(np.sort(part)) for part in np.split(drawn, ends))
    fewest = min(int(part.telling().sum()) for part in (fit, stop, judge))
    if fewest < LEAST:
        raise DataError(
            f"rerank: at least {LEAST} people with right and wrong candidates expected in each of"
            f" three parts, {fewest} came: raise --fetch, or wait for more events"
        )
    progress("learning from half of the people")
    first = settings.fit(fit, names, stop)
    before, after = worth(judge, None, settings.k), worth(judge, first, settings.k)
    ends_of = intervals((after - before)[:, None], settings.seed)[:, 0]
    progress("learning from all of them")
    trees = replace(settings, trees=max(len(first), 1)).fit(lesson, names)
    verdict = Verdict(
        k=settings.k,
        people=int(np.isfinite(before).sum()),
        before=float(np.nanmean(before)),
        after=float(np.nanmean(after)),
        gain=float(np.nanmean(after - before)),
        low=float(ends_of[0]),
        high=float(ends_of[1]),
        trees=len(first),
        importance=first.importance(),
    )
    return trees, verdict


def worth(lesson: Lesson, trees: Trees | None, k: int) -> Float64[ndarray, "b"]:
    """NDCG@k of each in the order of the trees, or in the order there was."""
    hits = lesson.hits
    if trees is not None:
        scores = rescored(trees, lesson.features, hits)
        hits = ordered(Hits(hits.rows, scores), scores)
    return ndcg(Judged.of(hits, lesson.relevant), k)


def keep_reranker(run: Run, trees: Trees, verdict: Verdict, settings: Rerank, fetch: int) -> None:
    """Into the run's folder, in place of the one that is there.

    Raises:
        ArtifactError: it cannot be written.
    """
    folder = run.folder / FOLDER
    try:
        with whole(folder) as partial:
            partial.mkdir()
            (partial / MODEL).write_text(trees.text, "utf-8")
            facts = {
                "format": FORMAT,
                "features": list(trees.names),
                "fetch": fetch,
                "settings": asdict(settings),
                "validation": verdict.to_json(),
                "data": run.facts["data"],
                "versions": versions(),
                "files": {MODEL: digest(partial / MODEL)},
            }
            save_json(partial / FACTS, facts)
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written: {error}") from error
