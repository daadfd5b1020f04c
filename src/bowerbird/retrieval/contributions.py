"""What a score is made of: by part of the model, and by event of the history.

Apart from the retrievers because it only asks them again, as anybody could.
"""

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.encoders.blend import BlendEncoder
from bowerbird.encoders.turned import TurnedEncoder, plain
from bowerbird.index.index import Ragged
from bowerbird.retrieval.alike import LastSession, last_session
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.fuse import Fused, Pool, evidence
from bowerbird.retrieval.models import name_of
from bowerbird.retrieval.retriever import Retriever, Scorer, VectorRetriever

LOOKED_AT = 50
"""Items of a history, the newest, that are left out one by one."""


def score_parts(
    main: Retriever,
    queries: Queries,
    rows: Int32[ndarray, "b m"],
    allow: Bool[ndarray, "n"] | None = None,
    exclude: Ragged | None = None,
) -> dict[str, Float32[ndarray, "b m"]]:
    """What each part of the model adds to the scores of these rows; the sum is the score.

    -inf where the model knows nothing of the query or of the item. Empty for a retriever that does
    not score single items. A dial is looked through: it changes which items come, by their lifts.

    Args:
        main: what retrieves.
        queries: who asks.
        rows: of each query; -1 is none.
        allow: rows that may be hits, as they were when the rows were found.
        exclude: rows that may not, as they were.
    """
    while isinstance(main, Dial | LastSession):
        if isinstance(main, LastSession):
            queries = last_session(queries, main.idle_s)
        main = main.main
    if isinstance(main, Fused):
        return _of_fused(main, queries, rows, allow, exclude)
    if isinstance(main, VectorRetriever):
        return _of_vectors(main, queries, rows)
    return {name_of(main): main.scores(queries, rows)} if isinstance(main, Scorer) else {}


def because(
    main: Retriever, queries: Queries, rows: Int32[ndarray, "b m"], q: int
) -> tuple[Int32[ndarray, "h"], Float64[ndarray, "h m"]]:
    """By how much the scores of query q's rows fall if an item had not been in its history.

    Args:
        main: what retrieves.
        queries: who asks.
        rows: of each query.
        q: which one is explained.

    Returns:
        The newest items of the history, each once, and what each counts for each row: 0 where the
        model does not score single items.
    """
    one = queries.take(np.array([q]))
    one = one.where(one.weights > 0)
    items = np.array(list(dict.fromkeys(one.items[::-1].tolist()))[:LOOKED_AT], dtype=np.int32)
    without = one.take(np.zeros(len(items) + 1, dtype=np.int64))
    left_out = np.concatenate([items, [-2]])  # the last is whole
    without = without.where(without.items != left_out[without.owners()])
    parts = score_parts(main, without, np.tile(rows[q], (len(items) + 1, 1)))
    if not parts:
        return items, np.zeros((len(items), rows.shape[1]))
    scores = np.sum([np.nan_to_num(part, neginf=0.0) for part in parts.values()], axis=0)
    return items, scores[-1:].astype(np.float64) - scores[:-1]


def _of_vectors(
    main: VectorRetriever, queries: Queries, rows: Int32[ndarray, "b m"]
) -> dict[str, Float32[ndarray, "b m"]]:
    encoder = plain(main.encoder)
    blocks = encoder.blocks() if isinstance(encoder, BlendEncoder) else []
    if not blocks:
        return {name_of(encoder): main.scores(queries, rows)}
    asked = encoder.encode_queries(queries)
    vectors = main.vectors[np.maximum(rows, 0)]
    if isinstance(main.encoder, TurnedEncoder):  # dimensions are of parts before the turn only
        vectors = vectors @ main.encoder.turn.T.astype(np.float32)
    known = np.isfinite(vectors).all(axis=2) & (rows >= 0) & np.any(asked, axis=1)[:, None]
    found: dict[str, ndarray] = {}
    for part, own in blocks:
        share = np.einsum("bd,bmd->bm", asked[:, own], vectors[:, :, own])
        name = "popularity" if part is None else name_of(part)  # may be a part, too
        found[name] = found.get(name, np.float32(0)) + np.where(known, share, -np.inf)
    return {name: share.astype(np.float32) for name, share in found.items()}


def _of_fused(
    main: Fused,
    queries: Queries,
    rows: Int32[ndarray, "b m"],
    allow: Bool[ndarray, "n"] | None,
    exclude: Ragged | None,
) -> dict[str, Float32[ndarray, "b m"]]:
    parts = main.parts()
    lists = [part.retrieve(queries, 1, allow, exclude) for part in parts]
    shares = main.shares(Pool(rows, evidence(parts, queries, rows, lists)))
    silent = np.all([hits.rows[:, 0] < 0 for hits in lists], axis=0)
    shares = np.where(silent[:, None, None] | (rows < 0)[:, :, None], np.float32(-np.inf), shares)
    found: dict[str, ndarray] = {}
    for place, part in enumerate(parts):
        if isinstance(part, VectorRetriever):  # its own parts are the whole of its evidence
            inner = _of_vectors(part, queries, rows)
            found |= {
                name: np.where(
                    np.isfinite(shares[:, :, place]), np.nan_to_num(some, neginf=0), some
                )
                for name, some in inner.items()
            }
        else:
            found[name_of(part)] = shares[:, :, place]
    found["popularity"] = found.get("popularity", np.float32(0)) + shares[:, :, -1]
    return found
