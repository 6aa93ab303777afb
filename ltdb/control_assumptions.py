"""What the models of the control chain assume, as data for reports.

Of the GBTx manual only the title pages were available, and of the papers on the board's control system the
abstracts. The netlist has its own list (`ltdb.board.Board.assumptions`), so have the register tables.
"""

from __future__ import annotations

from ltdb.provenance import Provenance, Tag


def _assumed(subject: str, value: str, source: str) -> Provenance:
    return Provenance(subject, value, Tag.ASSUMED, source)


def _inferred(subject: str, value: str, source: str) -> Provenance:
    return Provenance(subject, value, Tag.INFERRED, source)


CONTROL_ASSUMPTIONS: tuple[Provenance, ...] = (
    _assumed(
        "GBTx decoder",
        "textbook Reed-Solomon; the defect of GBT-FPGA can be chosen",
        "whether the ASIC shares the defect is not public",
    ),
    _inferred("e-groups", "group n is payload bits 16n+15 to 16n, channel k begins at bit 2k", "FELIX GBT manual"),
    _assumed(
        "GBTx codes",
        "FREQ 0 to 3 = 40, 80, 160, 320 MHz; rates 0 to 3 = off, 80, 160, 320 Mb/s; paMode fixed, train, auto",
        "natural order; 3 = 320 Mb/s agrees with configurations in use",
    ),
    _inferred("GBTx field widths", "up to the next field of the published table", "ATLAS NSW gbtxRegisterMap.csv"),
    _assumed("GBTx fuses", "all zero in a new chip; the minimal set on the board", "felix-mvtx gbtx.py, NSW file"),
    _inferred("GBTx power-up order", "the order of the published list of states", "felix-mvtx gbtx.py"),
    _assumed(
        "GBTx power-up times", "1 us a step, 100 us a lock, restart 100 us after 0xAA", "no figures are public"
    ),
    _assumed("GBTx watchdog", "also acts on a lock lost in Idle", "UMD notes say only: a malfunctioning block"),
    _assumed("GBTx counters", "stop at 255", "whether they wrap is not public"),
    _assumed(
        "GBTx e-port phases", "8 codes a bit, 1 code from the edge is safe, code 0 in the middle",
        "configurations in use leave code 0; taps are not public",
    ),
    _inferred("IC write reply", "carries the registers as read back", "BNL HDLC-ICEC, WRITE_AND_READ"),
    _assumed(
        "IC errors", "wrong parity: not executed, answered; wrong address or length: silence",
        "only the parity bit of the reply is public",
    ),
    _inferred("SCA UA", "control byte 0x63", "HDLC standard; not a constant in any library read"),
    _assumed("SCA SREJ", "flag, first, last and 0 in bytes 0 to 3; N(R) in bits 7 to 5", "contents public, places not"),
    _assumed(
        "SCA sequence", "a frame out of sequence is rejected by SREJ and executed, the missing ones when they come",
        "four ways of numbering work on real chips",
    ),
    _assumed("SCA frame length", "12 bytes at most between flags; longer ones are dropped", "no command needs more"),
    _assumed(
        "SCA stopped channels", "a channel that is disabled loses the answer it owes",
        "the manual says that it is reset and its clock stopped",
    ),
    _assumed(
        "SCA I2C errors", "a start is given up after half a period of SCL; SCL held low is reported like SDA",
        "the manual names SDA low before the start only",
    ),
    _assumed(
        "SCA port at power-up", "primary active; strict mode on request", "manual and e-port specification differ"
    ),
    _assumed(
        "SCA error flags",
        "checked in the order of their bits; generic: an argument without sense; in treatment: same number while busy",
        "only the names of the bits are public",
    ),
    _inferred("SCA RMW_AND", "code 0xC2", "step of 4 before OR and XOR; blank in the manual"),
    _assumed("SCA SCLMODE", "0 = open drain", "table 6.3 of the manual; table 6.16 says the opposite"),
    _assumed("SCA INTTRIG", "1 = rising edge", "register table of the manual; its text says the opposite"),
    _assumed("SCA INTS", "collects, cleared by writing 0", "not said in the manual's table"),
    _assumed(
        "SCA ADC", "full scale is code 4095; a conversion takes 1 us + 150 us a volt",
        "150 us is the published maximum",
    ),
    _assumed("SCA SPI and JTAG registers", "in D[15:0]; length and bit order of JTAG as in SPI", "places not public"),
    _assumed(
        "SCA SPI and JTAG edges", "edge bits of SPI: 1 = falling; JTAG sends at the falling, takes at the rising edge",
        "names of the bits are public; JTAG as in IEEE 1149.1",
    ),
    _assumed("SCA SEU counter", "needs the JTAG channel enabled", "it shares the channel number"),
    _assumed("I2C maps of ADC and MTx", "maps of this project", "no public source gives the chips' own"),
    _assumed("reset lines", "a line that is not driven does not reset", "pull-ups are not public"),
    _assumed(
        "lane crossing", "the word clock of LOCx2 n starts 5n + 0.5 unit intervals, modulo 16, before the ADCs' marks",
        "crossing of docs/locx2.md; the phase differs from chip to chip, the real chip's crossing is not public",
    ),
)  # fmt: skip
