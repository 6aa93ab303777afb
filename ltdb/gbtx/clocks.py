"""Clock manager of the GBTx: what clocks its registers ask for.

The fields are published; the steps follow from them (25 ns / 32 coarse, 25 ns / 512 fine: inferred), the
meaning of the frequency codes does not (natural order assumed, see the register table).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from ltdb.errors import InputError
from ltdb.gbtx.table import register_map

PERIOD_S = 25e-9
PHASE_SHIFTER_CLOCKS = 8
DELAY_STEPS = 512
"""Steps of a phase-shifter channel: 16 fine ones in each of 32 coarse ones, 25 ns in all."""
FINE_STEPS = 16
DELAY_STEP_S = PERIOD_S / DELAY_STEPS
"""48.83 ps."""
ReadValue = Callable[[str], int]


@cache
def frequencies_hz() -> Mapping[int, float]:
    """Frequency of each code, from the names in the register table (nominal; the LHC clock is 40.079 MHz)."""
    encoding = register_map().value("FREQ0").encoding
    return {code: 1e6 * int(name.removeprefix("mhz_")) for name, code in encoding.items()}


@dataclass(frozen=True, slots=True)
class ClockSetting:
    """A clock as the registers ask for it."""

    running: bool
    frequency_hz: float
    delay_s: float
    """Delay against the undelayed clock, modulo 25 ns."""
    drive: int


def delay_codes(step: int) -> tuple[int, int]:
    """Coarse and fine code of one of the 512 delay steps.

    Raises
    ------
    InputError
        If there is no such step.
    """
    if not 0 <= step < DELAY_STEPS:
        raise InputError("phase-shifter delay", f"step {step}", f"0 to {DELAY_STEPS - 1} of {DELAY_STEP_S} s")
    return step // FINE_STEPS, step % FINE_STEPS


def nearest_step(delay_s: float) -> int:
    """Delay step nearest to a delay in seconds, taken modulo 25 ns."""
    return round(delay_s / DELAY_STEP_S) % DELAY_STEPS


def phase_shifter_clock(value: ReadValue, channel: int) -> ClockSetting:
    """Read the setting of a phase-shifter clock; `value` reads a named value of the register map."""
    step = value(f"CDL{channel}") * FINE_STEPS + value(f"FDL{channel}")
    running = value("PSpllEnable") and value("resetPLLBar") and value(f"resetBar{channel}")
    return ClockSetting(
        running=bool(running),
        frequency_hz=frequencies_hz()[value(f"FREQ{channel}")],
        delay_s=step * DELAY_STEP_S,
        drive=value(f"cset{channel}"),
    )


def elink_clock(value: ReadValue, group: int, channel: int) -> ClockSetting:
    """Read the setting of clock `channel` of an e-group; its phase is fixed."""
    return ClockSetting(
        running=bool(value(f"clockPortEnable{group}") >> channel & 1),
        frequency_hz=frequencies_hz()[value(f"clockBusFrequency{group}")],
        delay_s=0.0,
        drive=value(f"clkDriveStrength{group}"),
    )
