"""From the words of a command to one query: a person, a basket, a text, and what is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bowerbird.cli.console import err
from bowerbird.data.columns import Column
from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.retrieval.eligible import rows_of
from bowerbird.retrieval.searched import TEXT
from bowerbird.surfaces.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Question:
    """What was said on the command line."""

    user: str | None = None
    items: tuple[str, ...] = ()
    text: str | None = None
    traits: tuple[str, ...] = ()

    def asked(self, data: Dataset, scenario: Scenario) -> Queries:
        """One query: the person's history, or the items told, or nothing but a text.

        Raises:
            ConfigError: the scenario needs something else.
            DataError: an item is not in the catalog.
        """
        self._fits(scenario)
        if self.user is not None and self.user not in data.users:
            err.print(f"note: nobody knows user {self.user!r}: what is popular stands in")
        known = -1 if self.user is None else int(data.users.rows([self.user])[0])
        asked = data.queries().take(np.array([known]))
        if self.items:
            told = Queries.of([rows_of(data.catalog, self.items).tolist()])
            times = asked.now.repeat(len(self.items))
            asked = replace(told, now=asked.now, times=times, context=asked.context)
        context = {**asked.context, **_told(asked, self.traits)}
        if self.text is not None:
            context[TEXT] = Column.text([self.text])
        return replace(asked, context=context)

    def _fits(self, scenario: Scenario) -> None:
        if self.items and self.user is not None:
            raise ConfigError("--user or --item expected, both came")
        if scenario.surface in ("similar", "goes-with") and not self.items:
            raise ConfigError(f"{scenario.surface}: --item expected: what the list is about")
        if (scenario.surface == "search") != (self.text is not None):
            raise ConfigError("--text expected with a scenario that searches, and with no other")
        if self.text is not None and not self.text.strip():
            raise ConfigError("--text: a word at least expected, none came")


def _told(asked: Queries, traits: Sequence[str]) -> dict[str, Column]:
    """What `--trait name=value` says, over what is known of the person."""
    said = {}
    for trait in traits:
        name, sign, value = trait.partition("=")
        if not sign or not name:
            raise ConfigError(f"--trait: name=value expected, {trait!r} came")
        if name not in asked.context:
            valid = ", ".join(asked.context) or "none, the run has no columns of users"
            raise ConfigError(f"--trait: a column among {valid} expected, {name!r} came")
        kind, labels = asked.context[name].kind, asked.context[name].labels
        if kind == "category" and value not in labels:
            valid = f"{', '.join(labels[:5])}{', …' if len(labels) > 5 else ''}"
            raise ConfigError(f"--trait {name}: one of {valid} expected, {value!r} came")
        if kind not in ("category", "number"):
            raise ConfigError(f"--trait {name}: a category or number column expected, {kind} came")
        said[name] = Column.category([value]) if kind == "category" else _number(name, value)
    return said


def _number(name: str, value: str) -> Column:
    try:
        return Column("number", np.array([float(value)]))
    except ValueError:
        raise ConfigError(f"--trait {name}: a number expected, {value!r} came") from None
