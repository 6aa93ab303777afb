"""Records of Keysight oscilloscopes in 16-bit words, low byte first: value = code × YINCrement + YORigin.

Three codes are marks, not voltages: a hole, where nothing was sampled yet ("Infiniium 90000 Series Oscilloscopes
Programmer's Reference", page 889), and what lay below or above the range (Keysight's IQtools, iqreaddca.m, which
knows all three). The mark for "below" is a large positive number, so taking it for a voltage would be wrong by
more than the range.
"""

from __future__ import annotations

import numpy as np

from instruments.driver import Driver
from instruments.oscilloscope import Progress
from ltdb.errors import InputError
from ltdb.signal.waveform import Waveform

HOLE, BELOW, ABOVE = 31232, 31744, 32256


def read_words(
    driver: Driver, channel: int, axis: str, codes: str, data: str, progress: Progress | None
) -> Waveform:
    """Read the record of the source that was chosen.

    Parameters
    ----------
    driver, channel
        Whose record it is.
    axis, codes
        Commands under which number and spacing of the points stand, and the meaning of the codes.
    data
        Query for the record.
    progress
        As in `Oscilloscope.read_trace`.

    Raises
    ------
    InputError
        If there is no record, or samples in it are missing or out of range.
    """
    connection = driver.connection
    points = connection.query_integer(f"{axis}:POINTS?")
    interval_s = connection.query_number(f"{axis}:XINCREMENT?")
    start_s = connection.query_number(f"{axis}:XORIGIN?")
    volts = connection.query_number(f"{codes}:YINCREMENT?")
    zero_v = connection.query_number(f"{codes}:YORIGIN?")
    if points < 1 or interval_s <= 0 or volts == 0:
        raise InputError("record of the oscilloscope", f"{points} points, {interval_s} s", "a record")
    words = np.frombuffer(connection.query_block(data, expected_bytes=2 * points, progress=progress), "<i2")
    for mark, what in ((HOLE, "not sampled"), (BELOW, "below the range"), (ABOVE, "above the range")):
        count = int(np.count_nonzero(words == mark))
        if count:
            got = f"{count} of {points} samples {what}"
            allowed = "a finished record" if mark == HOLE else "a signal within the vertical range"
            raise InputError(f"{driver.name} channel {channel}: record", got, allowed)
    return Waveform(
        codes=words,
        sample_interval_s=interval_s,
        scale=volts,
        offset=zero_v,
        start_s=start_s,
        name=f"{driver.name} channel {channel}",
    )
