"""Offer a board on a pty or a loopback TCP port, so that any program with a serial port can talk to it.

One client at a time: a second one is told so in a sentence and sent away. Nothing listens beyond loopback unless it
is asked to.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import tty
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from ltdb.errors import BenchError
from testbench.packet_server import PacketServer

REFUSAL = b"busy: another client is connected to this board\n"
_CHUNK = 4096
# pyserial's socket:// throws away what has arrived while it opens, so a refusal sent at once could be lost: a refused
# client is answered when it first speaks, or after this many seconds of silence.
_REFUSE_AFTER_S = 2.0
T = TypeVar("T")


class Service:
    """A PacketServer on a port, run in a thread of its own.

    Use `tcp_service` or `pty_service`; `url` is what a pyserial program opens.
    """

    def __init__(self, server: PacketServer) -> None:
        self.server = server
        self.url = ""
        self.refused_clients = 0
        self._busy = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ltdb-serve", daemon=True)
        self._thread.start()
        self._tasks: set[asyncio.Task] = set()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the service's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    def stop(self) -> None:
        """End every connection and the thread."""

        async def cancel() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self.run(cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            if self._busy:
                await self._refuse(reader, writer)
            else:
                self._busy = True
                try:
                    await self._serve(reader, writer)
                finally:
                    self._busy = False
        finally:
            # Also when the service ends under a client: it must see the connection go.
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.refused_clients += 1
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(reader.read(_CHUNK), _REFUSE_AFTER_S)
        writer.write(REFUSAL)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                async for reply in self.server.feed(data):
                    writer.write(reply)
                await writer.drain()


@contextlib.contextmanager
def tcp_service(server: PacketServer, host: str = "127.0.0.1", port: int = 0) -> Iterator[Service]:
    """Serve on TCP; port 0 takes one from the system. The URL is ``socket://host:port``.

    Raises
    ------
    BenchError
        If the address cannot be listened on.
    """
    service = Service(server)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(service.client, host, port)

    try:
        listener = service.run(start())
    except OSError as error:
        service.stop()
        raise BenchError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    address = listener.sockets[0].getsockname()
    service.url = f"socket://{address[0]}:{address[1]}"
    try:
        yield service
    finally:
        service._loop.call_soon_threadsafe(listener.close)
        service.stop()


@contextlib.contextmanager
def pty_service(server: PacketServer) -> Iterator[Service]:
    """Serve on a pseudo terminal; the URL is its device name. POSIX only."""
    service = Service(server)
    master, slave = os.openpty()
    tty.setraw(slave)
    # The slave stays open here, or a client that leaves would hang up the terminal for the next one.
    service.url = os.ttyname(slave)

    def readable() -> None:
        try:
            data = os.read(master, _CHUNK)
        except OSError:
            service._loop.remove_reader(master)
            return
        task = service._loop.create_task(answer(data))
        service._tasks.add(task)
        task.add_done_callback(service._tasks.discard)

    order = asyncio.Lock()

    async def answer(data: bytes) -> None:
        async with order:
            async for reply in server.feed(data):
                view = memoryview(reply)
                while view:
                    view = view[os.write(master, view) :]

    service._loop.call_soon_threadsafe(service._loop.add_reader, master, readable)
    try:
        yield service
    finally:
        service._loop.call_soon_threadsafe(service._loop.remove_reader, master)
        service.stop()
        os.close(master)
        os.close(slave)
