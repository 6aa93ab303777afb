"""What every page has in common: the templates, the style sheet, numbers and plots."""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import Any

from ltdb.errors import BenchError
from testbench.quantity import bounds, plain, quantity
from testbench.report.gauge import draw_gauge
from testbench.report.plot import NARROW, WIDE, draw
from testbench.series import Series

SYMBOLS = {"pass": "✓", "fail": "✗", "incomplete": "!", "information": "·"}
"""Beside every verdict, so that it does not rest on colour."""

FOLDED_FROM = 12
"""A table of more rows is folded on the screen; on paper it is open."""


def render_page(template: str, *, unfolded: bool = False, **values: Any) -> str:
    """Return a page that needs nothing but itself.

    Raises
    ------
    BenchError
        If Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise BenchError("the HTML report needs Jinja2: pip install 'ltdb[report]'") from error

    def plot(series: Series) -> Any:
        return Markup(draw(series, WIDE) + draw(series, NARROW))  # noqa: S704 - draw escapes all text

    def gauge(measurement: Any) -> Any:
        return Markup(draw_gauge(measurement))  # noqa: S704 - nothing but numbers in it

    environment = Environment(
        loader=PackageLoader("testbench.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "plot": plot,
        "gauge": gauge,
        "quantity": quantity,
        "bounds": bounds,
        "plain": plain,
        "symbols": SYMBOLS,
        "command": shlex.join,
        "folded_from": FOLDED_FROM,
        "unfolded": unfolded,
        "style": Markup(files(__package__).joinpath("report.css").read_text("utf-8")),  # noqa: S704 - our own
    }
    return environment.get_template(template).render(**values)
