"""A board behind a serial port: pty and socket, lost and repeated packets, a port that vanishes."""

import asyncio
import contextlib

import pytest
import serial

from ltdb.errors import BenchError
from ltdb.packets import Deframer, ErrorCode, Kind, Packet, encode
from testbench import faults
from testbench import transactions as t
from testbench.packet_server import PacketServer
from testbench.serve import REFUSAL, pty_service, tcp_service
from testbench.transport import Session
from testbench.transports.serial import Serial


class Registers:
    """Mock board: remembers what was written to GBTx registers and counts executions."""

    name = "registers"

    def __init__(self, capabilities=frozenset(t.Capability)):
        self.capabilities, self.memory, self.executed = capabilities, bytearray(436), []

    async def execute(self, batch):
        return [self._one(transaction) for transaction in batch]

    def _one(self, transaction):
        self.executed.append(transaction)
        match transaction:
            case t.IcWrite(_, register, data):
                self.memory[register : register + len(data)] = data
                return t.Done()
            case t.IcRead(_, register, count):
                return t.Data(bytes(self.memory[register : register + count]))
            case t.ScaCommand(_, 0x14, _, _):
                return faults.sca_refused(transaction, 0x60)
            case t.ScaCommand(_, _, command, data):
                return t.ScaReply(data ^ command)
            case t.I2cWrite(_, 0x55, _):
                return faults.NotAcknowledged(transaction, "address not acknowledged")
            case t.I2cRead(_, address, prefix, count):
                return t.Data((prefix + bytes([address]) * count)[:count])
            case t.Capture(fibre, count, start):
                return t.Frames(bytes((fibre + i) % 256 for i in range(16 * count)), start or 0)
            case t.ReadCounters(source, _):
                names = ("a",) * (7 if source.startswith("fibre") else 8)
                return t.Counters(tuple((n, i << 20) for i, n in enumerate(names)))
            case t.MeasureLatency():
                return t.LatencyReply(24, 320_000_000)
        return t.Done()

    async def sleep(self, seconds):
        pass

    def now(self):
        return 0.0

    async def close(self):
        pass


class Lossy(PacketServer):
    """Drops and doubles replies as told: "k" keep, "d" drop, "2" double."""

    plan = ""

    async def feed(self, data):
        async for reply in super().feed(data):
            fate, self.plan = (self.plan or "k")[0], self.plan[1:]
            if fate != "d":
                yield reply * (2 if fate == "2" else 1)


@contextlib.contextmanager
def board(service=tcp_service, server_type=PacketServer, registers=None, **options):
    registers = registers or Registers()
    with service(server_type(registers)) as running:
        transport = Serial(running.url, **({"reply_s": 5.0} | options))
        try:
            yield running, transport, registers
        finally:
            asyncio.run(transport.close())


def do(transport, *batch, **options):
    return asyncio.run(Session(transport, **options).batch(batch))


@pytest.mark.parametrize("service", [tcp_service, pty_service])
def test_every_transaction_goes_through_a_serial_port_and_back(service):
    with board(service) as (_, transport, registers):
        written = bytes(range(256)) + bytes(90)
        replies = do(
            transport,
            t.IcWrite(1, 10, written),
            t.IcRead(1, 10, len(written)),
            t.ScaCommand(2, 3, 0x30, 0x89ABCDEF),
            t.ScaLink(4, t.ScaControl.CONNECT, auxiliary=True),
            t.I2cWrite(0, 0x10, b"\0\1"),
            t.I2cRead(0, 0x11, b"\7", 3),
            t.Reset("link3"),
            t.Reset("receiver39"),
            t.BunchCounterReset(periodic=True),
            t.Capture(7, 130, 3563),
            t.ReadCounters("fibre5"),
            t.ReadCounters("link4", clear=True),
            t.MeasureLatency(39),
        )
        assert replies[1] == t.Data(written)
        assert replies[2] == t.ScaReply(0x89ABCDEF ^ 0x30)
        assert replies[5] == t.Data(b"\7\x11\x11")
        assert replies[9] == t.Frames(bytes((7 + i) % 256 for i in range(16 * 130)), 3563)
        assert replies[10]["moves"] == 4 << 20
        assert replies[11]["packets"] == 6 << 20
        assert replies[12] == t.LatencyReply(24, 320_000_000)
        assert registers.executed[3] == t.ScaLink(4, t.ScaControl.CONNECT, auxiliary=True)
        assert transport.controller.links == 5


@pytest.mark.parametrize(
    ("transaction", "fault", "words"),
    [
        (t.ScaCommand(0, 0x14, 2), faults.ScaRefused, "channel not enabled, channel busy"),
        (t.I2cWrite(0, 0x55, b"x"), faults.NotAcknowledged, "I2C bus 0 address 0x55"),
        (t.IcRead(9, 0, 1), faults.OutOfRange, "GBTx 9"),
        (t.IcRead(0, 430, 7), faults.OutOfRange, "range"),
        (t.Reset("fibre1"), faults.OutOfRange, "reset lines are"),
        (t.ReadCounters("lane1"), faults.OutOfRange, "fibre0"),
    ],
)
def test_what_the_board_refuses_keeps_its_name_over_the_wire(transaction, fault, words):
    with board() as (_, transport, _), pytest.raises(fault, match=words):
        do(transport, transaction)


def test_a_controller_says_what_it_cannot_do():
    registers = Registers(frozenset({t.Capability.IC}))
    with board(registers=registers) as (_, transport, _):
        assert transport.capabilities == {t.Capability.IC}
        with pytest.raises(faults.Unsupported, match="cannot do ec"):
            do(transport, t.ScaCommand(0, 3, 0x30))


@pytest.mark.parametrize("plan", ["kd", "kdd", "k2", "k2d2"])
def test_lost_and_doubled_replies_execute_nothing_twice(plan):
    with board(server_type=Lossy, reply_s=0.2) as (running, transport, registers):
        running.server.plan = plan[1:]
        once = t.ScaCommand(0, 3, 0x82, 5, once=True)
        assert do(transport, once, once, t.IcRead(0, 0, 1))[0] == t.ScaReply(5 ^ 0x82)
        # `once` is the PC's own promise and is not sent; the board saw each request exactly once.
        seen = t.ScaCommand(0, 3, 0x82, 5)
        assert registers.executed == [seen, seen, t.IcRead(0, 0, 1)]


def test_a_silent_controller_ends_in_no_reply_or_unknown_outcome():
    with board(server_type=Lossy, reply_s=0.05, sends=2) as (running, transport, _):
        running.server.plan = "d" * 100
        with pytest.raises(faults.NoReply, match="2 attempts"):
            do(transport, t.IcRead(0, 0, 1), retries=1)
        with pytest.raises(faults.OutcomeUnknown, match="not safe to repeat"):
            do(transport, t.ScaCommand(0, 3, 0x82, once=True))


def test_a_second_client_is_told_so_and_sent_away():
    with board() as (running, transport, _):
        second = serial.serial_for_url(running.url, timeout=5)
        second.write(b"\0")
        assert second.read(len(REFUSAL)) == REFUSAL
        second.close()
        assert running.refused_clients == 1
        assert do(transport, t.IcRead(0, 0, 2)) == [t.Data(b"\0\0")]


def test_the_board_is_free_again_when_its_client_has_left():
    with board() as (running, transport, _):
        asyncio.run(transport.close())
        for _ in range(3):
            try:
                again = Serial(running.url, reply_s=5.0)
                break
            except BenchError:  # the server may not have seen the first client leave yet
                continue
        assert do(again, t.IcRead(0, 0, 1)) == [t.Data(b"\0")]
        asyncio.run(again.close())


def test_an_unplugged_port_is_opened_again_and_only_what_is_safe_is_repeated():
    with board(reconnect_s=5.0) as (_, transport, _):
        transport._port._socket.shutdown(2)
        assert do(transport, t.IcWrite(0, 4, b"\x07"), t.IcRead(0, 4, 1))[1] == t.Data(b"\x07")
        transport._port._socket.shutdown(2)
        with pytest.raises(faults.OutcomeUnknown, match="is back"):
            do(transport, t.ScaCommand(0, 3, 0x82, once=True))
        assert do(transport, t.IcRead(0, 4, 1)) == [t.Data(b"\x07")]


def test_a_board_that_stays_away_is_named():
    with contextlib.ExitStack() as stack:
        _, transport, _ = stack.enter_context(board(reconnect_s=0.1))
        stack.close()
        with pytest.raises(faults.TransportLost, match="is gone"):
            do(transport, t.IcRead(0, 0, 1))


@pytest.mark.parametrize("url", ["socket://127.0.0.1:1", "/dev/there-is-no-such-port", "nonsense://x"])
def test_a_port_that_cannot_be_opened_is_named(url):
    with pytest.raises(BenchError, match=f"cannot open {url}"):
        Serial(url, reply_s=0.1)


def answers(server, *packets):
    async def collect():
        replies = []
        for packet in packets:
            data = packet if isinstance(packet, bytes) else encode(packet)
            replies += [reply async for reply in server.feed(data)]
        return [p for reply in replies for p in Deframer().feed(reply)]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (Packet(1, 0x40), ErrorCode.UNKNOWN_KIND),
        (Packet(1, Kind.IC_READ, b"\0"), ErrorCode.BAD_LENGTH),
        (Packet(1, Kind.IC_WRITE, b"\0\0\0"), ErrorCode.BAD_LENGTH),
        (Packet(1, Kind.HELLO, b"", version=2), ErrorCode.BAD_VERSION),
        (Packet(1, Kind.SCA, bytes((5, 0, 4, 0, 0, 0, 0, 0))), ErrorCode.OUT_OF_RANGE),
        (Packet(1, Kind.CAPTURE_READ, bytes((0, 0, 1, 0))), ErrorCode.OUT_OF_RANGE),
        (Packet(1, Kind.RESET, b"\x0f"), ErrorCode.OUT_OF_RANGE),
        (Packet(1, Kind.I2C_READ, b"\0\x80\x01"), ErrorCode.OUT_OF_RANGE),
    ],
)
def test_a_bad_request_touches_nothing_and_is_answered_with_its_error(packet, code):
    registers = Registers()
    (reply,) = answers(PacketServer(registers), packet)
    assert (reply.sequence, reply.kind, reply.payload) == (1, 0xFF, bytes((code,)))
    assert not registers.executed


def test_the_same_request_again_gets_the_same_reply_and_a_new_one_is_executed():
    registers = Registers()
    server = PacketServer(registers)
    request = Packet(5, Kind.IC_READ, bytes((0, 0, 0, 1, 0)))
    first, again, other = answers(server, request, request, Packet(6, Kind.IC_READ, bytes((0, 0, 0, 1, 0))))
    assert first == again
    assert other.sequence == 6
    assert len(registers.executed) == 2


def test_noise_between_packets_is_counted_and_the_next_packet_works():
    server = PacketServer(Registers())
    good = Packet(5, Kind.HELLO)
    (reply,) = answers(server, b"\x07garbage\0", b"\x01\0", bytes([1] * 3000), b"\0", good)
    assert reply.kind == Kind.HELLO | 0x80
    assert sum(server.dropped.values()) == 3
