"""The bench: a TOML file that says which board and instruments there are, and the bench made ready from it."""

from testbench.bench.description import BenchDescription
from testbench.bench.read import load_bench

__all__ = ["BenchDescription", "load_bench"]
