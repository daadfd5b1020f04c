"""What is lost by training less? `python benchmarks/warm.py`.

MovieLens 1M by time: a model is fitted on the likes until mid-June 2000, then three times a
fortnight comes in. Each time one is fitted in full, one goes on from that of a fortnight before,
and one is the first as it was, with the histories of now. The next fortnight judges all three.
"""

import os
import sys
import time
from typing import Any

import numpy as np
from numpy import ndarray

from films import liked
from measuring import Bench, bar, begin, parser

START, STEP, STEPS, K = 961_027_200, 14 * 86_400, 3, 10
"""2000-06-15 UTC, seconds."""
MODELS: dict[str, dict[str, Any]] = {
    "als": {"dim": 32},
    "sequence": {"dim": 32, "blocks": 1, "max_len": 50, "epochs": 8, "text": "tfidf"},
}
WAYS = ("full", "warm", "none")
os.environ["OMP_NUM_THREADS"] = "1"  # threads that wait for each other would count as work


def measure(bench: Bench, names: list[str]) -> None:
    """Each model, three fortnights on."""
    data = liked(bench, START + (STEPS + 1) * STEP)
    figures: dict[str, Any] = {}
    for name in names:
        figures[name] = _chained(name, data, bench.seed)
        print(f"  {name}: {figures[name]}", flush=True)
    protocol = {
        "data": "ml-1m, ratings of 4 and 5 by time, until 2000-06-15 in the first model, then "
        "three fortnights; the next fortnight judges",
        "judged": f"ndcg@{K} over the whole catalog, seen items left out; differences person by "
        "person, with 95 % intervals",
        "threads": 1,
        "settings": {name: MODELS[name] for name in names},
    }
    bars = [bar(f"{n}: share of the quality of full", _share(f), 0.97) for n, f in figures.items()]
    bars += [
        bar(f"{n}: full takes so many times as long", _times(f), 2) for n, f in figures.items()
    ]
    bench.keep(figures, protocol, bars)


def _chained(name: str, data: Any, seed: int) -> dict[str, Any]:  # noqa: ANN401  imported late
    from bowerbird.encoders.session import Session
    from bowerbird.retrieval.going_on import fit_on
    from bowerbird.retrieval.models import seeded

    model = seeded(name, seed, **MODELS[name])
    first, seconds = _timed(lambda: model.fit(_before(data, START)))
    warm = first
    steps: list[dict[str, Any]] = []
    found: dict[str, list[ndarray]] = {way: [] for way in WAYS}
    for number in range(1, STEPS + 1):
        cut = START + number * STEP
        now = _before(data, cut)
        full, full_s = _timed(lambda now=now: model.fit(now))
        gone, warm_s = _timed(lambda warm=warm, now=now: fit_on(model, warm, now, Session()))
        assert gone.warm, gone.full
        warm = gone.fitted
        values = [_values(fitted, data, cut) for fitted in (full, warm, first)]
        for way, some in zip(WAYS, values, strict=True):
            found[way].append(some)
        row = {f"{way} ndcg": _mean(some) for way, some in zip(WAYS, values, strict=True)}
        row |= {"people": int(np.isfinite(values[0]).sum()), "events": len(now.log)}
        steps.append({**row, "full CPU seconds": full_s, "warm CPU seconds": warm_s})
    every = {way: np.concatenate(some) for way, some in found.items()}
    told: dict[str, Any] = {f"{way} ndcg": _mean(some) for way, some in every.items()}
    for way in ("warm", "none"):
        told[f"{way} less full"] = _difference(every[way] - every["full"])
    totals = {
        w: round(sum(step[f"{w} CPU seconds"] for step in steps), 1) for w in ("full", "warm")
    }
    people = sum(step["people"] for step in steps)
    return {
        **told,
        "people": people,
        "CPU seconds": totals,
        "first CPU seconds": seconds,
        "steps": steps,
    }


def _values(fitted: Any, data: Any, cut: int) -> ndarray:  # noqa: ANN401  as above
    """Of each person of the fortnight after the cut."""
    from dataclasses import replace

    from bowerbird.data.split import ByTime
    from bowerbird.encoders.popularity import Popularity
    from bowerbird.evaluation.metrics import Judged, ndcg
    from bowerbird.surfaces.assemble import recommender_of

    train, holdout = ByTime(at=cut).split(_before(data, cut + STEP))
    engine = recommender_of(fitted, train, Popularity(), False)
    hits = replace(engine, allow=holdout.allow).recommend(holdout.queries, K)
    values: ndarray = ndcg(Judged.of(hits, holdout.relevant), K)
    return values


def _timed(fit: Any) -> tuple[Any, float]:  # noqa: ANN401  as above
    began = time.process_time()  # of all threads: what else the machine does changes it little
    fitted = fit()
    return fitted, round(time.process_time() - began, 2)


def _before(data: Any, cut: int) -> Any:  # noqa: ANN401  as above
    return data.with_log(data.log.where(data.log.times < cut))


def _mean(values: ndarray) -> float:
    return round(float(np.nanmean(values)), 4)


def _difference(values: ndarray) -> list[float]:
    """Mean, and where it lies with 95 %."""
    values = values[np.isfinite(values)]
    mean, wide = values.mean(), 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return [round(float(x), 4) for x in (mean, mean - wide, mean + wide)]


def _share(figures: dict[str, Any]) -> float:
    return float(figures["warm ndcg"] / figures["full ndcg"])


def _times(figures: dict[str, Any]) -> float:
    return float(figures["CPU seconds"]["full"] / figures["CPU seconds"]["warm"])


def main() -> None:
    """Measure, where the data is there."""
    options = parser(__doc__ or "", list(MODELS)).parse_args()
    bench = begin("warm", options, ["ml-1m"])
    if bench is not None:
        measure(bench, options.only or list(MODELS))


if __name__ == "__main__":
    sys.exit(main())
