"""A sample's journey through the golden model: encoded, disturbed on the line, received, held against what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from testbench.limits import exactly
from testbench.link.check import Fate, LinkCheck, Settled
from testbench.measurement import Measurement

if TYPE_CHECKING:
    from ltdb.line_code.alignment import Counters
    from ltdb.line_code.format import FrameFormat
    from testbench.link.energy import EnergyCheck
    from testbench.link.errors import LineErrors

Words = NDArray[np.uint16]
CHUNK_FRAMES = 1 << 16


class Journey:
    """Sends samples over the golden model of the link and accounts for every frame."""

    def __init__(self, layout: FrameFormat, errors: LineErrors) -> None:
        from ltdb.line_code import Aligner, Encoder

        self.errors = errors
        self.check = LinkCheck(layout)
        self._encoder, self._aligner = Encoder(layout), Aligner(layout)

    @property
    def counters(self) -> Counters:
        """The receiver's own counts."""
        return self._aligner.counters

    def run(
        self, chunks: Iterable[Words], line: Callable[[NDArray[np.uint8]], object] = lambda data: None
    ) -> Iterator[Settled]:
        """Send samples, (n, lanes) in stretches of any length; yield the stretches whose fate is known.

        `line` is called with the line bits as they arrive, packed.
        """
        for samples in chunks:
            yield from self.check.send(samples)
            self._receive(self.errors.disturb(self._encoder.encode(samples)), line)
        self._receive(self.errors.finish(), line)
        yield from self.check.finish()

    def _receive(self, data: NDArray[np.uint8], line: Callable[[NDArray[np.uint8]], object]) -> None:
        line(data)
        out = self._aligner.feed(data)
        self.check.deliver(out.samples, out.bcid, out.flags, self.errors.sent_position(out.bit_index))


def link_measurements(journey: Journey) -> list[Measurement]:
    """Return what is to be said of a journey, as measurements."""
    from ltdb.provenance import Tag

    check, errors, counters = journey.check, journey.errors, journey.counters
    no_silent = exactly(0, "no wrong sample is delivered without a flag", Tag.ASSUMED)
    return [
        Measurement("Frames sent", check.sent_frames, "frames"),
        Measurement("Bits inverted on the line", errors.inverted_bits, "bits"),
        Measurement("Bursts", errors.bursts, "bursts"),
        Measurement("Bit slips", errors.slips, "slips"),
        Measurement("Frames delivered right, without a flag", check.counts[Fate.RIGHT], "frames"),
        Measurement("Frames flagged and wrong", check.counts[Fate.FLAGGED_WRONG], "frames"),
        Measurement("Frames flagged though right", check.counts[Fate.FLAGGED_RIGHT], "frames"),
        Measurement("Frames not delivered", check.counts[Fate.NOT_DELIVERED], "frames"),
        Measurement(
            "Silent errors", check.counts[Fate.SILENT_ERROR] + check.strays, "frames", None, no_silent
        ),
        *receiver_measurements(counters),
    ]


def receiver_measurements(counters: Counters) -> list[Measurement]:
    """Return the receiver's own counts as measurements."""
    return [
        Measurement("Receiver: frames", counters.frames, "frames"),
        Measurement("Receiver: CRC errors", counters.crc_errors, "frames"),
        Measurement("Receiver: header errors", counters.header_errors, "frames"),
        Measurement("Receiver: moves", counters.moves, "moves"),
        Measurement("Receiver: losses of lock", counters.losses, "losses"),
        Measurement("Receiver: BCID jumps", counters.bcid_jumps, "jumps"),
    ]


def energy_measurements(energy: EnergyCheck) -> list[Measurement]:
    """Return how well energies were reconstructed from what arrived."""
    difference = energy.found_gev - energy.true_gev
    measurements = [Measurement("Pulses lost to flagged frames", energy.lost, "pulses")]
    if difference.size > 1:
        rms = float(difference.std(ddof=1))
        root = float(np.sqrt(difference.size))
        measurements += [
            Measurement("Pulses reconstructed", int(difference.size), "pulses"),
            Measurement("Energy, mean error", float(difference.mean()), "GeV", rms / root),
            Measurement(
                "Energy, rms error",
                rms,
                "GeV",
                rms / root / 2**0.5,
                note=f"noise, pile-up and ADC are expected to leave {energy.expected_rms_gev:.3g} GeV",
            ),
        ]
    return measurements


def read_line(path: Path, chunk_bytes: int = 1 << 18) -> Iterator[NDArray[np.uint8]]:
    """Yield raw line bits from a file, packed, bit 7 of each byte first.

    Raises
    ------
    InputError
        If the file cannot be read or is empty.
    """
    from ltdb.errors import InputError

    try:
        with path.open("rb") as file:
            empty = True
            while data := file.read(chunk_bytes):
                empty = False
                yield np.frombuffer(data, np.uint8)
    except OSError as error:
        raise InputError("line file", f"{path} ({error.strerror})", "a readable file of line bits") from error
    if empty:
        raise InputError("line file", f"{path} is empty", "at least one byte of line bits")
