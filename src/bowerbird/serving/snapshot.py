"""One run in memory: its catalog of now, its scenarios, a list for when all else fails.

Never changed, only replaced as a whole: a request holds on to one from its first to its last line.
"""

import hashlib
import json
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.columns import NO_TIME
from bowerbird.data.dataset import AVAILABLE_FROM, AVAILABLE_UNTIL, Catalog
from bowerbird.errors import ConfigError, StoreDown
from bowerbird.index.index import Index
from bowerbird.ranking.recommender import Recommender
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.expression import parsed
from bowerbird.retrieval.retriever import VectorRetriever
from bowerbird.serving.histories import Histories
from bowerbird.surfaces.assemble import backed, recommender_of
from bowerbird.surfaces.kept import kept_index
from bowerbird.surfaces.live_log import Live
from bowerbird.surfaces.run_folder import Run, load_run
from bowerbird.surfaces.scenario import Scenario, scenarios_in
from bowerbird.surfaces.space import Space
from bowerbird.surfaces.surface import Ask, Opened, Surface, asked_of

BAKED = 500
"""Items of the list that is always there."""
SOON_S = 0.05
"""How long a request waits for a scenario to be opened by another."""
ASKED = 64
"""Surfaces kept, each a scenario for one length of lists."""
SLOW = ("goes-with", "search")
"""Surfaces that may have something to fit first."""
UNNAMED = ""
"""No scenario that is kept can be called so."""
COUNTED = ("popular", "new", "trending")
"""Surfaces that count what was done, since the run was trained as well."""
MASKS = 64
"""Filters kept, a byte an item each."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A surface, and until which moment its mask holds."""

    surface: Surface
    until: float


@dataclass(frozen=True)
class Snapshot:
    """A run that answers."""

    run: Run
    plain: Recommender
    scenarios: Mapping[str, Scenario]
    configs: Mapping[str, str]  # hashes of what they say
    index: str | None
    baked: ndarray  # rows, the most popular first
    histories: Histories
    kept: Index | None = None  # the index that the run keeps, of its first items
    number: int = 0  # of the last change of items that it has
    edited: int = 0  # of the last edit of scenarios that it has
    hidden: Bool[ndarray, "n"] | None = None  # deleted since the run was made
    fitted: dict[str, Any] = field(default_factory=dict)  # for surfaces; outlives the catalog
    live: Live | None = None  # what is counted; None: what the run was trained on
    _opened: dict[str, Opened] = field(default_factory=dict)
    _asked: OrderedDict[tuple[str, int], Timed] = field(default_factory=OrderedDict)
    _masks: OrderedDict[str, Bool[ndarray, "n"]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)  # of the small things above
    _making: dict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))  # by scenario

    @classmethod
    def load(cls, folder: Path) -> "Snapshot":
        """A run folder.

        Raises:
            ArtifactError: it is damaged.
            ConfigError: its scenarios cannot be read.
        """
        run = load_run(folder)
        index = kept_index(folder, len(run.data.catalog))
        return cls.of(run, scenarios_in(folder), index)

    @classmethod
    def of(
        cls,
        run: Run,
        scenarios: Mapping[str, Scenario],
        index: Index | None = None,
        fitted: dict[str, Any] | None = None,
        live: Live | None = None,
    ) -> "Snapshot":
        """A run over the catalog that `run.data` has."""
        counted = run.data if live is None else live.data
        plain = recommender_of(run.fitted, counted, run.fallback, index=index)
        about = (_version(run, plain), _baked(plain), Histories.of(run))
        fitted = {} if fitted is None else fitted
        configs = {name: config_of(scenario) for name, scenario in scenarios.items()}
        return cls(run, plain, scenarios, configs, *about, index, fitted=fitted, live=live)

    @property
    def catalog(self) -> Catalog:
        """What can be shown."""
        return self.run.data.catalog

    @property
    def model(self) -> str:
        """What lists call the run."""
        return self.run.folder.name

    def scenario(self, name: str) -> Scenario:
        """By name.

        Raises:
            ConfigError: there is none.
        """
        if name not in self.scenarios:
            valid = ", ".join(self.scenarios)
            raise ConfigError(f"scenario: one of {valid} expected, {name!r} came")
        return self.scenarios[name]

    def surface(self, name: str, k: int | None, now: int, wait: bool = False) -> Surface:
        """A scenario for lists of k items at this moment (seconds since 1970 UTC).

        Raises:
            ConfigError: there is none, or it does not fit the run.
            StoreDown: somebody else is opening it, and nobody shall `wait` for that.
        """
        scenario = self.scenario(name)
        at = (name, k or scenario.k)
        found = self._asked.get(at)
        if found is None or not found.surface.now <= now < found.until:
            making = self._making[name]  # what takes long keeps nobody from other scenarios
            if not making.acquire(timeout=-1 if wait else SOON_S):
                raise StoreDown(f"{name} is being opened: it takes a while the first time")
            try:
                found = Timed(self._made(name, scenario, now, at[1]), _until(self.catalog, now))
            finally:
                making.release()
            with self._lock:
                self._asked[at] = found
                while len(self._asked) > ASKED:
                    self._asked.popitem(last=False)
        surface = replace(found.surface, now=now)
        return surface if self.hidden is None else surface.among(~self.hidden)

    def mask(self, filter: str) -> Bool[ndarray, "n"]:
        """Which items this is true of.

        Raises:
            ConfigError: it cannot be read, or does not fit the columns.
        """
        with self._lock:
            if filter in self._masks:
                self._masks.move_to_end(filter)
                return self._masks[filter]
        made = parsed(filter).mask(self.catalog.fields, len(self.catalog))
        with self._lock:
            self._masks[filter] = made
            if len(self._masks) > MASKS:
                self._masks.popitem(last=False)
        return made

    def without(self, gone: Sequence[str], there: Sequence[str] = ()) -> "Snapshot":
        """The same, some items hidden at once and others shown again."""
        hidden = hidden_in(self, len(self.catalog))
        for ids, out in ((gone, True), (there, False)):
            rows = self.catalog.items.rows(ids)
            hidden[rows[rows >= 0]] = out
        return replace(self, hidden=hidden if hidden.any() else None)

    def forgetting(self, names: Collection[str]) -> "Snapshot":
        """The same, knowing nothing of what these people did before."""
        gone = self.histories.forgotten | set(names)
        if gone == self.histories.forgotten:
            return self
        return replace(self, histories=replace(self.histories, forgotten=gone))

    def warm(self, now: int) -> list[str]:
        """Open every scenario, so that nobody waits for it; names and faults of those that fail."""
        faults = []
        slow = sorted(self.scenarios, key=lambda n: self.scenarios[n].surface in SLOW)
        for name in slow:
            if self.scenarios[name].surface == "audience":
                continue
            try:
                self.surface(name, None, now, wait=True)
            except ConfigError as error:
                faults.append(f"{name}: {error}")
        return faults

    def _made(self, name: str, scenario: Scenario, now: int, k: int) -> Surface:
        if name not in self._opened:
            run = counted(self) if scenario.surface in COUNTED else self.run
            self._opened[name] = Opened.of(run, scenario, self.plain, self.fitted)
        return asked_of(self._opened[name], Ask(now, k=k))


def _baked(plain: Recommender) -> ndarray:
    order: ndarray = np.argsort(-plain.retriever.popularity, kind="stable")[:BAKED]
    return order


def counted(snapshot: Snapshot) -> Run:
    """The run with what was done since, for what counts and does not learn."""
    run, live = snapshot.run, snapshot.live
    return run if live is None else replace(run, data=live.data)


def counting(snapshot: Snapshot, live: Live) -> Snapshot:
    """The same, popular being what was done until now; model and index are as they were."""
    retriever = backed(snapshot.plain.retriever.main, live.data, snapshot.run.fallback)
    plain = replace(snapshot.plain, retriever=retriever)
    opened = {
        name: one.backed_by(retriever)
        for name, one in list(snapshot._opened.items())
        if one.scenario.surface not in COUNTED
    }
    anew: dict[str, Any] = {"_opened": opened, "_asked": OrderedDict()}
    return replace(snapshot, plain=plain, baked=_baked(plain), live=live, **anew)


def tried(snapshot: Snapshot, scenario: Scenario, now: int, k: int | None = None) -> Surface:
    """A scenario that is not among its own, as it would be; nothing of it is kept.

    Raises:
        ConfigError: it does not fit the run.
    """
    return trying(snapshot, UNNAMED, scenario).surface(UNNAMED, k, now)


def space_in(snapshot: Snapshot) -> Space:
    """Where its people and items lie.

    Raises:
        SpaceError: the run has no vectors of one space.
    """
    return Space.of(snapshot.run, snapshot.plain.retriever.main)


def with_scenarios(
    snapshot: Snapshot, scenarios: Mapping[str, Scenario], edited: int = 0
) -> Snapshot:
    """The same with these, of that edit; what is open of those that stay as they are stays open."""
    opened = {
        name: one
        for name, one in list(snapshot._opened.items())
        if scenarios.get(name) == snapshot.scenarios.get(name)
    }
    configs = {name: config_of(scenario) for name, scenario in scenarios.items()}
    anew: dict[str, Any] = {"_opened": opened, "_asked": OrderedDict(), "edited": edited}
    return replace(snapshot, scenarios=scenarios, configs=configs, **anew)


def trying(snapshot: Snapshot, name: str, scenario: Scenario, dial: Dial | None = None) -> Snapshot:
    """The same with a scenario that nobody keeps, open already; no list that goes out knows it.

    Args:
        snapshot: a run that answers, or could.
        name: of the scenario.
        scenario: what is tried.
        dial: of the run's model, which is made once however often it is turned; None: make one.

    Raises:
        ConfigError: the scenario does not fit the run.
    """
    base = snapshot._opened.get(name)
    opened = None if base is None else base.saying(scenario)
    if opened is None and scenario.surface != "audience":
        run = counted(snapshot) if scenario.surface in COUNTED else snapshot.run
        opened = Opened.of(run, scenario, snapshot.plain, dict(snapshot.fitted))
    if opened is not None and dial is not None and scenario.discount:
        opened = opened.dialled(dial)
    made = with_scenarios(snapshot, {**snapshot.scenarios, name: scenario}, snapshot.edited)
    return replace(made, _opened={} if opened is None else {name: opened})


def hidden_in(snapshot: Snapshot, n: int) -> Bool[ndarray, "n"]:
    """What is hidden, in a catalog that has grown to n items."""
    hidden = np.zeros(n, bool)
    if snapshot.hidden is not None:
        hidden[: len(snapshot.hidden)] = snapshot.hidden
    return hidden


def config_of(scenario: Scenario) -> str:
    """A hash of what a scenario says: 12 hex digits."""
    said = scenario.model_dump(mode="json")
    if not scenario.holdout:
        del said["holdout"]  # lists of former versions are of the same scenario
    told = json.dumps(said, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def row_of(catalog: Catalog, row: int, names: Sequence[str]) -> dict[str, Any]:
    """What is written on an item, in these columns, as plain JSON values."""
    found: dict[str, Any] = {}
    for name in names:
        column = catalog.fields.get(name)
        if column is None:
            continue
        one = column.take(np.array([row]))
        if one.kind == "list":
            found[name] = [one.labels[code] for code in one.values]
        elif one.kind == "number":
            found[name] = None if np.isnan(one.values[0]) else float(one.values[0])
        elif one.kind == "vector":
            found[name] = [float(value) for value in one.values[0]]
        else:
            found[name] = one.words()[0] or None
    return found


def _version(run: Run, plain: Recommender) -> str | None:
    """What lists call the index: its kind, and a piece of the hash of the model's file."""
    if not isinstance(plain.retriever.main, VectorRetriever):
        return None
    told = json.dumps([run.facts["files"], run.facts.get("index")], sort_keys=True)
    kind = type(plain.retriever.main.index).__name__
    return f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _until(catalog: Catalog, now: int) -> float:
    """The next moment at which an item comes or goes."""
    moments = [np.inf]
    for name in (AVAILABLE_FROM, AVAILABLE_UNTIL):
        column = catalog.fields.get(name)
        if column is not None:
            later = column.values[(column.values > now) & (column.values != NO_TIME)]
            moments.append(float(later.min(initial=np.iinfo(np.int64).max)))
    return min(moments)
