"""An SCA of the model that is sent requests, for the tests of its channels."""

import itertools

from ltdb.sca import Sca, build, frames
from ltdb.sca.commands import parse_reply


class Bench:
    """A chip with all channels enabled, driven by raw requests."""

    def __init__(self, enable=True, buses=None):
        self.chip = Sca(buses)
        self.numbers = itertools.cycle(range(8))
        self.transactions = itertools.cycle(range(1, 250))
        if enable:
            for register in ("CRB", "CRC", "CRD"):
                self(build.write_control(register, 0xFF))

    def send(self, request, transaction=None, data_bytes=4):
        number = next(self.numbers)
        payload = request.encode(transaction or next(self.transactions), data_bytes)
        self.chip.receive(0, frames.information(number, number, payload).encode())

    def raw(self, payload):
        number = next(self.numbers)
        self.chip.receive(0, frames.information(number, number, payload).encode())
        return self.replies(0)

    def replies(self, ticks):
        self.chip.advance(ticks)
        return [parse_reply(frames.parse(content).payload) for _, content in self.chip.outgoing()]

    def __call__(self, request, data_bytes=4):
        self.send(request, data_bytes=data_bytes)
        replies = self.replies(0)
        for _ in range(64):
            if replies:
                break
            replies = self.replies(20_000)
        (reply,) = replies
        return reply

    def all(self, requests):
        return [self(request) for request in requests]
