"""The summary: short, complete, and text whatever it is made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from auditor.core.finding import Verdict, Waiver
from auditor.report import summary
from auditor.report.formats import FORMATS
from auditor.report.markdown import escape
from auditor.report.terms import full_stop

#: An outside reading: what GitHub's own would make of it, less its mentions.
READER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def tokens(text: str):
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def cells(text: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in READER.parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level == 4:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


@pytest.mark.parametrize(
    ("name", "word"),
    [("audit", "Fail"), ("passing", "Pass"), ("unassessed", "Not assessed"),
     ("unsettled", "Inconclusive")],
)  # fmt: skip
def test_the_verdict_comes_first_and_every_rule_has_its_row(name, word, request):
    audit = request.getfixturevalue(name)
    text = FORMATS["markdown"].render(audit)
    assert word in text.splitlines()[0]
    header, *rows = cells(text)
    assert header == ["Rule", "Outcome", "Measured", "Guessing", "Limit", "Limit from"]
    assert [row[0].split(" (")[0] for row in rows] == [rule.id for rule in audit.verdict.rules]
    assert {len(row) for row in rows} == {len(header)}


def test_it_tells_the_numbers_and_what_is_missing(audit, passing):
    text = FORMATS["markdown"].render(audit)
    rows = {row[0]: row for row in cells(text)}
    assert rows["linkage-cross-session"][2:5] == ["70% (51% to 89%)", "1.1%", "9%"]
    assert "needs a model to audit; give one with --model" in text
    assert "Of 1,000 people, about 1,000 are exposed" in text
    assert "What was not measured" not in FORMATS["markdown"].render(passing)


def test_a_reason_that_many_share_is_told_once(unassessed):
    views = ("template", "fiducials", "vit", "adapted")
    many = [replace(unassessed.findings[0], view=view) for view in views]
    text = FORMATS["markdown"].render(replace(unassessed, findings=tuple(many)))
    assert text.count("needs people with two sessions; found none") == 1


def test_it_fits_where_a_job_shows_it_however_much_was_asked(audit):
    broken = audit.findings[-1]
    many = [replace(broken, view=f"view{i}", reason=f"why {i} " * 200) for i in range(2_000)]
    text = FORMATS["markdown"].render(replace(audit, findings=tuple(many)))
    # A comment on GitHub holds 65,536 characters.
    assert len(text) < 65_536


HOSTILE = st.text(
    st.sampled_from("ab1 |\\`*_~<>&[](){}#+-=.!@:/$\"'\u202e"), min_size=1, max_size=40
)


@given(HOSTILE)
def test_whatever_a_text_says_it_stays_text(text):
    text = " ".join(text.split())
    for shown in (f"- {escape(text)}", f"| {escape(text)} | b |\n| --- | --- |"):
        kinds = {token.type for token in tokens(shown)}
        assert not kinds & {
            "html_block", "html_inline", "link_open", "image", "code_inline", "em_open",
            "strong_open", "s_open", "heading_open", "hr", "blockquote_open",
            "ordered_list_open", "fence",
        }  # fmt: skip
    assert READER.render(f"- {escape(text)}").count("<li>") == 1
    if text:
        assert len(cells(f"| {escape(text)} | b |\n| --- | --- |")[0]) == 2


@pytest.mark.parametrize("call", ["@somebody", "#123", "GH-12", "https://example.org", "www.a.org"])
def test_nobody_is_called_and_nothing_is_linked(audit, call):
    rule = replace(audit.verdict.rules[0], reason=f"ask {call} now")
    text = FORMATS["markdown"].render(replace(audit, verdict=Verdict("fail", (rule,))))
    assert "Ask " in text
    assert call not in text


def test_a_failure_that_somebody_accepts_stays_in_sight(audit):
    rule = audit.verdict.rules[0]
    word = Waiver(rule.id, rule.finding, "Data <b>board</b>", "an enclave", date(2027, 6, 30))
    judged = replace(audit, verdict=Verdict("pass", (replace(rule, waived=(word,)),)))
    text = FORMATS["markdown"].render(judged)
    assert cells(text)[1][1] == "✕ Fail, accepted"
    assert "waived by Data &lt;b&gt;board&lt;/b&gt; until 2027-06-30: an enclave" in text


def test_a_limit_keeps_its_unit_where_nothing_was_measured(unassessed):
    rule = unassessed.verdict.rules[0]
    verdict = Verdict("not assessed", (replace(rule, estimate=None, limit=1.0),))
    asked = [
        {
            "id": rule.id,
            "check": "attribute",
            "protocol": "subject-disjoint",
            "estimate": "age_gain_years",
            "limit": 1.0,
            "basis": rule.basis,
            "required": True,
            "rungs": [],
            "models": None,
        }
    ]
    judged = replace(unassessed, profile={**unassessed.profile, "rules": asked}, verdict=verdict)
    assert cells(FORMATS["markdown"].render(judged))[1][4] == "1.0 years"
    assert "1.0 years" in FORMATS["html"].render(judged)


@pytest.mark.parametrize("outcome", ["pass", "fail", "not assessed"])
def test_a_verdict_never_says_that_nothing_failed_where_a_failure_was_accepted(audit, outcome):
    failed = replace(audit.verdict.rules[0], known=True)
    more = () if outcome == "pass" else (replace(failed, outcome=outcome, known=False, id="b"),)
    text = FORMATS["markdown"].render(replace(audit, verdict=Verdict(outcome, (failed, *more))))
    headline = text.splitlines()[2]
    assert "Nothing failed" not in headline
    assert "somebody has accepted that" in headline
    if outcome == "pass":
        assert f"- {escape(full_stop(failed.reason))}" in text.splitlines()


def test_what_an_intruder_could_do_is_told_as_the_page_tells_it(audit):
    text, page = (FORMATS[name].render(audit) for name in ("markdown", "html"))
    told = [one.sentence for one in summary.intruder(audit)]
    assert told
    assert all(escape(one) in text and one in page for one in told)
