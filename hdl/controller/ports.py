"""Ports inside the controller: between the sequencer, which knows the protocol, and the parts that do things."""

from __future__ import annotations

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, Signature

from hdl.status import Status
from ltdb.packets import MAX_PAYLOAD, OVERHEAD

BUFFER_BYTES = 2048
"""Of a packet buffer: the power of two that holds the longest packet."""
LENGTH_BITS = (MAX_PAYLOAD + OVERHEAD).bit_length()
FRAME_BITS = 128
BCID_BITS = 12
PRBS_BITS = 8


class FrameFlags(data.StructLayout):
    """What a fibre's receiver says of a frame it delivers (`docs/line_code.md`, Counters)."""

    def __init__(self) -> None:
        super().__init__({"crc_error": 1, "header_error": 1, "bcid_jump": 1, "moved": 1})


class FibrePort(Signature):
    """What comes from the receiver of one fibre, seen from the receiver.

    `frame` (bit 127 first on the line), `bcid` and `flags` stand with `valid`; `marker` says with `valid` that the
    frame holds the marker sample. `prbs_errors` is by how much the count of pattern errors grows in this clock.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "frame": Out(FRAME_BITS),
                "bcid": Out(BCID_BITS),
                "flags": Out(FrameFlags()),
                "marker": Out(1),
                "locked": Out(1),
                "prbs_errors": Out(PRBS_BITS),
            }
        )


class PacketPort(Signature):
    """A received packet, seen from who receives.

    It waits, with `valid`, until `release`. `payload_length` is in bytes, `crc` the checksum as sent; `byte` is that of
    the packet at `address` (0 is the version), one clock later.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "payload_length": Out(LENGTH_BITS),
                "crc": Out(16),
                "address": In(range(BUFFER_BYTES)),
                "byte": Out(8),
                "release": In(1),
            }
        )


class ReplyPort(Signature):
    """The reply under construction, seen from who makes it.

    `clear` begins a new one, `push` appends a byte, `send` appends the checksum and sends, `send_again` sends what was
    sent last: one at a time. `busy` is high from the clock after these two until the closing zero has been taken.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "clear": Out(1),
                "push": Out(1),
                "byte": Out(8),
                "send": Out(1),
                "send_again": Out(1),
                "busy": In(1),
            }
        )


class IcPort(Signature):
    """A request for an IC master, seen from who asks; `start` stays high until `busy` is."""

    def __init__(self) -> None:
        super().__init__(
            {
                "start": Out(1),
                "write": Out(1),
                "register": Out(16),
                "count": Out(9),
                "data": Out(stream.Signature(8)),
                "reply": In(stream.Signature(8)),
                "busy": In(1),
                "done": In(1),
                "status": In(Status),
            }
        )


class ScaPort(Signature):
    """A request for an SCA master, seen from who asks; `start` stays high until `busy` is."""

    def __init__(self) -> None:
        super().__init__(
            {
                "start": Out(1),
                "control": Out(2),
                "port": Out(1),
                "channel": Out(8),
                "length": Out(8),
                "command": Out(8),
                "data": Out(32),
                "busy": In(1),
                "done": In(1),
                "status": In(Status),
                "flags": In(8),
                "reply": In(32),
            }
        )


class I2CPort(Signature):
    """A transfer on a direct I2C bus, seen from who asks: bytes written, then bytes read after a repeated start.

    `writes` and `reads` say how many; `start` stays high until `busy` is. `stuck` and `refused` stand with `done`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": Out(1),
                "address": Out(7),
                "writes": Out(8),
                "reads": Out(8),
                "data": Out(stream.Signature(8)),
                "reply": In(stream.Signature(8)),
                "busy": In(1),
                "done": In(1),
                "refused": In(1),
                "stuck": In(1),
            }
        )


class CapturePort(Signature):
    """Orders for the capture memory, seen from who asks. `start` is a strobe."""

    def __init__(self) -> None:
        super().__init__(
            {
                "start": Out(1),
                "fibre": Out(8),
                "frames": Out(16),
                "start_bcid": Out(16),
                "done": In(1),
                "failed": In(1),
                "first_bcid": In(BCID_BITS),
                "captured": In(16),
                "address": Out(16),
                "frame": In(FRAME_BITS),
            }
        )


class CounterPort(Signature):
    """The counters of one source, seen from who reads.

    They follow `source` and `index` at once, and are the old ones still in the clock of `clear`. `bytes` is how many
    there are.
    """

    def __init__(self, bits: int) -> None:
        super().__init__(
            {"source": Out(2), "index": Out(8), "clear": Out(1), "counters": In(bits), "bytes": In(8)}
        )


class LatencyPort(Signature):
    """Orders for the latency counter, seen from who asks. `start` is a strobe.

    With `done`: `failed` if no marker came, and `unlocked` if that is because the fibre is not locked.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": Out(1),
                "fibre": Out(8),
                "done": In(1),
                "failed": In(1),
                "unlocked": In(1),
                "cycles": In(32),
            }
        )
