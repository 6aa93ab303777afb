"""Keysight (Agilent) Infiniium real-time oscilloscopes: S, V, Z and 90000 series.

Commands from "Infiniium Oscilloscopes Programmer's Guide" (Keysight) and "Infiniium 90000 Series Oscilloscopes
Programmer's Reference" (Agilent; :WAVeform:DATA? on its pages 875 and 876): subsystems ACQuire, CHANnel,
TRIGger, WAVeform, and root command DIGitize. Streaming is off, so that waveforms come as blocks of definite
length; they hold 16-bit codes, and value = code × YINCrement + YORigin. Compared with QCoDeS 0.58 (Infiniium.py) and
with Keysight's example programs in several repositories: headers, words, byte order, scaling, error queue agree.
"""

from __future__ import annotations

from collections.abc import Sequence

from instruments.driver import Driver, parse_error
from instruments.drivers.keysight_words import read_words
from instruments.errors import InstrumentError
from instruments.oscilloscope import Acquisition, Oscilloscope, Progress, Sampling, Slope
from ltdb.signal.waveform import Waveform

_MODELS = (
    *(
        f"DSO{letter}{band}A"
        for letter in ("S",)
        for band in ("054", "104", "204", "254", "404", "604", "804")
    ),
    *(f"DS{kind}V{band}4A" for kind in "OA" for band in ("08", "13", "16", "20", "25", "33")),
    *(f"DS{kind}Z{band}4A" for kind in "OA" for band in ("20", "25", "33", "50", "59", "63")),
    *(f"DS{kind}9{band}4A" for kind in "OA" for band in ("080", "120", "130")),
)


class KeysightInfiniium(Driver, Oscilloscope):
    """Driver of four-channel real-time oscilloscopes of the Infiniium family."""

    MANUFACTURERS = ("KEYSIGHT", "AGILENT")
    MODELS = _MODELS
    MANUAL = "Keysight Infiniium Oscilloscopes Programmer's Guide"
    acquisition = Acquisition.REAL_TIME
    channels = (1, 2, 3, 4)
    divisions = 8

    def set_vertical(self, channel: int, volts_per_division: float, offset_v: float = 0.0) -> None:
        """Switch a channel on and set its range."""
        self.check_channel(channel)
        with self.group(f"vertical of channel {channel}"):
            self.connection.write(f":CHANNEL{channel}:DISPLAY ON")
            self.connection.write(f":CHANNEL{channel}:SCALE {volts_per_division:.6E}")
            self.connection.write(f":CHANNEL{channel}:OFFSET {offset_v:.6E}")

    def set_sampling(self, rate_hz: float, samples: int) -> Sampling:
        """Ask for sample rate and record length; return what the instrument chose."""
        with self.group("sampling"):
            self.connection.write(":ACQUIRE:MODE RTIME")
            self.connection.write(":ACQUIRE:AVERAGE OFF")
            self.connection.write(":ACQUIRE:INTERPOLATE OFF")
            self.connection.write(f":ACQUIRE:SRATE:ANALOG {rate_hz:.6E}")
            self.connection.write(f":ACQUIRE:POINTS:ANALOG {samples}")
            return Sampling(
                rate_hz=self.connection.query_number(":ACQUIRE:SRATE:ANALOG?"),
                samples=self.connection.query_integer(":ACQUIRE:POINTS:ANALOG?"),
            )

    def set_edge_trigger(self, channel: int, level_v: float, slope: Slope = Slope.RISING) -> None:
        """Trigger on an edge of a channel."""
        self.check_channel(channel)
        with self.group(f"trigger on channel {channel}"):
            self.connection.write(":TRIGGER:MODE EDGE")
            self.connection.write(f":TRIGGER:EDGE:SOURCE CHANNEL{channel}")
            self.connection.write(
                f":TRIGGER:EDGE:SLOPE {'POSITIVE' if slope is Slope.RISING else 'NEGATIVE'}"
            )
            self.connection.write(f":TRIGGER:LEVEL CHANNEL{channel},{level_v:.6E}")

    def acquire(self, channels: Sequence[int], timeout_s: float) -> None:
        """Take one record of these channels and wait for it."""
        for channel in channels:
            self.check_channel(channel)
        with self.group("acquire"):
            self.connection.write(":DIGITIZE " + ",".join(f"CHANNEL{channel}" for channel in channels))
            self.connection.wait_complete(timeout_s, ":DIGITIZE")

    def read_trace(self, channel: int, progress: Progress | None = None) -> Waveform:
        """Read a channel of the record taken last, two bytes a sample."""
        self.check_channel(channel)
        connection = self.connection
        with self.group(f"read channel {channel}"):
            connection.write(f":WAVEFORM:SOURCE CHANNEL{channel}")
            connection.write(":WAVEFORM:FORMAT WORD")
            connection.write(":WAVEFORM:BYTEORDER LSBFIRST")
            connection.write(":WAVEFORM:STREAMING OFF")
            return read_words(self, channel, ":WAVEFORM", ":WAVEFORM", ":WAVEFORM:DATA?", progress)

    def _prepare(self) -> None:
        # Answers with the header of the command in front could not be told from values. Nothing measured changes.
        with self.group("headers off"):
            self.connection.write(":SYSTEM:HEADER OFF")

    def _next_error(self) -> tuple[int, str] | None:
        # Without STRing the answer is the code alone.
        answer = self.connection.query(":SYSTEM:ERROR? STRING")
        entry = parse_error(answer)
        if entry is None:
            raise InstrumentError(self.name, ":SYSTEM:ERROR?", f"answer {answer[:80]!r} is no error entry")
        return entry if entry[0] != 0 else None
