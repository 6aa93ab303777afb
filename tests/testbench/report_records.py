"""Records for the tests of the report's forms: sections of measurements as the test says."""

from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

from ltdb.line_code.format import load_format
from ltdb.provenance import Provenance, Tag
from testbench.limits import at_most
from testbench.measurement import Measurement
from testbench.report.view import load_run
from testbench.run import Plan, begin_record, run_sections
from testbench.section import Section

LIMIT = at_most(42e-12, "JINST 12 C01002", Tag.CERTAIN)


def value(name, number, uncertainty=None, limit=None, unit="s"):
    return Measurement(name, number, unit, uncertainty, limit)


@dataclass(frozen=True)
class Part:
    """One section: what it measures and assumes, and what it raises at its end."""

    measurements: tuple = ()
    assumptions: tuple = ()
    error: Exception | None = None

    def run(self, context):
        for m in self.measurements:
            context.record(m)
        for fact in self.assumptions:
            context.assume(fact)
        if self.error:
            raise self.error


def make_record(directory: Path, parts: dict, seed=1, versions=None):
    """Write a record of these sections; return its run."""
    sections = tuple(
        Section(name, f"Title of {name}", "What is done.", part.run) for name, part in parts.items()
    )

    class Dated(Plan):
        def header(self):
            header = super().header()
            return replace(header, versions={**header.versions, **(versions or {})})

    plan = Dated("Test", sections, load_format(), "locic_style", seed, False, directory, ("ltdb", "qualify"))
    with begin_record(plan) as writer:
        run_sections(plan, writer)
    return load_run(plan.record_path)


def fact(subject, text, tag=Tag.ASSUMED):
    return Provenance(subject, text, tag, "because")


class Text(HTMLParser):
    """The text of a page, and the names and references in it."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.parts, self.names, self.references, self.open = [], set(), [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.references += [v for name, v in attrs if name in ("src", "href", "srcset", "data")]
        self.open.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.parts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.parts).split())
