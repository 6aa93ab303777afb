"""Non-negative least squares against scipy's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from ltdb.signal.least_squares import nonnegative_least_squares


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(1, 12))
def test_solution_is_that_of_scipy(seed: int, rows: int, columns: int) -> None:
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((rows + columns, columns))
    target = generator.standard_normal(rows + columns)
    ours = nonnegative_least_squares(matrix, target)
    exact, residual = nnls(matrix, target)
    assert (ours >= 0).all()
    assert np.linalg.norm(matrix @ ours - target) <= residual * (1 + 1e-6) + 1e-9
    assert np.abs(ours - exact).max() < 1e-5 * max(1, exact.max())


def test_ill_conditioned_kernels_are_solved() -> None:
    """Overlapping Gaussians, as in the deconvolution of jitter."""
    x = np.linspace(-5, 5, 80)
    kernel = np.exp(-0.5 * (x[:, None] - np.linspace(-3, 3, 60)) ** 2)
    target = kernel[:, 10] + 2 * kernel[:, 45]
    found = nonnegative_least_squares(kernel, target)
    assert np.linalg.norm(kernel @ found - target) < 1e-4
    assert found[5:16].sum() > 0.95
    assert abs(found.sum() - 3) < 0.01
