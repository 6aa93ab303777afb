"""RS(15,11) of the GBT frame in logic: encoder, and the two decoders that are in use.

A word is 15 symbols of 4 bits; symbol *i* is bits 4i+3 : 4i and belongs to x^i, so the four parity symbols are the
lowest and the first data symbol on the line the highest. Sources: GBT-FPGA user guide V1.0, GBT-FPGA 6.0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.gbt.gf16 import Field, constant_product, power
from ltdb.gbt.reed_solomon import DATA_SYMBOLS, GENERATOR, WORD_SYMBOLS, Decoder

PARITY_SYMBOLS = WORD_SYMBOLS - DATA_SYMBOLS


def parity(data: Value) -> Value:
    """Parity of 44 data bits: each parity bit is an XOR of the data bits whose remainder contains it."""
    remainders = [_remainder(1 << bit) for bit in range(4 * DATA_SYMBOLS)]
    return Cat(
        reduce(xor, (data[bit] for bit, remainder in enumerate(remainders) if remainder >> row & 1))
        for row in range(4 * PARITY_SYMBOLS)
    )


def _remainder(data: int) -> int:
    """Remainder of data(x) x^4 modulo the generator, by long division of constants."""
    symbols = [data >> 4 * i & 0xF for i in reversed(range(DATA_SYMBOLS))] + [0] * PARITY_SYMBOLS
    for first in range(DATA_SYMBOLS):
        lead = symbols[first]
        for offset, coefficient in enumerate(GENERATOR):
            symbols[first + offset] ^= constant_product(lead, coefficient)
    return reduce(lambda value, symbol: value << 4 | symbol, symbols[DATA_SYMBOLS:])


class ReedSolomonDecoder(wiring.Component):
    """Decoder of one word: combinational, or with `pipelined` one clock late.

    `Decoder.TEXTBOOK` corrects up to two symbols and leaves a word that it cannot correct as it came.
    `Decoder.GBT_FPGA_COMPATIBLE` has the published defect: it takes S2 S3 + S1 S2 for the determinant.

    Interface attributes
    --------------------
    word : In(60)
        As received.
    data : Out(44)
        The data symbols after correction.
    error : Out(1)
        Some symbol was wrong.
    changed : Out(2)
        How many symbols the decoder changed, parity included.
    """

    def __init__(self, decoder: Decoder = Decoder.TEXTBOOK, pipelined: bool = False) -> None:
        self.decoder, self.pipelined = Decoder(decoder), pipelined
        super().__init__({"word": In(60), "data": Out(44), "error": Out(1), "changed": Out(2)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        field = Field(m)
        symbols = [field.signal(self.word[4 * i : 4 * i + 4]) for i in range(WORD_SYMBOLS)]
        s1, s2, s3, s4 = (
            field.add(*(field.scale(symbol, power(k * i)) for i, symbol in enumerate(symbols)))
            for k in range(1, 5)
        )
        wrong = Signal()
        m.d.comb += wrong.eq(Cat(s1, s2, s3, s4).any())
        if self.decoder is Decoder.TEXTBOOK:
            values = _textbook(m, field, s1, s2, s3, s4, self._settled)
        else:
            values = _gbt_fpga(m, field, *(self._settled(m, s) for s in (s1, s2, s3, s4)))
        symbols, wrong = [self._settled(m, symbol) for symbol in symbols], self._settled(m, wrong)
        errors = [field.signal(value) for value in values]
        # No decoder can change more than two symbols: each has at most two places to put a value.
        m.d.comb += [
            self.data.eq(Cat(symbols[i] ^ errors[i] for i in range(PARITY_SYMBOLS, WORD_SYMBOLS))),
            self.error.eq(wrong),
            self.changed.eq(sum((error.any() for error in errors), Const(0, 1))),
        ]
        return m

    def _settled(self, m: Module, value: Signal) -> Signal:
        """The value, or a register that takes it, if the decoder is pipelined."""
        if not self.pipelined:
            return value
        register = Signal(len(value))
        m.d.sync += register.eq(value)
        return register


def _textbook(
    m: Module,
    field: Field,
    s1: Signal,
    s2: Signal,
    s3: Signal,
    s4: Signal,
    settled: Callable[[Module, Signal], Signal],
) -> list[Value]:
    """Error values by Peterson's method, every position for itself: Chien search and Forney in parallel.

    With the locator x^2 + sigma1 x + sigma2 and one root X, the other is sigma1 + X, and the value at X is
    (S2 + S1 (sigma1 + X)) / (X sigma1). A pipeline has its registers behind the locator.
    """
    product, add = field.multiply, field.add
    determinant = add(product(s1, s3), product(s2, s2))
    sigma1 = field.divide(add(product(s1, s4), product(s2, s3)), determinant)
    sigma2 = field.divide(add(product(s2, s4), product(s3, s3)), determinant)
    location = field.divide(s2, s1)
    single, double = Signal(), Signal()
    two = Signal()
    m.d.comb += [
        two.eq(determinant != 0),
        single.eq((determinant == 0) & s1.any() & s2.any() & (product(s1, s4) == product(s2, s3))),
    ]
    s1, s2, sigma1, sigma2, location = (settled(m, value) for value in (s1, s2, sigma1, sigma2, location))
    single, two = settled(m, single), settled(m, two)
    single_value = field.divide(s1, location)
    # S2 + S1 sigma1 + S1 X, divided by sigma1 and X.
    base, slope = field.divide(add(s2, product(s1, sigma1)), sigma1), field.divide(s1, sigma1)
    roots = Signal(WORD_SYMBOLS)
    values = []
    for position in range(WORD_SYMBOLS):
        x = power(position)
        m.d.comb += roots[position].eq(add(field.scale(sigma1, x), sigma2) == constant_product(x, x))
        values.append(add(field.scale(base, power(-position)), slope))
    m.d.comb += double.eq(two & (sum(roots, Const(0, 1)) == 2))
    return [
        Mux(single & (location == power(i)), single_value, Mux(double & roots[i], values[i], 0))
        for i in range(WORD_SYMBOLS)
    ]


def _gbt_fpga(m: Module, field: Field, s1: Signal, s2: Signal, s3: Signal, s4: Signal) -> list[Value]:
    """Error values along the data path of GBT-FPGA 6.0: one error or two is decided by the wrong determinant.

    It searches the locator 1 + first x + second x^2, whose roots are the inverse locations, takes the lowest and the
    highest root whatever their number, and divides by 0 to get 0.
    """
    product, divide, add = field.multiply, field.divide, field.add
    single = Signal()
    m.d.comb += single.eq(add(product(s2, s3), product(s1, s2)) == 0)
    location = divide(s2, s1)
    one_value = divide(s1, location)
    second = divide(add(s4, divide(product(s3, s3), s2)), add(divide(product(s1, s3), s2), s2))
    first = add(divide(s3, s2), product(second, divide(s1, s2)))
    low, high = Signal(4), Signal(4)
    sums = {x: add(field.scale(first, x), field.scale(second, constant_product(x, x))) for x in range(1, 16)}
    for target, order in ((high, range(1, 16)), (low, range(15, 0, -1))):
        for x in order:  # the last assignment wins
            with m.If(sums[x] == 1):
                m.d.comb += target.eq(x)
    x0, x1 = field.inverse(low), field.inverse(high)
    y1 = divide(add(s2, product(s1, x0)), add(product(x1, x1), product(x0, x1)))
    y0 = divide(add(s1, product(y1, x1)), x0)

    def at(position: int, where: Signal, value: Signal) -> Value:
        """`value` if `where` is the locator of `position`; a locator of 0 stands for position 0, as its table says."""
        hit = (where == power(position)) | (where == 0) if position == 0 else where == power(position)
        return Mux(hit, value, 0)

    return [
        Mux(single, at(i, location, one_value), at(i, x0, y0) ^ at(i, x1, y1)) for i in range(WORD_SYMBOLS)
    ]
