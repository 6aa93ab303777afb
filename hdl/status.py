"""How a request to a chip behind a GBT link ended."""

from __future__ import annotations

from amaranth.lib import enum


class Status(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Outcome that the masters of the IC and SCA channels report."""

    OK = 0
    NO_REPLY = 1
    BAD_REPLY = 2
