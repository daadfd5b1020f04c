"""Everything that routes use, put together once, and taken apart when the server stops."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bowerbird.data.defence import Defence
from bowerbird.data.facts import Done, Seen, Served
from bowerbird.serving.answers import Answers, Question
from bowerbird.serving.beside import Beside
from bowerbird.serving.breaker import Breaker
from bowerbird.serving.catalog_facts import CatalogFacts
from bowerbird.serving.current import Current
from bowerbird.serving.guard import Guard
from bowerbird.serving.imports import Imports
from bowerbird.serving.maps import Maps
from bowerbird.serving.messages import RecList
from bowerbird.serving.retraining import Retraining
from bowerbird.serving.served_log import ServedLog
from bowerbird.serving.snapshot import Snapshot
from bowerbird.serving.telemetry import Telemetry
from bowerbird.serving.tried import Trying
from bowerbird.serving.work import Work
from bowerbird.store.group_commit import GroupCommit
from bowerbird.store.identity import Identity
from bowerbird.store.store import Outcome, Store
from bowerbird.surfaces.live_log import LiveLog

FULL = 512
"""Lists that are being made or wait for it; more are answered from memory at once."""
THREADS = 4


Answer = tuple[RecList, Served]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server behaves."""

    deadline_ms: int = 250  # until a list is answered, whatever it takes
    rate: float = 200.0  # requests a second of a key
    alone: bool = True  # reached from this machine only: no key is needed until there is one
    origins: tuple[str, ...] = ()  # pages that may ask
    images: tuple[str, ...] = ()  # where pictures of items may come from, for the console
    refresh_s: float = 2.0  # between two looks for another run, and for changes of the catalog
    recount_s: float = 300.0  # until what was done meanwhile counts in what is popular
    defence: Defence = field(default_factory=Defence)  # how far events are believed there
    import_bytes: int = 4 << 30  # of one table that somebody brings
    retrain: str | None = None  # how often to look whether a retrain is due: 10m; None: never


class Service:
    """A server's state."""

    def __init__(
        self,
        runs: Path,
        store: Store,
        data: Path,
        settings: Settings = Settings(),
        clock: Callable[[], float] = time.time,  # noqa: TID251  the edge reads the clock
        url: str | None = None,
    ) -> None:
        """A server over a run.

        Args:
            runs: a run folder, or a folder of them with a file `current`.
            store: what changes.
            data: the folder of what this machine keeps beside the store.
            settings: how it behaves.
            clock: seconds since 1970 UTC.
            url: of the database that `store` is in, for other processes; None: it is in `data`.
        """
        self.store, self.settings, self.clock = store, settings, clock
        self.telemetry = Telemetry()
        self.identity = Identity.kept(data)
        self.guard = Guard(store.keys, clock, settings.alone, settings.rate)
        self.breaker = Breaker(time.monotonic)
        self.answers = Answers(store.facts, self.identity, self.breaker)
        events = LiveLog(store, self.identity, settings.defence)
        self.current = Current(*(runs, store, self.telemetry, clock), events, settings.recount_s)
        self.events = GroupCommit(store.facts.record)
        self.lists = ServedLog(lambda lists: store.facts.serve(lists))
        self.threads = ThreadPoolExecutor(THREADS, "lists")
        self.others = ThreadPoolExecutor(THREADS, "others")
        self.reports = ThreadPoolExecutor(1, "reports")  # one at a time: they read all there is
        self.catalog = CatalogFacts(store.facts, self.others, self.reports)
        self.retraining = Retraining(runs, data, url)
        self.maps = Maps()
        self.beside = Beside(self._beside)
        current = self.current
        self.trying = Trying(self.answers, lambda: current.snapshot, current.found, self.beside)
        self.work = Work(data / "work", clock)
        self.imports = Imports(data / "imports", runs, self.work, clock, settings.import_bytes)
        self.stopping = False  # the door is still open, but nobody new shall come
        self._being_made = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return int(self.clock() * 1000)

    async def best(self, question: Question) -> RecList:
        """The best list there is time for.

        Raises:
            Problem: what is asked cannot be meant.
        """
        snapshot, loop = self.current.snapshot, asyncio.get_running_loop()
        if self._being_made >= FULL:
            found = self.answers.baked(question, snapshot, "too much to do")
            return self._kept(found)
        self._being_made += 1
        making = loop.run_in_executor(self.threads, self._best, question, snapshot)
        making.add_done_callback(self._made)
        left = question.until - time.monotonic()
        done, _ = await asyncio.wait([making], timeout=max(left, 0.001))
        if done:
            return self._kept(making.result())
        self.answers.too_late(question)
        return self._kept(self.answers.baked(question, snapshot, "the deadline is over"))

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401  the work's
        """What `work` makes of these, in a thread: nobody else waits for it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.others, partial(work, *arguments))

    async def reported(self, work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401  as above
        """The same, one after another."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.reports, partial(work, *arguments))

    async def record(self, events: Sequence[Seen | Done]) -> list[Outcome]:
        """Events on disk, and what became of each."""
        began = time.perf_counter()
        outcomes = await asyncio.wrap_future(self.events.submit(events))
        self.telemetry.lag.observe(time.perf_counter() - began)
        return outcomes

    def close(self) -> None:
        """Write what waits, and let go."""
        self.retraining.close()
        self.beside.close()
        self.current.close()
        for pool in (self.threads, self.others, self.reports):
            pool.shutdown(cancel_futures=True)
        self.events.close()
        self.lists.close()
        self.store.close()

    def _beside(self, folder: Path, before: Snapshot | None) -> Snapshot:
        events = partial(LiveLog, self.store, self.identity, self.settings.defence)
        return self.current.beside(folder, events, before)

    def _best(self, question: Question, snapshot: Snapshot) -> Answer:
        if question.until < time.monotonic():  # it was answered from memory meanwhile
            return self.answers.baked(question, snapshot, "the deadline is over")
        return self.answers.best(question, snapshot)

    def _made(self, making: "asyncio.Future[Answer]") -> None:
        self._being_made -= 1
        if not making.cancelled():
            making.exception()  # looked at: somebody else may have given up waiting

    def _kept(self, found: Answer) -> RecList:
        reply, served = found
        self.lists.put(served)
        self.telemetry.lists.labels(served.surface, served.rung, served.model).inc()
        return reply
