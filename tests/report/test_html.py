"""The page: safe to open, safe to share, readable everywhere."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from auditor.core.finding import Finding
from auditor.report import html
from auditor.report import json as report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
NAMES = ["audit", "passing", "unassessed", "unsettled"]


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(params=NAMES)
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
    assert "needs people with two sessions; found none" in page
    assert "Nobody was recorded on two occasions." in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_it_without_errors_requests_or_sideways_scrolling(audit, tmp_path, width):
    playwright = pytest.importorskip("playwright.sync_api")
    html.write(audit, tmp_path / "report.html")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    asked, said = [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((tmp_path / "report.html").as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert wide <= width
    assert said == []
    assert [url for url in asked if not url.startswith("file:")] == []
