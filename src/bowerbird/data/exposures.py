"""Events that only say that an item was shown: no sign of liking, and not having met it."""

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.data.schema import EXPOSURES


def exposed(queries: Queries) -> Bool[ndarray, "events"]:
    """Which events of the histories only say that an item was shown."""
    if queries.types is None:
        return np.zeros(len(queries.items), dtype=bool)
    codes = [code for code, name in enumerate(queries.type_names) if name in EXPOSURES]
    shown: Bool[ndarray, events] = np.isin(queries.types, codes)
    return shown
