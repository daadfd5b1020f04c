"""Sequence: a causal transformer over the history, learned end to end; new items by their content.

Training needs torch (the extra `train`); a fitted encoder answers in numpy.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from threadpoolctl import threadpool_limits

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.asker import Asker
from bowerbird.encoders.batches import Batch, answered
from bowerbird.encoders.content import Content, ContentEncoder, written_on
from bowerbird.encoders.forward import Forward
from bowerbird.encoders.judging import Judge, compacted
from bowerbird.encoders.lesson import Lesson, Shape, Terms
from bowerbird.encoders.session import Session, mark_of
from bowerbird.encoders.spectral import spectral_start
from bowerbird.encoders.stored import store, stored, under, words_arrays, words_of
from bowerbird.encoders.warm import completed, differs, marked, ridge, schedule_of
from bowerbird.errors import ConfigError, DataError

KIND = "sequence"
FEW = 50
"""Events an item below which a catalog is sparse: its items are learned with more dropout."""
MANY = 500_000
"""Events from which an epoch has steps enough to make each twice as large, which is faster."""
READ = 256
"""Dimensions of what is written on an item."""


@dataclass(frozen=True, slots=True)
class Transformer:
    """score(q, i) = h(history of q) · v_i, with h the last state of a causal transformer.

    v = g(n)·own + W·content: an item met n times counts its own vector g = n / (n + κ), the rest is
    what is written on it (the vectors of the model `content`). In training some items are known by
    their content alone (`id_dropout`), so a new item has a place at once. Own vectors begin at
    `spectral_start`, W as the ridge solution that rebuilds them from content.

    Loss: softmax over the catalog up to 5,000 items, over the target and one set of `negatives`
    uniformly drawn items a batch above. With `future` > 1 the target is one of so many next events.

    Source: Kang & McAuley, ICDM 2018 (SASRec); Zhai et al., ICML 2024 (gates, relative biases);
    Pancha et al., KDD 2022 (`future`, dense all action); Volkovs et al., NeurIPS 2017 (dropout of
    ids).
    """

    dim: int = 64
    blocks: int = 2
    heads: int = 2
    max_len: int = 200
    dropout: float | None = None  # None: .5 where an item has fewer than 50 events, .2 elsewhere
    id_dropout: float = 0.05
    warmup: float = 1.0  # κ, in events
    negatives: int = 1024
    batch_events: int | None = None  # None: 2,048 of half a million events or more, 1,024 of fewer
    future: int = 1
    epochs: int = 25
    learning_rate: float = 0.003
    patience: int = 8  # epochs without a better validation score
    text: str = "auto"  # how texts are read; as in the model content
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("dim", "blocks", "heads", "max_len", "negatives", "batch_events", "future"):
            came = getattr(self, name)
            if came is not None and came < 1:
                raise ConfigError(f"{name} ≥ 1 expected, {came} came")
        if self.epochs < 1 or self.patience < 1 or self.seed < 0:
            came = f"{self.epochs}, {self.patience} and {self.seed} came"
            raise ConfigError(f"epochs and patience ≥ 1 and seed ≥ 0 expected, {came}")
        if self.dim % self.heads:
            raise ConfigError(f"dim a multiple of heads expected, {self.dim} and {self.heads} came")
        if not (0 <= (self.dropout or 0) < 1 and 0 <= self.id_dropout < 1 and self.warmup >= 0):
            came = f"{self.dropout}, {self.id_dropout} and {self.warmup} came"
            raise ConfigError(f"dropouts in [0, 1) and warmup ≥ 0 expected, {came}")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate > 0 expected, {self.learning_rate} came")

    def fit(self, data: Dataset, session: Session | None = None) -> "TransformerEncoder":
        """Train; with a validation holdout the encoder's estimator says how many epochs were best.

        Raises:
            ConfigError: torch is not installed.
            DataError: no history has two events of weight above 0.
        """
        return self._fitted(data, session or Session(), None)

    def obstacle(self, before: "TransformerEncoder", data: Dataset) -> str | None:
        """Why training cannot begin with this encoder; None: it can."""
        if before.dated != data.dated:
            return "events had dates then or have them now, but not both"
        if (before.reader is not None) != written_on(data.catalog):
            return "something was written on items then or is now, but not both"
        return differs(self, before, data)

    def fit_from(
        self, before: "TransformerEncoder", data: Dataset, session: Session
    ) -> "TransformerEncoder":
        """Fewer epochs at a lower rate, from the item vectors and the network of before.

        Items are the same by id; new ones begin where their content puts them, or, without any,
        where counting does beside the known ones. Content and people are read as before.

        Raises:
            ConfigError: torch is not installed.
            DataError: no history has two events of weight above 0.
        """
        fitted = self._fitted(data, session, before)
        return replace(fitted, estimator=self)  # a full fit takes as long as it ever did

    def _fitted(
        self, data: Dataset, session: Session, before: "TransformerEncoder | None"
    ) -> "TransformerEncoder":
        if find_spec("torch") is None:
            raise ConfigError("torch expected to train «sequence»: pip install 'bowerbird[train]'")
        from bowerbird.encoders.sequence_fit import learn  # torch comes with it

        session = session.begun()
        session.say("reading the catalog and counting what goes with what")
        met, mark = np.flatnonzero(data.item_counts()), mark_of(self, data)
        if before is None:
            reader = Content(text=self.text, dim=READ, seed=self.seed).fit_written(data)
            asker = Asker.of(data.traits)
        else:
            reader = None if before.reader is None else before.reader.over(data.catalog)
            asker, mark = before.asker, marked(mark, before.table)
        lesson = self._lesson(data, (reader, asker), before)
        judge = None
        if session.validation is not None:
            judge = Judge.of(session.validation, met, asker, self.seed)
        ways = (self._terms(data, reader, asker), schedule_of(self, before is not None))
        learned = learn(lesson, ways, judge, session, mark)
        vectors = np.full((len(data.catalog), self.dim + 1), np.nan, dtype=np.float32)
        vectors[met, :-1], vectors[met, -1] = learned.items, 0
        if reader is not None:
            cold = data.item_counts() == 0
            vectors[cold] = placed(reader.encode_items(data.catalog)[cold], learned.mapping)
        found = replace(self, epochs=learned.trained.epochs)
        table = Embeddings(data.catalog.items, vectors)
        parts = (learned.network, learned.mapping, data.dated)
        return TransformerEncoder(found, table, reader, asker, *parts)

    def variants(self, data: Dataset) -> tuple["Transformer", ...]:
        """One setting for all data; how long it is trained is found on validation."""
        return (self,)

    @classmethod
    def load(cls, folder: Path) -> "TransformerEncoder":
        """What `TransformerEncoder.save` wrote."""
        estimator, arrays = stored(folder, KIND, cls)
        reader = Content.load(folder / "content") if (folder / "content").is_dir() else None
        network = under("network.", arrays)
        table = Embeddings(Vocabulary(words_of("ids", arrays)), arrays["items"])
        parts = (Asker.from_arrays(arrays), network, arrays["mapping"], bool(arrays["dated"][0]))
        return TransformerEncoder(estimator, table, reader, *parts)

    def _terms(self, data: Dataset, reader: ContentEncoder | None, asker: Asker) -> Terms:
        dropout = self.dropout
        if dropout is None:
            sparse = len(data.log) < FEW * np.count_nonzero(data.item_counts())
            dropout = 0.5 if sparse else 0.2
        events = self.batch_events or (2048 if len(data.log) >= MANY else 1024)
        shape = Shape(self.dim, self.blocks, self.heads, self.max_len, dropout, len(asker))
        ids = 0.0 if reader is None else self.id_dropout
        return Terms(shape, events, self.negatives, ids, self.future, self.seed)

    def _lesson(
        self,
        data: Dataset,
        readers: tuple[ContentEncoder | None, Asker],
        before: "TransformerEncoder | None",
    ) -> Lesson:
        queries, met = data.queries(), np.flatnonzero(data.item_counts())
        histories = compacted(queries, met, len(data.catalog))
        if not (histories.lengths() > 1).any():
            raise DataError(
                "a history of two liked events expected, none came: there is nothing to learn what"
                " follows what from; choose «content» or «popularity»"
            )
        reader, asker = readers
        content, gate = np.zeros((len(met), 0), np.float32), np.ones(len(met), np.float32)
        mapping = np.zeros((0, self.dim), np.float32)
        if reader is not None:
            content = np.ascontiguousarray(reader.items[met])
            counts = data.item_counts()[met]
            gate = (counts / (counts + self.warmup)).astype(np.float32)
        start = self._start(data, content, before)
        if reader is not None:
            mapping = ridge(content, start)
            start = (start - content @ mapping) / gate[:, None]
        context = asker.of_queries(queries)
        network = {} if before is None else before.network
        return Lesson(histories, context, start, content, mapping, gate, data.dated, network)

    def _start(
        self, data: Dataset, content: Float32[ndarray, "m f"], before: "TransformerEncoder | None"
    ) -> Float32[ndarray, "m dim"]:
        """Where the vectors of items that were met begin."""
        met = np.flatnonzero(data.item_counts())
        if before is None:
            return spectral_start(data, self.dim, self.seed)[met]
        vectors = before.table.take(data.catalog.items.ids)[met]
        known = vectors[:, -1] == 0  # the others were known by their content alone, or not at all
        said = content if content.shape[1] else spectral_start(data, self.dim, self.seed)[met]
        return completed(vectors[:, :-1], known, said)


@dataclass(frozen=True, slots=True)
class TransformerEncoder:
    """Item vectors, and a network that turns a history into one of the same space.

    The last dimension is the constant by which scores of new items are calibrated: queries have 1.
    """

    estimator: Transformer
    table: Embeddings  # (n, dim + 1); NaN: cannot be placed
    reader: ContentEncoder | None
    asker: Asker
    network: dict[str, ndarray]
    mapping: Float32[ndarray, "f_plus_1 dim_plus_1"]  # content → vector of a new item, calibrated
    dated: bool

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """Trained vectors; new items by their content; NaN where there is neither."""
        vectors = self.table.take(catalog.items.ids)
        new = np.flatnonzero(self.table.ids.rows(catalog.items.ids) < 0)
        if self.reader is None or not len(new):
            return vectors
        vectors = vectors.copy()
        vectors[new] = placed(self.reader.encode_items(catalog.take(new)), self.mapping)
        return vectors

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """The last state over the newest `max_len` events; zeros without a known history.

        Columns of people are read beside a history. Alone they stay silent: what is popular among
        people of their kind, which stands behind every model, is the better answer then.
        """
        known = self.known(queries)
        asked = np.flatnonzero(known.lengths() > 0)
        context = self.asker.of_queries(queries)[asked] if len(self.asker) else None
        vectors, estimator = self.inputs(), self.estimator
        found = np.ones((len(asked), vectors.shape[1] + 1), dtype=np.float32)
        forward = Forward(self.network, estimator.blocks, estimator.heads)

        def fill(task: tuple[Batch, ndarray]) -> None:
            batch, last = task
            who = None if context is None else context[batch.owners]
            found[batch.owners, :-1] = forward(vectors, batch, last, who)

        empty, starts = len(vectors) - 1, context is not None
        tasks = answered(known.take(asked), estimator.max_len, empty, self.dated, starts)
        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(fill, tasks))
        out = np.zeros((len(queries), found.shape[1]), dtype=np.float32)
        out[asked] = found
        return out

    def save(self, folder: Path) -> None:
        """Settings, item vectors, the network's arrays; the reader of content in its own folder."""
        arrays = {f"network.{name}": array for name, array in self.network.items()}
        arrays |= {"items": self.table.vectors, "mapping": self.mapping}
        arrays |= {"dated": np.array([self.dated], dtype=np.uint8)}
        arrays |= words_arrays("ids", self.table.ids.ids) | self.asker.arrays()
        store(folder, KIND, self.estimator, arrays)
        if self.reader is not None:
            self.reader.save(folder / "content")

    def known(self, queries: Queries) -> Queries:
        """The histories in rows of `inputs`; what has no vector is left out."""
        return compacted(queries, np.flatnonzero(self._placed()), len(self.table.ids))

    def inputs(self) -> Float32[ndarray, "placed_plus_1 dim"]:
        """What goes into the network: item vectors without the calibration, then «no item»."""
        vectors = self.table.vectors[self._placed(), :-1]
        return np.vstack([vectors, np.zeros_like(vectors[:1])])

    def shape(self) -> Shape:
        """What the network is made of."""
        e = self.estimator
        return Shape(e.dim, e.blocks, e.heads, e.max_len, 0.0, len(self.asker))

    @property
    def typed(self) -> bool:
        """Has it learned from types of events?"""
        return bool(np.any(self.network["types"]))

    def _placed(self) -> ndarray:
        there: ndarray = np.isfinite(self.table.vectors).all(axis=1)
        return there


def placed(
    content: Float32[ndarray, "n f"], mapping: Float32[ndarray, "f_plus_1 dim"]
) -> Float32[ndarray, "n dim"]:
    """Vectors of items known by their content alone; NaN where nothing is written."""
    out: ndarray = content @ mapping[:-1] + mapping[-1]
    return out
