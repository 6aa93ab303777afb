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

from ltdb.errors import BenchError
from ltdb.sca.commands import Channel
from testbench.configuration import Configuration
from testbench.devices.ltdb import Ltdb
from testbench.devices.registers import Registers
from testbench.transactions import Capability

NEEDS = frozenset({Capability.IC, Capability.EC})
Report = Callable[[str], None]


@dataclass
class BroughtUp:
    """What a bring-up did."""

    changed: dict[str, int] = field(default_factory=dict)
    """Registers that had to be changed, by chip; chips that were right already are not named."""
    checked: int = 0
    """Chips whose registers were verified."""


async def bring_up(
    board: Ltdb, configuration: Configuration, report: Report = lambda step: None
) -> BroughtUp:
    """Bring up the whole board; `report` is called with each step as it begins.

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
    except BaseException:
        # Not only LtdbError: a board must not stay half configured because somebody pressed Ctrl-C.
        await _roll_back(undo)
        raise
    return result


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


async def _roll_back(undo: list[tuple[Registers, dict[int, int]]]) -> None:
    """Put registers back, the last changed first; a chip that does not answer is passed over."""
    from ltdb.errors import LtdbError

    for chip, contents in reversed(undo):
        try:
            await chip.write(contents)
        except LtdbError:
            continue


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
