"""Keysight DCA sampling oscilloscopes with the FlexDCA interface: mainframes 86100D and N1000A.

Commands from "Keysight FlexDCA Programmer's Guide": subsystems ACQuire, CHANnel, TIMebase, TRIGger, WAVeform;
value = code × YINCrement + YORigin. These instruments take one sample for each trigger, a little later each time, so
that a record shows many repetitions of a signal as one: it needs a signal that repeats, and a clock as trigger.
Compared with Keysight's IQtools (iqreaddca.m) and scripts in public repositories: channels, record length, pattern
lock, transfer and byte order agree; IQtools sets the bit rate as BRATe, older than SRATe.
"""

from __future__ import annotations

from collections.abc import Sequence

from instruments.driver import Driver
from instruments.drivers.keysight_words import read_words
from instruments.oscilloscope import Acquisition, Oscilloscope, Progress, Sampling, Slope
from ltdb.errors import InputError
from ltdb.signal.waveform import Waveform

LONGEST_PATTERN_BITS = 1 << 23
RECORD_SAMPLES = (16, 131_072)


class KeysightDca(Driver, Oscilloscope):
    """Driver of the first channels, 1A to 4A, of the modules in a DCA mainframe.

    Call `lock_pattern` before `capture` to record a pattern bit by bit. Without it every trigger shows other bits,
    which gives an eye, but no waveform.
    """

    MANUFACTURERS = ("KEYSIGHT", "AGILENT")
    MODELS = ("86100D", "N1000A")
    MANUAL = "Keysight FlexDCA Programmer's Guide"
    acquisition = Acquisition.SAMPLING
    channels = (1, 2, 3, 4)
    """Of the modules; their first input is used."""
    divisions = 8

    def set_vertical(self, channel: int, volts_per_division: float, offset_v: float = 0.0) -> None:
        """Switch a channel on and set its range."""
        self.check_channel(channel)
        with self.group(f"vertical of channel {channel}"):
            self.connection.write(f":CHANNEL{channel}A:DISPLAY ON")
            self.connection.write(f":CHANNEL{channel}A:YSCALE {volts_per_division:.6E}")
            self.connection.write(f":CHANNEL{channel}A:YOFFSET {offset_v:.6E}")

    def set_sampling(self, rate_hz: float, samples: int) -> Sampling:
        """Ask for a spacing of samples, in equivalent time, and their number; return what the instrument chose."""
        least, most = RECORD_SAMPLES
        if not least <= samples <= most:
            raise InputError("samples of a record", samples, f"{least} to {most}")
        with self.group("sampling"):
            self.connection.write(":SYSTEM:MODE OSCILLOSCOPE")
            self.connection.write(":ACQUIRE:SMOOTHING NONE")
            self.connection.write(":ACQUIRE:RSPEC RLENGTH")
            self.connection.write(":ACQUIRE:RLENGTH:MODE MANUAL")
            self.connection.write(f":ACQUIRE:RLENGTH {samples}")
            self.connection.write(f":TIMEBASE:XRANGE {samples / rate_hz:.9E}")
            chosen = self.connection.query_integer(":ACQUIRE:RLENGTH?")
            range_s = self.connection.query_number(":TIMEBASE:XRANGE?")
        return Sampling(rate_hz=chosen / range_s, samples=chosen)

    def set_edge_trigger(self, channel: int, level_v: float, slope: Slope = Slope.RISING) -> None:
        """Refuse: a sampling oscilloscope cannot trigger on what it samples. See `lock_pattern`.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            "trigger", f"an edge of channel {channel}", "the clock at the trigger input: use lock_pattern"
        )

    def lock_pattern(self, length_bits: int, bit_rate_hz: float) -> None:
        """Trigger once each repetition of a pattern: every sample of a record is of the same bits.

        Parameters
        ----------
        length_bits
            Length of the pattern, up to 2^23.
        bit_rate_hz
            Bits a second on the line.
        """
        if not 1 <= length_bits <= LONGEST_PATTERN_BITS:
            raise InputError("length of the pattern", length_bits, f"1 to {LONGEST_PATTERN_BITS} bits")
        with self.group("pattern lock"):
            self.connection.write(":TRIGGER:MODE CLOCK")
            self.connection.write(":TRIGGER:SRATE:AUTODETECT OFF")
            self.connection.write(f":TRIGGER:SRATE {bit_rate_hz:.9E}")
            self.connection.write(":TRIGGER:PLENGTH:AUTODETECT OFF")
            self.connection.write(f":TRIGGER:PLENGTH {length_bits}")
            self.connection.write(":TRIGGER:PLOCK ON")

    def acquire(self, channels: Sequence[int], timeout_s: float) -> None:
        """Take one record and wait for it. All channels that are on are recorded."""
        for channel in channels:
            self.check_channel(channel)
        with self.group("acquire"):
            self.connection.write(":ACQUIRE:STOP")
            self.connection.write(":ACQUIRE:CDISPLAY")
            self.connection.write(":ACQUIRE:SINGLE")
            self.connection.wait_complete(timeout_s, ":ACQUIRE:SINGLE")

    def read_trace(self, channel: int, progress: Progress | None = None) -> Waveform:
        """Read a channel of the record taken last, two bytes a sample; its times are equivalent times."""
        self.check_channel(channel)
        connection = self.connection
        with self.group(f"read channel {channel}"):
            connection.write(f":WAVEFORM:SOURCE CHANNEL{channel}A")
            connection.write(":SYSTEM:BORDER LENDIAN")
            axes = ":WAVEFORM:YFORMAT"
            words = f"{axes}:WORD"
            return read_words(self, channel, axes, f"{words}:ENCODING", f"{words}:YDATA?", progress)
