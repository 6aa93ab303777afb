"""The receiver's decisions: where frames end, which bunch crossing they belong to, when lock is won, moved and lost.

One word is decided on in each clock. The rules are those of `docs/line_code.md`, The receiver, in the same words;
windows are taken in the order in which they end.
"""

from __future__ import annotations

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
    hit, crc_good : In
        Windows that end in the word (`HitFinder`).
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
                "crc_good": In(word),
                "candidate": In(word),
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
        current, coming = Signal(CrossingLayout(f)), Signal(CrossingLayout(f))
        # What is known of the frame that ended at the boundary, and of the header most recently received.
        was_delivered, was_good, header_wrong = Signal(), Signal(), Signal()
        bad_frames = Signal(range(max(2, f.lock.loss_frames)))
        jumped_frames = Signal(range(naming_frames(f)))

        after_coming = Signal(CrossingLayout(f))
        wraps = coming.bcid == last_bcid
        m.d.comb += [
            after_coming.bcid.eq(Mux(wraps, 0, coming.bcid + 1)),
            after_coming.state.eq(Mux(wraps, first_state, advanced(coming.state, f))),
        ]

        def named(name: str, value: Value) -> Signal:
            """A step of the reasoning as a signal of its own."""
            signal = Signal(len(value), name=name)
            m.d.comb += signal.eq(value)
            return signal

        # Windows of this word.
        ends_frame = named("ends_frame", predicting & (words_since == words))  # the boundary repeats here
        behind = named("behind", after(boundary))
        sequence = [self.window.sequence(self.history, j, words_ago=2) for j in offsets]
        newest = [self.window.newest_header(self.history, j, words_ago=2) for j in offsets]

        # The frame that ends at the boundary, if nothing before it in this word moves the receiver.
        crc_good = named("crc_good_here", (self.crc_good & boundary).any())
        hit = named("hit_here", (self.hit & boundary).any())
        fixed = [self.window.fixed_right(self.history, j, words_ago=2) for j in offsets]
        fixed_good = named("fixed_good", any_of(bit & boundary[j] for j, bit in enumerate(fixed)))
        is_coming = named("is_coming", chosen(sequence, boundary) == header_bits(coming, f))
        jumps = named("jumps", hit & ~is_coming)
        third = (
            jumps & (jumped_frames == naming_frames(f) - 1) & (self.candidate & boundary).any() & self.named
        )
        sets = named("sets", self.locked & ends_frame & third)
        bad_enough = bad_frames == f.lock.loss_frames - 1
        loses = named("loses", self.locked & ends_frame & ~hit & bad_enough)
        good = named("good", hit & (is_coming | sets))

        # The header most recently received, as seen by each window of this word.
        here, expected = self._header_end(words_since, ends_frame, boundary, coming, after_coming)
        here, expected = named("header_here", here), named("header_expected", expected)
        header_now_wrong = named(
            "header_now_wrong",
            ~any_of(here[j] & fixed & (bits == expected) for j, (fixed, bits) in enumerate(newest)),
        )
        seen = named("header_seen", after(here) | here)
        wrong = named("wrong", bitwise(seen, header_now_wrong, header_wrong))

        # Windows that may move the receiver: predicted ones, and the cold lock.
        late = named("late", self._late(words_since, boundary))
        coming_bits, current_bits = header_bits(coming, f), header_bits(current, f)
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
        moves, cold = named("moves", event.any()), named("cold", (event & colds).any())
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

        # Go on: count words and crossings ...
        m.d.sync += [
            words_since.eq(Mux(words_since == words, 1, words_since + 1)),
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
                boundary.eq(event),
                words_since.eq(1),
                was_delivered.eq(1),
                was_good.eq(1),
                bad_frames.eq(0),
                jumped_frames.eq(0),
            ]
        with m.If(moves | sets):
            # The header that follows may end in the same word; if it is wrong, what follows it may move us again.
            start = named("start", Mux(moves, event, boundary))
            unnamed = Mux(event_late, header_bits(after_coming, f), coming_bits)
            follows = named("follows", Mux(names, header_bits(self.following, f), unnamed))
            followed, follower_wrong = self._next_header(start, newest, follows)
            follower_wrong = named("follower_wrong", follower_wrong)
            m.d.comb += [rows.begin.eq(1), rows.kept.eq(after(start))]
            m.d.sync += header_wrong.eq(follower_wrong)
            if f.lock.relock_frames == 1:
                unnamed = Mux(event_late, coming_bits, current_bits)
                now = named("now", Mux(names, header_bits(self.crossing, f), unnamed))
                same = Cat(bits == now for bits in sequence)
                again = named(
                    "again", first_of(named("same", self.hit & same & (followed | after(followed))))
                )
                with m.If(follower_wrong & again.any()):
                    m.d.sync += [
                        boundary.eq(again),
                        words_since.eq(1),
                        self.present.eq(again),
                        header_wrong.eq(self._next_header(again, newest, follows)[1]),
                        self.decision.moved_again.eq(1),
                    ]
        return m

    def _late(self, words_since: Value, boundary: Value) -> Value:
        """Windows that belong to the coming frame: those that end nearer to its end than to the boundary."""
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

    def _header_end(
        self,
        words_since: Value,
        ends_frame: Value,
        boundary: Value,
        coming: data.View,
        after_coming: data.View,
    ) -> tuple[Value, Value]:
        """Where a header ends in this word at the present offset (one-hot), and its predicted bits."""
        f, distance = self.layout, self._header_distance
        distance_in_frame = distance or f.frame_bits
        here: Value = Const(0, f.word_bits)
        for since in range(1, f.frame_words + 1):
            shift = distance_in_frame - since * f.word_bits
            if abs(shift) < f.word_bits:
                here = Mux(words_since == since, moved_by(boundary, shift), here)
        expected: Value = header_bits(coming, f)
        if 0 < distance < f.word_bits:
            # The header of the next frame may end in the boundary's own word.
            same_word = moved_by(boundary, distance)
            expected = Mux(ends_frame, header_bits(after_coming, f), expected)
            here |= Mux(ends_frame, same_word, 0)
        return here, expected

    def _next_header(
        self, start: Value, newest: list[tuple[Value, Value]], follows: Value
    ) -> tuple[Value, Value]:
        """Where the header after a frame that ended at `start` ends in the same word, and whether it is wrong there."""
        if not 0 < self._header_distance < self.layout.word_bits:
            return Const(0, self.layout.word_bits), Const(0, 1)
        here = moved_by(start, self._header_distance)
        right = any_of(
            bit & fixed & (bits == follows) for bit, (fixed, bits) in zip(here, newest, strict=True)
        )
        return here, here.any() & ~right


def moved_by(one_hot: Value, distance: int) -> Value:
    """Return a one-hot vector whose bit is `distance` further on, or none if that is outside the vector."""
    width = len(one_hot)
    return Cat(one_hot[j - distance] if 0 <= j - distance < width else Const(0, 1) for j in range(width))


def bitwise(mask: Value, inside: Value, outside: Value) -> Value:
    """Return the bit `inside` where the mask is set, and `outside` elsewhere."""
    return mask & inside.replicate(len(mask)) | ~mask & outside.replicate(len(mask))
