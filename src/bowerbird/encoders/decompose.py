"""The largest singular vectors of a sparse matrix: what content, text and graph filters rest on."""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from scipy.sparse import csr_array

BLOCK = 16
"""Vectors multiplied at a time: wide enough for fast products, narrow enough for many steps."""

SPACE = 4
"""Krylov vectors kept for each singular vector wanted."""
SPARE = 1024
"""Krylov vectors beyond the wanted ones, at most: with so many the last directions of a thousand
are as good as they need to be, and the cost grows with the square of all."""


def top_svd(
    matrix: csr_array, rank: int, seed: int
) -> tuple[Float32[ndarray, "m r"], Float32[ndarray, "r"], Float32[ndarray, "n r"]]:
    """U, s, V of the r = min(rank, m, n) largest singular values, largest first.

    Block Krylov with full reorthogonalisation: its cost is matrix products, so it is several times
    faster than one vector at a time. Singular values that are numerically 0 are left out. Signs
    are settled (the largest entry of each column of V is positive), so equal input gives equal
    bytes.

    Source: Musco & Musco, NeurIPS 2015, algorithm 2.

    >>> u, s, v = top_svd(csr_array(np.diag([3, 1, 2]).astype(np.float32)), 2, seed=0)
    >>> s.round(3).tolist(), np.abs(v).argmax(axis=0).tolist()
    ([3.0, 2.0], [0, 2])
    """
    if matrix.shape[0] < matrix.shape[1]:
        v, s, u = top_svd(csr_array(matrix.T), rank, seed)
        return settled(u, s, v)
    matrix = csr_array(matrix, dtype=np.float32)
    size = rank + min((SPACE - 1) * rank, SPARE) + 8 * BLOCK
    basis = krylov(matrix, min(size, matrix.shape[1]), seed)
    image = matrix @ basis
    values, vectors = np.linalg.eigh(image.T @ image)
    s = np.sqrt(np.maximum(values[::-1][:rank], 0)).astype(np.float32)
    keep = s > 1e-4 * max(s.max(initial=0), 1e-30)  # below, float32 cannot tell it from 0
    chosen, s = vectors[:, ::-1][:, :rank][:, keep], s[keep]
    return settled(image @ chosen / s, s, basis @ chosen)


def krylov(matrix: csr_array, size: int, seed: int) -> Float32[ndarray, "n size"]:
    """An orthonormal basis of blocks (AᵀA)ʲ·noise; the whole space when size is n."""
    n, across = matrix.shape[1], csr_array(matrix.T)
    if size == n:
        return np.eye(n, dtype=np.float32)
    basis = np.empty((n, size), dtype=np.float32, order="F")
    rng = np.random.default_rng(seed)
    block = rng.standard_normal((n, BLOCK), dtype=np.float32)
    for start in range(0, size, BLOCK):
        stop, known = min(start + BLOCK, size), basis[:, :start]
        for _ in range(2):  # once leaves rounding that grows with each block
            block -= known @ (known.T @ block)
            block = np.linalg.qr(block)[0]
        basis[:, start:stop] = block[:, : stop - start]
        block = across @ (matrix @ block)
    return basis


def settled(u: ndarray, s: ndarray, v: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """The same decomposition with the sign that makes each v's largest entry positive."""
    if not len(s):
        return u, s, v
    sign = np.sign(v[np.abs(v).argmax(axis=0), np.arange(len(s))]).astype(np.float32)
    return u * sign, s, v * sign
