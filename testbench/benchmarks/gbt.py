"""Speed of the GBT codec on one core, held against the 40 Mframe/s of a real link."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def measure(quick: bool) -> dict[str, float]:
    """Return frames a second, and their ratio to the real link, for encoding and decoding with error correction.

    ``decode_corrected`` has two wrong symbols in every frame, one in each Reed-Solomon word.
    """
    from time import perf_counter

    import numpy as np

    from ltdb.gbt.codec import GbtEncoder, GbtReceiver
    from ltdb.gbt.frame import FRAME_RATE_HZ

    # Blocks that stay in the cache, as a stream would be worked on: half a millisecond of the link each.
    count, repeats = 20_000, 20 if quick else 200
    rng = np.random.default_rng(1)
    payload = rng.integers(0, 256, (count, 11), dtype=np.uint8)
    payload[:, 0] &= 0xF
    encoder, receiver = GbtEncoder(), GbtReceiver()
    frames = encoder.encode(payload)
    wrong = frames.copy()
    wrong[np.arange(count), rng.integers(0, 15, count)] ^= 0x21
    # Once through everything, so that compiling and tables are not measured.
    receiver.decode(wrong[:10])

    def rate(run: Callable[[np.ndarray], object], data: np.ndarray) -> float:
        times = []
        for _ in range(repeats):
            start = perf_counter()
            run(data)
            times.append(perf_counter() - start)
        # The fastest, not the median: what else runs on the machine only ever adds time.
        return count / min(times)

    rates = {
        "encode": rate(encoder.encode, payload),
        "decode": rate(receiver.decode, frames),
        "decode_corrected": rate(receiver.decode, wrong),
    }
    figures = {f"{name}_frames_per_second": value for name, value in rates.items()}
    figures |= {f"{name}_over_line_rate": value / FRAME_RATE_HZ for name, value in rates.items()}
    return figures
