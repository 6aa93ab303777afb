"""Model transport: the board model at the far end of its GBT links, in this process.

Every request still travels as GBT frames through both ends of a link (`ltdb.back_end`), so what passes here has been
framed, scrambled, error-corrected and parsed. Time is the model's, in bunch crossings, and costs nothing.

What a board controller does besides is done here by models of it: frames captured from the fibres, counters of fibres
and links, BCR, resets. There is no latency measurement: the board model has no path through which a marker would take
the time it takes in the chips, and a number from a budget would not be a measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ltdb.back_end import BackEnd, LinkSilent
from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.fibre_counters import FibreReceivers
from ltdb.fibre_model import FibreDark, FibreModel
from ltdb.gbt.frame import FRAME_RATE_HZ
from ltdb.gbt.ic import IcError
from ltdb.sca.commands import Command, ScaFrameError
from ltdb.sca.master import ScaProtocolError
from testbench import faults
from testbench import transactions as t
from testbench.transactions import Capability, Transaction

CAPTURE_FRAMES = 2048
"""Frames the controller's capture memory holds (docs/controller_protocol.md, section 3)."""


class Model:
    """A board model as a transport.

    It starts with the links brought up, as far as the fuses of the GBTx allow.

    Parameters
    ----------
    model
        The board; a new one with the default netlist if not given.
    fibres
        What the fibres of that board carry; frames of pedestals if not given.
    """

    name = "model"
    capabilities = frozenset(
        {
            Capability.IC,
            Capability.EC,
            Capability.RESET,
            Capability.BCR,
            Capability.CAPTURE,
            Capability.COUNTERS,
        }
    )

    def __init__(self, model: BoardModel | None = None, fibres: FibreModel | None = None) -> None:
        if fibres is not None and model is not None and fibres.model is not model:
            raise InputError(
                "fibres of a model transport", "those of another board", "those of its own board"
            )
        self.model = model or (fibres.model if fibres else BoardModel())
        self.fibres = fibres or FibreModel(self.model)
        self.back_end = BackEnd(self.model)
        self.back_end.start()
        self.receivers = FibreReceivers(self.fibres)

    async def execute(self, batch: Sequence[Transaction]) -> list[Any]:
        """Carry out `batch` in order, ending with the first failure."""
        outcomes: list[Any] = []
        for transaction in batch:
            outcomes.append(self._carry_out(transaction))
            self.receivers.follow()
            if isinstance(outcomes[-1], faults.TransactionError):
                break
        return outcomes

    async def sleep(self, seconds: float) -> None:
        """Let the model's time pass; no wall time does."""
        self.back_end.wait(max(1, round(seconds * FRAME_RATE_HZ)))

    def now(self) -> float:
        """Model time since power-on in seconds."""
        return self.model.now / FRAME_RATE_HZ

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _carry_out(self, transaction: Transaction) -> Any:
        link = getattr(transaction, "link", 0)
        if not 0 <= link < len(self.model.links):
            return faults.OutOfRange(transaction, f"GBT links are 0 to {len(self.model.links) - 1}")
        try:
            return self._dispatch(transaction)
        except LinkSilent as error:
            return faults.NoReply(transaction, str(error))
        except FibreDark as error:
            return faults.Unsupported(transaction, str(error))
        except (IcError, ScaFrameError, ScaProtocolError) as error:
            return faults.BadReply(transaction, str(error))
        except InputError as error:
            return faults.OutOfRange(transaction, str(error))

    def _dispatch(self, transaction: Transaction) -> Any:
        method = self._METHODS.get(type(transaction))
        if method is None:
            return faults.Unsupported(transaction, "the board model has no such thing")
        return method(self, transaction)

    def _ic_read(self, wanted: t.IcRead) -> t.Data:
        return t.Data(self.back_end.ic_read(wanted.link, wanted.register, wanted.count))

    def _ic_write(self, wanted: t.IcWrite) -> t.Done:
        self.back_end.ic_write(wanted.link, wanted.register, wanted.data)
        return t.Done()

    def _sca_command(self, wanted: t.ScaCommand) -> Any:
        # gbt-sc and most back ends always send four data bytes; only JTAG reset uses its length byte.
        pulse = None if wanted.length == 4 else wanted.length
        command = Command(wanted.channel, wanted.command, wanted.data, pulse)
        reply = self.back_end.sca(wanted.link, command, wanted.auxiliary)
        return faults.sca_refused(wanted, reply.error) if reply.error else t.ScaReply(reply.value)

    def _sca_link(self, wanted: t.ScaLink) -> t.Done:
        send = {
            t.ScaControl.RESET: self.back_end.sca_reset,
            t.ScaControl.CONNECT: self.back_end.sca_connect,
            t.ScaControl.TEST: self.back_end.sca_test,
        }[wanted.control]
        send(wanted.link, wanted.auxiliary)
        return t.Done()

    def _capture(self, wanted: t.Capture) -> t.Frames:
        if wanted.count > CAPTURE_FRAMES:
            raise InputError("frames to capture", wanted.count, f"1 to {CAPTURE_FRAMES}")
        frames, first = self.fibres.capture(wanted.fibre, wanted.count, wanted.start_bcid)
        return t.Frames(frames.tobytes(), first)

    def _counters(self, wanted: t.ReadCounters) -> t.Counters:
        sources = {"fibre": len(self.model.board.fibres), "link": len(self.model.links)}
        kind, number = _numbered(wanted.source, sources)
        if kind == "fibre":
            return t.Counters(self.receivers.counts(number, clear=wanted.clear).as_pairs())
        # No packets here: they are counted by what serves a port (`testbench.packet_server`).
        packets = (("packets", 0), ("dropped", 0))
        return t.Counters((*self.back_end.counts(number, clear=wanted.clear).as_pairs(), *packets))

    def _bunch_counter_reset(self, wanted: t.BunchCounterReset) -> t.Done:
        numbers = self.model.board.fibres
        before = {number: self.fibres.bcid(number) for number in numbers}
        self.model.clocks.bunch_counter_reset(wanted.periodic)
        self.receivers.jump({number: self.fibres.bcid(number) - before[number] for number in numbers})
        return t.Done()

    def _reset(self, wanted: t.Reset) -> t.Done:
        if wanted.line == "board":
            self.model.power_on()
            self.back_end.start()
            return t.Done()
        lines = {"link": len(self.model.links), "receiver": len(self.model.board.fibres)}
        kind, number = _numbered(wanted.line, lines)
        if kind == "link":
            self.back_end.reset_link(number)
        else:
            self.receivers.reset(number)
        return t.Done()

    _METHODS: ClassVar[dict[type, Callable[[Model, Any], Any]]] = {
        t.IcRead: _ic_read,
        t.IcWrite: _ic_write,
        t.ScaCommand: _sca_command,
        t.ScaLink: _sca_link,
        t.Capture: _capture,
        t.ReadCounters: _counters,
        t.BunchCounterReset: _bunch_counter_reset,
        t.Reset: _reset,
    }


def _numbered(name: str, kinds: dict[str, int]) -> tuple[str, int]:
    """Split ``fibre12`` into kind and number, checked against how many there are."""
    for kind, count in kinds.items():
        number = name.removeprefix(kind)
        if number != name and number.isdecimal() and int(number) < count:
            return kind, int(number)
    allowed = ", ".join(f"{kind}0 to {kind}{count - 1}" for kind, count in kinds.items())
    raise InputError("name", repr(name), allowed)
