"""What a model holds to be alike: an item's nearest of all, whatever filters and rules say."""

from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct, field

from bowerbird.encoders.popularity import PopularityEncoder
from bowerbird.retrieval.fuse import unfused
from bowerbird.retrieval.models import name_of
from bowerbird.retrieval.retriever import VectorRetriever
from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.messages import TERMS
from bowerbird.serving.problems import Problem
from bowerbird.serving.snapshot import Snapshot, row_of


class Beside(Struct, forbid_unknown_fields=True):
    """How many, and which columns are told with each."""

    k: Annotated[int, Meta(ge=1, le=100)] = 8
    fields: Annotated[list[str], Meta(max_length=TERMS)] = field(default_factory=list)


class Neighbour(Struct):
    """An item beside another."""

    item: str
    title: str
    score: float
    fields: dict[str, Any]


class Neighbours(Struct):
    """The nearest first."""

    item: str
    model: str
    by: str  # what is compared: cosine, or the name of a model that has no vectors
    neighbours: list[Neighbour]
    why: str | None = None  # there is none


async def neighbours(call: Call) -> Reply:
    """The nearest, hidden ones too: what the model thinks, before anything is left out."""
    snapshot, id = call.service.current.snapshot, call.named("item")
    row = int(snapshot.catalog.items.rows([id])[0])
    if row < 0:
        raise Problem(404, f"an item of the catalog expected, {id!r} came")
    return Reply(await call.service.aside(_beside, snapshot, row, call.query.k, call.query.fields))


def compared(snapshot: Snapshot) -> str:
    """What neighbours are nearest by: cosine, or the name of a model that compares otherwise."""
    main = snapshot.plain.retriever.main
    own = unfused(main)
    vectors = isinstance(own, VectorRetriever) and not isinstance(own.encoder, PopularityEncoder)
    return "cosine" if vectors else name_of(snapshot.run.fitted)


def _beside(snapshot: Snapshot, row: int, k: int, names: list[str]) -> Neighbours:
    main, catalog = snapshot.plain.retriever.main, snapshot.catalog
    by, id = compared(snapshot), catalog.items.ids[row]
    if by == "popularity":
        why = "the model counts what is popular: it does not know what is alike"
        return Neighbours(id, snapshot.model, by, [], why)
    why = "the model cannot place this item: nobody had met it in training"
    if by != "cosine" and not (snapshot.run.data.log.items == row).any():
        return Neighbours(id, snapshot.model, by, [], why)  # it may have come after the model
    hits = main.similar(np.array([row], np.int32), k)
    there = hits.rows[0] >= 0
    rows, scores = hits.rows[0][there].tolist(), hits.scores[0][there].tolist()
    some = catalog.take(np.array(rows, np.int64))
    found = [
        Neighbour(some.items.ids[n], title, scores[n], row_of(some, n, names))
        for n, title in enumerate(some.titles())
    ]
    return Neighbours(id, snapshot.model, by, found, None if found else why)


ROUTES = (
    Route("GET", "/v1/items/{item}/neighbours", "catalog:read", neighbours,
          "Items that the model holds to be alike", Neighbours, query=Beside),
)  # fmt: skip
