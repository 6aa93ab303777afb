"""Measured channels from Touchstone files (.s2p, .s4p and so on), as blocks of the link simulator.

The files are read by scikit-rf. A single-ended channel is S(out, in) of two ports, a differential one is SDD21 of two
pairs, from the mixed-mode conversion of Bockelman and Eisenstadt (IEEE Trans. MTT 43 (1995) 1530).
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from ltdb.errors import BenchError, InputError
from ltdb.signal.link.response import Response, from_frequency_response

_PORTS = re.compile(r"(\d+)(?:,(\d+))?:(\d+)(?:,(\d+))?")
_ALLOWED = "IN:OUT for one wire (1:2), or P,N:P,N for a pair (1,3:2,4), each port once"


def read_channel(path: str | Path, ports: str | None = None) -> Response:
    """Transmission through a measured network, between the impedances the file states.

    Parameters
    ----------
    path
        Touchstone file of version 1 or 2.
    ports
        Which ports the signal goes in and out at, counted from 1: ``1:2`` for one wire, ``1,3:2,4`` for a pair
        (positive and negative input, positive and negative output). These are the defaults for two and four ports.

    Raises
    ------
    InputError
        If the file cannot be read as Touchstone, or has no such ports.
    BenchError
        If scikit-rf is not installed.
    """
    try:
        import skrf
    except ImportError:
        raise BenchError(
            "Touchstone files are read by scikit-rf, which is not installed: pip install 'ltdb[signal]'"
        ) from None
    path = Path(path)
    if not path.is_file():
        raise InputError("Touchstone file", "no such file", "a readable .sNp file", str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files it reads nonetheless
            network = skrf.Network(str(path))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError("Touchstone file", reason, "version 1 or 2 of the format", str(path)) from error
    chosen = _chosen_ports(ports, network.nports, path)
    if len(chosen) == 2:
        entering, leaving = chosen
        return from_frequency_response(network.f, network.s[:, leaving, entering])
    # scikit-rf takes neighbouring ports as pairs: input pair first, then output pair.
    pairs = network.subnetwork(chosen)
    pairs.se2gmm(p=2)
    return from_frequency_response(pairs.f, pairs.s[:, 1, 0])


def _chosen_ports(ports: str | None, count: int, path: Path) -> list[int]:
    """Ports counted from 0: input, output; or positive and negative input, positive and negative output."""
    if ports is None:
        if count not in (2, 4):
            raise InputError("ports", f"not given for a file of {count}", _ALLOWED, str(path))
        ports = "1:2" if count == 2 else "1,3:2,4"
    match = _PORTS.fullmatch(ports.replace(" ", ""))
    numbers = [int(group) for group in match.groups() if group] if match else []
    whole_pairs = len(numbers) in (2, 4)
    if not whole_pairs or len(set(numbers)) != len(numbers) or not all(1 <= n <= count for n in numbers):
        raise InputError("ports", repr(ports), f"{_ALLOWED}, of the {count} in the file", str(path))
    return [number - 1 for number in numbers]
