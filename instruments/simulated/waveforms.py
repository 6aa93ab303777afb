"""What the simulated oscilloscope sees: the interface a signal source must have, and an honest default.

The default is no model of the link: a PRBS7 with smooth edges, random edge jitter and noise, all independent.
The link simulator, or waveforms made from gateware, take its place through the same interface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ltdb.locx2 import published_facts
from ltdb.provenance import Provenance, Tag

BITS_PER_REFERENCE_CYCLE = 128
"""5.12 Gb/s from the 40 MHz reference: the line rate follows the clock source."""
_CHUNK_SAMPLES = 1 << 18
_EDGES = 2
"""Edges on each side of a sample that still move it: an edge is over well within a bit."""


@dataclass(frozen=True, slots=True)
class ReferenceClock:
    """What the clock source sends."""

    frequency_hz: float = 40e6
    random_jitter_s: float = 0.0
    phase_deg: float = 0.0
    running: bool = False


@dataclass(frozen=True, slots=True)
class WaveformRequest:
    """One channel of one acquisition. The same request gives the same waveform."""

    signal: str
    """What the channel is connected to, as "fibre_0", "clock" or "marker"."""
    sample_rate_hz: float
    samples: int
    start_s: float
    """Time of the first sample after the trigger."""
    reference: ReferenceClock
    powered: bool
    """Whether the board has its transmitter supply."""
    seed: tuple[int, ...]
    """Differs between acquisitions, and between channels."""


class WaveformProvider(Protocol):
    """Source of the voltages at the oscilloscope's inputs."""

    def __call__(self, request: WaveformRequest) -> NDArray[np.float64]:
        """Return volts, shape (samples,), before the oscilloscope's own range and resolution."""


@dataclass(frozen=True, slots=True)
class SerialLine:
    """The default: NRZ with PRBS7 on signals called fibre..., the reference on "clock", a pulse a crossing on "marker".

    Amplitude, edge time and noise are assumptions; the jitter is the published upper bound for LOCx2. The
    reference's jitter adds in squares, as if the board's PLL passed all of it: an upper bound.
    """

    amplitude_v: float = 0.4
    """Peak to peak."""
    edge_time_s: float = 60e-12
    """20 % to 80 %."""
    random_jitter_s: float = field(default_factory=lambda: published_facts()["random_jitter"].value)
    noise_v: float = 0.004

    @property
    def assumptions(self) -> tuple[Provenance, ...]:
        """What the waveform rests on."""
        return (
            published_facts()["random_jitter"].provenance,
            Provenance(
                "shape of the simulated line",
                f"{self.amplitude_v:g} V, edges {self.edge_time_s:g} s, noise {self.noise_v:g} V rms",
                Tag.ASSUMED,
                "choice of the simulation",
            ),
        )

    def __call__(self, request: WaveformRequest) -> NDArray[np.float64]:
        """Return the waveform, computed chunk by chunk from one list of edges."""
        volts = np.random.default_rng([*request.seed, 1]).normal(0.0, self.noise_v, request.samples)
        pattern = _pattern(request.signal)
        if pattern is None or not (request.powered and request.reference.running):
            return volts
        interval = 1 / (BITS_PER_REFERENCE_CYCLE * request.reference.frequency_hz)
        shift = request.reference.phase_deg / 360 / request.reference.frequency_hz
        first = int(np.floor((request.start_s - shift) / interval)) - _EDGES
        last = int(np.ceil((request.start_s - shift + request.samples / request.sample_rate_hz) / interval))
        bits = pattern(np.arange(first, last + _EDGES + 1))
        jitter_s = float(np.hypot(self.random_jitter_s, request.reference.random_jitter_s))
        edges = np.arange(first, first + bits.size) * interval + shift
        edges += np.random.default_rng([*request.seed, 2]).normal(0.0, jitter_s, bits.size)
        steps = np.diff(bits, prepend=bits[:1])
        # 20 % to 80 % of a hyperbolic tangent lie 2 atanh(0.6) = 1.386 of its time constants apart.
        constant = self.edge_time_s / 1.3862943611198906
        for begin in range(0, request.samples, _CHUNK_SAMPLES):
            index = np.arange(begin, min(begin + _CHUNK_SAMPLES, request.samples))
            time = request.start_s + index / request.sample_rate_hz
            bit = np.floor((time - shift) / interval).astype(np.int64) - first
            level = bits[bit - _EDGES].astype(np.float64)
            for offset in range(1 - _EDGES, _EDGES + 1):
                near = bit + offset
                level += steps[near] * (0.5 + 0.5 * np.tanh((time - edges[near]) / constant))
            volts[index] += self.amplitude_v * (level - 0.5)
        return volts


def prbs7(index: NDArray[np.int64]) -> NDArray[np.int8]:
    """Bits of the PRBS7 x^7 + x^6 + 1 (ITU-T O.150) at these positions, from a register of ones at position 0."""
    sequence = np.ones(7, np.int8).tolist()
    while len(sequence) < 127:
        sequence.append(sequence[-7] ^ sequence[-6])
    return np.array(sequence, np.int8)[index % 127]


def _clock(index: NDArray[np.int64]) -> NDArray[np.int8]:
    half = BITS_PER_REFERENCE_CYCLE // 2
    return (index // half % 2 == 0).astype(np.int8)


def _marker(index: NDArray[np.int64]) -> NDArray[np.int8]:
    return (index % BITS_PER_REFERENCE_CYCLE < 16).astype(np.int8)


def _pattern(signal: str) -> Callable[[NDArray[np.int64]], NDArray[np.int8]] | None:
    if signal.startswith("fibre"):
        return prbs7
    return {"clock": _clock, "marker": _marker}.get(signal)
