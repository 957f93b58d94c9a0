"""Every format of an adversarial audit is well formed, and tells nothing that was planted."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sarif_kit import validation_errors

from auditor.cli import main
from auditor.core.finding import Verdict
from auditor.report import json as report
from auditor.report.disclosure import clean
from auditor.report.formats import FORMATS

#: What no output may hold; each in a form that a careless message would have it in.
NAME, DATE, FILE, ID = "Rossi", "1957-03-14", "rec_0042.hea", "P00421"
PLANTED = (NAME, DATE, FILE, ID, "srv/ward")

MARKUP = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "]]>", "</testcase>", "-->",
    "| a | b |", "`x`", "![i](http://x.example)", "[a](http://x.example)", "**b**", "---", "# h",
    "=cmd|' /C calc'!A0", "+1", "@SUM(1)", "\t=1", "\u202egnp.exe", "שלום", "\x00\x1b[31m\x07",
    "\ud800", "\ufffe", "{{7*7}}", "{0}", "&amp;", "%s", "'; DROP TABLE", '"', "\\", "\r\n", "é😀",
)  # fmt: skip

TEXT = st.lists(
    st.sampled_from(MARKUP) | st.text(max_size=12), min_size=1, max_size=4
).map(" ".join).filter(lambda text: clean(text))  # fmt: skip
LEAKS = st.sampled_from((
    f"subject '{NAME}': no beats",
    f"record {ID}: recorded on {DATE}",
    f"/srv/ward/{NAME}/{FILE}: header lists 2 leads",
    f"{FILE} is cut short",
))  # fmt: skip


def hostile(audit, text: str, leak: str):
    """An audit in which whatever is free-form says something it should not."""
    broken = replace(audit.findings[-1], reason=f"{leak}; {text}", threat=text)
    measured = replace(
        audit.findings[9],
        params={text: leak, "note": [text, leak], "rows": [{"where": leak, text: 1}]},
        threat=text,
    )
    rules = [replace(rule, reason=f"{leak} {text}", basis=text) for rule in audit.verdict.rules[:3]]
    return replace(
        audit,
        release={**audit.release, "name": text, "leads": [text]},
        profile={**audit.profile, "name": text},
        auditor={**audit.auditor, "device": text, "settings": {text: leak}},
        verdict=Verdict("fail", tuple(rules)),
        findings=(measured, broken),
    )


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


def well_formed_html(text: str) -> None:
    assert not Tags(text).tags & {"script", "img", "iframe", "object", "a:http"}


def well_formed_sarif(text: str) -> None:
    assert validation_errors(json.loads(text)) == []


def well_formed_junit(text: str) -> None:
    root = ET.fromstring(text)
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error",
        "skipped",
    }  # fmt: skip


def well_formed_markdown(text: str) -> None:
    drawn = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    allowed = {"h2", "h3", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert Tags(drawn).tags <= allowed
    for row in re.findall(r"<tr>(.*?)</tr>", drawn, re.DOTALL):
        assert len(re.findall(r"<t[dh]", row)) == 6
    assert not re.search(r"(?:^|\W)@\w", re.sub(r"<[^>]+>", "", drawn))


def well_formed_csv(text: str) -> None:
    header, *rows = csv.reader(text.splitlines())
    for row in rows:
        assert len(row) == len(header)
        for cell in row:
            assert not cell.startswith(tuple("=+@＝＋－＠\t\r"))
            assert not cell.startswith("-") or float(cell) < 0


def well_formed_croissant(text: str) -> None:
    document = json.loads(text)
    assert document["@type"] == "sc:Dataset"
    assert all(isinstance(one, str) for one in document["rai:dataLimitations"])


WELL_FORMED = {
    "html": well_formed_html,
    "sarif": well_formed_sarif,
    "junit": well_formed_junit,
    "markdown": well_formed_markdown,
    "csv": well_formed_csv,
    "croissant": well_formed_croissant,
    "huggingface": well_formed_markdown,
}


def examples(name: str) -> int:
    """A page takes a second to draw, the others a moment."""
    return 10 if name == "html" else 60


@pytest.mark.parametrize("name", FORMATS)
def test_whatever_an_audit_holds_its_outputs_are_well_formed_and_tell_nobody(name, audit):
    @settings(
        max_examples=examples(name),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=True,
    )
    @given(TEXT, LEAKS)
    def check(text, leak):
        drawn = FORMATS[name].render(hostile(audit, text, leak))
        WELL_FORMED[name](drawn)
        for planted in PLANTED:
            assert planted not in drawn
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", drawn)
        drawn.encode()

    check()


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_audit_draws_the_same_and_so_does_its_json(name, audit, tmp_path):
    report.write(audit, tmp_path / "audit.json")
    drawn = FORMATS[name].render(audit)
    assert FORMATS[name].render(report.read(tmp_path / "audit.json")) == drawn


def auditor(*args: object):
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def folder(audit, tmp_path):
    report.write(audit, tmp_path / "audit.json")
    return tmp_path


def test_the_formats_that_are_asked_for_stand_beside_the_audit(folder, audit):
    drawn = auditor(
        "report", folder / "audit.json", "--format", "sarif", "--format", "junit", "--format", "csv"
    )
    assert drawn.exit_code == 0, drawn.stderr
    made = {path.name: path.read_text() for path in folder.iterdir() if path.name != "audit.json"}
    assert made == {
        FORMATS[name].file: FORMATS[name].render(audit) for name in ("sarif", "junit", "csv")
    }


@pytest.mark.parametrize(
    ("out", "formats", "made"),
    [
        ("here.md", ["markdown"], "here.md"),
        ("here", ["markdown"], "here/summary.md"),
        ("here.d", ["markdown", "csv"], "here.d/estimates.csv"),
    ],
)
def test_out_is_a_file_for_one_format_and_a_folder_for_more(folder, out, formats, made):
    flags = [flag for name in formats for flag in ("--format", name)]
    assert auditor("report", folder / "audit.json", "--out", folder / out, *flags).exit_code == 0
    assert (folder / made).is_file()


def test_the_audit_itself_is_never_drawn_over(folder):
    before = (folder / "audit.json").read_bytes()
    path = folder / "audit.json"
    refused = auditor("report", path, "--format", "csv", "--out", path)
    assert refused.exit_code == 2
    assert "is the audit itself" in refused.stderr
    assert path.read_bytes() == before


def test_a_format_that_does_not_exist_is_answered_with_those_that_do(folder):
    refused = auditor("report", folder / "audit.json", "--format", "pdf")
    assert refused.exit_code == 2
    assert all(name in refused.stderr for name in FORMATS)
