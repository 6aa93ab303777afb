"""The whole link in one call, with the defaults of ``link.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag
from ltdb.signal.bathtub import Distribution
from ltdb.signal.link import response
from ltdb.signal.link.edges import Edges, Impairments, Sine, edges_of_bits
from ltdb.signal.link.response import Response, StepResponse, step_response
from ltdb.signal.link.statistical import StatisticalEye, statistical_eye
from ltdb.signal.link.waveform import transmitted_waveform
from ltdb.signal.waveform import Waveform

SAMPLES_A_UI = 15.625
"""80 GS/s at 5.12 Gb/s: not a whole number, as in a real capture, so that samples fall on all phases."""


@dataclass(frozen=True)
class Link:
    """A link: jitter of the transmitter, linear blocks, levels and noise at the receiver.

    Blocks may be exchanged or added (a measured channel, an equaliser): ``replace(link,
    blocks=(*link.blocks, mine))``.
    """

    unit_interval_s: float
    impairments: Impairments = field(default_factory=Impairments)
    blocks: tuple[Response, ...] = ()
    low: float = 0.0
    high: float = 1.0
    noise: float = 0.0
    """Root mean square, in the unit of the levels."""
    relative_noise: float = 0.0
    unit: str = "W"
    provenance: tuple[Provenance, ...] = ()

    @cached_property
    def step(self) -> StepResponse:
        """Response of all blocks to one edge."""
        return step_response(self.blocks, self.unit_interval_s)

    def edges(self, bits: NDArray[np.uint8], seed: int = 0) -> Edges:
        """Place the transitions of bits; the seed repeats a run."""
        return edges_of_bits(bits, self.unit_interval_s, self.impairments, np.random.default_rng((seed, 1)))

    def waveform(
        self, bits: NDArray[np.uint8], seed: int = 0, samples_a_ui: float = SAMPLES_A_UI
    ) -> Waveform:
        """Simulate what an oscilloscope at the receiver sees."""
        if not samples_a_ui >= 2:
            raise InputError("samples a UI", samples_a_ui, "at least 2")
        return transmitted_waveform(
            self.edges(bits, seed),
            self.step,
            self.unit_interval_s / samples_a_ui,
            self.low,
            self.high,
            self.noise,
            self.relative_noise,
            np.random.default_rng((seed, 2)),
            self.unit,
        )

    def statistical_eye(self) -> StatisticalEye:
        """Compute the eye of all bit patterns, with jitter and the noise of the higher level."""
        amplitude = self.high - self.low
        relative = self.relative_noise * max(abs(self.high), abs(self.low))
        noise = float(np.hypot(self.noise, relative)) / amplitude
        positions, weights = np.array([-0.5, 0.5]) * self.impairments.duty_cycle_s, np.array([0.5, 0.5])
        for sine in self.impairments.periodic:
            angles = np.pi * (np.arange(32) + 0.5) / 32
            positions = (positions[:, None] + sine.amplitude_s * np.cos(angles)).reshape(-1)
            weights = np.repeat(weights / 32, 32)
        return statistical_eye(
            self.step,
            self.unit_interval_s,
            noise=noise,
            jitter=Distribution(positions, weights),
            jitter_sigma_s=self.impairments.random_s,
        )


@dataclass(frozen=True)
class LinkLimits:
    """Published limits of the transmitter."""

    random_jitter_s: float
    total_jitter_s: float
    ber: float
    provenance: Provenance


def published_limits() -> LinkLimits:
    """Limits of the LOCx2 serial output as published."""
    table = _tables()["limits"]
    return LinkLimits(
        table["random_jitter_s"], table["total_jitter_s"], table["ber"], _provenance("limits", table)
    )


def default_link(unit_interval_s: float) -> Link:
    """Build the optical link of the LTDB with the numbers of ``link.toml``.

    Parameters
    ----------
    unit_interval_s
        Duration of a bit on the fibre: `FrameFormat.unit_interval_s`.
    """
    tables = _tables()
    sender, laser, fibre, receiver = (tables[name] for name in ("transmitter", "laser", "fibre", "receiver"))
    loss = 10 ** (-fibre["loss_db"] / 10)
    return Link(
        unit_interval_s=unit_interval_s,
        impairments=Impairments(
            random_s=sender["random_jitter_s"],
            periodic=(Sine(sender["periodic_hz"], sender["periodic_s"] / 2),),
            duty_cycle_s=sender["duty_cycle_s"],
        ),
        blocks=(
            response.gaussian_edge(sender["rise_s"]),
            response.vcsel(laser["resonance_hz"], laser["damping_hz"], laser["parasitic_hz"]),
            response.fibre(fibre["bandwidth_hz"]),
            response.bessel_thomson(receiver["bandwidth_hz"]),
        ),
        low=loss * laser["low_w"],
        high=loss * laser["high_w"],
        noise=receiver["noise_w"],
        relative_noise=laser["relative_noise"],
        provenance=tuple(_provenance(name, table) for name, table in tables.items()),
    )


def electrical_output(unit_interval_s: float) -> Link:
    """Build the serial output of the transmitter chip alone, without laser, fibre and noise."""
    table = _tables()["transmitter"]
    whole = default_link(unit_interval_s)
    return Link(
        unit_interval_s=unit_interval_s,
        impairments=whole.impairments,
        blocks=(response.gaussian_edge(table["rise_s"]),),
        low=-0.2,
        high=0.2,
        unit="V",
        provenance=whole.provenance,
    )


def _tables() -> dict[str, dict]:
    return tomllib.loads(files(__package__).joinpath("link.toml").read_text("utf-8"))


def _provenance(name: str, table: dict) -> Provenance:
    value = ", ".join(f"{key} {entry:g}" for key, entry in table.items() if key not in ("tag", "source"))
    return Provenance(f"link: {name}", value, Tag(table["tag"]), table["source"])
