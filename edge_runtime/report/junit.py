"""JUnit's XML, as CI systems read it: broken limits are failures, those that cannot be told errors.

Source: https://github.com/testmoapp/junitxml (no standard exists; this is what tools share).
"""

import re
from xml.etree import ElementTree

from edge_runtime.printable import one_line
from edge_runtime.report.cases import End, Suite, of_results
from edge_runtime.results.rows import Results

_NOT_IN_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 cannot hold and is no control character, which become escapes."""


def render(results: Results) -> str:
    """Return a document with one suite, the run."""
    return draw(of_results(results))


def draw(suite: Suite) -> str:
    """Return a document with one suite."""
    counts = {end: sum(case.end is end for case in suite.cases) for end in End}
    numbers = {"tests": len(suite.cases), "failures": counts[End.FAILURE]}
    numbers |= {"errors": counts[End.ERROR], "skipped": counts[End.SKIPPED]}
    totals = {name: str(number) for name, number in numbers.items()}
    root = ElementTree.Element("testsuites", {"name": "edge-bench", **totals})
    attributes = {"name": "edge-bench", **totals}
    if suite.started:
        attributes["timestamp"] = _text(suite.started)
    element = ElementTree.SubElement(root, "testsuite", attributes)
    properties = ElementTree.SubElement(element, "properties")
    for name, verdict in suite.verdicts.items():
        named = {"name": _text(f"verdict of {name}"), "value": verdict.grade.name}
        ElementTree.SubElement(properties, "property", named)
    for case in suite.cases:
        about = {"classname": _text(case.row), "name": _text(case.name)}
        drawn = ElementTree.SubElement(element, "testcase", about)
        if case.end is not End.PASSED:
            ElementTree.SubElement(drawn, case.end, {"message": _text(case.text)})
    reasons = [reason for verdict in suite.verdicts.values() for reason in verdict.reasons]
    if reasons:
        ElementTree.SubElement(element, "system-out").text = "\n".join(map(_text, reasons))
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode")


def _text(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", one_line(text))
