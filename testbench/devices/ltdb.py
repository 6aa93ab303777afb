"""Handle of the whole board: every chip of the netlist by its name, over one session."""

from __future__ import annotations

from ltdb.board import Board, BusChip, load_board
from ltdb.errors import InputError
from ltdb.registers import load_registers
from ltdb.sca.commands import i2c_channel
from testbench.devices.gbtx import Gbtx
from testbench.devices.i2c import PointerRegisters, ScaI2c
from testbench.devices.locx2 import Locx2
from testbench.devices.registers import Registers
from testbench.devices.sca import Sca
from testbench.transport import Session


class Ltdb:
    """One board.

    Parameters
    ----------
    session
        Conversation with it.
    board
        Its netlist; the one that ships by default.
    i2c_speed_hz
        Speed of all SCA I2C masters.
    """

    def __init__(self, session: Session, board: Board | None = None, i2c_speed_hz: int = 1_000_000) -> None:
        self.session = session
        self.board = board or load_board()
        self._speed_hz = i2c_speed_hz
        links = {chip.name: chip.link for chip in self.board.gbtx.values()}
        self.gbtx = {chip.name: Gbtx(session, chip.link) for chip in self.board.links}
        self.sca = {chip.name: Sca(session, links[chip.primary.gbtx]) for chip in self.board.sca.values()}
        self.locx2 = {
            chip.name: Locx2(self._path(chip), chip.address, chip.name) for chip in self.board.locx2.values()
        }
        self.adc = {name: self._mapped(chip, "adc") for name, chip in self.board.adc.items()}
        self.mtx = {name: self._mapped(chip, "mtx") for name, chip in self.board.mtx.items()}

    def _path(self, chip: BusChip) -> ScaI2c:
        return self.sca[chip.i2c.sca].i2c(chip.i2c.master, self._speed_hz)

    def _mapped(self, chip: BusChip, kind: str) -> Registers:
        return Registers(chip.name, load_registers(kind), PointerRegisters(self._path(chip), chip.address))

    def channels_used(self, sca: str) -> list[int]:
        """Numbers of the SCA's I2C channels that have a chip on them."""
        return sorted(
            {i2c_channel(chip.i2c.master) for chip in self.board.bus_chips() if chip.i2c.sca == sca}
        )

    def registers(self, name: str) -> Registers:
        """Registers of any chip by its name in the netlist, or InputError."""
        for table in (self.gbtx, self.locx2, self.adc, self.mtx):
            if name in table:
                return table[name]
        raise InputError("chip with registers", repr(name), "a GBTx, LOCx2, ADC or MTx of the netlist")
