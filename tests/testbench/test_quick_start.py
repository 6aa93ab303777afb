"""A process that starts quickly: numba without SciPy, and everything as right as with it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(program):
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_kernels_are_loaded_without_scipy():
    program = """if True:
        import sys
        from testbench.quick_start import start_quickly

        start_quickly()
        from ltdb.signal.normal import tail

        print(float(tail([0.0])[0]), "scipy.linalg" in sys.modules)
    """
    assert run(program) == ["0.5", "False"]


def test_linear_algebra_in_kernels_and_scipy_itself_work_afterwards():
    program = """if True:
        from testbench.quick_start import start_quickly

        start_quickly()
        import numba
        import numpy as np

        print(numba.njit(lambda a, b: np.convolve(a, b))(np.array([1.0, 2.0]), np.array([1.0, 3.0])).sum())
        print(numba.njit(lambda a, b: np.dot(a, b))(np.array([1.0, 2.0]), np.array([1.0, 3.0])))
        import scipy.linalg.cython_blas

        print(scipy.linalg.norm([3, 4]))
    """
    assert run(program) == ["12.0", "7.0", "5.0"]


def test_a_scipy_that_is_loaded_already_is_left_alone():
    program = """if True:
        import sys

        import scipy.linalg.cython_blas as blas
        from testbench.quick_start import start_quickly

        start_quickly()
        print(sys.modules["scipy.linalg.cython_blas"] is blas)
    """
    assert run(program) == ["True"]
