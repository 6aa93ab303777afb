"""Gateware that answers a TCP port, for ``ltdb serve --gateware``: runs until it is ended from outside.

Simulated time passes while a request is carried out, and stands still while nobody asks. One client at a time.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
from pathlib import Path

import cocotb

from testbench.serve import REFUSAL
from testbench.simulation.board import ControllerLine
from testbench.simulation.context import Dut, setting

ADDRESS = Path("address.json")
_CHUNK = 4096
_IDLE_S = 3600.0


@cocotb.test()
async def serve(dut: Dut) -> None:
    """Power the board up, listen, and serve whoever comes."""
    line = ControllerLine(dut)
    await line.power_up()
    with socket.create_server((setting("host"), setting("port"))) as listener:
        address = listener.getsockname()
        scratch = ADDRESS.with_suffix(".tmp")
        scratch.write_text(json.dumps({"host": address[0], "port": address[1]}))
        scratch.rename(ADDRESS)
        while True:
            select.select([listener], [], [], _IDLE_S)
            connection, _ = listener.accept()
            with connection:
                await _client(line, listener, connection)


async def _client(line: ControllerLine, listener: socket.socket, connection: socket.socket) -> None:
    """Serve one client until it leaves; others are told so when they speak."""
    waiting: list[socket.socket] = []
    pending = b""
    try:
        while True:
            readable, _, _ = select.select([listener, connection, *waiting], [], [], _IDLE_S)
            if listener in readable:
                waiting.append(listener.accept()[0])
            for other in [sock for sock in waiting if sock in readable]:
                _refuse(other)
                waiting.remove(other)
            if connection not in readable:
                continue
            data = connection.recv(_CHUNK)
            if not data:
                return
            *complete, pending = (pending + data).split(b"\0")
            for part in complete:
                reply = await line.exchange(part + b"\0")
                if reply is not None:
                    connection.sendall(reply)
    except OSError:
        # The client went away in the middle of something.
        return
    finally:
        for other in waiting:
            _refuse(other)


def _refuse(client: socket.socket) -> None:
    client.setblocking(False)
    with client:
        try:
            # Closing with bytes unread resets the connection, and a reset may overtake the refusal.
            with contextlib.suppress(BlockingIOError):
                client.recv(_CHUNK)
            client.sendall(REFUSAL)
        except OSError:
            return
