"""One request on its way through: who asks, may they, what do they say, what is the answer.

Apart from the routes because it is the same for all of them: a route says what it needs in a table.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import GeneratorType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bowerbird.errors import ArtifactError, ConfigError, DataError, SpaceError, StoreDown
from bowerbird.serving.guard import OPEN, Who
from bowerbird.serving.messages import fault_of_id
from bowerbird.serving.problems import TYPE, Problem
from bowerbird.serving.rec_id import rec_id

if TYPE_CHECKING:
    from bowerbird.serving.service import Service

BODY = 1 << 20
"""Bytes of a request, at most."""
JSON = "application/json"
LINES = "application/x-ndjson"
log = logging.getLogger("bowerbird.requests")
tracer = trace.get_tracer("bowerbird")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out."""

    body: Any  # a message, plain JSON values, bytes, or a generator of them
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = JSON


@dataclass(slots=True)
class Call:
    """A request, read and allowed."""

    service: "Service"
    request: Request
    who: Who
    id: str
    now_ms: int
    query: Any = None
    body: Any = None
    raw: bytes = b""

    def named(self, name: str) -> str:
        """An id in the path.

        Raises:
            Problem: it cannot be one.
        """
        where = f"path: {name}"
        try:
            return checked(unquote(self.request.path_params[name], errors="strict"), where)
        except UnicodeDecodeError:
            raise Problem(422, "UTF-8 expected", where) from None


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table of routes."""

    method: str
    path: str
    scope: str | None  # None: anybody
    handler: Handler
    summary: str
    gives: Any = None  # type of the reply, for the description of the interface
    takes: Any = None  # type of the body; None: there is none
    query: Any = None  # type of the query string
    types: tuple[str, ...] = (JSON,)  # of the body
    public: bool = False  # may a public key be used, and may it stand in the address?
    raw: bool = False  # the handler reads the body itself
    status: int = 200
    media: str = "text/plain"  # of a reply that is no message
    example: Any = None

    @property
    def name(self) -> str:
        """What metrics and tests call it."""
        return f"{self.method} {self.path}"


def endpoint(route: Route, service: "Service") -> Callable[[Request], Awaitable[Response]]:
    """What Starlette calls."""

    async def answer(request: Request) -> Response:
        began, name = time.perf_counter(), _request_name(request, service)
        about = {"http.route": route.path, "http.request.method": route.method}
        above = propagate.extract(request.headers)
        with tracer.start_as_current_span(route.name, above, SpanKind.SERVER, about) as span:
            try:
                reply = await _replied(route, service, request, name)
            except Problem as problem:
                reply = Reply(problem.body(name), problem.status, problem.headers, TYPE)
            span.set_attribute("http.response.status_code", reply.status)
        took = time.perf_counter() - began
        service.telemetry.requests.labels(route.name, str(reply.status)).inc()
        service.telemetry.seconds.labels(route.name).observe(took)
        if log.isEnabledFor(logging.INFO):
            log.info("", extra={"told": _line(route, reply, name, took)})
        return _response(reply, name)

    return answer


async def _replied(route: Route, service: "Service", request: Request, name: str) -> Reply:
    who = _admitted(route, service, request)
    query = None if route.query is None else _query(route, request)
    call = Call(service, request, who, name, service.now_ms(), query)
    if route.takes is not None:
        call.raw = await _body(route, request)
        if not route.raw:
            call.body = decoded(call.raw, route.takes)
    try:
        return await route.handler(call)
    except SpaceError as error:
        raise Problem(409, str(error)) from error
    except (ConfigError, DataError) as error:
        raise Problem(422, str(error)) from error
    except StoreDown as error:
        raise Problem(503, str(error), headers={"Retry-After": "1"}) from error
    except ArtifactError as error:
        log.error("%s", error)
        raise Problem(
            503, "the store cannot be read or written", headers={"Retry-After": "5"}
        ) from error


def decoded(raw: bytes, kind: Any, where: str = "$") -> Any:  # noqa: ANN401  what the type says
    """The message in these bytes.

    Raises:
        Problem: it is none.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at `")
        raise Problem(422, told, where + place.rstrip("`").removeprefix("$")) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"JSON expected: {error}", where) from error


def checked(id: str, where: str) -> str:
    """The id, if it can be one.

    Raises:
        Problem: it cannot.
    """
    fault = fault_of_id(id)
    if fault is not None:
        raise Problem(422, f"{fault}, another id came", where)
    return id


def _admitted(route: Route, service: "Service", request: Request) -> Who:
    if route.scope is None:
        return OPEN
    told = request.headers.get("authorization", "")
    key = told.removeprefix("Bearer ").strip() if told.startswith("Bearer ") else None
    key = key or request.headers.get("x-api-key")
    if key is None and route.public:
        key = request.query_params.get("key")
        if key is not None and not key.startswith("pk_"):
            raise Problem(401, "only a public key may stand in an address; secret ones in a header")
    address = request.client.host if request.client else ""
    who = service.guard.who(key, address)
    if who is OPEN and not route.public and _of_another_page(request, service):
        told = "a request of this server's own page expected, one of another page came"
        raise Problem(403, f"{told}: a page that may ask is named with --origin, or sends a key")
    if who.kind == "public" and not route.public:
        raise Problem(403, "a secret key expected here, a public one came")
    if not who.may(route.scope):
        raise Problem(
            403, f"a key with the scope {route.scope} expected, it has {', '.join(who.scopes)}"
        )
    service.guard.spend(who)
    return who


def _of_another_page(request: Request, service: "Service") -> bool:
    """Does a browser ask for a page of somebody else? Where no key is needed, nothing else tells.

    Source: https://www.w3.org/TR/fetch-metadata/ (Sec-Fetch-Site).
    """
    site = request.headers.get("sec-fetch-site", "none")
    named = request.headers.get("origin") in service.settings.origins
    return site not in ("none", "same-origin") and not named


def _query(route: Route, request: Request) -> Any:  # noqa: ANN401  what the route says
    told: dict[str, Any] = {}
    lists = {f.name for f in msgspec.structs.fields(route.query) if "list" in str(f.type)}
    for name, value in request.query_params.multi_items():
        if name == "key":
            continue
        if name in lists:
            told.setdefault(name, []).extend(value.split(",") if value else [])
        elif name in told:
            raise Problem(422, "one value expected, several came", f"query: {name}")
        else:
            told[name] = value
    try:
        return msgspec.convert(told, route.query, strict=False)
    except msgspec.ValidationError as error:
        told_, _, place = str(error).partition(" - at `")
        raise Problem(422, told_, f"query: {place.rstrip('`').removeprefix('$.')}") from error


async def _body(route: Route, request: Request) -> bytes:
    """The bytes that came, at most as many as are taken."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in route.types:
        raise Problem(415, f"{' or '.join(route.types)} expected, {kind[:80]} came")
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > BODY:
        raise Problem(
            413, f"at most {BODY:,} bytes expected, {int(told):,} came: send smaller batches"
        )
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY:
            raise Problem(413, f"at most {BODY:,} bytes expected: send smaller batches")
        parts.append(part)
    return b"".join(parts)


def _request_name(request: Request, service: "Service") -> str:
    """The client's own name for it, where it is one; else ours."""
    told = request.headers.get("x-request-id", "")
    return (
        told
        if told and len(told) <= 128 and told.isascii() and told.isprintable()
        else rec_id(service.now_ms())
    )


def _line(route: Route, reply: Reply, name: str, took: float) -> dict[str, Any]:
    ms = round(took * 1000, 2)
    return {"route": route.name, "status": reply.status, "ms": ms, "request": name}


def _response(reply: Reply, name: str) -> Response:
    headers = {"X-Request-Id": name, "Cache-Control": "no-store", **reply.headers}
    if isinstance(reply.body, GeneratorType):
        return StreamingResponse(reply.body, reply.status, headers, reply.type)
    body = reply.body if isinstance(reply.body, bytes) else _encode(reply.body)
    return Response(body, reply.status, headers, reply.type)
