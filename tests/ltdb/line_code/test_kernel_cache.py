"""Compiled loops are kept for the layout and the text they were made from, and for nothing else."""

import dataclasses

import numba
import numpy as np
import pytest

from ltdb.line_code import kernel_cache, load_format
from ltdb.line_code.kernel_cache import compiled

LAYOUT = load_format()
OTHER = dataclasses.replace(LAYOUT, lock=dataclasses.replace(LAYOUT.lock, cold_start_frames=4))


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """Where the files of a test lie."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return lambda: sorted(tmp_path.rglob("*.kernel"))


def made(layout, *options):
    """A loop that calls another, as those of the line code do, and depends on the layout and on the options."""
    factor = sum(options, layout.lock.cold_start_frames)

    @compiled(layout, *options)
    def scaled(value):
        return factor * value

    @compiled(layout, *options)
    def total(values):
        result = 0
        for value in values:
            result += scaled(value)
        return result

    return total


def hits(kernel):
    return sum(kernel.stats.cache_hits.values())


def test_a_loop_made_again_is_taken_from_the_cache():
    values = np.arange(5)
    first, second = made(LAYOUT), made(LAYOUT)
    assert (first(values), hits(first)) == (30, 0)
    assert (second(values), hits(second)) == (30, 1)


@pytest.mark.parametrize(("other", "expected"), [((OTHER,), 40), ((LAYOUT, 2), 50)])
def test_another_layout_or_option_is_another_loop(other, expected):
    values = np.arange(5)
    assert made(LAYOUT)(values) == 30
    kernel = made(*other)
    assert (kernel(values), hits(kernel)) == (expected, 0)
    assert made(LAYOUT)(values) == 30


def test_each_type_of_argument_has_its_own():
    for values, expected in ((np.arange(5), 30), (np.arange(5) / 2, 15.0)) * 2:
        assert made(LAYOUT)(values) == expected
    kernel = made(LAYOUT)
    assert kernel(np.arange(5) / 2) == 15.0
    assert hits(kernel) == 1


def test_what_was_made_from_another_text_of_the_package_is_replaced(kept, monkeypatch):
    values = np.arange(5)
    made(LAYOUT)(values)
    before = {path: path.read_bytes() for path in kept()}
    monkeypatch.setattr(kernel_cache, "_sources", lambda: b"changed")
    kernel = made(LAYOUT)
    assert (kernel(values), hits(kernel)) == (30, 0)
    assert kept() == list(before)
    assert all(path.read_bytes() != content for path, content in before.items())


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: content[:-1], lambda content: b"x" + content]
)
def test_a_damaged_file_is_compiled_again_and_replaced(damage, kept):
    values = np.arange(5)
    made(LAYOUT)(values)
    for path in kept():
        path.write_bytes(damage(path.read_bytes()))
    for expected in (0, 1):
        kernel = made(LAYOUT)
        assert (kernel(values), hits(kernel)) == (30, expected)


def test_the_text_of_every_module_counts(tmp_path, monkeypatch):
    def digest():
        kernel_cache._sources.cache_clear()
        return kernel_cache._sources()

    monkeypatch.setattr(kernel_cache, "PACKAGE", tmp_path)
    (tmp_path / "a.py").write_text("x = 1\n")
    first = digest()
    (tmp_path / "a.py").write_text("x = 2\n")
    second = digest()
    (tmp_path / "b.py").write_text("")
    assert len({first, second, digest()}) == 3
    monkeypatch.undo()
    digest()
