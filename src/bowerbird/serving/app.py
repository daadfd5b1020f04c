"""The application: the table of routes on FastAPI, and what lies around every request."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Served
from starlette.types import ASGIApp, Receive, Scope, Send

from bowerbird.serving import (
    catalog_routes,
    console,
    event_routes,
    import_routes,
    list_routes,
    map_routes,
    metric_routes,
    model_routes,
    neighbour_routes,
    operation_routes,
    retrain_routes,
    rule_routes,
    scenario_routes,
    settings_routes,
    table_routes,
    try_routes,
    vector_routes,
)
from bowerbird.serving.call import Call, Reply, Route, endpoint
from bowerbird.serving.openapi import described
from bowerbird.serving.problems import TYPE, Problem
from bowerbird.serving.rec_id import rec_id
from bowerbird.serving.service import Service

LARGE = 1_000
"""Bytes from which on a reply is packed for clients that take it so."""


async def openapi(call: Call) -> Reply:
    """This interface, described."""
    return Reply(described(ROUTES, version("bowerbird")), headers={"Cache-Control": "no-cache"})


ROUTES: tuple[Route, ...] = (
    *list_routes.ROUTES,
    *vector_routes.ROUTES,
    *map_routes.ROUTES,
    *event_routes.ROUTES,
    *table_routes.ROUTES,
    *catalog_routes.ROUTES,
    *neighbour_routes.ROUTES,
    *metric_routes.ROUTES,
    *operation_routes.ROUTES,
    *model_routes.ROUTES,
    *scenario_routes.ROUTES,
    *rule_routes.ROUTES,
    *try_routes.ROUTES,
    *retrain_routes.ROUTES,
    *settings_routes.ROUTES,
    *import_routes.ROUTES,
    *console.ROUTES,
    Route("GET", "/v1/openapi.json", None, openapi, "This description", dict),
)
"""Everything that can be asked. A route is nowhere else."""


class PathsAsSent:
    """Routes are found by the path as it was sent, so that an id may hold a «/», as %2F."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope.get("raw_path"):
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self.app(scope, receive, send)


def application(service: Service) -> FastAPI:
    """The ASGI application over a service."""
    # its own spans would hold paths, and these the ids of people; `call` makes one a request
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, telemetry={"tracing": False})
    for path in dict.fromkeys(route.path for route in ROUTES):
        app.router.routes.append(_at(path, service))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _broken)
    app.add_middleware(PathsAsSent)
    app.add_middleware(GZipMiddleware, minimum_size=LARGE, compresslevel=1)
    if service.settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "X-Deadline-Ms"],
            max_age=86_400,
        )
    return app


def _at(path: str, service: Service) -> Served:
    """All methods of a path together, so that another one is told which there are."""
    made = {route.method: endpoint(route, service) for route in ROUTES if route.path == path}

    async def answer(request: Request) -> Response:
        return await made["GET" if request.method == "HEAD" else request.method](request)

    return Served(path, answer, methods=list(made))


async def _refused(request: Request, error: Exception) -> Response:
    """What no route has taken."""
    assert isinstance(error, HTTPException)
    return _problem(request, Problem(error.status_code, str(error.detail)), error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    """A bug of ours; what it says goes to the log, not to strangers."""
    return _problem(request, Problem(500, "a fault of the server; its log has more"), None)


def _problem(request: Request, problem: Problem, headers: object) -> Response:
    name = request.headers.get("x-request-id") or rec_id(0)
    more = dict(headers) if isinstance(headers, dict) else {}
    more |= {"X-Request-Id": name[:128]}
    return JSONResponse(problem.body(name[:128]), problem.status, more, TYPE)
