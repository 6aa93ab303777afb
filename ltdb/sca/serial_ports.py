"""SPI and JTAG masters of the SCA (manual V.2019-002, chapters 7 and 8).

Clock 20 MHz / (DIV + 1). Up to 128 bits a go, length 0 meaning 128. Data registers hold 32 bits each,
register 0 the bits sent last (SPI, most significant first) or first (least significant first). Assumed:
JTAG's control register has the length and the bit order where SPI's has them, and its registers stand in
D[15:0] like those of SPI.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from ltdb.sca.channel import Registers, Result, ScaChannel, ticks
from ltdb.sca.commands import ErrorFlag

BASE_CLOCK_HZ = 20e6
LSB_FIRST = 1 << 11
AUTOMATIC_SELECT = 1 << 13
BUSY = 1 << 8
MAX_BITS = 128
COUNTER_MAX = 0xFFFFFFFF


class SpiSlave(Protocol):
    """A chip on the SPI bus."""

    def exchange(self, bits: list[int]) -> list[int]:
        """Take the bits in the order of the line, give as many back."""
        ...


class JtagTap(Protocol):
    """What hangs on the JTAG port."""

    def clock(self, tms: int, tdi: int) -> int:
        """Give TDO, then take one clock."""
        ...

    def reset(self) -> None:
        """Take a pulse on the reset line."""
        ...


class _Shifter(ScaChannel):
    out_name = ""
    in_name = ""

    def words(self, name: str) -> int:
        """Join four registers to 128 bits, register 0 lowest."""
        return sum(self.values[f"{name}{n}"] << 32 * n for n in range(4))

    def store(self, name: str, bits: int) -> None:
        """Fill four registers."""
        for n in range(4):
            self.values[f"{name}{n}"] = bits >> 32 * n & 0xFFFFFFFF

    @property
    def length(self) -> int:
        """Bits of the next go."""
        return self.values["CTRL"] & 0x7F or MAX_BITS

    @property
    def duration(self) -> int:
        """Ticks of the next go."""
        return ticks(self.length * (self.values["FREQ"] + 1) / BASE_CLOCK_HZ)

    def in_order(self, number: int) -> list[int]:
        """Bits of a number in the order of the line."""
        bits = [number >> i & 1 for i in range(self.length)]
        return bits if self.values["CTRL"] & LSB_FIRST else bits[::-1]

    def from_line(self, bits: list[int]) -> int:
        """Return the number that bits from the line make."""
        ordered = bits if self.values["CTRL"] & LSB_FIRST else bits[::-1]
        return sum(bit << i for i, bit in enumerate(ordered))


class Spi(_Shifter):
    """SPI master with eight select lines."""

    registers: ClassVar[Registers] = {
        "CTRL": (16, 0x1000), "FREQ": (16, 0), "SS": (8, 0),
        **{f"MOSI{n}": (32, 0) for n in range(4)}, **{f"MISO{n}": (32, 0) for n in range(4)},
    }  # fmt: skip

    def __init__(self) -> None:
        self.slaves: dict[int, SpiSlave] = {}
        super().__init__()

    def do_w_ss(self, value: int, length: int) -> Result:
        """Set the select lines."""
        self.values["SS"] = value & 0xFF
        return Result()

    def do_r_ss(self, value: int, length: int) -> Result:
        """Read the select lines."""
        return Result(self.values["SS"])

    def do_go(self, value: int, length: int) -> Result:
        """Exchange bits with the one selected slave; without one MISO reads 0."""
        selected = [n for n in range(8) if self.values["SS"] >> n & 1]
        bits = self.in_order(self.words("MOSI"))
        answer = [0] * len(bits)
        for n in selected:
            if n in self.slaves:
                answer = [a | b for a, b in zip(answer, self.slaves[n].exchange(bits), strict=True)]
        self.store("MISO", self.from_line(answer))
        return Result(ticks=self.duration)


class Jtag(_Shifter):
    """JTAG master, and the counter of upsets that shares its channel number."""

    registers: ClassVar[Registers] = {
        "CTRL": (16, 0), "FREQ": (16, 0),
        **{f"{name}{n}": (32, 0) for name in ("TDO", "TDI", "TMS") for n in range(4)},
    }  # fmt: skip

    def __init__(self) -> None:
        self.tap: JtagTap | None = None
        self.upsets = 0
        super().__init__()

    def do_r_ctrl(self, value: int, length: int) -> Result:
        """Read the control register; bit 8 says that a manual go is under way."""
        busy = BUSY if self.busy_until > self.now else 0
        return Result(self.values["CTRL"] & ~BUSY | busy)

    def do_go(self, value: int, length: int) -> Result:
        """Shift, and answer when it is done."""
        return Result(ticks=self._shift())

    def do_go_manual(self, value: int, length: int) -> Result:
        """Shift, and answer at once: the user polls bit 8 of the control register."""
        self.busy_until = self.now + self._shift()
        return Result()

    def do_reset(self, value: int, length: int) -> Result:
        """Pulse the reset line for `length` ticks."""
        if length == 0:
            return Result(error=ErrorFlag.GENERIC)
        if self.tap is not None:
            self.tap.reset()
        return Result(ticks=length)

    def do_c_seu(self, value: int, length: int) -> Result:
        """Clear the counter of upsets."""
        self.upsets = 0
        return Result()

    def do_r_seu(self, value: int, length: int) -> Result:
        """Read the counter of upsets."""
        return Result(min(self.upsets, COUNTER_MAX))

    def _shift(self) -> int:
        tms, tdo = self.in_order(self.words("TMS")), self.in_order(self.words("TDO"))
        answer = [self.tap.clock(m, d) if self.tap else 0 for m, d in zip(tms, tdo, strict=True)]
        self.store("TDI", self.from_line(answer))
        return self.duration
