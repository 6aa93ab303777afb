"""Subcommands of ``ltdb``, one module each; `testbench.cli.COMMANDS` lists them."""
