"""What goes wrong for a client, as RFC 9457 has it told: a type, a status, and words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TYPE = "application/problem+json"
TITLES: Mapping[int, str] = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "The key does not open this",
    404: "Not found",
    405: "Another method is expected",
    409: "It does not go with what is there",
    412: "It has changed since",
    413: "Too much at once",
    415: "Another content type is expected",
    422: "The request says something that cannot be done",
    429: "Too many requests",
    503: "Not now",
    507: "No room",
}


@dataclass(frozen=True)
class Problem(Exception):
    """Ends a request. `detail` says what was expected, what came, and what to do."""

    status: int
    detail: str
    where: str | None = None  # the field, as $.events[3].item
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request: str) -> dict[str, Any]:
        """As the client reads it."""
        told: dict[str, Any] = {
            "type": f"urn:bowerbird:problem:{self.status}",
            "title": TITLES.get(self.status, "It went wrong"),
            "status": self.status,
            "detail": self.detail,
            "request_id": request,
        }
        return told if self.where is None else {**told, "field": self.where}
