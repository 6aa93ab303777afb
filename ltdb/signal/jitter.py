"""Jitter separation: from the errors of edges to RJ, PJ, DDJ, DCD, BUJ, and total jitter at any BER.

Methods, by name:

* ``hybrid`` (default): data dependent and periodic parts are found and taken away; what is left is split
  into its widest normal part (RJ) and a bounded remainder (BUJ); all parts are convolved again for the
  total jitter.
* ``spectral``: RJ is the rms of what is left after data dependent and periodic parts; a bounded part
  without structure counts as RJ.
* ``q_tail``: a line through each tail of all errors on the Q scale (dual-Dirac); RJ takes some of the
  deterministic part.
* ``nq_tail``: the same on the normalised Q scale.

The decomposition into DDJ, DCD and PJ is the same in all of them. Every value has its standard uncertainty
and the number of edges it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.bathtub import CONVENTION, Distribution, JitterModel, convolved
from ltdb.signal.deconvolution import split_normal
from ltdb.signal.deterministic import DataDependent, Tone, data_dependent, find_tones
from ltdb.signal.normal import width_multiplier
from ltdb.signal.pattern import PatternPosition, locate
from ltdb.signal.tails import Tails, fit_tails, histogram
from ltdb.signal.tie import TimeIntervalError

METHODS = ("hybrid", "spectral", "q_tail", "nq_tail")
LEAST_EDGES = 1000
_RESAMPLINGS = 20
_PJ_BINS = 1024
J2_BER, J9_BER = 2.5e-3, 2.5e-10


@dataclass(frozen=True)
class Value:
    """A measured time in s with its standard uncertainty and the number of edges it rests on."""

    value_s: float
    uncertainty_s: float
    edges: int


@dataclass(frozen=True)
class Jitter:
    """Result of a separation; peak-to-peak values except RJ, which is rms."""

    method: str
    edges: int
    unit_interval_s: float
    clock: str
    random: Value
    """RJ, rms."""
    data_dependent: Value
    """DDJ, duty cycle distortion included."""
    duty_cycle: Value
    """DCD: mean of rising less mean of falling edges."""
    intersymbol: Value
    """ISI: DDJ without DCD."""
    periodic: Value
    """PJ: range of the sum of all sines at the edges."""
    bounded_uncorrelated: Value
    """BUJ: range of the bounded remainder; 0 when none was needed."""
    tones: tuple[Tone, ...]
    pattern: PatternPosition
    table: DataDependent
    model: JitterModel
    _model_spread: tuple[JitterModel, ...] = ()

    @property
    def convention(self) -> str:
        """How total jitter is counted, in words."""
        return (
            f"{CONVENTION}; transition density {self.model.transition_density:g}; {self.method}; {self.clock}"
        )

    def total(self, ber: float = 1e-12) -> Value:
        """TJ at a bit error ratio."""
        value = self.model.total_jitter_s(ber)
        if self._model_spread:
            spread = float(np.std([model.total_jitter_s(ber) for model in self._model_spread], ddof=1))
        else:
            parts = (self.data_dependent, self.periodic)
            # Twice the part of RJ when a bounded remainder was fitted with it: the two are then not
            # independent.
            random = width_multiplier(ber) * self.random.uncertainty_s
            spread = float(np.sqrt(random**2 + sum(part.uncertainty_s**2 for part in parts)))
        return Value(value, spread, self.edges)

    @property
    def j2(self) -> Value:
        """TJ at 2.5e-3."""
        return self.total(J2_BER)

    @property
    def j9(self) -> Value:
        """TJ at 2.5e-10."""
        return self.total(J9_BER)

    def dual_dirac(self, ber: float = 1e-12) -> Value:
        """DJ(dd): the distance of two Diracs that, with RJ, has the same total jitter: TJ - 2 Q(BER) RJ."""
        total = self.total(ber)
        value = total.value_s - width_multiplier(ber) * self.random.value_s
        return Value(value, total.uncertainty_s, self.edges)


def separate(
    tie: TimeIntervalError,
    method: str = "hybrid",
    *,
    history_bits: int = 7,
    transition_density: float = 1.0,
) -> Jitter:
    """Separate the jitter of edges.

    Parameters
    ----------
    tie
        Errors of the edges, at least 1000.
    method
        One of `METHODS`.
    history_bits
        Bits before an edge that may move it, used when the data do not repeat a pattern.
    transition_density
        1 counts errors per edge, 0.5 per bit of balanced data; see `bathtub`.

    Raises
    ------
    InputError
        If the method is unknown, there are too few edges, or the errors have no spread.
    """
    if method not in METHODS:
        raise InputError("jitter method", repr(method), ", ".join(METHODS))
    if len(tie) < LEAST_EDGES:
        raise InputError("edges to separate jitter", len(tie), f"at least {LEAST_EDGES}")
    if not 0 < transition_density <= 1:
        raise InputError("transition density", transition_density, "above 0, up to 1")
    position = locate(tie.ui_index, tie.rising, history_bits)
    table = data_dependent(tie.error_s, tie.rising, position)
    tones, sines = find_tones(tie.error_s - table.table_s[position.group], tie.ui_index, tie.unit_interval_s)
    if tones:  # sines do not average out of small groups entirely: once more without them
        table = data_dependent(tie.error_s - sines, tie.rising, position)
    rest = tie.error_s - tie.error_s.mean() - table.table_s[position.group] - sines
    bounded = [
        Distribution(table.table_s[table.edges > 0], table.edges[table.edges > 0] / len(tie)),
        _sampled(sines),
    ]
    random, remainder, model, spread = _random_part(
        method, tie, rest, bounded, transition_density, table.fitted
    )
    number = len(tie)
    periodic_uncertainty = 2 * float(np.sqrt(sum(tone.amplitude_uncertainty_s**2 for tone in tones)))
    return Jitter(
        method=method,
        edges=number,
        unit_interval_s=tie.unit_interval_s,
        clock=tie.clock,
        random=random,
        data_dependent=Value(table.peak_to_peak_s, table.peak_to_peak_uncertainty_s, number),
        duty_cycle=Value(table.duty_cycle_distortion_s, table.duty_cycle_uncertainty_s, number),
        intersymbol=Value(table.intersymbol_s, table.peak_to_peak_uncertainty_s, number),
        periodic=Value(float(np.ptp(sines)) if tones else 0.0, periodic_uncertainty, number),
        bounded_uncorrelated=remainder,
        tones=tones,
        pattern=position,
        table=table,
        model=model,
        _model_spread=spread,
    )


def _sampled(values: NDArray[np.float64]) -> Distribution:
    """Distribution of values as a fine histogram."""
    low, high = float(values.min()), float(values.max())
    if high == low:
        return Distribution(np.array([low]), np.ones(1))
    counts, edges = np.histogram(values, _PJ_BINS, (low, high))
    return Distribution(0.5 * (edges[1:] + edges[:-1]), counts / len(values))


def _random_part(
    method: str,
    tie: TimeIntervalError,
    rest: NDArray[np.float64],
    bounded: list[Distribution],
    density: float,
    fitted: float,
) -> tuple[Value, Value, JitterModel, tuple[JitterModel, ...]]:
    """(RJ, BUJ, model, models of resampled data) by the chosen method."""
    number, interval = len(tie), tie.unit_interval_s
    nothing = Value(0.0, 0.0, number)
    if method in ("q_tail", "nq_tail"):
        edges, counts = histogram(tie.error_s - tie.error_s.mean())
        normalised = method == "nq_tail"
        tails = fit_tails(edges, counts, normalised)
        # Resampling the counts shows how far the lines would have scattered.
        generator = np.random.default_rng(0)
        resampled = [
            fit_tails(edges, generator.multinomial(number, counts / number).astype(np.float64), normalised)
            for _ in range(_RESAMPLINGS)
        ]
        uncertainty = float(np.std([fit.sigma for fit in resampled], ddof=1))
        models = tuple(_model_of_tails(fit, interval, density) for fit in resampled)
        random = Value(tails.sigma, uncertainty, number)
        return random, nothing, _model_of_tails(tails, interval, density), models
    # Some of the scatter went away with the table: what is left scatters a little less than it should.
    correction = float(np.sqrt(number / max(1.0, number - 1 - fitted)))
    if method == "spectral":
        sigma = float(rest.std()) * correction
        if sigma == 0:
            raise InputError("jitter", "no spread at all", "edges with some jitter")
        random, buj = Value(sigma, sigma / float(np.sqrt(2 * number)), number), nothing
    else:
        split = split_normal(rest * correction)
        sigma = split.sigma
        random = Value(sigma, split.sigma_uncertainty, number)
        reach = float(np.ptp(split.positions))
        buj = Value(
            reach, 0.0 if split.is_normal else 2 * width_multiplier(1e-3) * split.sigma_uncertainty, number
        )
        bounded = [*bounded, Distribution(split.positions, split.weights)]
    total = convolved(bounded, sigma)
    return random, buj, JitterModel(total, total, sigma, sigma, interval, density), ()


def _model_of_tails(tails: Tails, interval: float, density: float) -> JitterModel:
    left, right = tails.left, tails.right
    return JitterModel(
        Distribution(np.array([left.position]), np.array([left.fraction])),
        Distribution(np.array([right.position]), np.array([right.fraction])),
        left.sigma,
        right.sigma,
        interval,
        density,
    )
