"""A record holds the transactions of a run, and a run can be replayed from it."""

import asyncio

import pytest

from ltdb.errors import InputError
from ltdb.line_code.format import load_format
from testbench import transactions as t
from testbench.faults import NotAcknowledged
from testbench.record import RecordWriter, recorded_exchanges
from testbench.section import Context
from testbench.transport import Session
from testbench.transports.replay import Replay, ReplayDiffers

BATCH = (t.IcWrite(0, 10, b"\x01\x02"), t.IcRead(0, 10, 2), t.ScaCommand(0, 3, 0x82, 0x1234, once=True))


class Scripted:
    """Mock: a transport with fixed outcomes."""

    name = "scripted"
    capabilities = frozenset(t.Capability)

    def __init__(self):
        self.outcomes = [t.Done(), t.Data(b"\x00\xff"), NotAcknowledged(BATCH[2], "address 0x12", 3)]

    async def execute(self, batch):
        return [self.outcomes.pop(0) for _ in batch]

    async def sleep(self, seconds):
        pytest.fail("a replayed batch of transactions has nothing to wait for")

    def now(self):
        return 0.0

    async def close(self):
        pass


def run(transport, directory, batch=BATCH):
    with RecordWriter.create(directory / "record.jsonl") as writer:
        context = Context("control", load_format(), "locic_style", 1, False, directory, writer.append)
        with pytest.raises(NotAcknowledged):
            asyncio.run(Session(transport, context.exchange).batch(batch))
    return recorded_exchanges(directory / "record.jsonl")


def test_a_recorded_run_replays_from_its_record(tmp_path):
    (tmp_path / "again").mkdir()
    exchanges = run(Scripted(), tmp_path)
    assert len(exchanges) == 3
    replay = Replay(exchanges)
    assert run(replay, tmp_path / "again") == exchanges
    assert replay.remaining == 0


def test_a_run_that_differs_from_its_record_ends_at_the_first_difference(tmp_path):
    replay = Replay(run(Scripted(), tmp_path))
    changed = (t.IcWrite(0, 10, b"\x01\x03"), *BATCH[1:])
    with pytest.raises(ReplayDiffers, match="byte 1"):
        asyncio.run(Session(replay).batch(changed))


def test_a_damaged_record_is_not_replayed(tmp_path):
    run(Scripted(), tmp_path)
    path = tmp_path / "record.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(InputError, match="without damage"):
        recorded_exchanges(path)
