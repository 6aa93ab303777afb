"""The GBT link in logic against published vectors, an independent library, and the model."""

import numpy as np
import pytest
import reedsolo
from amaranth.sim import Simulator

from hdl.gbt.receiver import GbtAligner, GbtReceiver
from hdl.gbt.reed_solomon import ReedSolomonDecoder
from hdl.gbt.transmitter import GbtTransmitter, GbtWordTransmitter
from ltdb.gbt.codec import GbtEncoder
from ltdb.gbt.codec import GbtReceiver as ModelReceiver
from ltdb.gbt.frame import Encoding
from ltdb.gbt.lock import FrameAligner
from ltdb.gbt.reed_solomon import Decoder

# GBT-FPGA 6.0, simulated from reset: (ISDATA, payload, FEC frame, wide-bus frame with extra 0).
VECTORS = [
    (1, 0, 0x51393267D0495CCA5BA1C807209B51, 0x5336D45C5AC192709CAB1879F4567B),
    (1, 0, 0x50BFF6BE6C1A4BB841CD7EB334EBCC, 0x5BFB614B4C70F6ECAB81DEAB78E399),
    (1, 0, 0x5C1C0B55B798319691FA697BCBA300, 0x5105B9399F6CCB578161A9C1924010),
    (1, 2**84 - 1, 0x5BA0B6B72D898E8C06734C1744E9A6, None),
    (0, 0x123456789ABCDEF012345, 0x63503A60AD7EE8D584FF364A3D9EA2, None),
]


def simulate(component, process):
    simulator = Simulator(component)
    simulator.add_clock(1e-9)
    simulator.add_testbench(process)
    simulator.run()


@pytest.mark.parametrize("encoding", Encoding)
def test_transmitter_sends_the_published_frames(encoding):
    dut = GbtTransmitter(encoding)

    async def process(ctx):
        ctx.set(dut.strobe, 1)
        for is_data, payload, fec, wide in VECTORS:
            expected = fec if encoding is Encoding.FEC else wide
            if expected is None:
                break
            ctx.set(dut.payload, payload)
            ctx.set(dut.is_data, is_data)
            await ctx.tick()
            assert f"{ctx.get(dut.frame):030X}" == f"{expected:030X}"

    simulate(dut, process)


@pytest.mark.parametrize("encoding", Encoding)
def test_word_transmitter_sends_the_frames_first_bits_first(encoding):
    dut = GbtWordTransmitter(encoding)
    words = []

    async def process(ctx):
        for is_data, payload, _, _ in VECTORS:
            while not ctx.get(dut.taken):
                await ctx.tick()
                words.append(ctx.get(dut.word))
            ctx.set(dut.payload, payload)
            ctx.set(dut.is_data, is_data)
            await ctx.tick()
            words.append(ctx.get(dut.word))
        for _ in range(2):
            await ctx.tick()
            words.append(ctx.get(dut.word))

    simulate(dut, process)
    frames = [words[i] << 80 | words[i + 1] << 40 | words[i + 2] for i in range(0, len(words), 3)]
    column = 2 if encoding is Encoding.FEC else 3
    for frame, vector in zip(frames, VECTORS, strict=True):
        assert vector[column] is None or frame == vector[column]


def random_stream(encoding, count, seed):
    rng = np.random.default_rng(seed)
    payload = rng.integers(0, 256, (count, 11), dtype=np.uint8)
    payload[:, 0] &= 0xF
    is_data = rng.random(count) < 0.5
    extra = rng.integers(0, 2**32, count, dtype=np.uint32) if encoding is Encoding.WIDE_BUS else None
    return rng, GbtEncoder(encoding).encode(payload, is_data, extra)


@pytest.mark.parametrize("decoder", Decoder)
@pytest.mark.parametrize("encoding", Encoding)
def test_receiver_equals_the_model_on_frames_with_errors(encoding, decoder):
    rng, frames = random_stream(encoding, 60, seed=7)
    for frame in frames[
        ::2
    ]:  # up to three wrong nibbles a frame, more than the code corrects when in one word
        for nibble in rng.choice(30, rng.integers(1, 4), replace=False):
            frame[nibble // 2] ^= rng.integers(1, 16) << (4 if nibble % 2 == 0 else 0)
    expected = ModelReceiver(encoding, decoder).decode(frames)
    dut = GbtReceiver(encoding, decoder)

    async def process(ctx):
        ctx.set(dut.strobe, 1)
        for i, frame in enumerate(frames):
            ctx.set(dut.frame, int.from_bytes(frame.tobytes(), "big"))
            await ctx.tick()
            assert ctx.get(dut.is_data) == expected.is_data[i]
            assert ctx.get(dut.error) == expected.errors[i]
            if i:
                assert ctx.get(dut.payload) == int.from_bytes(expected.payload[i].tobytes(), "big")
            if encoding is Encoding.WIDE_BUS and i:
                assert ctx.get(dut.extra) == expected.extra[i]

    simulate(dut, process)


def test_textbook_decoder_corrects_what_an_independent_library_encoded():
    codec = reedsolo.RSCodec(4, nsize=15, fcr=1, prim=0x13, generator=2, c_exp=4)
    rng = np.random.default_rng(11)
    dut = ReedSolomonDecoder(Decoder.TEXTBOOK)

    async def process(ctx):
        for round_number in range(400):
            symbols = rng.integers(0, 16, 11, dtype=np.uint8)
            word = np.frombuffer(bytes(codec.encode(symbols.tobytes())), dtype=np.uint8).copy()
            wrong = rng.choice(15, round_number % 3, replace=False)
            word[wrong] ^= rng.integers(1, 16, len(wrong), dtype=np.uint8)
            ctx.set(dut.word, int("".join(f"{s:x}" for s in word), 16))
            await ctx.delay(1e-9)
            assert f"{ctx.get(dut.data):011x}" == "".join(f"{s:x}" for s in symbols)
            assert ctx.get(dut.changed) == len(wrong)
            assert ctx.get(dut.error) == bool(len(wrong))

    simulator = Simulator(dut)
    simulator.add_testbench(process)
    simulator.run()


@pytest.mark.parametrize("offset", [0, 1, 39, 40, 41, 119])
def test_aligner_delivers_the_models_frames_from_any_offset_and_through_bad_headers(offset):
    rng, frames = random_stream(Encoding.FEC, 420, seed=offset + 1)
    bits = np.unpackbits(frames.reshape(-1))
    starts = np.arange(len(frames)) * 120
    # Two isolated bad headers, then a run that unlocks.
    for frame in (290, 292, *range(400, 406)):
        bits[starts[frame] : starts[frame] + 4] = 0
    lead = rng.integers(0, 2, offset, dtype=np.uint8) * 0  # zeros hold no valid header
    stream = np.concatenate([lead, bits])
    stream = stream[: len(stream) // 40 * 40]
    model = FrameAligner()
    expected = model.feed(stream)
    dut = GbtAligner()
    delivered = []

    async def process(ctx):
        for word in [*stream.reshape(-1, 40), *np.zeros((4, 40), dtype=np.uint8)]:
            ctx.set(dut.word, int("".join(map(str, word)), 2))
            await ctx.tick()
            if ctx.get(dut.strobe):
                delivered.append(ctx.get(dut.frame))
        assert ctx.get(dut.losses) == model.lock.losses == 1

    simulate(dut, process)
    expected_values = [int.from_bytes(frame.tobytes(), "big") for frame in expected]
    # The search may meet the true position some frames earlier or later than the model's; from then on they agree.
    common = min(len(delivered), len(expected_values))
    assert common > 50
    assert delivered[-common:] == expected_values[-common:]
