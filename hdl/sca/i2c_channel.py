"""One of the 16 I2C masters of the SCA (manual V.2019-002, chapter 6).

Data to write stands in DATA0 to DATA3 from DATA0[31:24] on; data read in reversed registers, bytes 0 to 3 in
DATA3. Assumed: SCL held low for longer than a stretched clock may last is reported like SDA held low.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.i2c_master import I2cMaster, I2cStep
from hdl.sca.channel import Channel
from ltdb.sca.build import I2C_SPEED_HZ, MAX_I2C_BYTES
from ltdb.sca.commands import Kind
from ltdb.sca.i2c_master import INVALID_COMMAND, NO_ACKNOWLEDGE, SDA_LOW, SUCCESS

TICK_HZ = 40_000_000
QUARTERS = [TICK_HZ // (4 * speed) for speed in I2C_SPEED_HZ]
"""Ticks in a quarter of a period of SCL, by speed code."""
TEN_BIT_PREFIX = 0b11110
WORDS = 4
_INVALID_BIT = INVALID_COMMAND.bit_length() - 1
NO_MODIFY, MODIFY_AND, MODIFY_OR, MODIFY_XOR = range(4)
"""Of a read-modify-write, one more than bits 3:2 of its code."""


class ByteStore(wiring.Component):
    """DATA0 to DATA3.

    Interface attributes
    --------------------
    write : In(4)
        Take `value` into a word, one bit each.
    value : In(32)
    clear : In(1)
        Set all words to 0.
    store : In(1)
        Put `byte` at `place`, counted from DATA3[31:24] on in reversed words, as bytes that are read lie.
    place : In(4)
    byte : In(8)
    words : Out(array of 4 words)
    sent : Out(8)
        The byte at `place`, counted from DATA0[31:24] on, as bytes to write lie.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "write": In(WORDS),
                "value": In(32),
                "clear": In(1),
                "store": In(1),
                "place": In(4),
                "byte": In(8),
                "words": Out(data.ArrayLayout(32, WORDS)),
                "sent": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        shift = Signal(5)
        m.d.comb += shift.eq(Cat(Const(0, 3), ~self.place[:2]))
        for n in range(WORDS):
            word = Signal(32, name=f"data_{n}")
            m.d.comb += self.words[n].eq(word)
            with m.If(self.write[n]):
                m.d.sync += word.eq(self.value)
            with m.Elif(self.clear):
                m.d.sync += word.eq(0)
            with m.Elif(self.store & (self.place[2:] == WORDS - 1 - n)), m.Switch(self.place[:2]):
                for byte in range(4):
                    with m.Case(byte):
                        m.d.sync += word[8 * (3 - byte) :][:8].eq(self.byte)
        word_sent = Signal(32)
        m.d.comb += [word_sent.eq(self.words[self.place[2:]]), self.sent.eq(word_sent.bit_select(shift, 8))]
        return m


class I2cChannel(Channel):
    """Command layer of a master, and the engine that drives its bus.

    Interface attributes
    --------------------
    scl_o, sda_o : Out(1)
        1 releases the line, 0 pulls it low.
    scl_i, sda_i : In(1)
    push_pull : Out(1)
        SCLMODE: SCL is driven high instead of released.
    """

    def __init__(self) -> None:
        super().__init__(
            Kind.I2C,
            {
                "scl_o": Out(1, init=1),
                "sda_o": Out(1, init=1),
                "scl_i": In(1, init=1),
                "sda_i": In(1, init=1),
                "push_pull": Out(1),
            },
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.engine = engine = I2cMaster()
        control, mask, status = Signal(8), Signal(8), Signal(8)
        m.submodules.data = store = ByteStore()
        self.serve(m, {"CTRL": control, "MSK": mask, "STR": status}, top=("CTRL", "MSK", "STR"))
        self.serve(m, {f"DATA{n}": store.words[n] for n in range(WORDS)}, write=False)
        self.remember(m)
        m.d.comb += [
            engine.strobe.eq(self.strobe),
            engine.divider.eq(Array(QUARTERS)[control[:2]]),
            engine.scl_i.eq(self.scl_i),
            engine.sda_i.eq(self.sda_i),
            self.scl_o.eq(engine.scl_o),
            self.sda_o.eq(engine.sda_o),
            self.push_pull.eq(control[7]),
            store.value.eq(self.value),
            *(store.write[n].eq(self.go & self.is_(f"W_DATA{n}")) for n in range(WORDS)),
        ]

        # What the command asks for, kept while it is carried out.
        multiple, reading, ten_bit = Signal(), Signal(), Signal()
        modify = Signal(2)
        address = Signal(10)
        byte = Signal(8)
        count, index = Signal(5), Signal(5)
        again = Signal()
        """The second address of a 10-bit read, after the repeated start."""
        last, good, one_byte = Signal(), Signal(), Signal()
        written = Signal(8)
        outcome = Signal(8)
        m.d.comb += [
            store.place.eq(index),
            store.byte.eq(engine.received),
            one_byte.eq(reading & ~multiple & (modify == NO_MODIFY)),
            last.eq(index + 1 == count),
            written.eq(Mux(multiple, store.sent, byte)),
            self.done_value.eq(Cat(Const(0, 16), Mux(one_byte & good, byte, 0), status)),
            self.done_returns.eq(Mux(one_byte, 2, 1)),
        ]

        def ask(step: object, value: Value | int = 0) -> None:
            m.d.comb += [
                engine.go.eq(~engine.busy & ~engine.done),
                engine.step.eq(step),
                engine.byte.eq(value),
            ]

        def end(result: int, state: str) -> None:
            m.d.comb += outcome.eq(result)
            m.next = state

        def acknowledged() -> AbstractContextManager[None]:
            """Deal with a bus that is held low and with a missing acknowledge; else what follows."""
            with m.If(engine.done & engine.stuck):
                end(SDA_LOW, "DONE")
            with m.Elif(engine.done & engine.refused):
                end(NO_ACKNOWLEDGE, "STOP")
            following: AbstractContextManager[None] = m.Elif(engine.done)
            return following

        with m.If(outcome[_INVALID_BIT]):
            m.d.sync += status.eq(INVALID_COMMAND)
        with m.Elif(outcome != 0):
            m.d.sync += [status.eq((status & INVALID_COMMAND) | outcome), good.eq(outcome == SUCCESS)]

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                impossible, many, combine, single, ten, read = (Signal() for _ in range(6))
                m.d.comb += [
                    many.eq(self.is_("M_7B_W", "M_7B_R", "M_10B_W", "M_10B_R")),
                    combine.eq(self.is_("RMW_AND", "RMW_OR", "RMW_XOR")),
                    single.eq(self.is_("S_7B_W", "S_7B_R", "S_10B_W", "S_10B_R")),
                    ten.eq(self.is_("S_10B_W", "S_10B_R", "M_10B_W", "M_10B_R")),
                    read.eq(self.is_("S_7B_R", "S_10B_R", "M_7B_R", "M_10B_R")),
                    impossible.eq(many & ((control[2:7] == 0) | (control[2:7] > MAX_I2C_BYTES))),
                ]
                with m.If(impossible):
                    m.d.comb += self.result.eq(INVALID_COMMAND << 24)
                    with m.If(self.go):
                        m.d.comb += outcome.eq(INVALID_COMMAND)
                with m.Elif(many | combine | single):
                    m.d.comb += self.deferred.eq(1)
                    with m.If(self.go):
                        m.d.sync += [
                            multiple.eq(many),
                            reading.eq(read | combine),
                            ten_bit.eq(ten),
                            modify.eq(Mux(combine, self.code[2:4] + 1, NO_MODIFY)),
                            address.eq(
                                Mux(ten, Cat(self.value[16:24], self.value[24:26]), self.value[24:31])
                            ),
                            byte.eq(Mux(ten, self.value[8:16], self.value[16:24])),
                            count.eq(Mux(many, control[2:7], 1)),
                            again.eq(0),
                        ]
                        m.next = "START"

            with m.State("START"):
                ask(I2cStep.START)
                m.d.sync += index.eq(0)
                with m.If(engine.done & engine.stuck):
                    end(SDA_LOW, "DONE")
                with m.Elif(engine.done):
                    m.next = "ADDRESS"

            with m.State("ADDRESS"):
                ask(
                    I2cStep.WRITE,
                    Mux(
                        ten_bit,
                        Cat(again, address[8:10], Const(TEN_BIT_PREFIX, 5)),
                        Cat(reading, address[:7]),
                    ),
                )
                with acknowledged():
                    with m.If(ten_bit & ~again):
                        m.next = "LOW ADDRESS"
                    with m.Elif(reading):
                        m.next = "READ"
                        m.d.comb += store.clear.eq(multiple)
                    with m.Else():
                        m.next = "WRITE"

            with m.State("LOW ADDRESS"):
                ask(I2cStep.WRITE, address[:8])
                with acknowledged():
                    with m.If(reading):
                        m.d.sync += again.eq(1)
                        m.next = "START"
                    with m.Else():
                        m.next = "WRITE"

            with m.State("WRITE"):
                ask(I2cStep.WRITE, written)
                with acknowledged():
                    m.d.sync += index.eq(index + 1)
                    with m.If(last):
                        end(SUCCESS, "STOP")

            with m.State("READ"):
                ask(I2cStep.READ)
                m.d.comb += engine.acknowledge.eq(~last)
                with m.If(engine.done & engine.stuck):
                    end(SDA_LOW, "DONE")
                with m.Elif(engine.done):
                    m.d.sync += [index.eq(index + 1), byte.eq(engine.received)]
                    m.d.comb += store.store.eq(multiple)
                    with m.If(last):
                        end(SUCCESS, "STOP")

            with m.State("STOP"):
                ask(I2cStep.STOP)
                with m.If(engine.done):
                    m.next = "DONE"
                    with m.If((modify != NO_MODIFY) & reading & good):
                        m.next = "MODIFY"

            with m.State("MODIFY"):
                m.d.sync += reading.eq(0)
                with m.Switch(modify):
                    with m.Case(MODIFY_AND):
                        m.d.sync += byte.eq(byte & mask)
                    with m.Case(MODIFY_OR):
                        m.d.sync += byte.eq(byte | mask)
                    with m.Case(MODIFY_XOR):
                        m.d.sync += byte.eq(byte ^ mask)
                m.next = "START"

            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                with m.If(self.taken):
                    m.next = "IDLE"
        return m
