"""The controller without what it controls: packets in and out, and requests as orders for masters and memories."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.controller.bunch_clock import BunchClock
from hdl.controller.capture import Capture
from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.counters import LINK_STEPS, Counters
from hdl.controller.latency import LatencyCounter
from hdl.controller.packet_receiver import PacketReceiver
from hdl.controller.packet_sender import PacketSender
from hdl.controller.ports import FibrePort, I2CPort, IcPort, ScaPort
from hdl.controller.reset_lines import ResetLines
from hdl.controller.sequencer import Sequencer
from ltdb.packets import CONTROLLER_COUNTERS, FIBRE_COUNTERS


class PacketEngine(wiring.Component):
    """Byte stream on one side; IC, SCA and I2C orders, resets, BCR and fibres on the other.

    Interface attributes
    --------------------
    strobe : In(1)
        One clock a GBT frame.
    requests, damaged : In
        Bytes from the PC, and a strobe where the line lost one.
    replies : Out
        Bytes to the PC.
    link, bus : Out(8)
        For which link `ic` and `sca` are, and for which bus `i2c`.
    ic, sca, i2c : Out
    fibres : In(FibrePort)
    link_steps : In
        Steps of the counters of each link, see `hdl.controller.counters`.
    board_reset, link_resets, receiver_resets, bcr, marker : Out
    packet_received, packet_dropped : Out(1)
        Strobes.
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        super().__init__(
            {
                "strobe": In(1),
                "requests": In(stream.Signature(8)),
                "damaged": In(1),
                "replies": Out(stream.Signature(8)),
                "link": Out(8),
                "bus": Out(8),
                "ic": Out(IcPort()),
                "sca": Out(ScaPort()),
                "i2c": Out(I2CPort()),
                "fibres": In(FibrePort()).array(configuration.fibres),
                "link_steps": In(sum(LINK_STEPS.values())).array(configuration.links),
                "board_reset": Out(1),
                "link_resets": Out(configuration.links),
                "receiver_resets": Out(configuration.fibres),
                "bcr": Out(1),
                "marker": Out(1),
                "packet_received": Out(1),
                "packet_dropped": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the parts."""
        m = Module()
        c = self.configuration
        m.submodules.receiver = receiver = PacketReceiver()
        m.submodules.sender = sender = PacketSender()
        m.submodules.sequencer = sequencer = Sequencer(c)
        m.submodules.bunch_clock = bunch_clock = BunchClock(c.bunch_crossings)
        m.submodules.resets = resets = ResetLines(c)
        m.submodules.capture = capture = Capture(c)
        m.submodules.latency = latency = LatencyCounter(c)
        m.submodules.counters = counters = Counters(c)

        connect(m, flipped(self.requests), receiver.bytes)
        connect(m, sender.bytes, flipped(self.replies))
        connect(m, sequencer.ic, flipped(self.ic))
        connect(m, sequencer.sca, flipped(self.sca))
        connect(m, sequencer.i2c, flipped(self.i2c))
        connect(m, sequencer.capture, capture.orders)
        connect(m, sequencer.latency, latency.orders)
        connect(m, sequencer.counters, counters.port)
        connect(m, receiver.packet, sequencer.packet)
        connect(m, sequencer.reply, sender.reply)
        m.d.comb += [
            receiver.damaged.eq(self.damaged),
            self.link.eq(sequencer.link),
            self.bus.eq(sequencer.bus),
            bunch_clock.single.eq(sequencer.bcr_single),
            bunch_clock.periodic.eq(sequencer.bcr_periodic),
            self.bcr.eq(bunch_clock.bcr),
            self.marker.eq(latency.marker),
            resets.start.eq(sequencer.reset_start),
            resets.line.eq(sequencer.reset_line),
            sequencer.reset_done.eq(resets.done),
            self.board_reset.eq(resets.board),
            self.link_resets.eq(resets.links),
            self.receiver_resets.eq(resets.receivers),
        ]
        m.d.comb += [part.strobe.eq(self.strobe) for part in (bunch_clock, resets, capture, latency)]
        for n in range(c.fibres):
            connect(m, flipped(self.fibres[n]), capture.fibres[n])
            connect(m, flipped(self.fibres[n]), latency.fibres[n])

        happened = {
            "packets": receiver.received,
            "repeated": sequencer.repeated,
            **{name: getattr(receiver.dropped, name) for name in CONTROLLER_COUNTERS[2:]},
        }
        m.d.comb += [
            self.packet_received.eq(receiver.received),
            self.packet_dropped.eq(receiver.dropped.as_value().any()),
        ]
        m.d.comb += counters.controller.eq(Cat(happened[name] for name in CONTROLLER_COUNTERS))
        m.d.comb += [counters.links[n].eq(self.link_steps[n]) for n in range(c.links)]
        m.d.comb += [counters.fibres[n].eq(self._fibre_steps(m, n)) for n in range(c.fibres)]
        return m

    def _fibre_steps(self, m: Module, n: int) -> Value:
        """What a fibre's counters grow by."""
        fibre = self.fibres[n]
        was_locked = Signal(name=f"fibre_{n}_was_locked")
        m.d.sync += was_locked.eq(fibre.locked)
        steps = {
            "frames": fibre.valid,
            "crc_errors": fibre.valid & fibre.flags.crc_error,
            "header_errors": fibre.valid & fibre.flags.header_error,
            "bcid_jumps": fibre.valid & fibre.flags.bcid_jump,
            "moves": fibre.valid & fibre.flags.moved,
            "losses": was_locked & ~fibre.locked,
            "prbs_errors": fibre.prbs_errors,
        }
        return Cat(steps[name] for name in FIBRE_COUNTERS)
