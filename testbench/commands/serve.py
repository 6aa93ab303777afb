"""``ltdb serve``: offer a simulated board on a serial port, so that any program can talk to it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

NAME = "serve"
HELP = "offer a simulated board on a pty or a TCP port"

_DESCRIPTION = """\
Offer a board model, or gateware in a simulator, behind a board controller that speaks
docs/controller_protocol.md. It serves one client at a time, and listens on loopback only unless --host says
otherwise. Ctrl-C ends it. In a simulator time passes while a request is carried out.
"""
_EPILOG = """\
examples:
  ltdb serve                          prints the URL to give to --transport, such as socket://127.0.0.1:40123
  ltdb serve --port 5000
  ltdb serve --pty                    a pseudo terminal, for programs that want a device
  ltdb serve --gateware board         the whole board as gateware in a simulator
  ltdb serve --gateware chain         one GBT link chain, smaller and faster (its netlist: hdl/chain.toml)

Then, in another terminal: ltdb configure --transport socket://127.0.0.1:40123
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--pty", action="store_true", help="a pseudo terminal instead of TCP")
    where.add_argument("--port", type=int, default=0, help="TCP port; 0 (default) takes a free one")
    parser.add_argument("--board", type=Path, metavar="FILE", help="netlist of the model (TOML)")
    parser.add_argument(
        "--gateware",
        choices=("chain", "board"),
        help="gateware in a simulator instead of the model: one GBT link chain, or the whole board",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--json", action="store_true", help="print the URL as JSON")


def run_command(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from ltdb.board import load_board
    from ltdb.board_model import BoardModel
    from ltdb.errors import InputError
    from testbench.packet_server import PacketServer
    from testbench.serve import pty_service, tcp_service
    from testbench.transports.model import Model

    if not 0 <= args.port < 65536:
        raise InputError("TCP port", args.port, "0 to 65535")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if args.gateware:
        if args.board is not None:
            raise InputError("--board", "with --gateware", "nothing: the gateware has a netlist of its own")
        if args.pty:
            raise InputError("--pty", "with --gateware", "TCP: a simulator listens on nothing else")
        from testbench.simulation.service import gateware_service

        sys.stderr.write("building and starting the gateware, which takes minutes the first time\n")
        with gateware_service(args.gateware, args.host, args.port) as url:
            _announce(url, args.json)
            stop.wait()
        sys.stderr.write("ended\n")
        return 0
    model = BoardModel(load_board(args.board))
    server = PacketServer(
        Model(model), links=len(model.links), fibres=len(model.board.fibres), name="ltdb board model"
    )
    with pty_service(server) if args.pty else tcp_service(server, args.host, args.port) as service:
        _announce(service.url, args.json)
        stop.wait()
    sys.stderr.write(
        f"ended; {service.refused_clients} clients were refused, dropped packets: {server.dropped}\n"
    )
    return 0


def _announce(url: str, as_json: bool) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n" if as_json else f"{url}\n")
    sys.stdout.flush()
    sys.stderr.write("serving; Ctrl-C ends\n")
