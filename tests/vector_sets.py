"""Vectors whose lengths differ, as those of recommenders do, for tests of indexes."""

import numpy as np

N, DIM = 4_000, 16


def clustered(seed=0):
    """Around forty directions, the longest some hundred times as long as the shortest."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, DIM))
    made = centres[rng.integers(0, 40, N)] + 0.5 * rng.normal(size=(N, DIM))
    made *= rng.lognormal(0, 0.8, N)[:, None] / np.linalg.norm(made, axis=1, keepdims=True)
    made[:: N // 40] = np.nan  # cannot be placed
    return made.astype(np.float32)


def asked(b=40):
    """What is asked."""
    return np.random.default_rng(1).normal(size=(b, DIM)).astype(np.float32)


def some_rows(share):
    """A filter; None where it leaves all."""
    return None if share == 1 else np.random.default_rng(2).random(N) < share
