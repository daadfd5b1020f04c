import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from bowerbird.encoders.decompose import top_svd


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 12), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_small_matrices_are_decomposed_exactly(m, n, rank, seed):
    dense = np.random.default_rng(seed).normal(size=(m, n)).astype(np.float32)
    u, s, v = top_svd(csr_array(dense), rank, seed=0)
    exact = np.linalg.svd(dense, compute_uv=False)[:rank]
    kept = len(s)
    assert u.shape == (m, kept) and v.shape == (n, kept)
    np.testing.assert_allclose(s, exact[:kept], rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(dense @ v, u * s, atol=1e-2)
    assert (v[np.abs(v).argmax(axis=0), np.arange(kept)] > 0).all()


def test_leading_directions_of_a_large_matrix_are_found():
    sparse = csr_array(random_array((900, 700), density=0.02, rng=np.random.default_rng(0)))
    u, s, v = top_svd(sparse, 20, seed=0)
    exact = np.linalg.svd(sparse.toarray())
    np.testing.assert_allclose(s, exact[1][:20], rtol=2e-3)
    shared = np.linalg.norm(exact[2][:10] @ v) ** 2 / 10
    assert shared > 0.999
    np.testing.assert_allclose(v.T @ v, np.eye(20), atol=1e-5)
    np.testing.assert_allclose(u.T @ u, np.eye(20), atol=1e-3)


def test_a_matrix_of_zeros_has_no_directions():
    u, s, v = top_svd(csr_array((4, 3), dtype=np.float32), 2, seed=0)
    assert u.shape == (4, 0) and s.shape == (0,) and v.shape == (3, 0)


def test_equal_seeds_give_equal_bytes():
    sparse = csr_array(random_array((400, 300), density=0.05, rng=np.random.default_rng(0)))
    first, second = (top_svd(sparse, 8, seed=3)[2] for _ in range(2))
    assert first.tobytes() == second.tobytes()
