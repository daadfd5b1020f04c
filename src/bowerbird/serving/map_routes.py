"""Routes about the map: places, colours, names, true neighbours, a person's way through it."""

import logging
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from jaxtyping import Float32
from msgspec import Meta, Struct, field
from numpy import ndarray

from bowerbird.encoders.popularity import PopularityEncoder
from bowerbird.encoders.turned import plain
from bowerbird.errors import ArtifactError, SpaceError
from bowerbird.evaluation.layout import has_tsne
from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.finding import known_of
from bowerbird.serving.map_colours import Colouring, Colours, coloured, colourings
from bowerbird.serving.maps import closer, shown_in
from bowerbird.serving.messages import Id
from bowerbird.serving.problems import Problem
from bowerbird.serving.service import Service
from bowerbird.serving.snapshot import Snapshot, space_in
from bowerbird.surfaces.kept_map import has_map, map_facts

log = logging.getLogger("bowerbird.serving")
BYTES = "application/octet-stream"
WORK = "map"
"""What the making of a map is called among the work of processes."""
NEAR = 10
"""Items of a person's list whose mean place is shown as theirs."""


TOLD = ("method", "laid_out", "neighbours", "neighbours_kept", "like", "begun_with")
"""What is told of a map as its file says it."""


class Making(Struct):
    """How far the making of a map is, or what came of the last one."""

    state: str  # none, running, done, failed, killed
    step: str | None = None
    news: str | None = None
    run: str | None = None
    began: int | None = None
    ended: int | None = None
    why: str | None = None


class OtherMap(Struct):
    """Another run that has one."""

    run: str
    method: str
    like: str | None  # the run it was begun with


class MapFacts(Struct):
    """The map of a run, and how far it may be believed."""

    run: str
    state: str  # there; none: it can be made; no vectors: it cannot
    why: str | None = None
    method: str | None = None
    items: int = 0  # rows of the places
    placed: int = 0
    laid_out: int = 0  # the others lie among these, at the mean place of their nearest
    neighbours: int | None = None
    neighbours_kept: float | None = None  # share of the nearest in the space that are nearest here
    like: str | None = None
    begun_with: int = 0
    unfolds: bool = True  # is t-SNE installed here?
    colours: list[Colouring] = field(default_factory=list)
    others: list[OtherMap] = field(default_factory=list)
    making: Making | None = None


class MapItem(Struct):
    """An item by its row."""

    row: int
    item: str
    title: str
    placed: bool


class MapItems(Struct):
    """Some of them."""

    items: list[MapItem]
    found: int  # that fit, with those that are not told


class MapNeighbour(Struct):
    """An item that is like another."""

    rank: int
    row: int
    item: str
    title: str
    score: float
    closer: int | None  # items that lie nearer on the map; none: one of both has no place


class MapNear(Struct):
    """What the model holds to be most like an item, without filters and rules."""

    row: int
    item: str
    title: str
    measure: str  # cosine, or the model's own
    neighbours: list[MapNeighbour]
    near: int | None  # how many of them are among as many that lie nearest on the map


class Step(Struct):
    """Something a person did."""

    row: int
    item: str
    title: str
    time: int  # seconds since 1970 UTC, or an order
    type: str | None


class Way(Struct):
    """A person's way through the map, and where they are now."""

    user: str
    steps: list[Step]  # oldest first, those that have a place and those that have not
    place: list[float] | None  # mean place of the nearest, what scores higher counting more
    spread: float | None  # mean distance of these from there
    nearest: list[MapNeighbour]  # to the person, by inner product; filters and rules have no say


class OfRun(Struct, forbid_unknown_fields=True):
    """Of which run; none: of the one that answers."""

    run: str | None = None


class By(Struct, forbid_unknown_fields=True):
    """What colours say."""

    by: str


class Wanted(Struct, forbid_unknown_fields=True):
    """Items by their rows, or by words of their title or id."""

    rows: Annotated[list[int], Meta(max_length=200)] = field(default_factory=list)
    find: Annotated[str, Meta(max_length=200)] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 20


class Near(Struct, forbid_unknown_fields=True):
    """Nearest to which item, and how many."""

    item: Id
    k: Annotated[int, Meta(ge=1, le=100)] = 10


class OfUser(Struct, forbid_unknown_fields=True):
    """Whose way, and how much of it."""

    user: Id
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


async def facts(call: Call) -> Reply:
    """What there is, and what can be made."""
    return Reply(await call.service.aside(_facts, call))


async def make(call: Call) -> Reply:
    """Of the run that answers, in a process of its own; while one is made, no other."""
    service, snapshot = call.service, call.service.current.snapshot
    why = await service.aside(_flat, snapshot)
    if why is not None:
        raise Problem(409, why)
    words, about = ["map", snapshot.run.folder], {"run": snapshot.model}
    await service.aside(service.work.begin, WORK, words, about)
    return Reply(await service.aside(_facts, call), 202)


async def points(call: Call) -> Reply:
    """X and y of each row, float32, least significant byte first; NaN: no place."""
    found = await call.service.aside(_places, call, call.query.run)
    return Reply(found.astype("<f4").tobytes(), type=BYTES)


async def colours(call: Call) -> Reply:
    """A code for each row, and what it means."""
    snapshot, now = call.service.current.snapshot, call.now_ms // 1000
    return Reply(await call.service.aside(coloured, snapshot, call.query.by, now))


async def items(call: Call) -> Reply:
    """What rows are called, or which rows are called so."""
    return Reply(await call.service.aside(_items, call))


async def near(call: Call) -> Reply:
    """In the space itself, not on its map."""
    return Reply(await call.service.aside(_near, call, call.query.item))


async def way(call: Call) -> Reply:
    """What a person did, item by item, and where that leaves them."""
    return Reply(await call.service.aside(_way, call))


def _facts(call: Call) -> MapFacts:
    snapshot, maps = call.service.current.snapshot, call.service.maps
    found = MapFacts(snapshot.model, "none", unfolds=has_tsne(), making=_making(call.service))
    found.items, folder = len(snapshot.catalog), snapshot.run.folder
    found.why = _flat(snapshot)
    if found.why is not None:
        found.state = "no vectors"
        return found
    found.colours = colourings(snapshot)
    others = (folder.parent / m.name for m in call.service.current.models() if not m.current)
    found.others = [one for one in map(_other, others) if one is not None]
    if has_map(folder):
        try:
            told, places = map_facts(folder), maps.places(folder, snapshot)
        except ArtifactError as error:
            log.warning("%s", error)
            found.why = "its map is damaged, or of another version"
            return found
        found.placed, found.state = int(np.isfinite(places[:, 0]).sum()), "there"
        for name in TOLD:
            setattr(found, name, told[name])
    return found


def _other(folder: Path) -> OtherMap | None:
    """One that cannot be read is as good as none."""
    try:
        told = map_facts(folder) if has_map(folder) else None
    except ArtifactError:
        return None
    return None if told is None else OtherMap(folder.name, told["method"], told["like"])


def _flat(snapshot: Snapshot) -> str | None:
    """Why this run can have no map; None: it can."""
    try:
        main = space_in(snapshot).main
    except SpaceError as error:
        return str(error)
    if isinstance(plain(main.encoder), PopularityEncoder) or main.vectors.shape[1] < 2:
        return "a model that knows more than how popular items are expected: they lie on a line"
    return None


def _making(service: Service) -> Making:
    told = service.work.told(WORK)
    facts = {n: told.get(n) for n in Making.__struct_fields__}
    return msgspec.convert({**facts, "run": told["about"].get("run")}, Making)


def _places(call: Call, run: str | None) -> Float32[ndarray, "n 2"]:
    """Raises Problem: there is no such run, or it has no map."""
    snapshot, service = call.service.current.snapshot, call.service
    folder = snapshot.run.folder
    if run is not None and run != snapshot.model:
        if run not in [model.name for model in service.current.models()]:
            raise Problem(404, f"a run that is there expected, {run!r} came", "query: run")
        folder = folder.parent / run
    if not has_map(folder):
        raise Problem(404, f"{folder.name} has no map yet: «bowerbird map» or POST /v1/map")
    return service.maps.places(folder, snapshot)


def _drawn(call: Call) -> Float32[ndarray, "n 2"] | None:
    """Places of the run that answers, where it has a map."""
    return _places(call, None) if has_map(call.service.current.snapshot.run.folder) else None


def _items(call: Call) -> MapItems:
    snapshot, asked = call.service.current.snapshot, call.query
    titles, drawn, shown = call.service.maps.titles(snapshot), _drawn(call), shown_in(snapshot)
    rows = [row for row in asked.rows if 0 <= row < len(shown) and shown[row]]
    if asked.find.strip():
        words = asked.find.lower().split()
        fits = [r for r, told in enumerate(titles.small) if all(word in told for word in words)]
        rows += [row for row in fits if shown[row]]
    ids = snapshot.catalog.items.ids
    some = rows[: max(asked.limit, len(asked.rows))]
    there = np.zeros(len(ids), bool) if drawn is None else np.isfinite(drawn[:, 0])
    told = [MapItem(row, ids[row], titles.words[row], bool(there[row])) for row in some]
    return MapItems(told, len(rows))


def _near(call: Call, id: str) -> MapNear:
    snapshot, maps = call.service.current.snapshot, call.service.maps
    row = int(snapshot.catalog.items.rows([id])[0])
    if row < 0 or not shown_in(snapshot)[row]:
        raise Problem(404, f"an item expected, {id!r} is not there")
    measure, hits = maps.nearest(snapshot, row, call.query.k)
    drawn = _drawn(call)
    found = _told(call, snapshot, hits.rows[0], hits.scores[0])
    if drawn is not None:
        counts = closer(drawn, row, np.array([one.row for one in found], np.int64))
        for one, count in zip(found, counts, strict=True):
            one.closer = count
    on = [one.closer for one in found if one.closer is not None]
    near = sum(count < len(found) for count in on) if on else None
    title = maps.titles(snapshot).words[row]
    return MapNear(row, id, title, measure, found, near)


def _told(call: Call, snapshot: Snapshot, rows: ndarray, scores: ndarray) -> list[MapNeighbour]:
    titles, ids = call.service.maps.titles(snapshot).words, snapshot.catalog.items.ids
    pairs = [(r, s) for r, s in zip(rows.tolist(), scores.tolist(), strict=True) if r >= 0]
    return [MapNeighbour(n, r, ids[r], titles[r], s, None) for n, (r, s) in enumerate(pairs, 1)]


def _way(call: Call) -> Way:
    service, snapshot, user = call.service, call.service.current.snapshot, call.query.user
    names = (user, service.identity.user(user))
    _, query = known_of(service, snapshot, names, call.now_ms // 1000)
    titles, ids = service.maps.titles(snapshot).words, snapshot.catalog.items.ids
    types: list[str | None] = [None] * len(query.items)
    if query.types is not None:
        types = [query.type_names[code] for code in query.types.tolist()]
    events = zip(query.items.tolist(), query.times.tolist(), types, strict=True)
    steps = [Step(row, ids[row], titles[row], *rest) for row, *rest in events][-call.query.limit :]
    main, drawn = space_in(snapshot).main, _drawn(call)
    vector = main.encoder.encode_queries(query)
    if not len(steps) or not np.any(vector):
        return Way(user, steps, None, None, [])
    hits = main.index.search(vector, NEAR, shown_in(snapshot))
    found = _told(call, snapshot, hits.rows[0], hits.scores[0])
    return Way(user, steps, *_middle(drawn, found), found)


def _middle(
    drawn: Float32[ndarray, "n 2"] | None, found: list[MapNeighbour]
) -> tuple[list[float] | None, float | None]:
    """The mean place of these, what scores higher counting more, and how far they are from it."""
    if drawn is None:
        return None, None
    rows = [one for one in found if np.isfinite(drawn[one.row]).all() and one.score > 0]
    if not rows:
        return None, None
    places = drawn[[one.row for one in rows]].astype(np.float64)
    weights = np.array([one.score for one in rows])
    middle = weights @ places / weights.sum()
    return middle.tolist(), float(np.linalg.norm(places - middle, axis=1).mean())


ROUTES = (
    Route("GET", "/v1/map", "catalog:read", facts, "The map of the run that answers", MapFacts),
    Route("POST", "/v1/map", "admin", make, "Make the map of the run that answers", MapFacts,
          status=202),
    Route("GET", "/v1/map/points", "catalog:read", points, "Places of all items, as numbers",
          query=OfRun, media=BYTES),
    Route("GET", "/v1/map/colours", "catalog:read", colours, "What all items are coloured by",
          Colours, query=By),
    Route("GET", "/v1/map/items", "catalog:read", items, "Items of the map by row or words",
          MapItems, query=Wanted),
    Route("GET", "/v1/map/path", "people:read", way, "A person's way through the map", Way,
          query=OfUser),
    Route("GET", "/v1/map/near", "catalog:read", near, "What is truly nearest, beside the map",
          MapNear, query=Near),
)  # fmt: skip
