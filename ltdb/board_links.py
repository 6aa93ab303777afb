"""Board end of one GBT link: a GBTx with its e-links, frames in and frames out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ltdb.board import ElinkPlace
from ltdb.gbt import elinks
from ltdb.gbt.codec import GbtEncoder, GbtReceiver
from ltdb.gbt.frame import FRAME_BYTES
from ltdb.gbt.lock import HeaderLock, valid_headers
from ltdb.gbt.reed_solomon import Decoder
from ltdb.gbtx import Gbtx
from ltdb.hdlc import IDLE_ONES, IDLE_PATTERN, Deframer, frame_bits, idle_bits

UInt8Array = npt.NDArray[np.uint8]
GAP_BITS = 8
"""Rest before a frame on a serial channel (assumed)."""


@dataclass(slots=True)
class SerialSource:
    """Bits waiting for a serial channel, with its idle pattern in between."""

    idle: UInt8Array
    _bits: UInt8Array = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    _phase: int = 0
    _tiled: UInt8Array = field(default_factory=lambda: np.empty(0, dtype=np.uint8))

    def send(self, content: bytes) -> None:
        """Queue an HDLC frame."""
        gap = idle_bits(self.idle, GAP_BITS)
        self._bits = np.concatenate([self._bits, gap, frame_bits(content)])

    @property
    def waiting(self) -> int:
        """Bits not sent yet."""
        return len(self._bits)

    def take(self, count: int) -> UInt8Array:
        """Fetch the next `count` bits of the line."""
        sent, self._bits = self._bits[:count], self._bits[count:]
        rest = count - len(sent)
        if rest == 0:
            return sent
        filling = self._filling(rest)
        self._phase = (self._phase + rest) % len(self.idle)
        return filling if len(sent) == 0 else np.concatenate([sent, filling])

    def _filling(self, count: int) -> UInt8Array:
        if self._phase + count > len(self._tiled):
            self._tiled = idle_bits(self.idle, self._phase + count + 1024)
        return self._tiled[self._phase : self._phase + count]


@dataclass(slots=True)
class Arrived:
    """HDLC frames that ended in a block, by channel."""

    ic: list[bytes] = field(default_factory=list)
    ec: list[bytes] = field(default_factory=list)
    aux: list[bytes] = field(default_factory=list)


class BoardLink:
    """One GBTx as its link sees it.

    Down: frame lock, error correction, IC to the register file, EC and the auxiliary e-link handed on. Up:
    IC replies, what the SCAs send, and nothing (all zero, no valid header) while the serializer does not
    run. An e-port input must be enabled and sampled at a good phase, an output enabled, or its bits do not
    pass; the EC output always does.
    """

    def __init__(self, gbtx: Gbtx, aux: ElinkPlace, decoder: Decoder = Decoder.TEXTBOOK) -> None:
        self.gbtx = gbtx
        self.aux = aux
        self.lock = HeaderLock()
        self._channels = elinks.ControlChannels(aux.group, aux.channel)
        self._receiver = GbtReceiver(decoder=decoder)
        self._encoder = GbtEncoder()
        self._from = {name: Deframer() for name in ("ic", "ec", "aux")}
        self.to_back_end = {
            "ic": SerialSource(IDLE_ONES),
            "ec": SerialSource(IDLE_PATTERN),
            "aux": SerialSource(IDLE_PATTERN),
        }

    @property
    def waiting_bits(self) -> int:
        """Bits waiting to go up on the fullest channel."""
        return max(source.waiting for source in self.to_back_end.values())

    def receive(self, frames: UInt8Array) -> Arrived:
        """Take a block of frames (n, 15) from the fibre; IC requests are executed here."""
        strobes, slip = self.lock.walk(valid_headers(frames[:, 0] >> 4))
        if slip:
            # Frames come whole here: there is no other bit offset to slip to, the search goes on in the
            # next one.
            strobes = np.zeros(len(frames), dtype=np.bool_)
        self.gbtx.set_downlink(self.lock.locked)
        decoded = self._receiver.decode(frames)
        arrived = Arrived()
        if not self.gbtx.receives:
            return arrived
        self.gbtx.count_corrections(int(np.count_nonzero(decoded.errors[: len(strobes)] & strobes)))
        rows = self._channels.split(decoded.payload[: len(strobes)][strobes])
        arrived.ic = self._from["ic"].feed(rows[0])
        arrived.ec = self._from["ec"].feed(rows[1])
        if self.gbtx.output_enabled(self.aux.group, self.aux.channel):
            arrived.aux = self._from["aux"].feed(rows[2])
        for content in arrived.ic:
            reply = self.gbtx.ic.handle(content)
            if reply is not None:
                self.to_back_end["ic"].send(reply)
        return arrived

    def transmit(self, count: int) -> UInt8Array:
        """Give the next `count` frames for the fibre, (count, 15) uint8."""
        if not self.gbtx.transmits:
            return np.zeros((count, FRAME_BYTES), dtype=np.uint8)
        rows = np.ones((3, 2 * count), dtype=np.uint8)
        passes = (
            True,
            self.gbtx.ec_samples_right(),
            self.gbtx.samples_right(self.aux.group, self.aux.channel),
        )
        for row, source, open_ in zip(rows, self.to_back_end.values(), passes, strict=True):
            bits = source.take(2 * count)
            if open_:
                row[:] = bits
        return self._encoder.encode(self._channels.merge(rows))
