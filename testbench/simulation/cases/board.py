"""The whole board as gateware: brought up by the procedure that brings up a real board, and held against the model.

The board controller, 5 GBTx, 5 SCA, I2C buses, 20 LOCx2, 80 ADC and 20 MTx are gateware; transactions, outcomes and
registers must be those of the board model, one by one. Then frames are captured from the fibres and decoded by the
golden receiver.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterable
from pathlib import Path

import cocotb
import numpy as np

from hdl.designs import RECEIVERS
from ltdb.board import load_board
from ltdb.fibre_model import PEDESTAL
from ltdb.sca import build
from ltdb.sca.commands import Channel
from testbench import faults
from testbench.configuration import load_configuration
from testbench.devices.ltdb import Ltdb
from testbench.simulation.board import SimulationTransport
from testbench.simulation.board_checks import brought_up_as_the_model, check_capture, decoded
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.golden import aligner
from testbench.transport import Session

EVERY_REGISTER = bool(setting("every_register", False))
"""Read all registers of all chips, which takes four times as long as everything else; else those of all GBTx, and of
one LOCx2, one MTx and one ADC on each SCA. What is configured is read back from all of them."""
FRAMES = 40
"""Frames captured from a fibre; the golden receiver takes 16 or so to find the first."""


def chips_to_read(board: Ltdb) -> list[str]:
    """Names of the chips whose registers are compared, all of each."""
    names = [*board.gbtx]
    for table in (board.board.locx2, board.board.mtx, board.board.adc):
        names += (
            list(table) if EVERY_REGISTER else {chip.i2c.sca: name for name, chip in table.items()}.values()
        )
    return names


async def registers(board: Ltdb, names: Iterable[str]) -> dict[str, dict[int, int]]:
    """What chips hold, read by their own procedure."""
    chips = {name: board.registers(name) for name in names}
    return {name: await chip.read(chip.kept) for name, chip in chips.items()}


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def the_whole_board_is_configured_as_the_model_is_and_every_fibre_carries_its_cells(dut: Dut) -> None:
    """Bring-up on gateware and on the model, exchange by exchange and register by register; then BCR and captures."""
    transport = SimulationTransport(dut)
    await transport.open()
    board, model = await brought_up_as_the_model(transport, None)
    names = chips_to_read(board)
    held, held_by_model = await registers(board, names), await registers(model, names)
    for name in names:
        assert held[name] == held_by_model[name], name
    read = {name: {str(k): v for k, v in contents.items()} for name, contents in held.items()}
    Path("registers.json").write_text(json.dumps(read))

    await board.bunch_counter_reset(periodic=True)
    for number in RECEIVERS:
        await check_capture(board, number, FRAMES)
    dark = min(set(board.fibres) - set(RECEIVERS))
    assert "lock" in await _refusal(board.fibres[dark].capture(FRAMES), faults.TransactionError)

    words, orbit = FRAMES * layout().frame_words, layout().sequence.bunch_crossings
    on_fibres = await transport.line.record_fibres(words, layout().word_bits)
    assert len(on_fibres) == len(board.board.fibres) == 40
    starts: set[int] = set()
    for number, data in enumerate(on_fibres):
        found = decoded(data, number, board, FRAMES)
        starts |= set(((found.bcid - found.bit_index // layout().frame_bits) % orbit).tolist())
    assert len(starts) == 1, f"a BCR for all fibres, but they count apart: {starts}"
    await transport.close()


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def chips_answer_as_they_are_set_and_faults_keep_their_names(dut: Dut) -> None:
    """ADC patterns on the fibres, a chip held in reset, a channel that is off, the auxiliary port."""
    transport = SimulationTransport(dut)
    await transport.open()
    board = Ltdb(Session(transport), load_board())
    on_fibre = RECEIVERS[-1]
    name = board.board.fibres[on_fibre][-1].adc
    last = board.board.adc[name].i2c.sca
    primary = board.board.sca[last].primary.gbtx
    await board.gbtx[primary].enable_ec()
    sca, adc = board.sca[last], board.adc[name]
    await sca.connect()
    await sca.enable([Channel.GPIO, Channel.ADC, *board.channels_used(last)])
    configuration, paths = load_configuration(None, board.board), board.board.fibres[on_fibre]
    for chip in {n: None for path in paths for n in (path.adc, path.locx2, path.mtx)} | {primary: None}:
        await board.registers(chip).set(configuration.of(chip))

    await adc.set_output("pattern", pattern=0x1234)
    await adc.enable(2, on=False)
    frames, _ = await board.fibres[on_fibre].capture(FRAMES)
    found = aligner().feed(np.ascontiguousarray(frames).reshape(-1))
    assert len(found.samples) > FRAMES // 2
    cells = np.array([PEDESTAL + path.cell for path in paths])
    cells[[path.adc == name for path in paths]] = [0x1234, 0x1234, 0, 0x1234]
    assert (found.samples == cells).all()

    line = next(g for g in board.board.gpio.values() if name in g.resets)
    await sca.drive_pins(1 << line.line, 0)
    bus = board.board.adc[name]
    expected = f"I2C master {bus.i2c.master}, address {bus.address:#04x}: no acknowledge"
    assert expected in await _refusal(adc.output(), faults.NotAcknowledged)
    await sca.drive_pins(1 << line.line, 1 << line.line)
    assert await adc.output() == ("normal", 0x2A35)

    off = sca.port.run([build.dac_set("A", 1)])
    assert "channel not enabled" in await _refusal(off, faults.ScaRefused)

    await sca.port.use(auxiliary=True)
    assert await sca.chip_id() == 0x100 + len(board.sca) - 1
    assert await adc.output() == ("normal", 0x2A35)
    await sca.port.use(auxiliary=False)
    assert Channel.ADC in await sca.enabled()
    await transport.close()


async def _refusal(asked: Awaitable[object], fault: type[faults.TransactionError]) -> str:
    """What a board says when it refuses, as it must."""
    try:
        answer = await asked
    except fault as error:
        return str(error)
    raise AssertionError(f"not refused, but answered: {answer}")
