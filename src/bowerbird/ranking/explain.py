"""Why each item is in its list, and what each list came from; plain data, ready for JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.index.index import Hits, Ragged
from bowerbird.ranking.recommender import Lists, Recommender
from bowerbird.retrieval.contributions import because, score_parts

REASONS = 3
"""Items of the history that are told, at most, for each item of a list."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What lists came from, as far as it is the same for all of them."""

    facts: Mapping[str, Any] = field(default_factory=dict)  # model, index, scenario, …
    removed: Mapping[str, int] = field(default_factory=dict)  # items that each filter took out
    ids: tuple[str, ...] = ()  # of the catalog
    source: str = "personal"  # what the retriever's own hits are called


def explained(
    engine: Recommender, queries: Queries, lists: Lists, origin: Origin, deep: bool = True
) -> list[dict[str, Any]]:
    """For each query what it was answered, and why.

    Args:
        engine: what has answered.
        queries: who asked.
        lists: the answer.
        origin: what else is known.
        deep: ask the model what each part of it and each event of the history adds, which costs
            many times what the list did; else `parts` and `because` are empty.

    Returns:
        One dictionary a query: `rung` (the origin's source, segment, popular, none), `candidates`,
        `removed`, the facts of the origin, and `items` with rank, item, score, `source`, `parts`
        of the score, `because` (history items and how much each counts), `moved` (which step, from
        where, to where) and `propensity`.
    """
    rows = lists.hits.rows
    main = engine.retriever.main
    parts = score_parts(main, queries, rows, engine.allow, lists.out) if deep else {}
    sources = _sources(engine, queries, lists, origin.source)
    rungs, out = (origin.source, *BEHIND), []
    for q in range(len(queries)):
        pinned = {} if engine.pins is None else engine.pins.names
        items = _items(lists, q, parts, (sources[q], pinned), origin.ids)
        if deep and origin.source in sources[q]:
            _with_reasons(items, *because(main, queries, rows, q), origin.ids)
        removed = dict(origin.removed)
        if lists.out is not None:
            removed["already met or shown"] = _removed(lists.out, q, engine.allow)
        found = int((lists.stages["candidates"].rows[q] >= 0).sum())
        rung = next((rung for rung in rungs if rung in sources[q]), "none")
        told = {"rung": rung, "candidates": found, "removed": removed}
        out.append({**told, **origin.facts, "items": items})
    return out


BEHIND = ("segment", "popular")
"""What stands behind a retriever; a list stands on the best rung that any item of it came from."""


def _sources(engine: Recommender, queries: Queries, lists: Lists, own: str) -> list[list[str]]:
    """Where each item came from: the retriever, else what stands behind it."""
    segments, b = engine.retriever.segments, len(queries)
    kinds = np.zeros(b, np.int64) if segments is None else segments.encoder.places(queries)
    return [
        [own if row in found else BEHIND[0 if kind else 1] for row in rows[rows >= 0].tolist()]
        for kind, found, rows in zip(
            kinds.tolist(), map(set, lists.own.tolist()), lists.hits.rows, strict=True
        )
    ]


def _items(
    lists: Lists,
    q: int,
    parts: Mapping[str, Float32[ndarray, "b k"]],
    about: tuple[list[str], Mapping[int, str]],  # where each came from; which rule pins a row
    ids: tuple[str, ...],
) -> list[dict[str, Any]]:
    """The items of one list, best first."""
    out: list[dict[str, Any]] = []
    sources, pinned = about
    rows, scores = lists.hits.rows[q].tolist(), lists.hits.scores[q].tolist()
    drawn = lists.propensity[q].tolist()
    for place, source in enumerate(sources):
        row = rows[place]
        shares = {name: float(part[q, place]) for name, part in parts.items()}
        out.append(
            {
                "rank": place + 1,
                "item": ids[row],
                "score": scores[place],
                "source": source,
                "parts": {} if source in BEHIND else shares,
                "because": [],
                "moved": _moves(lists.stages, q, row, pinned) if len(lists.stages) > 1 else [],
                "propensity": drawn[place],
            }
        )
    return out


def _removed(out: Ragged, q: int, allow: ndarray | None) -> int:
    """Items that query q may not get, of those that were left."""
    rows = np.unique(out.rows[out.offsets[q] : out.offsets[q + 1]])
    return len(rows) if allow is None else int(np.count_nonzero(allow[rows]))


def _moves(
    stages: Mapping[str, Hits], q: int, row: int, pinned: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Which stages changed the item's place, from which rank to which; none: it was not there.

    What only makes room for a pinned item is not moved by it.
    """
    moves, before = [], None
    for name, hits in stages.items():
        places = np.flatnonzero(hits.rows[q] == row)
        after = int(places[0]) + 1 if len(places) else None
        told = "" if name in ("candidates", "held") else name
        if name == "pin":
            told = f"pin {pinned[row]}" if row in pinned else ""
        if told and after != before and after is not None:
            moves.append({"by": told, "from": before, "to": after})
        before = after if after is not None else before
    return moves


def _with_reasons(
    items: list[dict[str, Any]],
    history: Int32[ndarray, "h"],
    counts: ndarray,
    ids: tuple[str, ...],
) -> None:
    """The history items that count most for each item, as shares of all that speaks for it."""
    for place, item in enumerate(items):
        gains = np.maximum(counts[:, place], 0)
        total = gains.sum()
        if item["source"] in BEHIND or not total > 0:
            continue
        item["because"] = [
            {"item": ids[history[h]], "share": round(float(gains[h] / total), 4)}
            for h in np.argsort(-gains, kind="stable")[:REASONS]
            if gains[h] > 0 and history[h] < len(ids)
        ]
