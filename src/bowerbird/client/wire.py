"""Calls as HTTP requests: the only door to httpx2."""

from typing import Any
from urllib.parse import urlsplit

from bowerbird.client.calls import Call, content_of
from bowerbird.errors import ConfigError

try:
    import httpx2
except ImportError as error:
    raise ImportError("the client needs httpx2: pip install 'bowerbird[client]'") from error

__all__ = ["address", "httpx2", "request_of", "settings"]


def address(url: str) -> str:
    """Where a service is, however it was written.

    >>> address("http://127.0.0.1:8000/v1/")
    'http://127.0.0.1:8000'

    Raises:
        ConfigError: it is no address.
    """
    told = urlsplit(url)
    if told.scheme not in ("http", "https") or not told.netloc or told.query or told.fragment:
        raise ConfigError(f"an address as https://recs.shop.example expected, {url!r} came")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def settings(key: str | None, timeout_s: float) -> dict[str, Any]:
    """What both clients are made with.

    Raises:
        ConfigError: the key is none.
    """
    if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key):
        raise ConfigError("a key as pk_… or sk_… expected, with no space or line end around it")
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return {"headers": headers, "timeout": timeout_s}


def request_of(
    http: httpx2.Client | httpx2.AsyncClient, url: str, call: Call[Any], now: float
) -> httpx2.Request:
    """The request, the same bytes however often it is sent.

    Args:
        http: what will send it.
        url: of the service.
        call: what is asked.
        now: seconds since 1970 UTC, for events without a time.
    """
    content = content_of(call, int(now * 1000))
    query = {name: str(value) for name, value in call.query.items() if value is not None}
    headers = {} if content is None else {"Content-Type": "application/json"}
    where = url + call.path
    return http.build_request(
        call.method, where, params=query or None, content=content, headers=headers
    )
