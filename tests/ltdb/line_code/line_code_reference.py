"""docs/line_code.md once more, a bit at a time and in plain Python: what the tests of the line code compare with.

It shares with the package nothing but the layout, that is the data.
"""

from collections import Counter
from dataclasses import dataclass

CRC, HEADER, BCID, HISTORY = 1, 2, 4, 8


def bits_of(value, width):
    return [value >> (width - 1 - k) & 1 for k in range(width)]


def number(bits):
    value = 0
    for bit in bits:
        value = 2 * value + int(bit)
    return value


def crc_bits(layout, message):
    crc = layout.crc
    register = crc.init
    last, mask, polynomial = crc.width - 1, (1 << crc.width) - 1, crc.polynomial
    for bit in message:
        register = (register << 1 ^ polynomial if register >> last ^ bit else register << 1) & mask
    return bits_of(register ^ crc.xor_out, crc.width)


def sequence(layout):
    """Sequence bits of every bunch crossing, as lists."""
    rule = layout.sequence
    a = bits_of(rule.seed, rule.degree)
    while len(a) < rule.bunch_crossings * layout.header.sequence_bits + rule.degree:
        n = len(a) - rule.degree
        new = 0
        for i in range(rule.degree):
            if rule.polynomial >> i & 1:
                new ^= a[n + i]
        a.append(new)
    width = layout.header.sequence_bits
    return [a[b * width : (b + 1) * width] for b in range(rule.bunch_crossings)]


class ReferenceEncoder:
    def __init__(self, layout, bcid=0):
        self.layout, self.bcid, self.sequence = layout, bcid, sequence(layout)
        self.sent = bits_of(layout.scrambler.seed, max(layout.scrambler.taps))

    def frame(self, samples, bcr=False):
        layout = self.layout
        if bcr:
            self.bcid = 0
        payload = []
        for lane, bit in layout.bit_map:
            new = int(samples[lane]) >> bit & 1
            for tap in layout.scrambler.taps:
                new ^= self.sent[-tap]
            self.sent.append(new)
            payload.append(new)
        code = self.sequence[self.bcid]
        header = [int(c) for c in layout.header.fixed] + code
        covered = (code if "sequence" in layout.crc.covers else []) + payload
        fields = {"header": header, "payload": payload, "crc": crc_bits(layout, covered)}
        self.bcid = (self.bcid + 1) % layout.sequence.bunch_crossings
        return [bit for name in layout.order for bit in fields[name]]


@dataclass
class Window:
    fixed_right: bool
    crc_right: bool
    code: list

    @property
    def hit(self):
        return self.fixed_right and self.crc_right


class ReferenceReceiver:
    """The receiver, told one line bit at a time; `delivered` gets (first bit, bcid, flags, samples)."""

    def __init__(self, layout):
        self.layout, self.sequence = layout, sequence(layout)
        self.length = layout.frame_bits
        self.fixed = [int(c) for c in layout.header.fixed]
        self.three = layout.sequence.degree // layout.header.sequence_bits
        self.crossings = layout.sequence.bunch_crossings
        joined = [self._joined(last) for last in range(self.crossings)]
        seen = Counter(joined)
        self.names = {bits: last for last, bits in enumerate(joined) if seen[bits] == 1}
        self.bits, self.windows, self.foreseen = [], {}, {}
        self.locked, self.end, self.counter = False, None, None
        self.was_delivered = False
        self.header_wrong = self.frame_bad = False
        self.bad_row, self.bcid_row, self.since = 0, [], 0
        self.delivered = []
        self.count = dict.fromkeys(
            ("frames", "crc_errors", "header_errors", "bcid_jumps", "moves", "losses"), 0
        )

    def _joined(self, last):
        return tuple(
            bit for age in reversed(range(self.three)) for bit in self.sequence[(last - age) % self.crossings]
        )

    def _field(self, bits, field):
        layout = self.layout
        widths = {"header": layout.header.bits, "payload": layout.payload_bits, "crc": layout.crc.width}
        start = 0
        for name in layout.order:
            if name == field:
                return bits[start : start + widths[name]]
            start += widths[name]
        raise AssertionError(field)

    def _window(self, end):
        bits = self.bits[end - self.length : end]
        header = self._field(bits, "header")
        code = header[len(self.fixed) :]
        # The CRC is worked out only where something depends on it.
        covered = (code if "sequence" in self.layout.crc.covers else []) + self._field(bits, "payload")
        return Window(
            header[: len(self.fixed)] == self.fixed,
            crc_bits(self.layout, covered) == self._field(bits, "crc"),
            code,
        )

    def _deliver(self, bcid, flags):
        now = len(self.bits)
        layout = self.layout
        if now < 2 * self.length or not self._window(now - self.length).crc_right:
            flags |= HISTORY
        before = (
            self._field(self.bits[now - 2 * self.length : now - self.length], "payload")
            if now >= 2 * self.length
            else []
        )
        before = [0] * (layout.payload_bits - len(before)) + before
        stream = before + self._field(self.bits[now - self.length : now], "payload")
        samples = [0] * layout.lanes
        for p, (lane, bit) in enumerate(layout.bit_map):
            k = len(before) + p
            plain = stream[k]
            for tap in layout.scrambler.taps:
                plain ^= stream[k - tap]
            samples[lane] |= plain << bit
        self.delivered.append((now - self.length, bcid, flags, samples))
        self.count["frames"] += 1
        self.count["crc_errors"] += bool(flags & CRC)
        self.count["header_errors"] += bool(flags & HEADER)

    def push(self, bit):
        self.bits.append(int(bit))
        now, frame = len(self.bits), self.length
        if self.locked:
            header_end = self.layout.field_start["header"] + self.layout.header.bits
            if now == self.end - frame + header_end:
                got = self.bits[now - self.layout.header.bits : now]
                wanted = self.fixed + self.sequence[self.counter]
                self.header_wrong = got != wanted
        if now < frame:
            return
        # The CRC of a window whose fixed bits are wrong is of no use, except at the present offset.
        start = now - frame + self.layout.field_start["header"]
        present = self.locked and now == self.end
        if present or self.bits[start : start + len(self.fixed)] == self.fixed:
            window = self._window(now)
        else:
            window = Window(False, False, [])
        self.windows[now] = window if window.hit else None
        expected = None
        if self.end is not None:
            expected = self.counter if self.end - now <= frame / 2 else (self.counter - 1) % self.crossings
            self.foreseen[now] = window.hit and window.code == self.sequence[expected]
        if present:
            self._boundary(window)
        elif not self._lock(now, expected) and now == self.end:
            self.end, self.counter, self.was_delivered = (
                now + frame,
                (self.counter + 1) % self.crossings,
                False,
            )

    def _boundary(self, window):
        flags = (0 if window.crc_right else CRC) | (0 if window.fixed_right else HEADER)
        self.bad_row = 0 if window.hit else self.bad_row + 1
        if window.code != self.sequence[self.counter]:
            flags |= BCID
        self.bcid_row = [*self.bcid_row, window.code] if flags == BCID else []
        joined = tuple(bit for code in self.bcid_row[-self.three :] for bit in code)
        if len(self.bcid_row) >= self.three and joined in self.names:
            self.counter, flags, self.bcid_row = self.names[joined], 0, []
            self.since = len(self.bits)
            self.count["bcid_jumps"] += 1
        self._deliver(self.counter, flags)
        self.header_wrong, self.frame_bad = bool(flags & (HEADER | BCID)), bool(flags)
        self.was_delivered = True
        self.end, self.counter = self.end + self.length, (self.counter + 1) % self.crossings
        if self.bad_row >= self.layout.lock.loss_frames:
            self.locked = False
            self.count["losses"] += 1

    def _lock(self, now, expected):
        frame, lock = self.length, self.layout.lock
        row = [self.windows.get(now - age * frame) for age in range(lock.cold_start_frames)]
        name = None
        if all(row) and (not self.locked or self.frame_bad):
            name = self.names.get(tuple(bit for w in reversed(row[: self.three]) for bit in w.code))
        if name is None and expected is not None and (not self.locked or self.header_wrong):
            times = [now - age * frame for age in range(lock.relock_frames)]
            if all(t > self.since and self.foreseen.get(t) for t in times):
                name = expected
        if name is None:
            return False
        repeated = False
        if self.end is not None:
            self.count["moves"] += (self.end - now) % frame != 0
            self.count["bcid_jumps"] += name != expected
            repeated = self.was_delivered and self.end - now > frame / 2
        if not repeated:
            self._deliver(name, 0)
        self.locked = self.was_delivered = True
        self.end, self.counter, self.since = now + frame, (name + 1) % self.crossings, now
        self.header_wrong = self.frame_bad = False
        self.bad_row, self.bcid_row = 0, []
        return True
