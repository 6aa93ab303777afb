"""One of the 16 I2C masters of the SCA (manual V.2019-002, chapter 6).

Data to write stands in DATA0 to DATA3 from DATA0[31:24] on; data read in reversed registers, bytes 0 to 3 in
DATA3. Assumed: SCL held low for longer than a stretched clock may last is reported like SDA held low.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
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
NO_MODIFY, MODIFY_AND, MODIFY_OR, MODIFY_XOR = range(4)
"""Of a read-modify-write, one more than bits 3:2 of its code."""


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
        words = [Signal(32, name=f"data_{n}") for n in range(WORDS)]
        registers = {f"DATA{n}": word for n, word in enumerate(words)}
        self.serve(m, {"CTRL": control, "MSK": mask, "STR": status}, top=("CTRL", "MSK", "STR"))
        self.serve(m, registers)
        self.remember(m)
        m.d.comb += [
            engine.strobe.eq(self.strobe),
            engine.divider.eq(Array(QUARTERS)[control[:2]]),
            engine.scl_i.eq(self.scl_i),
            engine.sda_i.eq(self.sda_i),
            self.scl_o.eq(engine.scl_o),
            self.sda_o.eq(engine.sda_o),
            self.push_pull.eq(control[7]),
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
        first_last = [word[8 * (3 - n) :][:8] for word in words for n in range(4)]
        m.d.comb += [
            one_byte.eq(reading & ~multiple & (modify == NO_MODIFY)),
            last.eq(index + 1 == count),
            written.eq(Mux(multiple, Array(first_last)[index[:4]], byte)),
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
            m.d.sync += [status.eq((status & INVALID_COMMAND) | result), good.eq(result == SUCCESS)]
            m.next = state

        def acknowledged() -> AbstractContextManager[None]:
            """Deal with a bus that is held low and with a missing acknowledge; else what follows."""
            with m.If(engine.done & engine.stuck):
                end(SDA_LOW, "DONE")
            with m.Elif(engine.done & engine.refused):
                end(NO_ACKNOWLEDGE, "STOP")
            following: AbstractContextManager[None] = m.Elif(engine.done)
            return following

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                many = self.is_("M_7B_W", "M_7B_R", "M_10B_W", "M_10B_R")
                combine = self.is_("RMW_AND", "RMW_OR", "RMW_XOR")
                single = self.is_("S_7B_W", "S_7B_R", "S_10B_W", "S_10B_R")
                ten = self.is_("S_10B_W", "S_10B_R", "M_10B_W", "M_10B_R")
                read = self.is_("S_7B_R", "S_10B_R", "M_7B_R", "M_10B_R")
                impossible = Signal()
                m.d.comb += impossible.eq(many & ((control[2:7] == 0) | (control[2:7] > MAX_I2C_BYTES)))
                with m.If(impossible):
                    m.d.comb += self.result.eq(INVALID_COMMAND << 24)
                    with m.If(self.go):
                        m.d.sync += status.eq(INVALID_COMMAND)
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
                        with m.If(multiple):
                            m.d.sync += [word.eq(0) for word in words]
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
                    with m.If(multiple), m.Switch(index):
                        for n in range(MAX_I2C_BYTES):
                            with m.Case(n):
                                place = words[WORDS - 1 - n // 4][8 * (3 - n % 4) :][:8]
                                m.d.sync += place.eq(engine.received)
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
