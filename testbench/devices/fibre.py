"""Handle of one fibre at the back end: frames captured from it, and the counters of its receiver."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ltdb.line_code.format import FrameFormat
from testbench.transactions import Capture, Counters, MeasureLatency, ReadCounters, Reset
from testbench.transport import Session

UInt8Array = npt.NDArray[np.uint8]


class Fibre:
    """One of the fibres of a board.

    Parameters
    ----------
    session
        Conversation with the board.
    number
        Its number.
    """

    def __init__(self, session: Session, number: int) -> None:
        self._session, self.number = session, number
        self.name = f"fibre{number}"

    async def capture(self, count: int, start_bcid: int | None = None) -> tuple[UInt8Array, int]:
        """Take consecutive frames, (count, 16) uint8, and the BCID of the first; at once unless a BCID is given."""
        reply = await self._session.do(Capture(self.number, count, start_bcid))
        return np.frombuffer(reply.frames, dtype=np.uint8).reshape(count, -1), reply.first_bunch_crossing

    async def samples(self, count: int, layout: FrameFormat) -> tuple[npt.NDArray[np.uint16], npt.NDArray]:
        """Capture and decode: samples (count, lanes) uint16, and the flags of each frame, 0 for a good one.

        One frame more is captured, since the first can only be descrambled with the one before it.
        """
        from ltdb.line_code import Decoder

        frames, first = await self.capture(count + 1)
        decoded = Decoder(layout, bcid=first).decode(frames)
        return decoded.samples[1:], decoded.flags[1:]

    async def counters(self, *, clear: bool = False) -> Counters:
        """Counters of the receiver; with `clear` they start at 0 again in the same clock cycle."""
        return await self._session.do(ReadCounters(self.name, clear))

    async def reset_receiver(self) -> None:
        """Let the receiver find its frames anew."""
        await self._session.do(Reset(f"receiver{self.number}"))

    async def latency_s(self) -> float:
        """Time from a marker at the input to its frame at the receiver's output, in seconds."""
        reply = await self._session.do(MeasureLatency(self.number))
        return reply.cycles / reply.clock_hz
