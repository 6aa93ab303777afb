"""Scrubbing: all registers of a board read, held against what they should be, and set right.

The reference is either a file taken from a board known to be good, with every bit that software can write, or what
follows from a configuration: there, ADCs, LOCx2 and MTx must hold their reset values with the configured fields over
them; of a GBTx, whose fuses nobody outside knows, the configured fields are judged. Other GBTx values of which the
visible copies differ are named as suspect and left alone: the widths of fields are inferred, and a published
configuration (register 48 of ATLAS NSW) has such copies itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltdb.errors import InputError
from ltdb.registers import RegisterMap
from testbench.configuration import Configuration
from testbench.devices.ltdb import Ltdb
from testbench.devices.registers import RegisterMismatch, Registers
from testbench.faults import BadReply, BusStuck, NoReply, NotAcknowledged, ScaRefused

Report = Callable[[str], None]
Expected = Mapping[int, tuple[int, int]]
"""By register: content, and the bits of it that are known."""
CHIP_FAULTS = (NotAcknowledged, BusStuck, NoReply, BadReply, ScaRefused)
"""Faults of one chip or its bus: the others are scrubbed all the same."""


@dataclass(frozen=True)
class Reference:
    """What every chip should hold."""

    chips: Mapping[str, Expected]

    def save(self, path: Path) -> None:
        """Write it as JSON, registers and contents in hexadecimal."""
        chips = {
            name: {f"{register:#05x}": [f"{c:#04x}", f"{m:#04x}"] for register, (c, m) in expected.items()}
            for name, expected in self.chips.items()
        }
        try:
            path.write_text(json.dumps({"reference": chips}, indent=1) + "\n", "utf-8")
        except OSError as error:
            raise InputError(
                "reference", f"{path} ({error.strerror})", "a file that can be written"
            ) from error

    def only(self, names: Sequence[str]) -> Reference:
        """The reference of some chips.

        Raises
        ------
        InputError
            If one of them is not in it.
        """
        for name in names:
            if name not in self.chips:
                raise InputError("chip to scrub", repr(name), "a GBTx, LOCx2, ADC or MTx in the reference")
        return Reference({name: self.chips[name] for name in names})

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the file is not such a one.
        """
        try:
            chips: dict[str, Any] = json.loads(path.read_text("utf-8"))["reference"]
            return cls(
                {
                    name: {int(r, 16): (int(c, 16), int(m, 16)) for r, (c, m) in expected.items()}
                    for name, expected in chips.items()
                }
            )
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            allowed = "a file that ltdb scrub --take has written"
            raise InputError("reference", f"{path} ({type(error).__name__}: {error})", allowed) from error


@dataclass
class Scrubbed:
    """What scrubbing found and did."""

    chips: int = 0
    registers: int = 0
    """Registers read and judged."""
    upsets: dict[str, dict[int, tuple[int, int]]] = field(default_factory=dict)
    """Registers that were wrong: by chip and register, (wanted, held), unknown bits 0 in both."""
    repaired: int = 0
    """Registers set right, and read back right."""
    suspect: dict[str, list[str]] = field(default_factory=dict)
    """Values outside the reference whose copies differ, by chip."""
    failed: dict[str, str] = field(default_factory=dict)
    """Chips that could not be read, or do not take what is written: why."""
    counted: dict[str, int] = field(default_factory=dict)
    """Upsets that the chips have mended and counted themselves."""

    @property
    def upset_bits(self) -> int:
        """Wrong bits in all."""
        return sum((w ^ h).bit_count() for chip in self.upsets.values() for w, h in chip.values())

    @property
    def whole(self) -> bool:
        """Whether every chip now holds what it should."""
        return not self.failed


def configured_reference(board: Ltdb, configuration: Configuration) -> Reference:
    """What a configuration makes every chip hold, as far as it is known."""
    chips: dict[str, Expected] = {}
    for name in (*board.gbtx, *board.locx2, *board.adc, *board.mtx):
        chip = board.registers(name)
        contents = {} if name in board.gbtx else chip.layout.reset_contents()
        known = {address: chip.kept_bits(address) for address in contents}
        for field_name, value in configuration.of(name).items():
            entry = chip.layout.value(field_name)
            entry.write(contents, value)
            for piece in (piece for copy in entry.copies for piece in copy):
                bits = (1 << piece.width) - 1 << piece.lsb
                known[piece.address] = known.get(piece.address, 0) | bits
        chips[name] = {address: (contents[address] & mask, mask) for address, mask in known.items() if mask}
    return Reference(chips)


async def take_reference(
    board: Ltdb, names: Sequence[str] = (), report: Report = lambda step: None
) -> Reference:
    """Read what every chip holds now, or the chips named, to be the reference from now on."""
    chips: dict[str, Expected] = {}
    for name in names or (*board.gbtx, *board.locx2, *board.adc, *board.mtx):
        report(name)
        chip = board.registers(name)
        kept = chip.kept
        held = await chip.read(kept)
        chips[name] = {address: (held[address] & mask, mask) for address, mask in kept.items()}
    return Reference(chips)


async def scrub(
    board: Ltdb, reference: Reference, *, repair: bool = True, report: Report = lambda step: None
) -> Scrubbed:
    """Read every chip of the reference, and set right what is wrong; `report` is called with each chip's name.

    A chip that does not answer, or keeps a wrong register, is named in the result and the others are scrubbed; what
    concerns the whole board is raised.
    """
    result = Scrubbed()
    for name, expected in reference.chips.items():
        report(name)
        chip = board.registers(name)
        result.chips += 1
        try:
            await _scrub_chip(chip, expected, result, repair)
        except (*CHIP_FAULTS, RegisterMismatch) as error:
            result.failed[name] = str(error)
    report("counters of the chips")
    await _count(board, reference.chips, result)
    return result


async def _scrub_chip(chip: Registers, expected: Expected, result: Scrubbed, repair: bool) -> None:
    kept = chip.kept
    for address in expected:
        if address not in kept:
            raise InputError(f"register of {chip.name}", address, "one that software can write and read")
    held = await chip.read(kept)
    result.registers += len(held)
    suspect = _differing_copies(chip.layout, held, expected)
    if suspect:
        result.suspect[chip.name] = suspect
    wanted = dict(held)
    for address, (content, mask) in expected.items():
        wanted[address] = wanted[address] & ~mask | content & mask
    wrong = {a: (wanted[a] & kept[a], held[a] & kept[a]) for a in kept if (wanted[a] ^ held[a]) & kept[a]}
    if not wrong:
        return
    result.upsets[chip.name] = wrong
    if repair:
        pulses_off = {a: wanted[a] & (kept[a] | ~chip.known_bits(a) & 0xFF) for a in wrong}
        await chip.write(pulses_off, verify=True)
        result.repaired += len(wrong)


def _differing_copies(layout: RegisterMap, held: Mapping[int, int], expected: Expected) -> list[str]:
    """Values kept in visible copies that differ, unless the reference judges them anyway."""
    return [
        name
        for name, value in layout.values.items()
        if len(value.copies) > 1
        and all(address in held for address in value.addresses)
        and not all(address in expected for address in value.addresses)
        and len(set(value.read_copies(held))) > 1
    ]


async def _count(board: Ltdb, chips: Collection[str], result: Scrubbed) -> None:
    for name, locx2 in board.locx2.items():
        if name in chips and name not in result.failed:
            result.counted[name] = await locx2.get("upsets.count")
    for name, sca in board.sca.items():
        result.counted[name] = await sca.upsets()
