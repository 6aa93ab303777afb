"""The clock and control chain: a whole board brought up over its GBT links, and what it then says of itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ltdb.provenance import Provenance, Tag
from testbench.limits import exactly
from testbench.section import Context, Section

if TYPE_CHECKING:
    from testbench.devices.ltdb import Ltdb
    from testbench.monitoring import Reading

_NETLIST = "netlist of the board, ltdb/board.toml"


def run(context: Context) -> None:
    """Bring up the board model and read its monitors."""
    from testbench.devices.ltdb import Ltdb
    from testbench.transport import Session
    from testbench.transports.model import Model

    board = Ltdb(Session(Model(), context.exchange))
    for provenance in board.board.assumptions:
        context.assume(
            Provenance(f"board: {provenance.subject}", provenance.value, Tag.ASSUMED, provenance.source)
        )
    asyncio.run(_run(context, board))


async def _run(context: Context, board: Ltdb) -> None:
    from testbench.bring_up import bring_up, differences
    from testbench.configuration import load_configuration
    from testbench.monitoring import prepare, read_counters, read_monitors

    configuration = load_configuration(None, board.board)
    steps = len(board.gbtx) + len(board.sca) + len(configuration.chips) + 1
    with context.progress("bringing up the board", steps) as advance:
        result = await bring_up(board, configuration, lambda step: advance(1))
    wrong = await differences(board, configuration)
    chips = len(configuration.chips)
    context.measure(
        "Chips with verified registers", result.checked, "chips", limit=exactly(chips, _NETLIST, Tag.ASSUMED)
    )
    context.measure(
        "Chips that differ from the configuration afterwards",
        len(wrong),
        "chips",
        limit=exactly(0, "every register reads as written", Tag.ASSUMED),
    )
    context.measure("Registers that had to be changed", sum(result.changed.values()), "registers")
    context.measure(
        "Board time of the bring-up", board.session.transport.now(), "s", note="power-up included"
    )
    await prepare(board)
    readings = [reading async for reading in read_monitors(board)]
    outside = sum(not reading.within for reading in readings)
    context.measure(
        "Monitored quantities outside their limits",
        outside,
        "channels",
        limit=exactly(0, _NETLIST, Tag.ASSUMED),
    )
    _table(context, board, readings)
    counters = await read_counters(board)
    moved = {name: value for name, value in counters.items() if value}
    context.measure(
        "Counters of lock loss, correction and upset that are not zero",
        len(moved),
        "counters",
        limit=exactly(0, "an undisturbed link and board", Tag.ASSUMED),
        note=", ".join(f"{name}: {value}" for name, value in moved.items()),
    )
    context.note(
        "Every transaction travelled as GBT frames through scrambler and Reed-Solomon code, IC or HDLC framing and the "
        "chips' own protocols, both ways. The netlist, and the register maps of LOCx2, ADC and MTx, are assumptions of "
        "this project."
    )


def _table(context: Context, board: Ltdb, readings: list[Reading]) -> None:
    """One row for channels that differ only in the number at the end of their name, one column an SCA."""
    columns = list(board.sca)
    rows: dict[str, list[str | int | float]] = {}
    for reading in readings:
        name, _, number = reading.name.rpartition("_")
        row = f"{name or number}, {reading.unit}", f"{reading.low:g} to {reading.high:g}"
        cells = rows.setdefault(" ".join(row), [*row, *["–"] * len(columns)])
        cells[2 + columns.index(board.board.monitor[reading.name].sca)] = round(reading.value, 3)
    context.table("Monitoring channels", ["Quantity", "Limits", *columns], list(rows.values()))


SECTION = Section(
    name="control",
    title="Clock and control chain",
    description=(
        "A board model is powered up, its 5 GBTx and 5 SCAs connected over five GBT links, resets released, the "
        "registers of all GBTx, LOCx2, ADCs and optical transmitters written and read back, clocks checked, and all "
        "monitoring channels read."
    ),
    run=run,
)
