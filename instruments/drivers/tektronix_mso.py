"""Tektronix oscilloscopes: 5 and 6 Series MSO, and the MSO/DPO/DSA70000 series.

Commands common to "4/5/6 Series MSO Programmer Manual", 077-1305, and "MSO70000/C/DX, DPO70000/B/C/D/DX,
DSA70000/B/C/D, DPO7000C, MSO5000, DPO5000 Series Programmer Manual", 077-0010: groups Acquisition, Horizontal,
Vertical, Trigger, Waveform Transfer (there: value = (code − YOFf) × YMUlt + YZEro). These instruments have no
``SYST:ERR?``: events are released by ``*ESR?`` and read with ``ALLEv?``.

Every command here stands in Tektronix's own package tm_devices (3.7.0, made from the manuals) for the 5 and 6 Series,
and for the 70000C, D and DX; the other 70000s are not in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from instruments.driver import Driver
from instruments.errors import InstrumentError
from instruments.oscilloscope import Acquisition, Oscilloscope, Progress, Sampling, Slope
from ltdb.errors import InputError
from ltdb.signal.waveform import Waveform

_EVENT = re.compile(r'(-?\d+),"((?:[^"]|"")*)"')
_NO_FAULT = frozenset({0, 1, 401, 402, 403, 405})
"""No event; events behind *ESR?; power on; operation complete; user request; request control."""
_FOUR_CHANNELS = ("MSO54", "MSO54B", "MSO64", "MSO64B")
_REAL_TIME = tuple(
    f"{family}{bandwidth}{suffix}"
    for family in ("DPO7", "DSA7", "MSO7")
    for bandwidth in ("0404", "0604", "0804", "1254", "1604", "2004", "2304", "2504", "3304")
    for suffix in ("B", "C", "D", "DX")
)


class TektronixMso(Driver, Oscilloscope):
    """Driver of four-channel real-time oscilloscopes of Tektronix."""

    MANUFACTURERS = ("TEKTRONIX",)
    MODELS = (*_FOUR_CHANNELS, *_REAL_TIME)
    MANUAL = "Tektronix 077-1305 and 077-0010"
    acquisition = Acquisition.REAL_TIME
    channels = (1, 2, 3, 4)
    divisions = 10

    def set_vertical(self, channel: int, volts_per_division: float, offset_v: float = 0.0) -> None:
        """Switch a channel on and set its range, its position in the middle."""
        self.check_channel(channel)
        with self.group(f"vertical of channel {channel}"):
            self.connection.write(f"SELECT:CH{channel} ON")
            self.connection.write(f"CH{channel}:SCALE {volts_per_division:.6E}")
            self.connection.write(f"CH{channel}:POSITION 0")
            self.connection.write(f"CH{channel}:OFFSET {offset_v:.6E}")

    def set_sampling(self, rate_hz: float, samples: int) -> Sampling:
        """Ask for sample rate and record length; return what the instrument chose."""
        with self.group("sampling"):
            self.connection.write("ACQUIRE:MODE SAMPLE")
            self.connection.write("HORIZONTAL:MODE MANUAL")
            self.connection.write(f"HORIZONTAL:MODE:SAMPLERATE {rate_hz:.6E}")
            self.connection.write(f"HORIZONTAL:MODE:RECORDLENGTH {samples}")
            return Sampling(
                rate_hz=self.connection.query_number("HORIZONTAL:MODE:SAMPLERATE?"),
                samples=self.connection.query_integer("HORIZONTAL:MODE:RECORDLENGTH?"),
            )

    def set_edge_trigger(self, channel: int, level_v: float, slope: Slope = Slope.RISING) -> None:
        """Trigger on an edge of a channel."""
        self.check_channel(channel)
        with self.group(f"trigger on channel {channel}"):
            self.connection.write("TRIGGER:A:TYPE EDGE")
            self.connection.write(f"TRIGGER:A:EDGE:SOURCE CH{channel}")
            self.connection.write(f"TRIGGER:A:EDGE:SLOPE {'RISE' if slope is Slope.RISING else 'FALL'}")
            self.connection.write(f"TRIGGER:A:LEVEL:CH{channel} {level_v:.6E}")

    def acquire(self, channels: Sequence[int], timeout_s: float) -> None:
        """Take one record and wait for it. All channels that are on are recorded."""
        for channel in channels:
            self.check_channel(channel)
        with self.group("acquire"):
            self.connection.write("ACQUIRE:STATE STOP")
            self.connection.write("ACQUIRE:STOPAFTER SEQUENCE")
            self.connection.write("ACQUIRE:STATE RUN")
            self.connection.wait_complete(timeout_s, "ACQUIRE:STATE RUN")

    def read_trace(self, channel: int, progress: Progress | None = None) -> Waveform:
        """Read a channel of the record taken last, one byte a sample."""
        self.check_channel(channel)
        connection = self.connection
        with self.group(f"read channel {channel}"):
            connection.write(f"DATA:SOURCE CH{channel}")
            connection.write("DATA:ENCDG RIBINARY")
            connection.write("WFMOUTPRE:BYT_NR 1")
            connection.write("DATA:START 1")
            connection.write(f"DATA:STOP {connection.query_integer('HORIZONTAL:MODE:RECORDLENGTH?')}")
            # Pairs of minimum and maximum, of peak detection and envelopes, would look like samples.
            if (form := connection.query("WFMOUTPRE:PT_FMT?")) != "Y":
                raise InputError(
                    f"{self.name} channel {channel}: form of the record", form, "Y: ACQUIRE:MODE SAMPLE"
                )
            points = connection.query_integer("WFMOUTPRE:NR_PT?")
            interval_s = connection.query_number("WFMOUTPRE:XINCR?")
            zero_s = connection.query_number("WFMOUTPRE:XZERO?")
            trigger = connection.query_number("WFMOUTPRE:PT_OFF?")
            volts = connection.query_number("WFMOUTPRE:YMULT?")
            zero_code = connection.query_number("WFMOUTPRE:YOFF?")
            zero_v = connection.query_number("WFMOUTPRE:YZERO?")
            if points < 1 or interval_s <= 0 or volts == 0:
                raise InputError("record of the oscilloscope", f"{points} points, {interval_s} s", "a record")
            data = connection.query_block("CURVE?", expected_bytes=points, progress=progress)
        return Waveform(
            codes=np.frombuffer(data, np.int8),
            sample_interval_s=interval_s,
            scale=volts,
            offset=zero_v - zero_code * volts,
            start_s=zero_s - trigger * interval_s,
            name=f"{self.name} channel {channel}",
        )

    def read_errors(self) -> list[tuple[int, str]]:
        """Release the events with ``*ESR?``, read them all, and leave out those that are no faults."""
        self.connection.query_integer("*ESR?")
        answer = self.connection.query("ALLEV?")
        events = _EVENT.findall(answer)
        if not events:
            raise InstrumentError(self.name, "ALLEV?", f"answer {answer[:80]!r} is no list of events")
        return [(int(code), text) for code, text in events if int(code) not in _NO_FAULT]

    def _prepare(self) -> None:
        # Answers with the header of the command in front could not be told from values. Nothing measured changes.
        with self.group("headers off"):
            self.connection.write("HEADER OFF")
