"""What a command that runs as a process of its own tells whoever began it, and how that is read.

Apart from `progress`, which is of retrains, since every command tells it, and the first thing that
one does must be fast. A line of JSON each: a step that begins, news of it, its seconds, the end.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FOLLOWED = "BOWERBIRD_PROGRESS"
"""The variable that names the file; without it nothing is told."""
OFTEN_S = 0.5
"""Between two news that are written down."""


def tell(path: str | None, **facts: Any) -> None:  # noqa: ANN401  whatever JSON can hold
    """One more line; a full disk keeps nobody from working."""
    if path:
        with suppress(OSError), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(facts, ensure_ascii=False) + "\n")


@contextmanager
def step(path: str | None, name: str) -> Iterator[Callable[[str], None]]:
    """While it lasts it is the step that is being done; call what it gives with news."""
    began = last = time.perf_counter()
    tell(path, step=name)

    def news(text: str) -> None:
        nonlocal last
        if time.perf_counter() - last >= OFTEN_S:
            last = time.perf_counter()
            tell(path, step=name, news=text)

    yield news
    tell(path, step=name, seconds=round(time.perf_counter() - began, 2))


def followed(path: Path) -> dict[str, Any]:
    """All lines as one: step and news of now, steps that are done, and the exit code at the end."""
    told: dict[str, Any] = {"step": None, "news": None, "steps": [], "code": None}
    with suppress(OSError), path.open("rb") as lines:
        for line in lines:
            with suppress(ValueError):  # the last one may be torn
                _fold(told, json.loads(line))
    return told


def _fold(told: dict[str, Any], line: dict[str, Any]) -> None:
    if "code" in line:
        told |= {"code": line["code"], "step": None, "news": None}
    elif "seconds" in line:
        told["steps"].append({"step": line["step"], "seconds": line["seconds"]})
        told |= {"step": None, "news": None}
    else:
        told |= {"step": line["step"], "news": line.get("news")}
