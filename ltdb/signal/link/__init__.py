"""Link simulator: bits to edges with jitter, through transmitter, fibre and receiver, and back to bits.

``edges`` places the edges exactly, ``response`` describes the linear blocks, ``waveform`` adds up one step
response an edge, ``receiver`` decides bits, ``statistical`` computes the eye without simulating bits, and
``simulator`` joins them, with the defaults of the 5.12 Gb/s link from ``link.toml``.
"""
