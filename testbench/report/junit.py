"""The run as JUnit XML, for CI: one suite a section, one case a measurement.

The shape is the one Jenkins, GitLab and GitHub read (the Ant schema: ``testsuites/testsuite/testcase``);
value, unit, uncertainty and limit stand as properties of each case.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree  # written, never parsed

from testbench.entries import Outcome
from testbench.measurement import Measurement, Verdict
from testbench.quantity import bounds, quantity
from testbench.report.view import RunView, SectionView

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(run: RunView) -> str:
    """Return the run as the text of a JUnit file."""
    root = ElementTree.Element("testsuites", name=_clean(run.header.title))
    for section in run.sections:
        root.append(_suite(section))
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    root.set("time", f"{(run.ended - run.begun).total_seconds():.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(section: SectionView) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_clean(section.name))
    seconds = section.duration.total_seconds() if section.duration else 0.0
    failures = errors = 0
    if section.begun:
        suite.set("timestamp", section.begun.strftime("%Y-%m-%dT%H:%M:%S"))
    for measurement in section.measurements:
        suite.append(_case(section, measurement))
        failures += measurement.verdict is Verdict.FAIL
    # The section itself is a case too, so that one that could not run is seen as an error.
    whole = ElementTree.SubElement(
        suite, "testcase", classname=_clean(section.name), name="section complete", time=f"{seconds:.3f}"
    )
    if section.outcome != Outcome.COMPLETE:
        message = _clean(section.reason or section.outcome)
        ElementTree.SubElement(whole, "error", message=message, type=_clean(section.outcome)).text = message
        errors = 1
    suite.set("tests", str(len(section.measurements) + 1))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    suite.set("skipped", "0")
    suite.set("time", f"{seconds:.3f}")
    return suite


def _case(section: SectionView, measurement: Measurement) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_clean(section.name), name=_clean(measurement.name), time="0"
    )
    properties = ElementTree.SubElement(case, "properties")
    for name, value in properties_of(measurement).items():
        ElementTree.SubElement(properties, "property", name=name, value=_clean(value))
    if measurement.verdict is Verdict.FAIL:
        message = _clean(failure_sentence(measurement))
        ElementTree.SubElement(case, "failure", message=message, type="limit").text = message
    return case


def properties_of(measurement: Measurement) -> dict[str, str]:
    """Return value, unit, verdict, uncertainty and limit of a measurement, those that there are, as text by name."""
    values: dict[str, object] = {
        "value": measurement.value,
        "unit": measurement.unit,
        "verdict": measurement.verdict,
        "uncertainty": measurement.uncertainty,
    }
    if measurement.limit is not None:
        limit = measurement.limit
        values |= {"limit_low": limit.low, "limit_high": limit.high}
        values |= {"limit_source": limit.source, "limit_tag": limit.tag}
    return {name: str(value) for name, value in values.items() if value is not None}


def failure_sentence(measurement: Measurement) -> str:
    """Say what was measured and what its limit allows."""
    got = quantity(measurement.value, measurement.unit, measurement.uncertainty)
    if measurement.limit is None:
        return f"{measurement.name}: {got}"
    allowed = bounds(measurement.limit, measurement.unit)
    return f"{measurement.name}: got {got}, allowed {allowed} ({measurement.limit.source})"


def _clean(text: str) -> str:
    """Replace what XML 1.0 cannot hold, whatever a record brought in."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
