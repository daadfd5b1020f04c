"""Many callers, few commits; each is told its own, and nothing before it is on disk."""

import asyncio
import threading
from concurrent.futures import CancelledError, wait
from contextlib import closing

import pytest

from bowerbird.errors import ArtifactError, DataError, StoreDown
from bowerbird.store.group_commit import GroupCommit
from bowerbird.store.opened import open_store
from live_facts import done, seen


class Log:
    """Remembers what it was given; held back until it may go on."""

    def __init__(self, error=None):
        self.groups, self.error, self.may = [], error, threading.Event()
        self.may.set()

    def record(self, events):
        assert self.may.wait(10)
        self.groups.append(list(events))
        if self.error:
            raise self.error
        bad = [event for event in events if event.item == "bad"]
        if bad:
            raise DataError("bad")
        return [f"became {event.event_id}" for event in events]


def one(n, **other):
    return [done(f"e{n}", **other)]


def test_callers_who_come_together_are_written_together():
    log = Log()
    with closing(GroupCommit(log.record, within_s=5.0, most=10)) as commit:
        futures = [commit.submit(one(n)) for n in range(10)]
        wait(futures, timeout=10)
    assert len(log.groups) == 1  # long before the five seconds are over
    assert [future.result() for future in futures] == [[f"became e{n}"] for n in range(10)]


def test_the_first_does_not_wait_for_others_for_long():
    log = Log()
    with closing(GroupCommit(log.record, within_s=0.01, most=1000)) as commit:
        assert commit.submit([*one(1), *one(2)]).result(10) == ["became e1", "became e2"]
        assert commit.submit([]).result(10) == []


def test_nothing_is_told_before_it_is_written():
    log = Log()
    log.may.clear()
    with closing(GroupCommit(log.record, within_s=0.0)) as commit:
        future = commit.submit(one(1))
        with pytest.raises(TimeoutError):
            future.result(0.1)
        log.may.set()
        assert future.result(10) == ["became e1"]


@pytest.mark.parametrize("error", [StoreDown("down"), ArtifactError("disk full")])
def test_trouble_reaches_each_caller_and_the_writer_goes_on(error):
    log = Log(error)
    with closing(GroupCommit(log.record, within_s=0.01)) as commit:
        for future in [commit.submit(one(n)) for n in range(3)]:
            with pytest.raises(type(error)):
                future.result(10)
        log.error = None
        assert commit.submit(one(9)).result(10) == ["became e9"]


def test_who_sends_what_cannot_be_written_is_alone_with_it():
    log = Log()
    with closing(GroupCommit(log.record, within_s=5.0, most=3)) as commit:
        good, bad, fine = (commit.submit(one(n, item=i)) for n, i in enumerate(("a", "bad", "b")))
        assert good.result(10) == ["became e0"] and fine.result(10) == ["became e2"]
        with pytest.raises(DataError):
            bad.result(10)


def test_when_too_many_wait_whoever_comes_is_turned_away():
    log = Log()
    log.may.clear()
    with closing(GroupCommit(log.record, within_s=0.0, most=1, room=3)) as commit:
        futures = [commit.submit(one(0))]
        while commit._events:  # the first is being written
            pass
        futures += [commit.submit(one(n)) for n in (1, 2, 3)]
        with pytest.raises(StoreDown, match="busy"):
            commit.submit(one(4))
        log.may.set()
        assert [future.result(10) for future in futures] == [[f"became e{n}"] for n in range(4)]
        assert commit.submit(one(4)).result(10) == ["became e4"]


def test_closing_writes_what_waits_and_takes_no_more():
    log = Log()
    log.may.clear()
    commit = GroupCommit(log.record, within_s=0.0, most=2)
    futures = [commit.submit(one(n)) for n in range(7)]
    closer = threading.Thread(target=commit.close)
    closer.start()
    log.may.set()
    closer.join(10)
    assert [future.result(0) for future in futures] == [[f"became e{n}"] for n in range(7)]
    with pytest.raises(StoreDown, match="no more"):
        commit.submit(one(8))


def test_who_gave_up_waiting_is_not_written():
    log = Log()
    log.may.clear()
    with closing(GroupCommit(log.record, within_s=0.0, most=1)) as commit:
        first, second, third = (commit.submit(one(n)) for n in range(3))
        assert second.cancel()
        log.may.set()
        assert first.result(10) == ["became e0"] and third.result(10) == ["became e2"]
        with pytest.raises(CancelledError):
            second.result(10)
    assert [event.event_id for group in log.groups for event in group] == ["e0", "e2"]


def test_threads_and_coroutines_write_to_a_real_store(tmp_path):
    with closing(open_store(tmp_path)) as store:
        commits = []

        def record(events):
            commits.append(len(events))
            return store.facts.record(events)

        with closing(GroupCommit(record)) as commit:

            async def ask():
                waiting = [asyncio.wrap_future(commit.submit([seen(f"s{n}")])) for n in range(200)]
                return await asyncio.gather(*waiting)

            def repeat(out):
                out += [commit.submit(one(n % 5)).result(30)[0] for n in range(10)]

            outs = [[] for _ in range(4)]
            threads = [threading.Thread(target=repeat, args=(out,)) for out in outs]
            for thread in threads:
                thread.start()
            assert asyncio.run(ask()) == [["accepted"]] * 200
            for thread in threads:
                thread.join()
        became = [outcome for out in outs for outcome in out]
        assert became.count("accepted") == 5 and became.count("duplicate") == 35
        counts = store.facts.counts()
        assert (counts["done"], counts["seen"]) == (5, 200)
        assert len(commits) < 120
