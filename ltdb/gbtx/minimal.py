"""The least a GBTx must be told before its optical link works: what a board has to have fused.

The registers are those named as the minimal set for an external clock (felix-mvtx gbtx.py); their values
are those of a configuration in use (ATLAS NSW, GBTX_cfg_reg_extclk_rev02_110117.txt), register 50 and 52 as
the UMD notes advise. That the GBTx of the LTDB are fused at all, and with this, is an assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MINIMAL_CONFIGURATION: Mapping[int, int] = MappingProxyType(
    {
        25: 0x03, 26: 0x7F, 27: 0x28, 29: 0x15, 30: 0x15, 31: 0x15, 32: 0x66, 34: 0x0D, 35: 0x42,
        37: 0x0F, 38: 0x04, 39: 0x08, 41: 0x20, 46: 0x15, 47: 0x15, 48: 0x15, 50: 0x07, 52: 0x3F,
        242: 0x3F, 243: 0x3F, 244: 0x38, 365: 0xAA,
    }
)  # fmt: skip
"""Register to value; 25 and 26 run the PLL of the phase shifter, which 52 enables; 365 ends the configuration."""
