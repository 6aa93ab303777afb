"""Handle of any chip whose registers lie behind a pointer, over any I2C path."""

from __future__ import annotations

from typing import ClassVar

from ltdb.registers import load_registers
from testbench.devices.i2c import I2cPath, PointerRegisters
from testbench.devices.registers import Registers


class BusChip(Registers):
    """One chip of a kind.

    Parameters
    ----------
    path
        Bus it is on.
    address
        Its 7-bit address.
    name
        What messages call it; the kind's usual name if not given.
    """

    kind: ClassVar[str]
    """Of its register map (`load_registers`)."""
    usual_name: ClassVar[str]

    def __init__(self, path: I2cPath, address: int, name: str | None = None) -> None:
        layout = load_registers(self.kind)
        super().__init__(name or self.usual_name, layout, PointerRegisters(path, address))
