"""The PC's end of a simulated controller (`hdl/simulation/packet_line.v`): packets out and replies back."""

from __future__ import annotations

from cocotb.triggers import FallingEdge, RisingEdge, Timer

from ltdb.errors import BenchError
from ltdb.packets import Deframer, Packet
from testbench.simulation.context import Dut

CLOCK_NS = 25


class PacketLine:
    """Sends bytes at once and takes replies; the clock runs."""

    def __init__(self, dut: Dut) -> None:
        self.dut = dut

    @property
    def replies(self) -> int:
        """Number of replies so far."""
        return int(self.dut.replies.value)

    async def send(self, line: bytes) -> None:
        """Put bytes on the line, as fast as they are taken."""
        dut = self.dut
        dut.line.value = int.from_bytes(line, "little")
        dut.line_count.value = len(line)
        dut.go.value = 1
        await RisingEdge(dut.gone)
        dut.go.value = 0
        await FallingEdge(dut.gone)

    async def exchange(self, line: bytes) -> list[bytes]:
        """Send bytes that end with a zero and hold at most one good packet; return what came back."""
        before = self.replies
        await self.send(line)
        due = bool(list(Deframer().feed(line)))
        while self.replies == before and due:
            await Timer(20 * CLOCK_NS, unit="ns")
        await Timer(40 * CLOCK_NS, unit="ns")
        if self.replies - before > 1:
            raise BenchError(f"{self.replies - before} replies to at most one packet: {line[:40].hex()}")
        return [self._reply()] if self.replies != before else []

    def _reply(self) -> bytes:
        count = int(self.dut.reply_count.value)
        return (int(self.dut.reply.value) & ((1 << 8 * count) - 1)).to_bytes(count, "little")


def packet_of(line: bytes) -> Packet:
    """Return the one packet in these bytes."""
    (packet,) = Deframer().feed(line)
    return packet
