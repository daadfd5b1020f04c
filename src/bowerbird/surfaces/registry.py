"""A folder of runs: which one answers, which did before, and why.

RUNS/current        the name of the run that answers
RUNS/audit.jsonl    what became of runs, a line each, only ever added to
RUNS/token          the number of the last who began to make a run: older ones may promote no more
RUNS/<name>/        the runs, which never change
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bowerbird.data.artifacts import json_lines
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.store.written import alone, append, written
from bowerbird.surfaces.run_folder import load_facts

CURRENT, AUDIT, TOKEN, LOCK = "current", "audit.jsonl", "token", ".promote"
What = Literal["promoted", "rolled back", "kept champion", "refused", "retired", "removed"]
OWN = ("at", "what", "run", "before", "who", "why")


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a run."""

    at: int  # seconds since 1970 UTC
    what: What
    run: str | None
    before: str | None  # the run that answered until then
    who: str
    why: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """As it is kept."""
        told = {name: getattr(self, name) for name in OWN}
        return json.dumps({**told, **self.more}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that is there."""

    name: str
    facts: Mapping[str, Any]
    current: bool
    retired: str | None  # why it may answer no more

    @property
    def made(self) -> int:
        """Seconds since 1970 UTC; 0 where the run does not say."""
        return int(self.facts.get("trained_at") or 0)


class Registry:
    """Runs by name. Whatever ends a process, `current` names one whole run, old or new."""

    def __init__(self, folder: Path) -> None:
        """Of this folder.

        Raises:
            ArtifactError: it is one run, or not there.
        """
        if (folder / "run.json").is_file():
            told = f"{folder}: a folder of runs expected, one run came"
            raise ArtifactError(f"{told}; move it into a folder, and name that")
        if not folder.is_dir():
            raise ArtifactError(f"{folder}: a folder of runs expected, there is none")
        self.folder = folder

    def names(self) -> list[str]:
        """Of all runs that are there, sorted."""
        return list(runs_in(self.folder))

    def entries(self) -> list[Entry]:
        """All runs that are there, the newest first; one that cannot be read counts as retired."""
        current, retired = self.current(), self.retired()
        found = []
        for name in self.names():
            why, facts = retired.get(name), dict[str, Any]()
            try:
                facts = load_facts(self.folder / name)
            except ArtifactError as error:
                why = why or str(error)
            found.append(Entry(name, facts, name == current, why))
        return sorted(found, key=lambda entry: (-entry.made, entry.name))

    def current(self) -> str | None:
        """The run that answers; None where none was ever named."""
        try:
            return (self.folder / CURRENT).read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArtifactError(f"{self.folder / CURRENT}: {error.strerror}") from error

    def audit(self) -> list[Line]:
        """What became of runs, oldest first. A line that a kill has torn off is none."""
        told = [_line(found) for found in json_lines(self.folder / AUDIT)]
        return [line for line in told if line is not None]

    def retired(self) -> dict[str, str]:
        """Runs that may answer no more, and why."""
        return {line.run: line.why for line in self.audit() if line.what == "retired" and line.run}

    def begin(self) -> int:
        """A number higher than any before: who began earlier may promote no more."""
        with self._locked():
            token = self._token() + 1
            self._write(TOKEN, f"{token}\n")
            return token

    def promote(
        self,
        name: str,
        at: int,
        told: tuple[str, str],
        token: int | None = None,
        expected: str | None = None,
    ) -> Line:
        """From now on this run answers.

        Args:
            name: of a run that is there.
            at: seconds since 1970 UTC.
            told: who says so, and why.
            token: of `begin`, where it was made by a retrain: nobody has begun since.
            expected: the run that it was compared with, which still has to be the one that answers.

        Raises:
            ConfigError: there is no such run, it is retired, things have changed, or the folder
                cannot be written to.
            ArtifactError: it is damaged.
        """
        with self._locked():
            self._check(name)
            before = self.current()
            if token is not None:
                if token != self._token():
                    raise ConfigError(f"{name}: another retrain has begun since; start again")
                if before != expected:
                    came = f"{name}: was compared with {expected}, but {before} answers by now"
                    raise ConfigError(f"{came}; compare again")
            return self._name(Line(at, "promoted", name, before, *told))

    def rollback(self, at: int, told: tuple[str, str], expected: str | None = None) -> Line:
        """From now on the run answers again that did before the current one.

        Args:
            at: seconds since 1970 UTC.
            told: who says so, and why.
            expected: the run that answers, as far as they know; None: whichever does.

        Raises:
            ConfigError: there is none that is still there, or another one answers than expected.
        """
        with self._locked():
            current, name = self.current(), before(self)
            if expected is not None and current != expected:
                raise ConfigError(
                    f"{expected} expected to answer, {current} does by now; look again"
                )
            if name is not None:
                return self._name(Line(at, "rolled back", name, current, *told))
            came = f"{self.folder}: a run that answered before {current} expected, none is there"
            raise ConfigError(f"{came}; «bowerbird promote» names any other")

    def note(self, line: Line) -> None:
        """Add a line that changes nothing about which run answers."""
        with self._locked():
            self._append(line)

    def prune(self, keep: int, at: int) -> list[str]:
        """Remove all but the newest `keep` runs; the current and the one before it always stay."""
        with self._locked():
            answered = [name for name in self._answered() if name in self.names()]
            stay = {self.current(), *answered[-2:]}
            gone = [e.name for e in self.entries()[keep:] if e.name not in stay]
            for name in gone:
                self._append(Line(at, "removed", name, None, "retrain", f"{keep} are kept"))
                _removed(self.folder / name)
            return gone

    def _answered(self) -> list[str]:
        """The runs that have answered, each undone promotion taken back, the last one last."""
        stack: list[str] = []
        for line in self.audit():
            if line.what == "promoted" and line.run:
                if line.before and not stack:
                    stack.append(line.before)
                stack = [name for name in stack if name != line.run] + [line.run]
            elif line.what == "rolled back" and line.run in stack:
                stack = stack[: stack.index(line.run) + 1]
        current = self.current()  # its file is what holds, whatever was said or interrupted
        if current in stack:
            return stack[: stack.index(current) + 1]
        return [*stack, current] if current else stack

    def _check(self, name: str) -> None:
        if name not in self.names():
            have = ", ".join(self.names()) or "none"
            raise ConfigError(f"a run of {self.folder} ({have}) expected, {name!r} came")
        why = self.retired().get(name)
        if why is not None:
            raise ConfigError(f"{name}: is retired ({why}); promote another")
        load_facts(self.folder / name)

    def _name(self, line: Line) -> Line:
        # the line first: a kill between the two leaves one that says more than happened, and the
        # run before it is the one that answers; the other way round nobody would know why
        self._append(line)
        self._write(CURRENT, f"{line.run}\n")
        return line

    def _token(self) -> int:
        try:
            return int((self.folder / TOKEN).read_text("ascii"))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{self.folder / TOKEN}: a number expected: {error}") from error

    def _write(self, name: str, text: str) -> None:
        try:
            with written(self.folder / name) as partial:
                partial.write_text(text, "utf-8")
        except ArtifactError as error:
            raise _shut(error) from error

    def _append(self, line: Line) -> None:
        try:
            append(self.folder / AUDIT, line.text())
        except ArtifactError as error:
            raise _shut(error) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(alone(self.folder / LOCK))
            except ArtifactError as error:
                raise _shut(error) from error
            yield


def runs_in(place: Path) -> dict[str, Path]:
    """The run folders of a folder of runs, by name; of one run alone, that."""
    if (place / "run.json").is_file():
        return {place.name: place}
    found = sorted(place.glob("[!.]*/run.json"))
    return {path.parent.name: path.parent for path in found}


def before(registry: Registry) -> str | None:
    """The run that a rollback would name: it answered before, and is still there; None: none is."""
    current, there, retired = registry.current(), set(registry.names()), registry.retired()
    for name in reversed(registry._answered()):
        if name != current and name in there and name not in retired:
            return name
    return None


def _shut(error: object) -> ConfigError:
    """No fault of what is there: servers often may not write where runs are made."""
    return ConfigError(f"{error}; or name runs where they are made")


def _line(told: dict[str, Any]) -> Line | None:
    try:
        own = {name: told.pop(name) for name in OWN}
    except KeyError:
        return None
    return Line(**own, more=told)


def _removed(folder: Path) -> None:
    """Out of sight first, so that no half of it is ever taken for a run."""
    gone = folder.with_name(f".{folder.name}.removed")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
