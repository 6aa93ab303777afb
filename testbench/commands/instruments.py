"""``ltdb instruments``: which instruments can be used, whether one answers, and simulated ones to try things with."""

from __future__ import annotations

import argparse
import json
import sys

NAME = "instruments"
HELP = "list, check and simulate the lab instruments"

_FAULTS = """\
A fault is KIND, or KIND:EXPRESSION for messages that match the expression; it happens every time. Kinds: time-out,
late-reply, garbled-block, short-block, dropped-connection, dropped-afterwards, queued-error, refused.
"""
_EPILOG = f"""\
examples:
  ltdb instruments list                                 drivers, models, manuals
  ltdb instruments check keysight_e36300 TCPIP::192.168.1.20::5025::SOCKET
                                                        ask who is there and read its error queue; changes nothing
  ltdb instruments simulate                             all simulated instruments on loopback, until Ctrl-C
  ltdb instruments simulate keysight_e36300 stanford_cg635
  ltdb instruments simulate tektronix_mso --fault garbled-block:CURVE

{_FAULTS}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = "The lab instruments this bench can use, over VISA, each with a simulated twin."
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    listing = actions.add_parser("list", help="show drivers, models and manuals")
    listing.add_argument("--json", action="store_true", help="print as JSON")
    listing.description = "List the drivers, the models each is for, and the manual it was written from."
    check = actions.add_parser("check", help="ask an instrument who it is; changes nothing in it")
    check.add_argument("driver", metavar="DRIVER", help="name from the list")
    check.add_argument("resource", metavar="RESOURCE", help="VISA resource, as TCPIP::HOST::5025::SOCKET")
    check.add_argument("--backend", default="@py", metavar="VISA", help="pyvisa back end (default @py)")
    check.add_argument(
        "--timeout", type=float, default=5.0, metavar="S", help="seconds for an answer (default 5)"
    )
    check.add_argument("--json", action="store_true", help="print as JSON")
    check.description = (
        "Open an instrument, ask who it is (*IDN?), hold that against the models of the driver, and read its error "
        "queue.\nNothing is set or switched."
    )
    check.epilog = (
        "example:\n  ltdb instruments check tektronix_mso TCPIP::192.168.1.30::4000::SOCKET\n\n"
        "exit codes: 0 it is a model the driver is for, 2 usage or input error, 3 it is not, or does not answer"
    )
    simulate = actions.add_parser("simulate", help="start simulated instruments on loopback, until Ctrl-C")
    simulate.add_argument("drivers", nargs="*", metavar="DRIVER", help="names from the list; default: all")
    simulate.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[:EXPRESSION]",
        help="switch on a fault (repeatable)",
    )
    simulate.add_argument("--seed", type=int, default=1, help="seed of everything random (default 1)")
    simulate.description = (
        "Start twins that speak SCPI on loopback, and print the VISA resource of each, for a bench file, for `check`, "
        "or for\na program of your own. Ctrl-C ends them."
    )
    simulate.epilog = (
        f"example:\n  ltdb instruments simulate tektronix_mso --fault garbled-block:CURVE\n\n{_FAULTS}"
    )
    for action in (listing, check, simulate):
        action.formatter_class = argparse.RawDescriptionHelpFormatter


def run_command(args: argparse.Namespace) -> int:
    """Do the action."""
    action = {"list": _list, "check": _check, "simulate": _simulate}[args.action]
    return action(args)


def _list(args: argparse.Namespace) -> int:
    from instruments.catalogue import CATALOGUE

    entries = [
        {
            "name": entry.name,
            "kind": entry.kind,
            "title": entry.title,
            "models": list(entry.driver_class().MODELS),
            "manual": entry.driver_class().MANUAL,
        }
        for entry in CATALOGUE
    ]
    if args.json:
        sys.stdout.write(json.dumps(entries, indent=2) + "\n")
        return 0
    for entry in entries:
        sys.stdout.write(f"{entry['name']:20} {entry['kind']:17} {entry['title']}\n")
        sys.stdout.write(f"{'':20} {'':17} {entry['manual']}\n")
    return 0


def _check(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from instruments.catalogue import find
    from ltdb.errors import InputError

    if not 0 < args.timeout <= 3600:
        raise InputError("--timeout", args.timeout, "above 0 up to 3600 s")
    driver = find(args.driver).driver_class()
    with driver(args.driver, args.resource, backend=args.backend, timeout_s=args.timeout) as instrument:
        if args.json:
            found = {"driver": args.driver, "resource": args.resource} | asdict(instrument.identity)
            found["errors_before"] = [[code, text] for code, text in instrument.errors_before_opening]
            sys.stdout.write(json.dumps(found, indent=2) + "\n")
            return 0
        sys.stdout.write(f"{instrument.identity}\n")
        for code, text in instrument.errors_before_opening:
            sys.stdout.write(f'its error queue held {code} "{text}"\n')
    return 0


def _simulate(args: argparse.Namespace) -> int:
    import contextlib
    import threading

    from instruments.catalogue import CATALOGUE, find
    from instruments.simulated.bench import Bench
    from instruments.simulated.faults import FOREVER, FaultKind
    from instruments.simulated.server import TwinServer
    from ltdb.errors import InputError

    entries = [find(name) for name in args.drivers] or list(CATALOGUE)
    faults = [fault.partition(":") for fault in args.fault]
    for kind, _, _ in faults:
        if kind not in set(FaultKind):
            raise InputError("--fault", repr(kind), ", ".join(FaultKind))
    bench = Bench(seed=args.seed)
    with contextlib.ExitStack() as running:
        for entry in entries:
            twin = entry.twin_class()(bench)
            for kind, _, matching in faults:
                twin.faults.arm(FaultKind(kind), matching, FOREVER)
            server = running.enter_context(TwinServer(twin))
            sys.stdout.write(f"{entry.name:20} {server.resource}\n")
        sys.stdout.write("simulated instruments are running; Ctrl-C ends them\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0
