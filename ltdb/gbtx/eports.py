"""Sampling phase of the e-port inputs: fixed, found by training, or tracked.

Published are the fields (mode, per channel a 4-bit phase and bits that train, enable and reset) and where
the phase in use is read back. Assumed: the codes of the modes (see the register table), and that 8 phase
codes make one bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TAPS_PER_BIT = 8
"""Phase codes in a bit period; codes 8 to 15 sample the next bit (assumed)."""
MARGIN_TAPS = 1.0
"""Nearer than this to the edge of a bit the input is sampled wrongly (assumed)."""
INPUT_GROUPS = 7
CHANNELS = 8


class PhaseMode(StrEnum):
    """Names of the values of `paMode` in the register table."""

    FIXED = "fixed"
    TRAIN = "train"
    AUTO = "auto"


@dataclass(slots=True)
class InputChannel:
    """One e-port input: where its data is, and where the chip samples it."""

    edge_tap: float = TAPS_PER_BIT / 2
    """Where on the board side the bits begin, in taps, 0 to 8: set by whoever drives the input.

    By default phase code 0 samples in the middle: configurations in use (NSW, CMS) leave it there.
    """
    trained_phase: int = 0
    training: bool = False
    locked: bool = False

    def best_phase(self) -> int:
        """Phase code nearest to the middle of the bit."""
        return round(self.edge_tap + TAPS_PER_BIT / 2) % TAPS_PER_BIT

    def samples_right(self, phase: int) -> bool:
        """Whether sampling at `phase` keeps clear of the edges."""
        distance = (phase - self.edge_tap) % TAPS_PER_BIT
        return MARGIN_TAPS <= distance <= TAPS_PER_BIT - MARGIN_TAPS

    def update(self, mode: str, enabled: bool, reset: bool, train: bool, dll_locked: bool) -> None:
        """Follow the registers: training takes its result when the train bit goes back to 0."""
        if reset or not enabled or not dll_locked:
            self.locked = False
            if reset:
                self.trained_phase = 0
        elif mode == PhaseMode.AUTO or train or (mode == PhaseMode.TRAIN and self.training):
            self.trained_phase = self.best_phase()
            self.locked = True
        elif mode == PhaseMode.FIXED:
            self.locked = True
        self.training = train

    def phase(self, mode: str, selected: int) -> int:
        """Phase code in use."""
        return selected if mode == PhaseMode.FIXED else self.trained_phase
