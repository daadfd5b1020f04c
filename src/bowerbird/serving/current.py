"""Which run answers now, and how another takes its place without a request noticing."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import cast

from bowerbird.errors import ArtifactError, BowerbirdError
from bowerbird.serving.live_catalog import LiveCatalog
from bowerbird.serving.memory import give_back
from bowerbird.serving.no_run import NoRun
from bowerbird.serving.probe import recall
from bowerbird.serving.served_runs import Model, ServedRuns, check_folder
from bowerbird.serving.snapshot import Snapshot, counting, with_scenarios
from bowerbird.serving.telemetry import Telemetry
from bowerbird.store.store import Store
from bowerbird.surfaces.live_log import LiveLog, held_by_reason
from bowerbird.surfaces.live_scenarios import Edited
from bowerbird.surfaces.registry import Registry, before
from bowerbird.surfaces.scenario import scenarios_in

OVERLAP_MS = 60_000
"""Clocks of several servers may differ by so much."""
TOLD = ("service", "PUT /v1/models/current")
log = logging.getLogger("bowerbird.serving")


class Current:
    """Holds one snapshot, and watches for a reason to hold another."""

    def __init__(
        self,
        runs: Path,
        store: Store,
        telemetry: Telemetry,
        clock: Callable[[], float],
        events: LiveLog,
        recount_s: float,
    ) -> None:
        self._events, self._recount_s = events, recount_s
        self._counted = -recount_s
        self.runs, self._store = ServedRuns(runs), store
        self._catalog = LiveCatalog(store.items)
        self._telemetry, self._clock = telemetry, clock
        self._building, self._lock = Lock(), Lock()
        # said while a snapshot may be in the making
        self._hidden: dict[str, int] = {}  # item → number of the change
        self._forgotten: list[str] = []
        self.snapshot = self._first()
        self._stop = Event()
        self._measured: str | None = None  # index of which it is known how much it finds
        self._looked = int(clock() * 1000)
        self._watch: Thread | None = None

    def watch(self, every_s: float) -> None:
        """Look for another run and for changes of the catalog, again and again."""
        self._watch = Thread(target=self._watching, args=(every_s,), name="watch", daemon=True)
        self._watch.start()

    def _warm(self, snapshot: Snapshot) -> None:
        for fault in snapshot.warm(int(self._clock())):
            log.warning("scenario %s", fault)

    @property
    def there(self) -> bool:
        """Is there a run that answers?"""
        return isinstance(self.snapshot, Snapshot)

    def models(self) -> list[Model]:
        """All runs there are, by name."""
        return self.runs.models(self.snapshot.model if self.there else None)

    def use(self, name: str, told: tuple[str, str] = TOLD) -> Snapshot:
        """From now on this run answers; the file `current` says so, too.

        Args:
            name: of a run that is there.
            told: who says so, and why.

        Raises:
            ArtifactError: there is no such run, it is damaged, or only one is served.
            ConfigError: it is retired, or the folder cannot be written to.
        """
        books = self.runs.books()
        if books is None and name != self.runs.place.name:
            raise ArtifactError(
                f"{self.runs.place} is served alone: serve the folder of runs above it"
            )
        with self._building:
            snapshot = self._recounted(self._loaded(self.runs.found(name)))
            if books is not None:
                books.promote(name, int(self._clock()), told)
            self._swap(snapshot)
            return snapshot

    def beside(
        self, folder: Path, events: Callable[[], LiveLog], before: Snapshot | None = None
    ) -> Snapshot:
        """Another run as it would answer now; nothing that answers is changed.

        Args:
            folder: of the run.
            events: reads what was done, for this run alone.
            before: the same run, opened before: what was said since of items, people and scenarios
                is laid over it.

        Raises:
            ArtifactError: it is damaged.
        """
        if before is not None:
            return self._as_edited(self._without_deleted(self._catalog.followed(before)))
        snapshot = self._loaded(folder)
        known, now_ms = snapshot.histories, int(self._clock() * 1000)
        live = events().behind(snapshot.run, known.weights, known.forgotten, now_ms)
        return counting(snapshot, live) if live.events or known.forgotten else snapshot

    def back(self, told: tuple[str, str], expected: str | None = None) -> Snapshot:
        """From now on the run answers again that did before.

        Args:
            told: who says so, and why.
            expected: the run that answers, as far as they know; None: whichever does.

        Raises:
            ArtifactError: that one is damaged.
            ConfigError: there is none, another one answers than expected, or only one is served.
        """
        check_folder(self.runs.place)
        registry = Registry(self.runs.place)
        with self._building:
            name = before(registry)
            snapshot = None if name is None else self._loaded(self.runs.found(name))
            line = registry.rollback(int(self._clock()), told, expected)
            if snapshot is None or line.run != name:  # somebody was faster
                snapshot = self._loaded(self.runs.folder())
            self._swap(self._recounted(snapshot))
            return self.snapshot

    def refresh(self) -> None:
        """Once: another run, where `current` names one; the catalog, where it has changed.

        What is popular and the like is counted anew when it is time to.
        """
        if not self.there and self.runs.none():
            return
        with self._building:
            with self._lock:  # what was said before is in the store, so it will be read now
                self._forgotten = []
            folder = self.runs.folder()
            if folder.name != self.snapshot.model:
                self._swap(self._recounted(self._loaded(folder)))
                return
            newer = self._catalog.followed(self.snapshot)
            newer = self._without_deleted(newer) if self._deletions() else newer
            newer = self._as_edited(newer)
            if newer is not self.snapshot:
                self._swap(newer)  # at once: what was read of the catalog is not read again
            if self._clock() - self._counted >= self._recount_s:
                self._swap(self._recounted(self.snapshot))

    def hide(self, id: str, number: int) -> None:
        """This item, deleted by the change of this number, is in no list any more, from now on."""
        with self._lock:
            if self.there and number > self.snapshot.number:  # else later changes are known already
                self._hidden[id] = number
                self.snapshot = self.snapshot.without([id])

    def forget(self, names: list[str]) -> None:
        """What the run knows of somebody who was deleted is used no more, from now on."""
        with self._lock:
            self._forgotten += names
            if self.there:
                self.snapshot = self.snapshot.forgetting(names)

    def close(self) -> None:
        """Watch no longer."""
        self._stop.set()
        if self._watch is not None:
            self._watch.join(5)

    def _deletions(self) -> bool:
        """Was anybody deleted since the last look, perhaps through another server?"""
        now, since = int(self._clock() * 1000), self._looked
        self._looked = now - OVERLAP_MS
        return bool(self._store.people.deleted(since))

    def _watching(self, every_s: float) -> None:
        # whoever comes first to what takes long gets a baked list
        if self.there:
            self._tried(lambda: self._warm(self.snapshot))
        lean: Snapshot | None = None
        while not self._stop.wait(every_s):
            if self.snapshot is not lean:  # by now nobody holds the one before
                lean = self.snapshot
                give_back()
            self._tried(self.refresh)
            if self.there:
                self._tried(self._probe)

    def _tried(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # whatever it is, what answers now goes on
            log.error("%s", error, exc_info=not isinstance(error, BowerbirdError))

    def _probe(self) -> None:
        """How much of exact lists the index finds: once, since it does not change by itself."""
        snapshot = self.snapshot
        if snapshot.index != self._measured:
            found = recall(snapshot)
            if found is not None:
                self._telemetry.recall.labels(snapshot.model).set(found)
            self._measured = snapshot.index

    def _first(self) -> Snapshot:
        if not self.runs.none():
            return self._loaded(self.runs.folder())
        place = self.runs.place
        if not place.parent.is_dir():
            raise ArtifactError(f"{place}: a folder of runs expected, there is no place for it")
        place.mkdir(exist_ok=True)
        return cast("Snapshot", NoRun())  # it answers everything by saying that there is none

    def _loaded(self, folder: Path) -> Snapshot:
        began = time.perf_counter()
        snapshot = self._catalog.followed(Snapshot.load(folder))
        snapshot = self._as_edited(self._without_deleted(snapshot))
        log.info("%s loaded in %.1f s", folder.name, time.perf_counter() - began)
        return snapshot

    def _as_edited(self, snapshot: Snapshot) -> Snapshot:
        """With scenarios as they were changed while services ran."""
        edited = Edited.of(self._store.papers)
        if edited.number == snapshot.edited:
            return snapshot
        scenarios = edited.over(scenarios_in(snapshot.run.folder))
        return with_scenarios(snapshot, scenarios, edited.number)

    def _without_deleted(self, snapshot: Snapshot) -> Snapshot:
        """The run knows nothing of people who were deleted after its last event."""
        newest = snapshot.run.data.newest() * 1000 if snapshot.run.data.dated else 0
        return snapshot.forgetting([key for key, _ in self._store.people.deleted(newest)])

    def _recounted(self, snapshot: Snapshot) -> Snapshot:
        """With what was done until now; the same one where that is nothing."""
        began, self._counted = time.perf_counter(), self._clock()
        known, now_ms = snapshot.histories, int(self._clock() * 1000)
        live = self._events.behind(snapshot.run, known.weights, known.forgotten, now_ms)
        if not live.events and snapshot.live is None and not known.forgotten:
            return snapshot
        log.info("%s events counted in %.1f s", live.events, time.perf_counter() - began)
        return counting(snapshot, live)

    def _swap(self, snapshot: Snapshot) -> None:
        self._warm(snapshot)
        with self._lock:
            hidden = {id: n for id, n in self._hidden.items() if n > snapshot.number}
            self._hidden = hidden
            self.snapshot = snapshot.without(list(hidden)).forgetting(self._forgotten)
        self._telemetry.items.set(len(snapshot.catalog))
        for reason, count in held_by_reason(snapshot.live).items():
            self._telemetry.quarantined.labels(reason).set(count)
