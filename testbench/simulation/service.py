"""Verilated gateware on a TCP port: what ``ltdb serve --gateware`` offers."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ltdb.errors import BenchError, LtdbError
from testbench.simulation.process import end_all
from testbench.simulation.runner import run

DESIGNS = {"chain": "chain_bench", "board": "board_bench"}
_MODULE = "testbench.simulation.board_service"
_LONGEST_S = 30 * 24 * 3600.0
_LONGEST_SIMULATED_S = 9000.0
"""Femtoseconds are counted in 63 bits."""
_START_S = 1800.0
_POLL_S = 0.05


@contextmanager
def gateware_service(board: str, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Build the gateware of a board if need be, start it, and give its URL; the simulator ends with the context.

    Parameters
    ----------
    board
        ``chain`` for one GBT link chain (``hdl/chain.toml``), ``board`` for all of it.
    host, port
        Where to listen; port 0 takes one from the system.

    Raises
    ------
    BenchError
        If it cannot be built or started, or the address cannot be listened on.
    """
    failures: list[LtdbError] = []
    with tempfile.TemporaryDirectory(prefix="ltdb-gateware-") as scratch:
        directory = Path(scratch) / "run"

        def simulate() -> None:
            try:
                result = run(
                    DESIGNS[board],
                    _MODULE,
                    directory=directory,
                    settings={"host": host, "port": port},
                    timeout_s=_LONGEST_S,
                    simulated_limit_s=_LONGEST_SIMULATED_S,
                    waves_of_failures=False,
                )
                failures.append(BenchError(f"the simulation has ended: {result.summary()}"))
            except LtdbError as error:
                failures.append(error)

        thread = threading.Thread(target=simulate, name="ltdb-gateware", daemon=True)
        thread.start()
        try:
            yield _wait_for_address(directory / "address.json", failures)
        finally:
            end_all()
            thread.join(timeout=30)


def _wait_for_address(path: Path, failures: list[LtdbError]) -> str:
    deadline = time.monotonic() + _START_S
    while not path.is_file():
        if failures:
            raise failures[0]
        if time.monotonic() > deadline:
            raise BenchError(f"the gateware has not started within {_START_S:g} s")
        time.sleep(_POLL_S)
    address = json.loads(path.read_text("utf-8"))
    return f"socket://{address['host']}:{address['port']}"
