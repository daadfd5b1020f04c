"""Keys of a TOML table said anew in its text: what somebody has written around them stays."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from bowerbird.errors import ConfigError


def with_keys(text: str, table: str, changes: Mapping[str, Any]) -> str:
    r"""The text with these keys of a table as they shall be; None takes one out.

    Args:
        text: TOML.
        table: its name, with letters and _ alone, as those of the keys.
        changes: texts, numbers, truths, and lists of them.

    Raises:
        ConfigError: it is written in a way that this cannot change, as `triggers.every = "1d"`.

    >>> print(with_keys('[a]\nx = 1  # one\n\n[b]\n', "a", {"x": 2, "y": "z"}), end="")
    [a]
    x = 2  # one
    y = "z"
    <BLANKLINE>
    [b]
    """
    before = tomllib.loads(text)
    wanted = {**before.get(table, {}), **changes}
    wanted = {key: value for key, value in wanted.items() if value is not None}
    lines = text.splitlines(keepends=True)
    for key, value in changes.items():
        lines = _with_key(lines, table, key, value)
    made = "".join(lines)
    try:
        same = tomllib.loads(made) == {**before, table: wanted}
    except ValueError:
        same = False
    if not same:
        told = f"a table [{table}] with a key on each line expected, it is written in another way"
        raise ConfigError(f"{told}: change the file by hand")
    return made


def _with_key(lines: list[str], table: str, key: str, value: Any) -> list[str]:  # noqa: ANN401  any
    head = _find(lines, rf"\s*\[\s*{table}\s*\]\s*(#.*)?$")
    if head is None:
        gap = ["\n"] if lines and lines[-1].strip() else []
        return _with_key([*_ended(lines), *gap, f"[{table}]\n"], table, key, value)
    end = _find(lines, r"\s*\[", head + 1) or len(lines)
    at = _find(lines, rf"\s*{key}\s*=", head + 1, end)
    line = [] if value is None else [f"{key} = {json.dumps(value, ensure_ascii=False)}"]
    if at is not None:
        until = _until(lines, at)
        more = _comment("".join(lines[at:until]))
        return [*lines[:at], *(f"{told}{more}" for told in line), *lines[until:]]
    last = head
    while (found := _find(lines, r"\s*[\w-]+\s*=", last + 1, end)) is not None:
        last = _until(lines, found) - 1
    return [*_ended(lines[: last + 1]), *(f"{told}\n" for told in line), *lines[last + 1 :]]


def _find(lines: list[str], pattern: str, start: int = 0, end: int | None = None) -> int | None:
    end = len(lines) if end is None else end
    return next((at for at in range(start, end) if re.match(pattern, lines[at])), None)


def _until(lines: list[str], at: int) -> int:
    """The line after the value that begins here."""
    return next((n for n in range(at + 1, len(lines)) if _read("".join(lines[at:n]))), len(lines))


def _comment(statement: str) -> str:
    """What follows the value on its line."""
    told = _read(statement)
    for found in re.finditer(r"\s*#", statement):
        if _read(statement[: found.start()]) == told:
            return statement[found.start() :]
    return "\n"


def _ended(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1].rstrip("\n") + "\n"] if lines else lines


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}
