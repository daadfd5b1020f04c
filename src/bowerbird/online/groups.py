"""Attributed facts cut into groups: by surface, model, segment, rung, day, position, item, arm."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from bowerbird.errors import ConfigError
from bowerbird.online.attribution import Attributed

OF_LISTS = ("surface", "model", "segment", "rung", "day")
OF_SLOTS = ("position", "item")
ARM = "arm:"
"""Before the name of an experiment."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Facts with the number `g` of the group that each is of.

    By position or item a list is cut into its places: then `lists` has a row a place.
    """

    keys: pl.DataFrame  # a row a group, in order: g and what its facts have in common
    lists: pl.DataFrame
    slots: pl.DataFrame
    conversions: pl.DataFrame


def grouped(
    of: Attributed, by: Sequence[str] = (), where: Mapping[str, str | None] | None = None
) -> Groups:
    """Facts that agree in all of these; without any, all are one group.

    What is credited to no list has only a day and an item; all else of it is null.

    Args:
        of: the facts.
        by: what each group has in common.
        where: only facts of this group, as `{"surface": "home"}`; None is null.

    Raises:
        ConfigError: a name that nothing can be grouped by.
    """
    where = where or {}
    names = [*by, *(name for name in where if name not in by)]
    _check(names, by)
    if set(names) & set(OF_SLOTS):
        known = of.lists.select("list", "session", "day", *_OF_LIST)
        slots = _with_arms(of.slots.join(known, on="list", maintain_order="left"), names)
        lists = slots
    else:
        lists = _with_arms(of.lists, names)
        slots = of.slots.join(lists.select("list", *names), on="list", maintain_order="left")
    conversions = _with_arms(of.conversions, names)
    frames = [_within(frame, where) for frame in (lists, slots, conversions)]
    if not by:
        here = pl.lit(0, pl.UInt32).alias("g")
        keys = pl.DataFrame({"g": [0]}, {"g": pl.UInt32})
        return Groups(keys, *(frame.with_columns(here) for frame in frames))
    keys = pl.concat([frames[0].select(by), frames[2].select(by)]).unique().sort(by)
    keys = keys.with_row_index("g")
    return Groups(keys, *(_numbered(frame, keys, by) for frame in frames))


def _check(names: Sequence[str], by: Sequence[str]) -> None:
    for name in names:
        if name not in (*OF_LISTS, *OF_SLOTS) and not (name.startswith(ARM) and name != ARM):
            told = ", ".join((*OF_LISTS, *OF_SLOTS, f"{ARM}EXPERIMENT"))
            raise ConfigError(f"groups by {told} expected, {name!r} came")
    if len(set(by)) < len(by):
        raise ConfigError(f"each name once expected in groups by {', '.join(by)}")


def _within(frame: pl.DataFrame, where: Mapping[str, str | None]) -> pl.DataFrame:
    """Those of one group."""
    same = [pl.col(name).cast(pl.String).eq_missing(value) for name, value in where.items()]
    return frame.filter(*same) if same else frame


_OF_LIST = ("surface", "model", "segment", "rung", "arms")


def _numbered(frame: pl.DataFrame, keys: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return frame.join(keys, on=list(by), how="left", nulls_equal=True, maintain_order="left")


def _with_arms(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """A column an experiment, read from the few different texts that `arms` holds."""
    texts = frame["arms"].drop_nulls().unique().to_list()
    for name in by:
        if name.startswith(ARM):
            arms = {text: json.loads(text).get(name.removeprefix(ARM)) for text in texts}
            arm = pl.col("arms").replace_strict(arms, default=None, return_dtype=pl.String)
            frame = frame.with_columns(arm.alias(name))
    return frame
