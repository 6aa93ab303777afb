"""Capture memory: consecutive frames of one fibre from a BCID on."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.ports import FRAME_BITS, CapturePort, FibrePort
from hdl.controller.requests import AT_ONCE

PATIENCE_ORBITS = 2
"""How long the capture waits for its first and for each further frame."""


class Capture(wiring.Component):
    """Stores frames on request.

    It ends when all frames are in, or fails: when the fibre is not locked, loses lock, or for two orbits brings no
    frame that can be stored. Then the memory counts as empty.

    Interface attributes
    --------------------
    strobe : In(1)
        Beats time.
    orders : In(CapturePort)
    fibres : In(FibrePort)
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        super().__init__(
            {
                "strobe": In(1),
                "orders": In(CapturePort()),
                "fibres": In(FibrePort()).array(configuration.fibres),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        orders, c = self.orders, self.configuration
        m.submodules.memory = memory = Memory(shape=FRAME_BITS, depth=c.capture_frames, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [read.addr.eq(orders.address), orders.frame.eq(read.data)]
        valid, locked = Signal(), Signal()
        frame, bcid = Signal(FRAME_BITS), Signal.like(orders.first_bcid)
        if c.fibres:
            chosen = Array(self.fibres)[orders.fibre]
            # A register behind the multiplexer: of many fibres it is a wide one.
            m.d.sync += [
                valid.eq(chosen.valid), locked.eq(chosen.locked), frame.eq(chosen.frame), bcid.eq(chosen.bcid),
            ]  # fmt: skip

        wanted, stored = Signal(16), Signal(16)
        patience = Signal(range(PATIENCE_ORBITS * c.bunch_crossings + 1))
        take = Signal()
        m.d.comb += [write.addr.eq(stored), write.data.eq(frame), write.en.eq(take)]
        m.d.sync += [orders.done.eq(0), orders.failed.eq(0)]
        with m.If(self.strobe):
            m.d.sync += patience.eq(patience - 1)
        with m.If(take):
            m.d.sync += [stored.eq(stored + 1), patience.eq(PATIENCE_ORBITS * c.bunch_crossings)]
        with m.FSM():
            with m.State("REST"), m.If(orders.start):
                m.d.sync += [wanted.eq(orders.frames), orders.captured.eq(0)]
                m.next = "CHOOSE"
            with m.State("CHOOSE"):
                # The multiplexer's register now holds what the chosen fibre shows.
                m.d.sync += [stored.eq(0), patience.eq(PATIENCE_ORBITS * c.bunch_crossings)]
                m.next = "WAIT"
            with m.State("WAIT"):
                with m.If(~locked | (patience == 0)):
                    m.next = "FAIL"
                with m.Elif(valid & ((orders.start_bcid == AT_ONCE) | (orders.start_bcid == bcid))):
                    m.d.comb += take.eq(1)
                    m.d.sync += orders.first_bcid.eq(bcid)
                    m.next = "STORE"
            with m.State("STORE"):
                with m.If(stored == wanted):
                    m.d.sync += [orders.done.eq(1), orders.captured.eq(stored)]
                    m.next = "REST"
                with m.Elif(~locked | (patience == 0)):
                    m.next = "FAIL"
                with m.Else():
                    m.d.comb += take.eq(valid)
            with m.State("FAIL"):
                m.d.sync += [orders.done.eq(1), orders.failed.eq(1)]
                m.next = "REST"
        return m
