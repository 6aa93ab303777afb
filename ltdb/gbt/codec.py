"""Transmitter and receiver of the GBT frame, on arrays of frames.

Layouts of packed frames and payloads are given in `ltdb.gbt.frame`. Scrambler states are carried from call
to call, so any split of a stream gives the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError
from ltdb.gbt import kernels
from ltdb.gbt.frame import (
    FRAME_BYTES,
    PAYLOAD_BYTES,
    SCRAMBLER_BITS,
    SCRAMBLER_RESET,
    WIDE_BUS_SCRAMBLER_RESET,
    Encoding,
)
from ltdb.gbt.reed_solomon import Decoder, correction_table, interleaved_parity_table

UInt8Array = npt.NDArray[np.uint8]
UInt32Array = npt.NDArray[np.uint32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DecodedGbt:
    """What the receiver hands on, one row a frame."""

    payload: UInt8Array
    """(n, 11) uint8, descrambled. The first frame after reset or after a lost frame is garbage."""
    is_data: BoolArray
    """ISDATA, from the header as received: error correction does not touch it (GBT-FPGA)."""
    errors: BoolArray
    """True where any symbol of the frame was wrong, corrected or not."""
    corrected: UInt8Array
    """Symbols that the decoder changed, rightly or wrongly."""
    extra: UInt32Array | None
    """(n,) uint32, the further payload of the wide-bus frame."""


def _reset_state() -> npt.NDArray[np.uint64]:
    s = SCRAMBLER_RESET
    w = WIDE_BUS_SCRAMBLER_RESET
    return np.array(
        [s[3] << SCRAMBLER_BITS | s[2], s[1] << SCRAMBLER_BITS | s[0], w[1], w[0]], dtype=np.uint64
    )


class GbtEncoder:
    """Transmitter: scrambler, header, Reed-Solomon encoder, interleaver; starts from the reset values."""

    def __init__(self, encoding: Encoding = Encoding.FEC) -> None:
        self.encoding = Encoding(encoding)
        self._state = _reset_state()

    def encode(
        self,
        payload: UInt8Array,
        is_data: npt.ArrayLike = True,
        extra: UInt32Array | None = None,
    ) -> UInt8Array:
        """Turn payloads (n, 11) uint8 into frames (n, 15) uint8.

        Parameters
        ----------
        payload
            The upper nibble of the first byte must be 0.
        is_data
            Header to send, one for all or one each.
        extra
            (n,) uint32, wide-bus only; 0 if not given.

        Raises
        ------
        InputError
            If a shape or type does not fit, or `extra` is given where the frame has no room for it.
        """
        payload = _rows(payload, PAYLOAD_BYTES, "GBT payload")
        if np.any(payload[:, 0] > 0xF):
            raise InputError("GBT payload", "bits above bit 83", "84 bits: upper nibble of byte 0 zero")
        count = len(payload)
        data = np.empty(count, dtype=np.bool_)
        data[:] = is_data
        frames = np.empty((count, FRAME_BYTES), dtype=np.uint8)
        if self.encoding is Encoding.FEC:
            if extra is not None:
                raise InputError("extra payload", "given", "none: only the wide-bus frame has room for it")
            kernels.encode_fec(payload, data, self._state, interleaved_parity_table(), frames)
        else:
            further = np.zeros(count, dtype=np.uint32) if extra is None else np.asarray(extra)
            if further.shape != (count,) or further.dtype != np.uint32:
                raise InputError("extra payload", f"{further.shape} {further.dtype}", f"({count},) uint32")
            kernels.encode_wide(payload, further, data, self._state, frames)
        return frames


class GbtReceiver:
    """Receiver of aligned frames: deinterleaver, Reed-Solomon decoder, descrambler."""

    def __init__(self, encoding: Encoding = Encoding.FEC, decoder: Decoder = Decoder.TEXTBOOK) -> None:
        self.encoding = Encoding(encoding)
        self.decoder = Decoder(decoder)
        self._state = np.zeros(4, dtype=np.uint64)

    def decode(self, frames: UInt8Array) -> DecodedGbt:
        """Turn frames (n, 15) uint8 into payloads with flags.

        Raises
        ------
        InputError
            If shape or type does not fit.
        """
        frames = _rows(frames, FRAME_BYTES, "GBT frames")
        count = len(frames)
        payload = np.empty((count, PAYLOAD_BYTES), dtype=np.uint8)
        is_data = np.empty(count, dtype=np.bool_)
        errors = np.zeros(count, dtype=np.bool_)
        corrected = np.zeros(count, dtype=np.uint8)
        extra = None
        if self.encoding is Encoding.FEC:
            table, correct = interleaved_parity_table(), correction_table(self.decoder)
            kernels.decode_fec(frames, self._state, table, correct, payload, is_data, errors, corrected)
        else:
            extra = np.empty(count, dtype=np.uint32)
            kernels.decode_wide(frames, self._state, payload, extra, is_data)
        return DecodedGbt(payload, is_data, errors, corrected, extra)


def _rows(array: UInt8Array, width: int, what: str) -> UInt8Array:
    array = np.ascontiguousarray(array)
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != width:
        raise InputError(what, f"{array.shape} {array.dtype}", f"(n, {width}) uint8")
    return array
