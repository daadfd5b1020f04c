"""Where learning starts: item vectors from one decomposition of what was met near what.

Apart from the encoders that are trained because all of them begin here. A network that starts from
noise spends most of its epochs finding out which items go together; counting says it in seconds.
"""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from scipy.sparse import csr_array, diags_array

from bowerbird.data.dataset import Dataset
from bowerbird.encoders.decompose import top_svd

WINDOW = 10
"""Events apart at which two items of a history still count as met together."""
SMOOTHING = 0.75
"""Power of the context counts: rare items would otherwise look too telling."""


def spectral_start(data: Dataset, dim: int, seed: int) -> Float32[ndarray, "n dim"]:
    """U√S of the positive pointwise mutual information of neighbouring events; mean length 1.

    PMI(a, b) = log (C[a, b] · Σ c^¾) / (c_a · c_b^¾) with C[a, b] = Σ 1/distance over pairs at most
    WINDOW events apart, in either direction; what is negative is left out. Without an order the
    right singular vectors of the degree-normalised matrix of who met what take its place. A row of
    zeros is an item without a neighbour; columns beyond the rank of the matrix are zeros.

    Source: Levy & Goldberg, NeurIPS 2014, section 3.2.

    >>> from bowerbird.data.synthetic import World
    >>> spectral_start(World(n_users=40, n_items=20, n_events=400).make().dataset, 4, seed=0).shape
    (20, 4)
    """
    matrix = _near(data) if data.ordered else _met(data)
    if not matrix.nnz:
        return np.zeros((len(data.catalog), dim), dtype=np.float32)
    left, values, right = top_svd(matrix, dim, seed)
    found = (left if data.ordered else right) * np.sqrt(values)
    out = np.zeros((len(data.catalog), dim), dtype=np.float32)
    out[:, : found.shape[1]] = found
    length = np.linalg.norm(out, axis=1)
    return out / np.float32(length[length > 0].mean())


def _near(data: Dataset) -> csr_array:
    """(n, n) positive pointwise mutual information."""
    log, n = data.log.where(data.log.weights > 0), len(data.catalog)
    total = csr_array((n, n), dtype=np.float32)
    for distance in range(1, WINDOW + 1):
        same = log.users[distance:] == log.users[:-distance]
        pairs = (log.items[:-distance][same], log.items[distance:][same])
        ones = np.full(len(pairs[0]), 1 / distance, dtype=np.float32)
        total = total + csr_array((ones, pairs), shape=(n, n))
    counts = csr_array(total + total.T)
    counts.sum_duplicates()
    sums = np.asarray(counts.sum(axis=1)).ravel().astype(np.float64)
    context = sums**SMOOTHING
    rows = np.repeat(np.arange(n), np.diff(counts.indptr))
    expected = sums[rows] * context[counts.indices] / max(context.sum(), 1e-12)
    counts.data = np.log(np.maximum(counts.data / expected, 1)).astype(np.float32)
    counts.eliminate_zeros()
    return counts


def _met(data: Dataset) -> csr_array:
    """(users, n) who met what, divided by the roots of both degrees."""
    seen = data.matrix()
    seen.data[:] = 1
    roots = []
    for axis in (1, 0):
        degree = np.asarray(seen.sum(axis=axis)).ravel().astype(np.float64)
        roots.append(np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0))
    return csr_array(diags_array(roots[0]) @ seen @ diags_array(roots[1]), dtype=np.float32)
