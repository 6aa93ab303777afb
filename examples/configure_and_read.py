"""Bring up a board, read its monitors, and turn one fibre's transmitter off and on again.

python examples/configure_and_read.py                          # the board model
python examples/configure_and_read.py socket://127.0.0.1:5000  # a board controller, such as `ltdb serve`
"""

import asyncio
import sys
from collections import defaultdict

from testbench.bring_up import bring_up, differences
from testbench.configuration import load_configuration
from testbench.devices.ltdb import Ltdb
from testbench.monitoring import Reading, prepare, read_counters, read_monitors
from testbench.open_transport import open_transport
from testbench.transport import Session


def print_readings(readings: list[Reading]) -> None:
    """Print least and greatest reading of channels that differ only in their number."""
    groups: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[reading.name.rpartition("_")[0], reading.unit].append(reading)
    for (name, unit), group in groups.items():
        values = [reading.value for reading in group]
        outside = sum(not reading.within for reading in group)
        verdict = f"{outside} OUTSIDE" if outside else "ok"
        print(
            f"  {name:<24} {len(group):3} channels  {min(values):8.3f} to {max(values):8.3f} {unit:<4} {verdict}"
        )


async def main(where: str = "model") -> None:
    """Do it on the transport that `where` names."""
    transport = open_transport(where)
    exchanges = 0

    def count(*_: object) -> None:
        nonlocal exchanges
        exchanges += 1

    board = Ltdb(Session(transport, count))
    configuration = load_configuration(None, board.board)

    result = await bring_up(board, configuration)
    wrong = await differences(board, configuration)
    print(f"{result.checked} chips configured and read back, {len(wrong)} differ")
    print(f"  {exchanges} transactions, {transport.now():.3f} s of board time\n")

    name, chip = next(iter(board.locx2.items()))
    for on in (False, True):
        await chip.enable(0, on)
        print(f"{name}: channel 0 switched {'on' if on else 'off'}, reads {await chip.get('line.enable_0')}")
    print()

    # Last, since it resets the SCAs: their I2C channels are off afterwards.
    await prepare(board)
    print_readings([reading async for reading in read_monitors(board)])
    moved = {name: value for name, value in (await read_counters(board)).items() if value}
    print(f"\ncounters that are not zero: {moved or 'none'}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:2]))
