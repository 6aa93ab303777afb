"""Placeholder."""

from testbench.report.view import RunView


def render_html(run: RunView) -> str:
    """Render."""
    return "<!doctype html>"
