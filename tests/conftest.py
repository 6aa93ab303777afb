"""Settings for all tests: the same examples each time, and compiling a kernel must not count as a slow example."""

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
