"""Settings for all tests: compiling a kernel on first use must not count as a slow example."""

from hypothesis import settings

settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")
