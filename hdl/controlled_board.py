# amaranth: UnusedElaboratable=no
"""A board and its board controller, from bytes to chips: what a PC has before it, as one design.

The controller's GBT frames go straight to the GBTx, whole and aligned; line rate and alignment of the optical links are
not part of this level. Fibres end in receivers; there need not be one for each, and the others stay dark.
"""

from __future__ import annotations

from collections.abc import Collection

from amaranth.hdl import Cat, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.black_box import instances
from hdl.board import BoardGateware
from hdl.controller.configuration import ControllerConfiguration, Elink
from hdl.controller.controller import BoardController
from hdl.fibre_tap import FibreTap
from hdl.gbt.header_lock import HeaderLock
from hdl.gbt.receiver import is_header
from ltdb.board import Board
from ltdb.errors import InputError
from ltdb.gbt.frame import FRAME_BITS
from ltdb.line_code.format import FrameFormat

CONTROL_LINK = "control_link"
FIBRE_TAP = "fibre_tap"
"""Names of the modules that hold the controller's side of a GBT link, and a fibre's receiver."""


def configuration_for(board: Board, reply_frames: int = 80_000) -> ControllerConfiguration:
    """A controller that fits a board: its links, its fibres, one I2C bus without a chip on it."""
    return ControllerConfiguration(
        gbtx_addresses=tuple(chip.address for chip in board.links),
        fibres=len(board.fibres),
        buses=1,
        name="ltdb gateware in simulation",
        auxiliary=Elink(board.aux.group, board.aux.channel),
        bcr=Elink(board.bcr.group, board.bcr.channel),
        reply_frames=reply_frames,
        # Nothing here puts a marker into the samples.
        latency=False,
    )


class ControlledBoard(wiring.Component):
    """Controller, links, board, receivers. Domains: ``sync``, and ``word`` with a clock for each word of the fibres.

    Parameters
    ----------
    board
        Its netlist.
    layout
        The line code.
    configuration
        Of the controller.
    receivers
        Fibres that end in a receiver.

    Interface attributes
    --------------------
    strobe : In(1)
        One clock of ``sync`` a GBT frame.
    requests, replies
        Bytes from and to the PC.
    damaged : In(1)
        Strobe: the line has lost a byte.
    ready : Out
        A bit for each link: its GBTx is in Idle.
    words : Out
        The words on all fibres, fibre 0 lowest; domain ``word``.
    """

    def __init__(
        self,
        board: Board,
        layout: FrameFormat,
        configuration: ControllerConfiguration,
        receivers: Collection[int],
    ) -> None:
        self.board, self.layout, self.configuration = board, layout, configuration
        if unknown := set(receivers) - set(range(configuration.fibres)):
            raise InputError("fibres with a receiver", sorted(unknown), f"0 to {configuration.fibres - 1}")
        self.receivers = tuple(sorted(receivers))
        super().__init__(
            {
                "strobe": In(1),
                "requests": In(stream.Signature(8)),
                "damaged": In(1),
                "replies": Out(stream.Signature(8)),
                "ready": Out(len(board.gbtx)),
                "words": Out(layout.word_bits * len(board.fibres)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the parts."""
        m = Module()
        m.submodules.controller = controller = BoardController(self.configuration, CONTROL_LINK)
        m.submodules.board = board = BoardGateware(self.board, self.layout)
        connect(m, flipped(self.requests), controller.requests)
        connect(m, controller.replies, flipped(self.replies))
        m.d.comb += [
            controller.strobe.eq(self.strobe),
            controller.damaged.eq(self.damaged),
            board.strobe.eq(self.strobe),
            board.reset.eq(controller.board_reset),
            controller.scl_i.eq(controller.scl_o),
            controller.sda_i.eq(controller.sda_o),
            self.ready.eq(board.ready),
            self.words.eq(Cat(board.fibres[n] for n in range(len(self.board.fibres)))),
        ]
        for number in range(len(self.board.gbtx)):
            self._link(m, number, controller.links[number], board.links[number])
        make_tap = instances(FIBRE_TAP, FibreTap(self.layout), {"sync": "sync", "word": "word"})
        for number in self.receivers:
            m.submodules[f"fibre_{number}"] = tap = make_tap()
            m.d.comb += [
                tap.word.eq(board.fibres[number]),
                tap.reset.eq(controller.receiver_resets[number]),
            ]
            connect(m, tap.fibre, controller.fibres[number])
        return m

    def _link(
        self, m: Module, number: int, back_end: wiring.PureInterface, gbtx: wiring.PureInterface
    ) -> None:
        lock = HeaderLock()
        m.submodules[f"lock_{number}"] = ResetInserter(back_end.reset)(lock)
        good, uplink = Signal(name=f"good_{number}"), Signal(FRAME_BITS, name=f"uplink_{number}")
        # The lock says one clock later whether a frame is delivered; by then the next one may be there.
        m.d.sync += uplink.eq(gbtx.uplink)
        m.d.comb += [
            gbtx.downlink.eq(back_end.downlink),
            good.eq(is_header(gbtx.uplink[FRAME_BITS - 4 :])),
            lock.check.eq(gbtx.uplink_strobe),
            lock.good.eq(good),
            back_end.uplink.eq(uplink),
            back_end.uplink_strobe.eq(lock.strobe),
            back_end.locked.eq(lock.locked),
            back_end.header_error.eq(gbtx.uplink_strobe & ~good & lock.locked),
        ]
