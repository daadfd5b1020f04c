"""How it stands with each item of a catalog: met, cold, new to the model, in nobody's list, hidden.

The words are those of the reports: cold is an item without an interaction in training
(`Dataset.item_counts`), dead one that nobody has within reach (`evaluation.health`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from jaxtyping import Bool, Int8, Int64
from numpy import ndarray

from bowerbird.encoders.popularity import PopularityEncoder
from bowerbird.evaluation.health import REACH, SAMPLE, SMALL
from bowerbird.evaluation.space import dead_by_chance, reached
from bowerbird.retrieval.fuse import unfused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.surfaces.run_folder import Run

State = Literal["warm", "cold", "new", "dead", "hidden"]
STATES: tuple[State, ...] = get_args(State)
"""warm     met in training, and in somebody's list
cold     part of the catalog when the model was trained, and nobody had met it
new      came after the model was trained
dead     met in training, could be shown, and is in nobody's list
hidden   cannot be shown just now, or a rule hides it; goes before all others
"""
BLOCK = 256
"""People asked at a time: between two blocks it is seen whether there is time for more."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a run's model knows of the items of a catalog, which may have grown since."""

    first: int  # items that were there when it was trained; those behind are new
    met: Int64[ndarray, "n"]  # interactions (weight above 0) that it has learned from
    placed: Bool[ndarray, "n"]  # it can say what the item is like


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is in somebody's list, as far as the model goes: no filter but eligibility, no rule."""

    people: int  # that were asked
    places: int  # of each list that was looked at
    asked: Bool[ndarray, "n"]  # could be in a list when it was looked at
    reached: Bool[ndarray, "n"]
    by_chance: float  # the share of items that lists drawn at random would have missed


def counted(run: Run) -> tuple[int, Int64[ndarray, "n"]]:
    """How many items the run was made of, and interactions of each that the model learned from.

    Raises:
        ArtifactError: the run folder is not there any more.
    """
    first = int(pl.scan_parquet(run.folder / "items.parquet").select(pl.len()).collect().item())
    log = run.data.log
    liked = (log.weights > 0) & (log.times < run.learned_until)
    return first, np.bincount(log.items[liked], minlength=first).astype(np.int64)


def learned(first: int, met: Int64[ndarray, "m"], main: Retriever, n: int) -> Learned:
    """Of a catalog of n items, which begins with those of the run."""
    counts = np.zeros(n, np.int64)
    counts[: min(n, len(met))] = met[:n]
    own = unfused(main)
    placed: ndarray = counts > 0
    if isinstance(own, VectorRetriever) and not isinstance(own.encoder, PopularityEncoder):
        vectors = own.vectors[:n]
        placed = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
    return Learned(first, counts, placed)


def reach_of(
    run: Run,
    main: Retriever,
    among: Bool[ndarray, "n"],
    going: Callable[[], bool] = lambda: True,
    seed: int = 0,
) -> Reach | None:
    """Ask the model for up to 5,000 people of its log, what they met included.

    As far as a list reaches follows from how many items there are (`evaluation.health`).

    Args:
        run: of the people.
        main: its model.
        among: items that may be shown.
        going: is there time for more people? Asked again and again.
        seed: of the sample.

    Returns:
        None where nobody can be asked, and of a popularity model, which has one list for all.
    """
    if isinstance(main, VectorRetriever) and isinstance(main.encoder, PopularityEncoder):
        return None
    queries, n = run.learned.queries(), len(among)
    known = np.flatnonzero(queries.lengths())
    known = np.random.default_rng(seed).permutation(known)[:SAMPLE]
    size = int(among.sum())
    places, times, people = max(1, min(REACH, size // SMALL)), np.zeros(n, np.int64), 0
    for start in range(0, len(known), BLOCK):
        hits = main.retrieve(queries.take(known[start : start + BLOCK]), places, among)
        times += reached(hits.rows, n)
        people += int((hits.rows[:, 0] >= 0).sum())  # others have nothing to say
        if not going():
            break
    if not people:
        return None
    return Reach(people, places, among, times > 0, dead_by_chance(size, people, places))


def states(
    learned: Learned,
    hidden: Bool[ndarray, "n"],
    reach: Reach | None = None,
    served: Int64[ndarray, "n"] | None = None,
) -> Int8[ndarray, "n"]:
    """Places in `STATES`, one for each item.

    Args:
        learned: what the model knows of them.
        hidden: which ones cannot be shown, or are hidden by a rule.
        reach: who is in somebody's list; None: nobody is dead.
        served: lists that went out with each; an item that was in one is not dead.
    """
    n = len(hidden)
    codes = np.full(n, STATES.index("warm"), np.int8)
    if reach is not None:
        m = min(n, len(reach.asked))
        dead = np.zeros(n, dtype=bool)
        dead[:m] = (reach.asked & ~reach.reached)[:m]
        codes[dead & (served == 0 if served is not None else True)] = STATES.index("dead")
    codes[learned.met == 0] = STATES.index("cold")
    codes[learned.first :] = STATES.index("new")
    codes[hidden] = STATES.index("hidden")
    return codes
