"""The line code of the 5.12 Gb/s data link as Amaranth logic; `docs/line_code.md` says what it does."""
