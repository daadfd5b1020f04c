"""`bowerbird keys`: who may ask a server."""

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from bowerbird.cli.console import err, out, print_json, print_table
from bowerbird.cli.reading import now
from bowerbird.cli.stores import Data, Store, where_of
from bowerbird.data.moments import seconds
from bowerbird.errors import ConfigError
from bowerbird.serving.guard import new_key
from bowerbird.serving.roles import SCOPES, Role, role_of, scopes_of
from bowerbird.store.opened import open_store
from bowerbird.store.store import Key
from bowerbird.surfaces.strict import seconds_of

keys = typer.Typer(help="Who may ask a server.", no_args_is_help=True)


@keys.callback()
def group() -> None:
    """Who may ask a server."""


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for: shop backend.")],
    public: Annotated[
        bool, typer.Option("--public", help="For pages: everybody can read it, it may do little.")
    ] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(SCOPES)}; repeated. Default: all but rules:write and admin."
        ),
    ] = None,
    role: Annotated[
        Role | None,
        typer.Option(help="For a person: look, or work on items and rules, or everything."),
    ] = None,
    expires: Annotated[str | None, typer.Option(help="After so long: 90d.")] = None,
    data: Data = "bowerbird-data",
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Make a key. It is shown this once; only a hash of it is kept.

    From the first key on, nobody is answered without one.

    [bold]Examples[/bold]

      bowerbird keys create "shop backend"

      bowerbird keys create --public "shop page"

      bowerbird keys create --role viewer "Ada, to look"
    """
    scopes = scopes_of(role, scope or (), public)
    moment = now() * 1000
    ends = None if expires is None else moment + int(seconds_of(expires, "--expires") * 1000)
    told, key = new_key("public" if public else "secret", scopes, name, moment, ends)
    with closing(open_store(where_of(data, store))) as opened:
        opened.keys.add(key)
    if json:
        print_json({**asdict(key), "key": told})
        return
    out.print(told)
    err.print(f"note: {key.id}… may {', '.join(key.scopes)}; keep it, it is not shown again")


@keys.command("list")
def list_(
    data: Data = "bowerbird-data",
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """All keys there ever were.

    [bold]Example[/bold]

      bowerbird keys list
    """
    with closing(open_store(where_of(data, store))) as opened:
        found = opened.keys.all()
    if json:
        print_json([{n: v for n, v in asdict(key).items() if n != "digest"} for key in found])
        return
    moment = now() * 1000
    lines = [[k.id, k.name, k.kind, _may(k), _state(k, moment)] for k in found]
    print_table(("key", "name", "kind", "may", "state"), lines)


@keys.command()
def revoke(
    id: Annotated[str, typer.Argument(help="As «keys list» shows it.")],
    at: Annotated[
        str | None, typer.Option(help="From then on (ISO); so the next one can take over first.")
    ] = None,
    data: Data = "bowerbird-data",
    store: Store = None,
) -> None:
    """Let a key open nothing any more; running servers know it within some seconds.

    [bold]Examples[/bold]

      bowerbird keys revoke sk_0a1b2c3d

      bowerbird keys revoke sk_0a1b2c3d --at 2026-12-24
    """
    moment = now() if at is None else seconds(at)
    with closing(open_store(where_of(data, store))) as opened:
        if not opened.keys.revoke(id, moment * 1000):
            raise ConfigError(f"an open key expected, {id!r} is none: «bowerbird keys list»")
    out.print(f"{id} opens nothing from {_day(moment * 1000)} on")


def _may(key: Key) -> str:
    role = role_of(key.scopes)
    return (
        f"{role}: {', '.join(key.scopes)}" if role not in (None, "admin") else ", ".join(key.scopes)
    )


def _state(key: Key, now_ms: int) -> str:
    if key.revoked is not None:
        return f"{'revoked' if key.revoked <= now_ms else 'ends'} {_day(key.revoked)}"
    if key.expires is not None and key.expires <= now_ms:
        return f"expired {_day(key.expires)}"
    return "never used" if key.used is None else f"used {_day(key.used)}"


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
