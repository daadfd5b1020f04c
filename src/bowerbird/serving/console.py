"""The console: pages without a build step that ask this interface as everybody else does."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from bowerbird.errors import ConfigError
from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.problems import Problem
from bowerbird.serving.script import TYPE as JAVASCRIPT

FOLDER = Path(__file__).parent / "static" / "console"
HTML, PAGE = "text/html", "index.html"
TYPES = {".html": HTML, ".js": JAVASCRIPT, ".css": "text/css"}
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "data:",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'none'",
}


def policy(images: Sequence[str] = ()) -> str:
    """What the page may do: run and ask what comes from here, and nothing that stands inside it.

    Args:
        images: origins that pictures of items may come from.
    """
    told = {**SOURCES, "img-src": " ".join(("data:", *images))}
    return "; ".join(f"{name} {source}" for name, source in told.items())


def checked_origins(images: Sequence[str]) -> tuple[str, ...]:
    """These, if each is the origin of an address and nothing more.

    Raises:
        ConfigError: one is not.
    """
    for one in images:
        if not ORIGIN.fullmatch(one):
            expected = "--images: an origin expected, as https://cdn.shop.example"
            raise ConfigError(f"{expected}, {one[:80]!r} came: leave out the path")
    return tuple(images)


POLICY = policy()
HEADERS = {
    "Cache-Control": "no-cache",  # kept, but asked about: a new version is there at once
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FILES = {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.suffix in TYPES}
_TAGS = {name: f'"{hashlib.sha256(body).hexdigest()[:16]}"' for name, body in _FILES.items()}


async def page(call: Call) -> Reply:
    """The page itself."""
    return _file(call, PAGE)


async def part(call: Call) -> Reply:
    """What it consists of."""
    name = call.named("file")
    if name not in _FILES:
        raise Problem(404, "a file of the console expected, there is none of this name")
    return _file(call, name)


def _file(call: Call, name: str) -> Reply:
    told = policy(call.service.settings.images)
    headers = {**HEADERS, "Content-Security-Policy": told, "ETag": _TAGS[name]}
    type = TYPES[Path(name).suffix]
    if _TAGS[name] in call.request.headers.get("if-none-match", ""):
        return Reply(b"", 304, headers, type)
    return Reply(_FILES[name], 200, headers, type)


ROUTES = (
    Route("GET", "/", None, page, "The console", media=HTML),
    Route("GET", "/console/{file}", None, part, "A part of the console", media="*/*"),
)
