"""Twin of a Keysight N1000A with four one-channel modules; see the driver beside it for the manuals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from instruments.simulated.bench import Bench
from instruments.simulated.scope_front_end import Channel, Record, SamplingFrontEnd
from instruments.simulated.scpi import boolean, number, word
from instruments.simulated.status import ScpiError
from instruments.simulated.twin import Call, ScpiTwin, block, command, in_range, query, whole

_CODE_STEP = 3
"""The converter has 14 bits, the codes sent 16, of which those from 31232 on are marks."""
_HOLE, _BELOW, _ABOVE = 31232, 31744, 32256


class SimulatedN1000A(ScpiTwin):
    """Channels 1A to 4A, 14 bits sent as 16."""

    IDENTITY = "KEYSIGHT TECHNOLOGIES,N1000A,SIM0008,A.07.90.00"

    def __init__(self, bench: Bench, wiring: Mapping[int, str] | None = None) -> None:
        super().__init__(bench)
        self.scope = SamplingFrontEnd(bench, 8, 14, wiring)
        self.source, self.little_endian = 1, False
        self.holes = 0
        """Samples at the end of a record that were not taken yet; set it to simulate a record read too early."""

    def reset(self) -> None:
        """Go to the state after ``*RST``."""
        self.scope.reset()
        self.source, self.little_endian = 1, False

    def _channel(self, call: Call) -> Channel:
        return self.scope.channels[self._number(call.suffixes[0])]

    @staticmethod
    def _number(channel: int) -> int:
        if channel not in (1, 2, 3, 4):
            raise ScpiError(-114, f"CHANnel{channel}A")
        return channel

    def _record(self) -> Record:
        record = self.scope.record(self.source)
        if record is None:
            raise ScpiError(-230, f"no record of channel {self.source}A")
        return record

    @command("SYSTem:MODE")
    def _set_mode(self, call: Call) -> None:
        if word(call.parameters[0], "OSCilloscope", "EYE", "TDR", "JITTer") != "OSCilloscope":
            raise ScpiError(-221, "the twin is an oscilloscope only")

    @command("SYSTem:BORDer")
    def _set_byte_order(self, call: Call) -> None:
        self.little_endian = word(call.parameters[0], "LENDian", "BENDian") == "LENDian"

    @command("CHANnel<n>A:DISPlay")
    def _set_display(self, call: Call) -> None:
        self._channel(call).on = boolean(call.parameters[0])

    @command("CHANnel<n>A:YSCale")
    def _set_scale(self, call: Call) -> None:
        self._channel(call).volts_per_division = in_range(number(call.parameters[0], "V"), 1e-3, 1)

    @command("CHANnel<n>A:YOFFset")
    def _set_offset(self, call: Call) -> None:
        self._channel(call).offset_v = in_range(number(call.parameters[0], "V"), -2, 2)

    @command("ACQuire:SMOothing")
    def _set_smoothing(self, call: Call) -> None:
        if word(call.parameters[0], "NONE", "AVERage", "MEDian") != "NONE":
            raise ScpiError(-221, "the twin does not average")

    @command("ACQuire:RSPec")
    def _set_record_specification(self, call: Call) -> None:
        word(call.parameters[0], "RLENgth")

    @command("ACQuire:RLENgth:MODE")
    def _set_record_mode(self, call: Call) -> None:
        word(call.parameters[0], "MANual", "AUTomatic")

    @command("ACQuire:RLENgth")
    def _set_samples(self, call: Call) -> None:
        self.scope.samples = whole(call.parameters[0], 16, 131_072)

    @query("ACQuire:RLENgth")
    def _samples(self, call: Call) -> str:
        return str(self.scope.samples)

    @command("TIMebase:XRANge")
    def _set_range(self, call: Call) -> None:
        self.scope.range_s = in_range(number(call.parameters[0], "S"), 20e-12, 1e-3)

    @query("TIMebase:XRANge")
    def _range(self, call: Call) -> str:
        return f"{self.scope.range_s:.9E}"

    @command("TRIGger:MODE")
    def _set_trigger_mode(self, call: Call) -> None:
        if word(call.parameters[0], "EDGE", "CLOCk") != "CLOCk":
            raise ScpiError(-221, "the twin triggers on the clock only")

    @command("TRIGger:SRATe:AUTodetect")
    def _set_rate_detection(self, call: Call) -> None:
        boolean(call.parameters[0])

    @command("TRIGger:SRATe")
    def _set_rate(self, call: Call) -> None:
        self.scope.bit_rate_hz = in_range(number(call.parameters[0], "HZ"), 50e6, 64e9)

    @command("TRIGger:PLENgth:AUTodetect")
    def _set_length_detection(self, call: Call) -> None:
        boolean(call.parameters[0])

    @command("TRIGger:PLENgth")
    def _set_length(self, call: Call) -> None:
        self.scope.pattern_bits = whole(call.parameters[0], 1, 1 << 23)

    @command("TRIGger:PLOCk")
    def _set_lock(self, call: Call) -> None:
        self.scope.locked = boolean(call.parameters[0])

    @command("ACQuire:STOP", 0)
    def _stop(self, call: Call) -> None:
        """Nothing runs."""

    @command("ACQuire:CDISplay", 0)
    def _clear_display(self, call: Call) -> None:
        self.scope.clear()

    @command("ACQuire:SINGle", 0)
    def _single(self, call: Call) -> None:
        self.scope.acquire([number_ for number_, channel in self.scope.channels.items() if channel.on])

    @command("WAVeform:SOURce")
    def _set_source(self, call: Call) -> None:
        text = call.parameters[0].upper()
        digits = text.removeprefix("CHANNEL").removeprefix("CHAN").removesuffix("A")
        if not text.startswith("CHAN") or not text.endswith("A") or not digits.isdigit():
            raise ScpiError(-224, text[:20])
        self.source = self._number(int(digits[:3]))

    @query("WAVeform:YFORmat:POINts")
    def _points(self, call: Call) -> str:
        return str(self._record().codes.size)

    @query("WAVeform:YFORmat:XINCrement")
    def _increment(self, call: Call) -> str:
        return f"{1 / self._record().rate_hz:.14E}"

    @query("WAVeform:YFORmat:XORigin")
    def _origin(self, call: Call) -> str:
        return f"{self._record().start_s:.14E}"

    @query("WAVeform:YFORmat:WORD:ENCoding:YINCrement")
    def _volts(self, call: Call) -> str:
        return f"{self._record().volts_per_code / _CODE_STEP:.14E}"

    @query("WAVeform:YFORmat:WORD:ENCoding:YORigin")
    def _zero_volts(self, call: Call) -> str:
        return f"{self._record().offset_v:.14E}"

    @query("WAVeform:YFORmat:WORD:YDATa")
    def _data(self, call: Call) -> bytes:
        order = "<i2" if self.little_endian else ">i2"
        codes = self._record().codes
        marked = codes.astype(np.int32) * _CODE_STEP
        marked[codes <= -(1 << 13)] = _BELOW
        marked[codes >= (1 << 13) - 1] = _ABOVE
        marked[marked.size - self.holes :] = _HOLE
        return block(marked.astype(order).tobytes())
