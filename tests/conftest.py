"""Settings for all tests: the same examples each time, and compiling a kernel must not count as a slow example."""

import signal

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# A shell's background job, and so some CI, starts us with Ctrl-C ignored, and nohup with the end of the terminal.
# What we run keeps to that, as it should; tests of what these signals do need them back.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

# What is measured here is picoseconds, picojoules and ratios of 1e-12. pytest's own absolute tolerance of 1e-12, which
# stays in force beside a relative one, would pass them all: a comparison has the tolerance that it states.
type(pytest.approx(1.0)).DEFAULT_ABSOLUTE_TOLERANCE = 0.0
