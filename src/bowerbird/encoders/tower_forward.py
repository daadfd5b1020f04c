"""What the two towers answer, in numpy, from their learned arrays.

Apart from the module in `towers.py` because answering must not need torch; a test holds the two
together.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.encoders.bags import Bag
from bowerbird.encoders.text import unit

Arrays = Mapping[str, ndarray]


def query_vectors(
    arrays: Arrays, content: Float32[ndarray, "n f"], bag: Bag, context: Float32[ndarray, "b c"]
) -> Float32[ndarray, "b dim"]:
    """Content part and own part side by side, then 1; zeros for who says nothing at all."""
    goals = bag.goals[bag.owners]
    logs = arrays["ages"][:, goals, bag.ages] + arrays["gaps"][:, goals, bag.gaps]
    counts = np.exp(logs + arrays["types"][:, goals, bag.types]) * bag.weights
    offsets = np.append(bag.starts, len(bag.items))
    shape = (len(bag.starts), len(content))
    sharp = np.exp(arrays["sharpness"])
    says = counts[1] * np.exp(arrays["says"][bag.items])
    pooled = csr_array((says, bag.items, offsets), shape=shape) @ arrays["own"]
    own = pooled + pooled @ arrays["turn"]
    written = unit(csr_array((counts[0], bag.items, offsets), shape=shape) @ content)
    own = unit(own + written @ arrays["across"]) * sharp[1]
    said = unit(written @ arrays["asked"]) * sharp[0]
    vectors = np.concatenate([said, own], axis=1) + context @ arrays["context"]
    speaks = np.any(vectors, axis=1)[:, None]
    return np.concatenate([vectors, speaks], axis=1).astype(np.float32)


def item_vectors(
    arrays: Arrays, content: Float32[ndarray, "n f"], gate: Float32[ndarray, "n"]
) -> Float32[ndarray, "n dim"]:
    """Content part, own part as far as it is trusted, bias: of the items it was fitted on."""
    own = unit(arrays["own"]) * gate[:, None]
    return np.concatenate([content, own, (arrays["bias"] * gate)[:, None]], axis=1)


def content_vectors(
    arrays: Arrays, content: Float32[ndarray, "n f"], calibration: Float32[ndarray, "2"]
) -> Float32[ndarray, "n dim"]:
    """Vectors by content alone, scaled by calibration[0], the bias calibration[1]."""
    out = np.zeros((len(content), content.shape[1] + arrays["own"].shape[1] + 1), np.float32)
    out[:, : content.shape[1]], out[:, -1] = content * calibration[0], calibration[1]
    return out


def calibrated(
    queries: Float32[ndarray, "b dim"],
    full: Float32[ndarray, "n dim"],
    bare: Float32[ndarray, "n dim"],
) -> Float32[ndarray, "2"]:
    """Scale a and bias b that make scores by content alone spread as those by whole vectors do.

    a = std(full) / std(bare), b = mean(full) - a·mean(bare), over these queries and items; both
    are of the same items, and `bare` is of scale 1 and bias 0.

    >>> one, full, bare = np.ones((1, 1)), np.array([[1.0], [5.0]]), np.array([[0.0], [1.0]])
    >>> calibrated(*(x.astype(np.float32) for x in (one, full, bare))).tolist()
    [4.0, 1.0]
    """
    whole, alone = queries @ full.T, queries @ bare.T
    spread = float(alone.std())
    if spread < 1e-6:
        return np.array([1, float(whole.mean() - alone.mean())], dtype=np.float32)
    a = float(whole.std()) / spread
    return np.array([a, float(whole.mean()) - a * float(alone.mean())], dtype=np.float32)
