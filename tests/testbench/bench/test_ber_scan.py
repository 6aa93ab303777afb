"""The BER procedure: it stops when the limit is proven, gives up in time, and says what it has proven."""

import pytest

from testbench.entries import Note, Point
from testbench.procedures.ber import Total
from testbench.report.view import load_run

SMALL = ("ber.captures=1", "ber.samples=300000")


def gates(path):
    (section,) = load_run(path).sections
    return [entry for entry in section.entries if isinstance(entry, Point) and entry.key.startswith("gate")]


def test_totals_add_up_and_give_the_poisson_limit():
    total = Total().plus({"bits": 10**12, "errors": 0, "seconds": 1.0, "lost": 0.0})
    total = total.plus({"bits": 2 * 10**12, "errors": 0, "seconds": 2.0, "lost": 0.5})
    assert (total.bits, total.seconds, total.lost_s) == (3 * 10**12, 3.0, 0.5)
    assert total.upper_limit(0.95) == pytest.approx(2.995732273554e-12 / 3)
    assert Total().upper_limit(0.95) == 1.0


def test_counting_stops_when_the_limit_is_proven(qualify, measured):
    path = qualify("ber", settings=(*SMALL, "ber.limit=1e-10"))
    found = measured(path)["Tester, upper limit of the bit error ratio"]
    assert found.value <= 1e-10
    assert found.verdict == "pass"
    # 2.9957e10 bits need 5.85 s: one gate, ended at its first look, a quarter of a minute.
    (gate,) = gates(path)
    assert gate.data["bits"] == pytest.approx(15 * 5.12e9)
    assert measured(path)["Captures, frames that are not right"].value == 0
    frames = measured(path)["Captures, frames decoded"].value
    assert measured(path)["Captures, upper limit of the bit error ratio"].value == pytest.approx(
        2.9957 / (128 * frames), rel=1e-3
    )
    (section,) = load_run(path).sections
    assert any("nothing about a link" in entry.text for entry in section.entries if isinstance(entry, Note))


def test_a_link_with_errors_fails_its_limit_and_the_count_ends_in_time(qualify, measured):
    def disturb(bench):
        bench.bench.bit_errors = lambda bits, generator: int(generator.poisson(3e-12 * bits))

    path = qualify("ber", settings=(*SMALL, "ber.longest_s=600.0"), on_simulation=disturb)
    found = measured(path)["Tester, upper limit of the bit error ratio"]
    assert found.verdict == "fail"
    assert 2e-12 < found.value < 1e-11
    assert len(gates(path)) == 10


def test_a_killed_count_goes_on_with_its_gates(qualify, measured):
    whole = qualify("ber", settings=SMALL)
    data = whole.read_bytes().splitlines(keepends=True)
    places = [n for n, line in enumerate(data) if b'"key":"gate 4"' in line]
    whole.write_bytes(b"".join(data[: places[0] + 1]))
    counted = []

    def count(bench):
        real = bench.bench.bit_errors
        bench.bench.bit_errors = lambda bits, generator: (counted.append(bits), real(bits, generator))[1]

    qualify("ber", settings=SMALL, resume=True, on_simulation=count)
    assert len(gates(whole)) == 6
    assert sum(counted) == pytest.approx(6 * 60 * 5.12e9)
    assert measured(whole)["Tester, upper limit of the bit error ratio"].value < 1e-12
