"""Transfers on directly driven I2C buses, as on single-chip test boards: one master, switched to one bus at a time."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.ports import I2CPort
from hdl.i2c_master import I2cMaster, I2cStep

QUARTERS = 4
LEAST_QUARTER_CLOCKS = 4
"""What the master's input filters take (`hdl.i2c_master`)."""


class DirectI2c(wiring.Component):
    """Carries out transfers: address, bytes, repeated start if bytes are to be read as well, stop.

    Whatever goes wrong ends with both lines released, after a stop if the bus is not stuck.

    Interface attributes
    --------------------
    strobe : In(1)
    orders : In(I2CPort)
    bus : In(8)
        Stays until `orders.done`.
    scl_o, sda_o, scl_i, sda_i : Out, In
        A bit for each bus; 1 releases a line.
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        buses = configuration.buses
        strobes = round(configuration.frame_clock_hz / configuration.i2c_hz / QUARTERS)
        self._divider = max(strobes, -(-LEAST_QUARTER_CLOCKS // configuration.clocks_per_frame))
        super().__init__(
            {
                "strobe": In(1),
                "orders": In(I2CPort()),
                "bus": In(8),
                "scl_o": Out(buses, init=-1),
                "sda_o": Out(buses, init=-1),
                "scl_i": In(buses, init=-1),
                "sda_i": In(buses, init=-1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        orders = self.orders
        m.submodules.master = master = I2cMaster()
        m.d.comb += [
            master.strobe.eq(self.strobe),
            master.divider.eq(self._divider),
            self.scl_o.eq(-1),
            self.sda_o.eq(-1),
        ]
        for n in range(self.configuration.buses):
            with m.If(self.bus == n):
                m.d.comb += [
                    self.scl_o[n].eq(master.scl_o),
                    self.sda_o[n].eq(master.sda_o),
                    master.scl_i.eq(self.scl_i[n]),
                    master.sda_i.eq(self.sda_i[n]),
                ]
        writes, reads = Signal(8), Signal(8)
        reading = Signal()
        m.d.sync += orders.done.eq(0)

        def step(kind: I2cStep | int, then: str) -> None:
            m.d.comb += [master.step.eq(kind), master.go.eq(1)]
            m.next = then

        with m.FSM():
            with m.State("REST"), m.If(orders.start):
                m.d.sync += [
                    orders.busy.eq(1),
                    orders.refused.eq(0),
                    orders.stuck.eq(0),
                    writes.eq(orders.writes),
                    reads.eq(orders.reads),
                    reading.eq(orders.writes == 0),
                ]
                m.next = "START"
            with m.State("START"):
                step(I2cStep.START, "STARTED")
            with m.State("STARTED"), m.If(master.done):
                m.next = "ADDRESS"
                self._check(m, master)
            with m.State("ADDRESS"):
                m.d.comb += master.byte.eq(Cat(reading, orders.address))
                step(I2cStep.WRITE, "ADDRESSED")
            with m.State("ADDRESSED"), m.If(master.done):
                m.next = "NEXT"
                self._check(m, master, written=True)
            with m.State("NEXT"):
                with m.If(reading):
                    m.next = "STOP"
                    with m.If(reads != 0):
                        m.d.comb += master.acknowledge.eq(reads != 1)
                        step(I2cStep.READ, "READ")
                with m.Elif(writes != 0):
                    m.d.comb += [orders.data.ready.eq(1), master.byte.eq(orders.data.payload)]
                    with m.If(orders.data.valid):
                        m.d.sync += writes.eq(writes - 1)
                        step(I2cStep.WRITE, "ADDRESSED")
                with m.Else():
                    m.d.sync += reading.eq(1)
                    m.next = "STOP"
                    with m.If(reads != 0):
                        m.next = "START"
            with m.State("READ"), m.If(master.done):
                m.next = "DELIVER"
                self._check(m, master)
            with m.State("DELIVER"):
                m.d.comb += [orders.reply.valid.eq(1), orders.reply.payload.eq(master.received)]
                with m.If(orders.reply.ready):
                    m.d.sync += reads.eq(reads - 1)
                    m.next = "NEXT"
            with m.State("STOP"):
                step(I2cStep.STOP, "STOPPED")
            with m.State("STOPPED"), m.If(master.done):
                m.d.sync += orders.stuck.eq(orders.stuck | master.stuck)
                m.next = "DONE"
            with m.State("DONE"):
                m.d.sync += [orders.done.eq(1), orders.busy.eq(0)]
                m.next = "REST"
        return m

    def _check(self, m: Module, master: I2cMaster, written: bool = False) -> None:
        """Leave the usual way if the step failed."""
        with m.If(master.stuck):
            m.d.sync += self.orders.stuck.eq(1)
            m.next = "DONE"
        if written:
            with m.Elif(master.refused):
                m.d.sync += self.orders.refused.eq(1)
                m.next = "STOP"
