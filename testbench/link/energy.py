"""Energies of injected pulses, reconstructed from what came out of the link by optimal filtering."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from testbench.link.check import Fate, Settled

if TYPE_CHECKING:
    from ltdb.stimulus import FibreStimulus, InjectedPulses

Floats = NDArray[np.float64]


@dataclass
class EnergyCheck:
    """Collects, pulse by pulse, the true and the reconstructed energy in GeV.

    A pulse is used if every frame its filter needs was delivered without a flag; the others are lost.
    """

    stimulus: FibreStimulus
    _waiting: list[InjectedPulses] = field(default_factory=list)
    _true: list[Floats] = field(default_factory=list)
    _found: list[Floats] = field(default_factory=list)
    lost: int = 0

    def __post_init__(self) -> None:
        self._filter = self.stimulus.filter()
        self._reach = self._filter.first_sample + self._filter.energy_coefficients.size

    def inject(self, pulses: InjectedPulses) -> None:
        """Note the pulses of the stretch sent next."""
        self._waiting.append(pulses)

    def settle(self, settled: Settled) -> None:
        """Reconstruct the pulses of a settled stretch."""
        pulses = self._waiting.pop(0)
        start = pulses.crossing - settled.first
        window = start[:, None] + np.arange(self._reach)[None, :]
        # At the very end the frames after a pulse may be missing.
        inside = window[:, -1] < len(settled.fate)
        usable = np.zeros(start.size, bool)
        usable[inside] = (settled.fate[window[inside]] == Fate.RIGHT).all(axis=1)
        self.lost += int(np.count_nonzero(~usable))
        if not usable.any():
            return
        signal = self.stimulus.to_gev(settled.received)
        energy = self._filter.energy(signal)
        self._true.append(pulses.energy_gev[usable])
        self._found.append(energy[start[usable], pulses.lane[usable]])

    @property
    def true_gev(self) -> Floats:
        """Injected energies, one for each pulse used."""
        return np.concatenate(self._true) if self._true else np.zeros(0)

    @property
    def found_gev(self) -> Floats:
        """Reconstructed energies of the same pulses."""
        return np.concatenate(self._found) if self._found else np.zeros(0)

    @property
    def expected_rms_gev(self) -> float:
        """Error that noise and pile-up should leave, as the filter's covariance predicts."""
        return self._filter.energy_rms
