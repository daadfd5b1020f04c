"""A newly trained model turned onto the space of the run that answers, where that can be.

Training places vectors up to a rotation, which scores do not see: a new run's numbers have nothing
to do with the old one's until they are turned. After it vectors of both may be mixed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.turned import Frame, TurnedEncoder
from bowerbird.errors import SpaceError
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.models import encoder_of, name_of
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.space import space_of

SAME = 0.35
"""Residual below which two runs share a space. At 0.3 about 70 % of a list of 20 that old vectors
find among new ones is what they found before; at 1 it is 28 %, without a turn 1 %."""
MET = 20
"""Events that make an item an anchor; fewer where there are too few such items."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How far two sets of vectors are the same but for a rotation, and which it is."""

    turn: Float64[ndarray, "dim dim"]  # Q: the new ones times it are about the old ones
    residual: float  # ‖X Q - Y‖ / ‖Y‖
    mean_cosine: float  # of each with its own of before
    anchors: int


def procrustes(new: Float[ndarray, "n dim"], old: Float[ndarray, "n dim"]) -> Alignment:
    """The orthogonal Q that minimises ‖X Q - Y‖: U Vᵀ of the singular vectors of XᵀY.

    Rotations and reflections only, so that no score changes. A change of scale is not undone: it
    counts in the residual, since scores of both together would not be of one scale.

    Raises:
        SpaceError: the old ones are all zeros.

    Source: Schönemann, Psychometrika 31, 1966.

    >>> X = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    >>> procrustes(X, X[:, ::-1]).turn.round(9) + 0.0
    array([[0., 1.],
           [1., 0.]])
    """
    x, y = new.astype(np.float64), old.astype(np.float64)
    size = np.linalg.norm(y)
    if not size:
        raise SpaceError(f"vectors other than zeros expected, {len(y)} of zeros came")
    left, _, right = np.linalg.svd(x.T @ y)
    turn = left @ right
    moved = x @ turn
    lengths = np.linalg.norm(moved, axis=1) * np.linalg.norm(y, axis=1)
    cosines = np.einsum("nd,nd->n", moved, y)[lengths > 0] / lengths[lengths > 0]
    mean = float(cosines.mean()) if len(cosines) else 0.0
    return Alignment(turn, float(np.linalg.norm(moved - y) / size), mean, len(x))


def anchors(
    here: Int64[ndarray, "n"], there: Int64[ndarray, "n"], dim: int
) -> Int64[ndarray, "some"]:
    """Which items two spaces are held together by: those met often in both.

    Args:
        here: events of each item that both have placed, in the new data.
        there: in the old.
        dim: of the vectors. Fewer than twice as many anchors would fit whatever they are.

    Raises:
        SpaceError: there are too few.

    >>> anchors(np.array([50, 30, 4, 9]), np.array([50, 3, 30, 30]), 1)
    array([0, 3])
    """
    met = np.minimum(here, there)
    least = 2 * dim
    if np.count_nonzero(met > 0) < least:
        came = f"{np.count_nonzero(met > 0)} came"
        raise SpaceError(f"at least {least} items met both then and now expected, {came}")
    bar = min(MET, int(np.sort(met)[-least]))
    return np.flatnonzero(met >= bar)


def aligned(
    fitted: Encoder | Retriever, data: Dataset, champion: Run | None
) -> tuple[Encoder | Retriever, dict[str, Any]]:
    """The model in the space of the run that answers, else as it is; and what run.json says of it.

    Between training and the index. The turn is onto where items lay when the space began.

    Args:
        fitted: on this data.
        data: of the new run.
        champion: the run that answers; None: there is none.

    Returns:
        The model, and `{"space": {…}}`: `id` (None: the model has no single space), `parent`,
        `same` (may vectors of both be mixed?), `residual`, `mean_cosine`, `anchors`, and `why`.
    """
    about: dict[str, Any] = {"id": None, "same": False, "residual": None, "mean_cosine": None}
    about |= {"anchors": 0, "parent": None if champion is None else champion.folder.name}
    encoder = encoder_of(fitted)
    if encoder is None:
        why = f"{name_of(fitted)} compares items, its people and items are no vectors of one space"
        return fitted, {"space": {**about, "why": why}}
    own = Frame.of(encoder, data)
    new = {**about, "id": _named(own)}
    if champion is None:
        return fitted, {"space": {**new, "why": "there was no run before"}}
    try:
        frame = _frame(champion)
        found = onto(frame, encoder, data)
    except SpaceError as error:
        return fitted, {"space": {**new, "why": str(error)}}
    figures = {name: round(getattr(found, name), 6) for name in ("residual", "mean_cosine")}
    new |= {**figures, "anchors": found.anchors}
    told = f"residual {found.residual:.3f} on {found.anchors} items"
    if not found.residual < SAME:
        return fitted, {"space": {**new, "why": f"{told}: below {SAME} expected"}}
    facts: Mapping[str, Any] = {**new, "id": space_of(champion), "same": True, "why": told}
    turned = TurnedEncoder(encoder, found.turn, frame)
    if isinstance(fitted, Fused):
        return replace(fitted, main=VectorRetriever.over(turned, data.catalog)), {"space": facts}
    return turned, {"space": facts}


def unmoved(run: Run) -> dict[str, Any]:
    """What run.json says where the model is that of the run before: its space is the same one."""
    space, why = space_of(run), "the model is that of the run before"
    same = space is not None
    figures = {"residual": 0.0, "mean_cosine": 1.0} if same else {"residual": None}
    about = {"id": space, "same": same, "mean_cosine": None, **figures, "anchors": 0}
    return {"space": {**about, "parent": run.folder.name, "why": why}}


def _frame(champion: Run) -> Frame:
    encoder = encoder_of(champion.fitted)
    if encoder is None:
        raise SpaceError(f"vectors of the run before expected, {champion.folder.name} has none")
    if isinstance(encoder, TurnedEncoder):
        return encoder.frame
    return Frame.of(encoder, champion.data)


def onto(frame: Frame, encoder: Encoder, data: Dataset) -> Alignment:
    """How the encoder's items lie beside the frame's."""
    rows = data.catalog.items.rows(frame.table.ids.ids)
    there = rows >= 0
    vectors, old = encoder.encode_items(data.catalog), frame.table.vectors
    if vectors.shape[1] != old.shape[1]:
        came = f"{vectors.shape[1]} came"
        raise SpaceError(f"{old.shape[1]} dimensions as before expected, {came}")
    there[there] &= np.isfinite(vectors[rows[there]]).all(axis=1)
    here, then = rows[there], frame.counts[there]
    some = anchors(data.item_counts()[here], then, old.shape[1])
    return procrustes(vectors[here[some]], old[there][some])


def _named(frame: Frame) -> str:
    """A name for the space that begins with these vectors: the same vectors, the same name."""
    told = hashlib.sha256("\n".join(frame.table.ids.ids).encode("utf-8", "surrogatepass"))
    told.update(np.ascontiguousarray(frame.table.vectors).tobytes())
    return told.hexdigest()[:16]
