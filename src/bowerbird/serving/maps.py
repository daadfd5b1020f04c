"""Maps of runs as services show them, each read once."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.errors import SpaceError
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Hits
from bowerbird.retrieval.retriever import VectorRetriever, alike, directions
from bowerbird.serving.snapshot import Snapshot, hidden_in, space_in
from bowerbird.surfaces.kept_map import FACTS, FOLDER, KeptMap, kept_map

KEPT = 4
"""Maps that are held: of the run that answers, and of those it is compared with."""


@dataclass(frozen=True, slots=True)
class Titles:
    """What items are called, and the same in small letters, to be searched."""

    catalog: Catalog
    words: list[str]
    small: list[str]

    @classmethod
    def of(cls, catalog: Catalog) -> "Titles":
        """Of all items."""
        words = catalog.titles()
        pairs = zip(words, catalog.items.ids, strict=True)
        return cls(catalog, words, [f"{word}\n{id}".lower() for word, id in pairs])


class Maps:
    """Of one folder of runs. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[Path, tuple[float, KeptMap]] = {}
        self._titles: Titles | None = None
        self._index: tuple[VectorRetriever, ExactIndex] | None = None

    def places(self, folder: Path, snapshot: Snapshot) -> Float32[ndarray, "n 2"]:
        """Where a run's map has the items of the run that answers; NaN for those it has not.

        Raises:
            ArtifactError: it has no map, or a damaged one.
        """
        found = self._read(folder).of(snapshot.catalog.items)
        found[hidden_in(snapshot, len(found))] = np.nan
        return found

    def titles(self, snapshot: Snapshot) -> Titles:
        """What its items are called now."""
        found = self._titles
        if found is None or found.catalog is not snapshot.catalog:
            self._titles = found = Titles.of(snapshot.catalog)
        return found

    def nearest(self, snapshot: Snapshot, row: int, k: int) -> tuple[str, Hits]:
        """What is most like an item: by what it is measured, and the k rows; no rule has a say."""
        rows, allow = np.array([row], np.int32), shown_in(snapshot)
        try:
            main = space_in(snapshot).main
        except SpaceError:
            return "the model's own", snapshot.plain.retriever.main.similar(rows, k, allow)
        held = self._index
        if held is None or held[0].vectors is not main.vectors:
            self._index = held = (main, ExactIndex(directions(main.vectors)))
        found = alike(held[1], rows, k + 1, allow)
        keep = np.flatnonzero(found.rows[0] != row)[:k]
        return "cosine", Hits(found.rows[:, keep], found.scores[:, keep])

    def _read(self, folder: Path) -> KeptMap:
        """As the file is now."""
        try:
            written = (folder / FOLDER / FACTS).stat().st_mtime
        except OSError:
            written = 0.0
        with self._lock:
            at, found = self._kept.get(folder, (-1.0, None))
            if found is None or at != written:
                found = kept_map(folder)
                self._kept.pop(folder, None)
                self._kept[folder] = (written, found)
                while len(self._kept) > KEPT:
                    self._kept.pop(next(iter(self._kept)))
            return found


def shown_in(snapshot: Snapshot) -> Bool[ndarray, "n"]:
    """Items that have not been deleted since the run was made."""
    return ~hidden_in(snapshot, len(snapshot.catalog))


def closer(places: Float32[ndarray, "n 2"], row: int, others: ndarray) -> list[int | None]:
    """Of each of these rows, how many items lie nearer to `row` on the map; None: it has no place.

    >>> places = np.array([[0, 0], [1, 0], [2, 0], [np.nan, 0]], np.float32)
    >>> closer(places, 0, np.array([2, 1, 3]))
    [1, 0, None]
    """
    if np.isnan(places[row]).any():
        return [None] * len(others)
    far = np.linalg.norm(places - places[row], axis=1)
    far[row] = np.nan
    order = np.sort(far[~np.isnan(far)])
    counts = np.searchsorted(order, far[others])
    return [
        None if np.isnan(far[other]) else int(count)
        for other, count in zip(others.tolist(), counts.tolist(), strict=True)
    ]
