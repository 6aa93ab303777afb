"""Bringing up a board: the order that other GBTx and SCA systems use (ltdb_control facts, section 2.5).

1. Every GBTx is in Idle, and listens to its SCA.
2. Every SCA is reset and connected, and the channels the netlist uses are switched on.
3. Resets are released.
4. Registers are written and read back; what a chip held before is kept, and put back if a later step fails.
5. Locks are checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ltdb.errors import BenchError, LtdbError
from ltdb.sca.commands import Channel
from testbench.configuration import Configuration
from testbench.devices.ltdb import Ltdb
from testbench.devices.registers import Registers
from testbench.faults import NoReply, TransportLost
from testbench.transactions import Capability

NEEDS = frozenset({Capability.IC, Capability.EC})
Report = Callable[[str], None]
SILENT_CHIPS = 3
"""So many chips in a row without a reply make a board that is gone: no others are waited for."""


@dataclass
class BroughtUp:
    """What a bring-up did."""

    changed: dict[str, int] = field(default_factory=dict)
    """Registers that had to be changed, by chip; chips that were right already are not named."""
    checked: int = 0
    """Chips whose registers were verified."""


async def bring_up(
    board: Ltdb,
    configuration: Configuration,
    report: Report = lambda step: None,
    warn: Report = lambda what: None,
) -> BroughtUp:
    """Bring up the whole board; `report` is called with each step as it begins.

    If a step fails, what was changed is put back, and `warn` is called with every chip that could not be: it is also a
    note of the error raised.

    Raises
    ------
    BenchError
        If a chip does not get ready or lock, after registers changed so far were put back.
    TransactionError, RegisterMismatch
        If a chip does not answer or hold its registers; likewise.
    """
    board.session.require(NEEDS)
    for name, gbtx in board.gbtx.items():
        report(f"{name}: wait for Idle, listen to the SCA")
        await gbtx.wait_ready()
        await gbtx.enable_ec()
    for name, sca in board.sca.items():
        report(f"{name}: connect, switch channels on")
        await sca.connect()
        await sca.enable([Channel.GPIO, Channel.ADC, *board.channels_used(name)])
        outputs = [g for g in board.board.gpio.values() if g.sca == name and g.direction == "out"]
        mask = sum(1 << g.line for g in outputs)
        await sca.drive_pins(mask, mask)
    result = BroughtUp()
    undo: list[tuple[Registers, dict[int, int]]] = []
    try:
        for name in configuration.chips:
            report(f"{name}: write and verify registers")
            await _configure(board.registers(name), configuration, name, undo, result)
        report("check locks")
        await _check_locks(board)
    except BaseException as error:
        # Not only LtdbError: a board must not stay half configured because somebody pressed Ctrl-C.
        for failure in await roll_back(undo):
            warn(failure)
            error.add_note(failure)
        raise
    return result


async def switch_on(board: Ltdb) -> None:
    """Make the registers of every chip and the counters of the SCAs reachable, resetting nothing."""
    for name, sca in board.sca.items():
        await board.gbtx[board.board.sca[name].primary.gbtx].enable_ec()
        await sca.enable([Channel.JTAG, *board.channels_used(name)])


async def _configure(
    chip: Registers,
    configuration: Configuration,
    name: str,
    undo: list[tuple[Registers, dict[int, int]]],
    result: BroughtUp,
) -> None:
    fields = configuration.of(name)
    values = {field: chip.layout.value(field) for field in fields}
    before = await chip.read({address for value in values.values() for address in value.addresses})
    wanted = dict(before)
    for field_name, number in fields.items():
        values[field_name].write(wanted, number)
    different = {address: content for address, content in wanted.items() if before[address] != content}
    if different:
        undo.append((chip, {address: before[address] for address in different}))
        await chip.write(different, verify=True)
        result.changed[name] = len(different)
    result.checked += 1


async def _check_locks(board: Ltdb) -> None:
    for name, gbtx in board.gbtx.items():
        status = await gbtx.status()
        if not (status.ready and status.epll_locked and status.phase_shifter_locked):
            raise BenchError(f"{name}: not locked after configuration: {status}")
    for name, locx2 in board.locx2.items():
        if not (await locx2.get("status.locked")):
            raise BenchError(
                f"{name}: PLL not locked; is its reference clock {board.board.locx2[name].clock} running?"
            )


async def roll_back(undo: list[tuple[Registers, dict[int, int]]]) -> list[str]:
    """Put registers back, the last changed first, and read them again; return what could not be put back.

    A chip that does not answer does not keep the others from being put back; a board that is gone does.
    """
    failures: list[str] = []
    silent = 0
    for chip, contents in reversed(undo):
        changed = ", ".join(str(register) for register in sorted(contents))
        if silent == SILENT_CHIPS:
            failures.append(f"{chip.name} keeps changed registers {changed}: not tried, the board is silent")
            continue
        try:
            await chip.write(contents, verify=True)
            silent = 0
        except LtdbError as error:
            failures.append(f"{chip.name} keeps changed registers {changed}: {error}")
            silent = SILENT_CHIPS if isinstance(error, TransportLost) else silent + isinstance(error, NoReply)
    return failures


async def differences(board: Ltdb, configuration: Configuration) -> dict[str, dict[str, tuple[int, int]]]:
    """Fields that a board does not hold as configured: by chip and field, (wanted, held)."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for name in configuration.chips:
        chip, fields = board.registers(name), configuration.of(name)
        held = await chip.get_all(fields)
        wanted = {f: chip.layout.value(f).number(v) for f, v in fields.items()}
        wrong = {f: (wanted[f], held[f]) for f in fields if wanted[f] != held[f]}
        if wrong:
            found[name] = wrong
    return found
