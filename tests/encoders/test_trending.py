"""What is new, and what is met more than it used to be."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import NO_TIME, Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.trending import newest, trending
from bowerbird.errors import ConfigError

DAY = 86_400


def shop():
    """Item 0: 2 a week, as ever. Item 1: 6 this week, 4 in four before. Item 2: long ago."""
    days = [*[d for d in range(1, 34, 7) for _ in range(2)], *[2] * 6, *[10] * 4, 90]
    items = [0] * 10 + [1] * 10 + [2]
    times = np.array([100 * DAY - d * DAY for d in days])
    order = np.argsort(times, kind="stable")
    users = np.zeros(21, np.int32)
    log = Interactions(
        users,
        np.array(items, np.int32)[order],
        times[order].astype(np.int64),
        np.ones(21, np.float32),
    )
    traits = {"land": Column.category(["no"])}
    return Dataset(Vocabulary(("u",)), Catalog(Vocabulary(("a", "b", "c", "d"))), log, traits)


def test_more_than_usual_in_its_own_deviations():
    data = shop()
    levels = trending(data, days=7.0).encode_items(data.catalog)[:, 0]
    assert levels[0] == pytest.approx(0, abs=1e-4)
    assert levels[1] == pytest.approx((6 - 1) / np.sqrt(2), rel=1e-4)
    assert np.isnan(levels[2:]).all()  # not met lately, or never


def test_a_segment_has_trends_of_its_own():
    data = shop()
    encoder = trending(data, segment="land")
    levels = encoder.encode_items(data.catalog)
    assert np.array_equal(levels[:, 0], levels[:, 1], equal_nan=True)  # they are all of it
    asked = replace(Queries.of([[]]), context={"land": Column.category(["no"])})
    assert encoder.encode_queries(asked).tolist() == [[0, 1]]


def test_new_is_the_age_by_the_catalog_else_by_the_first_event():
    data = shop()
    levels = newest(data).encode_items(data.catalog)[:, 0]
    assert levels[:3] == pytest.approx([-19, 0, -80])  # 29, 10 and 90 days ago
    since = Column("time", np.array([NO_TIME, 99 * DAY, NO_TIME, 100 * DAY]))
    told = replace(data, catalog=replace(data.catalog, fields={"available_from": since}))
    assert newest(told).encode_items(told.catalog)[:, 0] == pytest.approx([-29, -1, -90, 0])


def test_new_in_a_segment_is_what_its_people_have_met():
    data = shop()
    people = replace(data, users=Vocabulary(("u", "v")))
    people = replace(people, traits={"land": Column.category(["no", "se"])})
    levels = newest(people, "land").encode_items(data.catalog)
    assert np.array_equal(levels[:3, 0], levels[:3, 1])  # u, of «no», has met them all
    assert np.isnan(levels[:, 2]).all()  # nobody of «se» has met anything


def test_without_dates_nothing_trends():
    data = replace(shop(), dated=False)
    with pytest.raises(ConfigError, match="trending: dated interactions expected"):
        trending(data)
    with pytest.raises(ConfigError, match="new items: a column available_from or dated"):
        newest(data)
    with pytest.raises(ConfigError, match="days > 0"):
        trending(shop(), days=0.0)
