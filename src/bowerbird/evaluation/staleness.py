"""How fast a model grows old: the same people and the same newest window, asked of older models."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.errors import DataError
from bowerbird.evaluation.bootstrap import CONFIDENCE, mean, resampled_means
from bowerbird.evaluation.report import plain

COST = 0.01
"""Of the freshest model's quality: the share that may be lost before retraining pays."""


@dataclass(frozen=True, slots=True)
class Aged:
    """What a model of this age is worth, beside the freshest."""

    age: float  # days between the end of its training data and the window
    quality: float
    lost: float  # share of the freshest model's quality; below 0 the older one is better
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Plain data; what cannot be said is None."""
        return {name: plain(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Staleness:
    """The curve, freshest first, and how often it says to retrain."""

    curve: tuple[Aged, ...]
    cost: float
    interval: float  # days

    def sentence(self) -> str:
        """The advice in one line."""
        first, last = self.curve[0], self.curve[-1]
        words = f"{100 * self.cost:g} % of quality"
        if self.interval == last.age:
            said = f"a model {days(last.age)} old surely loses less than {words}"
            return f"retrain every {days(self.interval)} or less often: even {said}"
        if self.interval == first.age:
            second = self.curve[1]
            ends = f"{100 * second.low:.1f} to {100 * second.high:.1f} %"
            said = f"such a model may lose {words} or more ({ends})"
            return f"retrain more often than every {days(second.age)}: {said}"
        return f"retrain every {days(self.interval)}: up to there surely less than {words} is lost"

    def to_json(self) -> dict[str, object]:
        """Plain data: the curve, the cost, the advice."""
        return {
            "curve": [point.to_json() for point in self.curve],
            "cost": self.cost,
            "interval_days": self.interval,
            "says": self.sentence(),
        }


def staleness(
    ages: Float64[ndarray, "m"],
    values: Float64[ndarray, "n columns"],
    cost: float = COST,
    seed: int = 0,
    draws: int = 2000,
) -> Staleness:
    """The curve of loss by age, and the largest age whose loss is surely below the cost.

    Lost is 1 - mean(age) / mean(freshest); its 95 % interval is a bootstrap over people in which
    all ages see the same draws. An age counts only if all younger ones do, so that one lucky old
    model does not speak for those between.

    Args:
        ages: days, each once, in any order.
        values: one row a person and one column an age: a metric on the newest window; NaN is not
            judged. All models are asked the same questions.
        cost: the share of quality that may be lost.
        seed: of the draws.
        draws: of people.

    Raises:
        DataError: no two ages, an age twice or no number, values of another shape, or a freshest
            model without any quality.

    >>> old = np.array([[1.0, 1.0, 0.5], [0.5, 0.5, 0.25]])
    >>> staleness(np.array([1.0, 7.0, 28.0]), old).interval
    7.0
    """
    order = _checked(ages, values)
    ages, values = ages[order], values[:, order]
    worth = np.array([mean(column) for column in values.T])
    if not worth[0] > 0:
        raise DataError(
            f"a freshest model (age {ages[0]:g}) of some quality expected, {worth[0]:g} came:"
            " take a metric and a window on which it finds something"
        )
    drawn = resampled_means(values, seed, draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = 1 - drawn / drawn[:, :1]
    lost[~np.isfinite(lost)] = np.nan
    curve = tuple(
        Aged(float(age), float(value), float(1 - value / worth[0]), *_ends(lost[:, column]))
        for column, (age, value) in enumerate(zip(ages, worth, strict=True))
    )
    sure = [point.high < cost for point in curve[1:]]
    far = sure.index(False) if False in sure else len(sure)
    return Staleness(curve, cost, curve[far].age)


def _checked(ages: ndarray, values: ndarray) -> ndarray:
    """The order of the ages."""
    if values.shape[1] != len(ages):
        raise DataError(
            f"one column an age expected ({len(ages)}), {values.shape[1]} came:"
            " give each model's values in a column"
        )
    if len(ages) < 2 or len(set(ages.tolist())) < len(ages) or not np.isfinite(ages).all():
        told = ", ".join(f"{age:g}" for age in ages) or "none"
        raise DataError(
            f"two or more ages in days expected, each once, {told} came: score models of other days"
        )
    order: ndarray = np.argsort(ages)
    return order


def _ends(drawn: ndarray) -> tuple[float, float]:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def days(age: float) -> str:
    """An age in words.

    >>> days(1.0), days(2.5), days(0.25)
    ('1 day', '2.5 days', '6 hours')
    """
    count, unit = (age, "day") if age >= 1 or not age else (round(24 * age, 1), "hour")
    return f"{count:g} {unit}{'' if count == 1 else 's'}"
