"""The tests' own comparisons: a tolerance is the one that is stated."""

import numpy as np
import pytest


def test_picoseconds_are_not_equal_to_zero():
    assert pytest.approx(2e-12) != 1e-12
    assert pytest.approx(1e-13, rel=0.01) != 0.0
    assert pytest.approx([1e-12, 4e-12], rel=0.1) != [1e-12, 3e-12]
    assert np.array([1e-15]) != pytest.approx(np.array([2e-15]))
    assert pytest.approx({"jitter": 1.1e-12}, rel=0.02) != {"jitter": 1e-12}
    assert pytest.approx(1.01e-12, rel=0.02) == 1e-12
    assert pytest.approx(2e-12, abs=1e-12) == 1e-12
