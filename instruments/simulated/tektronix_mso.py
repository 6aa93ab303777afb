"""Twin of a Tektronix DPO71604C; see the driver beside it for the manuals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from instruments.simulated.bench import Bench
from instruments.simulated.scope_front_end import Channel, Record, ScopeFrontEnd
from instruments.simulated.scpi import boolean, is_word, number, word
from instruments.simulated.status import ScpiError
from instruments.simulated.twin import Call, Twin, block, command, in_range, query, whole

RATES_HZ = (1.25e9, 2.5e9, 3.125e9, 5e9, 6.25e9, 10e9, 12.5e9, 25e9, 50e9, 100e9)
MOST_SAMPLES = 31_250_000


class SimulatedDpo71604c(Twin):
    """Four channels, 8 bits; its events are read with ``*ESR?`` and ``ALLEv?``."""

    IDENTITY = "TEKTRONIX,DPO71604C,SIM0003,CF:91.1CT FV:10.8.3 Build 3"

    def __init__(self, bench: Bench, wiring: Mapping[int, str] | None = None) -> None:
        super().__init__(bench)
        self.scope = ScopeFrontEnd(bench, RATES_HZ, 10, 8, MOST_SAMPLES, wiring)
        self.source, self.bytes_per_code, self.start, self.stop_sample = 1, 1, 1, 10_000
        self.headers, self.mode = True, "SAMple"
        self.released: list[tuple[int, str]] = []

    def reset(self) -> None:
        """Go to the state after ``*RST``."""
        self.scope.reset()
        self.source, self.bytes_per_code, self.start, self.stop_sample = 1, 1, 1, 10_000
        self.headers, self.mode = True, "SAMple"

    def answered(self, header: str, answer: bytes) -> bytes:
        """Put the header in front of the answer, as these instruments do until they are told not to."""
        if header.startswith("*") or not self.headers:
            return answer
        return f":{header} ".encode() + answer

    def _channel(self, call: Call) -> Channel:
        return self.scope.channels[self._number(call.suffixes[0])]

    @staticmethod
    def _number(channel: int) -> int:
        if channel not in (1, 2, 3, 4):
            raise ScpiError(-114, f"CH{channel}")
        return channel

    def _named(self, text: str) -> int:
        if text.upper()[:2] == "CH" and text[2:].isdigit():
            return self._number(int(text[2:4]))
        raise ScpiError(-224, text[:20])

    def _record(self) -> Record:
        record = self.scope.record(self.source)
        if record is None:
            raise ScpiError(-230, f"no record of CH{self.source}")
        return record

    # The events of this family have their own codes: 113 for what SCPI calls -113.
    @query("*ESR")
    def _event(self, call: Call) -> str:
        self.released = [(abs(code), text) for code, text in self.status.errors]
        self.status.errors.clear()
        return str(self.status.read_event())

    @query("ALLEv")
    def _all_events(self, call: Call) -> str:
        if not self.released:
            waiting = bool(self.status.errors)
            text = (
                "No events to report - new events pending *ESR?"
                if waiting
                else "No events to report; queue empty"
            )
            return f'{int(waiting)},"{text}"'
        events, self.released = self.released, []
        return ",".join(f'{code},"{text}"' for code, text in events)

    @command("HEADer")
    def _header(self, call: Call) -> None:
        self.headers = boolean(call.parameters[0])

    @query("HEADer")
    def _has_headers(self, call: Call) -> str:
        return str(int(self.headers))

    @command("SELect:CH<x>")
    def _select(self, call: Call) -> None:
        self._channel(call).on = boolean(call.parameters[0])

    @command("CH<x>:SCAle")
    def _set_scale(self, call: Call) -> None:
        self._channel(call).volts_per_division = in_range(number(call.parameters[0], "V"), 1e-3, 10)

    @query("CH<x>:SCAle")
    def _scale(self, call: Call) -> str:
        return f"{self._channel(call).volts_per_division:.4E}"

    @command("CH<x>:OFFSet")
    def _set_offset(self, call: Call) -> None:
        self._channel(call).offset_v = in_range(number(call.parameters[0], "V"), -10, 10)

    @query("CH<x>:OFFSet")
    def _offset(self, call: Call) -> str:
        return f"{self._channel(call).offset_v:.4E}"

    @command("CH<x>:POSition")
    def _set_position(self, call: Call) -> None:
        self._channel(call)
        if number(call.parameters[0]) != 0:
            raise ScpiError(-221, "the twin's traces stay in the middle")

    @command("HORizontal:MODE")
    def _set_mode(self, call: Call) -> None:
        word(call.parameters[0], "MANual", "AUTO", "CONStant")

    @command("HORizontal:MODE:SAMPLERate")
    def _set_rate(self, call: Call) -> None:
        self.scope.set_rate(in_range(number(call.parameters[0], "HZ"), 1.0, 1e12))

    @query("HORizontal:MODE:SAMPLERate")
    def _rate(self, call: Call) -> str:
        return f"{self.scope.rate_hz:.6E}"

    @command("HORizontal:MODE:RECOrdlength")
    def _set_samples(self, call: Call) -> None:
        self.scope.samples = whole(call.parameters[0], 500, MOST_SAMPLES)

    @query("HORizontal:MODE:RECOrdlength")
    def _samples(self, call: Call) -> str:
        return str(self.scope.samples)

    @command("TRIGger:A:TYPe")
    def _set_trigger_type(self, call: Call) -> None:
        word(call.parameters[0], "EDGE")

    @command("TRIGger:A:EDGE:SOUrce")
    def _set_trigger_source(self, call: Call) -> None:
        self.scope.trigger_channel = self._named(call.parameters[0])

    @command("TRIGger:A:EDGE:SLOpe")
    def _set_trigger_slope(self, call: Call) -> None:
        self.scope.trigger_rising = word(call.parameters[0], "RISe", "FALL") == "RISe"

    @command("TRIGger:A:LEVel:CH<x>")
    def _set_trigger_level(self, call: Call) -> None:
        self._channel(call)
        self.scope.trigger_level_v = number(call.parameters[0], "V")

    @command("ACQuire:MODe")
    def _set_acquisition_mode(self, call: Call) -> None:
        self.mode = word(call.parameters[0], "SAMple", "PEAKdetect", "HIRes", "AVErage", "ENVelope")

    @command("ACQuire:STOPAfter")
    def _set_stop_after(self, call: Call) -> None:
        word(call.parameters[0], "SEQuence", "RUNSTop")

    @command("ACQuire:STATE")
    def _run(self, call: Call) -> None:
        if is_word(call.parameters[0], "STOP"):
            return
        if is_word(call.parameters[0], "RUN") or boolean(call.parameters[0]):
            self.scope.acquire(number_ for number_, channel in self.scope.channels.items() if channel.on)

    @query("ACQuire:STATE")
    def _running(self, call: Call) -> str:
        return "0"

    @command("DATa:SOUrce")
    def _set_source(self, call: Call) -> None:
        self.source = self._named(call.parameters[0])

    @command("DATa:ENCdg")
    def _set_encoding(self, call: Call) -> None:
        word(call.parameters[0], "RIBinary")

    @command("WFMOutpre:BYT_Nr")
    def _set_bytes(self, call: Call) -> None:
        self.bytes_per_code = whole(call.parameters[0], 1, 2)

    @command("DATa:STARt")
    def _set_start(self, call: Call) -> None:
        self.start = whole(call.parameters[0], 1, MOST_SAMPLES)

    @command("DATa:STOP")
    def _set_stop(self, call: Call) -> None:
        self.stop_sample = whole(call.parameters[0], 1, MOST_SAMPLES)

    @query("WFMOutpre:PT_Fmt")
    def _form(self, call: Call) -> str:
        return "ENV" if self.mode in ("PEAKdetect", "ENVelope") else "Y"

    @query("WFMOutpre:NR_Pt")
    def _points(self, call: Call) -> str:
        return str(self._record().codes[self.start - 1 : self.stop_sample].size)

    @query("WFMOutpre:XINcr")
    def _increment(self, call: Call) -> str:
        return f"{1 / self._record().rate_hz:.10E}"

    @query("WFMOutpre:XZEro")
    def _zero(self, call: Call) -> str:
        # What remains between the trigger and the sample that PT_Off names.
        record = self._record()
        return f"{record.start_s + round(-record.start_s * record.rate_hz) / record.rate_hz:.10E}"

    @query("WFMOutpre:PT_Off")
    def _trigger_point(self, call: Call) -> str:
        record = self._record()
        return str(round(-record.start_s * record.rate_hz) - (self.start - 1))

    @query("WFMOutpre:YMUlt")
    def _multiplier(self, call: Call) -> str:
        return f"{self._record().volts_per_code * (1 if self.bytes_per_code == 1 else 1 / 256):.10E}"

    @query("WFMOutpre:YOFf")
    def _zero_code(self, call: Call) -> str:
        return "0.0"

    @query("WFMOutpre:YZEro")
    def _zero_volts(self, call: Call) -> str:
        return f"{self._record().offset_v:.10E}"

    @query("CURVe")
    def _curve(self, call: Call) -> bytes:
        codes = self._record().codes[self.start - 1 : self.stop_sample]
        return block(
            codes.astype(np.int8).tobytes()
            if self.bytes_per_code == 1
            else (codes * 256).astype(">i2").tobytes()
        )
