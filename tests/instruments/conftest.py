"""A simulated bench, and twins on loopback; drivers and raw VISA sessions reach them over TCP only."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pyvisa

from instruments import lock
from instruments.simulated.bench import Bench
from instruments.simulated.server import TwinServer
from instruments.simulated.twin import Twin


@pytest.fixture(autouse=True)
def _own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "LOCK_DIRECTORY", tmp_path / "locks")


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def serve() -> Iterator[Callable[[Twin], str]]:
    """Start a twin and return its resource string."""
    with contextlib.ExitStack() as running:

        def start(twin: Twin) -> str:
            return running.enter_context(TwinServer(twin)).resource

        yield start


@pytest.fixture
def visa() -> Iterator[Callable[[str], Any]]:
    """Open a bare pyvisa session, without our drivers."""
    with contextlib.ExitStack() as sessions:

        def connect(resource: str) -> Any:
            session = pyvisa.ResourceManager("@py").open_resource(resource)
            sessions.callback(session.close)
            session.read_termination = session.write_termination = "\n"
            session.timeout = 2000
            return session

        yield connect
