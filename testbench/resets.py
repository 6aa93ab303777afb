"""Resetting a board or parts of it: lines of the controller, reset lines of the netlist, SCAs.

A line is let go again whatever happens in between, so that no chip is left in reset.
"""

from __future__ import annotations

from ltdb.board import GpioLine
from ltdb.errors import InputError
from ltdb.sca.commands import Channel
from testbench.devices.ltdb import Ltdb
from testbench.transactions import Capability

PULSE_S = 1e-3
READY_S = 1.0


def needs(board: Ltdb, what: str) -> frozenset[Capability]:
    """What a transport must be able to do to reset `what`; InputError for what cannot be reset."""
    if what in ("board", *(f"link{n}" for n in range(len(board.gbtx)))):
        return frozenset({Capability.RESET})
    if what in (f"receiver{n}" for n in board.fibres):
        return frozenset({Capability.RESET})
    if what in board.sca or what in _lines(board) or any(what in g.resets for g in _lines(board).values()):
        return frozenset({Capability.IC, Capability.EC})
    receivers = [f"receiver{n}" for n in board.fibres]
    allowed = f"board, link0 to link{len(board.gbtx) - 1}, {receivers[0]} to {receivers[-1]}, an SCA, a reset line of "
    raise InputError("to be reset", repr(what), f"{allowed}the netlist, or a chip on one")


async def reset(board: Ltdb, what: str) -> str:
    """Reset one thing; return what was done, in words.

    `what` is ``board``, ``link0`` to ``link4``, ``receiver0`` to ``receiver39``, an SCA, a reset line of the netlist,
    or a chip that hangs on one.
    """
    board.session.require(needs(board, what))
    if what == "board":
        await board.reset()
        for gbtx in board.gbtx.values():
            await gbtx.wait_ready(READY_S)
        return f"board reset; {len(board.gbtx)} GBTx are ready again, nothing else is configured"
    if what.startswith(("link", "receiver")) and what not in board.sca:
        await board.reset(what)
        return f"{what} of the controller reset"
    if what in board.sca:
        await board.gbtx[board.board.sca[what].primary.gbtx].enable_ec()
        await board.sca[what].connect()
        return f"{what} reset and connected; all its channels are off"
    return await _pulse(board, _line(board, what))


async def _pulse(board: Ltdb, line: GpioLine) -> str:
    sca = board.sca[line.sca]
    await board.gbtx[board.board.sca[line.sca].primary.gbtx].enable_ec()
    await sca.enable([Channel.GPIO])
    bit = 1 << line.line
    try:
        await sca.drive_pins(bit, 0)
        await board.session.transport.sleep(PULSE_S)
    finally:
        await sca.drive_pins(bit, bit)
    return f"{line.name} pulsed: {', '.join(line.resets)} have their registers after reset"


def _lines(board: Ltdb) -> dict[str, GpioLine]:
    return {n: g for n, g in board.board.gpio.items() if g.direction == "out" and g.resets}


def _line(board: Ltdb, what: str) -> GpioLine:
    lines = _lines(board)
    if what in lines:
        return lines[what]
    return next(line for line in lines.values() if what in line.resets)
