"""The whole board as one model: five GBT links in, and every chip behind them, wired as the netlist says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ltdb.board import Board, Bus, load_board
from ltdb.board_links import BoardLink
from ltdb.control_assumptions import CONTROL_ASSUMPTIONS
from ltdb.errors import InputError
from ltdb.gbt.frame import FRAME_BYTES
from ltdb.gbt.reed_solomon import Decoder
from ltdb.gbtx import Gbtx
from ltdb.gbtx.minimal import MINIMAL_CONFIGURATION
from ltdb.i2c import I2cBus
from ltdb.i2c_chips import MappedDevice, OpticalTransmitter, QuadAdc, ResetLine
from ltdb.locx2_registers import Locx2Registers
from ltdb.provenance import Provenance
from ltdb.sca import Sca
from ltdb.sca.analog import AnalogInput
from ltdb.sca.commands import I2C_MASTERS

UInt8Array = npt.NDArray[np.uint8]
PT1000_OHMS = 1000.0
PT1000_OHMS_PER_KELVIN = 3.85


class BoardModel:
    """A board that is powered and has nobody talking to it yet.

    Time passes only in `exchange` and `advance`, in bunch crossings. A call of `exchange` is a block of
    time: the uplink it returns is that of the block after its downlink, so that it can hold the answers.

    Parameters
    ----------
    board
        The netlist; the one that ships by default.
    fuses
        What the fuses of every GBTx set; with none the links stay down until somebody configures over I2C.
    strict_sca
        Whether SCA e-ports must be initialised before they take data.
    decoder
        Error correction of the GBTx receivers; whether the ASIC has the defect of GBT-FPGA is not public.
    """

    def __init__(
        self,
        board: Board | None = None,
        *,
        fuses: Mapping[int, int] = MINIMAL_CONFIGURATION,
        strict_sca: bool = False,
        decoder: Decoder = Decoder.TEXTBOOK,
    ) -> None:
        self.board = board or load_board()
        self.now = 0
        """Bunch crossings since power-on."""
        self.gbtx = {
            chip.name: Gbtx(chip.address, fuses, serial_number=0x1000 + chip.link)
            for chip in self.board.gbtx.values()
        }
        self.adc = {chip.name: QuadAdc(chip.address) for chip in self.board.adc.values()}
        self.mtx = {chip.name: OpticalTransmitter(chip.address) for chip in self.board.mtx.values()}
        base = Locx2Registers().address
        self.locx2 = {name: self._locx2(name, base) for name in self.board.locx2}
        self.reset_lines = {name: ResetLine(chip, chip.reset) for name, chip in self.adc.items()}
        self.reset_lines |= {name: ResetLine(chip, chip.reset) for name, chip in self.locx2.items()}
        self.reset_lines |= {name: ResetLine(chip, chip.reset) for name, chip in self.mtx.items()}
        self.buses = {Bus(sca, master): I2cBus() for sca in self.board.sca for master in range(I2C_MASTERS)}
        for chip in self.board.bus_chips():
            device = self.reset_lines.get(chip.name) or self.gbtx[chip.name]
            self.buses[chip.i2c].devices.append(device)
        self.sca = {
            name: Sca(
                [self.buses[Bus(name, m)] for m in range(I2C_MASTERS)], chip_id=0x100 + n, strict=strict_sca
            )
            for n, name in enumerate(self.board.sca)
        }
        self.links = [BoardLink(self.gbtx[chip.name], self.board.aux, decoder) for chip in self.board.links]
        self._names = [chip.name for chip in self.board.links]
        self._seen_gpio: dict[str, tuple[int, int]] = {}
        self._seen_clocks: dict[str, tuple[bool, int]] = {}
        for name, channel in self.board.monitor.items():
            self.set_monitor(name, channel.nominal)
        for line in self.board.gpio.values():
            # Power is good, and what nobody drives is pulled up (assumed).
            self.sca[line.sca].gpio.external |= 1 << line.line
        for sca in self.sca.values():
            sca.drive_gpio(sca.gpio.external)
        self._follow()

    def _locx2(self, name: str, base: int) -> Locx2Registers:
        address = self.board.locx2[name].address
        try:
            return Locx2Registers(address - base)
        except InputError as error:
            allowed = f"what its address pins can make, from {base:#x} on"
            raise InputError(f"address of {name}", hex(address), allowed) from error

    @property
    def assumptions(self) -> tuple[Provenance, ...]:
        """What this model rests on beyond what is published: the netlist's, and those of the chips."""
        return (*self.board.assumptions, *CONTROL_ASSUMPTIONS)

    def set_monitor(self, name: str, value: float) -> None:
        """Let a monitored quantity have a value: volts on the board, or degrees Celsius at a PT1000."""
        channel = self.board.monitor[name]
        if channel.kind == "pt1000":
            source = AnalogInput(ohms=PT1000_OHMS + PT1000_OHMS_PER_KELVIN * value)
        else:
            source = AnalogInput(volts=value / channel.factor)
        self.sca[channel.sca].connect_analog(channel.pad, source)

    def exchange(self, downlink: Mapping[int, UInt8Array]) -> dict[int, UInt8Array]:
        """Send frames down some links and take as many up, while time passes for the whole board.

        Parameters
        ----------
        downlink
            By link: frames (n, 15) uint8, the same n for all. Links not named keep what they had,
            undisturbed.

        Returns
        -------
        dict
            By link: frames (n, 15) uint8; all zero while a GBTx does not send.
        """
        counts = {len(frames) for frames in downlink.values()}
        if len(counts) != 1:
            raise InputError(
                "downlink", f"{sorted(counts)} frames", "the same number on each link, at least one link"
            )
        for link, frames in downlink.items():
            if not 0 <= link < len(self.links):
                raise InputError("GBT link", link, f"0 to {len(self.links) - 1}")
            if frames.dtype != np.uint8 or frames.shape[1:] != (FRAME_BYTES,):
                raise InputError("downlink", f"{frames.shape} {frames.dtype}", f"(n, {FRAME_BYTES}) uint8")
        count = counts.pop()
        for link, frames in downlink.items():
            arrived = self.links[link].receive(frames)
            self._to_sca(link, "ec", arrived.ec)
            self._to_sca(link, "aux", arrived.aux)
        self.advance(count)
        return {link: self.links[link].transmit(count) for link in downlink}

    def advance(self, bunch_crossings: int) -> None:
        """Let time pass with nothing new on any link."""
        self.now += bunch_crossings
        for gbtx in self.gbtx.values():
            gbtx.advance(bunch_crossings)
        for name, sca in self.sca.items():
            sca.advance(bunch_crossings)
            self._from_sca(name, sca)
        self._follow()

    def next_due(self) -> int | None:
        """Bunch crossings until an SCA will have something to say; None if none of them is at work."""
        times = [sca.next_due for sca in self.sca.values() if sca.next_due is not None]
        return min(times) - self.now if times else None

    def _to_sca(self, link: int, kind: str, contents: list[bytes]) -> None:
        place = self.board.port_of(self._names[link], kind) if contents else None
        if place is not None:
            chip, port = place
            for content in contents:
                self.sca[chip.name].receive(port, content)

    def _from_sca(self, name: str, sca: Sca) -> None:
        for port, content in sca.outgoing():
            chip = self.board.sca[name]
            elink = (chip.primary, chip.auxiliary)[port]
            self.links[self._names.index(elink.gbtx)].to_back_end[elink.kind].send(content)

    def _follow(self) -> None:
        """Let reset lines and clocks act where something about them has changed."""
        for name, sca in self.sca.items():
            state = (sca.gpio.values["DIRECTION"], sca.gpio.values["DATAOUT"])
            if self._seen_gpio.get(name) != state:
                self._seen_gpio[name] = state
                self._drive_resets(name, sca)
                # A chip that was reset has forgotten that its clock runs.
                self._seen_clocks.clear()
        for name, gbtx in self.gbtx.items():
            clocks = (gbtx.ready, gbtx.writes)
            if self._seen_clocks.get(name) != clocks:
                self._seen_clocks[name] = clocks
                self._drive_clocks(name, gbtx)

    def _drive_resets(self, name: str, sca: Sca) -> None:
        for line in self.board.gpio.values():
            if line.sca == name:
                held = not sca.gpio.pads >> line.line & 1
                for chip in line.resets:
                    self.reset_lines[chip].hold(held)

    def _drive_clocks(self, name: str, gbtx: Gbtx) -> None:
        running = [gbtx.ready and gbtx.clock(channel).running for channel in range(8)]
        for adc in self.board.adc.values():
            if adc.clock.gbtx == name:
                self.adc[adc.name].report("status.clock_present", int(running[adc.clock.channel]))
        for locx2 in self.board.locx2.values():
            if locx2.clock.gbtx == name:
                self.locx2[locx2.name].report(status_locked=int(running[locx2.clock.channel]))

    def chip(self, name: str) -> Gbtx | Sca | MappedDevice | Locx2Registers:
        """Return the model of a chip by its name in the netlist, or raise InputError."""
        tables: tuple[Mapping[str, Gbtx | Sca | MappedDevice | Locx2Registers], ...] = (
            self.gbtx,
            self.sca,
            self.adc,
            self.locx2,
            self.mtx,
        )
        for table in tables:
            if name in table:
                return table[name]
        raise InputError("chip", repr(name), "a name in the netlist")
