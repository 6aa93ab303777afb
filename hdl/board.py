# amaranth: UnusedElaboratable=no
"""The whole board as gateware, at word level: every chip of a netlist, wired as the netlist says.

The control side (GBTx, SCA, registers) runs in the domain ``sync``, the fibres in ``word``, with one clock a word of
the line code. Analog quantities are constants of the netlist: a nominal voltage at each monitored pad, a pedestal at
each ADC channel. Phases of clocks are codes in registers here, as everywhere at this level: nothing is delayed.

Chips are instances of modules made apart (`chip_library`), one for each kind.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.black_box import BlackBox, Library
from hdl.gbtx.chip import Gbtx
from hdl.gbtx.power_up import Times
from hdl.locx2.board_chip import Locx2OnBoard
from hdl.optical_transmitter import OpticalTransmitter
from hdl.quad_adc import SAMPLE_BITS, QuadAdc
from hdl.sca.analog import CODE_BITS
from hdl.sca.chip import Sca
from hdl.sca.i2c_channel import I2cChannel
from ltdb.board import AdcChip, Board, Bus, ClockOutput, GpioLine, MonitorChannel
from ltdb.fibre_model import PEDESTAL
from ltdb.gbt.frame import FRAME_BITS
from ltdb.gbtx.minimal import MINIMAL_CONFIGURATION
from ltdb.line_code.format import FrameFormat
from ltdb.registers import load_registers
from ltdb.sca.commands import I2C_MASTERS

REST = 0b11
E_PORT_TAPS = 8
MIDDLE_TAP = E_PORT_TAPS // 2
"""Where the bits of e-link inputs begin, so that phase code 0 samples their middle (`ltdb.gbtx.eports`)."""
ADC_CODES = 4095
SOURCE_CURRENT_A = 100e-6
PT1000_OHMS, PT1000_OHMS_PER_KELVIN = 1000.0, 3.85


def chip_library(layout: FrameFormat, times: Times | None = None) -> Library:
    """Kinds of chips by the name of their module, and before a chip the modules it is made of."""
    return {
        "gbtx": lambda: Gbtx(MINIMAL_CONFIGURATION, times),
        "sca_i2c": I2cChannel,
        "sca": lambda: Sca(i2c_module="sca_i2c"),
        "adc": QuadAdc,
        "mtx": OpticalTransmitter,
        "locx2": lambda: Locx2OnBoard(layout),
    }


class GbtLink(wiring.Signature):
    """GBT frames of one link, seen from the board."""

    def __init__(self) -> None:
        super().__init__({"downlink": In(FRAME_BITS), "uplink": Out(FRAME_BITS), "uplink_strobe": Out(1)})


class BoardGateware(wiring.Component):
    """A board.

    Parameters
    ----------
    board
        Its netlist.
    layout
        The line code.

    Interface attributes
    --------------------
    strobe : In(1)
        One clock of ``sync`` a GBT frame, for all links.
    reset : In(1)
        Reset all chips.
    links : Out(GbtLink).array
    fibres : Out(word_bits).array
        Words on the fibres, bit 15 first; domain ``word``.
    ready : Out
        A bit for each link: its GBTx is in Idle.
    """

    def __init__(self, board: Board, layout: FrameFormat) -> None:
        self.board, self.layout = board, layout
        super().__init__(
            {
                "strobe": In(1),
                "reset": In(1),
                "links": Out(GbtLink()).array(len(board.gbtx)),
                "fibres": Out(layout.word_bits).array(len(board.fibres)),
                "ready": Out(len(board.gbtx)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Place the chips and connect them."""
        m = Module()
        b = self.board
        library = {name: make() for name, make in chip_library(self.layout).items()}
        both = {"sync": "sync", "word": "word"}
        self._gbtx = {name: BlackBox("gbtx", library["gbtx"]) for name in b.gbtx}
        self._sca = {name: BlackBox("sca", library["sca"]) for name in b.sca}
        self._adc = {name: BlackBox("adc", library["adc"], both) for name in b.adc}
        self._locx2 = {name: BlackBox("locx2", library["locx2"], both) for name in b.locx2}
        self._mtx = {name: BlackBox("mtx", library["mtx"], both) for name in b.mtx}
        for table in (self._gbtx, self._sca, self._adc, self._locx2, self._mtx):
            for name, chip in table.items():
                m.submodules[name] = chip
        self._resets(m)
        for name in b.gbtx:
            self._connect_gbtx(m, name)
        for number, name in enumerate(b.sca):
            self._connect_sca(m, name, number)
        for name in b.sca:
            for master in range(I2C_MASTERS):
                self._connect_bus(m, Bus(name, master))
        self._data_path(m)
        return m

    def _resets(self, m: Module) -> None:
        """Each chip by the controller's line, and by the GPIO line that the netlist gives it."""
        for chip in (*self._gbtx.values(), *self._sca.values()):
            m.d.comb += chip.held.eq(self.reset)
        lines = {chip: line for line in self.board.gpio.values() for chip in line.resets}
        for table in (self._adc, self._locx2, self._mtx):
            for name, chip in table.items():
                m.d.comb += chip.held.eq(self.reset | (self._low(lines[name]) if name in lines else 0))

    def _low(self, line: GpioLine) -> Value:
        """Whether a GPIO output is low; a line that is not driven is pulled up."""
        sca = self._sca[line.sca]
        return sca.gpio_oe[line.line] & ~sca.gpio_o[line.line]

    def _connect_gbtx(self, m: Module, name: str) -> None:
        b, chip, entry = self.board, self._gbtx[name], self.board.gbtx[name]
        port = self.links[entry.link]
        m.d.comb += [
            chip.strobe.eq(self.strobe),
            chip.downlink.eq(port.downlink),
            port.uplink.eq(chip.uplink),
            port.uplink_strobe.eq(chip.uplink_strobe),
            chip.address.eq(entry.address),
            chip.serial_number.eq(0x1000 + entry.link),
            chip.ec_edge.eq(MIDDLE_TAP),
            *(group.eq(Cat(Const(MIDDLE_TAP, 3) for _ in range(8))) for group in chip.edge),
            self.ready[entry.link].eq(chip.ready),
        ]
        found = b.port_of(name, "ec")
        m.d.comb += chip.ec_in.eq(REST if found is None else self._sca[found[0].name].tx[found[1]])
        found = b.port_of(name, "aux")
        bit = 2 * b.aux.channel
        if found is not None:
            m.d.comb += chip.elink_in[b.aux.group][bit : bit + 2].eq(self._sca[found[0].name].tx[found[1]])

    def _connect_sca(self, m: Module, name: str, number: int) -> None:
        b, chip, entry = self.board, self._sca[name], self.board.sca[name]
        primary, neighbour = self._gbtx[entry.primary.gbtx], self._gbtx[entry.auxiliary.gbtx]
        bit = 2 * b.aux.channel
        driven = neighbour.elink_active[b.aux.group][b.aux.channel] & neighbour.elink_valid
        m.d.comb += [
            chip.strobe.eq(self.strobe),
            chip.chip_id.eq(0x100 + number),
            chip.rx[0].eq(primary.ec_out),
            chip.rx[1].eq(Mux(driven, neighbour.elink_out[b.aux.group][bit : bit + 2], REST)),
        ]
        # Power is good, and what nobody drives is pulled up (assumed, as in the model).
        for line in b.gpio.values():
            if line.sca == name:
                m.d.comb += chip.gpio_i[line.line].eq(Mux(chip.gpio_oe[line.line], chip.gpio_o[line.line], 1))
        for monitor in b.monitor.values():
            if monitor.sca == name:
                m.d.comb += chip.analog[monitor.pad].eq(self._code(chip, monitor))

    def _code(self, chip: BlackBox, monitor: MonitorChannel) -> Value:
        """What the converter of the SCA sees at a pad, at the nominal value of the netlist."""
        if monitor.kind == "pt1000":
            ohms = PT1000_OHMS + PT1000_OHMS_PER_KELVIN * monitor.nominal
            code = Const(round(ohms * SOURCE_CURRENT_A * ADC_CODES), CODE_BITS)
            return Mux(chip.currents[monitor.pad], code, 0)
        return Const(round(monitor.nominal / monitor.factor * ADC_CODES), CODE_BITS)

    def _connect_bus(self, m: Module, bus: Bus) -> None:
        """Open drain: SCL is the master's alone, SDA is low if anybody pulls it."""
        b, sca = self.board, self._sca[bus.sca]
        low: list[Value] = []
        scl, sda = (Signal(name=f"{bus.sca}_{wire}_{bus.master}") for wire in ("scl", "sda"))
        for entry in b.on_bus(bus):
            name = entry.name
            if name in self._gbtx:
                chip = self._gbtx[name]
            else:
                kind, table = next(
                    (k, t)
                    for k, t in (("adc", self._adc), ("locx2", self._locx2), ("mtx", self._mtx))
                    if name in t
                )
                chip = table[name]
                m.d.comb += chip.address.eq(entry.address - (load_registers(kind).bus_address or 0))
            m.d.comb += [chip.scl.eq(scl), chip.sda.eq(sda)]
            low.append(chip.sda_low)
        m.d.comb += [
            scl.eq(sca.scl_o[bus.master]),
            sda.eq(sca.sda_o[bus.master] & ~Cat(low).any()),
            sca.scl_i[bus.master].eq(scl),
            sca.sda_i[bus.master].eq(sda),
        ]

    def _running(self, clock: ClockOutput) -> Value:
        gbtx = self._gbtx[clock.gbtx]
        return gbtx.ready & gbtx.shifted_clock[clock.channel].running

    def _data_path(self, m: Module) -> None:
        """Samples from ADCs to LOCx2, words from there over the lasers to the fibres; BCR and clocks."""
        b, words = self.board, self.layout.frame_words
        number, crossing = Signal(range(words)), Signal(SAMPLE_BITS)
        start = Signal()
        m.d.comb += start.eq(number == 0)
        m.d.word += number.eq(Mux(number == words - 1, 0, number + 1))
        with m.If(number == words - 1):
            m.d.word += crossing.eq(crossing + 1)
        for name, chip in self._adc.items():
            adc = b.adc[name]
            m.d.comb += [chip.clocked.eq(self._running(adc.clock)), chip.crossing.eq(crossing)]
            m.d.comb += [chip.inputs[c].eq(PEDESTAL + adc.first_cell + c) for c in range(4)]
        for name, chip in self._locx2.items():
            entry, gbtx = b.locx2[name], self._gbtx[b.locx2[name].bcr]
            bcr = gbtx.elink_out[b.bcr.group][2 * b.bcr.channel : 2 * b.bcr.channel + 2]
            open_ = gbtx.elink_active[b.bcr.group][b.bcr.channel] & gbtx.elink_valid
            lasers, adcs = self._mtx[entry.mtx], [self._adc[name] for name in entry.adcs]
            alive = [self._alive(b.adc[name]) for name in entry.adcs]
            m.d.comb += [
                chip.clocked.eq(self._running(entry.clock)),
                chip.adc_clocked.eq(Cat(alive[0] & alive[1], alive[2] & alive[3])),
                chip.bcr.eq(bcr.all() & open_),
                chip.start.eq(start),
                Value.cast(chip.samples).eq(Cat(Value.cast(source.samples) for source in adcs)),
            ]
            for channel, fibre in enumerate(b.mtx[entry.mtx].fibres):
                lit = Mux(lasers.lit[channel], chip.word[channel], 0)
                m.d.comb += self.fibres[fibre].eq(Mux(chip.held, 0, lit))

    def _alive(self, adc: AdcChip) -> Value:
        return self._running(adc.clock) & ~self._adc[adc.name].held
