"""The exact rows behind a figure of the report, and a file of them that a spreadsheet may open."""

from collections.abc import Mapping

import polars as pl

from bowerbird.data.facts import Frames
from bowerbird.errors import ConfigError
from bowerbird.online.attribution import attributed
from bowerbird.online.groups import grouped
from bowerbird.online.metrics import metrics_of
from bowerbird.online.report import currencies_of
from bowerbird.online.rules import Rules

_FORMULA = r"^[=+\-@\t\r]"
"""What makes a spreadsheet run a cell."""


def rows(
    frames: Frames, rules: Rules, metric: str, where: Mapping[str, str | None] | None = None
) -> pl.DataFrame:
    """Rows whose `numerator` and `denominator` add up to those of the figure.

    Of a median they are what it is the middle of. Of distinct items there is a row an item. `where`
    names the group, as `{"surface": "home"}`; None is null. Without it rows are over all.

    Raises:
        ConfigError: no such metric, or a name that nothing can be grouped by.
    """
    found = attributed(frames, rules)
    metrics = metrics_of(rules, currencies_of(found, rules))
    if metric not in metrics:
        raise ConfigError(f"a metric expected, {metric!r} came: {', '.join(metrics)}")
    return metrics[metric].rows(grouped(found, (), where)).drop("g")


def harmless(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts that a spreadsheet would run as a formula begin with an apostrophe.

    >>> harmless(pl.DataFrame({"item": ["=1+1", "i1"], "value": [-5, 5]})).rows()
    [("'=1+1", -5), ('i1', 5)]
    """
    texts = [pl.col(name) for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(text.str.contains(_FORMULA)).then(pl.format("'{}", text)).otherwise(text)
        for text in texts
    )
