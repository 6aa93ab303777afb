"""What takes something out of a simulated design: recorders of words and of line bits, read block by block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from cocotb.triggers import Timer, ValueChange
from numpy.typing import NDArray

from testbench.simulation.context import Dut


class Recorder:
    """`recorder.v`: words with the time of their clock edge."""

    def __init__(self, handle: Dut, name: str, width: int) -> None:
        self.handle = handle
        self.path = Path(f"{name}.bin")
        self.record: np.dtype[Any] = np.dtype([("word", np.uint8, width // 8), ("time_fs", "<u8")])
        self._position = 0
        self._blocks = 0

    def start(self, block: int = 256) -> None:
        """Begin an empty file; wake Python after every `block` records."""
        self.path.unlink(missing_ok=True)
        self._position = 0
        self._blocks = self._counted()
        self.handle.block.value = block
        self.handle.run.value = 1

    async def next_block(self) -> NDArray[Any]:
        """Wait for the next whole block and return the records since the last call.

        Fields `word` (uint8 array, least significant byte first) and `time_fs` (uint64).
        """
        while self._counted() == self._blocks:
            await ValueChange(self.handle.blocks)
        self._blocks = self._counted()
        return self._read()

    def _counted(self) -> int:
        blocks = self.handle.blocks.value
        return int(blocks) if blocks.is_resolvable else 0  # Icarus: unknown before time begins

    async def stop(self) -> NDArray[Any]:
        """Stop recording (the clock has to run) and return the records since the last call."""
        self.handle.run.value = 0
        if int(self.handle.open.value):
            await ValueChange(self.handle.open)
        return self._read()

    def available(self) -> NDArray[Any]:
        """Return the records since the last call that are in the file: those of whole blocks."""
        return self._read() if self.path.exists() else np.empty(0, self.record)

    def _read(self) -> NDArray[Any]:
        # The simulator may be half way through a record: fromfile leaves that for the next call.
        records = np.fromfile(self.path, dtype=self.record, offset=self._position)
        self._position += records.nbytes
        return records


class LineMonitor(Recorder):
    """`line_monitor.v`: the bits of a line, 64 at a time."""

    def __init__(self, handle: Dut, name: str) -> None:
        super().__init__(handle, name, 64)
        self.record = np.dtype(np.uint8)

    @property
    def start_fs(self) -> int:
        """Time of the first sampled bit."""
        return int(self.handle.start_fs.value)


def words_of(records: NDArray[Any], bits: int = 64) -> NDArray[np.uint64]:
    """Return the words of records of up to 64 bits as numbers."""
    padded = np.zeros((len(records), 8), dtype=np.uint8)
    used = min(records["word"].shape[1], 8)
    padded[:, :used] = records["word"][:, :used]
    return padded.view("<u8")[:, 0] & np.uint64((1 << bits) - 1)


async def settle() -> None:
    """Let what was just written to the design take effect."""
    await Timer(1, unit="ps")
