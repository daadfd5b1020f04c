"""Past | future: what may be learned from, and what is asked afterwards.

Apart from the dataset because these are the judge's rules, not the data's. Nothing cold is dropped:
people without a past and items without an event stay in the questions and in the answers.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int32
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.dataset import Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class Holdout:
    """Questions from before the cut, and what came after it."""

    users: Int32[ndarray, "b"]  # rows of the dataset's users
    queries: Queries  # b histories, asked at the cut
    relevant: csr_array  # (b, n_items), gain > 0
    repeats: bool = False  # may an item of the history be the answer again?
    allow: Bool[ndarray, "n"] | None = None  # the items that are ranked; None is the whole catalog
    rules: dict[str, str] = field(default_factory=dict)  # printed with every result

    def __len__(self) -> int:
        return len(self.users)
