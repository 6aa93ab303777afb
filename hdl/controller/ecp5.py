"""The board controller as one ECP5 holds it: clocks, UART, one GBT link in 40-bit words, one fibre, one I2C bus.

An ECP5 has no transceiver for 5.12 Gb/s, and none that takes GBT words of 40 bits: both come over parallel ports at
120 MHz, from a GBT transceiver and from the back end's receiver of the fibre. What a board with this FPGA looks like
is open; the pins are placed by the tool.
"""

from __future__ import annotations

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Elaboratable,
    Instance,
    IOPort,
    Module,
    Signal,
)
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, Out, connect

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.controller import BoardController
from hdl.controller.gearbox import FrameCrossing, FrameFromWords, WordsFromFrame
from hdl.controller.ports import FRAME_BITS, PRBS_BITS
from hdl.controller.uart import UartReceiver, UartTransmitter
from hdl.gbt.header_lock import LockState
from hdl.gbt.receiver import GbtAligner
from hdl.gbt.transmitter import WORD_BITS
from ltdb.gbt.frame import FRAME_BITS as GBT_FRAME_BITS

REFERENCE_HZ = 40_000_000
"""The LHC clock, nominal."""
FIBRE_WORD_BITS = 51
"""A third of a frame, its BCID, its four flags, the marker and the count of pattern errors."""
BAUD_RATE = 1_000_000
TOP = "ltdb_controller"


def default_configuration() -> ControllerConfiguration:
    """One link to a GBTx at address 1, one fibre, one I2C bus."""
    return ControllerConfiguration(gbtx_addresses=(1,), fibres=1, buses=1, name="ltdb board controller, ECP5")


class Ecp5Controller(wiring.Component):
    """Everything but clocks and pins, in the domains ``sync`` (40 MHz) and ``word`` (120 MHz, in phase).

    Interface attributes
    --------------------
    uart_rx, uart_tx
        A serial line to the PC.
    gbt_rx, gbt_tx : In(40), Out(40)
        Words of the GBT link, bit 39 first on the line, in ``word``. What is received need not be aligned.
    gbt_tx_first : Out(1)
        With the first word of a frame.
    fibre_word, fibre_first : In(51), In(1)
        A frame of the fibre in three words, in ``word``, upper bits first: `prbs_errors`, `marker`, `flags`, `bcid`,
        `frame` from the top.
    fibre_locked : In(1)
        Asynchronous.
    scl_o, sda_o, scl_i, sda_i
        The I2C bus; 1 releases a line.
    board_reset, link_reset, receiver_reset, bcr, marker : Out(1)
    """

    def __init__(self, configuration: ControllerConfiguration | None = None) -> None:
        self.configuration = configuration or default_configuration()
        super().__init__(
            {
                "uart_rx": In(1, init=1),
                "uart_tx": Out(1, init=1),
                "gbt_rx": In(WORD_BITS),
                "gbt_tx": Out(WORD_BITS),
                "gbt_tx_first": Out(1),
                "fibre_word": In(FIBRE_WORD_BITS),
                "fibre_first": In(1),
                "fibre_locked": In(1),
                "scl_o": Out(1, init=1),
                "sda_o": Out(1, init=1),
                "scl_i": In(1, init=1),
                "sda_i": In(1, init=1),
                "board_reset": Out(1),
                "link_reset": Out(1),
                "receiver_reset": Out(1),
                "bcr": Out(1),
                "marker": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the controller to its surroundings."""
        m = Module()
        c = self.configuration
        m.submodules.controller = controller = BoardController(c)
        m.submodules.uart_receiver = receiver = UartReceiver(c.clock_hz, BAUD_RATE)
        m.submodules.uart_transmitter = transmitter = UartTransmitter(c.clock_hz, BAUD_RATE)
        connect(m, receiver.bytes, controller.requests)
        connect(m, controller.replies, transmitter.bytes)
        m.d.comb += [
            controller.strobe.eq(1),
            controller.damaged.eq(receiver.damaged),
            receiver.line.eq(self.uart_rx),
            self.uart_tx.eq(transmitter.line),
            self.scl_o.eq(controller.scl_o),
            self.sda_o.eq(controller.sda_o),
            controller.scl_i.eq(self.scl_i),
            controller.sda_i.eq(self.sda_i),
            self.board_reset.eq(controller.board_reset),
            self.link_reset.eq(controller.links[0].reset),
            self.receiver_reset.eq(controller.receiver_resets),
            self.bcr.eq(controller.bcr),
            self.marker.eq(controller.marker),
        ]
        self._link(m, controller)
        self._fibre(m, controller)
        return m

    def _link(self, m: Module, controller: BoardController) -> None:
        """Words of the GBT link."""
        link = controller.links[0]
        m.submodules.downlink = downlink = WordsFromFrame(WORD_BITS)
        m.submodules.aligner = aligner = DomainRenamer("word")(GbtAligner())
        m.submodules.uplink = uplink = FrameCrossing(GBT_FRAME_BITS)
        # Flip-flops of their own at the pins.
        received, sent = Signal(WORD_BITS), Signal(WORD_BITS + 1)
        m.d.word += [received.eq(self.gbt_rx), sent.eq(Cat(downlink.word, downlink.first))]
        locked, header_error = Signal(), Signal()
        m.submodules += FFSynchronizer(aligner.locked, locked)
        was = Signal(LockState)
        m.d.word += was.eq(aligner.state)
        turned = Signal()
        with m.If((was == LockState.LOCKED) & (aligner.state == LockState.GOING_UNLOCK)):
            m.d.word += turned.eq(~turned)
        seen = Signal(2)
        m.d.sync += [seen.eq(Cat(turned, seen)), header_error.eq(seen[0] != seen[1])]
        m.d.comb += [
            downlink.frame.eq(link.downlink),
            Cat(self.gbt_tx, self.gbt_tx_first).eq(sent),
            aligner.word.eq(received),
            uplink.frame.eq(aligner.frame),
            uplink.strobe.eq(aligner.strobe),
            link.uplink.eq(uplink.taken),
            link.uplink_strobe.eq(uplink.valid),
            link.locked.eq(locked),
            link.header_error.eq(header_error),
        ]

    def _fibre(self, m: Module, controller: BoardController) -> None:
        """Words of the fibre's frames."""
        m.submodules.fibre = words = FrameFromWords(FIBRE_WORD_BITS)
        word, first = Signal(FIBRE_WORD_BITS), Signal()
        m.d.word += [word.eq(self.fibre_word), first.eq(self.fibre_first)]
        port = controller.fibres[0]
        widths = FRAME_BITS, len(port.bcid), len(port.flags.as_value()), 1, PRBS_BITS
        ends = [sum(widths[: n + 1]) for n in range(len(widths))]
        parts = [words.taken[end - width : end] for width, end in zip(widths, ends, strict=True)]
        locked = Signal()
        m.submodules += FFSynchronizer(self.fibre_locked, locked)
        m.d.comb += [
            words.word.eq(word),
            words.first.eq(first),
            port.valid.eq(words.valid),
            port.frame.eq(parts[0]),
            port.bcid.eq(parts[1]),
            port.flags.as_value().eq(parts[2]),
            port.marker.eq(parts[3]),
            port.prbs_errors.eq(parts[4] & words.valid.replicate(PRBS_BITS)),
            port.locked.eq(locked),
        ]


class Ecp5Top(Elaboratable):
    """The FPGA: PLL, resets, pins. `ports` are its pins, by name."""

    def __init__(self, configuration: ControllerConfiguration | None = None) -> None:
        self._core = Ecp5Controller(configuration)
        self.ports: dict[str, IOPort] = {"clock_40": IOPort(1, name="clock_40")}
        for name, member in self._core.signature.members.items():
            if name[:3] not in ("scl", "sda"):
                self.ports[name] = IOPort(member.shape, name=name)
        self.ports |= {name: IOPort(1, name=name) for name in ("scl", "sda")}

    def elaborate(self, platform: object) -> Module:
        """Build clocks and pins around the controller."""
        m = Module()
        m.submodules.core = core = self._core
        reference, fast, slow, good = Signal(), Signal(), Signal(), Signal()
        m.submodules.clock_pin = Instance("IB", i_I=self.ports["clock_40"], o_O=reference)
        m.submodules.pll = Instance("EHXPLLL", **_pll(reference, fast, slow, good))
        # What is clocked at 120 MHz finds its way from any state: a reset would cost 10 ns through the global network.
        m.domains += [ClockDomain("sync"), ClockDomain("word", reset_less=True)]
        m.d.comb += [ClockSignal("sync").eq(slow), ClockSignal("word").eq(fast)]
        m.submodules.reset_sync = ResetSynchronizer(~good, domain="sync")

        for name, member in core.signature.members.items():
            value = getattr(core, name)
            if name[:3] in ("scl", "sda"):
                continue
            for bit in range(len(value)):
                pin = self.ports[name][bit]
                buffer = (
                    Instance("IB", i_I=pin, o_O=value[bit])
                    if member.flow is In
                    else Instance("OB", i_I=value[bit], o_O=pin)
                )
                m.submodules[f"{name}_{bit}"] = buffer
        for line in ("scl", "sda"):
            released, level = getattr(core, f"{line}_o"), getattr(core, f"{line}_i")
            m.submodules[line] = Instance("BB", i_I=0, i_T=released, o_O=level, io_B=self.ports[line])
        return m


def _pll(reference: Signal, fast: Signal, slow: Signal, good: Signal) -> dict[str, object]:
    """Parameters and ports of the PLL: 40 MHz in, 120 and 40 MHz in phase out, oscillator at 480 MHz."""
    return {
        "p_PLLRST_ENA": "DISABLED",
        "p_INTFB_WAKE": "DISABLED",
        "p_STDBY_ENABLE": "DISABLED",
        "p_DPHASE_SOURCE": "DISABLED",
        "p_OUTDIVIDER_MUXA": "DIVA",
        "p_OUTDIVIDER_MUXB": "DIVB",
        "p_CLKI_DIV": 1,
        "p_CLKFB_DIV": 3,
        "p_FEEDBK_PATH": "CLKOP",
        "p_CLKOP_ENABLE": "ENABLED",
        "p_CLKOP_DIV": 4,
        "p_CLKOP_CPHASE": 3,
        "p_CLKOP_FPHASE": 0,
        "p_CLKOS_ENABLE": "ENABLED",
        "p_CLKOS_DIV": 12,
        "p_CLKOS_CPHASE": 11,
        "p_CLKOS_FPHASE": 0,
        "i_CLKI": reference,
        "i_CLKFB": fast,
        "i_RST": 0,
        "i_STDBY": 0,
        "i_PHASESEL0": 0,
        "i_PHASESEL1": 0,
        "i_PHASEDIR": 0,
        "i_PHASESTEP": 0,
        "i_PHASELOADREG": 0,
        "i_PLLWAKESYNC": 0,
        "i_ENCLKOP": 0,
        "i_ENCLKOS": 0,
        "o_CLKOP": fast,
        "o_CLKOS": slow,
        "o_LOCK": good,
    }


def ecp5_rtlil() -> str:
    """Text of the whole design for Yosys, top module `TOP`."""
    from amaranth.back import rtlil

    top = Ecp5Top()
    return str(rtlil.convert(top, name=TOP, ports=list(top.ports.values()), emit_src=False))
