"""What makes a short command answer sooner without changing what it answers."""

from __future__ import annotations

import gc
import sys

_BLAS = "scipy.linalg.cython_blas"


def start_quickly() -> None:
    """Prepare this process for one short piece of work; call it before the first kernel is loaded.

    Importing makes hundreds of thousands of objects that live to the end, and Python would look through all of them
    again and again for garbage: a tenth of the time to the first eye.
    """
    gc.set_threshold(200_000, 20, 20)
    _load_numba_without_scipy()


def _load_numba_without_scipy() -> None:
    """Import what numba needs for loading a kernel, without SciPy, which costs a quarter of a second.

    numba looks for SciPy's BLAS when its array functions are imported, and remembers only whether ``np.convolve`` and
    ``np.correlate`` inside of kernels may use it (numba/np/arraymath.py, ``_HAVE_BLAS``); without it they use a loop of
    their own. No kernel here calls them. Linear algebra looks for it again when it is used, and SciPy itself can be
    imported afterwards as ever.
    """
    if _BLAS in sys.modules:
        return
    sys.modules[_BLAS] = None  # type: ignore[assignment]
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules[_BLAS]
