"""How a request of the board controller's masters ended."""

from __future__ import annotations

from amaranth.lib import enum


class Status(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Outcome of a request over a link."""

    OK = 0
    NO_REPLY = 1
    """Nothing came in time."""
    BAD_REPLY = 2
    """What came fails its own check, or does not answer the request."""
