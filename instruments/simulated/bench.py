"""The world the twins share: rails and the board on them, the reference clock, the link, simulated time.

What one twin does another one sees: the supply's rail is what the multimeter reads, the generator's jitter is
in the oscilloscope's waveform, and without supply or clock the link has errors. Time passes only when an
instrument waits, so that a minute of counting takes no minute.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from instruments.simulated.load import BoardLoad, PublishedLoad
from instruments.simulated.waveforms import ReferenceClock, SerialLine, WaveformProvider

_BISECTIONS = 60
LEAST_TRANSMITTER_V = 2.25
"""Below 2.5 V − 10 % on its rail the simulated transmitter sends nothing; an assumption."""


class BitErrorProvider(Protocol):
    """Source of the bit errors of the link."""

    def __call__(self, bits: int, generator: np.random.Generator) -> int:
        """Return the number of errors in that many bits."""


@dataclass(frozen=True, slots=True)
class ConstantErrorRatio:
    """The default link: independent errors at a constant ratio."""

    ratio: float = 0.0

    def __call__(self, bits: int, generator: np.random.Generator) -> int:
        """Draw from the Poisson distribution, cut at the number of bits."""
        return min(int(generator.poisson(self.ratio * bits)), bits)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What becomes of a rail when an output drives it."""

    terminal_v: float
    board_v: float
    current_a: float
    limited: bool
    """Whether the current limit is reached."""


class Bench:
    """The state shared by the twins of one simulated bench.

    Parameters
    ----------
    load
        Current of the board: a function of rail and voltage.
    waveforms
        Voltages at the oscilloscope's inputs.
    bit_errors
        Errors of the link.
    transmitter_rails
        Rails the transmitter needs; it works when one of them is up (whole board or chip board).
    lead_resistance_ohm
        From the supply's terminals to the board and back; the default is an assumption.
    seed
        Of everything random.
    """

    def __init__(
        self,
        *,
        load: BoardLoad | None = None,
        waveforms: WaveformProvider | None = None,
        bit_errors: BitErrorProvider | None = None,
        transmitter_rails: tuple[str, ...] = ("locx2_2v5", "chip_2v5"),
        lead_resistance_ohm: float = 0.01,
        seed: int = 1,
    ) -> None:
        self.lock = threading.RLock()
        """Held by a twin while it obeys a message; hold it to look at several things at once."""
        self.load = PublishedLoad() if load is None else load
        self.waveforms = SerialLine() if waveforms is None else waveforms
        self.bit_errors = ConstantErrorRatio() if bit_errors is None else bit_errors
        self.transmitter_rails = transmitter_rails
        self.lead_resistance_ohm = lead_resistance_ohm
        self.seed = seed
        self.reference = ReferenceClock()
        self.now_s = 0.0
        self._rails: dict[str, Callable[[], Delivery]] = {}

    def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.now_s += seconds

    def connect(self, rail: str, source: Callable[[], Delivery]) -> None:
        """Let a supply's output be what drives a rail."""
        self._rails[rail] = source

    def rail_v(self, rail: str) -> float:
        """Voltage of a rail at the board; 0 if nothing drives it."""
        return self._rails[rail]().board_v if rail in self._rails else 0.0

    @property
    def powered(self) -> bool:
        """Whether the transmitter has its supply."""
        return any(self.rail_v(rail) >= LEAST_TRANSMITTER_V for rail in self.transmitter_rails)

    @property
    def link_is_up(self) -> bool:
        """Whether the line carries data: supply and reference clock are there."""
        return self.powered and self.reference.running

    def deliver(self, rail: str | None, voltage_v: float, limit_a: float) -> Delivery:
        """Work out voltage and current of a rail driven at a voltage through the leads, up to a current."""
        if rail is None:
            return Delivery(voltage_v, voltage_v, 0.0, False)
        board_v = self._solve(
            lambda v: v + self.lead_resistance_ohm * self.load(rail, v), voltage_v, voltage_v
        )
        current_a = self.load(rail, board_v)
        if current_a <= limit_a:
            return Delivery(voltage_v, board_v, current_a, False)
        board_v = self._solve(lambda v: self.load(rail, v), limit_a, voltage_v)
        return Delivery(board_v + self.lead_resistance_ohm * limit_a, board_v, limit_a, True)

    @staticmethod
    def _solve(rising: Callable[[float], float], target: float, upper: float) -> float:
        low, high = 0.0, upper
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if rising(middle) <= target else (low, middle)
        return low
