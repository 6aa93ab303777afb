"""A register file generated from a register map (`ltdb.registers`), its configuration in voted copies."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.tmr import COPIES, VotedRegister
from ltdb.errors import InputError
from ltdb.registers import Access, Field, Register, RegisterMap


@dataclass(frozen=True)
class UpsetBit:
    """What one bit of the fault port upsets."""

    register: str
    bit: int
    copy: int


def port_name(register: Register, field: Field) -> str:
    """Name of the port that belongs to a field."""
    return f"{register.name}_{field.name}"


def is_constant(field: Field) -> bool:
    """Whether a field always reads as its reset value."""
    return field.access is Access.READ and field.reset is not None and not field.triplicated


def stored_width(register: Register) -> int:
    """Bits of a register, from bit 0 up to its highest writable field, that are stored."""
    return max((f.lsb + f.width for f in register.fields if f.access is Access.READ_WRITE), default=0)


def stored_bits(registers: RegisterMap) -> tuple[UpsetBit, ...]:
    """Say what each bit of the fault port upsets, bit 0 first: every flip-flop of every copy once."""
    return tuple(
        UpsetBit(register.name, bit, copy)
        for register in registers.registers
        for copy in range(COPIES)
        for bit in range(stored_width(register))
    )


class RegisterFile(wiring.Component):
    """Registers of a map behind a byte bus, in the domain ``sync``.

    Each field has a port ``<register>_<field>``: an output if it is stored (read-write), an input if the
    hardware sets it, a strobe of one clock if writing 1 acts once. Every stored register is kept in three
    copies.

    Interface attributes
    --------------------
    address : In
        Register to read or write; may be anything.
    mapped, writable : Out(1)
        Whether there is such a register, and whether writing it has any effect.
    read_data : Out(8)
        Content of the register at `address`, 0 if there is none or it cannot be read.
    write : In(1)
        Write `write_data` at the next clock edge; no effect where not `writable`.
    disagree : Out(1)
        Some copy is outvoted.
    upset : In
        Fault port, for simulation only; `stored_bits` says what each bit upsets.
    """

    def __init__(self, registers: RegisterMap) -> None:
        for register in registers.registers:
            if register.width != 8:
                raise InputError(f"width of {register.name}", register.width, "8 bits on a byte bus")
        self.registers = registers
        self.address_bits = max(registers.by_address).bit_length()
        ports = {
            "address": In(self.address_bits),
            "mapped": Out(1),
            "writable": Out(1),
            "read_data": Out(8),
            "write": In(1),
            "write_data": In(8),
            "disagree": Out(1),
            "upset": In(len(stored_bits(registers))),
        }
        for register in registers.registers:
            for field in register.fields:
                if not is_constant(field):
                    direction = In if field.access is Access.READ else Out
                    ports[port_name(register, field)] = direction(field.width)
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        disagree: list[Value] = []
        contents: dict[int, Signal] = {}
        upset_position = 0
        for register in self.registers.registers:
            content = Signal(8, name=f"{register.name}_content")
            contents[register.address] = content
            selected = self.write & (self.address == register.address)
            width = stored_width(register)
            stored: Value = Const(0, 8)
            if width:
                m.submodules[register.name] = voted = VotedRegister(width, register.reset)
                m.d.comb += [
                    voted.write.eq(selected),
                    voted.data.eq(self.write_data),
                    voted.upset.eq(self.upset[upset_position : upset_position + COPIES * width]),
                ]
                upset_position += COPIES * width
                disagree.append(voted.disagree)
                stored = voted.value
            for field in register.fields:
                self._connect(m, register, field, stored, selected, content)
        m.d.comb += self.disagree.eq(Cat(disagree).any())
        with m.Switch(self.address):
            for address, content in contents.items():
                with m.Case(address):
                    m.d.comb += [
                        self.mapped.eq(1),
                        self.writable.eq(self.registers.by_address[address].writable),
                        self.read_data.eq(content),
                    ]
        return m

    def _connect(
        self, m: Module, register: Register, field: Field, stored: Value, selected: Value, content: Signal
    ) -> None:
        span = slice(field.lsb, field.lsb + field.width)
        if is_constant(field):
            m.d.comb += content[span].eq(field.reset)
            return
        port = getattr(self, port_name(register, field))
        if field.access is Access.READ:
            m.d.comb += content[span].eq(port)
        elif field.access is Access.READ_WRITE:
            m.d.comb += [port.eq(stored[span]), content[span].eq(stored[span])]
        elif field.access is Access.PULSE:
            m.d.comb += port.eq(self.write_data[span] & selected.replicate(field.width))
        else:
            raise InputError(
                f"access of {register.name}.{field.name}", field.access, "rw, r or pulse in gateware"
            )
