"""I2C models of the ADC and of the optical transmitter, as far as a register map makes a chip.

Both maps are assumptions of this project (see their files in ``registers/``): good for moving bytes to
every chip of the board and back, not for what the real chips do with them. LOCx2 has a model of its own in
`ltdb.locx2_registers`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ltdb.i2c import I2cDevice, RegisterDevice
from ltdb.registers import Access, RegisterMap, load_registers


@cache
def _register_map(name: str) -> RegisterMap:
    return load_registers(name)


class MappedDevice(RegisterDevice):
    """A slave that behaves as its register map says: read-only bits stay, addresses without a register are refused.

    The register address is one byte. A write to an address that is not there is not acknowledged; reading
    it gives 0xFF.
    """

    def __init__(self, name: str, address: int) -> None:
        self.map = _register_map(name)
        super().__init__(address, max(self.map.by_address) + 1)
        self.reset()

    def reset(self) -> None:
        """Set every register to its value after reset."""
        for address, content in self.map.reset_contents().items():
            self.contents[address] = content

    def value(self, name: str) -> int:
        """Read a named value of the map."""
        return self.map.value(name).read(self.contents)

    def report(self, name: str, value: int) -> None:
        """Set what the hardware reports in a named value of the map."""
        contents = dict(enumerate(self.contents))
        self.map.value(name).write(contents, value)
        self.contents[:] = bytes(contents[address] for address in range(self.size))

    def read_register(self, register: int) -> int:
        """Content of a register; 0xFF where there is none."""
        return self.contents[register] if register in self.map.by_address else 0xFF

    def write_register(self, register: int, value: int) -> bool:
        """Write the bits that can be written; not acknowledged where there is nothing to write."""
        entry = self.map.by_address.get(register)
        if entry is None or not entry.writable:
            return False
        mask = sum(field.mask for field in entry.fields if field.access is Access.READ_WRITE)
        self.contents[register] = self.contents[register] & ~mask | value & mask
        return True


class ResetLine:
    """The reset pin in front of a chip: while it is held the chip is silent on its bus."""

    def __init__(self, device: I2cDevice, reset: Callable[[], None]) -> None:
        self.device = device
        self._reset = reset
        self.held = False

    def hold(self, held: bool) -> None:
        """Follow the line; the chip loses its registers when reset begins."""
        if held and not self.held:
            self._reset()
        self.held = held

    def matches(self, address: int, ten_bit: bool) -> bool:
        """Whether this address is the chip's and the chip is not in reset."""
        return not self.held and self.device.matches(address, ten_bit)

    def begin(self, read: bool) -> bool:
        """Hand on a start condition."""
        return self.device.begin(read)

    def write(self, byte: int) -> bool:
        """Hand on a byte."""
        return self.device.write(byte)

    def read(self) -> int:
        """Fetch a byte."""
        return self.device.read()

    def end(self) -> None:
        """Hand on the stop condition."""
        self.device.end()


class QuadAdc(MappedDevice):
    """The I2C side of a quad ADC (assumed map, not that of the Nevis chip)."""

    def __init__(self, address: int) -> None:
        super().__init__("adc", address)


class OpticalTransmitter(MappedDevice):
    """The I2C side of an MTx (assumed map)."""

    def __init__(self, address: int) -> None:
        super().__init__("mtx", address)
