"""What a sequence network is given to learn, how, and what comes of it; numbers only.

Apart from the training so that an estimator can say all this without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.queries import Queries


@dataclass(frozen=True, slots=True)
class Lesson:
    """What there is to learn from, in rows of the items that were ever met (0 … m - 1)."""

    histories: Queries
    context: Float32[ndarray, "b c"]  # of each history's owner; c may be 0
    start: Float32[ndarray, "m dim"]  # item vectors to begin with
    content: Float32[ndarray, "m f"]  # what is written on the items; f may be 0
    mapping: Float32[ndarray, "f dim"]  # content → vector, to begin with
    gate: Float32[ndarray, "m"]  # how much an item's own vector counts
    dated: bool
    network: Mapping[str, ndarray] = field(default_factory=dict)  # to begin with; none: it is drawn


@dataclass(frozen=True, slots=True)
class Shape:
    """What the network is made of."""

    dim: int
    blocks: int
    heads: int
    max_len: int
    dropout: float
    context: int  # numbers that describe who asks; 0 is none


@dataclass(frozen=True, slots=True)
class Terms:
    """How it is learned."""

    shape: Shape
    events: int  # places a batch
    negatives: int
    id_dropout: float
    future: int  # the target is one of so many next events
    seed: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long, how fast, and when to give up."""

    epochs: int
    learning_rate: float
    patience: int
    seed: int


@dataclass(slots=True)
class Trained:
    """What came of it, epoch by epoch."""

    epochs: int  # that were kept: those up to the best
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    events: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained network as arrays."""

    trained: Trained
    items: Float32[ndarray, "m dim"]
    mapping: Float32[ndarray, "f_plus_1 dim_plus_1"]  # content → vector of a new item; (0, …)
    network: dict[str, ndarray]
