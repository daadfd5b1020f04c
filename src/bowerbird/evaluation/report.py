"""What an evaluation says: one value a query, so that two models can be compared user by user."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32
from numpy import ndarray

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.bootstrap import intervals, mean
from bowerbird.evaluation.slices import Slice


@dataclass(frozen=True, slots=True)
class Report:
    """One model, judged on one holdout. Names are metric@k."""

    values: Mapping[str, Float64[ndarray, "b"]]  # NaN: this query is not judged by this metric
    totals: Mapping[str, float]  # of all lists together, such as coverage@10
    slices: tuple[Slice, ...]
    facts: Mapping[str, str]  # the protocol, to be printed with every number
    users: Int32[ndarray, "b"]  # who asked: two reports compare only if it was the same people
    rows: Int32[ndarray, "b k"]  # the lists themselves, -1 where there is none
    exposure: Mapping[str, Float64[ndarray, "points"]]  # Lorenz curve of the places, lorenz@k

    def metrics(self) -> tuple[str, ...]:
        """Every name that `mean` knows: those with a value a query first."""
        return (*self.values, *self.totals)

    def mean(self, metric: str) -> float:
        """The mean over the judged queries; a total as it is.

        Raises:
            ConfigError: there is no such metric.
        """
        if metric in self.totals:
            return self.totals[metric]
        return mean(self._of(metric))

    def interval(self, metric: str, seed: int = 0, draws: int = 2000) -> tuple[float, float]:
        """The 95 % bootstrap interval of the mean, over users.

        Raises:
            ConfigError: there is no such metric, or it has no value a query.
        """
        low, high = intervals(self._of(metric)[:, None], seed, draws)[:, 0]
        return float(low), float(high)

    def gain(
        self, over: "Report", metric: str, seed: int = 0, draws: int = 2000
    ) -> tuple[float, float, float]:
        """Mean, low and high of this model minus the other, user by user (paired bootstrap).

        Raises:
            ConfigError: there is no such metric, or it has no value a query.
            DataError: the two reports are not about the same users.
        """
        gained = self.differences(over, metric)
        low, high = intervals(gained[:, None], seed, draws)[:, 0]
        return mean(gained), float(low), float(high)

    def differences(self, over: "Report", metric: str) -> Float64[ndarray, "b"]:
        """This model minus the other, one value a query.

        Raises:
            ConfigError: there is no such metric, or it has no value a query.
            DataError: the two reports are not about the same users.
        """
        if not np.array_equal(self.users, over.users):
            raise DataError(
                f"reports on the same users expected, {len(self.users)} and {len(over.users)} came"
                " that differ: evaluate both on one holdout"
            )
        differences: ndarray = self._of(metric) - over._of(metric)
        return differences

    def to_json(self, seed: int = 0, draws: int = 2000) -> dict[str, object]:
        """Plain data: facts, means with intervals, totals, slices. Nothing there is None."""
        ends = intervals(np.stack(list(self.values.values()), axis=1), seed, draws)
        means = {
            name: {"mean": plain(mean(v)), "low": plain(low), "high": plain(high)}
            for (name, v), low, high in zip(self.values.items(), *ends, strict=True)
        }
        return {
            "facts": dict(self.facts),
            "queries": len(self.users),
            "means": means,
            "totals": {name: plain(v) for name, v in self.totals.items()},
            "slices": [row.to_json() for row in self.slices],
        }

    def _of(self, metric: str) -> Float64[ndarray, "b"]:
        if metric not in self.values:
            known = ", ".join(self.values)
            raise ConfigError(f"metric: one value a query expected ({known}), {metric!r} came")
        return self.values[metric]


def plain(value: float) -> float | None:
    """A number that JSON can say; None for NaN.

    >>> plain(float("nan")) is None
    True
    """
    return float(value) if np.isfinite(value) else None
