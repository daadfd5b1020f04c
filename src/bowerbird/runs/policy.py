"""What a gate asks for: its limits, each checked, with the reasons in docs/gate.md.

Apart from the gate since recipes and command lines read it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from bowerbird.errors import ConfigError
from bowerbird.evaluation.metrics import METRICS

SHARES = ("margin", "slice_margin", "coverage_drop", "evenness_drop", "popularity_rise")
"""Limits that are a share of what the champion has; 0 allows nothing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of a gate. Shares are of the champion's figure."""

    metric: str = "ndcg@10"  # what is compared person by person; its k is the length of the lists
    margin: float = 0.01  # of the metric that may be lost, at most, at the lower end
    slice_margin: float = 0.05  # a slice is lost where it surely loses, and more than this
    least_people: int = 200  # judged; below, nothing can be said
    least_in_slice: int = 30  # below, a slice is shown and not judged
    coverage_drop: float = 0.1  # of the items shown
    evenness_drop: float = 0.1  # of 1 - Gini
    popularity_rise: float = 0.1  # of how well known what is shown is
    index_recall: float = 0.93  # share of the exact lists that the index finds
    latency_ratio: float = 1.5  # of the 95th percentile of single lists
    latency_free_ms: float = 20.0  # as fast as this is fast enough, whatever the champion's is
    tolerated: tuple[str, ...] = ("length by popularity",)  # alarms of health that do not count
    draws: int = 2000  # of the bootstrap
    seed: int = 0

    def __post_init__(self) -> None:
        name, _, k = self.metric.partition("@")
        if name not in METRICS or not k.isdecimal() or int(k) < 1:
            valid = ", ".join(METRICS)
            raise ConfigError(f"metric: one of {valid}, with @k, expected, {self.metric!r} came")
        for share in SHARES:
            self._need(share, 0 <= getattr(self, share) < 1, "from 0 to below 1")
        self._need("index_recall", 0 <= self.index_recall <= 1, "from 0 to 1")
        self._need("latency_ratio", 1 <= self.latency_ratio < np.inf, "≥ 1")
        self._need("latency_free_ms", 0 <= self.latency_free_ms < np.inf, "≥ 0")
        self._need("least_people", self.least_people >= 2, "≥ 2")
        self._need("least_in_slice", self.least_in_slice >= 2, "≥ 2")
        self._need("draws", self.draws >= 200, "≥ 200")
        self._need("seed", self.seed >= 0, "≥ 0")

    @classmethod
    def of(cls, told: Mapping[str, object]) -> "Policy":
        """The policy with these limits changed, by name, as a table of a recipe has them.

        Raises:
            ConfigError: there is no such limit, or the value cannot be one.

        >>> Policy.of({"margin": 0}).margin
        0.0
        """
        valid = {field.name: field.default for field in fields(cls)}
        changed: dict[str, object] = {}
        for name, value in told.items():
            if name not in valid:
                raise ConfigError(f"gate: one of {', '.join(valid)} expected, {name!r} came")
            changed[name] = _read(name, value, valid[name])
        return cls(**changed)  # type: ignore[arg-type]  # read as what each is

    @property
    def k(self) -> int:
        """How long the judged lists are."""
        return int(self.metric.partition("@")[2])

    def _need(self, name: str, kept: bool, expected: str) -> None:
        if not kept:
            came = f"{getattr(self, name)} came"
            raise ConfigError(f"gate {name}: a number {expected} expected, {came}")


def _read(name: str, value: object, default: object) -> object:
    """The value as what the default is: a whole number, a number, a word or some words."""
    if isinstance(default, str) and isinstance(value, str):
        return value
    if isinstance(default, tuple) and isinstance(value, Sequence) and not isinstance(value, str):
        if all(isinstance(word, str) for word in value):
            return tuple(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(default, float):
            return float(value)
        if isinstance(default, int) and isinstance(value, int):
            return value
    kinds = {str: "a word", tuple: "a list of words", float: "a number", int: "a whole number"}
    raise ConfigError(f"gate {name}: {kinds[type(default)]} expected, {value!r} came")
