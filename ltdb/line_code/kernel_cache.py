"""Loops compiled for a layout, kept on disk from one process to the next: compiling them takes some six seconds.

Numba's own cache serves functions of a module, by the file they stand in. The loops here are made inside a function,
for each layout, from the formulas of this whole package and from each other. Each is therefore a file of its own,
beside what numba keeps, and valid for one layout, text of the package, signature, numba and processor.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

from ltdb.line_code.format import FrameFormat

PACKAGE = Path(__file__).parent


def compiled(layout: FrameFormat, *options: object) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a function that is made for a layout, and `options` of its maker: compiled, or taken from the cache."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(nogil=True)(function)
        dispatcher._cache = _LayoutCache(function, repr((layout, options)))
        return dispatcher

    return decorate


class _LayoutCache(FunctionCache):
    """Numba's cache of a function, under another key and in other files."""

    def __init__(self, function: Callable[..., Any], made_for: str) -> None:
        super().__init__(function)
        self._made_for = made_for
        self._cache_file = _Files(Path(self.cache_path), self._impl.filename_base)

    def _index_key(self, signature: Any, codegen: Any) -> str:
        # Numba's key has the contents of the closure: other functions of this kind, which differ between processes.
        return repr((self._made_for, str(signature), codegen.magic_tuple()))


class _Files:
    """One file for each key; replaced as a whole, so that processes that run at once do no harm."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory, self._name = directory, name

    def _path(self, key: str) -> Path:
        return self._directory / f"{self._name}.{hashlib.sha256(key.encode()).hexdigest()[:16]}.kernel"

    def load(self, key: str) -> Any:
        """Return what was saved under this key by the same numba and package, or None; a damaged file is none."""
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        stamp, data = content[:32], content[32:]
        return pickle.loads(data) if stamp == _stamp(key, data) else None  # noqa: S301 - as much ours as the code

    def save(self, key: str, data: Any) -> None:
        """Save it in place of what there was."""
        content = dumps(data)
        path = self._path(key)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(_stamp(key, content) + content)
        partial.replace(path)


def _stamp(key: str, data: bytes) -> bytes:
    return hashlib.sha256(b"\0".join((key.encode(), numba.__version__.encode(), _sources(), data))).digest()


@cache
def _sources() -> bytes:
    """Digest of this package's text, from which the loops are made."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.digest()
