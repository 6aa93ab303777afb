"""Where the lanes of two ADCs cross into the word clock of a LOCx2 channel, and when they wander too far.

The rules are those of ``docs/locx2.md``, "When the lanes wander": the read position is set once, by the mark of the
later ADC, and wander of one word clock to either side is tolerated. Here at the level of clock delays, for the board
model; the gateware does it bit by bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from math import floor

WORDS = 8
"""Word clocks in a bunch crossing."""
PERIOD_S = 25e-9
WORD_S = PERIOD_S / WORDS
LARGEST_SKEW_S = 3 * WORD_S
"""ADCs of one channel further apart than 48 UI are taken as lost."""
TOLERATED_WORDS = 1


class Wander(StrEnum):
    """What happens to a channel when its lanes move too far; named as the LOCx2 error bits."""

    UNDERFLOW = "underflow"
    """They fell back: idle words, the frame boundary moves."""
    OVERFLOW = "overflow"
    """They ran ahead: a frame is cut off, the boundary moves."""
    LOST = "lost"
    """A clock is missing, or the ADCs are too far apart: the line idles."""


class LaneCrossing:
    """The crossing of one channel.

    Parameters
    ----------
    phase_s
        Time from an edge of the word clock to the marks of undelayed ADCs: set when the dividers of the LOCx2
        start, and different from chip to chip.
    """

    def __init__(self, phase_s: float) -> None:
        self.phase_s = phase_s
        self.events: Counter[Wander] = Counter()
        self._position: int | None = None

    @property
    def aligned(self) -> bool:
        """Whether frames are sent."""
        return self._position is not None

    def realign(self) -> None:
        """Forget the read position; the next `follow` sets it anew."""
        self._position = None

    def follow(self, adc_delays_s: Sequence[float], locx2_delay_s: float) -> Wander | None:
        """Take the delays of the ADC clocks (none while one of them stands) and of the own clock.

        Returns what went wrong, if anything did; after under- and overflow the channel is aligned anew.
        """
        position = self._mark(adc_delays_s, locx2_delay_s)
        before, self._position = self._position, position
        event = _judge(before, position)
        if event is not None:
            self.events[event] += 1
        return event

    def _mark(self, adc_delays_s: Sequence[float], locx2_delay_s: float) -> int | None:
        """Word clock, 0 to 7, that takes the mark of the later ADC; None if there is no common one."""
        if not adc_delays_s:
            return None
        first, second = adc_delays_s[0], adc_delays_s[-1]
        behind_s = (second - first + PERIOD_S / 2) % PERIOD_S - PERIOD_S / 2
        if abs(behind_s) > LARGEST_SKEW_S:
            return None
        later_s = first + max(0.0, behind_s)
        return floor((later_s - locx2_delay_s + self.phase_s) / WORD_S) % WORDS


def _judge(before: int | None, after: int | None) -> Wander | None:
    if before is None:
        return None
    if after is None:
        return Wander.LOST
    moved = (after - before + WORDS // 2) % WORDS - WORDS // 2
    if abs(moved) <= TOLERATED_WORDS:
        return None
    # Half a bunch crossing is as far ahead as behind: words are read before they are written, as after falling back.
    return Wander.OVERFLOW if -WORDS // 2 < moved < 0 else Wander.UNDERFLOW
