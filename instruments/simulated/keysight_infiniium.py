"""Twin of a Keysight DSAV134A; see the driver beside it for the manuals."""

from __future__ import annotations

from collections.abc import Mapping

from instruments.simulated.bench import Bench
from instruments.simulated.scope_front_end import Channel, Record, ScopeFrontEnd
from instruments.simulated.scpi import boolean, number, word
from instruments.simulated.status import ScpiError
from instruments.simulated.twin import Call, Twin, block, command, in_range, query, whole

RATES_HZ = (1e9, 2e9, 2.5e9, 4e9, 5e9, 8e9, 10e9, 16e9, 20e9, 40e9, 80e9)
MOST_SAMPLES = 50_000_000
_CODE_STEP = 60
"""The converter has 10 bits, the codes sent 16, of which those from 31232 on are marks."""


class SimulatedDsav134a(Twin):
    """Four channels, 10 bits sent as 16."""

    IDENTITY = "KEYSIGHT TECHNOLOGIES,DSAV134A,SIM0004,06.30.00701"

    def __init__(self, bench: Bench, wiring: Mapping[int, str] | None = None) -> None:
        super().__init__(bench)
        self.scope = ScopeFrontEnd(bench, RATES_HZ, 8, 10, MOST_SAMPLES, wiring)
        self.source, self.little_endian, self.streaming = 1, False, True

    def reset(self) -> None:
        """Go to the state after ``*RST``."""
        self.scope.reset()
        self.source, self.little_endian, self.streaming = 1, False, True

    @query("SYSTem:ERRor", 0, 1)
    def _next_error(self, call: Call) -> str:
        code, text = self.status.next_error()
        if call.parameters and word(call.parameters[0], "NUMBer", "STRing") == "STRing":
            return f'{code},"{text}"'
        return str(code)

    @staticmethod
    def _number(channel: int) -> int:
        if channel not in (1, 2, 3, 4):
            raise ScpiError(-114, f"CHANnel{channel}")
        return channel

    def _named(self, text: str) -> int:
        for prefix in ("CHANNEL", "CHAN"):
            if text.upper().startswith(prefix) and text[len(prefix) :].isdigit():
                return self._number(int(text[len(prefix) : len(prefix) + 3]))
        raise ScpiError(-224, text[:20])

    def _channel(self, call: Call) -> Channel:
        return self.scope.channels[self._number(call.suffixes[0])]

    def _record(self) -> Record:
        record = self.scope.record(self.source)
        if record is None:
            raise ScpiError(-230, f"no record of channel {self.source}")
        return record

    @command("SYSTem:HEADer")
    def _header(self, call: Call) -> None:
        if boolean(call.parameters[0]):
            raise ScpiError(-221, "the twin answers without headers only")

    @command("CHANnel<n>:DISPlay")
    def _set_display(self, call: Call) -> None:
        self._channel(call).on = boolean(call.parameters[0])

    @command("CHANnel<n>:SCALe")
    def _set_scale(self, call: Call) -> None:
        self._channel(call).volts_per_division = in_range(number(call.parameters[0], "V"), 1e-3, 5)

    @query("CHANnel<n>:SCALe")
    def _scale(self, call: Call) -> str:
        return f"{self._channel(call).volts_per_division:.6E}"

    @command("CHANnel<n>:OFFSet")
    def _set_offset(self, call: Call) -> None:
        self._channel(call).offset_v = in_range(number(call.parameters[0], "V"), -10, 10)

    @command("ACQuire:MODE")
    def _set_mode(self, call: Call) -> None:
        word(call.parameters[0], "RTIMe", "ETIMe", "HRESolution")

    @command("ACQuire:AVERage")
    def _set_average(self, call: Call) -> None:
        if boolean(call.parameters[0]):
            raise ScpiError(-221, "the twin does not average")

    @command("ACQuire:INTerpolate")
    def _set_interpolation(self, call: Call) -> None:
        if call.parameters[0].upper() not in ("OFF", "0"):
            raise ScpiError(-221, "the twin does not interpolate")

    @command("ACQuire:SRATe[:ANALog]")
    def _set_rate(self, call: Call) -> None:
        self.scope.set_rate(in_range(number(call.parameters[0], "HZ"), 1.0, 1e12))

    @query("ACQuire:SRATe[:ANALog]")
    def _rate(self, call: Call) -> str:
        return f"{self.scope.rate_hz:.6E}"

    @command("ACQuire:POINts[:ANALog]")
    def _set_samples(self, call: Call) -> None:
        self.scope.samples = whole(call.parameters[0], 16, MOST_SAMPLES)

    @query("ACQuire:POINts[:ANALog]")
    def _samples(self, call: Call) -> str:
        return str(self.scope.samples)

    @command("TRIGger:MODE")
    def _set_trigger_mode(self, call: Call) -> None:
        word(call.parameters[0], "EDGE")

    @command("TRIGger:EDGE:SOURce")
    def _set_trigger_source(self, call: Call) -> None:
        self.scope.trigger_channel = self._named(call.parameters[0])

    @command("TRIGger:EDGE:SLOPe")
    def _set_trigger_slope(self, call: Call) -> None:
        self.scope.trigger_rising = word(call.parameters[0], "POSitive", "NEGative") == "POSitive"

    @command("TRIGger:LEVel", 2)
    def _set_trigger_level(self, call: Call) -> None:
        self._named(call.parameters[0])
        self.scope.trigger_level_v = number(call.parameters[1], "V")

    @command("DIGitize", 0, 4)
    def _digitize(self, call: Call) -> None:
        shown = [number_ for number_, channel in self.scope.channels.items() if channel.on]
        self.scope.acquire([self._named(text) for text in call.parameters] or shown)

    @command("WAVeform:SOURce")
    def _set_source(self, call: Call) -> None:
        self.source = self._named(call.parameters[0])

    @command("WAVeform:FORMat")
    def _set_format(self, call: Call) -> None:
        word(call.parameters[0], "WORD")

    @command("WAVeform:BYTeorder")
    def _set_byte_order(self, call: Call) -> None:
        self.little_endian = word(call.parameters[0], "LSBFirst", "MSBFirst") == "LSBFirst"

    @command("WAVeform:STReaming")
    def _set_streaming(self, call: Call) -> None:
        self.streaming = boolean(call.parameters[0])

    @query("WAVeform:POINts")
    def _points(self, call: Call) -> str:
        return str(self._record().codes.size)

    @query("WAVeform:XINCrement")
    def _increment(self, call: Call) -> str:
        return f"{1 / self._record().rate_hz:.14E}"

    @query("WAVeform:XORigin")
    def _origin(self, call: Call) -> str:
        return f"{self._record().start_s:.14E}"

    @query("WAVeform:YINCrement")
    def _volts(self, call: Call) -> str:
        return f"{self._record().volts_per_code / _CODE_STEP:.14E}"

    @query("WAVeform:YORigin")
    def _zero_volts(self, call: Call) -> str:
        return f"{self._record().offset_v:.14E}"

    @query("WAVeform:DATA", 0, 2)
    def _data(self, call: Call) -> bytes:
        data = (self._record().codes * _CODE_STEP).astype("<i2" if self.little_endian else ">i2").tobytes()
        return b"#0" + data if self.streaming else block(data)
