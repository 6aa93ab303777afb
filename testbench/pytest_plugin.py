"""pytest on a bench: fixtures for board and instruments, needs as markers, limits that stand in the JUnit file.

Loaded by pytest through its entry point, so nothing heavy is imported before a test asks for it. What a test needs is
what its marker ``needs`` and its fixtures say. All that the selected tests need is opened and identified before the
first of them that uses the bench; outputs are off after the last one, however the session ends, and as soon as a test
with the board has failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from instruments.bit_error_tester import BitErrorTester
    from instruments.clock_source import ClockSource
    from instruments.multimeter import Multimeter
    from instruments.power_supply import PowerSupply
    from ltdb.signal.waveform import Waveform
    from testbench.bench import BenchDescription
    from testbench.bench.description import LimitEntry
    from testbench.bench.lab import Lab
    from testbench.devices.ltdb import Ltdb
    from testbench.limits import Limit
    from testbench.measurement import Measurement

_FIXTURE_NEEDS = {
    "ltdb_board": "board",
    "ltdb_supply": "supply",
    "ltdb_meter": "meter",
    "ltdb_capture": "scope",
    "ltdb_bit_error_tester": "bit-error tester",
    "ltdb_clock_source": "clock source",
}
_CLOCK_SOURCE = "clock source"
_TRANSACTIONS = logging.getLogger("ltdb.transactions")

_BENCH = pytest.StashKey["BenchDescription"]()
_NEEDS = pytest.StashKey[frozenset[str]]()
_LIMITS_USED = pytest.StashKey[set["LimitEntry"]]()
_MEASURED = pytest.StashKey[list["Measurement"]]()
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--bench``."""
    group = parser.getgroup("ltdb", "LTDB bench")
    group.addoption(
        "--bench", metavar="FILE", dest="ltdb_bench", help="bench file (default: the simulated bench)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "needs(*names): what of the bench the test uses: board, supply, meter, scope, clock source, bit-error tester, "
        "or what the board's transport must carry, as capture; skipped where it is not there",
    )
    # Said here, by the process that starts the others: from one of those it would be an internal error of theirs.
    several = config.getoption("dist", "no") != "no"
    if several and config.getoption("ltdb_bench") is not None and not _all_simulated(_load(config)):
        raise pytest.UsageError("--bench: got several processes (-n), allowed: one, since there is one bench")


def _load(config: pytest.Config) -> BenchDescription:
    from ltdb.errors import LtdbError
    from testbench.bench import load_bench

    path = config.getoption("ltdb_bench")
    try:
        return load_bench(Path(path) if path else None)
    except LtdbError as error:
        raise pytest.UsageError(f"--bench: {error}") from None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Read the bench file, and note what all selected tests need together."""
    wanted = {item: _needs_of(item) for item in session.items}
    if not any(wanted.values()) and session.config.getoption("ltdb_bench") is None:
        return
    bench = _load(session.config)
    there = _there(bench)
    needs = [names for names in wanted.values() if not _absent(names, there)]
    session.config.stash[_BENCH] = bench
    session.config.stash[_LIMITS_USED] = set()
    session.config.stash[_NEEDS] = frozenset[str]().union(*needs)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose needs the bench does not have."""
    needs = _needs_of(item)
    if not needs:
        return
    bench = item.config.stash[_BENCH]
    if missing := _absent(needs, _there(bench)):
        pytest.skip(f"bench {bench.title!r} has no {', '.join(sorted(missing))}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a test at its end if a limit is not met, so that everything is measured first."""
    result = yield
    failed = [m for m in pyfuncitem.stash.get(_MEASURED, []) if m.verdict == "fail"]
    if failed:
        pytest.fail("\n".join(_sentence(m) for m in failed), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note whether the test failed, for the fixture of the board."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the limits that are meant for tests and that no test has used: one misspelt would be silent otherwise."""
    if _BENCH not in config.stash:
        return
    from testbench.bench.description import OWN_TESTS

    bench, used = config.stash[_BENCH], config.stash[_LIMITS_USED]
    unused = [entry.measurement for entry in bench.limits if entry.section == OWN_TESTS and entry not in used]
    if unused:
        terminalreporter.section("limits of the bench file")
        names = ", ".join(map(repr, unused))
        terminalreporter.line(f"{bench.source}: no test that ran has measured {names}")


@pytest.fixture(scope="session")
def ltdb_bench(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The bench, opened and identified: `testbench.bench.lab.Lab`. ``ltdb_bench.run(coroutine)`` talks to the board."""
    from ltdb.errors import LtdbError
    from ltdb.line_code.format import load_format
    from testbench.bench.lab import Lab
    from testbench.bench.needs import Need

    stash = request.config.stash
    if _BENCH not in stash:
        pytest.fail(
            "ltdb_bench was asked for while the tests run; name it as an argument of the test", pytrace=False
        )
    bench = stash[_BENCH]
    kinds = {str(need) for need in Need}
    needs = {Need(name) for name in stash[_NEEDS] if name in kinds}
    if stash[_NEEDS] - kinds:  # a clock source, and what a transport carries, come with the board
        needs.add(Need.BOARD)
    opened = Lab(bench, load_format(), seed=1).open(needs)
    try:
        lab = opened.__enter__()
    except LtdbError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    try:
        yield lab
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture
def ltdb_board(ltdb_bench: Lab, request: pytest.FixtureRequest) -> Iterator[Ltdb]:
    """The board, switched on, configured and locked: `testbench.devices.ltdb.Ltdb`.

    It stays on for the next test, unless this one fails. Its transactions are logged by ``ltdb.transactions``.
    """

    def observe(transaction: object, outcome: object) -> None:
        _TRANSACTIONS.debug("%s -> %s", transaction, outcome)

    with ltdb_bench.powered(observe) as board:
        transport = board.session.transport
        wanted = _needs_of(request.node) & _capabilities()
        if missing := wanted - {str(capability) for capability in transport.capabilities}:
            pytest.skip(f"transport {transport.name} cannot carry {', '.join(sorted(missing))}")
        yield board
    if request.node.stash.get(_FAILED, False):
        ltdb_bench.power_down()


@pytest.fixture
def ltdb_supply(ltdb_bench: Lab) -> Callable[[str], tuple[PowerSupply, int]]:
    """Give the supply of a rail and its output: ``ltdb_supply("locx2_2v5")``."""
    return ltdb_bench.supply


@pytest.fixture
def ltdb_meter(ltdb_bench: Lab) -> Callable[[str], Multimeter]:
    """Put the multimeter on a rail and give it: ``ltdb_meter("locx2_2v5")``."""

    def meter(rail: str) -> Multimeter:
        found = ltdb_bench.meter(rail)
        if found is None:
            pytest.skip(f"bench {ltdb_bench.description.title!r} has no multimeter for rail {rail}")
        return found

    return meter


@pytest.fixture
def ltdb_capture(ltdb_bench: Lab) -> Callable[..., dict[str, Waveform]]:
    """Take a record on nets: ``ltdb_capture(["fibre_0"], rate_hz=50e9, samples=100_000)``."""
    return ltdb_bench.capture


@pytest.fixture
def ltdb_bit_error_tester(ltdb_bench: Lab) -> BitErrorTester:
    """The bit-error tester."""
    return ltdb_bench.bit_error_tester


@pytest.fixture
def ltdb_clock_source(ltdb_bench: Lab) -> ClockSource:
    """The generator of the reference clock."""
    source = ltdb_bench.clock_source
    if source is None:
        pytest.skip(f"bench {ltdb_bench.description.title!r} has no clock source")
    return source


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Callable[..., Measurement]:
    """Record a measurement in the JUnit file: ``measure(name, value, unit, uncertainty=..., limit=..., note=...)``.

    The limit is the one that the bench file has for this name in a ``[[limit]]`` with ``section = "tests"``; else the
    one given: a `testbench.limits.Limit`, or the name of a limit of the bench file, ``"NAME"`` or ``"SECTION/NAME"``.
    The test fails at its end if a limit is not met, after everything was measured.
    """
    from testbench.measurement import Measurement
    from testbench.report.junit import properties_of

    measured = request.node.stash.setdefault(_MEASURED, [])

    def measure(
        name: str,
        value: float,
        unit: str,
        *,
        uncertainty: float | None = None,
        limit: Limit | str | None = None,
        note: str = "",
    ) -> Measurement:
        plain = value.item() if hasattr(value, "item") else value
        measurement = Measurement(
            name, plain, unit, uncertainty, _limit(request.config.stash, name, limit), note
        )
        measured.append(measurement)
        for key, text in properties_of(measurement).items():
            # What record_property does, without its warning that a strict xunit2 reader may not want properties here.
            request.node.user_properties.append((f"{name}: {key}", text))
        return measurement

    return measure


def _limit(stash: pytest.Stash, name: str, given: Limit | str | None) -> Limit | None:
    """Find the limit of a measurement; a name that the bench file does not know fails the test."""
    from ltdb.errors import InputError

    bench = stash.get(_BENCH, None)
    if bench is None:
        if isinstance(given, str):
            pytest.fail(
                f"limit {given!r} stands in no bench file: pytest --bench FILE names one", pytrace=False
            )
        return given
    if isinstance(given, str):
        try:
            entry = bench.named_limit(given)
        except InputError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
    else:
        own = bench.own_limit(name)
        if own is None:
            return given
        entry = own
    stash[_LIMITS_USED].add(entry)
    return entry.limit


def _needs_of(item: pytest.Item) -> frozenset[str]:
    names = {name for mark in item.iter_markers("needs") for name in mark.args}
    if names:
        allowed = _known()
        for name in names:
            if name not in allowed:
                got = f"{item.nodeid}: needs: got {name!r}, allowed: {', '.join(sorted(allowed))}"
                raise pytest.UsageError(got)
    fixtures = getattr(item, "fixturenames", ())
    return frozenset(names | {need for name, need in _FIXTURE_NEEDS.items() if name in fixtures})


def _known() -> frozenset[str]:
    from testbench.bench.needs import Need

    return frozenset({str(need) for need in Need} | {_CLOCK_SOURCE} | _capabilities())


def _capabilities() -> frozenset[str]:
    from testbench.transactions import Capability

    return frozenset(str(capability) for capability in Capability)


def _there(bench: BenchDescription) -> frozenset[str]:
    """What a bench has, and, of what only the board's transport can tell, everything."""
    present = {
        "board": True,
        "supply": bool(bench.rails),
        "meter": any(rail.meter for rail in bench.rails.values()),
        "scope": bool(bench.probes),
        "bit-error tester": bench.bit_error_tester is not None,
        _CLOCK_SOURCE: bench.clock_source is not None,
    }
    return frozenset(name for name, there in present.items() if there) | _capabilities()


def _absent(needs: frozenset[str], there: frozenset[str]) -> frozenset[str]:
    return needs - there


def _all_simulated(bench: BenchDescription) -> bool:
    from testbench.bench.description import MODEL

    return bench.board_entry.transport == MODEL and all(i.simulated for i in bench.instruments.values())


def _sentence(measurement: Measurement) -> str:
    from testbench.report.junit import failure_sentence

    return failure_sentence(measurement)
