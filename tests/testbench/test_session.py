"""The session: capabilities first, one retry rule, every exchange observed once."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import BenchError, InputError
from testbench import transactions as t
from testbench.faults import BadReply, NoReply, NotAcknowledged, OutcomeUnknown, TransactionError, Unsupported
from testbench.transaction_json import (
    outcome_from_json,
    outcome_to_json,
    transaction_from_json,
    transaction_to_json,
)
from testbench.transport import Session
from testbench.transports.dry_run import DryRun, DryRunEnd
from testbench.transports.replay import Recorder, Replay, ReplayDiffers

READ = t.IcRead(0, 10, 2)
WRITE = t.IcWrite(0, 10, b"\x01\x02")
ONCE = t.ScaCommand(0, 3, 0x82, 0x1234, once=True)


class Scripted:
    """Mock: answers with the given outcomes in order, one exchange a transaction."""

    name = "scripted"

    def __init__(self, *outcomes, capabilities=frozenset(t.Capability)):
        self.outcomes, self.capabilities = list(outcomes), capabilities
        self.sent, self.time_s = [], 0.0

    async def execute(self, batch):
        done = []
        for transaction in batch:
            self.sent.append(transaction)
            outcome = self.outcomes.pop(0)
            done.append(outcome(transaction, "scripted") if isinstance(outcome, type) else outcome)
            if isinstance(done[-1], TransactionError):
                break
        return done

    async def sleep(self, seconds):
        self.time_s += seconds

    def now(self):
        return self.time_s

    async def close(self):
        pass


def run(transport, *batch, **options):
    seen = Recorder()
    session = Session(transport, seen, **options)
    try:
        return asyncio.run(session.batch(batch)), seen.exchanges
    except TransactionError as error:
        return error, seen.exchanges


def test_a_lost_reply_is_asked_for_again_and_recorded_once():
    transport = Scripted(t.Done(), NoReply, BadReply, t.Data(b"ok"))
    replies, exchanges = run(transport, WRITE, READ)
    assert replies == [t.Done(), t.Data(b"ok")]
    assert transport.sent == [WRITE, READ, READ, READ]
    assert len(exchanges) == 2


def test_retries_end_with_the_number_of_attempts_said():
    error, exchanges = run(Scripted(NoReply, NoReply, NoReply), READ)
    assert isinstance(error, NoReply)
    assert "3 attempts" in str(error)
    assert exchanges[0][1]["error"] == "NoReply"


@pytest.mark.parametrize(
    "once", [ONCE, t.I2cWrite(0, 5, b"x", once=True), t.ReadCounters("fibre0", clear=True)]
)
def test_what_is_not_safe_to_repeat_is_never_sent_twice(once):
    transport = Scripted(NoReply)
    error, _ = run(transport, once)
    assert isinstance(error, OutcomeUnknown)
    assert transport.sent == [once]


def test_a_refusal_is_an_answer_and_ends_the_batch():
    transport = Scripted(t.Done(), NotAcknowledged)
    error, exchanges = run(transport, WRITE, READ, WRITE)
    assert isinstance(error, NotAcknowledged)
    assert transport.sent == [WRITE, READ]
    assert len(exchanges) == 2


def test_nothing_is_sent_when_a_capability_is_missing():
    transport = Scripted(capabilities=frozenset({t.Capability.IC}))
    error, _ = run(transport, READ, ONCE)
    assert isinstance(error, Unsupported)
    assert not transport.sent
    with pytest.raises(BenchError, match=r"cannot do capture, ec; it can do ic"):
        Session(transport).require([t.Capability.CAPTURE, t.Capability.EC, t.Capability.IC])


def test_waiting_ends_in_board_time_with_what_was_awaited():
    transport = Scripted()

    async def never():
        return False

    with pytest.raises(BenchError, match=r"PLL lock did not happen within 0\.5 s"):
        asyncio.run(Session(transport).wait_for(never, "PLL lock", 0.5, 0.1))
    assert 0.5 <= transport.time_s < 0.7


def test_a_recorded_run_replays():
    _, exchanges = run(Scripted(t.Done(), t.Data(b"ok")), WRITE, READ)
    replay = Replay(exchanges)
    replies, again = run(replay, WRITE, READ)
    assert replies == [t.Done(), t.Data(b"ok")]
    assert again == exchanges
    assert replay.remaining == 0


def test_a_replay_fails_at_the_first_differing_byte_with_both_sides_shown():
    _, exchanges = run(Scripted(t.Done()), WRITE)
    error, _ = run(Replay(exchanges), t.IcWrite(0, 10, b"\x01\x03"))
    assert isinstance(error, ReplayDiffers)
    assert "field 'data' byte 1: recorded '0102', this run '0103'" in str(error)
    error, _ = run(Replay(exchanges), WRITE, READ)
    assert "the recording has ended" in str(error)


def test_a_recorded_failure_replays_as_the_same_failure():
    _, exchanges = run(Scripted(NotAcknowledged), READ)
    error, _ = run(Replay(exchanges), READ)
    assert type(error) is NotAcknowledged
    assert error.reason == "scripted"


def test_a_dry_run_shows_writes_and_stops_at_the_first_answer_it_cannot_know():
    shown = []
    transport = DryRun(shown.append)
    error, _ = run(transport, WRITE, READ, WRITE)
    assert isinstance(error, DryRunEnd)
    assert shown == transport.planned == [WRITE, READ]


small = st.integers(0, 255)
any_transaction = st.one_of(
    st.builds(t.IcRead, small, small, small),
    st.builds(t.IcWrite, small, small, st.binary()),
    st.builds(t.ScaCommand, small, small, small, st.integers(0, 2**32 - 1), small, st.booleans()),
    st.builds(t.ScaLink, small, st.sampled_from(t.ScaControl), st.booleans()),
    st.builds(t.I2cWrite, small, small, st.binary(), st.booleans()),
    st.builds(t.I2cRead, small, small, st.binary(), small),
    st.builds(t.Reset, st.text()),
    st.builds(t.BunchCounterReset, st.booleans()),
    st.builds(t.Capture, small, small, st.none() | small),
    st.builds(t.ReadCounters, st.text(), st.booleans()),
    st.builds(t.MeasureLatency, small),
)
any_outcome = {
    t.Done: st.builds(t.Done),
    t.Data: st.builds(t.Data, st.binary()),
    t.ScaReply: st.builds(t.ScaReply, small),
    t.Frames: st.builds(t.Frames, st.binary(), small),
    t.Counters: st.builds(t.Counters, st.lists(st.tuples(st.text(), small)).map(tuple)),
    t.LatencyReply: st.builds(t.LatencyReply, small, small),
}


@given(any_transaction, st.data())
def test_every_exchange_reads_back_equal(transaction, data):
    import json

    assert transaction_from_json(json.loads(json.dumps(transaction_to_json(transaction)))) == transaction
    outcome = data.draw(any_outcome[transaction.reply_type])
    assert outcome_from_json(transaction, json.loads(json.dumps(outcome_to_json(outcome)))) == outcome


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "ic_raed"},
        {"kind": "ic_read", "link": 0},
        {"kind": "ic_write", "link": 0, "register": 1, "data": "zz"},
        {"kind": "sca_link", "link": 0, "control": "jump", "auxiliary": False},
    ],
)
def test_a_broken_entry_says_what_it_should_be(entry):
    with pytest.raises(InputError, match="allowed"):
        transaction_from_json(entry)
