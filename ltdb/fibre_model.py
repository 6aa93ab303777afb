"""What the fibres of a board model carry: frames of the line code, made of what the chips are set to.

A fibre is lit if everything on its way works: the LOCx2 channel enabled, clocked, sending frames and out of
reset, both its ADCs clocked and out of reset, the laser on. The models of the line code and of the board
meet here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ltdb.board import CellPath
from ltdb.board_model import BoardModel
from ltdb.errors import InputError, LtdbError
from ltdb.line_code import Encoder, FrameFormat, load_format

SampleSource = Callable[[int, npt.NDArray[np.int64], float], npt.NDArray[np.uint16]]
"""Samples of a super cell: its number, the bunch crossings since power-on, and the delay of the sampling clock in s."""
LEAD_IN_FRAMES = 4
"""Frames before the first one captured, so that the scrambler has a history as on a running fibre."""
PEDESTAL = 1000


class FibreDark(LtdbError):  # noqa: N818 - reads as what happened
    """A fibre carries no frames."""


def pedestal(cell: int, bunch_crossings: npt.NDArray[np.int64], delay_s: float) -> npt.NDArray[np.uint16]:
    """Samples without a signal: a pedestal that differs from channel to channel, so that swapped ones show."""
    return np.full(len(bunch_crossings), PEDESTAL + cell, dtype=np.uint16)


class FibreModel:
    """The transmitting side of all fibres of a board.

    Parameters
    ----------
    model
        The board; its time passes while frames are captured.
    layout
        The line code; the default one if not given.
    samples
        What the ADCs see; pedestals if not given.
    """

    def __init__(
        self, model: BoardModel, layout: FrameFormat | None = None, samples: SampleSource = pedestal
    ) -> None:
        self.model = model
        self.layout = layout or load_format()
        self.samples = samples

    def bcid(self, fibre: int) -> int:
        """BCID that the next bunch crossing has on a fibre."""
        path = self._paths(fibre)[0]
        origin = self.model.clocks.origin(path.locx2, path.locx2_channel)
        return (self.model.now - origin) % self.layout.sequence.bunch_crossings

    def dark(self, fibre: int, *, optical: bool = True) -> str:
        """Say why a fibre carries no frames; empty if it does. `optical` False looks in front of its laser.

        Raises
        ------
        InputError
            If there is no such fibre.
        """
        path = self._paths(fibre)[0]
        model, locx2, mtx = self.model, self.model.locx2[path.locx2], self.model.mtx[path.mtx]
        channel = path.locx2_channel
        position = model.board.mtx[path.mtx].fibres.index(fibre)
        adcs = dict.fromkeys(p.adc for p in self._paths(fibre))
        chips = (*adcs, path.locx2, *([path.mtx] if optical else []))
        reasons = [f"{name} is in reset" for name in chips if model.reset_lines[name].held]
        reasons += [f"{adc} has no clock" for adc in adcs if not model.adc[adc].value("status.clock_present")]
        if not locx2.value("status.locked"):
            reasons.append(f"{path.locx2} has no clock")
        elif not locx2.value(f"status.aligned_{channel}") and not reasons:
            reasons.append(f"{path.locx2} channel {channel} has not found the frames of its ADCs")
        if not locx2.value(f"line.enable_{channel}"):
            reasons.append(f"{path.locx2} channel {channel} is off")
        if locx2.value(f"mode_{channel}.mode"):
            reasons.append(f"{path.locx2} channel {channel} sends a test pattern")
        if optical and not mtx.value(f"control.enable_{position}"):
            reasons.append(f"laser {position} of {path.mtx} is off")
        return ", ".join(reasons)

    def capture(
        self, fibre: int, count: int, start_bcid: int | None = None, *, optical: bool = True
    ) -> tuple[npt.NDArray[np.uint8], int]:
        """Take consecutive frames off a fibre, while time passes.

        Parameters
        ----------
        fibre
            Its number.
        count
            Frames to take.
        start_bcid
            BCID to begin with; at once if not given.
        optical
            Whether the laser must be on; False takes the frames off the serial line in front of it.

        Returns
        -------
        tuple
            Frames (count, frame_bytes) uint8, and the BCID of the first. They are taken from a running
            fibre: a receiver needs what came before the first to descramble all of it.

        Raises
        ------
        InputError
            If the fibre, the number of frames or the BCID is impossible.
        FibreDark
            If the fibre carries no frames.
        """
        orbit = self.layout.sequence.bunch_crossings
        if count < 1:
            raise InputError("frames to capture", count, "at least 1")
        if start_bcid is not None and not 0 <= start_bcid < orbit:
            raise InputError("BCID", start_bcid, f"0 to {orbit - 1}")
        reason = self.dark(fibre, optical=optical)
        if reason:
            raise FibreDark(f"fibre {fibre} carries no frames: {reason}")
        if start_bcid is not None:
            self.model.advance((start_bcid - self.bcid(fibre)) % orbit)
        first = self.bcid(fibre)
        crossings = np.arange(self.model.now - LEAD_IN_FRAMES, self.model.now + count, dtype=np.int64)
        encoder = Encoder(self.layout, bcid=(first - LEAD_IN_FRAMES) % orbit)
        frames = encoder.encode(
            np.stack([self._lane(path, crossings) for path in self._paths(fibre)], axis=1)
        )
        self.model.advance(count)
        return frames[LEAD_IN_FRAMES:], first

    def _paths(self, fibre: int) -> tuple[CellPath, ...]:
        fibres = self.model.board.fibres
        if fibre not in fibres:
            raise InputError("fibre", fibre, f"0 to {len(fibres) - 1}")
        return fibres[fibre]

    def _lane(self, path: CellPath, crossings: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
        """Samples of one lane, as its ADC is set to send them."""
        adc, chip = self.model.adc[path.adc], self.model.board.adc[path.adc]
        if not adc.value("control.enable") >> path.adc_channel & 1:
            return np.zeros(len(crossings), dtype=np.uint16)
        outputs = adc.map.value("control.output").encoding
        selected = adc.value("control.output")
        if selected == outputs["pattern"]:
            return np.full(len(crossings), adc.value("test_pattern"), dtype=np.uint16)
        if selected == outputs["ramp"]:
            return (crossings & (1 << self.layout.sample_bits) - 1).astype(np.uint16)
        if selected == outputs["zero"]:
            return np.zeros(len(crossings), dtype=np.uint16)
        clock = self.model.gbtx[chip.clock.gbtx].clock(chip.clock.channel)
        return self.samples(path.cell, crossings, clock.delay_s)
