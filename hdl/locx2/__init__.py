"""LOCx2: the two-channel transmitter of the 5.12 Gb/s data link, as Amaranth logic; see `docs/locx2.md`."""
