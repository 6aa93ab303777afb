"""Registers of the GBTx: 366 that can be written, 70 that show the state of the chip.

Most values stand in three copies at places of their own (map of ATLAS NSW). The chip takes the majority, bit by bit;
readers see each copy as it is, and nothing but a new write mends one: that is what scrubbing is for.
"""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.errors import InputError
from ltdb.gbtx.configuration import REGISTERS, WRITABLE_REGISTERS
from ltdb.gbtx.table import register_map
from ltdb.registers.maps import Value as Entry

STATUS_REGISTERS = REGISTERS - WRITABLE_REGISTERS
ADDRESS_BITS = 16
"""Of a register: the IC channel and I2C give two bytes."""


def port_name(value: str) -> str:
    """Name of the port that gives a value."""
    return value.replace(".", "_")


def settings() -> tuple[Entry, ...]:
    """All values that are kept in registers that can be written."""
    return tuple(
        entry for entry in register_map().values.values() if max(entry.addresses) < WRITABLE_REGISTERS
    )


def majority(copies: list[Value]) -> Value:
    """Bit by bit; of one copy that copy itself."""
    if len(copies) == 1:
        return copies[0]
    a, b, c = copies
    return (a & b) | (b & c) | (a & c)


class RegisterFile(wiring.Component):
    """The registers, in the domain ``sync``; all 0 after reset.

    Each value of `settings` has an output of its own, named by `port_name`: as the chip takes it.

    Parameters
    ----------
    fuses
        Registers that `load_fuses` sets, by register.

    Interface attributes
    --------------------
    read_address : In(16)
    read_data : Out(8)
        At once; 0 beyond the last register.
    write : In(1)
        Write `write_data` to `write_address` at the next clock edge; read-only registers, and what lies behind them,
        keep what they hold.
    write_address : In(16)
    write_data : In(8)
    load_fuses : In(1)
    status : In(8).array(70)
        Contents of registers 366 on.
    upset_register : In(9)
    upset_bits : In(8)
        Fault port, for simulation only: inverts bits of one register at the next clock edge. An upset in the clock
        of a write to the same register makes that write fail. Tied to 0 in a real chip.
    """

    def __init__(self, fuses: Mapping[int, int] | None = None) -> None:
        self.fuses = dict(fuses or {})
        for register, value in self.fuses.items():
            if not 0 <= register < WRITABLE_REGISTERS or not 0 <= value <= 0xFF:
                allowed = f"a byte in registers 0 to {WRITABLE_REGISTERS - 1}"
                raise InputError("fuse of the GBTx", f"register {register}: {value}", allowed)
        super().__init__(
            {
                "read_address": In(ADDRESS_BITS),
                "read_data": Out(8),
                "write": In(1),
                "write_address": In(ADDRESS_BITS),
                "write_data": In(8),
                "load_fuses": In(1),
                "status": In(8).array(STATUS_REGISTERS),
                "upset_register": In(9),
                "upset_bits": In(8),
            }
            | {port_name(entry.name): Out(entry.width) for entry in settings()}
        )

    def value(self, name: str) -> Signal:
        """Output that gives a value of the register map, by its name there."""
        found: Signal = getattr(self, port_name(name))
        return found

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        contents = [Signal(8, name=f"r{register:03}") for register in range(WRITABLE_REGISTERS)]
        with m.If(self.load_fuses):
            m.d.sync += [contents[register].eq(value) for register, value in self.fuses.items()]
        # A condition each: a switch would be written out again for every one of them.
        for register, content in enumerate(contents):
            with m.If(self.write & (self.write_address == register)):
                m.d.sync += content.eq(self.write_data)
            with m.If(self.upset_bits.any() & (self.upset_register == register)):
                m.d.sync += content.eq(content ^ self.upset_bits)
        with m.Switch(self.read_address):
            for register, content in enumerate((*contents, *self.status)):
                with m.Case(register):
                    m.d.comb += self.read_data.eq(content)
        for entry in settings():
            copies = [
                Cat(contents[piece.address][piece.lsb : piece.lsb + piece.width] for piece in copy)
                for copy in entry.copies
            ]
            m.d.comb += self.value(entry.name).eq(majority(copies))
        return m


class RegisterValues(wiring.Component):
    """The registers with all values side by side, for simulation: those of `settings`, the first in the low bits.

    Its other ports are those of `RegisterFile`, without status.
    """

    PORTS = (
        "read_address", "read_data", "write", "write_address", "write_data", "upset_register", "upset_bits",
    )  # fmt: skip

    def __init__(self) -> None:
        self._registers = RegisterFile()
        ports = {name: self._registers.signature.members[name] for name in self.PORTS}
        super().__init__(ports | {"values": Out(sum(entry.width for entry in settings()))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.registers = inside = self._registers
        for name in self.PORTS:
            port, own = getattr(inside, name), getattr(self, name)
            m.d.comb += own.eq(port) if name == "read_data" else port.eq(own)
        m.d.comb += self.values.eq(Cat(inside.value(entry.name) for entry in settings()))
        return m
