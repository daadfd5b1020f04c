"""A process that serves: opens, listens, and when it is told to stop answers what it has begun."""

import asyncio
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from bowerbird.errors import ConfigError
from bowerbird.serving.app import application
from bowerbird.serving.service import Service, Settings
from bowerbird.store.opened import open_store

GRACE_S = 20
"""Seconds in which what was begun must be answered."""
SWITCH_S = 0.0005
"""After so long a thread that computes lets the one that answers go first."""
LINGER_S = 1.0
"""Between saying that it stops and closing its door: whoever balances load has to notice."""


class Lines(logging.Formatter):
    """A line of JSON for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, where from, and what."""
        told: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{record.msecs:03.0f}",
            "level": record.levelname.lower(),
            "from": record.name,
            **({"message": record.getMessage()} if record.getMessage() else {}),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            told["fault"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()


def serve_forever(
    runs: Path,
    store: Path | str,
    data: Path,
    settings: Settings,
    address: tuple[str, int],
    say: Callable[[str, str], object],
    clock: Callable[[], float] = time.time,  # noqa: TID251  the edge reads the clock
) -> None:
    """Until SIGTERM or Ctrl-C.

    Args:
        runs: a run folder, or a folder of them.
        store: the folder or the URL of the database of what changes.
        data: the folder of what this machine keeps.
        settings: how the server behaves.
        address: host and port.
        say: told where it listens, in words and as the address of its console.
        clock: seconds since 1970 UTC.

    Raises:
        ArtifactError: the run or the store cannot be opened.
        ConfigError: the port is taken.
    """
    _log_lines()
    sys.setswitchinterval(SWITCH_S)
    listening = _listening(*address)
    url = store if isinstance(store, str) else None
    service = Service(runs, open_store(store), data, settings, clock, url)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    name = service.current.snapshot.model
    here = f"http://{shown}:{port}"
    told = f"{name or 'no model yet'} answers at {here}/v1 · Ctrl-C stops it\n"
    told += f"its console is at {here}/" + ("" if name else "#/data: bring your data there")
    try:
        if settings.retrain is not None:
            service.retraining.look_every(settings.retrain)
        _runner()(_served(service, listening, lambda: say(told, f"{here}/")))
    finally:
        service.close()


async def _served(
    service: Service, listening: socket.socket, started: Callable[[], object]
) -> None:
    config = uvicorn.Config(
        application(service),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
    )
    server = uvicorn.Server(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    started()
    service.current.watch(service.settings.refresh_s)
    serving = asyncio.create_task(server._serve([listening]))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
    service.stopping = True
    await asyncio.sleep(LINGER_S)
    server.should_exit = True
    await serving
    waiting.cancel()


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """The faster loop, where there is one."""
    with suppress(ImportError):  # it is not for every system
        import uvloop

        return uvloop.run
    return asyncio.run


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # without its protocol said, what is small is held back until the other side has answered
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)  # who comes before the loop runs, waits
    except OSError as error:
        listening.close()
        came = f"{host}:{port}: {error.strerror or error}"
        raise ConfigError(f"a free port expected, {came}; choose another with --port") from None
    listening.setblocking(False)
    return listening


def _log_lines() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    for name in ("bowerbird", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
