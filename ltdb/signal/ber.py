"""Bit error ratio with confidence limits.

Errors are rare and independent, so their number follows Poisson's law: after N bits with E errors the
ratio is below p with the confidence CL = 1 - exp(-N p) * sum over k <= E of (N p)^k / k!. Clopper and
Pearson (1934) give the exact limits for a given number of bits (binomial law); the two agree as long as
errors are rare.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ltdb.errors import InputError

_MOST_SUMMED, _RARE = 500, 1e-3
"""Errors and ratio up to which a binomial sum is added up: beyond, its first term may be below the smallest number."""


@dataclass(frozen=True)
class BitErrorRatio:
    """A counted bit error ratio with its limits."""

    errors: int
    bits: int
    confidence: float
    upper_limit: float
    """With the given confidence the ratio is below this (one-sided)."""
    interval: tuple[float, float]
    """Clopper-Pearson interval, two-sided, of the same confidence."""

    @property
    def ratio(self) -> float:
        """Errors over bits."""
        return self.errors / self.bits


def bit_error_ratio(errors: int, bits: int, confidence: float = 0.95) -> BitErrorRatio:
    """Judge a count of errors.

    Raises
    ------
    InputError
        If there are no bits, more errors than bits, or the confidence is not between 0 and 1.
    """
    _check(errors, bits, confidence)
    interval = clopper_pearson(errors, bits, confidence)
    return BitErrorRatio(errors, bits, confidence, poisson_upper_limit(errors, bits, confidence), interval)


def poisson_upper_limit(errors: int, bits: int, confidence: float = 0.95) -> float:
    """Ratio not exceeded with the given confidence (one-sided): 3.0 / bits for no errors at 95 %."""
    _check(errors, bits, confidence)
    return min(1.0, _expected_errors(errors, confidence) / bits)


def confidence_below(ratio: float, errors: int, bits: int) -> float:
    """Confidence with which the ratio is below the given one, after `errors` in `bits`."""
    _check(errors, bits, 0.5)
    if not 0 < ratio < 1:
        raise InputError("bit error ratio", ratio, "between 0 and 1")
    return 1.0 - _poisson_sum(errors, bits * ratio)


def bits_needed(ratio: float, confidence: float = 0.95, errors: int = 0) -> float:
    """Bits that prove the ratio with that many errors: 3.00e12 for 1e-12 at 95 % without errors."""
    _check(errors, max(errors, 1), confidence)
    if not 0 < ratio < 1:
        raise InputError("bit error ratio", ratio, "between 0 and 1")
    return _expected_errors(errors, confidence) / ratio


def time_needed_s(ratio: float, bit_rate_hz: float, confidence: float = 0.95, errors: int = 0) -> float:
    """Time in which `bits_needed` pass: 585 s for 1e-12 at 95 % and 5.12 Gb/s."""
    if not bit_rate_hz > 0:
        raise InputError("bit rate", bit_rate_hz, "a positive number of Hz")
    return bits_needed(ratio, confidence, errors) / bit_rate_hz


def clopper_pearson(errors: int, bits: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of the ratio by Clopper and Pearson: quantiles of two beta distributions."""
    _check(errors, bits, confidence)
    outside = 0.5 * (1 - confidence)
    rest = bits - errors
    lower = 0.0 if errors == 0 else _solve(lambda p: incomplete_beta(errors, rest + 1, p), outside)
    upper = 1.0 if rest == 0 else _solve(lambda p: 1 - _binomial_sum(errors, bits, p), 1 - outside)
    return lower, upper


def _check(errors: int, bits: int, confidence: float) -> None:
    if bits < 1 or not 0 <= errors <= bits:
        raise InputError("errors and bits", f"{errors} in {bits}", "0 <= errors <= bits, at least 1 bit")
    if not 0 < confidence < 1:
        raise InputError("confidence", confidence, "between 0 and 1")


def _binomial_sum(errors: int, bits: int, ratio: float) -> float:
    """Probability of at most that many errors in so many bits."""
    # A ratio of 1e-12 is lost in 1 - ratio, on which the continued fraction rests; the sum itself keeps its digits.
    if errors > _MOST_SUMMED or ratio > _RARE:
        return 1.0 - incomplete_beta(errors + 1, bits - errors, ratio)
    term = total = math.exp(bits * math.log1p(-ratio))
    for k in range(1, errors + 1):
        term *= (bits - k + 1) / k * (ratio / (1 - ratio))
        total += term
    return total


def _poisson_sum(errors: int, mean: float) -> float:
    """Probability of at most that many errors when `mean` are expected."""
    if mean == 0:
        return 1.0
    if (
        errors > 200
    ):  # the sum is a regularised incomplete gamma function: its continued fraction or its series
        return 1.0 - _incomplete_gamma(errors + 1.0, mean)
    term = total = 1.0
    for k in range(1, errors + 1):
        term *= mean / k
        total += term
    return total * math.exp(-mean) if mean < 700 else math.exp(math.log(total) - mean)


def _incomplete_gamma(shape: float, x: float) -> float:
    """Regularised lower incomplete gamma function P(shape, x)."""
    prefactor = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        n = shape
        while term > 1e-16 * total:
            n += 1
            term *= x / n
            total += term
        return total * prefactor
    b = x + 1 - shape
    c, d = 1e300, 1 / b
    fraction = d
    for i in range(1, 100_000):
        a = -i * (i - shape)
        b += 2
        d = 1 / (a * d + b)
        c = b + a / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return 1 - prefactor * fraction


def _expected_errors(errors: int, confidence: float) -> float:
    """Mean at which at most `errors` are seen with a probability of 1 - confidence."""
    if errors == 0:
        return -math.log1p(-confidence)
    low, high = 0.0, 2.0 * errors + 20
    while _poisson_sum(errors, high) > 1 - confidence:
        high *= 2
    for _ in range(200):
        middle = 0.5 * (low + high)
        if _poisson_sum(errors, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    small, large = min(a, b), max(a, b)
    front = (
        math.exp(a * math.log(x) + b * math.log1p(-x) + _log_gamma_step(large, small) - math.lgamma(small))
        / a
    )
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / d
    fraction = d
    for m in range(1, 100_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + numerator * d)
            c = 1 + numerator / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * fraction


def _log_gamma_step(large: float, small: float) -> float:
    """Logarithm of gamma(large + small) / gamma(large), also where lgamma has no digits left for it."""
    if large < 1e5:
        return math.lgamma(large + small) - math.lgamma(large)
    total = large + small
    return (
        (large - 0.5) * math.log1p(small / large)
        + small * math.log(total)
        - small
        + (1 / total - 1 / large) / 12
    )


def _solve(function: Callable[[float], float], target: float) -> float:
    """Find the p at which a rising function of p reaches the target, to full relative precision."""
    low, high = -700.0, 0.0  # logarithm of p: a ratio of 1e-12 needs the same digits as one of 0.1
    for _ in range(200):
        middle = 0.5 * (low + high)
        if function(math.exp(middle)) < target:
            low = middle
        else:
            high = middle
    return math.exp(0.5 * (low + high))
