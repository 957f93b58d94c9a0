"""The page: safe to open, safe to share, readable everywhere."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser
from itertools import count, pairwise

import pytest

from auditor.core import formatting
from auditor.core.finding import Audit, Estimate, Finding, Ruling, Verdict, Waiver
from auditor.policy import words
from auditor.report import html, plots
from auditor.report import json as report
from auditor.report.formats import FORMATS
from tests.report.conftest import rate

NAMES = ["audit", "passing", "unassessed", "unsettled"]


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module", params=NAMES)
def page(request) -> str:
    return html.render(request.getfixturevalue(request.param))


def test_the_page_runs_nothing_and_fetches_nothing(page):
    tags = Tags(page).tags
    assert "script" not in {tag for tag, _ in tags}
    policy = next(a["content"] for t, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    for tag, attributes in tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), tag
            if name in ("src", "href", "xlink:href") and value:
                assert value.startswith(("#", "data:")), value


def test_pictures_have_words_and_tables_have_headers(page):
    tags = Tags(page).tags
    for tag, attributes in tags:
        if tag == "svg" and attributes.get("aria-hidden") != "true":
            assert attributes.get("aria-label") or attributes.get("aria-labelledby")
        if tag == "th":
            assert attributes.get("scope") in ("col", "row", "rowgroup")
    assert [a.get("lang") for t, a in tags if t == "html"] == ["en"]


@pytest.mark.parametrize(
    ("name", "word"),
    [("audit", "Fail"), ("passing", "Pass"), ("unassessed", "Not assessed"),
     ("unsettled", "Inconclusive")],
)  # fmt: skip
def test_the_verdict_comes_first(name, word, request):
    page = html.render(request.getfixturevalue(name))
    body = re.sub(r"<[^>]+>", " ", page[page.index("<body") :])
    assert word in body[:400]


@pytest.mark.parametrize(("n", "told"), [(1, "cleared 1 place where"), (3, "cleared 3 places wh")])
def test_that_somebody_has_cleared_places_stands_beside_the_verdict(passing, n, told):
    cleared = replace(passing, release={**passing.release, "n_cleared": n})
    first = html.render(cleared).partition("What an intruder could do")[0]
    assert told in first
    assert told in FORMATS["markdown"].render(cleared)
    for nobody in (passing, replace(passing, release={**passing.release, "n_cleared": 0})):
        assert "cleared" not in html.render(nobody).partition("What an intruder could do")[0]
        assert "cleared" not in FORMATS["markdown"].render(nobody)


def test_the_same_audit_gives_the_same_page_and_a_small_one(audit):
    assert html.render(audit) == html.render(audit)
    assert len(html.render(audit).encode()) < 2_000_000


def test_the_page_is_drawn_from_the_json_alone(audit, tmp_path):
    report.write(audit, tmp_path / "audit.json")
    html.write(report.read(tmp_path / "audit.json"), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == html.render(audit)


def test_what_a_release_calls_itself_cannot_become_markup(audit):
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    named = replace(audit, release={**audit.release, "name": hostile})
    broken = Finding("linkage", "vit", "cross-session", hostile, "failed", reason=hostile)
    page = html.render(replace(named, findings=(*audit.findings[:3], broken)))
    assert not {"script", "img"} & {tag for tag, _ in Tags(page).tags}


def test_what_was_not_measured_is_said_with_its_reason(unassessed):
    page = html.render(unassessed)
    assert "Needs people with two sessions; found none." in page
    assert "Nobody was recorded on two occasions." in page


def words_of(page: str) -> str:
    """What a page says, without its markup."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(text.split())


def test_the_policy_names_the_one_style_sheet_by_its_hash_and_nothing_else_is_styled(page):
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = next(
        attributes["content"]
        for tag, attributes in Tags(page).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not [tag for tag, attributes in Tags(page).tags if "style" in attributes]


def test_headings_stand_in_order_and_ids_are_there_once(page):
    tags = Tags(page).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_what_an_intruder_could_do_is_told_in_people_before_anything_else(audit):
    said = words_of(html.render(audit))
    found = (
        "Of 1,000 people, about 700 would be found (between 510 and 890); guessing would find 11."
    )
    assert found in said
    assert said.index("Fail") < said.index(found) < said.index("The rules of the profile")


def test_without_the_finding_the_sentence_about_it_is_gone(audit):
    without = replace(audit, findings=tuple(one for one in audit if one.check != "linkage"))
    assert "Somebody who holds one ECG" in words_of(html.render(audit))
    assert "Somebody who holds one ECG" not in words_of(html.render(without))


INTRUDER = "holds all recordings of people from other days and knows their sex and age"


def found_among(audit: Audit, outcome: str) -> Audit:
    """A rule on being found among a thousand, by a finding that tells of a hundred thousand too."""
    name, finding = "found_among_1000", "linkage/fusion/cross-session"
    told = Estimate(0.18, 0.13, 0.21, 0.9, 300, 0.001)
    measured = Finding(
        "linkage", "fusion", "cross-session", "threat", "measured", params={"intruder": INTRUDER},
        estimates={name: told, "found_among_100000": told},
    )  # fmt: skip
    rule = Ruling("found", outcome, "Nobody knows.", True, 0.11, "our default", finding, name)
    if outcome == "not assessed":
        measured, rule = replace(measured, estimates={}), replace(rule, finding=None, estimate=None)
    asked = {"id": "found", "check": "linkage", "estimate": name}
    profile = {**audit.profile, "rules": [asked]}
    return replace(
        audit, profile=profile, verdict=Verdict(outcome, (rule,)), findings=(measured,)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "sure"),
    [
        ("fail", "with 95% certainty at least 13%"),
        ("pass", "with 95% certainty at most 21%"),
        ("inconclusive", "with 90% certainty 13% to 21%"),
    ],
)
def test_the_first_screen_says_who_finds_how_many_among_whom_and_how_sure_that_is(
    audit, outcome, sure
):
    first = words_of(html.render(found_among(audit, outcome)).partition('id="intruder"')[0])
    said = f"{INTRUDER} finds 18% of them among 1,000 people ({sure}; measured on 300 people)."
    assert said in first
    assert "100,000" not in first
    assert "somebody is looked for: 1,000 (finding a person)" in first


def test_the_first_screen_says_that_nobody_was_looked_for(audit):
    first = html.render(found_among(audit, "not assessed")).partition('id="intruder"')[0]
    assert "Finding a person was not judged: Nobody knows." in words_of(first)


@pytest.mark.parametrize(
    ("basis", "kind"),
    [
        ("law: 45 CFR 164.514(b)(2)(i)", "law"),
        ("precedent: EMA Policy 0070", "precedent"),
        ("our default, where nothing leaves", "our default"),
        ("a board of ours", "the profile"),
    ],
)
def test_a_limit_says_where_it_comes_from(audit, basis, kind):
    rules = (replace(audit.verdict.rules[0], basis=basis),)
    page = html.render(replace(audit, verdict=Verdict("fail", rules)))
    assert (
        page.count(f'<span class="tag">{kind}</span>') >= 2
    )  # among the rules, and at the finding


def test_a_rule_that_does_not_pass_has_a_next_step_and_one_that_passes_has_none(audit, passing):
    assert "take out what was found" in words_of(html.render(audit)).lower()
    assert "No required rule stands open." in words_of(html.render(passing))


def test_what_is_missing_for_one_reason_is_told_once(unassessed):
    views = ("template", "fiducials", "vit")
    skipped = tuple(replace(unassessed.findings[0], view=view) for view in views)
    said = words_of(html.render(replace(unassessed, findings=skipped)))
    assert said.count("Needs people with two sessions; found none.") == 1
    assert "Asked of 3: average beat, table of wave timings" in said


@pytest.mark.parametrize(
    ("low", "high", "value", "told"),
    [
        (0.18504, 0.58147, 0.35965, "36% (19% to 58%)"),
        (0.955344, 0.985145, 0.974138, "97.4% (95.5% to 98.5%)"),
        (0.0005, 0.0835, 0.0107, "1% (<1% to 8%)"),
        (1.0, 1.0, 1.0, "100% (100% to 100%)"),
        (0.98789, 0.99962, 0.99784, "99.8% (98.8% to >99.9%)"),
    ],
)
def test_no_digit_is_told_that_the_interval_does_not_support(low, high, value, told):
    shown, *ends = formatting.interval(Estimate(value, low, high, 0.95, 100, None), "percent")
    assert f"{shown} ({ends[0]} to {ends[1]})" == told


def test_every_kind_of_curve_is_drawn(audit):
    gallery = {"gallery": [2, 10, 90], "rate": [0.99, 0.9, 0.7], "chance": [0.5, 0.1, 0.011]}
    told = {"gallery": [1000, 100_000], "rate": [0.5, 0.3], "pitman_yor": [0.5, 0.3]}
    told |= {"log_linear": [0.45, 0.2], "binormal": [0.4, 0.1], "chance": [0.001, 0.00001]}
    parts = {"method": ["ablation"], "P": [0.5], "QRS": [3.0]}
    finding = audit["linkage/vit/cross-session"]
    curves = {**finding.curves, "gallery": gallery, "forecast": told, "enrichment": parts}
    curves |= {"enrichment_low": parts, "enrichment_high": parts}
    every = plots.pictures(curves, (f"k{n}" for n in count()))
    assert {name: len(drawn) for name, drawn in every.items()} == {
        "cmc": 1, "roc": 2, "gallery": 1, "forecast": 0, "enrichment": 1,
    }  # fmt: skip
    assert "Foretold, and how far the models differ: 50% (40% to 50%)" in every["gallery"][0].drawn
    assert "10%" in every["roc"][0].drawn  # the scale of few false alarms
    assert "of people missed where" in every["roc"][1].drawn


def many(audit, n):
    """An audit of so many findings, of forty models."""
    models = [{"name": f"m{at}", "title": "A model", "n_tells": 1, "gives": ["scores"],
               "n_members": 50, "n_nonmembers": 50} for at in range(40)]  # fmt: skip
    first = audit["linkage/vit/cross-session"]
    findings = tuple(
        replace(first, check="output-linkage", view=f"m{at % 40}.scores{at}") for at in range(n)
    )
    return replace(audit, release={**audit.release, "models": models}, findings=findings)


def test_an_audit_of_a_thousand_findings_has_a_line_for_each_and_fits(audit):
    page = html.render(many(audit, 1_000))
    assert len(page.encode()) <= html.LARGEST
    assert len(re.findall(r'class="finding(?: line)?" id="finding-', page)) == 1_000
    assert "more findings are in audit.json" not in page


def test_what_does_not_fit_is_counted_and_not_kept_silent(audit):
    said = words_of(html.render(many(audit, 1_200)))
    assert "200 more findings are in audit.json." in said


def test_a_name_without_end_becomes_a_line(audit):
    long = "A" * 5_000
    models = [{"name": "m", "title": long, "n_tells": 1, "gives": [], "n_members": 50,
               "n_nonmembers": 50}]  # fmt: skip
    named = replace(audit, release={**audit.release, "name": long, "models": models})
    assert max(map(len, re.findall("A+", html.render(named)))) < 100


def test_a_failure_that_is_accepted_stays_in_sight(audit):
    rule = next(one for one in audit.verdict.rules if one.outcome == "fail")
    waiver = Waiver(rule.id, str(rule.finding), "Data board", "an enclave", date(2027, 6, 30))
    kept = tuple(one for one in audit.verdict.rules if one.outcome == "pass")
    for accepted in (replace(rule, waived=(waiver,)), replace(rule, known=True)):
        page = html.render(replace(audit, verdict=Verdict("pass", (accepted, *kept))))
        assert "meets every rule that the public profile requires but 1" in page
        said = "Waived by Data board until 2027-06-30" if accepted.waived else "The baseline failed"
        assert said in page


def test_the_page_says_which_counts_are_too_small_to_be_told(audit):
    page = html.render(replace(audit, profile={**audit.profile, "minimum_cell": 25}))
    assert "No count of fewer than 25 people is told." in page


def test_nothing_is_not_written_as_less_than_nothing():
    assert formatting.amount(-0.02, "years", 0.4) == "0.0 years"


def test_a_pass_by_what_somebody_accepts_is_not_called_a_pass_alone(audit):
    rule = next(one for one in audit.verdict.rules if one.outcome == "fail" and one.required)
    page = html.render(replace(audit, verdict=Verdict("pass", (replace(rule, known=True),))))
    assert "Pass, with 1 accepted failure<" in page
    assert '<section class="verdict open"' in page


def of_a_model(audit, check: str, name: str, output: str = ""):
    """The audit of a model of which one number was measured."""
    view = f"m.{output}" if output else "m"
    one = Finding(check, view, None, "Threat.", "measured", estimates={name: rate(0.5, 0.1)})
    models = [{"name": "m", "title": "A model", "n_tells": 1, "gives": [output], "n_members": 50,
               "n_nonmembers": 50}]  # fmt: skip
    return replace(audit, release={**audit.release, "models": models}, findings=(one,))


@pytest.mark.parametrize(
    ("check", "name", "output", "said", "not_said"),
    [
        ("split", "copied", "", "on the other side", "picture"),
        ("memorisation", "copied", "", "picture", "on the other side"),
        ("output-attribute", "sex_auc", "scores", "Sex", "recording"),
        ("attribute", "sex_auc", "", "Sex, told from the recording", "model"),
    ],
)
def test_a_number_is_told_in_the_words_of_its_own_check(audit, check, name, output, said, not_said):
    judged = of_a_model(audit, check, name, output)
    page = html.render(judged)
    (row,) = re.findall(rf"<th[^>]*>([^<]*)<code>{name}</code></th>", page)
    assert said in row
    assert not_said not in row
    assert words.metric(check, name).meaning in words_of(page).replace("&#39;", "'")


def test_every_number_of_a_released_audit_has_a_name_of_its_check(released):
    for finding in released:
        for name in finding.estimates:
            assert words.metric(finding.check, name).role != "unknown", f"{finding.id} {name}"
