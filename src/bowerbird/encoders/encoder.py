"""The seam between learning and serving: two functions into one vector space."""

from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.queries import Queries


@runtime_checkable
class Encoder(Protocol):
    """Fitted. The score of item i for query q is the inner product of their vectors."""

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """One vector an item; a row of NaN where the encoder cannot place it (a cold item)."""

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """One vector a history, always finite; all zeros where it has nothing to say."""

    def save(self, folder: Path) -> None:
        """Arrays and JSON into this folder; `Estimator.load` reads them back."""


@runtime_checkable
class Estimator(Protocol):
    """Hyperparameters, a frozen dataclass. Fitting changes nothing here and gives another type.

    That is an Encoder or a Retriever; the second lives on a higher floor, hence Any.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def fit(self, data: Dataset) -> Any:  # noqa: ANN401  each has its own
        """Learn from the data."""

    def load(self, folder: Path) -> Any:  # noqa: ANN401  each has its own
        """What `fit` had made, read back from a folder."""
