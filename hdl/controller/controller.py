# amaranth: UnusedElaboratable=no
"""The board controller: packets on one side, GBT frames, I2C buses, fibres and reset lines on the other."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.black_box import add_held, instances
from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.direct_i2c import DirectI2c
from hdl.controller.link import ControlLink
from hdl.controller.packet_engine import PacketEngine
from hdl.controller.ports import FibrePort
from ltdb.gbt.frame import FRAME_BITS


class LinkFrames(wiring.Signature):
    """GBT frames of one link, seen from the controller; see `ControlLink`."""

    def __init__(self) -> None:
        super().__init__(
            {
                "downlink": Out(FRAME_BITS),
                "uplink": In(FRAME_BITS),
                "uplink_strobe": In(1),
                "locked": In(1),
                "header_error": In(1),
                "reset": Out(1),
            }
        )


class BoardController(wiring.Component):
    """The controller at frame level, in the domain ``sync``.

    Parameters
    ----------
    configuration
        How many links, fibres and buses there are.
    link_module
        Name of a module that holds a `ControlLink`, if the links are to be instances of it.

    Interface attributes
    --------------------
    strobe : In(1)
        One clock a GBT frame.
    requests, damaged, replies
        Bytes from and to the PC; `damaged` is a strobe where the line lost one.
    links : Out(LinkFrames)
        `reset` is that link's reset line, for whoever aligns its frames; it resets its masters as well.
    fibres : In(FibrePort)
    scl_o, sda_o, scl_i, sda_i
        A bit for each direct I2C bus; 1 releases a line.
    board_reset : Out(1)
    receiver_resets : Out
        A bit for each fibre.
    bcr : Out(1)
        As sent over all links.
    marker : Out(1)
        For whatever makes the fibres' samples; see `LatencyCounter`.
    """

    def __init__(self, configuration: ControllerConfiguration, link_module: str | None = None) -> None:
        self.configuration = c = configuration
        self.link_module = link_module
        super().__init__(
            {
                "strobe": In(1),
                "requests": In(stream.Signature(8)),
                "damaged": In(1),
                "replies": Out(stream.Signature(8)),
                "links": Out(LinkFrames()).array(c.links),
                "fibres": In(FibrePort()).array(c.fibres),
                "scl_o": Out(c.buses, init=-1),
                "sda_o": Out(c.buses, init=-1),
                "scl_i": In(c.buses, init=-1),
                "sda_i": In(c.buses, init=-1),
                "board_reset": Out(1),
                "receiver_resets": Out(c.fibres),
                "bcr": Out(1),
                "marker": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the engine to the links and the buses."""
        m = Module()
        c = self.configuration
        m.submodules.engine = engine = PacketEngine(c)
        m.submodules.i2c = i2c = DirectI2c(c)
        connect(m, flipped(self.requests), engine.requests)
        connect(m, engine.replies, flipped(self.replies))
        connect(m, engine.i2c, i2c.orders)
        m.d.comb += [
            engine.strobe.eq(self.strobe),
            engine.damaged.eq(self.damaged),
            i2c.strobe.eq(self.strobe),
            i2c.bus.eq(engine.bus),
            i2c.scl_i.eq(self.scl_i),
            i2c.sda_i.eq(self.sda_i),
            self.scl_o.eq(i2c.scl_o),
            self.sda_o.eq(i2c.sda_o),
            self.board_reset.eq(engine.board_reset),
            self.receiver_resets.eq(engine.receiver_resets),
            self.bcr.eq(engine.bcr),
            self.marker.eq(engine.marker),
        ]
        for n in range(c.fibres):
            connect(m, flipped(self.fibres[n]), engine.fibres[n])
        make = instances(self.link_module, ControlLink(c)) if self.link_module else lambda: ControlLink(c)
        links = [make() for _ in c.gbtx_addresses]
        for n, link in enumerate(links):
            add_held(m, f"link_{n}", link, engine.link_resets[n])
            frames, mine = self.links[n], engine.link == n
            m.d.comb += [
                link.strobe.eq(self.strobe),
                link.gbtx_address.eq(c.gbtx_addresses[n]),
                frames.downlink.eq(link.downlink),
                link.uplink.eq(frames.uplink),
                link.uplink_strobe.eq(frames.uplink_strobe),
                link.locked.eq(frames.locked),
                link.header_error.eq(frames.header_error),
                link.bcr.eq(engine.bcr),
                link.packet.eq(engine.packet_received),
                link.packet_dropped.eq(engine.packet_dropped),
                frames.reset.eq(engine.link_resets[n]),
                engine.link_steps[n].eq(link.steps),
            ]
            self._ask(m, engine.ic, link.ic, mine)
            self._ask(m, engine.sca, link.sca, mine)
        if links:
            self._answer(m, engine.ic, Array(link.ic for link in links)[engine.link])
            self._answer(m, engine.sca, Array(link.sca for link in links)[engine.link])
        return m

    def _ask(self, m: Module, order: wiring.PureInterface, to: wiring.PureInterface, mine: Value) -> None:
        """Give an order to one master; only the one it is for sees its start, its bytes, and who takes the reply."""
        for name, member in order.signature.members.items():
            if name == "start":
                m.d.comb += to.start.eq(order.start & mine)
            elif name == "data" and not member.is_port:
                m.d.comb += [
                    to.data.payload.eq(order.data.payload),
                    to.data.valid.eq(order.data.valid & mine),
                ]
            elif name == "reply" and not member.is_port:
                m.d.comb += to.reply.ready.eq(order.reply.ready & mine)
            elif member.flow is Out:
                m.d.comb += getattr(to, name).eq(getattr(order, name))

    def _answer(self, m: Module, order: wiring.PureInterface, chosen: Value) -> None:
        """Take the answers of the chosen master."""
        for name, member in order.signature.members.items():
            if name == "data" and not member.is_port:
                m.d.comb += order.data.ready.eq(chosen.data.ready)
            elif name == "reply" and not member.is_port:
                m.d.comb += [
                    order.reply.valid.eq(chosen.reply.valid),
                    order.reply.payload.eq(chosen.reply.payload),
                ]
            elif member.is_port and member.flow is In:
                m.d.comb += getattr(order, name).eq(getattr(chosen, name))
