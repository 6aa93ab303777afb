"""Why a netlist cannot be a board, said when it is loaded and not when a chip does not answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ltdb.errors import InputError

if TYPE_CHECKING:
    from ltdb.board import AdcChip, Board, Locx2Chip

I2C_MASTERS = 16
GPIO_LINES = 32
MONITOR_PADS = 31
CLOCK_OUTPUTS = 8
RATES_MBPS = (80, 160, 320)
Rule = tuple[str, object, str]


def check(board: Board) -> None:
    """Raise InputError for the first rule that the netlist breaks."""
    for what, got, allowed in _broken_rules(board):
        raise InputError(what, got, allowed)


def _broken_rules(b: Board) -> Iterator[Rule]:
    yield from _names(b)
    yield from _elinks(b)
    yield from _ports(b)
    yield from _clocks(b)
    yield from _buses(b)
    yield from _data_path(b)
    yield from _lines(b)
    yield from _monitors(b)


def _twice(items: Iterable[Hashable]) -> list[Any]:
    return [item for item, count in Counter(items).items() if count > 1]


def _missing(what: str, name: str, table: Iterable[str]) -> Iterator[Rule]:
    if name not in table:
        yield what, f"{name!r}, which is not there", ", ".join(table)


def _names(b: Board) -> Iterator[Rule]:
    tables = (b.gbtx, b.sca, b.adc, b.locx2, b.mtx)
    for kind, table in zip(("GBTx", "SCA", "ADC", "LOCx2", "MTx"), tables, strict=True):
        if not table:
            yield "board", f"no {kind}", "at least one of each kind of chip"
    for name in _twice(name for table in tables for name in table):
        yield "chip name", f"{name!r} for two chips", "a name of its own for each chip"


def _elinks(b: Board) -> Iterator[Rule]:
    for name, place in (("aux", b.aux), ("bcr", b.bcr)):
        if place.rate_mbps not in RATES_MBPS:
            yield f"[{name}] rate_mbps", place.rate_mbps, ", ".join(map(str, RATES_MBPS))
        if not 0 <= place.group < 5:
            yield f"[{name}] group", place.group, "0 to 4"
        step = max(1, place.rate_mbps // 80)
        if not 0 <= place.channel < 8 or place.channel % step:
            yield f"[{name}] channel", place.channel, f"0 to 7 in steps of {step} at {place.rate_mbps} Mb/s"
    if b.aux.rate_mbps != 80:
        yield "[aux] rate_mbps", b.aux.rate_mbps, "80: the e-ports of the SCA know no other rate"
    if (b.aux.group, b.aux.channel) == (b.bcr.group, b.bcr.channel):
        yield "[bcr]", "the e-link of [aux]", "an e-link of its own: two drivers on one pin otherwise"


def _ports(b: Board) -> Iterator[Rule]:
    links = sorted(chip.link for chip in b.gbtx.values())
    if links != list(range(len(links))):
        yield "GBT links", links, f"each of 0 to {len(links) - 1} once"
    for sca in b.sca.values():
        for port in (sca.primary, sca.auxiliary):
            yield from _missing(f"port of {sca.name}", port.gbtx, b.gbtx)
        if sca.primary.gbtx == sca.auxiliary.gbtx:
            yield (
                f"ports of {sca.name}",
                f"both at {sca.primary.gbtx}",
                "two GBTx: else one failure takes both",
            )
    for port in _twice(p for sca in b.sca.values() for p in (sca.primary, sca.auxiliary)):
        yield f"e-link {port}", "two SCA ports", "one: two drivers on one pin otherwise"


def _clocks(b: Board) -> Iterator[Rule]:
    clocked: list[AdcChip | Locx2Chip] = [*b.adc.values(), *b.locx2.values()]
    for chip in clocked:
        yield from _missing(f"clock of {chip.name}", chip.clock.gbtx, b.gbtx)
        if not 0 <= chip.clock.channel < CLOCK_OUTPUTS:
            yield f"clock of {chip.name}", chip.clock, f"ps0 to ps{CLOCK_OUTPUTS - 1}"
    for locx2 in b.locx2.values():
        yield from _missing(f"BCR of {locx2.name}", locx2.bcr, b.gbtx)


def _buses(b: Board) -> Iterator[Rule]:
    for chip in b.bus_chips():
        yield from _missing(f"I2C bus of {chip.name}", chip.i2c.sca, b.sca)
        if not 0 <= chip.i2c.master < I2C_MASTERS:
            yield f"I2C bus of {chip.name}", chip.i2c, f"i2c0 to i2c{I2C_MASTERS - 1}"
        if not 1 <= chip.address <= 0x77:
            yield (
                f"I2C address of {chip.name}",
                hex(chip.address),
                "0x01 to 0x77 (7 bits, 0x78 up are reserved)",
            )
    for bus, address in _twice((chip.i2c, chip.address) for chip in b.bus_chips()):
        names = [chip.name for chip in b.on_bus(bus) if chip.address == address]
        yield (
            f"I2C address {address:#04x} on {bus}",
            " and ".join(names),
            "one chip for each address of a bus",
        )


def _data_path(b: Board) -> Iterator[Rule]:
    for locx2 in b.locx2.values():
        if len(locx2.adcs) != 4:
            yield f"ADCs of {locx2.name}", len(locx2.adcs), "4, two for each channel"
        for adc in locx2.adcs:
            yield from _missing(f"ADCs of {locx2.name}", adc, b.adc)
        yield from _missing(f"MTx of {locx2.name}", locx2.mtx, b.mtx)
    for adc in _twice(adc for chip in b.locx2.values() for adc in chip.adcs):
        yield f"lanes of {adc}", "two LOCx2 inputs", "one"
    for mtx in _twice(chip.mtx for chip in b.locx2.values()):
        yield f"input of {mtx}", "two LOCx2", "one: two drivers on one pin otherwise"
    connected = {adc for chip in b.locx2.values() for adc in chip.adcs}
    for adc in b.adc.keys() - connected:
        yield f"lanes of {adc}", "no LOCx2", "a LOCx2 for each ADC"
    for mtx in b.mtx.keys() - {chip.mtx for chip in b.locx2.values()}:
        yield f"input of {mtx}", "no LOCx2", "a LOCx2 for each MTx"
    for chip in b.mtx.values():
        if len(chip.fibres) != 2:
            yield f"fibres of {chip.name}", len(chip.fibres), "2"
    for fibre in _twice(fibre for chip in b.mtx.values() for fibre in chip.fibres):
        yield f"fibre {fibre}", "two MTx", "one: two drivers on one fibre otherwise"
    fibres = sorted(fibre for chip in b.mtx.values() for fibre in chip.fibres)
    if fibres != list(range(len(fibres))):
        yield "fibres", f"{fibres[0]} to {fibres[-1]} with gaps", f"each of 0 to {len(fibres) - 1}"
    for cell in _twice(chip.first_cell + c for chip in b.adc.values() for c in range(4)):
        yield f"super cell {cell}", "two ADC channels", "one"
    if any(chip.first_cell < 0 for chip in b.adc.values()):
        yield "first_cell", "a negative number", "0 or more"


def _lines(b: Board) -> Iterator[Rule]:
    resettable = {*b.adc, *b.locx2, *b.mtx}
    for line in b.gpio.values():
        yield from _missing(f"GPIO line {line.name}", line.sca, b.sca)
        if not 0 <= line.line < GPIO_LINES:
            yield f"GPIO line {line.name}", line.line, f"0 to {GPIO_LINES - 1}"
        if line.direction not in ("in", "out"):
            yield f"direction of GPIO line {line.name}", repr(line.direction), "in, out"
        if line.resets and line.direction == "in":
            yield f"GPIO line {line.name}", "an input that resets chips", "an output"
        for chip in line.resets:
            yield from _missing(f"GPIO line {line.name}", chip, sorted(resettable))
    for sca, number in _twice((line.sca, line.line) for line in b.gpio.values()):
        yield f"GPIO {number} of {sca}", "two lines", "one: two drivers on one pin otherwise"
    for chip in _twice(chip for line in b.gpio.values() for chip in line.resets):
        yield f"reset of {chip}", "two GPIO lines", "one: two drivers on one pin otherwise"


def _monitors(b: Board) -> Iterator[Rule]:
    for channel in b.monitor.values():
        yield from _missing(f"monitor {channel.name}", channel.sca, b.sca)
        if not 0 <= channel.pad < MONITOR_PADS:
            yield f"pad of monitor {channel.name}", channel.pad, f"0 to {MONITOR_PADS - 1}"
        if channel.kind not in ("voltage", "pt1000"):
            yield f"kind of monitor {channel.name}", repr(channel.kind), "voltage, pt1000"
        if channel.factor <= 0:
            yield f"factor of monitor {channel.name}", channel.factor, "more than 0"
        if not channel.low <= channel.nominal <= channel.high:
            got = f"{channel.low:g}, {channel.nominal:g}, {channel.high:g}"
            yield f"limits of monitor {channel.name}", got, "low <= nominal <= high"
        if channel.kind == "voltage" and channel.high > channel.factor:
            allowed = f"at most {channel.factor:g} V: the pad takes 1.0 V"
            yield f"high limit of monitor {channel.name}", f"{channel.high:g} V", allowed
    for sca, pad in _twice((channel.sca, channel.pad) for channel in b.monitor.values()):
        yield f"ADC input {pad} of {sca}", "two monitors", "one: two drivers on one pin otherwise"
