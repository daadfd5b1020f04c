"""What the two towers are trained on: examples drawn from histories, the loss, validation.

Apart from the encoder because this is the only part of it that needs torch.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from numpy import ndarray
from scipy.sparse import csr_array
from torch import Tensor

from bowerbird.data.queries import Queries
from bowerbird.data.split import Holdout
from bowerbird.encoders.asker import Asker
from bowerbird.encoders.bags import Bag, Drawing, Kind, bag_of, drawn_bag
from bowerbird.encoders.contrastive import adjustments, log_expected, mixed_softmax
from bowerbird.encoders.frequency import Frequency
from bowerbird.encoders.judging import Judge
from bowerbird.encoders.lesson import Schedule, Trained
from bowerbird.encoders.session import Session
from bowerbird.encoders.tower_forward import content_vectors, item_vectors, query_vectors
from bowerbird.encoders.towers import SPARSE, Beginning, Towers
from bowerbird.encoders.training import adam, train

AGAIN = 0.05
"""Share of targets that stand in their own history from which on repeats are to be learned."""
LATEST = 4
"""Newest items of the history that such targets are told apart from."""
SILENT = 0.1
"""Share of the examples whose history is left out, where something else is known of people."""


@dataclass(frozen=True, slots=True)
class TowerLesson:
    """What there is to learn from, in rows of the catalog."""

    histories: Queries  # liked events only
    context: Float32[ndarray, "b c"]
    content: Float32[ndarray, "n f"]
    counts: Int64[ndarray, "n"]
    gate: Float32[ndarray, "n"]
    kind: Kind
    start: Beginning


@dataclass(frozen=True, slots=True)
class TowerTerms:
    """How it is learned."""

    batch: int
    negatives: int
    beta: float
    id_dropout: float
    drawing: Drawing
    seed: int


@dataclass(frozen=True, slots=True)
class TowerJudge:
    """Validation over the items that are ranked there, new ones included."""

    judge: Judge
    allowed: Int64[ndarray, "a"]

    @classmethod
    def of(cls, holdout: Holdout, asker: Asker, seed: int) -> "TowerJudge":
        """Of a holdout; without `allow` the whole catalog is ranked."""
        n = holdout.relevant.shape[1]
        allowed = np.arange(n) if holdout.allow is None else np.flatnonzero(holdout.allow)
        judge = Judge.of(holdout, np.arange(n), asker, seed)
        seen = None if judge.seen is None else csr_array(judge.seen[:, allowed])
        some = replace(judge, relevant=csr_array(judge.relevant[:, allowed]), seen=seen)
        return cls(some, allowed)


class TowerCourse:
    """Contrastive learning of both towers over in-batch and uniform negatives."""

    def __init__(self, lesson: TowerLesson, terms: TowerTerms, judge: TowerJudge | None) -> None:
        self.lesson, self.terms, self._judge = lesson, terms, judge
        self.network = Towers(lesson.start, lesson.content)
        self.met = np.flatnonzero(lesson.counts)
        self.codes = lesson.kind.codes(lesson.histories)
        self.places = self._places()
        histories, n = lesson.histories, len(lesson.counts)
        self.keys = np.unique(histories.owners() * n + histories.items)
        self.repeats = self._again() > AGAIN
        self.frequency = Frequency.of(lesson.counts)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam; the item table by the rows that a step has touched, where not all are."""
        return adam(self.network, 1.0 if len(self.lesson.counts) > SPARSE else None)

    def losses(self, rng: np.random.Generator) -> list[tuple[Callable[[], Tensor], int]]:
        """One epoch: every example once, in random order."""
        self.frequency = Frequency.of(self.lesson.counts)  # so that an epoch can be taken up again
        order = rng.permutation(self.places)
        ends = range(0, len(order), self.terms.batch)
        parts = [order[start : start + self.terms.batch] for start in ends]
        seeds = rng.integers(2**63, size=len(parts))
        steps = [
            partial(self._step, some, int(seed)) for some, seed in zip(parts, seeds, strict=True)
        ]
        return list(zip(steps, map(len, parts), strict=True))

    def judge(self) -> float:
        """NDCG@10 on a sample of the validation queries; NaN without a holdout."""
        if self._judge is None:
            return float("nan")
        judge, allowed = self._judge.judge, self._judge.allowed
        return judge.ndcg(self.encoded(judge.queries, judge.context), self.table()[allowed])

    def table(self) -> Float32[ndarray, "n dim"]:
        """Item vectors; those never met by their content alone, not calibrated."""
        arrays, lesson = self.network.arrays(), self.lesson
        return item_vectors(arrays, lesson.content, lesson.gate)

    def bare(self) -> Float32[ndarray, "n dim"]:
        """Item vectors by content alone."""
        one = np.array([1, 0], dtype=np.float32)
        return content_vectors(self.network.arrays(), self.lesson.content, one)

    def encoded(
        self, queries: Queries, context: Float32[ndarray, "b c"]
    ) -> Float32[ndarray, "b dim"]:
        """Query vectors, as the fitted encoder will give them."""
        lesson, terms = self.lesson, self.terms
        bag = bag_of(queries.known(len(lesson.counts)), lesson.kind, terms.drawing.max_len)
        return query_vectors(self.network.arrays(), lesson.content, bag, context)

    def _places(self) -> Int64[ndarray, "m"]:
        """Events that can be predicted from something."""
        histories = self.lesson.histories
        first = histories.offsets[histories.owners()]
        if self.lesson.context.shape[1]:
            return np.arange(len(histories.items))
        if self.lesson.kind.ordered and not self.terms.drawing.around:
            return np.flatnonzero(np.arange(len(histories.items)) > first)
        return np.flatnonzero(np.repeat(histories.lengths() > 1, histories.lengths()))

    def _again(self) -> float:
        """Share of the events whose item the same history holds before."""
        events = len(self.lesson.histories.items)
        return 1 - len(self.keys) / max(events, 1) if self.lesson.kind.ordered else 0.0

    def _step(self, places: Int64[ndarray, "m"], seed: int) -> Tensor:
        """The loss of predicting these events."""
        lesson, terms, rng = self.lesson, self.terms, np.random.default_rng(seed)
        histories = lesson.histories
        bag = drawn_bag(histories, self.codes, lesson.kind, places, terms.drawing, rng)
        of = np.searchsorted(histories.offsets, places, side="right") - 1
        context = lesson.context[of]
        if context.shape[1]:
            bag = silenced(bag, rng.random(len(places)) < SILENT)
        speaks = np.bincount(bag.owners, minlength=len(places)) > 0
        speaks |= np.any(context, axis=1)
        targets = histories.items[places].astype(np.int64)
        drawn = np.concatenate([targets, rng.choice(self.met, terms.negatives)])
        weights = torch.from_numpy(histories.weights[places] * speaks)
        queries = self.network.queries(bag, torch.from_numpy(context))
        loss = self._loss(queries, drawn, self._hidden(of, targets, drawn), weights, bag)
        self.frequency = self.frequency.seen(targets)
        return loss

    def _loss(
        self,
        queries: tuple[Tensor, Tensor],
        drawn: Int64[ndarray, "s"],
        hidden: Bool[ndarray, "m s"],
        weights: Tensor,
        bag: Bag,
    ) -> Tensor:
        """In part by content alone (as a new item is known), in part by whole vectors.

        What is written on an item learns from the first alone, so that own vectors cannot lean on
        it: they learn what content leaves open.
        """
        terms, m = self.terms, len(weights)
        rows = torch.from_numpy(drawn)
        shares = torch.from_numpy(self.frequency.log_shares(drawn))
        expected = log_expected(shares, m, terms.negatives, len(self.met))
        adjust = adjustments(shares[:m], shares, expected, terms.beta)
        written, own = self.network.items(rows)
        gate = torch.from_numpy(self.lesson.gate)[rows]
        bias = self.network.bias[rows] * gate
        by_content = queries[0] @ written.T
        whole = by_content.detach() + queries[1] @ (own * gate[:, None]).T + bias
        off = torch.from_numpy(hidden)
        on = torch.arange(m)
        if self.repeats:
            whole, off, adjust = self._told_apart(queries, drawn[:m], bag, (whole, off, adjust))
        loss = mixed_softmax(whole[on, on], whole, off, adjust, weights)
        share = terms.id_dropout if written.shape[1] else 0.0
        if not share:
            return loss
        plain = (adjust[0], adjust[1][..., : len(drawn)])
        bare = mixed_softmax(by_content[on, on], by_content, off[:, : len(drawn)], plain, weights)
        return (1 - share) * loss + share * bare

    def _told_apart(
        self,
        queries: tuple[Tensor, Tensor],
        targets: Int64[ndarray, "m"],
        bag: Bag,
        told: tuple[Tensor, Tensor, tuple[Tensor, Tensor]],
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """The same with the newest items of each history among its negatives: certain draws."""
        whole, off, adjust = told
        latest, none = newest(bag, len(targets))
        shares = torch.from_numpy(self.frequency.log_shares(latest.ravel())).view(latest.shape)
        flat = torch.from_numpy(latest.ravel())
        written, own = self.network.items(flat)
        gate = torch.from_numpy(self.lesson.gate)[flat]
        shape = (*latest.shape, -1)
        scores = torch.einsum("mkd,md->mk", written.view(shape), queries[0]).detach()
        scores = scores + torch.einsum("mkd,md->mk", (own * gate[:, None]).view(shape), queries[1])
        scores = scores + (self.network.bias[flat] * gate).view(latest.shape)
        off = torch.cat([off, torch.from_numpy(none | (latest == targets[:, None]))], dim=1)
        more = (1 - self.terms.beta) * shares
        wide = torch.cat([adjust[1].expand(len(targets), -1), more], dim=1)
        return torch.cat([whole, scores], dim=1), off, (adjust[0], wide)

    def _hidden(
        self, of: ndarray, targets: Int64[ndarray, "m"], drawn: Int64[ndarray, "s"]
    ) -> Bool[ndarray, "m s"]:
        """Negatives that are the target, or that the same person liked."""
        if self.repeats:
            return np.asarray(targets[:, None] == drawn[None])
        key = of[:, None] * len(self.lesson.counts) + drawn[None]
        place = np.searchsorted(self.keys, key).clip(max=len(self.keys) - 1)
        return np.asarray(self.keys[place] == key)


def newest(bag: Bag, m: int) -> tuple[Int64[ndarray, "m k"], Bool[ndarray, "m k"]]:
    """The last events of each bag, and which of them are none (or an item met again)."""
    ends = np.append(bag.starts[1:], len(bag.items))
    spots = ends[:, None] - 1 - np.arange(LATEST)
    none = spots < bag.starts[:, None]
    latest = bag.items[np.maximum(spots, 0)] if len(bag.items) else np.zeros((m, LATEST), np.int64)
    for place in range(1, LATEST):
        none[:, place] |= (latest[:, :place] == latest[:, place : place + 1]).any(axis=1)
    return latest, none


def silenced(bag: Bag, silent: Bool[ndarray, "b"]) -> Bag:
    """The same bags, some of them empty."""
    keep = ~silent[bag.owners]
    owners = bag.owners[keep]
    starts = np.searchsorted(owners, np.arange(len(silent)))
    weights, ages, gaps, types = bag.weights[keep], bag.ages[keep], bag.gaps[keep], bag.types[keep]
    return Bag(bag.items[keep], owners, starts, weights, ages, gaps, types, bag.goals)


def learn(
    course: TowerCourse, schedule: Schedule, session: Session, mark: str
) -> tuple[Trained, dict[str, ndarray]]:
    """Train; the arrays of the best epoch."""
    trained = train(course, schedule, session, mark)
    return trained, course.network.arrays()
