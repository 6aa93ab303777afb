"""Registers of LOCx2 as its I2C bus shows them: a behavioural model, written apart from the gateware.

The register map is data (`ltdb.registers`) and an assumption; the rules of the bus are in `docs/locx2.md`.
"""

from __future__ import annotations

from collections.abc import Callable

from ltdb.errors import InputError
from ltdb.registers import Access, Register, load_registers


class Locx2Registers:
    """One LOCx2 on an I2C bus, byte by byte: `matches`, `begin`, `write`, `read`, `end`.

    What the hardware would report is set with `report`.
    """

    def __init__(self, pins: int = 0) -> None:
        self.map = load_registers("locx2")
        if not 0 <= pins < 1 << self.map.bus_address_pins:
            raise InputError("address pins", pins, f"0 to {(1 << self.map.bus_address_pins) - 1}")
        self.address = (self.map.bus_address or 0) + pins
        self.realigned = [0, 0]
        """Realign commands taken, for each channel."""
        self.on_realign: Callable[[int], None] | None = None
        """Called with the channel of a realign command."""
        self._pointer = 0
        self._pointer_due = False
        self._contents: dict[int, int] = {}
        self.reset()

    def reset(self) -> None:
        """Power-on reset."""
        self._contents = self.map.reset_contents()
        self._pointer, self._pointer_due = 0, False

    def value(self, name: str) -> int:
        """Return a value of the register map by name, such as ``"mode_0.mode"`` or ``"pattern_1"``."""
        return self.map.value(name).read(self._contents)

    def report(self, **fields: int) -> None:
        """Set what the hardware reports, as ``register_field``: ``status_locked=1``, ``upsets_count=3``.

        Raises
        ------
        InputError
            If a name is no field that the hardware sets, or a value does not fit.
        """
        reported = {
            f"{register.name}_{field.name}": f"{register.name}.{field.name}"
            for register in self.map.registers
            for field in register.fields
            if field.access is Access.READ and register.name != "chip_id"
        }
        for name, value in fields.items():
            if name not in reported:
                raise InputError("reported field", repr(name), ", ".join(reported))
            self.map.value(reported[name]).write(self._contents, value)

    def matches(self, address: int, ten_bit: bool = False) -> bool:
        """Whether this address is the chip's."""
        return not ten_bit and address == self.address

    def begin(self, read: bool) -> bool:
        """Take a start condition with the own address; returns whether it is acknowledged."""
        self._pointer_due = not read
        return not read or self._pointer in self._contents

    def write(self, byte: int) -> bool:
        """Take a byte: first a register address, then data. Returns whether it is acknowledged."""
        if not 0 <= byte <= 0xFF:
            raise InputError("byte", byte, "0 to 255")
        if self._pointer_due:
            if byte not in self._contents:
                return False
            self._pointer, self._pointer_due = byte, False
            return True
        register = self.map.by_address.get(self._pointer)
        if register is None or not register.writable:
            return False
        self._store(register, byte)
        self._pointer += 1
        return True

    def read(self) -> int:
        """Give the register where the address stands; 0xFF behind the last one."""
        if self._pointer not in self._contents:
            return 0xFF
        self._pointer += 1
        return self._contents[self._pointer - 1]

    def end(self) -> None:
        """Take a stop condition. The register address stays where it stands."""

    def _store(self, register: Register, byte: int) -> None:
        kept = self._contents[register.address]
        for field in register.fields:
            if field.access is Access.READ_WRITE:
                kept = kept & ~field.mask | byte & field.mask
            elif field.access is Access.PULSE and byte & field.mask:
                self._command(field.name)
        self._contents[register.address] = kept

    def _command(self, name: str) -> None:
        if name == "clear":
            self._contents[self.map.register("errors").address] = 0
            self._contents[self.map.register("upsets").address] = 0
        else:
            channel = int(name.removeprefix("realign_"))
            self.realigned[channel] += 1
            if self.on_realign is not None:
                self.on_realign(channel)
