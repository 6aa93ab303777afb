"""The clock and control chain: a whole board brought up over its GBT links, and what it then says of itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ltdb.control_assumptions import CONTROL_ASSUMPTIONS
from ltdb.provenance import Provenance, Tag
from testbench.limits import at_least, exactly
from testbench.section import Context, Section

if TYPE_CHECKING:
    from ltdb.board_model import BoardModel
    from testbench.devices.ltdb import Ltdb
    from testbench.monitoring import Reading

_NETLIST = "netlist of the board, ltdb/board.toml"


def run(context: Context) -> None:
    """Bring up the board model and read its monitors."""
    from ltdb.board_model import BoardModel
    from ltdb.fibre_model import FibreModel
    from testbench.devices.ltdb import Ltdb
    from testbench.transport import Session
    from testbench.transports.model import Model

    transport = Model(fibres=FibreModel(BoardModel(), context.layout))
    board = Ltdb(Session(transport, context.exchange))
    for provenance in board.board.assumptions:
        context.assume(
            Provenance(f"board: {provenance.subject}", provenance.value, Tag.ASSUMED, provenance.source)
        )
    for provenance in CONTROL_ASSUMPTIONS:
        context.assume(provenance)
    asyncio.run(_run(context, board, transport.model))


async def _run(context: Context, board: Ltdb, model: BoardModel) -> None:
    from testbench.bring_up import bring_up, differences
    from testbench.configuration import load_configuration

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
    await _fibres(context, board)
    await _phase(context, board)
    await _scrub(context, board, model)
    await _monitors(context, board)
    context.note(
        "Every transaction travelled as GBT frames through scrambler and Reed-Solomon code, IC or HDLC framing and the "
        "chips' own protocols, both ways. The netlist, and the register maps of LOCx2, ADC and MTx, are assumptions of "
        "this project."
    )


async def _monitors(context: Context, board: Ltdb) -> None:
    """Read voltages, temperatures and counters; the SCAs are reset for it."""
    from testbench.monitoring import prepare, read_counters, read_monitors

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


async def _fibres(context: Context, board: Ltdb) -> None:
    """Capture frames from every fibre after a BCR, and decode them."""
    from ltdb.line_code import Decoder

    count = 8 if context.quick else 64
    good, in_step = 0, set()
    await board.bunch_counter_reset(periodic=True)
    with context.progress("capturing frames", len(board.fibres)) as advance:
        for number, fibre in board.fibres.items():
            frames, first = await fibre.capture(count, start_bcid=0)
            decoded = Decoder(context.layout, bcid=first).decode(frames)
            # The first can only be descrambled with the frame before it, which was not captured.
            lit = not decoded.flags[1:].any() and decoded.samples[1:].any(axis=0).all()
            good += bool(lit)
            in_step |= {number} if decoded.bcid.tolist() == list(range(count)) else set()
            advance(1)
    whole = len(board.fibres)
    context.measure(
        "Fibres with good frames on all lanes", good, "fibres", limit=exactly(whole, _NETLIST, Tag.ASSUMED)
    )
    context.measure(
        "Fibres whose bunch-crossing numbers follow the BCR",
        len(in_step),
        "fibres",
        limit=exactly(whole, "every LOCx2 takes the BCR of its GBTx", Tag.ASSUMED),
    )


async def _phase(context: Context, board: Ltdb) -> None:
    """Scan the sampling clock of the first fibre, and look at what its margin is."""
    import numpy as np

    from ltdb.gbtx.clocks import DELAY_STEP_S, DELAY_STEPS
    from ltdb.lane_crossing import TOLERATED_WORDS, WORD_S
    from testbench.phase_scan import clock_of_fibre, scan_phase
    from testbench.series import Column, Mark, Plot, Series

    clock = clock_of_fibre(board, 0)
    resolution = 32 if context.quick else 8
    with context.progress(f"scanning {clock}", DELAY_STEPS // resolution + 2) as advance:
        scan = await scan_phase(
            board, clock, context.layout, resolution=resolution, report=lambda step: advance(1)
        )
    least_s = 2 * TOLERATED_WORDS * WORD_S
    context.measure(
        f"Sampling window of {clock}",
        scan.width_s,
        "s",
        uncertainty=resolution * DELAY_STEP_S / 6**0.5,
        limit=at_least(least_s, "docs/locx2.md: a word clock of wander to either side", Tag.ASSUMED),
        note=f"set to its centre, step {scan.centre} of {DELAY_STEPS}",
    )
    delay_ns = np.array([s.step for s in scan.steps]) * DELAY_STEP_S * 1e9
    faults = [s.wrong_frames + s.events + len(s.flags) for s in scan.steps]
    context.series(
        Series(
            f"Phase scan of {clock} against a known pattern",
            Plot.POINTS,
            (
                Column("delay", delay_ns, "ns"),
                Column("wrong frames, counted faults and error bits", np.array(faults)),
            ),
            marks=(Mark("x", scan.centre * DELAY_STEP_S * 1e9, "centre of the window"),),
            caption=f"Fibres {', '.join(map(str, scan.fibres))}; the window goes round the circle of 25 ns.",
        )
    )


async def _scrub(context: Context, board: Ltdb, model: BoardModel) -> None:
    """Flip bits in all kinds of chips, and let scrubbing find and repair them."""
    from testbench.bring_up import switch_on
    from testbench.scrubbing import scrub, take_reference

    await switch_on(board)
    reference = await take_reference(board)
    if context.quick:
        reference = reference.only(
            [*board.gbtx, *list(board.locx2)[:2], *list(board.adc)[:4], *list(board.mtx)[:4]]
        )
    random = context.random("upsets")
    places = [
        (name, register, bit)
        for name, expected in reference.chips.items()
        if name not in board.locx2
        for register, (_, mask) in expected.items()
        for bit in range(8)
        if mask >> bit & 1
    ]
    hit = random.choice(len(places), size=20, replace=False)
    for name, register, bit in (places[n] for n in hit):
        model.upset(name, register, bit)
    mended = [name for name in board.locx2 if name in reference.chips][:2]
    for name in mended:
        model.upset(name, 0, 0)
    with context.progress("scrubbing", len(reference.chips) + 1) as advance:
        found = await scrub(board, reference, report=lambda name: advance(1))
    again = await scrub(board, reference)
    source = "bits flipped in the board model before"
    context.measure(
        "Upset bits found by scrubbing",
        found.upset_bits,
        "bits",
        limit=exactly(len(hit), source, Tag.CERTAIN),
    )
    context.measure(
        "Wrong bits left after scrubbing",
        again.upset_bits,
        "bits",
        limit=exactly(0, "scrubbing repairs what it finds", Tag.ASSUMED),
        note=f"{found.registers} registers of {found.chips} chips read",
    )
    context.measure(
        "Upsets that LOCx2 have mended and counted",
        sum(count for name, count in found.counted.items() if name in board.locx2),
        "upsets",
        limit=exactly(len(mended), source, Tag.CERTAIN),
    )
    for name in mended:
        await board.locx2[name].clear()


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
        "registers of all GBTx, LOCx2, ADCs and optical transmitters written and read back, and clocks checked. Frames "
        "of all fibres are captured after a BCR and decoded, the phase of one sampling clock is scanned, bits are "
        "flipped and found again by scrubbing, and all monitoring channels are read."
    ),
    run=run,
)
