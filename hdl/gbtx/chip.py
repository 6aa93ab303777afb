"""The GBTx at word level: one frame of 120 bits each way in 25 ns, and everything that its registers say.

What a frame does has left the chip three clocks after `strobe`: the frame is decoded, then time passes for the power-up
sequence and the registers, then a frame is sent. Frames come aligned; the line rate and the search for the alignment
are not part of this level (`hdl.gbt.receiver.GbtAligner`). One mode is built: transceiver, with error correction.

What is analog on the chip comes in as numbers, for simulation only: where the bits of e-links begin, and losses of lock
of the PLLs. Not protected against upsets is everything but the values that the register table has in three copies.
"""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.gbt.header_lock import HeaderLock
from hdl.gbt.receiver import GbtReceiver, is_header
from hdl.gbt.transmitter import GbtTransmitter
from hdl.gbtx.clocks import ELINK_CLOCKS, SHIFTED_CLOCK, ClockManager
from hdl.gbtx.eports import EDGE_BITS, OutputGroup, PhaseAligner, channels_open, pairs
from hdl.gbtx.i2c_access import I2cAccess
from hdl.gbtx.ic_slave import IcSlave
from hdl.gbtx.power_up import LOSSES, PowerUp, Times, passed
from hdl.gbtx.register_file import RegisterFile
from ltdb.gbt.frame import E_GROUP_BITS, E_GROUPS, FRAME_BITS
from ltdb.gbt.reed_solomon import Decoder
from ltdb.gbtx.chip import CONFIG_DONE, COUNTER_MAX
from ltdb.gbtx.clocks import PHASE_SHIFTER_CLOCKS
from ltdb.gbtx.configuration import WRITABLE_REGISTERS
from ltdb.gbtx.eports import CHANNELS, INPUT_GROUPS
from ltdb.gbtx.power_up import RESTART_CODE, WAITS, State

EC_FIELD = slice(80, 82)
IC_FIELD = slice(82, 84)
PLLS = tuple(wait for wait in LOSSES if wait is not State.WAIT_DES_LOCK)
"""PLLs whose losses of lock come in from outside."""


class Gbtx(wiring.Component):
    """The chip, in the domain ``sync``.

    Parameters
    ----------
    fuses
        Registers that are fused, by register.
    times
        Durations of the power-up sequence.
    decoder
        Error correction of the receiver; whether the ASIC has the defect of GBT-FPGA is not public.

    Interface attributes
    --------------------
    strobe : In(1)
        One frame each way.
    downlink : In(120)
    uplink : Out(120)
        Changes with `uplink_strobe`; all 0 while the chip does not send.
    uplink_strobe : Out(1)
        One clock, in which `uplink` and the levels of the e-link outputs are new.
    address : In(7)
        On I2C and in the IC channel.
    serial_number : In(16)
    scl, sda : In(1)
    sda_low : Out(1)
        Pull SDA low.
    ec_out, ec_in : Out(2), In(2)
        Bits 81:80 of the payload: the upper one is first in time. At rest ones.
    elink_out : Out(16).array(5)
        By group; channel k begins at bit 2k, its most significant bit is first in time.
    elink_active : Out(8).array(5)
        By group, for each pair of bits: an e-link that is on drives it.
    elink_valid : Out(1)
        The e-link outputs hold bits of a frame; else ones (EC) and zeros.
    elink_in : In(16).array(5)
    edge : In(24).array(7)
        Where the bits of the e-link inputs begin, 0 to 7 eighths of a bit, 3 bits a channel. For simulation only.
    ec_edge : In(3)
        The same of EC.
    pll_lost : In(3)
        With `strobe`: xPLL, RX ePLL, TX ePLL has lost its lock. For simulation only.
    shifted_clock : Out(SHIFTED_CLOCK).array(8)
    elink_clocks : Out(ELINK_CLOCKS).array(5)
    state : Out(5)
        Code of the power-up state.
    ready : Out(1)
        The power-up sequence has come to its end.
    receives, transmits : Out(1)
        Down- and uplink are in use.
    executed : Out(1)
        One clock: a request of the IC channel has been executed.
    upset_register, upset_bits : In(9), In(8)
        Fault port of the registers, for simulation only.
    """

    def __init__(
        self,
        fuses: Mapping[int, int] | None = None,
        times: Times | None = None,
        decoder: Decoder = Decoder.TEXTBOOK,
    ) -> None:
        self.fuses, self.times, self.decoder = dict(fuses or {}), times, decoder
        super().__init__(
            {
                "strobe": In(1),
                "downlink": In(FRAME_BITS),
                "uplink": Out(FRAME_BITS),
                "uplink_strobe": Out(1),
                "address": In(7),
                "serial_number": In(16),
                "scl": In(1, init=1),
                "sda": In(1, init=1),
                "sda_low": Out(1),
                "ec_out": Out(2, init=3),
                "ec_in": In(2, init=3),
                "elink_out": Out(E_GROUP_BITS).array(E_GROUPS),
                "elink_active": Out(CHANNELS).array(E_GROUPS),
                "elink_valid": Out(1),
                "elink_in": In(E_GROUP_BITS).array(E_GROUPS),
                "edge": In(EDGE_BITS * CHANNELS).array(INPUT_GROUPS),
                "ec_edge": In(EDGE_BITS),
                "pll_lost": In(len(PLLS)),
                "shifted_clock": Out(SHIFTED_CLOCK).array(PHASE_SHIFTER_CLOCKS),
                "elink_clocks": Out(ELINK_CLOCKS).array(E_GROUPS),
                "state": Out(5),
                "ready": Out(1),
                "receives": Out(1),
                "transmits": Out(1),
                "executed": Out(1),
                "upset_register": In(9),
                "upset_bits": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.registers = self._registers = RegisterFile(self.fuses)
        m.submodules.power_up = self._power_up = PowerUp(self.times)
        m.d.comb += [
            self._registers.upset_register.eq(self.upset_register),
            self._registers.upset_bits.eq(self.upset_bits),
            self._registers.load_fuses.eq(self._power_up.load_fuses),
            self.state.eq(self._power_up.code),
            self.ready.eq(self.state == State.IDLE),
            self.transmits.eq(self._passed(State.WAIT_SER_LOCK)),
        ]
        tick, delivered, receiver, lock = self._receive(m)
        slave = self._access(m, delivered, receiver.payload)
        self._run_power_up(m, tick, lock.locked, slave.writing)
        self._count(m, tick, delivered & receiver.error)
        self._outputs(m, tick, delivered, receiver.payload)
        self._transmit(m, tick, slave, self._inputs(m, slave.writing))
        self._clocks(m)
        return m

    def _passed(self, wait: State) -> Value:
        return passed(self._power_up.place, wait)

    def _show(self, m: Module, register: int, content: Value) -> None:
        """Let a read-only register show something."""
        m.d.comb += self._registers.status[register - WRITABLE_REGISTERS].eq(content)

    def _receive(self, m: Module) -> tuple[Signal, Signal, GbtReceiver, HeaderLock]:
        """Decode; in the clock `tick` after the strobe everything about the frame is known."""
        m.submodules.receiver = receiver = GbtReceiver(decoder=self.decoder)
        m.submodules.lock = lock = HeaderLock()
        tick, delivered = Signal(), Signal()
        m.d.comb += [
            receiver.strobe.eq(self.strobe),
            receiver.frame.eq(self.downlink),
            lock.check.eq(self.strobe),
            lock.good.eq(is_header(self.downlink[-4:])),
            tick.eq(receiver.valid),
            self.receives.eq(lock.locked & passed(self._power_up.remaining, State.WAIT_DES_LOCK)),
            delivered.eq(lock.strobe & self.receives),
        ]
        return tick, delivered, receiver, lock

    def _access(self, m: Module, delivered: Signal, payload: Signal) -> IcSlave:
        """The two ways to the registers; I2C goes first, since it cannot wait."""
        registers = self._registers
        m.submodules.ic = slave = IcSlave()
        m.submodules.i2c = i2c = I2cAccess()
        m.d.comb += [
            slave.rx_strobe.eq(delivered),
            slave.rx.eq(payload[IC_FIELD]),
            slave.address.eq(self.address),
            slave.wait.eq(i2c.read | i2c.write),
            slave.read_data.eq(registers.read_data),
            self.executed.eq(slave.executed),
            i2c.scl.eq(self.scl),
            i2c.sda.eq(self.sda),
            self.sda_low.eq(i2c.sda_low),
            i2c.address.eq(self.address),
            i2c.read_data.eq(registers.read_data),
            registers.read_address.eq(Mux(i2c.read, i2c.register, slave.register)),
            registers.write.eq(slave.write | i2c.write),
            registers.write_address.eq(Mux(i2c.write, i2c.register, slave.register)),
            registers.write_data.eq(Mux(i2c.write, i2c.write_data, slave.write_data)),
        ]
        self._show(m, 367, self.serial_number[:8])
        self._show(m, 368, self.serial_number[8:])
        return slave

    def _run_power_up(self, m: Module, tick: Signal, downlink: Signal, writing: Signal) -> None:
        """Tell the power-up sequence what it goes by."""
        value, power_up, registers = self._registers.value, self._power_up, self._registers
        dlls_held = Cat(
            value(f"paEnableGroup{group}").any() & value(f"paDllResetGroup{group}")
            for group in range(INPUT_GROUPS)
        ).any()
        allowed = {
            State.WAIT_DES_LOCK: ~(value("i2cRxReset").any() | value("i2cResetRx")),
            State.WAIT_RX_EPLL_LOCK: ~value("ePllRxReset"),
            State.WAIT_SER_LOCK: ~value("i2cTxReset"),
            State.WAIT_TX_EPLL_LOCK: ~value("ePllTxReset"),
            State.WAIT_DLL_LOCK: ~dlls_held,
            # With the PLL of the phase shifter off there is nothing to wait for (assumed).
            State.WAIT_PS_PLL_LOCK: ~value("PSpllEnable") | value("resetPLLBar"),
        }
        live = Cat(
            *(allowed.get(wait, Const(1, 1)) for wait in WAITS),
            value("configDone") == RESTART_CODE,
            value("timeOutEnable"),
            value("enableWatchdogFSM"),
            value("stateForced"),
        )
        # While a write goes on the registers are between two states: what they said before it counts.
        settled, shown = Signal(len(live)), Signal(len(live))
        with m.If(~writing):
            m.d.sync += settled.eq(live)
        m.d.comb += [
            shown.eq(Mux(writing, settled, live)),
            Cat(
                power_up.healthy, power_up.configured, power_up.time_outs, power_up.watchdog, power_up.forced
            ).eq(shown),
            # Without frames there is nothing that the receiver could lock to.
            power_up.healthy[WAITS.index(State.WAIT_DES_LOCK)].eq(
                shown[WAITS.index(State.WAIT_DES_LOCK)] & downlink
            ),
        ]
        pll_lost, before = Signal(len(PLLS)), Signal()
        with m.If(self.strobe):
            m.d.sync += pll_lost.eq(self.pll_lost)
        with m.If(tick):
            m.d.sync += before.eq(downlink)
        lost = dict(zip(PLLS, pll_lost, strict=True)) | {State.WAIT_DES_LOCK: before & ~downlink}
        asked = (registers.write_address == CONFIG_DONE) & (registers.write_data == RESTART_CODE)
        m.d.comb += [
            power_up.tick.eq(tick),
            power_up.lost.eq(Cat(lost[wait] & tick for wait in LOSSES)),
            power_up.restart.eq(registers.write & asked),
        ]
        self._show(m, 390, self._passed(State.WAIT_DLL_LOCK).replicate(8))
        rx_locked, tx_locked = self._passed(State.WAIT_RX_EPLL_LOCK), self._passed(State.WAIT_TX_EPLL_LOCK)
        self._show(m, 427, Cat(rx_locked, Const(0, 1), tx_locked))
        self._show(m, 431, self.state << 2)

    def _count(self, m: Module, tick: Signal, corrected: Value) -> None:
        """Counters of losses of lock and of frames corrected; they stop at 255."""
        lost = {wait: self._power_up.counted[LOSSES.index(wait)] for wait in LOSSES}
        counted = {
            432: lost[State.WAIT_XPLL_LOCK] + lost[State.WAIT_DES_LOCK],
            433: lost[State.WAIT_TX_EPLL_LOCK],
            434: lost[State.WAIT_RX_EPLL_LOCK],
            435: corrected,
        }
        for register, events in counted.items():
            counter, total = Signal(8, name=f"counter_{register}"), Signal(9, name=f"total_{register}")
            m.d.comb += total.eq(counter + events)
            with m.If(tick):
                m.d.sync += counter.eq(Mux(total > COUNTER_MAX, COUNTER_MAX, total))
            self._show(m, register, counter)

    def _outputs(self, m: Module, tick: Signal, delivered: Signal, payload: Signal) -> None:
        """E-link outputs; EC has no switch of its own in the register table."""
        value = self._registers.value
        data = Signal(E_GROUPS * E_GROUP_BITS)
        with m.If(tick):
            m.d.sync += [
                self.elink_valid.eq(delivered),
                self.ec_out.eq(Mux(delivered, payload[EC_FIELD], 0b11)),
                data.eq(Mux(delivered, payload[: len(data)], 0)),
            ]
        for group in range(E_GROUPS):
            m.submodules[f"output_{group}"] = output = OutputGroup()
            m.d.comb += [
                output.rate.eq(value(f"modeGroup{group}")),
                output.enable.eq(value(f"dataPortEnable{group}")),
                output.data.eq(data.word_select(group, E_GROUP_BITS)),
                self.elink_out[group].eq(output.link),
                self.elink_active[group].eq(output.active),
            ]

    def _inputs(self, m: Module, writing: Signal) -> tuple[Signal, Signal]:
        """E-link inputs: for each pair of bits of the payload whether it is right, and the same of EC."""
        value = self._registers.value
        right = Signal(E_GROUPS * CHANNELS)
        for group in range(INPUT_GROUPS):
            m.submodules[f"input_{group}"] = aligner = PhaseAligner()
            phases = [value(f"paPhaseSelectGroup{group}Channel{k}") for k in range(CHANNELS)]
            self._align(m, aligner, f"Group{group}", Cat(phases), self.edge[group], writing)
            if group < E_GROUPS:
                usable = aligner.right & value(f"paEnableGroup{group}")
                m.d.comb += right.word_select(group, CHANNELS).eq(
                    channels_open(value(f"paDataRateGroup{group}"), usable)
                )
            self._show(m, 391 + group, aligner.locked)
            for quarter in range(4):
                # The pairs of channels stand in descending order.
                self._show(m, 399 + 4 * group + quarter, aligner.phase.word_select(3 - quarter, 8))
        m.submodules.input_ec = ec = PhaseAligner(1)
        self._align(m, ec, "EC", value("paPhaseSelectEC"), self.ec_edge, writing)
        self._show(m, 398, ec.phase)
        ec_right = Signal()
        m.d.comb += ec_right.eq(ec.right & value("paEnableEC"))
        return right, ec_right

    def _align(
        self, m: Module, aligner: PhaseAligner, name: str, selected: Value, edge: Value, writing: Signal
    ) -> None:
        value = self._registers.value
        m.d.comb += [
            aligner.mode.eq(value("paMode")),
            aligner.enable.eq(value(f"paEnable{name}")),
            aligner.reset.eq(value(f"paReset{name}")),
            aligner.train.eq(value(f"paTrain{name}")),
            aligner.dll_locked.eq(self._passed(State.WAIT_DLL_LOCK)),
            aligner.hold.eq(writing),
            aligner.selected.eq(selected),
            aligner.edge.eq(edge),
        ]

    def _transmit(self, m: Module, tick: Signal, slave: IcSlave, right: tuple[Signal, Signal]) -> None:
        """Send a frame in the clock after the tick; inputs that are not right bring ones."""
        m.submodules.transmitter = transmitter = GbtTransmitter()
        groups_right, ec_right = right
        send, sent = Signal(), Signal()
        m.d.sync += [send.eq(tick), self.uplink_strobe.eq(send)]
        with m.If(send):
            m.d.sync += sent.eq(self.transmits)
        m.d.comb += [
            transmitter.strobe.eq(send & self.transmits),
            # The IC channel goes on while the chip does not send: a reply is lost then, and does not block the next.
            slave.tx_strobe.eq(send),
            transmitter.is_data.eq(1),
            transmitter.payload[: E_GROUPS * E_GROUP_BITS].eq(Cat(*self.elink_in) | ~pairs(groups_right)),
            transmitter.payload[EC_FIELD].eq(self.ec_in | ~ec_right.replicate(2)),
            transmitter.payload[IC_FIELD].eq(slave.tx),
            self.uplink.eq(Mux(sent, transmitter.frame, 0)),
        ]

    def _clocks(self, m: Module) -> None:
        m.submodules.clocks = clocks = ClockManager(self._registers)
        for shifted, setting in zip(self.shifted_clock, clocks.shifted, strict=True):
            m.d.comb += shifted.eq(setting)
        for mine, setting in zip(self.elink_clocks, clocks.elink, strict=True):
            m.d.comb += mine.eq(setting)
        running = Cat(setting.running for setting in clocks.shifted)
        self._show(m, 428, Mux(self._passed(State.WAIT_PS_DLL_LOCK), running, 0))
