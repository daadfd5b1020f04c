"""A service over a small world whose truth is known, for tests of what stands behind HTTP."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from starlette.testclient import TestClient

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.encoders.popularity import Popularity
from bowerbird.retrieval.models import estimator_of
from bowerbird.runs.run import Trained, write_run
from bowerbird.runs.tune import Choice
from bowerbird.serving.app import application
from bowerbird.serving.service import Service, Settings
from bowerbird.store.opened import open_store
from worlds import cycles

DAY = 86_400
START = 1_795_000_000
"""Seconds since 1970: about when the world's last event was."""
RECIPE = """
[events]
path = "events.parquet"
[scenarios.home]
surface = "for-you"
k = 4
[scenarios.cheap]
surface = "for-you"
filter = "price < 6"
"""


class Clock:
    """Seconds since 1970 UTC, as the test says."""

    def __init__(self):
        self.now = float(START)

    def __call__(self):
        return self.now


def world():
    """A circle of twelve items: whoever met i0, i1, i2 meets i3 next."""
    made = cycles()
    fields = {
        "title": Column.text([f"thing number {row}" for row in range(12)]),
        "kind": Column.category(["a" if row % 2 else "b" for row in range(12)]),
        "price": Column("number", np.arange(12, dtype=float)),
        "tags": Column.lists([["x"] if row < 6 else ["y"] for row in range(12)]),
    }
    traits = {"land": Column.category(["de" if u % 2 else "fr" for u in range(len(made.users))])}
    log = replace(made.log, times=made.log.times + START - DAY)
    return replace(made, catalog=Catalog(made.catalog.items, fields), traits=traits, log=log)


def write(folder, model="als", recipe=RECIPE, data=None, **settings):
    """A run folder over the world, or over another one."""
    data = data or world()
    estimator = estimator_of(model, **({"dim": 8} if model == "als" else {}) | settings)
    trained = Trained(estimator.fit(data), Choice(estimator), Popularity(segment="land"))
    facts = {"model": model, "seed": 0, "trained_at": START}
    write_run(folder, data, trained, facts, recipe)
    return folder


@contextmanager
def serving(runs, folder, settings=None, store=None, clock=None):
    """A client of a service; the service is its attribute."""
    store = store or open_store(folder / "data")
    # what is slow on a busy machine is no fault of the ladder
    settings = settings or Settings(deadline_ms=10_000, rate=1e6)
    service = Service(runs, store, folder / "data", settings, clock or Clock())
    with TestClient(application(service), raise_server_exceptions=True) as client:
        client.service = service
        yield client
    service.close()


def ids(reply):
    """Of the items of a list."""
    assert reply.status_code == 200, reply.text
    return [item["item"] for item in reply.json()["items"]]
