"""What the sequence encoder trains: batches of histories, item vectors, loss and validation.

Apart from the encoder because this is the only part of it that needs torch.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor, nn

from bowerbird.data.queries import Queries
from bowerbird.encoders.attention import Network
from bowerbird.encoders.batches import Batch, answered, grouped, padded, started, windows
from bowerbird.encoders.judging import Judge
from bowerbird.encoders.lesson import Lesson, Shape, Terms
from bowerbird.encoders.losses import full_softmax, sampled_softmax
from bowerbird.encoders.training import adam

WHOLE = 5_000
"""Items up to which the softmax runs over all of them."""
TOUCHED = 7.0
"""Learning rate, in rates, of item vectors that a step has touched, where it touches few. Adam
over all of them goes on moving a row after its step, by about so much in all
(Σ 0.9ᵗ / √0.98ᵗ · 0.1 / √0.02); on amazon-beauty this does better by a sixth, and is faster."""


class Sequences(nn.Module):
    """The network and its item table: an own vector, gated, plus what is written on the item."""

    content: Tensor
    gate: Tensor

    def __init__(self, lesson: Lesson, shape: Shape) -> None:
        super().__init__()
        own = torch.from_numpy(np.vstack([lesson.start, np.zeros_like(lesson.start[:1])]))
        self.own = nn.Embedding(len(own), own.shape[1], _weight=own, sparse=len(own) > WHOLE + 1)
        self.mapping = nn.Parameter(torch.from_numpy(lesson.mapping.copy()))
        self.network = Network(shape)
        padding = np.zeros_like(lesson.content[:1])
        self.register_buffer(
            "content", torch.from_numpy(np.vstack([lesson.content, padding])), persistent=False
        )
        gate = torch.from_numpy(np.append(lesson.gate, np.float32(0)))
        self.register_buffer("gate", gate, persistent=False)

    def vectors(self, rows: Tensor, id_dropout: float = 0.0) -> Tensor:
        """(r,) rows → (r, dim); in training some items are known by their content alone."""
        gate: Tensor = self.gate[rows]
        content: Tensor = self.content[rows]
        if not content.shape[1]:
            own: Tensor = self.own(rows) * (gate > 0)[:, None]
            return own
        if self.training and id_dropout:
            gate = gate * (torch.rand(len(rows), device=rows.device) >= id_dropout)
        both: Tensor = self.own(rows) * gate[:, None] + content @ self.mapping
        return both


class SequenceCourse:
    """Next-item prediction over padded batches of like length."""

    def __init__(self, lesson: Lesson, terms: Terms, judge: Judge | None) -> None:
        self.lesson, self.terms, self._judge = lesson, terms, judge
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(terms.seed)
            self.network = Sequences(lesson, terms.shape)
        if lesson.network:
            given = {name: torch.from_numpy(a.copy()) for name, a in lesson.network.items()}
            self.network.network.load_state_dict(given)
        self.network = self.network.to(self.device)
        self.m = len(lesson.start)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam; the item table by the rows that a step has touched, where not all are."""
        return adam(self.network, TOUCHED if self.m > WHOLE else None)

    def losses(self, rng: np.random.Generator) -> list[tuple[Callable[[], Tensor], int]]:
        """One epoch."""
        histories, terms = self.lesson.histories, self.terms
        pieces = windows(histories.offsets, terms.shape.max_len, rng)
        groups = list(grouped(pieces, terms.events, rng))
        seeds = rng.integers(2**63, size=len(groups))
        sizes = [int((some[:, 1] - some[:, 0] - 1).sum()) for some in groups]
        steps = [
            partial(self._step, some, int(seed)) for some, seed in zip(groups, seeds, strict=True)
        ]
        return list(zip(steps, sizes, strict=True))

    def judge(self) -> float:
        """NDCG@10 on a sample of the validation queries; NaN without a holdout."""
        if self._judge is None:
            return float("nan")
        vectors = self.encoded(self._judge.queries, self._judge.context)
        return self._judge.ndcg(vectors, self.table())

    @torch.no_grad()
    def table(self) -> Float32[ndarray, "m dim"]:
        """The vector of every item that was met."""
        rows = torch.arange(self.m, device=self.device)
        vectors: ndarray = self.network.eval().vectors(rows).float().cpu().numpy()
        return vectors

    @torch.no_grad()
    def encoded(
        self, queries: Queries, context: Float32[ndarray, "b c"]
    ) -> Float32[ndarray, "b dim"]:
        """Query vectors, as they are in training."""
        out = np.zeros((len(queries), self.terms.shape.dim), dtype=np.float32)
        network = self.network.eval()
        table = network.vectors(torch.arange(self.m + 1, device=self.device))
        who = context if context.shape[1] else None
        for batch, last in answered(
            queries, self.terms.shape.max_len, self.m, self.lesson.dated, who is not None
        ):
            x = table[torch.from_numpy(batch.items).to(self.device)]
            states = network.network(x, *self._given(batch), self._context(who, batch))
            picked = states[torch.arange(len(last)), torch.from_numpy(last)]
            out[batch.owners] = picked.float().cpu().numpy()
        return out

    def _step(self, pieces: Int64[ndarray, "w 2"], seed: int) -> Tensor:
        """The loss of these pieces of histories."""
        histories, rng = self.lesson.histories, np.random.default_rng(seed)
        batch = padded(histories, pieces, self.m, 1, self.lesson.dated)
        if self.terms.future > 1:
            batch = batch._replace(targets=self._later(pieces, batch, rng))
        if self.lesson.context.shape[1]:
            begins = histories.offsets[batch.owners] == pieces[:, 0]
            firsts = np.where(begins, histories.items[pieces[:, 0]], -1)
            batch = started(batch, self.m, firsts)
        drawn = rng.integers(0, self.m, self.terms.negatives) if self.m > WHOLE else None
        return self._loss(batch, drawn)

    def _loss(self, batch: Batch, drawn: Int64[ndarray, "s"] | None) -> Tensor:
        network, dropout = self.network, self.terms.id_dropout
        wanted = torch.from_numpy(batch.targets).to(self.device)
        who = self.lesson.context if self.lesson.context.shape[1] else None
        context = self._context(who, batch)
        if drawn is None:
            table = network.vectors(torch.arange(self.m + 1, device=self.device), dropout)
            inputs = torch.from_numpy(batch.items).to(self.device)
            states = network.network(table[inputs], *self._given(batch), context)
            there = wanted >= 0
            return full_softmax(states[there], table[: self.m], wanted[there])
        known = batch.targets[batch.targets >= 0]
        touched, place = np.unique(
            np.concatenate([batch.items.ravel(), known, drawn]), return_inverse=True
        )
        table = network.vectors(torch.from_numpy(touched).to(self.device), dropout)
        ends = np.cumsum([batch.items.size, known.size])
        inputs, targets, negatives = (
            torch.from_numpy(part).to(self.device) for part in np.split(place, ends)
        )
        x = table[inputs.view(batch.items.shape)]
        states = network.network(x, *self._given(batch), context)[wanted >= 0]
        positives = (states * table[targets]).sum(dim=1)
        against = states @ table[negatives].T
        return sampled_softmax(positives, against, targets[:, None] == negatives[None])

    def _context(self, context: ndarray | None, batch: Batch) -> Tensor | None:
        if context is None:
            return None
        return torch.from_numpy(context[batch.owners]).to(self.device)

    def _given(self, batch: Batch) -> tuple[Tensor | None, Tensor | None]:
        gaps, types = batch.gaps, batch.types
        return (
            None if gaps is None else torch.from_numpy(gaps).to(self.device),
            None if types is None else torch.from_numpy(types).to(self.device),
        )

    def _later(
        self, pieces: Int64[ndarray, "w 2"], batch: Batch, rng: np.random.Generator
    ) -> Int64[ndarray, "b l"]:
        """At each place one of the next `future` events of the same history, drawn anew."""
        width = batch.targets.shape[1]
        ahead = rng.integers(1, self.terms.future + 1, (len(pieces), width))
        spot = pieces[:, :1] + np.arange(width) + ahead
        ends = self.lesson.histories.offsets[batch.owners + 1][:, None]
        later = self.lesson.histories.items[np.minimum(spot, ends - 1)]
        return np.where(batch.targets >= 0, later, -1).astype(np.int64)
