"""Register access by field name, the same for every chip and every path to it.

Nothing is cached: reading reads the chip, and changing a field reads its registers, changes its bits in all copies,
and writes them back. With `verify` the registers are read once more and every copy compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from ltdb.errors import LtdbError
from ltdb.registers import Access, RegisterMap


class RegisterPath(Protocol):
    """A way to the registers of one chip."""

    async def read(self, register: int, count: int) -> bytes:
        """Contents of `count` registers from `register` on."""
        ...

    async def write(self, register: int, data: bytes) -> None:
        """Write registers from `register` on."""
        ...


class RegisterMismatch(LtdbError):  # noqa: N818 - reads as what happened
    """A register does not hold what was written to it."""

    def __init__(self, chip: str, differences: Mapping[int, tuple[int, int]]) -> None:
        self.chip, self.differences = chip, dict(differences)
        first = "; ".join(
            f"register {r}: wrote {w:#04x}, reads {g:#04x}" for r, (w, g) in [*differences.items()][:4]
        )
        more = f" and {len(differences) - 4} more" if len(differences) > 4 else ""
        super().__init__(f"{chip}: {first}{more}")


class Registers:
    """The registers of one chip.

    Parameters
    ----------
    name
        What messages call the chip ("LOCx2 7").
    layout
        Its register map.
    path
        How to reach it.
    """

    def __init__(self, name: str, layout: RegisterMap, path: RegisterPath) -> None:
        self.name, self.layout, self._path = name, layout, path

    async def get(self, field: str) -> int:
        """Value of one field, by majority where it has copies."""
        return (await self.get_all([field]))[field]

    async def get_all(self, fields: Iterable[str]) -> dict[str, int]:
        """Values of several fields, read in as few transfers as their addresses allow."""
        values = {field: self.layout.value(field) for field in fields}
        contents = await self.read({address for value in values.values() for address in value.addresses})
        return {field: value.read(contents) for field, value in values.items()}

    async def set(self, fields: Mapping[str, int | str], *, verify: bool = False) -> None:
        """Change fields, leaving all other bits of their registers as they are.

        Values are numbers or the names of the field's encoding.

        Raises
        ------
        InputError
            If a field or a value does not exist; nothing is written then.
        RegisterMismatch
            With `verify`, if a register does not hold what was written.
        """
        values = {field: self.layout.value(field) for field in fields}
        for field, value in fields.items():
            values[field].number(value)
        addresses = {address for value in values.values() for address in value.addresses}
        contents = self._without_pulses(await self.read(addresses))
        for field, value in fields.items():
            values[field].write(contents, value)
        await self.write(contents, verify=verify)

    def _without_pulses(self, contents: dict[int, int]) -> dict[int, int]:
        """Contents to write back: bits that act when written as 1 are 0 unless they are asked for."""
        for address in contents:
            for field in self.layout.by_address[address].fields:
                if field.access in (Access.PULSE, Access.WRITE):
                    contents[address] &= ~field.mask
        return contents

    async def read(self, addresses: Iterable[int]) -> dict[int, int]:
        """Contents of registers by address; neighbours are read together."""
        contents: dict[int, int] = {}
        for first, count in runs(addresses):
            data = await self._path.read(first, count)
            contents.update(zip(range(first, first + count), data, strict=True))
        return contents

    async def write(self, contents: Mapping[int, int], *, verify: bool = False) -> None:
        """Write whole registers; neighbours are written together, in ascending order."""
        for first, count in runs(contents):
            await self._path.write(first, bytes(contents[first + i] for i in range(count)))
        if verify:
            await self.verify(contents)

    async def verify(self, contents: Mapping[int, int]) -> None:
        """Compare registers with what they should hold; bits that software cannot read back do not count.

        Raises
        ------
        RegisterMismatch
            Listing every register that differs.
        """
        differences = await self.differences(contents)
        if differences:
            raise RegisterMismatch(self.name, differences)

    async def differences(self, contents: Mapping[int, int]) -> dict[int, tuple[int, int]]:
        """Registers that do not hold what they should: address to (wanted, held)."""
        compared = {address: self.kept_bits(address) for address in contents}
        held = await self.read(address for address, mask in compared.items() if mask)
        return {
            address: (contents[address], held[address])
            for address, mask in compared.items()
            if mask and (contents[address] ^ held[address]) & mask
        }

    def known_bits(self, address: int) -> int:
        """Bits of a register that belong to any field."""
        register = self.layout.by_address.get(address)
        return sum(f.mask for f in register.fields) if register else 0

    def kept_bits(self, address: int) -> int:
        """Bits of a register that software writes and reads back: those that upsets can be told by."""
        register = self.layout.by_address.get(address)
        return sum(f.mask for f in register.fields if f.access is Access.READ_WRITE) if register else 0

    @property
    def kept(self) -> dict[int, int]:
        """Registers of which software reads back anything it wrote, with the bits."""
        masks = {register.address: self.kept_bits(register.address) for register in self.layout.registers}
        return {address: mask for address, mask in masks.items() if mask}


def runs(addresses: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring addresses as (first, count), ascending."""
    first, count = -1, 0
    for address in sorted(set(addresses)):
        if count and address == first + count:
            count += 1
        else:
            if count:
                yield first, count
            first, count = address, 1
    if count:
        yield first, count
