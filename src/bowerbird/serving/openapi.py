"""The description of the interface (OpenAPI 3.1), made of the table of routes and its messages."""

import re
from collections.abc import Sequence
from types import UnionType
from typing import Any, get_args

import msgspec

from bowerbird.serving.call import LINES, Route
from bowerbird.serving.console import HTML
from bowerbird.serving.problems import TITLES, TYPE
from bowerbird.serving.script import TYPE as SCRIPT

REFS = "#/components/schemas/{name}"
ALWAYS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


class Problem(msgspec.Struct):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    field: str | None = None


def described(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The document.

    Args:
        routes: all there are.
        version: of bowerbird.
    """
    told = [kind for r in routes for kind in (r.gives, r.takes, r.query) if kind is not None]
    kinds = list(dict.fromkeys([one for kind in told for one in _each(kind)] + [Problem]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFS)
    of = dict(zip(kinds, schemas, strict=True))
    of |= {kind: {"anyOf": [of[one] for one in _each(kind)]} for kind in told if kind not in of}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, of, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "bowerbird", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _each(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401  a type, or several
    """The types of a union: the library describes them one by one only."""
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _operation(route: Route, of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": _name(route),
        "summary": route.summary,
        "description": f"Scope: {route.scope or 'none is needed'}.",
        "tags": [route.path.removeprefix("/v1").split("/")[1] or "console"],
        "parameters": [*_in_path(route), *_in_query(route, of, components)],
        "responses": _responses(route, of),
    }
    if route.scope is not None:
        told["security"] = [{"key": []}, {"header": []}, {}]
    if route.takes is not None:
        schema = {"schema": of[route.takes]}
        if route.example is not None:
            schema["example"] = route.example
        content = {kind: {"schema": {"type": "string"}} for kind in route.types if kind == LINES}
        told["requestBody"] = {"required": True, "content": {**content, "application/json": schema}}
    return told


def _in_path(route: Route) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 256}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _in_query(route: Route, of: dict[Any, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = components[of[route.query]["$ref"].rpartition("/")[2]]
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": told, "explode": False}
        for name, told in schema["properties"].items()
    ]


def _responses(route: Route, of: dict[Any, Any]) -> dict[str, Any]:
    well: dict[str, Any] = {"description": route.summary}
    if route.gives is not None:
        well["content"] = {"application/json": {"schema": of[route.gives]}}
    elif route.status == 200:
        well["content"] = {route.media: {"schema": {"type": "string"}}}
    content = {TYPE: {"schema": of[Problem]}}
    wrong = {str(s): {"description": TITLES[s], "content": content} for s in ALWAYS}
    tagged = route.path.count("{") == 1 or route.media in (SCRIPT, HTML)
    same = {"304": {"description": "The same as before"}} if tagged else {}
    return {str(route.status): well, **same, **wrong}


def _name(route: Route) -> str:
    words = re.sub(r"\W+", "_", f"{route.method.lower()} {route.path.removeprefix('/v1')}")
    return words.strip("_") if route.path != "/" else "get_console"
