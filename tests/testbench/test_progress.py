"""Progress in a terminal: how far, how it stands, the time left; off the screen while somebody is asked."""

import pytest
from terminal_of_tests import Terminal

from testbench.progress import TimeLeft, in_words, progress


class Clock:
    """A clock that the test moves."""

    time = 100.0

    def __call__(self):
        return self.time


def test_the_time_left_follows_the_pace_and_goes_down_between_two_steps():
    clock = Clock()
    left = TimeLeft(now=clock)
    assert left.left_s(10) is None
    clock.time += 4
    left.advanced(2)  # 2 s each, 8 are left
    assert left.left_s(10) == pytest.approx(16)
    clock.time += 3
    assert left.left_s(10) == pytest.approx(13)
    left.advanced(2)  # no news
    assert left.left_s(10) == pytest.approx(13)
    assert left.left_s(None) is None
    clock.time += 100
    assert left.left_s(10) == 0
    assert left.left_s(2) == 0


def test_what_an_earlier_run_did_and_the_time_of_a_question_do_not_count():
    clock = Clock()
    left = TimeLeft(done=90, now=clock)
    left.advanced(90)
    assert left.left_s(100) is None
    clock.time += 50
    left.waited(45)
    left.advanced(91)
    assert left.left_s(100) == pytest.approx(9 * 5)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59.5, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.5, "1 h 00 min"),
        (7530, "2 h 05 min"),
    ],
)
def test_times_are_said_in_words(seconds, words):
    assert in_words(seconds) == words


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    with progress("eyes", 3) as advance:
        advance(1, "1 of 3")
    assert capsys.readouterr() == ("", "")


BAR = """
from testbench.progress import paused, progress
import sys, time

with progress("eyes", 4, done=1) as advance:
    advance(0, "2 of 4: fibre 7")
    time.sleep(0.2)
    advance(1)
    with paused():
        sys.stderr.write("Please: ")
        sys.stderr.flush()
        sys.stdin.readline()
    advance(1, "4 of 4: fibre 9", 5)
with progress("quiet", 4, enabled=False) as advance:
    advance(1)
with progress("later", None):
    pass
print("end")
"""


def test_a_bar_with_status_and_time_left_makes_room_for_a_question():
    with Terminal(["-c", BAR]) as terminal:
        seen = terminal.read_until("Please: ")
        assert "2 of 4: fibre 7" in seen
        assert " s left" in seen
        # Nothing is drawn over the question.
        assert terminal.read_for(0.4) == ""
        terminal.write("\n")
        seen = terminal.read_until("end")
        assert "4 of 4: fibre 9" in seen
        assert "later" in seen
        assert "quiet" not in seen
        assert terminal.exit_code() == 0
