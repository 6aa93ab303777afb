"""Configuration files of the GBTx: one register a line, hexadecimal, the line number being the register.

The format of NSW, CMS and MVTX. Files in use hold the 366 writable registers, some with up to 70 lines more
(the read-only registers of a dump, or settings of the tool that wrote them).
"""

from __future__ import annotations

from pathlib import Path

from ltdb.errors import InputError

WRITABLE_REGISTERS = 366
REGISTERS = 436


def read_configuration(path: str | Path) -> bytes:
    """Return the 366 writable registers in a file; lines behind them must be bytes, too, but are not used.

    Raises
    ------
    InputError
        With file and line, if the file cannot be read, a line is not one byte in hexadecimal, or there are
        fewer than 366 or more than 436 lines.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("GBTx configuration", error, "a readable text file", str(path)) from error
    return parse_configuration(text, str(path))


def parse_configuration(text: str, where: str = "") -> bytes:
    """Return the 366 writable registers in the text of a configuration file; see `read_configuration`."""
    values = bytearray()
    for number, line in enumerate(text.rstrip().splitlines(), start=1):
        word = line.strip()
        digits = word[2:] if word[:2].lower() == "0x" else word
        if not 1 <= len(digits) <= 2 or any(c not in "0123456789abcdefABCDEF" for c in digits):
            allowed = "one register: two hexadecimal digits"
            raise InputError("GBTx configuration", repr(word), allowed, f"{where}:{number}")
        values.append(int(digits, 16))
    if not WRITABLE_REGISTERS <= len(values) <= REGISTERS:
        allowed = f"{WRITABLE_REGISTERS} to {REGISTERS} lines, one a register"
        raise InputError("GBTx configuration", f"{len(values)} lines", allowed, where)
    return bytes(values[:WRITABLE_REGISTERS])


def format_configuration(registers: bytes) -> str:
    """Text of a configuration file for the 366 writable registers, or all 436.

    Raises
    ------
    InputError
        If there are fewer or more.
    """
    if len(registers) not in (WRITABLE_REGISTERS, REGISTERS):
        allowed = f"{WRITABLE_REGISTERS} writable or all {REGISTERS}"
        raise InputError("GBTx configuration", f"{len(registers)} registers", allowed)
    return "".join(f"{value:02x}\n" for value in registers)


def write_configuration(path: str | Path, registers: bytes) -> None:
    """Write a configuration file; `OSError` goes through, wrong sizes are as in `format_configuration`."""
    Path(path).write_text(format_configuration(registers), "utf-8")
