"""Handle of a GBTx, over the IC channel of its own link.

The link must already reach the chip: a GBTx whose receiver is not locked cannot be configured over IC.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.board import ElinkPlace
from ltdb.gbtx.clocks import FINE_STEPS, delay_codes
from ltdb.gbtx.power_up import State
from ltdb.registers import load_registers
from testbench.devices.registers import Registers
from testbench.transactions import IcRead, IcWrite
from testbench.transport import Session

WRITABLE_REGISTERS = 366
LAST_WRITABLE = 365
RESTART_POWER_UP = 0xAA
"""Written to register 365, it restarts the power-up state machine (ATLAS NSW register map)."""
POWER_UP_STATE = 431
EPLL_LOCKS, EPLL_BOTH, LAST_STATUS = 427, 0x05, 435
PHASE_SHIFTER_LOCK = 428


@dataclass(frozen=True, slots=True)
class GbtxStatus:
    """What a GBTx says of itself."""

    power_up: State
    epll_locked: bool
    """Both ePLLs, transmitter's and receiver's."""
    phase_shifter_locked: bool
    loss_of_lock: tuple[int, int, int]
    """Counts of the reference PLL, the TX ePLL and the RX ePLL."""
    corrections: int
    """Frames that the receiver's Reed-Solomon decoder has corrected."""

    @property
    def ready(self) -> bool:
        """Whether it is in Idle, the state of normal operation."""
        return self.power_up is State.IDLE


class IcPath:
    """Registers of the GBTx at the end of one GBT link."""

    def __init__(self, session: Session, link: int) -> None:
        self._session, self._link = session, link

    async def read(self, register: int, count: int) -> bytes:
        """Contents of `count` registers from `register` on."""
        return (await self._session.do(IcRead(self._link, register, count))).data

    async def write(self, register: int, data: bytes) -> None:
        """Write registers from `register` on."""
        await self._session.do(IcWrite(self._link, register, data))


class Gbtx(Registers):
    """One GBTx.

    Parameters
    ----------
    session
        Conversation with the board.
    link
        Number of its GBT link, 0 to 4.
    """

    def __init__(self, session: Session, link: int) -> None:
        super().__init__(f"GBTx {link}", load_registers("gbtx"), IcPath(session, link))
        self.link, self._session = link, session

    async def status(self) -> GbtxStatus:
        """Read state, locks and counters."""
        contents = await self.read(range(EPLL_LOCKS, LAST_STATUS + 1))
        return GbtxStatus(
            power_up=State(contents[POWER_UP_STATE] >> 2),
            epll_locked=contents[EPLL_LOCKS] & EPLL_BOTH == EPLL_BOTH,
            phase_shifter_locked=bool(contents[PHASE_SHIFTER_LOCK]),
            loss_of_lock=(contents[432], contents[433], contents[434]),
            corrections=contents[435],
        )

    async def load(self, configuration: bytes, *, verify: bool = True) -> None:
        """Write all 366 configuration registers and restart the power-up state machine.

        Raises
        ------
        RegisterMismatch
            With `verify`, if a register does not hold what was written.
        """
        await self.write(dict(enumerate(configuration[:LAST_WRITABLE])), verify=verify)
        await self.restart()

    async def restart(self) -> None:
        """Restart the power-up state machine with the present configuration."""
        await self.write({LAST_WRITABLE: RESTART_POWER_UP})

    async def wait_ready(self, timeout_s: float = 1.0) -> float:
        """Wait for Idle; return the board time that took."""

        async def idle() -> bool:
            return (await self.status()).ready

        return await self._session.wait_for(idle, f"power-up of {self.name} (state Idle)", timeout_s)

    async def enable_ec(self, *, verify: bool = True) -> None:
        """Listen to the EC e-port, at which the link's SCA answers."""
        await self.set({"paEnableEC": 1}, verify=verify)

    async def enable_elink(self, place: ElinkPlace, *, verify: bool = True) -> None:
        """Switch an e-link on in both directions, its neighbours staying as they are."""
        group, rate = place.group, f"mbps_{place.rate_mbps}"
        ports = (f"dataPortEnable{group}", f"paEnableGroup{group}")
        held = await self.get_all(ports)
        fields: dict[str, int | str] = {name: held[name] | 1 << place.channel for name in ports}
        await self.set(fields | {f"modeGroup{group}": rate, f"paDataRateGroup{group}": rate}, verify=verify)

    async def phase(self, clock: int) -> int:
        """Delay of a phase-shifter clock, in steps of 25 ns / 512."""
        values = await self.get_all([f"CDL{clock}", f"FDL{clock}"])
        return values[f"CDL{clock}"] * FINE_STEPS + values[f"FDL{clock}"]

    async def set_phase(self, clock: int, step: int, *, verify: bool = False) -> None:
        """Set the delay of phase-shifter clock 0 to 7, in steps of 25 ns / 512 = 48.83 ps."""
        coarse, fine = delay_codes(step)
        await self.set({f"CDL{clock}": coarse, f"FDL{clock}": fine}, verify=verify)
