"""The GBTx in simulation (`hdl/simulation/gbtx_bench.v`): frames in, records out, and the model to replay them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import xor

import numpy as np
from cocotb.triggers import Timer, ValueChange
from numpy.typing import NDArray

from hdl.designs import GBTX_TIMES
from ltdb.errors import BenchError
from ltdb.gbt import elinks
from ltdb.gbt.codec import GbtReceiver
from ltdb.gbt.ic import HEADER_BYTES, IcSlave
from ltdb.gbt.lock import HeaderLock, valid_headers
from ltdb.gbtx import Gbtx, State, power_up
from ltdb.gbtx.chip import CONFIG_DONE
from ltdb.gbtx.eports import CHANNELS, INPUT_GROUPS
from ltdb.gbtx.minimal import MINIMAL_CONFIGURATION
from ltdb.hdlc import Deframer
from testbench.simulation.context import Dut
from testbench.simulation.drivers import ClockSource, FilePlayer
from testbench.simulation.i2c import I2cMaster
from testbench.simulation.monitors import Recorder

UInt8Array = NDArray[np.uint8]
GROUPS = 5
FRAME_FS = 25_000_000
PLLS = (State.WAIT_XPLL_LOCK, State.WAIT_RX_EPLL_LOCK, State.WAIT_TX_EPLL_LOCK)
FUSES = {register: value for register, value in MINIMAL_CONFIGURATION.items() if register != CONFIG_DONE}
"""As in `hdl.designs.gbtx_verilog`: the chip waits for its configuration to be ended."""
WIDTHS = {0: 0, 1: 1, 2: 2, 3: 4}
"""Channels that one e-link takes, by code of the rate: off, 80, 160, 320 Mb/s."""


@dataclass
class Stimulus:
    """What happens frame by frame; arrays of equal length."""

    downlink: UInt8Array
    """(n, 15)."""
    elinks: UInt8Array
    """(n, 10), group 4 first, as in a payload."""
    ec: UInt8Array
    lost: UInt8Array
    """(n,), a bit for each of `PLLS`."""
    upset_register: NDArray[np.int64]
    upset_bits: NDArray[np.int64]

    def packed(self) -> bytes:
        """As `gbtx_bench` plays it."""
        head = self.upset_register << 13 | self.upset_bits << 5 | self.lost.astype(np.int64) << 2 | self.ec
        first = np.stack([head >> 16, head >> 8 & 0xFF, head & 0xFF], axis=1).astype(np.uint8)
        return np.concatenate([first, self.elinks, self.downlink], axis=1).tobytes()


@dataclass
class Records:
    """What the chip did in each frame."""

    uplink: UInt8Array
    elinks: UInt8Array
    ec: UInt8Array
    valid: UInt8Array
    state: UInt8Array
    executions: NDArray[np.int64]
    """Requests of the IC channel executed before time passed for the frame."""

    @classmethod
    def of(cls, words: UInt8Array) -> Records:
        """Take records apart."""
        status = words[:, 25]
        steps = np.diff(words[:, 26], prepend=np.uint8(0))  # of 8 bits, which wrap
        return cls(
            uplink=np.ascontiguousarray(words[:, 14::-1]),
            elinks=np.ascontiguousarray(words[:, 24:14:-1]),
            ec=status & np.uint8(3),
            valid=status >> np.uint8(2) & np.uint8(1),
            state=status >> np.uint8(3),
            executions=np.cumsum(steps.astype(np.int64)),
        )


class GbtxBench:
    """The bench, and where the bits of its e-link inputs begin."""

    def __init__(
        self, dut: Dut, address: int, serial_number: int, edges: list[list[int]], ec_edge: int
    ) -> None:
        self.dut = dut
        self.clock, self.reference = ClockSource(dut.source), ClockSource(dut.reference_source)
        self.frames = FilePlayer(dut.frames, "frames")
        self.recorder = Recorder(dut.records, "records", 224)
        self.i2c = I2cMaster(dut)
        dut.address.value, dut.serial_number.value, dut.ec_edge.value = address, serial_number, ec_edge
        dut.edges.value = sum(
            edge << 3 * (CHANNELS * group + k)
            for group, row in enumerate(edges)
            for k, edge in enumerate(row)
        )

    async def reset(self) -> None:
        """Start the clocks and reset the chip."""
        self.dut.reset.value = 1
        self.clock.start()
        self.reference.start()
        await Timer(10 * FRAME_FS, unit="fs")
        self.dut.reset.value = 0

    def play(self, stimulus: Stimulus) -> None:
        """Begin to play frames."""
        self.frames.load(stimulus.packed())
        self.recorder.start(block=1 << 30)
        self.frames.start()

    async def finish(self) -> Records:
        """Wait for the last frame; return the records of all of them."""
        if not int(self.frames.handle.done.value):
            await ValueChange(self.frames.handle.done)
        await Timer(3 * FRAME_FS, unit="fs")
        records = await self.recorder.stop()
        self.frames.stop()
        await Timer(2 * FRAME_FS, unit="fs")
        return Records.of(records["word"])

    async def stop(self) -> None:
        """Stop the clocks."""
        self.clock.stop()
        self.reference.stop()
        await Timer(2 * FRAME_FS, unit="fs")


def golden_chip(address: int, serial_number: int, edges: list[list[int]], ec_edge: int) -> Gbtx:
    """Make the model of the chip on the bench; the times of the power-up sequence are those of the bench."""
    power_up.STEP_TICKS, power_up.LOCK_TICKS = GBTX_TIMES["step"], GBTX_TIMES["lock"]
    power_up.TIME_OUT_TICKS, power_up.RESTART_DELAY_TICKS = GBTX_TIMES["time_out"], GBTX_TIMES["restart"]
    chip = Gbtx(address, FUSES, serial_number)
    for group in range(INPUT_GROUPS):
        for k in range(CHANNELS):
            chip.inputs[group][k].edge_tap = edges[group][k]
    chip.ec_input.edge_tap = ec_edge
    return chip


@dataclass
class ExpectedReply:
    """A reply of the IC channel: its bytes are read one after the other, while the state of the chip may change."""

    content: bytes
    """As it would be if all registers were read at once."""
    first_frame: int
    readings: list[bytes] = field(init=False)
    """The registers as they were from then until the reply was through."""

    def __post_init__(self) -> None:
        self.readings = [self.content[HEADER_BYTES:-1]]

    @property
    def last_frame(self) -> int:
        """By which it is through: six fifths of its bits, and some frames to begin."""
        return self.first_frame + 30 + 5 * len(self.content)

    def read_again(self, chip: Gbtx) -> None:
        """Note what the registers say now."""
        register = int.from_bytes(self.content[5:7], "little")
        self.readings.append(chip.read_registers(register, len(self.readings[0])))

    def is_met(self, content: bytes) -> bool:
        """Whether a frame is this reply."""
        data = content[HEADER_BYTES:-1]
        return (
            len(content) == len(self.content)
            and content[:HEADER_BYTES] == self.content[:HEADER_BYTES]
            and all(
                byte in column for byte, column in zip(data, zip(*self.readings, strict=True), strict=True)
            )
            and reduce(xor, content[2:]) == 0
        )


@dataclass
class Replay:
    """The model of the chip, taken through what the gateware was given, frame by frame.

    When the gateware executed a request is taken from its record: the bits of a frame take some clocks through it.
    """

    chip: Gbtx
    records: Records
    replies: list[ExpectedReply] = field(default_factory=list)
    """To the requests executed while the chip was sending, and went on sending until the reply was through."""
    states: set[State] = field(default_factory=set)
    quiet: NDArray[np.bool_] = field(init=False)
    """Frames in which no register was being written and none had just been."""
    output_mask: UInt8Array = field(init=False)
    input_mask: UInt8Array = field(init=False)
    ec_right: NDArray[np.bool_] = field(init=False)
    sends: NDArray[np.bool_] = field(init=False)
    delivered: NDArray[np.bool_] = field(init=False)
    payload: UInt8Array = field(init=False)
    _seen: tuple[int, bool] = (0, False)

    def run(self, stimulus: Stimulus) -> None:
        """Replay everything; the states must be those of the record, frame by frame."""
        count = len(stimulus.downlink)
        if len(self.records.state) != count:
            raise BenchError(f"GBTx bench: {count} frames played, {len(self.records.state)} recorded")
        chip, lock, deframer = self.chip, HeaderLock(), Deframer()
        probe = IcSlave(lambda: chip.address, lambda start, length: b"", lambda start, data: None)
        decoded = GbtReceiver().decode(stimulus.downlink)
        self.payload = decoded.payload
        good, rows = (
            valid_headers(stimulus.downlink[:, 0] >> 4),
            elinks.IC.get(decoded.payload).reshape(-1, 2),
        )
        self.output_mask, self.input_mask = (np.zeros((count, 2 * GROUPS), np.uint8) for _ in range(2))
        self.ec_right, self.sends, self.delivered, self.quiet = (np.zeros(count, np.bool_) for _ in range(4))
        waiting: list[bytes] = []
        sent: list[ExpectedReply] = []
        executed, busy_until = 0, 0
        shown: tuple[object, ...] = ()
        for n in range(count):
            while executed < self.records.executions[n]:
                _require(bool(waiting), f"frame {n}: the chip executed what the model did not receive")
                sent.append(ExpectedReply(chip.ic.handle(waiting.pop(0)) or b"", n))
                executed, busy_until = executed + 1, n + 4
            if stimulus.upset_bits[n]:
                self._upset(int(stimulus.upset_register[n]), int(stimulus.upset_bits[n]))
            self._lose(int(stimulus.lost[n]), lock, bool(good[n]))
            self.delivered[n] = lock.strobe and chip.receives
            if self.delivered[n]:
                chip.count_corrections(int(decoded.errors[n]))
                waiting += [c for c in deframer.feed(rows[n]) if probe.handle(c) is not None]
            state = State(int(self.records.state[n]))
            if chip.power_up.state is State.PAUSE_FOR_CONFIG and state is not State.PAUSE_FOR_CONFIG:
                chip.write_register(CONFIG_DONE, power_up.RESTART_CODE)  # over I2C, some time in this frame
            chip.advance(1)
            _require(chip.power_up.state is state, f"frame {n}: {state!r}, model {chip.power_up.state!r}")
            self.states.add(state)
            self.quiet[n] = not waiting and n >= busy_until
            self._look(n)
            counters = (
                chip.reference_pll_losses,
                chip.tx_epll_losses,
                chip.rx_epll_losses,
                chip.fec_corrections,
            )
            if shown != (shown := (state, chip.writes, *counters)) and sent and n <= sent[-1].last_frame:
                sent[-1].read_again(chip)
        _require(not waiting, "a request was not executed")
        self.replies = [r for r in sent if self.sends[r.first_frame : r.last_frame].all()]

    def _upset(self, register: int, bits: int) -> None:
        contents = bytes([self.chip.contents[register] ^ bits])
        self.chip.write_registers(register, contents)

    def _lose(self, lost: int, lock: HeaderLock, good: bool) -> None:
        xpll, *others = (wait if lost >> n & 1 else None for n, wait in enumerate(PLLS))
        if xpll:
            self.chip.lose_lock(xpll)
        lock.check(good)
        self.chip.set_downlink(lock.locked)
        for wait in others:
            if wait:
                self.chip.lose_lock(wait)

    def _look(self, n: int) -> None:
        """Note what the e-ports are to do now."""
        chip = self.chip
        self.sends[n], self.ec_right[n] = chip.transmits, chip.ec_samples_right()
        key = (chip.writes, chip.power_up.has_passed(State.WAIT_DLL_LOCK))
        if n and key == self._seen:
            self.output_mask[n], self.input_mask[n] = self.output_mask[n - 1], self.input_mask[n - 1]
            return
        self._seen = key
        for group in range(GROUPS):
            outputs = WIDTHS[chip.value(f"modeGroup{group}")]
            inputs = WIDTHS[chip.value(f"paDataRateGroup{group}")]
            out = sum(
                3 << 2 * k
                for k in range(CHANNELS)
                if outputs and chip.output_enabled(group, k // outputs * outputs)
            )
            into = sum(
                3 << 2 * k
                for k in range(CHANNELS)
                if inputs and chip.samples_right(group, k // inputs * inputs)
            )
            column = 2 * (GROUPS - 1 - group)
            self.output_mask[n, column : column + 2] = divmod(out, 256)
            self.input_mask[n, column : column + 2] = divmod(into, 256)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)
