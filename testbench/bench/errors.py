"""What is wrong with a bench file: all of it at once, each with file and line."""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.errors import InputError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that cannot stand as it does."""

    what: str
    got: str
    allowed: str
    where: str
    """File and line."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: got {self.got}, allowed: {self.allowed}"


class BenchFileError(InputError):
    """A bench file that cannot be used; `problems` are all that were found."""

    def __init__(self, problems: list[Problem]) -> None:
        first, self.problems = problems[0], tuple(problems)
        super().__init__(first.what, first.got, first.allowed, first.where)
        if len(problems) > 1:
            self.args = (
                f"{self.args[0]} (and {len(problems) - 1} more: ltdb bench-file --check shows them all)",
            )
