"""Routes to bring tables: upload, look, choose, check, train."""

import re
from typing import Annotated, Any

from msgspec import Meta, Struct, field, to_builtins

from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.messages import Strict, Word
from bowerbird.serving.problems import Problem

BUFFER = 1 << 20
"""Bytes of an upload that are written at once."""
RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
Named = Annotated[str, Meta(min_length=1, max_length=256)]


class Steps(Struct):
    """How far work is, or what came of it."""

    state: str  # none, running, done, failed, killed
    step: str | None = None
    news: str | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    began: int | None = None
    ended: int | None = None
    why: str | None = None


class Brought(Struct):
    """A table that came, or is coming."""

    file: str
    called: str
    size: int  # bytes that are here
    total: int
    whole: bool


class TableOf(Strict):
    """What the columns of a table of items or people mean."""

    id: str | None = None
    kinds: dict[Named, Word] = field(default_factory=dict)
    ignore: list[Named] = field(default_factory=list)


class Choices(Strict):
    """What somebody has chosen."""

    columns: dict[Word, str] = field(default_factory=dict)  # of events: role → column
    context: list[Named] = field(default_factory=list)
    threshold: float | None = None
    items: TableOf | None = None
    users: TableOf | None = None
    without_broken: bool = False  # go on without rows that cannot be read
    keep_unknown: bool = True  # keep items that the table of items lacks
    model: Word = "auto"
    budget: Annotated[str, Meta(pattern=r"^[0-9]{1,5}[smh]$")] | None = None


class Import(Struct):
    """All about one."""

    name: str
    touched: int
    files: list[Brought]
    choices: dict[str, Any] | None
    check: Steps
    findings: list[dict[str, Any]] | None
    train: Steps
    run: str | None  # that is made, or was


class ImportList(Struct):
    """All there are, the newest first."""

    imports: list[Import]


class Came(Struct):
    """How much of a file is here."""

    size: int
    whole: bool


class Broken(Struct):
    """Rows that were set aside."""

    rows: list[dict[str, Any]]


class Called(Struct, forbid_unknown_fields=True):
    """What a file is called where it comes from."""

    called: Annotated[str, Meta(max_length=256)] = ""


class Some(Struct, forbid_unknown_fields=True):
    """How many rows, at most."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 20


async def imports(call: Call) -> Reply:
    """What was brought and not removed yet."""
    found = call.service.imports
    names = await call.service.aside(found.names)
    return Reply(ImportList([_told(await call.service.aside(found.told, one)) for one in names]))


async def get_import(call: Call) -> Reply:
    """How far it is."""
    return await _reply(call)


async def bring(call: Call) -> Reply:
    """A file, or with Content-Range a piece of one: what is here already need not come again."""
    service, named = call.service, (call.named("import"), call.named("file"))
    span = _span(call)
    piece = await service.aside(service.imports.open, *named, span, call.query.called or named[1])
    waiting = bytearray()
    try:
        async for chunk in call.request.stream():
            waiting += chunk
            if len(waiting) >= BUFFER:
                await service.aside(piece.add, bytes(waiting))
                waiting.clear()
        await service.aside(piece.add, bytes(waiting))
        whole = await service.aside(piece.end)
    finally:
        piece.close()
    return Reply(Came(piece.size, whole))


async def look(call: Call) -> Reply:
    """The first rows, and a guess for each column."""
    named = (call.named("import"), call.named("file"))
    return Reply(to_builtins(await call.service.aside(call.service.imports.look, *named)))


async def choose(call: Call) -> Reply:
    """Kept, so that nothing has to be said again."""
    chosen = to_builtins(call.body)
    await call.service.aside(call.service.imports.choose, call.named("import"), chosen)
    return await _reply(call)


async def check(call: Call) -> Reply:
    """Of all rows, in a process of its own."""
    await call.service.aside(call.service.imports.check, call.named("import"))
    return await _reply(call, 202)


async def train(call: Call) -> Reply:
    """In a process of its own; the run that it makes is in `run`."""
    await call.service.aside(call.service.imports.train, call.named("import"))
    return await _reply(call, 202)


async def stop(call: Call) -> Reply:
    """Asked once it may finish its step; asked again it is killed."""
    if not await call.service.aside(call.service.imports.stop, call.named("import")):
        raise Problem(409, "work that is under way expected, there is none")
    return await _reply(call, 202)


async def broken(call: Call) -> Reply:
    """Each with its place, its reason and what it holds."""
    told = (call.named("import"), call.query.limit)
    return Reply(Broken(await call.service.aside(call.service.imports.broken, *told)))


async def remove(call: Call) -> Reply:
    """The files go; the run that was made of them stays."""
    await call.service.aside(call.service.imports.remove, call.named("import"))
    return Reply(b"", 204)


async def _reply(call: Call, status: int = 200) -> Reply:
    found = await call.service.aside(call.service.imports.told, call.named("import"))
    return Reply(_told(found), status)


def _told(found: dict[str, Any]) -> Import:
    works = {
        kind: Steps(**{name: found[kind][name] for name in Steps.__struct_fields__})
        for kind in ("check", "train")
    }
    files = [Brought(**one) for one in found["files"]]
    return Import(**{**found, **works, "files": files})


def _span(call: Call) -> tuple[int, int | None]:
    """Where the piece begins, and how large the file is."""
    told = call.request.headers.get("content-range")
    if told is None:
        length = call.request.headers.get("content-length", "")
        return 0, int(length) if length.isdigit() else None
    found = RANGE.fullmatch(told)
    if found is None or not int(found[1]) <= int(found[2]) < int(found[3]):
        raise Problem(422, f"Content-Range: bytes 0-99/100 expected, {told[:80]!r} came")
    return int(found[1]), int(found[3])


EXAMPLE = {"columns": {"user": "customer", "item": "sku", "timestamp": "at"}, "model": "als"}
AT = "/v1/imports/{import}"
ROUTES = (
    Route("GET", "/v1/imports", "admin", imports, "Tables that were brought", ImportList),
    Route("GET", AT, "admin", get_import, "How far an import is", Import),
    Route("PUT", AT, "admin", choose, "Say what its columns mean", Import, Choices,
          example=EXAMPLE),
    Route("DELETE", AT, "admin", remove, "Remove the tables", status=204),
    Route("GET", f"{AT}/{{file}}/look", "admin", look, "A first look at a table", dict),
    Route("POST", f"{AT}/check", "admin", check, "Check the tables", Import, status=202),
    Route("POST", f"{AT}/train", "admin", train, "Make a run of them", Import, status=202),
    Route("POST", f"{AT}/stop", "admin", stop, "Stop what is under way", Import, status=202),
    Route("GET", f"{AT}/broken", "admin", broken, "Rows that cannot be read", Broken, query=Some),
    # last: each of the others would be a file to it
    Route("PUT", f"{AT}/{{file}}", "admin", bring, "Bring a table, or a piece of one", Came,
          query=Called),
)  # fmt: skip
