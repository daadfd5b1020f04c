"""What somebody did: before the run was trained, since then, and just now in the request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.data.schema import EXPOSURES
from bowerbird.errors import ConfigError
from bowerbird.store.store import Past
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.type_weights import weights_of

LAST = 200
"""Live events of a person that are read, the newest."""


@dataclass(frozen=True, slots=True)
class Histories:
    """Of people, in the rows of a run."""

    run: Run
    weights: Mapping[str, float]
    log: Queries
    forgotten: frozenset[str] = frozenset()  # names of whom nothing is known any more

    @classmethod
    def of(cls, run: Run) -> "Histories":
        """With the weights that the run's recipe gives to types of events."""
        return cls(run, weights_of(run.folder), run.data.queries())

    def query(
        self,
        names: Sequence[str],
        past: Sequence[Past],
        now: int,
        traits: Mapping[str, Column] | None = None,
    ) -> Queries:
        """One query.

        Args:
            names: under which the person may be in the run; the first that is there counts, and
                none where one of them is forgotten.
            past: what was done since, oldest first; times in milliseconds.
            now: seconds since 1970 UTC.
            traits: columns of one row, over what the run knows of the person.
        """
        gone = not names or not self.forgotten.isdisjoint(names)
        known = np.zeros(0, np.int32) if gone else self.run.data.users.rows(names)
        row = next((row for row in known.tolist() if row >= 0), -1)
        asked = self._before(row, now, traits or {})
        return _behind(asked, self._live(past, asked, now)) if past else asked

    def _before(self, row: int, now: int, traits: Mapping[str, Column]) -> Queries:
        """What the run knows; a slice, since `take` looks at all people there are."""
        log = self.log
        events = slice(*log.offsets[row : row + 2].tolist()) if row >= 0 else slice(0, 0)
        context = {name: column.take(np.array([row])) for name, column in log.context.items()}
        return Queries(
            log.items[events],
            log.times[events],
            log.weights[events],
            np.array([0, events.stop - events.start]),
            np.array([now]),
            context | dict(traits),
            None if log.types is None else log.types[events],
            log.type_names,
        )

    def _live(self, past: Sequence[Past], asked: Queries, now: int) -> Queries:
        rows = self.run.data.catalog.items.rows([event.item for event in past])
        times = np.array([event.time // 1000 for event in past], dtype=np.int64)
        weights = [self.weights.get(event.type.lower(), 1.0) for event in past]
        names = tuple(dict.fromkeys([*asked.type_names, *(event.type for event in past)]))
        typed = asked.types is not None or any(event.type in EXPOSURES for event in past)
        types = np.array([names.index(event.type) for event in past], dtype=np.int16)
        live = Queries(
            rows,
            np.minimum(times, now),
            np.array(weights, dtype=np.float32),
            np.array([0, len(past)]),
            np.array([now]),
            asked.context,
            types if typed else None,
            names if typed else (),
        )
        return live.where(rows >= 0)


def _behind(old: Queries, live: Queries) -> Queries:
    """Both in one history by time; what is in both counts once."""
    both = old.then(live)
    events = np.arange(len(both.items))
    kinds = both.types if both.types is not None else np.zeros(len(events), np.int16)
    by = np.argsort(both.times, kind="stable")
    kept = np.zeros(len(events), bool)
    keys = np.stack([both.items[by], both.times[by], kinds[by]])
    kept[np.unique(keys, axis=1, return_index=True)[1]] = True
    by = by[kept]
    return replace(
        both,
        items=both.items[by],
        times=both.times[by],
        weights=both.weights[by],
        types=None if both.types is None else both.types[by],
        offsets=np.array([0, len(by)]),
        now=live.now,
        context=live.context,
    )


def traits_of(run: Run, told: Mapping[str, str | float]) -> dict[str, Column]:
    """What a request says of who asks, as columns of one row.

    Raises:
        ConfigError: the run has no such column of people, or it holds something else.
    """
    said: dict[str, Column] = {}
    for name, value in told.items():
        column = run.data.traits.get(name)
        if column is None:
            valid = ", ".join(run.data.traits) or "none, the run has no columns of people"
            raise ConfigError(f"traits: a column among {valid} expected, {name!r} came")
        if column.kind == "category":
            said[name] = Column.category([str(value)])
        elif column.kind == "number" and not isinstance(value, str):
            said[name] = Column("number", np.array([float(value)]))
        else:
            came = f"{column.kind} column, {value!r} came"
            raise ConfigError(f"traits: {name}: a word or a number expected ({came})")
    return said
