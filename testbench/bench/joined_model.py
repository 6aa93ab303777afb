"""The board model on a simulated bench: silent without its supplies, its monitors following its rails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from instruments.simulated.board_bench import BoardBench
from ltdb.board_model import BoardModel
from ltdb.sca.commands import Channel
from testbench import faults
from testbench.transactions import ScaCommand, Transaction
from testbench.transports.model import Model


class JoinedModel(Model):
    """A board model that the supplies of a simulated bench feed, just switched on."""

    def __init__(self, model: BoardModel, bench: BoardBench) -> None:
        super().__init__(model)
        self._bench = bench
        self._held: set[str] = set()
        bench.board = model

    async def execute(self, batch: Sequence[Transaction]) -> list[Any]:
        """Carry out `batch`, or nothing while a rail is down."""
        if not self._bench.powered:
            return [faults.NoReply(batch[0], "the board has no power")] if batch else []
        if any(isinstance(one, ScaCommand) and one.channel == Channel.ADC for one in batch):
            self._bench.follow()
        outcomes = await super().execute(batch)
        held = {name for name, line in self.model.reset_lines.items() if line.held}
        for name in self._held - held:
            self._bench.released(name)
        self._held = held
        return outcomes
