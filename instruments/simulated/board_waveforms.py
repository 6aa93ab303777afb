"""What probes on a board model show: serial lines and fibres through the link simulator, clocks, reference, marker.

Nets: ``fibre_N`` behind laser and fibre (seen by an optical probe), ``serial_N`` the electrical line in front of the
laser, ``gbtxN.psM`` a phase-shifter clock, ``reference`` the board's clock as it arrives, ``marker`` a pulse of one
word at the beginning of every bunch crossing. Time 0 of a record is the start of a cycle of the reference; a cable
delays what is behind it by its delay, counted half way up a single edge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from instruments.simulated.behaviour import behaviour
from instruments.simulated.line_bits import dark, line_bits
from instruments.simulated.waveforms import WaveformRequest
from ltdb.board_model import BoardModel
from ltdb.gbtx.clocks import DELAY_STEP_S, FINE_STEPS, PERIOD_S, ClockSetting
from ltdb.line_code.format import FrameFormat
from ltdb.signal.link import response
from ltdb.signal.link.edges import Edges, edges_of_bits
from ltdb.signal.link.response import StepResponse, step_response
from ltdb.signal.link.simulator import Link, default_link, electrical_output
from ltdb.signal.link.waveform import transmitted_waveform

_LINE, _CLOCK = re.compile(r"(fibre|serial)_(\d+)"), re.compile(r"(gbtx\d+)\.ps(\d)")
_MARGIN_CROSSINGS = 2
_KELVIN = 273.15
_WORD_BITS = 16


@dataclass(frozen=True)
class GatewareLine:
    """A line as a simulation of the gateware recorded it, and the moment its marker is for."""

    fibre: int
    bits: NDArray[np.uint8]
    """0 and 1, the first from unit interval 0 on."""
    marker_ui: float
    """When the marker rises; time 0 of a record is there."""


@dataclass
class BoardWaveforms:
    """Source of the voltages at an oscilloscope's inputs (`instruments.simulated.waveforms.WaveformProvider`)."""

    board: Callable[[], BoardModel | None]
    layout: FrameFormat
    delays_s: Mapping[str, float] = field(default_factory=dict)
    """Cable and probe in front of the oscilloscope, by the net the probe is on."""
    rail_v: Callable[[], float] = lambda: behaviour()["supply"]["nominal_v"]
    """Voltage of the transmitters' rail."""
    temperature_c: float = 30.0
    gateware: GatewareLine | None = None
    """A line recorded from gateware, in place of what the board model sends, with a marker of its own."""

    def __call__(self, request: WaveformRequest) -> NDArray[np.float64]:
        """Return volts, shape (samples,)."""
        net, model = request.signal, self.board()
        if match := _LINE.fullmatch(net):
            return self._line(request, model, int(match[2]), optical=match[1] == "fibre")
        if not request.reference.running:
            return self._quiet(request)
        if match := _CLOCK.fullmatch(net):
            if model is None or not request.powered or match[1] not in model.gbtx:
                return self._quiet(request)
            chip = model.gbtx[match[1]]
            return self._shifted(request, chip.clock(int(match[2])), chip.ready, int(match[2]))
        if net == "reference":
            return self._reference(request)
        if net == "marker":
            times = None if self.gateware is None else np.zeros(1)
            return self._marker(request) if times is None else self.pulses(request, times)
        return self._quiet(request)

    def link(self, bit_rate_hz: float, *, optical: bool, reference_jitter_s: float = 0.0) -> Link:
        """Build the link at the present temperature and supply voltage."""
        heat, supply = behaviour()["temperature"], behaviour()["supply"]
        build = default_link if optical else electrical_output
        link = build(1 / bit_rate_hz)
        kelvin = (self.temperature_c + _KELVIN) / (heat["reference_c"] + _KELVIN)
        random_s = link.impairments.random_s * kelvin ** heat["jitter_power"]
        moved = replace(link.impairments, random_s=float(np.hypot(random_s, reference_jitter_s)))
        slower = 1 + supply["rise_per_volt"] * (self.rail_v() - supply["nominal_v"])
        blocks = (_stretched(link.blocks[0], slower), *link.blocks[1:])
        light = 1 + heat["laser_per_kelvin"] * (self.temperature_c - heat["reference_c"]) if optical else 1.0
        return replace(link, impairments=moved, blocks=blocks, low=light * link.low, high=light * link.high)

    def _line(
        self, request: WaveformRequest, model: BoardModel | None, fibre: int, *, optical: bool
    ) -> NDArray[np.float64]:
        probes = behaviour()["probes"]
        gain = probes["conversion_v_per_w"] if optical else 1.0
        up = request.powered and request.reference.running and model is not None
        if model is None or not up or fibre not in model.board.fibres or dark(model, fibre, optical=optical):
            return self._quiet(request)
        link = self.link(
            self.layout.frame_bits * request.reference.frequency_hz,
            optical=optical,
            reference_jitter_s=request.reference.random_jitter_s,
        )
        if self.gateware is not None and self.gateware.fibre == fibre:
            begins_s = -self.gateware.marker_ui * link.unit_interval_s
            volts = self.transmit(request, link, self.gateware.bits, begins_s) * gain
            return volts + self._noise(request)
        period = 1 / request.reference.frequency_hz
        first = int(np.floor(request.start_s / period)) - _MARGIN_CROSSINGS
        crossings = int(np.ceil(request.samples / request.sample_rate_hz / period)) + 2 * _MARGIN_CROSSINGS
        generator = np.random.default_rng([*request.seed, 3])
        bits = line_bits(model, self.layout, fibre, crossings, generator)
        return self.transmit(request, link, bits, first * period) * gain + self._noise(request)

    def transmit(
        self, request: WaveformRequest, link: Link, bits: NDArray[np.uint8], begins_s: float
    ) -> NDArray[np.float64]:
        """Send bits, the first beginning at `begins_s`, through a link; in the unit of the link, without probe."""
        if not np.diff(bits).any():
            return np.full(request.samples, link.high if bits[0] else link.low)
        edges = edges_of_bits(
            bits, link.unit_interval_s, link.impairments, np.random.default_rng([*request.seed, 1])
        )
        return self._sampled(
            request, edges, link.step, begins_s, link.low, link.high, link.noise, link.relative_noise
        )

    def _shifted(
        self, request: WaveformRequest, clock: ClockSetting, ready: bool, channel: int
    ) -> NDArray[np.float64]:
        if not (ready and clock.running):
            return self._quiet(request)
        numbers = behaviour()["phase_shifter"]
        # The GBTx follows its reference: a step stays a part of the period.
        delay = (clock.delay_s + nonlinearity_s(clock.delay_s, channel)) / PERIOD_S
        frequency = clock.frequency_hz / 40e6 * request.reference.frequency_hz
        return self._clock(request, frequency, delay / request.reference.frequency_hz, numbers)

    def _reference(self, request: WaveformRequest) -> NDArray[np.float64]:
        numbers = dict(behaviour()["phase_shifter"]) | {"random_jitter_s": request.reference.random_jitter_s}
        shift = request.reference.phase_deg / 360 / request.reference.frequency_hz
        return self._clock(request, request.reference.frequency_hz, shift, numbers)

    def _clock(
        self, request: WaveformRequest, frequency_hz: float, delay_s: float, numbers: Mapping[str, float]
    ) -> NDArray[np.float64]:
        half = 0.5 / frequency_hz
        first = 2 * (int(np.floor(request.start_s * frequency_hz)) - _MARGIN_CROSSINGS)
        count = int(np.ceil(request.samples / request.sample_rate_hz / half)) + 4 * _MARGIN_CROSSINGS
        levels = (np.arange(count) % 2 == 0).astype(np.uint8)
        generator = np.random.default_rng([*request.seed, 1])
        edges = edges_of_bits(levels, half)
        jitter = numbers["random_jitter_s"] * generator.standard_normal(len(edges.time_s))
        edges = replace(edges, time_s=edges.time_s + jitter)
        swing = numbers["amplitude_v"] / 2
        return self._sampled(
            request, edges, _gaussian(numbers["rise_s"]), first * half + delay_s, -swing, swing, numbers["noise_v"], 0.0
        )  # fmt: skip

    def _marker(self, request: WaveformRequest) -> NDArray[np.float64]:
        frequency = request.reference.frequency_hz
        first = int(np.floor(request.start_s * frequency)) - _MARGIN_CROSSINGS
        count = int(np.ceil(request.samples / request.sample_rate_hz * frequency)) + 2 * _MARGIN_CROSSINGS
        return self.pulses(request, (first + np.arange(count)) / frequency)

    def pulses(self, request: WaveformRequest, begin_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Show a pulse of one word's length at each of these times; at least one."""
        numbers = behaviour()["probes"]
        length = _WORD_BITS / (self.layout.frame_bits * request.reference.frequency_hz)
        times = np.stack((begin_s, begin_s + length), axis=1).reshape(-1)
        rising = np.arange(len(times)) % 2 == 0
        edges = Edges(times, rising, np.arange(len(times)), 0, 2, length)
        return self._sampled(
            request, edges, _gaussian(numbers["marker_rise_s"]), 0.0, 0.0, numbers["marker_v"], numbers["noise_v"], 0.0
        )  # fmt: skip

    def _sampled(
        self,
        request: WaveformRequest,
        edges: Edges,
        step: StepResponse,
        begins_s: float,
        low: float,
        high: float,
        noise: float,
        relative_noise: float,
    ) -> NDArray[np.float64]:
        delay_s = self.delays_s.get(request.signal, 0.0)
        shifted = replace(
            edges,
            time_s=edges.time_s + begins_s + delay_s - request.start_s,
            # The record ends where the request does, however many bits there are.
            unit_interval_s=max(edges.unit_interval_s, 2 / request.sample_rate_hz),
            unit_intervals=int(np.ceil(request.samples / request.sample_rate_hz / edges.unit_interval_s) + 1),
        )
        generator = np.random.default_rng([*request.seed, 2])
        waveform = transmitted_waveform(
            shifted, step, 1 / request.sample_rate_hz, low, high, noise, relative_noise, generator
        )
        return waveform.values(0, request.samples)

    def _quiet(self, request: WaveformRequest) -> NDArray[np.float64]:
        return self._noise(request)

    def _noise(self, request: WaveformRequest) -> NDArray[np.float64]:
        generator = np.random.default_rng([*request.seed, 4])
        return behaviour()["probes"]["noise_v"] * generator.standard_normal(request.samples)


def nonlinearity_s(delay_s: float, channel: int) -> float:
    """Return how far the simulated phase shifter is off its setting (assumed, see ``behaviour.toml``)."""
    numbers = behaviour()["phase_shifter"]
    bow = numbers["bow_s"] * np.sin(np.pi * delay_s / PERIOD_S)
    fine = round(delay_s / DELAY_STEP_S) % FINE_STEPS
    return float(bow + numbers["ripple_s"] * np.sin(2 * np.pi * (fine + channel) / FINE_STEPS))


def _stretched(edge: response.Response, factor: float) -> response.Response:
    """Return the block of an edge that takes `factor` times as long."""
    return lambda f: edge(factor * f)


@cache
def _gaussian(rise_s: float) -> StepResponse:
    return step_response((response.gaussian_edge(rise_s),), rise_s)
