"""Two towers: history and context on one side, content and id of an item on the other.

Training needs torch (the extra `train`); a fitted encoder answers in numpy.
"""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.asker import Asker
from bowerbird.encoders.bags import Drawing, Kind, bag_of
from bowerbird.encoders.content import Content, ContentEncoder, written_on
from bowerbird.encoders.session import Session, mark_of
from bowerbird.encoders.spectral import spectral_start
from bowerbird.encoders.stored import store, stored, under, words_arrays, words_of
from bowerbird.encoders.tower_forward import (
    calibrated,
    content_vectors,
    query_vectors,
)
from bowerbird.encoders.warm import completed, differs, marked, schedule_of
from bowerbird.errors import ConfigError, DataError

if TYPE_CHECKING:
    from bowerbird.encoders.tower_course import TowerCourse, TowerLesson
    from bowerbird.encoders.towers import Beginning

KIND = "two-tower"
PROBES = 1_000
"""Histories that new items' scores are calibrated on."""
BLOCK = 4_096
"""Queries answered at a time."""


@dataclass(frozen=True, slots=True)
class TwoTower:
    """score(q, i) = q_c·v_c + g(n)·(q_o·v_o + b): what is written on i, and what i is by itself.

    The query pools the history's events, each with a learned weight by its age, the time passed and
    its type; columns of people and of the request add to it. v_c is the content of the item; q_c
    asks for it through the map of the model `content` and, beside it, a learned one of low rank.
    v_o is the item's own vector, trusted as far as the item was met: g(n) = n / (n + κ). All four
    are unit vectors, the scale of each sum is learned.

    Loss: softmax over the targets of the batch and uniform draws, corrected so that scores hold
    β · log popularity. In a share `id_dropout` of the loss items are known by their content alone,
    so a new item has a place at once; own vectors learn what content leaves open. Scores of new
    items are calibrated against those of items that were met.

    Source: Yi et al., RecSys 2019 (towers, logQ); Yang et al., WWW 2020 companion (mixed
    negatives); Volkovs et al., NeurIPS 2017 (dropout of ids); Mao et al., CIKM 2021 (pooled
    histories, cosines); Hu et al., ICLR 2022, eq. 3 (a fixed map and a learned one of low rank).
    """

    dim: int = 128  # of an item's own vector
    content_rank: int = 256  # of what is learned beside the map of «content»
    max_len: int = 100  # events of a history
    history_dropout: float = 0.5  # share of the events left out of an example
    around: float = 0.5  # share of the examples that also read what came after, where ordered
    id_dropout: float = 0.5  # share of the loss that knows items by their content alone
    warmup: float = 1.0  # κ, in events
    beta: float = 1.0  # of popularity
    negatives: int = 512  # uniform draws, besides the batch
    batch: int = 1024  # events
    goal: str = "auto"  # type of event to be predicted; auto: the one of the largest mean weight
    epochs: int = 12
    learning_rate: float = 0.003
    patience: int = 3  # epochs without a better validation score
    text: str = "auto"  # how texts are read; as in the model content
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("dim", "content_rank", "max_len", "negatives", "batch", "epochs", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} ≥ 1 expected, {getattr(self, name)} came")
        for name in ("history_dropout", "id_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} in [0, 1) expected, {getattr(self, name)} came")
        if not (self.warmup >= 0 and 0 <= self.beta <= 1 and 0 <= self.around <= 1):
            came = f"{self.warmup}, {self.beta} and {self.around} came"
            raise ConfigError(f"warmup ≥ 0, beta and around in [0, 1] expected, {came}")
        if not (self.learning_rate > 0 and self.seed >= 0):
            came = f"{self.learning_rate} and {self.seed} came"
            raise ConfigError(f"learning_rate > 0 and seed ≥ 0 expected, {came}")

    def fit(self, data: Dataset, session: Session | None = None) -> "TwoTowerEncoder":
        """Train; with a validation holdout the encoder's estimator says how many epochs were best.

        Raises:
            ConfigError: torch is not installed, or the goal is no type of event.
            DataError: no event can be predicted from anything.
        """
        return self._fitted(data, session or Session(), None)

    def obstacle(self, before: "TwoTowerEncoder", data: Dataset) -> str | None:
        """Why training cannot begin with this encoder; None: it can."""
        if before.kind != self._kind(data):
            return "types of events, their order or their dates are other ones than then"
        if (before.reader is not None) != written_on(data.catalog):
            return "something was written on items then or is now, but not both"
        return differs(self, before, data)

    def fit_from(
        self, before: "TwoTowerEncoder", data: Dataset, session: Session
    ) -> "TwoTowerEncoder":
        """Fewer epochs at a lower rate, from the towers of before.

        Items are the same by id; own vectors of new ones begin where their content puts them, or,
        without any, where counting does beside the known ones. Content and people are read as
        before.

        Raises:
            ConfigError: torch is not installed.
            DataError: no event can be predicted from anything.
        """
        fitted = self._fitted(data, session, before)
        return replace(fitted, estimator=self)  # a full fit takes as long as it ever did

    def _fitted(
        self, data: Dataset, session: Session, before: "TwoTowerEncoder | None"
    ) -> "TwoTowerEncoder":
        if find_spec("torch") is None:
            raise ConfigError("torch expected to train «two-tower»: pip install 'bowerbird[train]'")
        from bowerbird.encoders.tower_course import (  # torch comes with it
            TowerCourse,
            TowerJudge,
            TowerTerms,
            learn,
        )

        session, mark = session.begun(), mark_of(self, data)
        session.say("reading the catalog and counting what goes with what")
        if before is None:
            reader = Content(text=self.text, seed=self.seed).fit_written(data)
            asker = Asker.of(data.traits)
        else:
            reader = None if before.reader is None else before.reader.over(data.catalog)
            asker, mark = before.asker, marked(mark, before.table)
        drawing = Drawing(self.max_len, self.history_dropout, self.around)
        sizes = (self.batch, self.negatives)
        terms = TowerTerms(*sizes, self.beta, self.id_dropout, drawing, self.seed)
        judge = None
        if session.validation is not None:
            judge = TowerJudge.of(session.validation, asker, self.seed)
        lesson = self._lesson(data, reader, asker, before)
        course = TowerCourse(lesson, terms, judge)
        if not len(course.places):
            raise DataError(
                "a history of two liked events expected, none came: there is nothing to learn what"
                " goes with what from; choose «content» or «popularity»"
            )
        trained, arrays = learn(course, schedule_of(self, before is not None), session, mark)
        calibration = self._calibrated(course)
        items = course.table()
        cold = lesson.counts == 0
        items[cold] = content_vectors(arrays, lesson.content[cold], calibration)
        items[cold & ~lesson.content.any(axis=1)] = np.nan
        found = replace(self, epochs=trained.epochs)
        table = Embeddings(data.catalog.items, items)
        return TwoTowerEncoder(found, table, reader, asker, arrays, calibration, lesson.kind)

    def variants(self, data: Dataset) -> tuple["TwoTower", ...]:
        """One setting for all data; how long it is trained is found on validation."""
        return (self,)

    @classmethod
    def load(cls, folder: Path) -> "TwoTowerEncoder":
        """What `TwoTowerEncoder.save` wrote."""
        estimator, arrays = stored(folder, KIND, cls)
        reader = Content.load(folder / "content") if (folder / "content").is_dir() else None
        towers = under("towers.", arrays)
        ordered, dated, goal = arrays["kind"].tolist()
        kind = Kind(bool(ordered), bool(dated), words_of("types", arrays), goal)
        table = Embeddings(Vocabulary(words_of("ids", arrays)), arrays["items"])
        asker = Asker.from_arrays(arrays)
        return TwoTowerEncoder(estimator, table, reader, asker, towers, arrays["calibration"], kind)

    def _lesson(
        self,
        data: Dataset,
        reader: ContentEncoder | None,
        asker: Asker,
        before: "TwoTowerEncoder | None" = None,
    ) -> "TowerLesson":
        from bowerbird.encoders.tower_course import TowerLesson

        queries, counts = data.queries(), data.item_counts()
        content = np.zeros((len(counts), 0), np.float32) if reader is None else reader.items
        kind = self._kind(data)
        start = self._beginning(data, reader, (len(asker), len(kind.types), data.ordered))
        if before is not None:
            start = going_on(start, before, data, content)
        gate = (counts / np.maximum(counts + self.warmup, 1)).astype(np.float32)
        histories, context = queries.known(len(counts)), asker.of_queries(queries)
        return TowerLesson(histories, context, content, counts, gate, kind, start)

    def _beginning(
        self, data: Dataset, reader: ContentEncoder | None, sizes: tuple[int, int, bool]
    ) -> "Beginning":
        """Where parameters start that nobody has learned yet."""
        from bowerbird.encoders.towers import Beginning

        counts = data.item_counts()
        asked = np.zeros((0, 0), np.float32) if reader is None else reader.mixing
        drawn = np.random.default_rng(self.seed).standard_normal((len(asked), self.content_rank))
        down = (drawn / np.sqrt(max(len(asked), 1))).astype(np.float32)
        own = spectral_start(data, self.dim, self.seed)
        says = np.zeros(len(counts), np.float32)
        if not data.ordered:  # as in a graph filter: the popular say less
            says = -0.5 * np.log(np.maximum(counts, 1)).astype(np.float32)
        return Beginning(own, says, asked, down, *sizes)

    def _kind(self, data: Dataset) -> Kind:
        log = data.log
        if log.types is None:
            return Kind(data.ordered, data.dated, ())
        if self.goal != "auto" and self.goal not in log.type_names:
            valid = ", ".join(log.type_names)
            raise ConfigError(f"goal one of {valid} expected, {self.goal!r} came")
        counts = np.bincount(log.types, minlength=len(log.type_names))
        means = np.bincount(log.types, log.weights, len(log.type_names)) / np.maximum(counts, 1)
        goal = 1 + int(np.argmax(means)) if means.max() > means[counts > 0].min() else 0
        if self.goal != "auto":
            goal = 1 + log.type_names.index(self.goal)
        return Kind(data.ordered, data.dated, log.type_names, goal)

    def _calibrated(self, course: "TowerCourse") -> Float32[ndarray, "2"]:
        """How scores by content alone become comparable; over items that were met and are read."""
        lesson = course.lesson
        asked = np.flatnonzero(lesson.histories.lengths() > 0)
        asked = np.random.default_rng(self.seed).permutation(asked)[:PROBES]
        rows = np.flatnonzero((lesson.counts > 0) & lesson.content.any(axis=1))
        if not len(rows) or not len(asked):
            return np.array([1, 0], dtype=np.float32)
        queries = course.encoded(lesson.histories.take(asked), lesson.context[asked])
        return calibrated(queries, course.table()[rows], course.bare()[rows])


def going_on(
    start: "Beginning", before: "TwoTowerEncoder", data: Dataset, content: Float32[ndarray, "n f"]
) -> "Beginning":
    """What was learned before, items by their ids; the rest as it would start without."""
    towers, n = before.towers, len(data.catalog)
    rows = before.table.ids.rows(data.catalog.items.ids)
    known = rows >= 0
    known[known] = np.any(towers["own"][rows[known]], axis=1)  # it was met
    own, says, bias = start.own.copy(), start.says.copy(), np.zeros(n, np.float32)
    own[known], says[known] = towers["own"][rows[known]], towers["says"][rows[known]]
    bias[known] = towers["bias"][rows[known]]
    own = completed(own, known, content if content.shape[1] else start.own)
    names = ("turn", "across", "context", "ages", "gaps", "types", "sharpness")
    learned = {"bias": bias} | {name: towers[name] for name in names}
    return replace(start, own=own, says=says, asked=towers["asked"], learned=learned)


@dataclass(frozen=True, slots=True)
class TwoTowerEncoder:
    """Item vectors [content, own, bias], and what turns a history into [content, own, 1]."""

    estimator: TwoTower
    table: Embeddings  # NaN: cannot be placed
    reader: ContentEncoder | None
    asker: Asker
    towers: dict[str, ndarray]
    calibration: Float32[ndarray, "2"]  # of new items: scale and bias
    kind: Kind

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """Trained vectors; new items by their content; NaN where there is neither."""
        vectors = self.table.take(catalog.items.ids)
        new = np.flatnonzero(self.table.ids.rows(catalog.items.ids) < 0)
        if self.reader is None or not len(new):
            return vectors
        content = self.reader.encode_items(catalog.take(new))
        vectors = vectors.copy()
        vectors[new] = content_vectors(self.towers, np.nan_to_num(content), self.calibration)
        vectors[new[np.isnan(content).any(axis=1)]] = np.nan
        return vectors

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """The pooled history and what else is known of who asks; zeros without a known history.

        Columns of people alone stay silent: what is popular among people of their kind, which
        stands behind every model, is the better answer then.
        """
        known, context = queries.known(len(self.table.ids)), self.asker.of_queries(queries)
        content = np.zeros((len(self.table.ids), 0), np.float32)
        content = content if self.reader is None else self.reader.items
        out = np.zeros((len(queries), self.table.vectors.shape[1]), dtype=np.float32)
        for start in range(0, len(queries), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(queries)))
            bag = bag_of(known.take(rows), self.kind, self.estimator.max_len)
            out[rows] = query_vectors(self.towers, content, bag, context[rows])
        out[known.lengths() == 0] = 0
        return out

    def save(self, folder: Path) -> None:
        """Settings, item vectors, the towers' arrays; the reader of content in its own folder."""
        arrays = {f"towers.{name}": array for name, array in self.towers.items()}
        kind = np.array([self.kind.ordered, self.kind.dated, self.kind.goal], dtype=np.int64)
        arrays |= {"items": self.table.vectors, "calibration": self.calibration, "kind": kind}
        arrays |= words_arrays("ids", self.table.ids.ids) | words_arrays("types", self.kind.types)
        store(folder, KIND, self.estimator, arrays | self.asker.arrays())
        if self.reader is not None:
            self.reader.save(folder / "content")
