"""The back end of the GBT links, for a board model: requests become frames, and frames replies.

It does what FELIX or the board controller does, with no short cut past the fibre: every request is framed,
sent in GBT frames, and the reply is read out of the frames that come back. Time in which nothing can come
is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ltdb.board_model import BoardModel
from ltdb.errors import LtdbError
from ltdb.gbt import elinks, ic
from ltdb.gbt.codec import GbtEncoder, GbtReceiver
from ltdb.gbt.lock import HeaderLock, valid_headers
from ltdb.gbt.reed_solomon import Decoder
from ltdb.hdlc import Deframer, frame_bits
from ltdb.sca.commands import Command, Reply, ScaFrameError
from ltdb.sca.master import Numbering, Received, ScaMaster, ScaProtocolError

UInt8Array = npt.NDArray[np.uint8]
START_FRAMES = 64
START_TICKS = 80_000
"""Time given to a link to come up: 2 ms."""
BLOCK_FRAMES = 72
"""Frames sent at least in one block, so that the reply to a short request fits, too."""
CHANNELS = ("ic", "ec", "aux")
TIME_OUT_TICKS = 80_000
"""Time after which no reply will come: 2 ms, of which an ADC conversion or 16 bytes of I2C at 100 kHz take 1.6 ms."""


class LinkSilent(LtdbError):  # noqa: N818 - reads as what happened
    """No reply came over a GBT link in time."""


@dataclass(slots=True)
class LinkCounts:
    """What the back end counts of one link (docs/controller_protocol.md, section 5)."""

    frames: int = 0
    """Frames received in lock; while nothing is awaited the link is taken to go on as it was."""
    corrected: int = 0
    """Frames with a wrong symbol."""
    header_errors: int = 0
    """Frames whose header is none, between lock and loss of lock."""
    losses: int = 0
    ic_errors: int = 0
    """IC requests without a good reply."""
    ec_errors: int = 0
    """Requests to SCAs without a good reply, supervisory ones included."""

    def as_pairs(self) -> tuple[tuple[str, int], ...]:
        """Names and values in the order of the protocol, at most 32 bits each."""
        return tuple((f.name, min(getattr(self, f.name), 0xFFFF_FFFF)) for f in fields(self))


class LinkMaster:
    """Back-end side of one link."""

    def __init__(self, numbering: Numbering, decoder: Decoder) -> None:
        self.encoder = GbtEncoder()
        self.receiver = GbtReceiver(decoder=decoder)
        self.lock = HeaderLock()
        self.deframers = {name: Deframer() for name in CHANNELS}
        self.inbox: dict[str, list[bytes]] = {name: [] for name in CHANNELS}
        self.sca = {"ec": ScaMaster(numbering), "aux": ScaMaster(numbering)}
        self.interrupts: list[Reply] = []
        self.counts = LinkCounts()
        self.seen_until = 0
        """Bunch crossing up to which frames are counted."""


class BackEnd:
    """Talks to every chip of a board model over its GBT links.

    Parameters
    ----------
    model
    form
        Form of IC requests.
    numbering
        How SCA requests are numbered.
    decoder
        Error correction of this end.
    """

    def __init__(
        self,
        model: BoardModel,
        form: ic.IcForm = ic.IcForm.FELIX,
        numbering: Numbering = Numbering.FELIX,
        decoder: Decoder = Decoder.GBT_FPGA_COMPATIBLE,
    ) -> None:
        self.model = model
        self.form = form
        self._new_link = lambda: LinkMaster(numbering, decoder)
        self.links = [self._new_link() for _ in model.links]
        self._channels = elinks.ControlChannels(model.board.aux.group, model.board.aux.channel)

    def start(self) -> list[bool]:
        """Send idle frames on all links and give the board time to come up; whether each link locked both ways."""
        idle = {n: elinks.idle_payload(START_FRAMES) for n in range(len(self.links))}
        self._send(idle)
        for _ in range(4):
            self.model.advance(START_TICKS // 4)
            self._send(idle)
        return [self.locked(link) for link in range(len(self.links))]

    def reset_link(self, link: int) -> None:
        """Start the back end's side of one link anew: lock, descrambler, HDLC, sequence numbers, counters."""
        self.links[link] = self._new_link()
        self.links[link].seen_until = self.model.now
        self._relock(link)

    def counts(self, link: int, *, clear: bool = False) -> LinkCounts:
        """Counters of one link, cleared on request."""
        master = self.links[link]
        self._count_unseen(master, self.model.now)
        found = master.counts
        if clear:
            master.counts = LinkCounts()
        return found

    # GBTx

    def ic_read(self, link: int, register: int, count: int) -> bytes:
        """Read GBTx registers.

        Raises
        ------
        LinkSilent
            If no reply comes.
        IcError
            If the reply is damaged or says that the request was.
        """
        address = self.model.board.links[link].address
        reply = self._ic(link, ic.read_request(address, register, count, self.form))
        return self._parse_ic(link, reply, address, register, count)

    def ic_write(self, link: int, register: int, data: bytes) -> bytes:
        """Write GBTx registers; return what the chip reads back in its reply. Errors are as in `ic_read`."""
        address = self.model.board.links[link].address
        reply = self._ic(link, ic.write_request(address, register, data, self.form))
        return self._parse_ic(link, reply, address, register, len(data))

    def _parse_ic(self, link: int, reply: bytes, address: int, register: int, count: int) -> bytes:
        try:
            return ic.parse_reply(reply, address=address, register=register, count=count).data
        except ic.IcError:
            self.links[link].counts.ic_errors += 1
            raise

    # SCA

    def sca_connect(self, link: int, auxiliary: bool = False) -> None:
        """Send CONNECT on the EC channel of a link, or on its auxiliary e-link, and await the UA."""
        self._supervise(link, auxiliary, self._master(link, auxiliary).connect(), "CONNECT")

    def sca_reset(self, link: int, auxiliary: bool = False) -> None:
        """Send RESET and await the UA."""
        self._supervise(link, auxiliary, self._master(link, auxiliary).reset(), "RESET")

    def sca_test(self, link: int, auxiliary: bool = False) -> None:
        """Send TEST and await its echo."""
        received = self._sca_exchange(link, auxiliary, self._master(link, auxiliary).test(), "TEST")
        if received.test is None:
            raise ScaProtocolError(f"SCA at link {link} answered TEST with something else")

    def sca(self, link: int, command: Command, auxiliary: bool = False, data_bytes: int = 4) -> Reply:
        """Carry out one SCA command; a reply with error flags is returned like any other.

        Raises
        ------
        LinkSilent
            If no reply comes.
        """
        master = self._master(link, auxiliary)
        transaction, content = master.request(command, data_bytes)
        try:
            received = self._sca_exchange(link, auxiliary, content, str(command), transaction)
        finally:
            master.forget(transaction)
        if received.reply is None:
            raise ScaProtocolError(f"SCA at link {link} answered {command} with something else")
        return received.reply

    # The way there and back

    def wait(self, bunch_crossings: int) -> None:
        """Let time pass; links that are down are given idle frames at its end, as they get all the time."""
        self.model.advance(bunch_crossings)
        for link in range(len(self.links)):
            self._relock(link)

    def locked(self, link: int) -> bool:
        """Whether a link is locked at both ends."""
        return self.links[link].lock.locked and self.model.links[link].lock.locked

    def _relock(self, link: int) -> None:
        if not self.locked(link):
            self._send({link: elinks.idle_payload(START_FRAMES)})

    def poll(self, link: int) -> list[Reply]:
        """Fetch the interrupt packets that have come over a link."""
        self._relock(link)
        self._send({link: elinks.idle_payload(max(BLOCK_FRAMES, self._waiting_frames(link)))})
        master = self.links[link]
        for kind in ("ec", "aux"):
            for content in self._take(link, kind):
                received = master.sca[kind].receive(content)
                if received.reply is not None and received.reply.interrupt:
                    master.interrupts.append(received.reply)
        found, master.interrupts = master.interrupts, []
        return found

    def _master(self, link: int, auxiliary: bool) -> ScaMaster:
        return self.links[link].sca["aux" if auxiliary else "ec"]

    def _ic(self, link: int, content: bytes) -> bytes:
        self._take(link, "ic")
        self._request(link, "ic", content)
        for reply in self._replies(link, "ic"):
            return reply
        self.links[link].counts.ic_errors += 1
        raise LinkSilent(f"GBTx at link {link}: no reply to an IC request")

    def _supervise(self, link: int, auxiliary: bool, content: bytes, what: str) -> None:
        if not self._sca_exchange(link, auxiliary, content, what).acknowledged:
            raise ScaProtocolError(f"SCA at link {link} answered {what} with something else")

    def _sca_exchange(
        self, link: int, auxiliary: bool, content: bytes, what: str, transaction: int | None = None
    ) -> Received:
        """Send a frame and wait for its answer, keeping interrupts for later and passing over what nobody awaits."""
        kind = "aux" if auxiliary else "ec"
        master = self.links[link]
        self._request(link, kind, content)
        for answer in self._replies(link, kind):
            try:
                received = master.sca[kind].receive(answer)
            except ScaFrameError:
                continue
            if received.reply is not None and received.reply.interrupt:
                master.interrupts.append(received.reply)
            elif received.rejected is not None:
                continue
            elif transaction is None or (received.reply and received.reply.transaction == transaction):
                return received
        master.counts.ec_errors += 1
        raise LinkSilent(f"SCA at link {link}: no reply to {what}")

    def _request(self, link: int, kind: str, content: bytes) -> None:
        self._relock(link)
        # Two frames of rest come first: after a disturbance the descrambler needs one good frame to be
        # right again.
        bits = np.concatenate([np.ones(4, dtype=np.uint8), frame_bits(content)])
        rows = np.ones((3, 2 * max(BLOCK_FRAMES, (len(bits) + 1) // 2)), dtype=np.uint8)
        rows[CHANNELS.index(kind), : len(bits)] = bits
        self._send({link: self._channels.merge(rows)})

    def _replies(self, link: int, kind: str) -> Iterator[bytes]:
        """Give what arrives on a channel, letting time pass, until the time-out."""
        deadline = self.model.now + TIME_OUT_TICKS
        while True:
            yield from self._take(link, kind)
            waiting = self._waiting_frames(link)
            if waiting:
                self._send({link: elinks.idle_payload(waiting)})
                continue
            due = self.model.next_due()
            if due is None or self.model.now + due > deadline:
                return
            self.model.advance(max(due, 1))

    def _waiting_frames(self, link: int) -> int:
        return (self.model.links[link].waiting_bits + 1) // 2

    def _take(self, link: int, kind: str) -> list[bytes]:
        inbox = self.links[link].inbox
        found, inbox[kind] = inbox[kind], []
        return found

    def _send(self, payloads: dict[int, UInt8Array]) -> None:
        down = {n: self.links[n].encoder.encode(payload) for n, payload in payloads.items()}
        for n, frames in self.model.exchange(down).items():
            self._arrive(n, frames)

    def _arrive(self, n: int, frames: UInt8Array) -> None:
        link = self.links[n]
        self._count_unseen(link, self.model.now - len(frames))
        link.seen_until = self.model.now
        valid = valid_headers(frames[:, 0] >> 4)
        was_locked, losses = link.lock.locked, link.lock.losses
        strobes, _ = link.lock.walk(valid)
        decoded = link.receiver.decode(frames)
        payload = decoded.payload[: len(strobes)][strobes]
        counts = link.counts
        counts.frames += int(np.count_nonzero(strobes))
        counts.corrected += int(np.count_nonzero(decoded.errors[: len(strobes)] & strobes))
        counts.losses += link.lock.losses - losses
        if was_locked:
            counts.header_errors += int(np.count_nonzero(~valid[: len(strobes)]))
        for kind, bits in zip(CHANNELS, self._channels.split(payload), strict=True):
            link.inbox[kind] += link.deframers[kind].feed(bits)

    @staticmethod
    def _count_unseen(link: LinkMaster, until: int) -> None:
        """Count the frames of time that was passed over, in which a link stays as it was."""
        if link.lock.locked:
            link.counts.frames += until - link.seen_until
        link.seen_until = until
