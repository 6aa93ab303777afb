"""What can go wrong between this program and an instrument; every error names instrument and command."""

from __future__ import annotations

from collections.abc import Sequence

from ltdb.errors import BenchError


class InstrumentError(BenchError):
    """Root of all instrument errors: which instrument, at which command, and what happened."""

    def __init__(self, instrument: str, command: str, problem: str) -> None:
        self.instrument, self.command, self.problem = instrument, command, problem
        super().__init__(f"{instrument}: {command}: {problem}")


class CannotConnectError(InstrumentError):
    """Nothing usable answers at the resource name."""


class InstrumentBusyError(InstrumentError):
    """Another program holds the lock of this instrument."""


class WrongInstrumentError(InstrumentError):
    """What answers is not one of the models this driver was written for."""


class InstrumentTimeoutError(InstrumentError):
    """No complete answer within the time-out."""


class ConnectionLostError(InstrumentError):
    """The connection was closed by the other side, or broke."""


class BadReplyError(InstrumentError):
    """The answer cannot be what the command asks for: a garbled block, text in place of a number."""


class CommandRejectedError(InstrumentError):
    """The instrument put errors into its queue: `errors` holds (code, text) in the order they were read."""

    def __init__(self, instrument: str, command: str, errors: Sequence[tuple[int, str]]) -> None:
        self.errors = tuple(errors)
        listed = "; ".join(f'{code} "{text}"' for code, text in self.errors)
        super().__init__(instrument, command, f"the instrument reports {listed}")


class ProtectionError(InstrumentError):
    """A supply did not accept the protection it must have before its output may be switched on."""


class ProtectionTrippedError(InstrumentError):
    """A supply switched an output off by itself: over-voltage or over-current."""


class OutputsNotOffError(InstrumentError):
    """After all attempts it is not certain that these outputs are off. Switch them off by hand."""

    def __init__(self, outputs: Sequence[str], problems: Sequence[str]) -> None:
        self.outputs = tuple(outputs)
        super().__init__(
            ", ".join(self.outputs),
            "switch off",
            f"NOT CONFIRMED OFF, switch it off by hand ({'; '.join(problems)})",
        )
