"""The line code of the 5.12 Gb/s data link: frame layout, scrambler, CRC, BCID, codec and alignment."""

from ltdb.line_code.format import FrameFormat, load_format

__all__ = ["FrameFormat", "load_format"]
