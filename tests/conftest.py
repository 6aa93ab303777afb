"""Settings for all tests: the same examples each time, and compiling a kernel must not count as a slow example."""

import signal

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# A shell's background job, and so some CI, starts us with Ctrl-C ignored. What we run keeps to that, as it should;
# tests of what Ctrl-C does need it back.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
