"""The golden model as a service of the process that starts simulators.

The model's loops are compiled when they are first used, which takes longer than most simulations. The process that
starts simulators therefore compiles once and answers those who ask through a socket in the run's directory. `encoder`
and `aligner` give, inside a simulation, objects that behave like `ltdb.line_code.Encoder` and `Aligner`; without a
service (a test module used by itself) they give those. Messages are JSON and raw arrays, never pickles.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import BenchError, LtdbError
from ltdb.line_code import AlignedFrames, Aligner, Counters, Encoder
from ltdb.line_code.format import load_format

ADDRESS = "LTDB_SIMULATION_GOLDEN"
LAYOUT = "LTDB_SIMULATION_LAYOUT"


def _send(connection: Connection, values: dict[str, Any], *arrays: NDArray[Any]) -> None:
    shapes = [(array.dtype.str, array.shape) for array in arrays]
    connection.send_bytes(json.dumps([values, shapes]).encode())
    for array in arrays:
        connection.send_bytes(np.ascontiguousarray(array).tobytes())


def _receive(connection: Connection) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    values, shapes = json.loads(connection.recv_bytes())
    arrays = [np.frombuffer(connection.recv_bytes(), dtype).reshape(shape) for dtype, shape in shapes]
    if "error" in values:
        raise BenchError(f"golden model: {values['error']}")
    return values, arrays


@contextmanager
def golden_service() -> Iterator[str]:
    """Answer simulations while the context lasts; gives the address to put into their environment."""
    with tempfile.TemporaryDirectory(prefix="ltdb-golden-") as directory:
        address = str(Path(directory) / "socket")
        listener = Listener(address, family="AF_UNIX")
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        try:
            yield address
        finally:
            listener.close()


def _accept(listener: Listener) -> None:
    while True:
        try:
            connection = listener.accept()
        except OSError:  # closed: the service ends
            return
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: Connection) -> None:
    """Serve one object: the first message says which, every later one is a call."""
    try:
        with connection:
            values, _ = _receive(connection)
            layout = load_format(values["layout"])
            encoder, aligner = Encoder(layout, values["bcid"]), Aligner(layout)
            while True:
                call, arrays = _receive(connection)
                try:
                    if call["call"] == "encode":
                        _send(connection, {}, encoder.encode(arrays[0], call["bcr"]))
                    else:
                        frames = aligner.feed(arrays[0])
                        columns = (frames.samples, frames.bcid, frames.flags, frames.bit_index)
                        state = {"locked": aligner.locked, "offset": aligner.offset}
                        _send(connection, state | {"counters": vars(aligner.counters)}, *columns)
                except LtdbError as error:
                    _send(connection, {"error": str(error)})
    except (EOFError, OSError):  # the simulation has ended
        return


def _connect(bcid: int) -> Connection:
    connection = Client(os.environ[ADDRESS], family="AF_UNIX")
    _send(connection, {"layout": os.environ[LAYOUT], "bcid": bcid})
    return connection


class _Encoder:
    """Stands for an `Encoder` in the service."""

    def __init__(self, bcid: int) -> None:
        self._connection = _connect(bcid)

    def encode(self, samples: NDArray[np.uint16], bcr: Sequence[int] = ()) -> NDArray[np.uint8]:
        """Return the frames, as `Encoder.encode`."""
        _send(self._connection, {"call": "encode", "bcr": [int(frame) for frame in bcr]}, samples)
        return _receive(self._connection)[1][0]


class _Aligner:
    """Stands for an `Aligner` in the service."""

    def __init__(self) -> None:
        self._connection = _connect(0)
        self.locked = False
        self.offset: int | None = None
        self.counters = Counters(0, 0, 0, 0, 0, 0)

    def feed(self, raw: NDArray[np.uint8]) -> AlignedFrames:
        """Return the frames that are complete, as `Aligner.feed`."""
        _send(self._connection, {"call": "feed"}, raw)
        values, columns = _receive(self._connection)
        self.locked, self.offset = values["locked"], values["offset"]
        self.counters = Counters(**values["counters"])
        return AlignedFrames(*columns)


def encoder(bcid: int = 0) -> Encoder | _Encoder:
    """Return a golden encoder of this simulation's layout."""
    return _Encoder(bcid) if ADDRESS in os.environ else Encoder(load_format(os.environ[LAYOUT]), bcid)


def aligner() -> Aligner | _Aligner:
    """Return a golden receiver of this simulation's layout."""
    return _Aligner() if ADDRESS in os.environ else Aligner(load_format(os.environ[LAYOUT]))
