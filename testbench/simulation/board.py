"""A board in the simulator as seen from cocotb: bytes to its controller, and the transport that sends them.

`ControllerLine` moves bytes; `SimulationTransport` puts transactions into packets exactly as the serial transport does
(`testbench.packet_requests`), so that the same procedures run on gateware.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer, ValueChange
from cocotb.utils import get_sim_time
from numpy.typing import NDArray

from ltdb.errors import BenchError
from ltdb.packets import REPLY_BIT, Deframer, Kind, Packet, encode
from testbench.faults import NoReply, TransactionError
from testbench.packet_requests import conversation, parse_hello, refusal
from testbench.simulation.context import Dut
from testbench.simulation.drivers import POLL_FS, ClockSource
from testbench.transactions import Capability, Transaction

CLOCK_FS = 25_000_000
FS_A_SECOND = 1e15
LINE_BYTES = 2048
REPLY_S = 20e-3
"""A reply takes at most as long as the controller waits for a chip, a capture two orbits."""
START_S = 10e-3
"""The GBTx of the simulation are ready long before."""
WAKE_FRAMES = 400
"""Frames until a receiver that was asleep has found its frames again."""
AT_FIBRES = frozenset({Kind.CAPTURE, Kind.COUNTERS, Kind.LATENCY, Kind.BCR})
"""Requests that look at the fibres, which stand still otherwise."""


class ControllerLine:
    """The byte stream of `board_bench.v`.

    The word clock of the fibres runs only while a request looks at them: the rest of the board is simulated several
    times faster without. While they sleep, bunch crossings pass without being counted there, as a BCR shows.
    """

    def __init__(self, dut: Dut) -> None:
        self.dut = dut
        self.clock, self.words = ClockSource(dut.source), ClockSource(dut.word_source)
        self._awake = False
        self._first_fs = 0
        """When the other clock rose first."""

    async def power_up(self) -> None:
        """Start the clocks, and let go of the reset."""
        dut = self.dut
        dut.reset.value, dut.go.value = 1, 0
        begun = get_sim_time("fs")
        self._first_fs = round(begun) + 2 * POLL_FS
        self.clock.start(self._first_fs)
        await self.wake()
        await Timer(2 * POLL_FS + 20 * CLOCK_FS, unit="fs")
        dut.reset.value = 0
        await self.sleep()
        links = len(dut.ready)
        while int(dut.ready.value) != (1 << links) - 1:
            if get_sim_time("fs") > begun + START_S * FS_A_SECOND:
                raise BenchError(
                    f"GBTx not ready after {START_S:g} s: {int(dut.ready.value):#x} of {links} links"
                )
            await Timer(100 * CLOCK_FS, unit="fs")

    async def power_down(self) -> None:
        """Stop the clocks."""
        self.dut.reset.value = 1
        self.words.stop()
        self.clock.stop()
        await Timer(2 * POLL_FS, unit="fs")

    async def wake(self) -> None:
        """Let the fibres run, their word clock between the edges of the other clock."""
        if not self._awake:
            now = round(get_sim_time("fs"))
            # Somewhere in the first eighth of a frame, and late enough for a stopped clock to notice.
            frames = (now - self._first_fs) // CLOCK_FS + 2
            start = self._first_fs + frames * CLOCK_FS + CLOCK_FS // 16
            self.words.start(start)
            self._awake = True
            await Timer(start - now, unit="fs")

    async def sleep(self) -> None:
        """Let the fibres stand still."""
        self.words.stop()
        self._awake = False
        await Timer(CLOCK_FS, unit="fs")

    async def record_fibres(self, words: int, width: int) -> NDArray[np.uint8]:
        """What is on all fibres, not only on those with a receiver.

        Parameters
        ----------
        words
            How many words of each fibre.
        width
            Bits of a word.

        Returns
        -------
        (fibres, words * width / 8) uint8
            As bytes, the first bit on the fibre first.
        """
        await self.wake()
        rows = []
        for _ in range(words):
            await FallingEdge(self.dut.word_clock)
            rows.append(int(self.dut.words.value))
        await self.sleep()
        fibres, octets = len(self.dut.words) // width, width // 8
        # Fibre 0 lies lowest, so reversed bytes have it first, and the last bit of a word before its first.
        data = b"".join(row.to_bytes(fibres * octets, "little") for row in rows)
        found = np.frombuffer(data, np.uint8).reshape(words, fibres, octets)[:, :, ::-1]
        return np.ascontiguousarray(found.transpose(1, 0, 2)).reshape(fibres, words * octets)

    async def send(self, data: bytes) -> None:
        """Put bytes on the line."""
        if len(data) > LINE_BYTES:
            raise BenchError(f"{len(data)} bytes at once, the bench takes {LINE_BYTES}")
        dut = self.dut
        dut.line.value = int.from_bytes(data, "little")
        dut.line_count.value = len(data)
        dut.go.value = 1
        await RisingEdge(dut.gone)
        dut.go.value = 0
        await FallingEdge(dut.gone)

    async def ask(self, data: bytes, timeout_s: float) -> bytes | None:
        """Put a request on the line and wait for a whole reply, closing zero included; None if none comes in time."""
        before = int(self.dut.replies.value)
        await self.send(data)
        limit = Timer(round(timeout_s * FS_A_SECOND), unit="fs")
        if int(self.dut.replies.value) == before:
            if await First(ValueChange(self.dut.replies), limit) is limit:
                return None
            # The last byte is stored at the same clock edge.
            await Timer(CLOCK_FS // 4, unit="fs")
        count = int(self.dut.reply_count.value)
        return (int(self.dut.reply.value) & (1 << 8 * count) - 1).to_bytes(count, "little")

    async def exchange(self, data: bytes) -> bytes | None:
        """Send bytes up to a closing zero, and wait for the reply if they are a packet.

        The fibres are awake while a request looks at them.
        """
        packets = list(Deframer().feed(data))
        if not packets:
            for first in range(0, len(data), LINE_BYTES):
                await self.send(data[first : first + LINE_BYTES])
            return None
        looks = packets[-1].kind in AT_FIBRES
        if looks:
            was_asleep = not self._awake
            await self.wake()
            if was_asleep:
                await Timer(WAKE_FRAMES * CLOCK_FS, unit="fs")
        reply = await self.ask(data, REPLY_S)
        # What a capture has stored is read afterwards; the fibres may sleep by then.
        if looks and packets[-1].kind != Kind.BCR:
            await self.sleep()
        return reply


class SimulationTransport:
    """Gateware in a simulator as a transport, inside cocotb.

    Parameters
    ----------
    dut
        The top of `board_bench.v`.
    """

    name = "simulation"

    def __init__(self, dut: Dut) -> None:
        self.line = ControllerLine(dut)
        self.capabilities: frozenset[Capability] = frozenset()
        self._sequence = 0

    async def open(self) -> None:
        """Power the board up and greet its controller.

        Raises
        ------
        BenchError
            If it does not answer.
        """
        await self.line.power_up()
        reply = await self._exchange(Kind.HELLO, b"")
        hello = parse_hello(reply.payload) if reply is not None else None
        if hello is None:
            raise BenchError("the controller in the simulation does not answer HELLO")
        self.capabilities = hello.capabilities

    async def execute(self, batch: Sequence[Transaction]) -> list[Any]:
        """Carry out `batch` in order, ending with the first failure."""
        outcomes: list[Any] = []
        for transaction in batch:
            outcomes.append(await self._converse(transaction))
            if isinstance(outcomes[-1], TransactionError):
                break
        return outcomes

    async def sleep(self, seconds: float) -> None:
        """Let simulated time pass."""
        await Timer(max(1, round(seconds * FS_A_SECOND)), unit="fs")

    def now(self) -> float:
        """Simulated time in seconds."""
        return float(get_sim_time("fs")) / FS_A_SECOND

    async def close(self) -> None:
        """Stop the clocks."""
        await self.line.power_down()

    async def _converse(self, transaction: Transaction) -> Any:
        try:
            requests = conversation(transaction)
            kind, payload = next(requests)
            while True:
                reply = await self._exchange(kind, payload)
                if reply is None:
                    return NoReply(transaction, f"the controller has not answered in {REPLY_S:g} s")
                if reply.kind == Kind.ERROR | REPLY_BIT:
                    return refusal(transaction, reply.payload)
                kind, payload = requests.send(reply.payload)
        except StopIteration as finished:
            return finished.value
        except TransactionError as error:
            return error

    async def _exchange(self, kind: int, payload: bytes) -> Packet | None:
        self._sequence = (self._sequence + 1) % 256
        reply = await self.line.exchange(encode(Packet(self._sequence, kind, payload)))
        for packet in Deframer().feed(reply or b""):
            if packet.sequence == self._sequence and packet.kind in (
                kind | REPLY_BIT,
                Kind.ERROR | REPLY_BIT,
            ):
                return packet
        return None
