"""Facts with few words, and a PostgreSQL database without a store in it."""

import pytest

from bowerbird.data.facts import Done, Seen, Served, Slot

SLOTS = (Slot("i1", 0.1 + 0.2, 1.0, "personal"), Slot("i2", -1e-300, 1 / 3, "explore"))


def served(rec_id="r1", user="ann", time=10, **other):
    facts = {"surface": "home", "model": "m", "config": "c", "rung": "personal", "slots": SLOTS}
    return Served(rec_id, f"q-{rec_id}", time, user=user, **facts | other)


def done(event_id, user="ann", item="i1", time=20, type="click", **other):
    return Done(event_id, user, item, type, time, arrived=other.pop("arrived", time), **other)


def seen(event_id, user="ann", item="i1", time=15, rec_id="r1", **other):
    arrived = other.pop("arrived", time)
    return Seen(event_id, rec_id, item, time, arrived, user=user, **other)


def emptied(url):
    """The URL of a database, without a store in it."""
    psycopg = pytest.importorskip("psycopg", reason="no psycopg here")
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS bowerbird CASCADE")
    return url
