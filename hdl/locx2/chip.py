"""LOCx2: two 5.12 Gb/s transmitters with one clock chain and one slow control; see `docs/locx2.md`."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockDomain, DomainRenamer, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer, PulseSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, Out, Signature

from hdl.locx2.channel import Channel
from hdl.locx2.clock_chain import Divider, LockDetector
from hdl.locx2.control import SlowControl, upset_bits
from hdl.locx2.crossing import Stretcher
from hdl.locx2.lane_receiver import ADCS
from hdl.locx2.words import CHANNELS
from hdl.registers import UpsetBit
from ltdb.line_code.format import FrameFormat
from ltdb.registers import load_registers

EVENTS = ("underflow", "overflow", "lost")


class Locx2(wiring.Component):
    """The chip.

    Interface attributes
    --------------------
    bit_clk : In(1)
        2.56 GHz. Both edges are used: one bit on the line each.
    ref_clk : In(1)
        40 MHz reference; slow control and lock detector run on it.
    reset_n : In(1)
        Asynchronous power-on reset, low. Its release against `bit_clk` sets the power-up phase of the
        dividers.
    bcr : In(1)
        Reset of the bunch-crossing counter, synchronous to `ref_clk`, one clock long.
    channel : array of `adc`, array of `clk`, `frame`, `lanes`
        Lane clock (320 MHz), frame clock (40 MHz) and four lanes of each quad ADC; see `LaneReceiver`.
    line : array of Out(1)
        Serial outputs.
    scl_i, sda_i, sda_oe, address
        Slow control; see `SlowControl`.
    locked : Out(1)
        The divided bit clock follows the reference.
    divided_clk : Out(1)
        Bit clock / 64.
    upset : In
        Fault port, for simulation only, in time with `ref_clk`; `upset_bits` says what a bit upsets.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.control = SlowControl(load_registers("locx2"))
        adc = Signature({"clk": Out(1), "frame": Out(1), "lanes": Out(layout.lanes // ADCS)})
        members = self.control.signature.members
        super().__init__(
            {
                "bit_clk": In(1),
                "ref_clk": In(1),
                "reset_n": In(1),
                "bcr": In(1),
                "channel": Out(Signature({"adc": In(adc).array(ADCS)})).array(CHANNELS),
                "line": Out(1).array(CHANNELS),
                **{name: members[name] for name in ("scl_i", "sda_i", "sda_oe", "address", "upset")},
                "locked": Out(1),
                "divided_clk": Out(1),
            }
        )

    @property
    def upset_bits(self) -> tuple[UpsetBit, ...]:
        """What each bit of the fault port upsets, bit 0 first."""
        return upset_bits(self.control.registers)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.divider = divider = Divider(self.layout)
        self._domain(m, "bit", self.bit_clk, falling=True)
        self._domain(m, "word", divider.word_clock)
        self._domain(m, "ref", self.ref_clk)

        control = self.control
        m.submodules.control = DomainRenamer("ref")(control)
        m.submodules.lock_detector = lock = LockDetector(self.layout)
        m.submodules.bcr_crossing = bcr = PulseSynchronizer("ref", "word")
        m.d.comb += [
            control.scl_i.eq(self.scl_i),
            control.sda_i.eq(self.sda_i),
            self.sda_oe.eq(control.sda_oe),
            control.address.eq(self.address),
            control.upset.eq(self.upset),
            bcr.i.eq(self.bcr),
            self.locked.eq(lock.locked),
            self.divided_clk.eq(divider.divided),
            control.status_locked.eq(lock.locked),
        ]
        self._sticky(m, control.errors_lock_lost, lock.lost)

        for number in range(CHANNELS):
            names = [f"adc_{number}_{adc}" for adc in range(ADCS)]
            for adc, name in zip(self.channel[number].adc, names, strict=True):
                self._domain(m, name, adc.clk, falling=True)
            channel = Channel(self.layout, (names[0], names[1]))
            m.submodules[f"channel_{number}"] = channel
            for inside, outside in zip(channel.adc, self.channel[number].adc, strict=True):
                m.d.comb += [inside.frame.eq(outside.frame), inside.lanes.eq(outside.lanes)]
            m.d.comb += [
                channel.bcr.eq(bcr.o),
                channel.load.eq(divider.load),
                self.line[number].eq(channel.line),
            ]
            self._configure(m, channel, number)
            self._report(m, channel, number)
        return m

    def _domain(self, m: Module, name: str, clock: object, falling: bool = False) -> None:
        """Make a domain, on request one for the falling edge too, reset at once and released in step."""
        domain = ClockDomain(name, async_reset=True)
        m.domains += domain
        m.d.comb += domain.clk.eq(clock)
        m.submodules[f"reset_{name}"] = ResetSynchronizer(~self.reset_n, domain=name)
        if falling:
            fall = ClockDomain(f"{name}_fall", async_reset=True, clk_edge="neg")
            m.domains += fall
            m.d.comb += [fall.clk.eq(clock), ResetSignal(f"{name}_fall").eq(ResetSignal(name))]

    def _configure(self, m: Module, channel: Channel, number: int) -> None:
        control = self.control
        high, low = (getattr(control, f"pattern_{number}_{half}_pattern") for half in ("high", "low"))
        m.d.comb += [
            channel.mode.eq(getattr(control, f"mode_{number}_mode")),
            channel.pattern.eq(Cat(low, high)),
            channel.enable.eq(getattr(control, f"line_enable_{number}")),
            channel.invert.eq(getattr(control, f"line_invert_{number}")),
        ]
        for adc in range(ADCS):
            lanes = range(self.layout.lanes // ADCS)
            delays = Cat(getattr(control, f"lane_delay_{number}_{adc}_lane_{lane}") for lane in lanes)
            m.d.comb += [
                channel.lane_delay[adc].eq(delays),
                channel.frame_delay[adc].eq(getattr(control, f"frame_delay_adc_{number}_{adc}")),
            ]
        realign = PulseSynchronizer("ref", "word")
        m.submodules[f"realign_{number}"] = realign
        m.d.comb += [
            realign.i.eq(getattr(control, f"command_realign_{number}")),
            channel.realign.eq(realign.o),
        ]

    def _report(self, m: Module, channel: Channel, number: int) -> None:
        control = self.control
        aligned = getattr(control, f"status_aligned_{number}")
        m.submodules += FFSynchronizer(channel.aligned, aligned, o_domain="ref")
        for event in EVENTS:
            stretcher = Stretcher(2 * self.layout.frame_words)
            m.submodules[f"stretch_{event}_{number}"] = DomainRenamer("word")(stretcher)
            seen = Signal(name=f"{event}_{number}_seen")
            m.submodules += FFSynchronizer(stretcher.o, seen, o_domain="ref")
            m.d.comb += stretcher.i.eq(getattr(channel, event))
            self._sticky(m, getattr(control, f"errors_{event}_{number}"), seen)

    def _sticky(self, m: Module, flag: Signal, event: Value) -> None:
        """Keep in `flag` that `event` (in ``ref``) was high since the last clear."""
        kept = Signal(name=f"{flag.name}_kept")
        m.d.ref += kept.eq(event | (kept & ~self.control.command_clear))
        m.d.comb += flag.eq(kept)
