"""The errors a user of this software can meet. Each says what, got, allowed and where."""


class LtdbError(Exception):
    """Root of every error this project raises on purpose.

    The command line prints its text as one line, without a traceback, and exits with `exit_code`.
    """

    exit_code = 3


class InputError(LtdbError, ValueError):
    """Something the user gave cannot be used: an argument, an array, a file, a layout.

    Parameters
    ----------
    what
        The thing that is wrong, in the user's words ("sample", "CRC polynomial").
    got
        The offending value, as read; of an operating system's error, what it says.
    allowed
        What would have been accepted, with the unit.
    where
        File and line, or array index, when known.
    """

    exit_code = 2

    def __init__(self, what: str, got: object, allowed: str, where: str = "") -> None:
        if isinstance(got, OSError) and got.strerror:
            got = got.strerror  # its number says nothing, and the path stands in `where`
        self.what, self.got, self.allowed, self.where = what, got, allowed, where
        super().__init__(f"{where + ': ' if where else ''}{what}: got {got}, allowed: {allowed}")


class BenchError(LtdbError):
    """The bench failed, not the device: a simulator, an instrument, a port, a disk."""
