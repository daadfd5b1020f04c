"""Scenarios that were changed while a service runs: kept in its store, laid over those of a run.

Whatever run answers next has them, too. Every edit is kept, with who made it, and can be undone.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from bowerbird.errors import ConfigError
from bowerbird.store.store import Papers
from bowerbird.surfaces.scenario import Scenario

PAPER, MOST = "scenarios", 500
"""The document in the store, and edits that are kept."""
Table = Mapping[str, Any]


class Superseded(ConfigError):
    """A change was to be laid over another one than the last."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Who said what, and what was said until then; None: what the run's recipe says."""

    number: int
    at: int  # ms since 1970 UTC
    who: str
    scenario: str
    before: Table | None
    after: Table | None
    undoes: int | None = None  # the number of another edit


@dataclass(frozen=True, slots=True)
class Edited:
    """Scenarios that were changed, and how they came to be so, oldest first."""

    number: int = 0  # of the last edit
    scenarios: Mapping[str, Table] | None = None
    edits: tuple[Edit, ...] = ()

    @classmethod
    def of(cls, papers: Papers) -> "Edited":
        """As of now."""
        return _read(papers.get(PAPER))

    def over(self, scenarios: Mapping[str, Scenario]) -> dict[str, Scenario]:
        """These with what was changed laid over them.

        Raises:
            ConfigError: a scenario cannot be read, as of another version.
        """
        told = self.scenarios or {}
        return {**scenarios, **{name: scenario_from(table, name) for name, table in told.items()}}

    def undoable(self, name: str | None = None) -> Edit | None:
        """The last edit (of this scenario) that was not undone, and that undoes nothing."""
        undone = {edit.undoes for edit in self.edits}
        open_ = [e for e in self.of_scenario(name) if e.undoes is None and e.number not in undone]
        return open_[-1] if open_ else None

    def last(self, name: str | None = None) -> int:
        """The number of the last edit (of this scenario); 0: none is known."""
        return max((edit.number for edit in self.of_scenario(name)), default=0)

    def of_scenario(self, name: str | None) -> tuple[Edit, ...]:
        """Edits of this scenario, oldest first; None: all."""
        return tuple(edit for edit in self.edits if name in (None, edit.scenario))


def scenario_from(told: Table, name: str) -> Scenario:
    """The scenario that this table says.

    Raises:
        ConfigError: a key is unknown, or a value cannot be meant.
    """
    if isinstance(told.get("rules"), str):
        came = f"a file ({told['rules']!r})"
        raise ConfigError(f"scenario {name}: rules: a list of rules expected, {came} came")
    try:
        scenario = Scenario.model_validate(told)
        for table in scenario.rules or ():
            assert not isinstance(table, str)
            table.rule()  # what it says must mean something
    except ValidationError as error:
        first = max(error.errors(), key=lambda one: len(one["loc"]))
        place = ".".join(str(part) for part in first["loc"] if "[" not in str(part))
        said = first["msg"].removeprefix("Value error, ")
        said = said[:1].lower() + said[1:]
        came = "" if first["type"] in ("missing", "value_error") else f", {first['input']!r} came"
        where = f"scenario {name}: {place}".removesuffix(": ")
        raise ConfigError(f"{where}: {said}{came}") from error
    return scenario


def edit(
    papers: Papers, name: str, table: Table | None, who: str, at: int, seen: int | None = None
) -> Edit | None:
    """Let a scenario be this from now on; None: what the recipe says. Nothing new is no edit.

    Args:
        papers: of the store.
        name: of the scenario.
        table: what it shall be, checked.
        who: says so.
        at: milliseconds since 1970 UTC.
        seen: the number of the scenario's last edit as who changes it knows; None: whatever it is.

    Raises:
        Superseded: there was another one since.
    """

    def change(known: Edited) -> Edit | None:
        _check(known, name, seen)
        return _edit(known, name, table, who, at)

    return _written(papers, change)


def undo(
    papers: Papers, who: str, at: int, name: str | None = None, seen: int | None = None
) -> Edit | None:
    """Take the last edit back that was not taken back yet; None: there is none.

    Args:
        papers: of the store.
        who: says so.
        at: milliseconds since 1970 UTC.
        name: of a scenario; None: whichever was changed last.
        seen: as of `edit`.

    Raises:
        Superseded: there was another one since.
    """

    def back(known: Edited) -> Edit | None:
        _check(known, name, seen)
        last = known.undoable(name)
        if last is None:
            return None
        number = known.number + 1
        now = (known.scenarios or {}).get(last.scenario)
        return Edit(number, at, who, last.scenario, now, last.before, last.number)

    return _written(papers, back)


def _check(known: Edited, name: str | None, seen: int | None) -> None:
    last = known.last(name)
    if seen is not None and seen != last:
        what = "of all" if name is None else f"of {name}"
        told = f"edit {seen} expected to be the last {what}, it is {last}"
        raise Superseded(f"{told}: look at what changed, and say it again")


def _edit(known: Edited, name: str, table: Table | None, who: str, at: int) -> Edit | None:
    before = (known.scenarios or {}).get(name)
    return None if before == table else Edit(known.number + 1, at, who, name, before, table)


def _written(papers: Papers, make: Callable[[Edited], Edit | None]) -> Edit | None:
    made: list[Edit | None] = []

    def work(document: Any) -> Any:  # noqa: ANN401  whatever JSON can hold
        known = _read(document)
        new = make(known)
        made.append(new)
        if new is None:
            return document
        scenarios = {**(known.scenarios or {}), new.scenario: new.after}
        scenarios = {name: table for name, table in scenarios.items() if table is not None}
        edits = [asdict(one) for one in (*known.edits, new)[-MOST:]]
        return {"number": new.number, "scenarios": scenarios, "edits": edits}

    papers.change(PAPER, work)
    return made[-1]


def _read(document: Any) -> Edited:  # noqa: ANN401  as above
    if document is None:
        return Edited()
    edits = tuple(Edit(**one) for one in document["edits"])
    return Edited(document["number"], document["scenarios"], edits)
