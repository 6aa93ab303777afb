"""The GBTx as a whole: registers, power-up, clocks, e-ports, counters, and the two ways to its registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ltdb.gbt.ic import IcSlave
from ltdb.gbtx import clocks
from ltdb.gbtx.configuration import REGISTERS, WRITABLE_REGISTERS
from ltdb.gbtx.eports import CHANNELS, INPUT_GROUPS, InputChannel, PhaseMode
from ltdb.gbtx.power_up import RESTART_CODE, PowerUp, State
from ltdb.gbtx.table import register_map
from ltdb.i2c import RegisterDevice

CONFIG_DONE = 365
PA_MODE = 62
GROUP_0 = 63
GROUP_STRIDE = 24
"""Registers of e-port input group n: from 63 + 24 n on."""
ALL_REGISTERS = range(WRITABLE_REGISTERS)
COUNTER_MAX = 255
"""The 8-bit counters stop there (assumed: no source says whether they wrap)."""


class Gbtx(RegisterDevice):
    """One chip; as `RegisterDevice` it is its own I2C slave, register address of two bytes, low byte first.

    Parameters
    ----------
    address
        7-bit address, on I2C and in the IC channel.
    fuses
        Registers that the fuses set in the power-up state "update", by register; none by default.
    serial_number
        16 bits, registers 367 and 368.
    """

    def __init__(self, address: int, fuses: Mapping[int, int] | None = None, serial_number: int = 0) -> None:
        super().__init__(address, REGISTERS, pointer_bytes=2)
        self.fuses = dict(fuses or {})
        self.serial_number = serial_number
        self.downlink = False
        """Whether valid GBT frames arrive at the receiver: set by the link."""
        self.inputs = [[InputChannel() for _ in range(CHANNELS)] for _ in range(INPUT_GROUPS)]
        self.ec_input = InputChannel()
        self.reference_pll_losses = 0
        self.tx_epll_losses = 0
        self.rx_epll_losses = 0
        self.fec_corrections = 0
        self.ic = IcSlave(lambda: self.address, self.read_registers, self.write_registers)
        self.writes = 0
        """Writes that have changed, or could have changed, a register since construction."""
        self._values: dict[str, int] = {}
        self._dlls_were_locked = False
        self._settled = False
        """Nothing has changed since time last passed, and nothing follows an input."""
        self.power_up = PowerUp(
            healthy={
                State.WAIT_XPLL_LOCK: lambda: True,
                State.WAIT_DES_LOCK: self._deserializer_can_lock,
                State.WAIT_RX_EPLL_LOCK: lambda: not self.value("ePllRxReset"),
                State.WAIT_SER_LOCK: lambda: not self.value("i2cTxReset"),
                State.WAIT_TX_EPLL_LOCK: lambda: not self.value("ePllTxReset"),
                State.WAIT_DLL_LOCK: self._dlls_can_lock,
                State.WAIT_PS_PLL_LOCK: self._phase_shifter_can_lock,
                State.WAIT_PS_DLL_LOCK: lambda: True,
            },
            update=self._load_fuses,
            configured=lambda: self.contents[CONFIG_DONE] == RESTART_CODE,
            time_outs=lambda: bool(self.value("timeOutEnable")),
            watchdog=lambda: bool(self.value("enableWatchdogFSM")),
        )

    # Registers

    def value(self, name: str) -> int:
        """Read a named value of the register table as the chip takes it: by majority of its copies."""
        found = self._values.get(name)
        if found is None:
            entry = register_map().value(name)
            found = entry.read({address: self.read_register(address) for address in entry.addresses})
            if all(address < WRITABLE_REGISTERS for address in entry.addresses):
                self._values[name] = found
        return found

    def value_name(self, name: str) -> str:
        """Read a named value and give the name of what it is set to; empty for a code that has none."""
        number = self.value(name)
        for word, code in register_map().value(name).encoding.items():
            if code == number:
                return word
        return ""

    def set_value(self, name: str, value: int | str) -> None:
        """Write a named value into all its copies (as a user of the registers would have to)."""
        entry = register_map().value(name)
        contents = {address: self.contents[address] for address in entry.addresses}
        entry.write(contents, value)
        for address, content in contents.items():
            self.write_register(address, content)

    def read_registers(self, start: int, count: int) -> bytes:
        """Read registers from `start` on; 0 beyond the last (assumed)."""
        return bytes(self.read_register(register) for register in range(start, start + count))

    def write_registers(self, start: int, data: Sequence[int]) -> None:
        """Write registers from `start` on; read-only ones and what lies behind keep what they hold."""
        stop = min(start + len(data), WRITABLE_REGISTERS)
        if start >= stop:
            return
        self.contents[start:stop] = bytes(data[: stop - start])
        self._values.clear()
        self._settled = False
        self.writes += 1
        self._follow_registers(range(start, stop))
        restarted = start <= CONFIG_DONE < stop and self.contents[CONFIG_DONE] == RESTART_CODE
        if restarted and self.power_up.state is not State.PAUSE_FOR_CONFIG:
            self.power_up.restart()

    def write_register(self, register: int, value: int) -> bool:
        """Write one register; always acknowledged."""
        self.write_registers(register, bytes([value]))
        return True

    def read_register(self, register: int) -> int:
        """Read one register; those from 366 on show the state of the chip."""
        if register < WRITABLE_REGISTERS:
            return self.contents[register]
        return self._status(register)

    def _status(self, register: int) -> int:
        match register:
            case 367:
                return self.serial_number & 0xFF
            case 368:
                return self.serial_number >> 8
            case 390:
                return 0xFF if self._passed(State.WAIT_DLL_LOCK) else 0
            case _ if 391 <= register < 391 + INPUT_GROUPS:
                group = self.inputs[register - 391]
                return sum(1 << k for k, channel in enumerate(group) if channel.locked)
            case 398:
                return self.ec_input.phase(self.value_name("paMode"), self.value("paPhaseSelectEC"))
            case _ if 399 <= register < 399 + 4 * INPUT_GROUPS:
                group_index, quarter = divmod(register - 399, 4)
                low = 2 * (3 - quarter)
                return self.input_phase(group_index, low) | self.input_phase(group_index, low + 1) << 4
            case 427:
                receiver, transmitter = State.WAIT_RX_EPLL_LOCK, State.WAIT_TX_EPLL_LOCK
                return int(self._passed(receiver)) | int(self._passed(transmitter)) << 2
            case 428:
                if not self._passed(State.WAIT_PS_DLL_LOCK):
                    return 0
                return sum(1 << k for k in range(clocks.PHASE_SHIFTER_CLOCKS) if self.clock(k).running)
            case 431:
                return int(self.power_up.state) << 2
            case 432:
                return self.reference_pll_losses
            case 433:
                return self.tx_epll_losses
            case 434:
                return self.rx_epll_losses
            case 435:
                return self.fec_corrections
        return 0

    # Time and what happens to the chip

    def reset(self) -> None:
        """Power-on reset: registers and counters cleared, fuses loaded again on the way up."""
        self.contents[:] = bytes(REGISTERS)
        self._values.clear()
        self.writes += 1
        self._settled = False
        self.reference_pll_losses = self.tx_epll_losses = self.rx_epll_losses = self.fec_corrections = 0
        self.power_up.reset()
        self._follow_registers()

    def advance(self, ticks: int) -> None:
        """Let `ticks` bunch crossings (25 ns) pass."""
        if self._settled and self.power_up.state is State.IDLE:
            return
        forced = self.value("stateForced")
        self.power_up.forced = State(forced) if forced in list(State) and forced else None
        self.power_up.advance(ticks)
        tracking = self.value_name("paMode") == PhaseMode.AUTO
        if tracking or self._passed(State.WAIT_DLL_LOCK) != self._dlls_were_locked:
            self._follow_registers()
        self._settled = not tracking and not self.power_up.restarting

    def count_corrections(self, frames: int) -> None:
        """Take note of frames that the Reed-Solomon decoder corrected."""
        self.fec_corrections = min(COUNTER_MAX, self.fec_corrections + frames)

    def lose_lock(self, wait: State) -> None:
        """Let a PLL lose its lock: it is counted, and with the watchdog enabled its block starts again."""
        match wait:
            case State.WAIT_XPLL_LOCK | State.WAIT_DES_LOCK:
                self.reference_pll_losses = min(COUNTER_MAX, self.reference_pll_losses + 1)
            case State.WAIT_TX_EPLL_LOCK:
                self.tx_epll_losses = min(COUNTER_MAX, self.tx_epll_losses + 1)
            case State.WAIT_RX_EPLL_LOCK:
                self.rx_epll_losses = min(COUNTER_MAX, self.rx_epll_losses + 1)
        if self.value("enableWatchdogFSM") and self.power_up.has_passed(wait):
            self.power_up.restart_block(wait)

    def set_downlink(self, present: bool) -> None:
        """Say whether valid frames arrive; the loss of the receiver's lock is counted."""
        lost = self.downlink and not present
        self._settled &= self.downlink == present
        self.downlink = present
        if lost and self.power_up.has_passed(State.WAIT_DES_LOCK):
            self.lose_lock(State.WAIT_DES_LOCK)

    @property
    def ready(self) -> bool:
        """Idle: locked and running."""
        return self.power_up.state is State.IDLE

    @property
    def receives(self) -> bool:
        """Whether the downlink is decoded, so that IC and e-links from the back end work."""
        return self.downlink and self._passed(State.WAIT_DES_LOCK)

    @property
    def transmits(self) -> bool:
        """Whether the uplink carries frames."""
        return self._passed(State.WAIT_SER_LOCK)

    # Clocks and e-ports

    def clock(self, channel: int) -> clocks.ClockSetting:
        """One of the eight phase-shifter clocks."""
        return clocks.phase_shifter_clock(self.value, channel)

    def elink_clock(self, group: int, channel: int) -> clocks.ClockSetting:
        """One of the 40 e-link clocks."""
        return clocks.elink_clock(self.value, group, channel)

    def input_enabled(self, group: int, channel: int) -> bool:
        """Whether an e-port input is enabled and its group has a rate."""
        return bool(
            self.value(f"paEnableGroup{group}") >> channel & 1 and self.value(f"paDataRateGroup{group}")
        )

    def output_enabled(self, group: int, channel: int) -> bool:
        """Whether an e-port output is enabled and its group has a rate."""
        enabled = self.value(f"dataPortEnable{group}") >> channel & 1
        return bool(enabled) and self.value_name(f"modeGroup{group}") not in ("", "off")

    def input_phase(self, group: int, channel: int) -> int:
        """Phase code at which an e-port input is sampled."""
        selected = self.value(f"paPhaseSelectGroup{group}Channel{channel}")
        return self.inputs[group][channel].phase(self.value_name("paMode"), selected)

    def samples_right(self, group: int, channel: int) -> bool:
        """Whether an e-port input delivers what is on its pin."""
        channel_state = self.inputs[group][channel]
        return (
            self.input_enabled(group, channel)
            and channel_state.locked
            and channel_state.samples_right(self.input_phase(group, channel))
        )

    def ec_samples_right(self) -> bool:
        """Whether the EC port delivers what is on its pin."""
        phase = self.ec_input.phase(self.value_name("paMode"), self.value("paPhaseSelectEC"))
        return bool(self.value("paEnableEC")) and self.ec_input.locked and self.ec_input.samples_right(phase)

    def _follow_registers(self, written: range = ALL_REGISTERS) -> None:
        """Let the phase aligners act on what the registers say now."""
        mode, locked = self.value_name("paMode"), self._passed(State.WAIT_DLL_LOCK)
        self._dlls_were_locked = locked
        for group, channels in enumerate(self.inputs):
            first = GROUP_0 + GROUP_STRIDE * group
            if PA_MODE not in written and (written.stop <= first or first + GROUP_STRIDE <= written.start):
                continue
            enable, reset = self.value(f"paEnableGroup{group}"), self.value(f"paResetGroup{group}")
            train = self.value(f"paTrainGroup{group}")
            for k, channel in enumerate(channels):
                channel.update(
                    mode, bool(enable >> k & 1), bool(reset >> k & 1), bool(train >> k & 1), locked
                )
        self.ec_input.update(
            mode,
            bool(self.value("paEnableEC")),
            bool(self.value("paResetEC")),
            bool(self.value("paTrainEC")),
            locked,
        )

    def _load_fuses(self) -> None:
        self.writes += 1
        for register, value in self.fuses.items():
            self.contents[register] = value
        self._values.clear()

    def _passed(self, wait: State) -> bool:
        return self.power_up.has_passed(wait)

    def _deserializer_can_lock(self) -> bool:
        return self.downlink and not self.value("i2cRxReset") and not self.value("i2cResetRx")

    def _dlls_can_lock(self) -> bool:
        used = [g for g in range(INPUT_GROUPS) if self.value(f"paEnableGroup{g}")]
        return not any(self.value(f"paDllResetGroup{group}") for group in used)

    def _phase_shifter_can_lock(self) -> bool:
        # With the PLL of the phase shifter off there is nothing to wait for (assumed).
        return not self.value("PSpllEnable") or bool(self.value("resetPLLBar"))
