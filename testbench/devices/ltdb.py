"""Handle of the whole board: every chip of the netlist by its name, over one session."""

from __future__ import annotations

from collections.abc import Mapping

from ltdb.board import Board, BusChip, ScaChip, load_board
from ltdb.errors import InputError
from ltdb.sca.commands import i2c_channel
from testbench.devices.adc import Adc
from testbench.devices.fibre import Fibre
from testbench.devices.gbtx import Gbtx
from testbench.devices.i2c import ScaI2c
from testbench.devices.locx2 import Locx2
from testbench.devices.mtx import Mtx
from testbench.devices.registers import Registers
from testbench.devices.sca import Sca
from testbench.devices.sca_port import ScaPort, ScaRoute
from testbench.transactions import BunchCounterReset, Counters, ReadCounters, Reset
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
        self.gbtx = {chip.name: Gbtx(session, chip.link) for chip in self.board.links}
        self.sca = {name: Sca(session, self._port(chip)) for name, chip in self.board.sca.items()}
        self.locx2 = {n: Locx2(self._path(c), c.address, n) for n, c in self.board.locx2.items()}
        self.adc = {n: Adc(self._path(c), c.address, n) for n, c in self.board.adc.items()}
        self.mtx = {n: Mtx(self._path(c), c.address, n) for n, c in self.board.mtx.items()}
        self.fibres = {number: Fibre(session, number) for number in self.board.fibres}

    def _port(self, chip: ScaChip) -> ScaPort:
        primary, neighbour = self.board.gbtx[chip.primary.gbtx], self.gbtx[chip.auxiliary.gbtx]

        async def prepare() -> None:
            await neighbour.enable_elink(self.board.aux)

        return ScaPort(self.session, ScaRoute(primary.link), ScaRoute(neighbour.link, True), prepare)

    def _path(self, chip: BusChip) -> ScaI2c:
        return self.sca[chip.i2c.sca].i2c(chip.i2c.master, self._speed_hz)

    @property
    def switched_ports(self) -> list[str]:
        """Ports of SCAs that fell silent and what was taken instead, for whoever has to be told."""
        return [f"{name}: {what}" for name, sca in self.sca.items() for what in sca.port.switched]

    async def reset(self, line: str = "board") -> None:
        """Pulse a reset line of the controller: board, link0 to link4, receiver0 to receiver39."""
        await self.session.do(Reset(line))

    async def bunch_counter_reset(self, *, periodic: bool = False) -> None:
        """Send one BCR, or one every orbit from now on."""
        await self.session.do(BunchCounterReset(periodic))

    async def link_counters(self, link: int, *, clear: bool = False) -> Counters:
        """Counters of one GBT link at the back end."""
        return await self.session.do(ReadCounters(f"link{link}", clear))

    def channels_used(self, sca: str) -> list[int]:
        """Numbers of the SCA's I2C channels that have a chip on them."""
        return sorted(
            {i2c_channel(chip.i2c.master) for chip in self.board.bus_chips() if chip.i2c.sca == sca}
        )

    def registers(self, name: str) -> Registers:
        """Registers of any chip by its name in the netlist, or InputError."""
        tables: tuple[Mapping[str, Registers], ...] = (self.gbtx, self.locx2, self.adc, self.mtx)
        for table in tables:
            if name in table:
                return table[name]
        raise InputError("chip with registers", repr(name), "a GBTx, LOCx2, ADC or MTx of the netlist")
