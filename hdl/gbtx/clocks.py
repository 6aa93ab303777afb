"""Clock manager of the GBTx: what its registers ask of the clock outputs.

The settings leave this module as codes. The delay itself is an analog matter: `hdl/simulation/phase_shifter.v` makes
the clocks, in simulation only.
"""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from hdl.gbtx.register_file import RegisterFile
from ltdb.gbt.frame import E_GROUPS
from ltdb.gbtx.clocks import PHASE_SHIFTER_CLOCKS

SHIFTED_CLOCK = data.StructLayout({"fine": 4, "coarse": 5, "frequency": 2, "drive": 4, "running": 1})
"""One of the phase-shifter clocks: delayed by (16 coarse + fine) * 25 ns / 512; frequency is the code of FREQ."""
ELINK_CLOCKS = data.StructLayout({"enable": 8, "frequency": 2, "drive": 4})
"""The eight clocks of an e-group; frequency is the code of clockBusFrequency."""


class ClockManager(wiring.Component):
    """Settings of all clocks, as the registers stand; combinational.

    Interface attributes
    --------------------
    shifted : Out(SHIFTED_CLOCK).array(8)
    elink : Out(ELINK_CLOCKS).array(5)
    """

    def __init__(self, registers: RegisterFile) -> None:
        self._registers = registers
        super().__init__(
            {
                "shifted": Out(SHIFTED_CLOCK).array(PHASE_SHIFTER_CLOCKS),
                "elink": Out(ELINK_CLOCKS).array(E_GROUPS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        value = self._registers.value
        for k, clock in enumerate(self.shifted):
            m.d.comb += [
                clock.fine.eq(value(f"FDL{k}")),
                clock.coarse.eq(value(f"CDL{k}")),
                clock.frequency.eq(value(f"FREQ{k}")),
                clock.drive.eq(value(f"cset{k}")),
                clock.running.eq(value("PSpllEnable").any() & value("resetPLLBar") & value(f"resetBar{k}")),
            ]
        for group, clocks in enumerate(self.elink):
            m.d.comb += [
                clocks.enable.eq(value(f"clockPortEnable{group}")),
                clocks.frequency.eq(value(f"clockBusFrequency{group}")),
                clocks.drive.eq(value(f"clkDriveStrength{group}")),
            ]
        return m
