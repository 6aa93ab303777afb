"""``ltdb gateware``: build the board controller for an ECP5."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

NAME = "gateware"
HELP = "synthesise, place and route the board controller for an ECP5"

_DESCRIPTION = """\
Synthesise the board controller and place and route it for an ECP5, with tools from PyPI alone (the extra "gateware").
Utilisation and timing are printed; netlist, configuration, report and logs are left in --out.
"""
_EPILOG = """\
examples:
  ltdb gateware list                          what can be built, and for which devices
  ltdb gateware build                         for the smallest device
  ltdb gateware build --device 85k --json

exit codes: 0 all timing is met, 1 it is not, 2 usage or input error, 3 a tool is missing or failed
"""
DEFAULT_DEVICE = "25k"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    build = actions.add_parser("build", help="build the controller")
    build.add_argument(
        "--device", default=DEFAULT_DEVICE, metavar="SIZE", help=f"25k, 45k or 85k ({DEFAULT_DEVICE})"
    )
    build.add_argument(
        "--out",
        type=Path,
        default=Path("build/gateware"),
        metavar="DIR",
        help="where results go (build/gateware)",
    )
    build.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    listing = actions.add_parser("list", help="list designs and devices")
    listing.add_argument("--json", action="store_true", help="print it as JSON on standard output")


def run_command(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    if args.action == "list":
        return _list(args.json)
    from testbench import gateware

    device = gateware.find_device(args.device)
    gateware.require_tools()
    from hdl.controller.ecp5 import TOP, ecp5_rtlil

    began = time.monotonic()

    def progress(what: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began:5.0f} s] {what}\n")
        sys.stderr.flush()

    result = gateware.build(device, args.out, ecp5_rtlil, TOP, progress)
    progress(f"done, results in {args.out}")
    sys.stdout.write(json.dumps(result.document(), indent=1) + "\n" if args.json else result.table())
    return 0 if result.met else 1


def _list(as_json: bool) -> int:
    from dataclasses import asdict

    from testbench.gateware import DEVICES

    design = {
        "name": "controller",
        "title": "the board controller: UART, one GBT link, one fibre, one I2C bus (docs/controller.md)",
    }
    if as_json:
        devices = [asdict(device) for device in DEVICES.values()]
        sys.stdout.write(json.dumps({"designs": [design], "devices": devices}, indent=1) + "\n")
        return 0
    lines = [f"design   {design['name']}: {design['title']}"]
    lines += [
        f"device   {device.name}: {device.part}, {device.cells} logic cells" for device in DEVICES.values()
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
