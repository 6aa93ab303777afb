"""The line code bit after bit, as docs/line_code.md says it; shares nothing with gateware or golden model."""


def sequence_bits(layout, count):
    sequence = layout.sequence
    bits = [int(b) for b in f"{sequence.seed:0{sequence.degree}b}"]
    while len(bits) < count:
        n = len(bits) - sequence.degree
        bits.append(sum(bits[n + i] for i in range(sequence.degree) if sequence.polynomial >> i & 1) % 2)
    return bits


def crc_bits(layout, covered):
    crc = layout.crc
    register = crc.init
    for bit in covered:
        take = (register >> (crc.width - 1)) ^ bit
        register = (register << 1) % (1 << crc.width)
        if take:
            register ^= crc.polynomial
    return [int(b) for b in f"{register ^ crc.xor_out:0{crc.width}b}"]


class SerialEncoder:
    """Frames as lists of bits."""

    def __init__(self, layout):
        self.layout = layout
        self.sequence = sequence_bits(
            layout, (layout.sequence.bunch_crossings + 4) * layout.header.sequence_bits
        )
        self.scrambled = [int(b) for b in f"{layout.scrambler.seed:0{layout.scrambler.length}b}"]

    def encode(self, sample, bcid):
        layout = self.layout
        payload = []
        for lane, bit in layout.bit_map:
            new = sample[lane] >> bit & 1
            for tap in layout.scrambler.taps:
                new ^= self.scrambled[-tap]
            self.scrambled.append(new)
            payload.append(new)
        n = layout.header.sequence_bits
        names = self.sequence[n * bcid : n * bcid + n]
        covered = (names if "sequence" in layout.crc.covers else []) + payload
        fields = {
            "header": [int(b) for b in layout.header.fixed] + names,
            "payload": payload,
            "crc": crc_bits(layout, covered),
        }
        return [bit for name in layout.order for bit in fields[name]]


def slices_of(layout, sample):
    """What the lanes deliver, two slots at a time: bit k * lanes + lane is slot k of that lane."""
    slices = []
    for pair in range(layout.lane_slots // 2):
        value = 0
        for k in range(2):
            bit = layout.sample_bits - 1 - (2 * pair + k)
            for lane in range(layout.lanes):
                if bit >= 0:
                    value |= (sample[lane] >> bit & 1) << (k * layout.lanes + lane)
        slices.append(value)
    return slices
