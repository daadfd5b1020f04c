"""A moment is the same moment however it is written."""

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.moments import micros, seconds
from bowerbird.errors import ConfigError

NOON = 1_769_860_800  # 2026-01-31 12:00:00 UTC


def read(values, dtype=None):
    series = pl.Series("t", values, dtype=dtype)
    return series.to_frame().select(micros(pl.col("t"), series.dtype))["t"].to_list()


@pytest.mark.parametrize(
    "told",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00",
        "2026-01-31T12:00Z",
        "2026-01-31 12:00:00",
        "2026-01-31 12:00",
        " 2026-01-31 12:00:00 UTC ",
        "2026-01-31T12:00:00.000",
        "2026-01-31T12:00:00.000000000Z",
        "2026-01-31T14:00:00+02:00",
        "2026-01-31T14:00:00+0200",
        "2026-01-31T14:00+02:00",
        "2026-01-31 07:30:00 -04:30",
        "2026-01-31 14:00:00+02",
        "1769860800",
        "1769860800.0",
        "1769860800000",
        "1769860800000000",
    ],
)
def test_every_way_to_write_noon_is_noon(told):
    assert seconds(told) == NOON


@pytest.mark.parametrize(
    "told", ["", "noon", "31/01/2026", "2026-13-01", "12:00", "2026-01-31T25:00", "nan", "inf"]
)
def test_what_is_no_moment_is_refused_with_an_example(told):
    with pytest.raises(ConfigError, match="a moment such as 2026-01-31T12:00 expected"):
        seconds(told)


def test_epoch_numbers_are_read_in_the_unit_of_their_size():
    whole = [NOON, NOON * 10**3, NOON * 10**6, NOON * 10**9]
    assert read(whole) == [NOON * 10**6] * 4
    assert read([float(value) for value in whole]) == [NOON * 10**6] * 4
    assert read([str(value) for value in whole]) == [NOON * 10**6] * 4


def test_numbers_keep_their_last_digits():
    assert read([NOON * 10**9 + 123_456_789]) == [NOON * 10**6 + 123_456]
    assert read([NOON * 10**3 + 7]) == [NOON * 10**6 + 7_000]
    assert read([NOON + 0.25]) == [NOON * 10**6 + 250_000]


def test_gaps_and_nonsense_numbers_are_no_moments():
    assert read([1.0, None, float("nan"), float("inf")]) == [10**6, None, None, None]
    assert read([None, 5], pl.Int32) == [None, 5 * 10**6]


def test_typed_columns_need_no_guess():
    assert read([date(2026, 1, 31)]) == [(NOON - 12 * 3600) * 10**6]
    berlin = pl.Series([datetime(2026, 1, 31, 12, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo")
    assert read(berlin) == [NOON * 10**6]
    assert read(berlin.dt.cast_time_unit("ns")) == [NOON * 10**6]
    assert read(berlin.dt.cast_time_unit("ms")) == [NOON * 10**6]


def test_one_column_may_mix_all_formats():
    told = ["2026-01-31", None, "1769860800", "2026-01-31T14:00:00+02:00", "?", "2026-01-31 12:00"]
    midnight, noon = (NOON - 12 * 3600) * 10**6, NOON * 10**6
    assert read(told) == [midnight, None, noon, noon, None, noon]


@given(
    since=st.integers(0, 4 * 10**9 * 10**6),
    minutes=st.integers(-14 * 60, 14 * 60),
    separator=st.sampled_from("T "),
)
def test_iso_text_of_any_zone_gives_the_moment_it_names(since, minutes, separator):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since)
    there = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert read([there.isoformat(separator)]) == [since]
