"""Scopes: what a key may do; and roles: names for the sets of scopes that people need."""

from collections.abc import Sequence
from typing import Literal, get_args

from bowerbird.errors import ConfigError

SCOPES = (
    "recs:read",
    "events:write",
    "catalog:read",
    "catalog:write",
    "rules:write",
    "people:read",
    "people:write",
    "metrics:read",
    "admin",
)
PUBLIC = ("recs:read", "events:write")
"""All that a key may do which everybody can read in a page."""
USUAL = tuple(scope for scope in SCOPES if scope not in ("rules:write", "admin"))
"""What a secret key may do of which nothing else is said: the work of a shop's own programs."""
ANY = "any"
"""What a route asks for that every key opens; no key has it among its scopes."""
Role = Literal["viewer", "editor", "admin"]
VIEWER = ("recs:read", "catalog:read", "people:read", "metrics:read")
ROLES: dict[Role, tuple[str, ...]] = {
    "viewer": VIEWER,
    "editor": (*VIEWER, "catalog:write", "rules:write"),
    "admin": ("admin",),
}
"""What people do: look, work on items and rules, and everything."""


def role_of(scopes: Sequence[str]) -> Role | None:
    """The role that has just these scopes; None: they were chosen one by one.

    >>> role_of(["metrics:read", "recs:read", "people:read", "catalog:read"])
    'viewer'
    >>> role_of(["metrics:read", "admin"]), role_of(["metrics:read"])
    ('admin', None)
    """
    if "admin" in scopes:
        return "admin"
    return next((role for role, its in ROLES.items() if set(its) == set(scopes)), None)


def scopes_of(role: str | None, scopes: Sequence[str], public: bool) -> tuple[str, ...]:
    """What a new key may do.

    Args:
        role: the name of a set of scopes.
        scopes: or these; neither: what is usual for such a key.
        public: can everybody read it?

    Raises:
        ConfigError: both came, there is no such role, or a public key was to have one.
    """
    if role is None:
        return tuple(scopes) or (PUBLIC if public else USUAL)
    if role not in get_args(Role):
        raise ConfigError(f"a role among {', '.join(ROLES)} expected, {role!r} came")
    if scopes or public:
        came = "scopes, too" if scopes else "a public key"
        raise ConfigError(f"a role alone, of a secret key, expected, {came} came")
    return next(its for name, its in ROLES.items() if name == role)
