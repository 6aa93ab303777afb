"""Model transport: the board model at the far end of its GBT links, in this process.

Every request still travels as GBT frames through both ends of a link (`ltdb.back_end`), so what passes here has been
framed, scrambled, error-corrected and parsed. Time is the model's, in bunch crossings, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ltdb.back_end import BackEnd, LinkSilent
from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.gbt.frame import FRAME_RATE_HZ
from ltdb.gbt.ic import IcError
from ltdb.sca.commands import Command, ScaFrameError
from ltdb.sca.master import ScaProtocolError
from testbench import faults
from testbench import transactions as t
from testbench.transactions import Capability, Transaction


class Model:
    """A board model as a transport.

    It starts with the links brought up, as far as the fuses of the GBTx allow.

    Parameters
    ----------
    model
        The board; a new one with the default netlist if not given.
    """

    name = "model"
    capabilities = frozenset({Capability.IC, Capability.EC})

    def __init__(self, model: BoardModel | None = None) -> None:
        self.model = model or BoardModel()
        self.back_end = BackEnd(self.model)
        self.back_end.start()

    async def execute(self, batch: Sequence[Transaction]) -> list[Any]:
        """Carry out `batch` in order, ending with the first failure."""
        outcomes: list[Any] = []
        for transaction in batch:
            outcomes.append(self._carry_out(transaction))
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
        except (IcError, ScaFrameError, ScaProtocolError) as error:
            return faults.BadReply(transaction, str(error))
        except InputError as error:
            return faults.OutOfRange(transaction, str(error))

    def _dispatch(self, transaction: Transaction) -> Any:
        match transaction:
            case t.IcRead(link, register, count):
                return t.Data(self.back_end.ic_read(link, register, count))
            case t.IcWrite(link, register, data):
                self.back_end.ic_write(link, register, data)
                return t.Done()
            case t.ScaCommand(link, channel, code, data, length):
                # gbt-sc and most back ends always send four data bytes; only JTAG reset uses its length byte.
                reply = self.back_end.sca(link, Command(channel, code, data, None if length == 4 else length))
                return (
                    faults.sca_refused(transaction, reply.error) if reply.error else t.ScaReply(reply.value)
                )
            case t.ScaLink(link, control, auxiliary):
                send = {
                    t.ScaControl.RESET: self.back_end.sca_reset,
                    t.ScaControl.CONNECT: self.back_end.sca_connect,
                    t.ScaControl.TEST: self.back_end.sca_test,
                }[control]
                send(link, auxiliary)
                return t.Done()
        return faults.Unsupported(transaction, "the board model has no such thing")
