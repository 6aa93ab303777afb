"""One GBT link of the controller, frame by frame: codec, masters of the IC and SCA channels, BCR, what is counted.

The GBT frames are whole and aligned; words and alignment are outside (`hdl/gbt/receiver.py`). The two directions need
not have the same phase: the last frame that came is used in the next strobe, once.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.counters import LINK_STEPS
from hdl.controller.ports import IcPort, ScaPort
from hdl.gbt.receiver import GbtReceiver
from hdl.gbt.transmitter import GbtTransmitter
from hdl.gbtx.ic_master import IcMaster
from hdl.sca.master import ScaMaster
from hdl.status import Status
from ltdb.gbt.frame import FRAME_BITS, PAYLOAD_BITS
from ltdb.packets import LINK_COUNTERS

IC_BITS = slice(82, 84)
EC_BITS = slice(80, 82)
REST = 0b11


class ControlLink(wiring.Component):
    """Back end of one GBT link.

    Interface attributes
    --------------------
    strobe : In(1)
    gbtx_address : In(7)
        Of the chip at the other end, for the IC channel.
    downlink : Out(120)
        A new frame in the clock after each strobe.
    uplink, uplink_strobe : In(120), In(1)
        A frame, aligned, from a receiver that is locked; one in the time of each strobe.
    locked : In(1)
        Falls are counted as losses.
    header_error : In(1)
        Strobe: a frame with a wrong header came and was not delivered.
    packet, packet_dropped : In(1)
        Strobes: what the counters of a link say of the controller's packets.
    ic, sca : In
    bcr : In(1)
        Sent in the next frame, both bits of its e-link high.
    steps : Out
        For the counters.
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        super().__init__(
            {
                "strobe": In(1),
                "gbtx_address": In(7),
                "downlink": Out(FRAME_BITS),
                "uplink": In(FRAME_BITS),
                "uplink_strobe": In(1),
                "locked": In(1),
                "header_error": In(1),
                "packet": In(1),
                "packet_dropped": In(1),
                "ic": In(IcPort()),
                "sca": In(ScaPort()),
                "bcr": In(1),
                "steps": Out(sum(LINK_STEPS.values())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        c = self.configuration
        m.submodules.transmitter = transmitter = GbtTransmitter()
        m.submodules.receiver = receiver = GbtReceiver(pipelined=True)
        m.submodules.ic_master = ic = IcMaster(time_out=c.reply_frames)
        m.submodules.sca_master = sca = ScaMaster(time_out=c.reply_frames)

        # A reply from a frame that did not come would be a made-up one: the channels rest instead.
        fresh, got = Signal(), Signal(PAYLOAD_BITS)
        with m.If(self.strobe):
            m.d.sync += fresh.eq(0)
        with m.If(receiver.valid):
            m.d.sync += [fresh.eq(1), got.eq(receiver.payload)]
        auxiliary = slice(c.auxiliary.first_bit, c.auxiliary.first_bit + 2)
        m.d.comb += [
            receiver.strobe.eq(self.uplink_strobe),
            receiver.frame.eq(self.uplink),
            *(
                rx.eq(Mux(fresh & self.locked, got[bits], REST))
                for rx, bits in ((ic.rx, IC_BITS), (sca.ec_rx, EC_BITS), (sca.aux_rx, auxiliary))
            ),
            *(part.strobe.eq(self.strobe) for part in (ic, sca, transmitter)),
            transmitter.is_data.eq(1),
            transmitter.payload[IC_BITS].eq(ic.tx),
            transmitter.payload[EC_BITS].eq(sca.ec_tx),
            transmitter.payload[auxiliary].eq(sca.aux_tx),
            transmitter.payload[c.bcr.first_bit : c.bcr.first_bit + 2].eq(self.bcr.replicate(2)),
            self.downlink.eq(transmitter.frame),
        ]

        connect(m, flipped(self.ic.data), ic.write_data)
        connect(m, ic.read_data, flipped(self.ic.reply))
        m.d.comb += [
            ic.chip.eq(self.gbtx_address),
            *(
                getattr(ic, name).eq(getattr(self.ic, name))
                for name in ("start", "write", "register", "count")
            ),
            *(getattr(self.ic, name).eq(getattr(ic, name)) for name in ("busy", "done", "status")),
            sca.control.eq(self.sca.control),
            *(
                getattr(sca, name).eq(getattr(self.sca, name))
                for name in ("start", "port", "channel", "length", "command", "data")
            ),
            *(
                getattr(self.sca, name).eq(getattr(sca, name))
                for name in ("busy", "done", "status", "flags", "reply")
            ),
        ]
        was_locked = Signal()
        m.d.sync += was_locked.eq(self.locked)
        happened = {
            "frames": receiver.valid,
            "corrected": receiver.valid & receiver.error,
            "header_errors": self.header_error,
            "losses": was_locked & ~self.locked,
            "ic_errors": ic.done & (ic.status != Status.OK),
            "ec_errors": sca.done & (sca.status != Status.OK),
            "packets": self.packet,
            "dropped": self.packet_dropped,
        }
        m.d.comb += self.steps.eq(Cat(happened[name] for name in LINK_COUNTERS))
        return m
