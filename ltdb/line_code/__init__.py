"""The line code of the 5.12 Gb/s data link: frame layout, scrambler, CRC, BCID, codec and alignment."""

from ltdb.line_code.alignment import AlignedFrames, Aligner, Counters
from ltdb.line_code.codec import DecodedFrames, Decoder, Encoder, FrameFlag
from ltdb.line_code.format import FrameFormat, load_format

__all__ = [
    "AlignedFrames",
    "Aligner",
    "Counters",
    "DecodedFrames",
    "Decoder",
    "Encoder",
    "FrameFlag",
    "FrameFormat",
    "load_format",
]
