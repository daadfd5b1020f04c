"""Which items the rules of scenarios touch, and how: what a list does to them, told beforehand."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.errors import ConfigError
from bowerbird.ranking.rules import Rule
from bowerbird.surfaces.scenario import Scenario, rules_of

Mask = Callable[[str], Bool[ndarray, "n"]]
"""Which items of the catalog an expression is true of."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule of a scenario, and its items."""

    scenario: str
    rule: Rule
    rows: Bool[ndarray, "n"]

    def hides(self, now: int) -> bool:
        """Does it take its items out of everybody's list at this moment?"""
        return self.rule.do == "hide" and self.rule.audience is None and self.rule.active(now)


def ruled(
    scenarios: Mapping[str, Scenario], catalog: Catalog, mask: Mask
) -> tuple[list[Ruled], list[str]]:
    """All rules of all scenarios over a catalog, and why some could not be read.

    Ids that the catalog does not have touch nothing.
    """
    found, faults = list[Ruled](), list[str]()
    for name, scenario in scenarios.items():
        try:
            found += _of(name, scenario, catalog, mask)
        except ConfigError as error:
            faults.append(f"{name}: {error}")
    return found, faults


def _of(name: str, scenario: Scenario, catalog: Catalog, mask: Mask) -> Iterator[Ruled]:
    for rule in rules_of(scenario) or ():
        if rule.items is not None:
            yield Ruled(name, rule, mask(rule.items))
            continue
        rows, touched = catalog.items.rows(rule.ids), np.zeros(len(catalog), dtype=bool)
        touched[rows[rows >= 0]] = True
        yield Ruled(name, rule, touched)
