"""Latency budgets, stage by stage in unit intervals of the fibre, to be compared with what is measured.

A budget is a prediction: `minimum_ui` and `maximum_ui` bound each stage over all clock phases, and where they
differ the source says which phase decides. The stages of each chip stand with the chip's model.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.provenance import Tag


@dataclass(frozen=True, slots=True)
class Stage:
    """One step on the way of a bit."""

    name: str
    minimum_ui: float
    maximum_ui: float
    tag: Tag
    source: str
    """Which element of the design this is, and what its spread comes from."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Stages one after another, between two stated measuring points."""

    title: str
    begins: str
    """Measuring point at which the clock starts."""
    ends: str
    stages: tuple[Stage, ...]
    unit_interval_s: float

    @property
    def minimum_ui(self) -> float:
        """Least latency over all phases."""
        return sum(stage.minimum_ui for stage in self.stages)

    @property
    def maximum_ui(self) -> float:
        """Greatest latency over all phases."""
        return sum(stage.maximum_ui for stage in self.stages)

    @property
    def minimum_s(self) -> float:
        """Least latency over all phases in seconds."""
        return self.minimum_ui * self.unit_interval_s

    @property
    def maximum_s(self) -> float:
        """Greatest latency over all phases in seconds."""
        return self.maximum_ui * self.unit_interval_s
