"""Where the bits of a window stand in the history of the line."""

from __future__ import annotations

from amaranth.hdl import Value

from ltdb.line_code.format import FrameFormat


class LineWindow:
    """Access to the windows that end in one word, in a history of line bits of which bit 0 is the newest.

    A window is named by the bit of the word with which it ends (0 first received) and by how many words the
    history has moved on since that word was the newest.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout

    @property
    def history_words(self) -> int:
        """Words to keep for `payload_with_past` of a window that ended in the word three before the newest."""
        f = self.layout
        oldest = 3 * f.word_bits + f.word_bits - 1 + 2 * f.frame_bits
        oldest -= f.field_start["payload"] + f.payload_bits - f.scrambler.length
        return -(-oldest // f.word_bits)

    @property
    def history_bits(self) -> int:
        """Bits to keep."""
        return self.history_words * self.layout.word_bits

    def age_of(self, position: int, last_bit: int, words_ago: int) -> int:
        """Index in the history of wire bit `position` of the window (negative: of the window before it)."""
        f = self.layout
        return words_ago * f.word_bits + f.word_bits - 1 - last_bit + f.frame_bits - 1 - position

    def field(self, history: Value, position: int, width: int, last_bit: int, words_ago: int) -> Value:
        """`width` bits of the window from wire bit `position` on, first on the wire most significant."""
        last = self.age_of(position + width - 1, last_bit, words_ago)
        return history[last : last + width]

    def fixed_right(self, history: Value, last_bit: int, *, words_ago: int) -> Value:
        """Whether the fixed header bits of the window are right."""
        f = self.layout
        start = f.field_start["header"]
        return self.field(history, start, len(f.header.fixed), last_bit, words_ago) == f.header.fixed_value

    def sequence(self, history: Value, last_bit: int, *, words_ago: int) -> Value:
        """Sequence bits in the header of the window."""
        f = self.layout
        start = f.field_start["header"] + len(f.header.fixed)
        return self.field(history, start, f.header.sequence_bits, last_bit, words_ago)

    def newest_header(self, history: Value, last_bit: int, *, words_ago: int) -> tuple[Value, Value]:
        """Fixed bits right, and sequence bits, of a header whose own last bit is bit `last_bit` of the word."""
        f = self.layout
        last = words_ago * f.word_bits + f.word_bits - 1 - last_bit
        sequence = history[last : last + f.header.sequence_bits]
        fixed = history[last + f.header.sequence_bits : last + f.header.bits]
        return fixed == f.header.fixed_value, sequence

    def payload_with_past(self) -> list[int]:
        """Wire positions of the scrambler's past, in the window before, then of the payload; oldest first."""
        f = self.layout
        payload = [f.field_start["payload"] + i for i in range(f.payload_bits)]
        past = [position - f.frame_bits for position in payload[-f.scrambler.length :]]
        return past + payload
