"""Bits that a fibre of the board model carries now: frames, or the test pattern its LOCx2 is set to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltdb.board_model import BoardModel
from ltdb.fibre_model import FibreModel
from ltdb.line_code.format import FrameFormat
from ltdb.registers import load_registers
from ltdb.signal.pattern import prbs

_WORD_BITS = 16
"""A pattern word of LOCx2 (docs/locx2.md)."""


def mode_of(model: BoardModel, fibre: int) -> str:
    """Return what the channel behind a fibre is set to send, by the name in the register map."""
    path = model.board.fibres[fibre][0]
    return _modes()[model.locx2[path.locx2].value(f"mode_{path.locx2_channel}.mode")]


@cache
def _modes() -> Mapping[int, str]:
    encoding = load_registers("locx2").value("mode_0.mode").encoding
    return {code: name for name, code in encoding.items()}


def dark(model: BoardModel, fibre: int, *, optical: bool) -> bool:
    """Whether the net carries no transitions: the fibre, or the serial line in front of its laser."""
    path = model.board.fibres[fibre][0]
    locx2, channel = model.locx2[path.locx2], path.locx2_channel
    if model.reset_lines[path.locx2].held or not locx2.value("status.locked"):
        return True
    if not locx2.value(f"line.enable_{channel}"):
        return True
    mtx = model.board.mtx[path.mtx]
    laser = f"control.enable_{mtx.fibres.index(fibre)}"
    return optical and (model.reset_lines[path.mtx].held or not model.mtx[path.mtx].value(laser))


def line_bits(
    model: BoardModel, layout: FrameFormat, fibre: int, crossings: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the bits of that many bunch crossings, first on the line first; the model's time passes.

    Patterns begin anywhere in their period. ``loopback`` (lane bits as they come) is not modelled and is
    sent as a line at rest, like a channel without clocked ADCs.

    Returns
    -------
    numpy.ndarray
        Shape (crossings * frame bits,), values 0 and 1.
    """
    count = crossings * layout.frame_bits
    mode = mode_of(model, fibre)
    path = model.board.fibres[fibre][0]
    if mode.startswith("prbs"):
        order = int(mode.removeprefix("prbs"))
        model.advance(crossings)
        return prbs(order, count, seed=int(generator.integers(1, 1 << order)))
    if mode == "fixed":
        word = model.locx2[path.locx2].value(f"pattern_{path.locx2_channel}")
        model.advance(crossings)
        return np.resize(_bits_of(np.array([word])), count)
    if mode == "counter":
        first = int(generator.integers(1 << _WORD_BITS))
        model.advance(crossings)
        return _bits_of((first + np.arange(count // _WORD_BITS)) & 0xFFFF)[:count]
    fibres = FibreModel(model, layout)
    if fibres.dark(fibre, optical=False):
        model.advance(crossings)
        return np.zeros(count, np.uint8)
    frames, _ = fibres.capture(fibre, crossings, optical=False)
    return np.unpackbits(frames.reshape(-1))[:count]


def transition_density(model: BoardModel, locx2: str, channel: int) -> float:
    """Return transitions a bit of what a channel sends; 0.5 for frames, pseudo-random bits and the counter."""
    chip = model.locx2[locx2]
    if _modes()[chip.value(f"mode_{channel}.mode")] == "fixed":
        bits = _bits_of(np.array([chip.value(f"pattern_{channel}")]))
        return float(np.mean(bits != np.roll(bits, 1)))
    return 0.5


def _bits_of(words: NDArray) -> NDArray[np.uint8]:
    return np.unpackbits(words.astype(">u2").view(np.uint8))
