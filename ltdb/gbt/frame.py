"""The 120-bit GBT frame as data: header, scrambler, Reed-Solomon code, interleaver, payload.

Sources: GBT-FPGA user guide V1.0 and GBT-FPGA 6.0 (frame, scrambler, code, interleaver); gbt-sc, FELIX and
CMS code (IC and EC bits). A packed frame is 15 bytes, bit 119 of the frame being bit 7 of byte 0 and first
on the line. A packed payload is 11 bytes: the low nibble of byte 0 holds IC and EC (bits 83..80), bytes 1
to 10 the five e-groups, group 4 first.
"""

from __future__ import annotations

from enum import StrEnum

FRAME_BITS = 120
FRAME_BYTES = 15
FRAME_RATE_HZ = 40e6
"""Nominal; the LHC clock is 40.079 MHz."""

HEADER_DATA = 0b0101
HEADER_IDLE = 0b0110

PAYLOAD_BITS = 84
PAYLOAD_BYTES = 11
EXTRA_BITS = 32
"""Further payload of the wide-bus frame, in the place of the parity."""

SCRAMBLER_BITS = 21
SCRAMBLER_RESET = (0x1A23E0, 0x0F4350, 0x13EDC0, 0x078E20)
"""Reset values of the four 21-bit scramblers, bits 20:0 of the payload first (arbitrary choice of GBT-FPGA).

The payload scrambler is x^21 + x^19 + 1, bit 0 first in time.
"""
WIDE_BUS_SCRAMBLER_RESET = (0x23E0, 0x4350)
"""Reset values of the two 16-bit wide-bus scramblers, x^16 + x^14 + x^13 + x^11 + 1, bits 15:0 first."""

E_GROUPS = 5
E_GROUP_BITS = 16


class Encoding(StrEnum):
    """How the 32 bits after the scrambled payload are used."""

    FEC = "fec"
    """Two interleaved RS(15,11) words: corrects two symbols of 4 bits in each."""
    WIDE_BUS = "wide_bus"
    """32 further scrambled payload bits, no error correction."""
