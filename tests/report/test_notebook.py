"""An audit shows itself in a notebook."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

from auditor.report import html


class Frame(HTMLParser):
    def handle_starttag(self, tag, attrs):
        self.tag, self.attributes = tag, dict(attrs)


def test_an_audit_shows_its_page_in_a_frame_that_runs_nothing(passing):
    frame = Frame()
    frame.feed(passing._repr_html_())
    assert frame.tag == "iframe"
    assert frame.attributes["sandbox"] in (None, "")  # nothing is allowed
    assert frame.attributes["srcdoc"] == html.render(passing)


def test_whoever_scans_has_it_without_asking_and_core_alone_knows_nothing_of_it():
    core = "from auditor.core.finding import Audit; print(Audit.shown is not None); "
    scans = "from auditor import scan; print(Audit.shown is not None)"
    ran = subprocess.run(
        [sys.executable, "-c", core + scans], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "True"]
