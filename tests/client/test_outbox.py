"""Events sent in the background: when, how many at once, and what becomes of those that fail."""

import json
import logging
import threading
import time

import httpx2
import pytest

from bowerbird import Client, DataError
from bowerbird.client.tries import Patience

SOON = Patience(first_s=0.001, most_s=0.002)


class Service:
    """Takes batches; `answer` says how it answers now."""

    def __init__(self):
        self.batches, self.answer, self.came = [], lambda rows: (200, {}), threading.Event()

    def __call__(self, request):
        told = json.loads(request.content)
        rows = told["events"] + told["exposures"]
        status, body = self.answer(rows)
        if status == 200:
            self.batches.append(told)
        self.came.set()
        return httpx2.Response(status, json=body)

    def rows(self, kind="events"):
        return [row for batch in self.batches for row in batch[kind]]


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def client(service):
    with Client("http://shop", transport=httpx2.MockTransport(service), patience=SOON) as client:
        yield client


def put(outbox, count, start=0):
    return [outbox.done(item=f"i{n}", type="view", user="u") for n in range(start, start + count)]


def until(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come")


def test_a_hundred_go_at_once_and_the_rest_when_it_is_closed(service, client):
    outbox = client.outbox(every_s=1000.0)
    assert all(put(outbox, 250))
    until(lambda: len(service.batches) == 2)
    outcome = outbox.close()
    assert [len(batch["events"]) for batch in service.batches] == [100, 100, 50]
    assert [row["item"] for row in service.rows()] == [f"i{n}" for n in range(250)]
    assert (outcome.sent, outcome.rejected, outcome.no_room, outcome.unsent) == (250, 0, 0, ())


def test_a_few_go_after_a_while(service, client):
    with client.outbox(every_s=0.02) as outbox:
        put(outbox, 3)
        outbox.seen(rec_id="r", item="i1", visitor="v")
        until(lambda: len(service.rows()) == 3 and service.rows("exposures"))
    assert all(
        row["event_id"] and row["time"] for row in service.rows() + service.rows("exposures")
    )


def test_the_wait_is_a_second_unless_it_is_said(service, client):
    outbox = client.outbox()
    put(outbox, 1)
    began = time.monotonic()
    assert service.came.wait(10)
    assert 0.5 < time.monotonic() - began < 5
    outbox.close()


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_what_failed_is_kept_and_sent_again_under_the_same_names(service, client, status):
    tried = []

    def away(rows):
        tried.append([row["event_id"] for row in rows])
        return (status, {}) if len(tried) < 4 else (200, {})

    service.answer = away
    with client.outbox(most=10, every_s=0.01) as outbox:
        put(outbox, 10)
        until(lambda: service.batches)
    assert len(tried) == 4 and len({tuple(names) for names in tried}) == 1
    assert len(service.rows()) == 10


def test_what_was_not_sent_is_told_when_it_is_closed(service, client, caplog):
    service.answer = lambda rows: (503, {})
    outbox = client.outbox(most=10, every_s=0.01, room=15)
    assert put(outbox, 18) == [True] * 15 + [False] * 3
    outcome = outbox.close()
    assert [row["item"] for row in outcome.unsent] == [f"i{n}" for n in range(15)]
    assert (outcome.sent, outcome.no_room) == (0, 3)
    assert all("event_id" in row for row in outcome.unsent)
    assert not outbox.done(item="i1", type="view", user="u")
    with caplog.at_level(logging.WARNING), client.outbox() as other:
        put(other, 2)
    assert "2 events were not sent" in caplog.text


def test_closing_does_not_wait_for_a_pause_to_end(service):
    service.answer = lambda rows: (503, {})
    slow = Patience(first_s=1000.0, most_s=1000.0, draw=lambda: 1.0)
    with Client("http://shop", transport=httpx2.MockTransport(service), patience=slow) as client:
        outbox = client.outbox(most=1)
        put(outbox, 1)
        until(service.came.is_set)
        service.answer = lambda rows: (200, {})
        began = time.monotonic()
        assert outbox.close().sent == 1
        assert time.monotonic() - began < 5


def test_rows_that_the_service_will_never_take_do_not_stop_the_others(service, client, caplog):
    def picky(rows):
        bad = [n for n, row in enumerate(rows) if row["item"] == "i1"]
        told = [{"row": n, "outcome": "rejected", "reason": "no such word"} for n in bad]
        return 200, {"accepted": len(rows) - len(bad), "rejected": len(bad), "rows": told}

    service.answer = picky
    outbox = client.outbox(most=3, every_s=0.01)
    with caplog.at_level(logging.WARNING):
        put(outbox, 6)
        until(lambda: len(service.rows()) == 6)
        service.answer = lambda rows: (413, {"detail": "too much"})
        put(outbox, 3)
        outcome = outbox.close()
    assert (outcome.sent, outcome.rejected, outcome.unsent) == (5, 4, ())
    assert "no such word" in caplog.text and "too much" in caplog.text


def test_what_cannot_be_written_is_told_to_whoever_says_it(service, client):
    with client.outbox() as outbox:
        with pytest.raises(DataError, match="plain JSON"):
            outbox.done(item="i", type="view", user="u", value=float("nan"))
        put(outbox, 1)
    assert len(service.rows()) == 1


def test_many_threads_lose_nothing(service, client):
    outbox = client.outbox(most=7, every_s=0.01)
    threads = [threading.Thread(target=put, args=(outbox, 200, 200 * n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.close().sent == 1600
    assert {row["item"] for row in service.rows()} == {f"i{n}" for n in range(1600)}
    assert len({row["event_id"] for row in service.rows()}) == 1600
