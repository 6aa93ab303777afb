"""Sampling-phase scan of a GBTx clock: where a known pattern arrives, and the centre of that window.

The clock of a group of ADCs, or of a LOCx2, is shifted through its 25 ns against all others. For every step the board
is first put back to the phase it had and its LOCx2 aligned anew, so that each step is a move from the same reference,
as a drift would be. A step is good if every frame captured carries the pattern and neither the LOCx2 nor the receiver
has noticed anything. The centre of the longest run of good steps, taken round the circle, is the phase with most
margin to both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ltdb.board import CellPath, ClockOutput
from ltdb.errors import BenchError, InputError
from ltdb.gbtx.clocks import DELAY_STEP_S, DELAY_STEPS, PHASE_SHIFTER_CLOCKS
from ltdb.line_code.format import FrameFormat
from testbench.devices.ltdb import Ltdb
from testbench.faults import Unsupported
from testbench.transactions import Capability

NEEDS = frozenset({Capability.IC, Capability.EC, Capability.CAPTURE, Capability.COUNTERS})
PATTERN = 0x1A35
PATTERN_STEP = 0x0111
"""ADC n of the clock sends PATTERN + n PATTERN_STEP, so that lanes that changed places show."""
FAULT_COUNTERS = ("crc_errors", "header_errors", "bcid_jumps", "moves", "losses")
SETTLE_S = 10e-6
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """What was seen at one phase."""

    step: int
    wrong_frames: int
    """Captured frames without the pattern, or with a flag; all of them if there were no frames."""
    events: int
    """What the receivers' counters of faults rose by."""
    flags: tuple[str, ...]
    """Error bits that LOCx2 have raised."""

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.wrong_frames or self.events or self.flags)


@dataclass(frozen=True, slots=True)
class PhaseScan:
    """A finished scan."""

    clock: ClockOutput
    fibres: tuple[int, ...]
    before: int
    """Step the clock had."""
    resolution: int
    """Steps from one point of the scan to the next."""
    frames: int
    """Frames looked at, at each point."""
    steps: tuple[Step, ...]
    first: int
    last: int
    """Ends of the window, both good; `last` is beyond 511 if the window goes through 0."""

    @property
    def centre(self) -> int:
        """Step in the middle of the window."""
        return (self.first + self.last) // 2 % DELAY_STEPS

    @property
    def width_s(self) -> float:
        """Width of the window: how far the first and the last good point are apart, in seconds."""
        return (self.last - self.first) * DELAY_STEP_S


def clock_named(board: Ltdb, name: str) -> ClockOutput:
    """Phase-shifter output by its name, ``gbtx0.ps3``, or InputError."""
    gbtx, _, output = name.partition(".ps")
    if gbtx in board.board.gbtx and output.isdecimal() and int(output) < PHASE_SHIFTER_CLOCKS:
        clock = ClockOutput(gbtx, int(output))
        if board.board.loads_of(clock):
            return clock
    allowed = (
        f"gbtxN.psK with N below {len(board.gbtx)} and K below {PHASE_SHIFTER_CLOCKS} that clocks some chip"
    )
    raise InputError("clock", repr(name), allowed)


def clock_of_fibre(board: Ltdb, fibre: int) -> ClockOutput:
    """The clock of the ADCs of a fibre.

    Raises
    ------
    InputError
        If there is no such fibre, or its ADCs have different clocks.
    """
    if fibre not in board.fibres:
        raise InputError("fibre", fibre, f"0 to {len(board.fibres) - 1}")
    clocks = {board.board.adc[path.adc].clock for path in board.board.fibres[fibre]}
    if len(clocks) > 1:
        raise InputError(f"clock of fibre {fibre}", ", ".join(map(str, clocks)), "one clock; name it instead")
    return clocks.pop()


async def scan_phase(
    board: Ltdb,
    clock: ClockOutput,
    layout: FrameFormat,
    *,
    resolution: int = 8,
    frames: int = 32,
    keep: bool = False,
    report: Report = lambda step: None,
) -> PhaseScan:
    """Scan one clock, and leave it at the centre of its window, or with `keep` as it was.

    However it ends, the outputs of the ADCs are put back; if it fails or is interrupted, the phase, too.

    Raises
    ------
    InputError
        If resolution or number of frames makes no sense.
    BenchError
        If there is no good phase, or the pattern does not even arrive at the phase the clock has.
    """
    if not (1 <= resolution <= DELAY_STEPS // 4 and DELAY_STEPS % resolution == 0):
        raise InputError("resolution", resolution, f"a divisor of {DELAY_STEPS}, 1 to {DELAY_STEPS // 4}")
    board.session.require(NEEDS)
    scan = _Scan(board, clock, layout, frames)
    before = await scan.gbtx.phase(clock.channel)
    outputs = {name: await board.adc[name].output() for name in scan.adcs}
    target = before
    try:
        for number, name in enumerate(scan.adcs):
            await board.adc[name].set_output("pattern", pattern=scan.pattern(number))
        report(f"{clock}: step {before}, as it is")
        await scan.align(before)
        reference = await scan.look(before)
        if not reference.good:
            raise BenchError(
                f"{clock}: the pattern does not arrive at step {before}, where it is: {reference}"
            )
        steps = []
        for step in range(0, DELAY_STEPS, resolution):
            report(f"{clock}: step {step}")
            await scan.align(before)
            steps.append(await scan.look(step))
        first, last = longest_run(steps, resolution)
        found = PhaseScan(clock, scan.fibres, before, resolution, frames, tuple(steps), first, last)
        if not keep:
            report(f"{clock}: step {found.centre}, the centre")
            await scan.align(found.centre)
            chosen = await scan.look(found.centre)
            if not chosen.good:
                raise BenchError(f"{clock}: the centre of the window is not good: {chosen}")
            target = found.centre
        return found
    finally:
        await scan.align(target)
        for name, (output, pattern) in outputs.items():
            await board.adc[name].set_output(output, pattern=pattern)


def longest_run(steps: Sequence[Step], resolution: int) -> tuple[int, int]:
    """First and last step of the longest run of good points round the circle; the last may lie beyond 511.

    Raises
    ------
    BenchError
        If no point is good.
    """
    good = [step.good for step in steps]
    if not any(good):
        raise BenchError("no phase of the scan is good")
    if all(good):
        return 0, DELAY_STEPS - resolution
    count = len(good)
    start = good.index(False)
    best, run = (0, 0), 0
    for offset in range(1, count + 1):
        run = run + 1 if good[(start + offset) % count] else 0
        if run > best[0]:
            best = (run, (start + offset - run + 1) % count)
    length, first = best
    return first * resolution, (first + length - 1) * resolution


class _Scan:
    """What belongs to one clock: its chips and fibres."""

    def __init__(self, board: Ltdb, clock: ClockOutput, layout: FrameFormat, frames: int) -> None:
        self._board, self._clock, self._layout, self._frames = board, clock, layout, frames
        self.gbtx = board.gbtx[clock.gbtx]
        loads = {chip.name for chip in board.board.loads_of(clock)}

        def clocked(path: CellPath) -> bool:
            return path.adc in loads or path.locx2 in loads

        fibres = board.board.fibres
        self.fibres = tuple(number for number, paths in fibres.items() if any(map(clocked, paths)))
        paths = [path for number in self.fibres for path in fibres[number]]
        self.adcs = tuple(dict.fromkeys(path.adc for path in paths))
        self._channels = {name: set[int]() for name in dict.fromkeys(path.locx2 for path in paths)}
        for path in paths:
            self._channels[path.locx2].add(path.locx2_channel)

    def pattern(self, number: int) -> int:
        """Pattern of the n-th ADC."""
        return (PATTERN + number * PATTERN_STEP) % (1 << self._layout.sample_bits)

    async def align(self, step: int) -> None:
        """Set the phase, let the LOCx2 find their frames there, and forget what that disturbed."""
        await self.gbtx.set_phase(self._clock.channel, step)
        for name, channels in self._channels.items():
            for channel in channels:
                await self._board.locx2[name].realign(channel)
        await self._board.session.transport.sleep(SETTLE_S)
        for name in self._channels:
            await self._board.locx2[name].clear()
        for number in self.fibres:
            await self._board.fibres[number].counters(clear=True)

    async def look(self, step: int) -> Step:
        """Move to a step, and say what of it can be seen."""
        await self.gbtx.set_phase(self._clock.channel, step)
        await self._board.session.transport.sleep(SETTLE_S)
        wrong, events = 0, 0
        for number in self.fibres:
            wrong += await self._wrong_frames(number)
            counters = await self._board.fibres[number].counters()
            events += sum(counters[name] for name in FAULT_COUNTERS)
        flags: list[str] = []
        for name in self._channels:
            status = await self._board.locx2[name].status()
            flags += [f"{name} {error}" for error in status.errors]
        return Step(step, wrong, events, tuple(flags))

    async def _wrong_frames(self, number: int) -> int:
        try:
            samples, frame_flags = await self._board.fibres[number].samples(self._frames, self._layout)
        except Unsupported:
            # No light or no lock: none of the frames that were due has come.
            return self._frames
        lanes = [self.pattern(self.adcs.index(path.adc)) for path in self._board.board.fibres[number]]
        return int(((samples != lanes).any(axis=1) | (frame_flags != 0)).sum())
