"""The receiver's decisions: where frames end, which bunch crossing they belong to, when lock is won, moved and lost.

One word is decided on in each clock. The rules are those of `docs/line_code.md`, The receiver, in the same words;
windows are taken in the order in which they end.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.line_code.bunch_crossing import (
    CrossingLayout,
    advanced,
    bcid_bits,
    header_bits,
    naming_frames,
    states,
)
from hdl.line_code.line_window import LineWindow
from hdl.line_code.one_hot import after, any_of, chosen, first_of
from hdl.line_code.relock_rows import RelockRows
from ltdb.line_code.format import FrameFormat


class FlagLayout(data.StructLayout):
    """Flags of a delivered frame, in the order of the table in `docs/line_code.md`."""

    def __init__(self) -> None:
        super().__init__({"crc": 1, "header": 1, "bcid": 1, "history": 1})


class DecisionLayout(data.StructLayout):
    """What was decided about one word."""

    def __init__(self, layout: FrameFormat) -> None:
        super().__init__(
            {
                "deliver": 1,  # a frame ends in the word and is delivered
                "end": layout.word_bits,  # its last bit, one-hot, first received lowest
                "bcid": bcid_bits(layout),
                "flags": FlagLayout(),
                "moved": 1,  # a lock came at another offset than the former one
                "moved_again": 1,  # and so did a second one
                "jumped": 1,  # the BCID was set to another value than the predicted
                "lost": 1,  # lock was given up
            }
        )


class Alignment(wiring.Component):
    """State machine over words; vectors have one bit for each offset in a word, the first received lowest.

    Interface attributes
    --------------------
    history : In
        Line bits, bit 0 the newest; the word decided on is the one two words before the newest.
    hit : In
        Windows that end in the word (`HitFinder`).
    early_hit, early_crc_good, early_candidate : In
        Of the word that is decided on next.
    candidate, enough, named, crossing, following, crc_before : In
        What went before them (`HitHistory`).
    decision : Out
        One clock later.
    present : Out
        One clock later: the frame boundary, if it lies in the word (one-hot).
    locked : Out
        One clock later: frames are being delivered.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.window = LineWindow(layout)
        word, crossing = layout.word_bits, CrossingLayout(layout)
        super().__init__(
            {
                "history": In(self.window.history_bits),
                "hit": In(word),
                "early_hit": In(word),
                "early_crc_good": In(word),
                "candidate": In(word),
                "early_candidate": In(word),
                "enough": In(1),
                "named": In(1),
                "crossing": In(crossing),
                "following": In(crossing),
                "crc_before": In(word),
                "decision": Out(DecisionLayout(layout)),
                "present": Out(word),
                "locked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build the decision on one word."""
        m = Module()
        f = self.layout
        word, words, offsets = f.word_bits, f.frame_words, range(f.word_bits)
        last_bcid, first_state = f.sequence.bunch_crossings - 1, states(f)[0]

        # State: the boundary, how many words ago it was, and the crossings of the frames on either side of it.
        predicting, boundary = Signal(), Signal(word)
        words_since = Signal(range(1, words + 1), init=1)
        # What follows from these for the word that is decided on, worked out one clock ahead: whether a frame ends in
        # it, which windows are behind its end, which belong to the coming frame, and where a header ends.
        ends_frame, behind, late, here = Signal(), Signal(word), Signal(word), Signal(word)
        current, coming = Signal(CrossingLayout(f)), Signal(CrossingLayout(f))
        # What is known of the frame that ended at the boundary, and of the header most recently received.
        was_delivered, was_good, header_wrong = Signal(), Signal(), Signal()
        bad_frames = Signal(range(max(2, f.lock.loss_frames)))
        jumped_frames = Signal(range(naming_frames(f)))

        # One clock late, which is early enough: it is asked for half a frame after `coming` has changed.
        after_coming = Signal(CrossingLayout(f))
        wraps = coming.bcid == last_bcid
        m.d.sync += [
            after_coming.bcid.eq(Mux(wraps, 0, coming.bcid + 1)),
            after_coming.state.eq(Mux(wraps, first_state, advanced(coming.state, f))),
        ]

        def named(name: str, value: Value) -> Signal:
            """A step of the reasoning as a signal of its own."""
            signal = Signal(len(value), name=name)
            m.d.comb += signal.eq(value)
            return signal

        coming_bits, current_bits = header_bits(coming, f), header_bits(current, f)

        # Windows of this word.
        sequence = [self.window.sequence(self.history, j, words_ago=2) for j in offsets]
        newest = [self.window.newest_header(self.history, j, words_ago=2) for j in offsets]

        # The frame that ends at the boundary, if nothing before it in this word moves the receiver. It was judged one
        # clock ago: were the boundary moved since then, no frame would end in this word.
        fixed_before = [self.window.fixed_right(self.history, j, words_ago=1) for j in offsets]
        sequence_before = [self.window.sequence(self.history, j, words_ago=1) for j in offsets]
        was_hit = named("was_hit", (self.early_hit & boundary).any())
        was_coming = named("was_coming", chosen(sequence_before, boundary) == header_bits(coming, f))
        may_name = (self.early_candidate & boundary).any() & (jumped_frames == naming_frames(f) - 1)
        crc_good, hit, fixed_good, is_coming, jumps, third, good_frame, bad_enough = (
            Signal(name=f"boundary_{name}")
            for name in ("crc", "hit", "fixed", "coming", "jumps", "third", "good", "bad_enough")
        )
        m.d.sync += [
            crc_good.eq((self.early_crc_good & boundary).any()),
            hit.eq(was_hit),
            fixed_good.eq(any_of(bit & boundary[j] for j, bit in enumerate(fixed_before))),
            is_coming.eq(was_coming),
            jumps.eq(was_hit & ~was_coming),
            third.eq(was_hit & ~was_coming & may_name),
            good_frame.eq(was_hit & was_coming),
            bad_enough.eq(~was_hit & (bad_frames == f.lock.loss_frames - 1)),
        ]
        sets = named("sets", self.locked & ends_frame & third & self.named)
        loses = named("loses", self.locked & ends_frame & bad_enough)
        good = named("good", good_frame | sets)

        # The header most recently received, as seen by each window of this word.
        expected = coming_bits
        if 0 < self._header_distance < word:
            expected = Mux(ends_frame, header_bits(after_coming, f), expected)
        expected = named("header_expected", expected)
        header_now_wrong = named(
            "header_now_wrong",
            ~any_of(here[j] & fixed & (bits == expected) for j, (fixed, bits) in enumerate(newest)),
        )
        seen = named("header_seen", after(here) | here)
        wrong = named("wrong", bitwise(seen, header_now_wrong, header_wrong))

        # Windows that may move the receiver: predicted ones, and the cold lock.
        right = Cat(bits == Mux(late[j], coming_bits, current_bits) for j, bits in enumerate(sequence))
        m.submodules.relock_rows = rows = RelockRows(f)
        m.d.comb += rows.predicted.eq(Mux(predicting, self.hit & right, 0))
        elsewhere = named("elsewhere", Mux(ends_frame, ~boundary, -1)[:word])
        unlocked = named("unlocked", Mux(loses, behind, 0) | (~self.locked).replicate(word))
        judged = named("judged", Mux(ends_frame, behind, 0))  # windows after the frame at the boundary
        present_bad = named("present_bad", bitwise(judged, ~good, ~was_good))
        relocks = rows.enough & (unlocked | elsewhere & wrong)
        can_name = named("can_name", Mux(self.enough & self.named, self.candidate & self.hit, 0))
        colds = named("colds", can_name & (unlocked | elsewhere & present_bad))
        possible = named("possible", (relocks | colds) & ~Mux(sets, behind, 0))
        event = named("event", first_of(possible))
        moves, cold = named("moves", possible.any()), named("cold", (event & colds).any())
        event_late = named("event_late", (event & late).any())
        event_behind = named("event_behind", (event & judged).any())
        passes = named("passes", ends_frame & (~moves | event_behind))  # the boundary is reached
        new_frame = Mux(event_behind, ~self.locked, event_late | ~was_delivered)

        # Report.
        at_boundary = named("at_boundary", passes & self.locked)
        predicted_bcid = Mux(moves & ~event_late, current.bcid, coming.bcid)
        names = named("names", Mux(moves, cold, sets))
        other_name = self.crossing.bcid != predicted_bcid
        end = named("end", Mux(at_boundary, boundary, event))
        m.d.sync += [
            self.decision.deliver.eq(at_boundary | moves & new_frame),
            self.decision.end.eq(end),
            self.decision.bcid.eq(Mux(Mux(at_boundary, sets, cold), self.crossing.bcid, predicted_bcid)),
            self.decision.flags.crc.eq(at_boundary & ~crc_good),
            self.decision.flags.header.eq(at_boundary & ~fixed_good),
            self.decision.flags.bcid.eq(at_boundary & ~is_coming & ~sets),
            self.decision.flags.history.eq(~(self.crc_before & end).any()),
            self.decision.moved.eq(predicting & (event & elsewhere).any()),
            self.decision.jumped.eq(names & predicting & other_name),
            self.decision.moved_again.eq(0),
            self.decision.lost.eq(passes & loses),
        ]

        def moved_to(end: Value, after_end: Value) -> list[Any]:
            """State after a frame that ended at `end` (one-hot), the first at its offset."""
            return [
                boundary.eq(end),
                behind.eq(after_end),
                words_since.eq(1),
                ends_frame.eq(0),
                late.eq(0),
                here.eq(self._header_end(1, end)),
            ]

        # Go on: count words and crossings ...
        header_end: Value = Const(0, word)
        for since in range(1, words + 1):
            header_end = Mux(
                words_since == (since - 1 or words), self._header_end(since, boundary), header_end
            )
        next_since = named("next_since", Mux(words_since == words, 1, words_since + 1))
        m.d.sync += [
            words_since.eq(next_since),
            ends_frame.eq(predicting & (next_since == words)),
            late.eq(self._late(next_since, boundary)),
            here.eq(header_end),
            self.present.eq(Mux(moves, event, Mux(passes, boundary, 0))),
            header_wrong.eq(wrong[-1]),
        ]
        with m.If(passes | moves & event_late):
            m.d.sync += [current.eq(coming), coming.eq(after_coming)]
        with m.If(names):
            m.d.sync += [current.eq(self.crossing), coming.eq(self.following)]
        # ... judge the frame at the boundary ...
        with m.If(passes):
            m.d.sync += [was_delivered.eq(self.locked), was_good.eq(good)]
            with m.If(hit):
                m.d.sync += bad_frames.eq(0)
            with m.Else():
                m.d.sync += bad_frames.eq(bad_frames + 1)
            with m.If(~jumps | sets):
                m.d.sync += jumped_frames.eq(0)
            with m.Elif(jumped_frames != naming_frames(f) - 1):
                m.d.sync += jumped_frames.eq(jumped_frames + 1)
            with m.If(loses):
                m.d.sync += self.locked.eq(0)
        # ... and begin anew after a move. The header that follows may end in the same word.
        with m.If(moves):
            m.d.sync += [
                predicting.eq(1),
                self.locked.eq(1),
                *moved_to(event, after(possible)),
                was_delivered.eq(1),
                was_good.eq(1),
                bad_frames.eq(0),
                jumped_frames.eq(0),
            ]
        with m.If(moves | sets):
            m.d.comb += [rows.begin.eq(1), rows.kept.eq(after(named("start", Mux(moves, event, boundary))))]
            m.d.sync += header_wrong.eq(0)
        # The header that follows may end in the same word; if it is wrong, what follows it may move us again.
        distance = self._header_distance
        if distance and distance < word:
            # By what the frame is that ended: the coming one, the current one, or one named by its headers.
            kinds = (
                (named("start_coming", event & late & ~colds), header_bits(after_coming, f), coming_bits),
                (named("start_current", event & ~late & ~colds), coming_bits, current_bits),
                (
                    named("start_named", event & colds | Mux(sets & ~moves, boundary, 0)),
                    header_bits(self.following, f),
                    header_bits(self.crossing, f),
                ),
            )
            follower_wrong: list[Value] = []
            again: list[list[Value]] = [[] for _ in offsets]
            passed: list[list[Value]] = [[] for _ in offsets]
            for number, (starts, follows, now) in enumerate(kinds):
                wrong_at = named(
                    f"wrong_{number}", Cat(~(fixed & (bits == follows)) for fixed, bits in newest)
                )
                same = named(f"same_{number}", self.hit & Cat(bits == now for bits in sequence))
                for start in range(word - distance):
                    follower = starts[start] & wrong_at[start + distance]
                    follower_wrong.append(follower)
                    candidates = same[start + distance :]
                    for j, first in enumerate(first_of(candidates), start + distance):
                        again[j].append(follower & first)
                    for j, behind_first in enumerate(after(candidates), start + distance):
                        passed[j].append(follower & behind_first)
            with m.If(any_of(follower_wrong)):
                m.d.sync += header_wrong.eq(1)
            if f.lock.relock_frames == 1:
                second = named("second", Cat(any_of(cases) for cases in again))
                with m.If(second.any()):
                    m.d.sync += [
                        *moved_to(second, Cat(any_of(cases) for cases in passed)),
                        self.present.eq(second),
                        header_wrong.eq(0),
                        self.decision.moved_again.eq(1),
                    ]
        return m

    def _late(self, words_since: Value, boundary: Value) -> Value:
        """Windows that belong to the coming frame: those that end nearer to its end than to the boundary.

        In the word after the boundary's own there are none.
        """
        f = self.layout
        masks: Value = Const(0, f.word_bits)
        for since in range(1, f.frame_words + 1):
            # Bit j of this word is since * word_bits + j - b bits behind bit b of the boundary's word.
            late = Cat(
                any_of(
                    bit for b, bit in enumerate(boundary) if 2 * (since * f.word_bits + j - b) >= f.frame_bits
                )
                for j in range(f.word_bits)
            )
            masks = Mux(words_since == since, late, masks)
        return masks

    @property
    def _header_distance(self) -> int:
        """Bits from a frame boundary to the end of the header received next after it, or at it."""
        f = self.layout
        return (f.field_start["header"] + f.header.bits) % f.frame_bits

    def _header_end(self, since: int, boundary: Value) -> Value:
        """Where a header ends, one-hot, `since` words after the boundary's own, if nothing moves the receiver."""
        f, distance = self.layout, self._header_distance
        ends = moved_by(boundary, (distance or f.frame_bits) - since * f.word_bits)
        if since == f.frame_words and distance:
            # The header of the next frame may end in the word in which this frame does.
            ends |= moved_by(boundary, distance)
        return ends


def moved_by(one_hot: Value, distance: int) -> Value:
    """Return a one-hot vector whose bit is `distance` further on, or none if that is outside the vector."""
    width = len(one_hot)
    return Cat(one_hot[j - distance] if 0 <= j - distance < width else Const(0, 1) for j in range(width))


def bitwise(mask: Value, inside: Value, outside: Value) -> Value:
    """Return the bit `inside` where the mask is set, and `outside` elsewhere."""
    return mask & inside.replicate(len(mask)) | ~mask & outside.replicate(len(mask))
