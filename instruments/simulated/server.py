"""A twin on a TCP port, as the instruments offer themselves ("raw socket", port 5025): one message a line.

Several clients may be connected; each gets the answers to its own messages, the instrument and its error queue are one.
A raw socket cannot tell whether an answer was read, so the query errors −410 and −420 never arise by themselves
here, as in real instruments on such a port.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType

from instruments.simulated.faults import FaultKind
from instruments.simulated.status import ScpiError
from instruments.simulated.twin import Twin
from ltdb.errors import BenchError

LOOPBACK = "127.0.0.1"
INPUT_BUFFER_BYTES = 1 << 16
_HARDWARE_ERROR = -240
_START_SECONDS = 10.0


class TwinServer:
    """Serves one twin in a thread of its own, from `start` to `stop`.

    Parameters
    ----------
    port
        0 takes a free one from the system.
    """

    def __init__(self, twin: Twin, port: int = 0) -> None:
        self.twin, self.port = twin, port
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name=type(twin).__name__, daemon=True
        )

    @property
    def resource(self) -> str:
        """VISA resource string of the twin."""
        return f"TCPIP::{LOOPBACK}::{self.port}::SOCKET"

    def start(self) -> None:
        """Listen on loopback.

        Raises
        ------
        BenchError
            If the port cannot be had.
        """
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise BenchError(f"{type(self.twin).__name__} did not start within {_START_SECONDS} s")
        if self._failure is not None:
            self._thread.join()
            raise BenchError(f"cannot listen on {LOOPBACK}:{self.port}: {self._failure.strerror}")

    def stop(self) -> None:
        """Close all connections and wait for the thread."""
        if self._loop is not None and self._end is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def __enter__(self) -> TwinServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            listener = await asyncio.start_server(self._client, LOOPBACK, self.port)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        # What was just accepted becomes a client first; asyncio would lose its socket once the listener is closed.
        while accepting := asyncio.all_tasks() - {asyncio.current_task(), *self._clients}:
            await asyncio.gather(*accepting, return_exceptions=True)
        listener.close()
        clients = dict(self._clients)
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        for writer in clients.values():
            await self._close(writer)

    def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Known from its first moment: a task that is cancelled before it begins closes nothing.
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._clients[task] = writer
        task.add_done_callback(self._clients.pop)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            await self._close(writer)

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pending, overrun, held = b"", False, b""
        while data := await reader.read(INPUT_BUFFER_BYTES):
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                if overrun:  # the end of a message that was too long
                    overrun = False
                    continue
                faults = self.twin.faults.take(line.decode("ascii", "replace"))
                if FaultKind.DROPPED_CONNECTION in faults:
                    return
                answer = self._answer(line, faults)
                if FaultKind.DROPPED_AFTERWARDS in faults:
                    return
                if FaultKind.LATE_REPLY in faults:
                    held, answer = held + answer, b""
                elif answer:
                    held, answer = b"", held + answer
                writer.write(answer)
                await writer.drain()
            if len(pending) > INPUT_BUFFER_BYTES:
                pending, overrun = b"", True
                self.twin.status.report(ScpiError(-363))

    def _answer(self, line: bytes, faults: set[FaultKind]) -> bytes:
        response = None
        if FaultKind.REFUSED not in faults:
            response = self.twin.execute(line.rstrip(b"\r"))
        if faults & {FaultKind.QUEUED_ERROR, FaultKind.REFUSED}:
            self.twin.status.report(ScpiError(_HARDWARE_ERROR, "simulated fault"))
        if response is None or FaultKind.TIME_OUT in faults:
            return b""
        if FaultKind.GARBLED_BLOCK in faults:
            response = bytes(byte ^ 0x55 for byte in response[:4]) + response[4:]
        message = response + b"\n"
        return message[: len(message) // 2] if FaultKind.SHORT_BLOCK in faults else message
