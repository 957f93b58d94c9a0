"""The page in a browser: nothing fetched, nothing cut, nothing out of reach.

Kept pictures are renewed with `AUDITOR_SCREENSHOTS=renew`, and looked at in review.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from auditor.report import html

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(BROWSERS)} is here")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--font-render-hinting=none"]  # fmt: skip
KEPT = Path(__file__).parent / "screenshots"
SECTIONS = [
    *("verdict", "intruder", "ladder", "rules", "missing", "next", "findings", "annexes"),
    *("safe-harbor", "expert", "wp29", "edpb", "ema", "iso27559", "nist", "dpia", "method", "sign"),
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(audit, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    html.write(audit, path)
    return path.as_uri()


@pytest.fixture
def show(browser, address):
    """Opens the page at a width; what it asked for and complained of is kept with it."""
    opened = []

    def open_(width=1280, scheme="light"):
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(address)
        opened.append(page)
        return page

    yield open_
    for page in opened:
        page.close()


def open_everything(page):
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_fetches_nothing_complains_of_nothing_and_never_scrolls_sideways(show, width, scheme):
    page = show(width, scheme)
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in page.asked if url.startswith("file:")]) == 1


def test_every_section_is_there_and_can_be_seen(show):
    page = show()
    for name in SECTIONS:
        assert page.locator(f"#{name}").is_visible(), name


def test_the_style_is_taken_and_the_dark_one_is_dark(show):
    for scheme, dark in (("light", False), ("dark", True)):
        page = show(scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (np.mean([int(part) for part in re.findall(r"\d+", colour)[:3]]) < 64) == dark


def test_a_person_without_a_mouse_gets_everywhere(show):
    page = show()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.evaluate("window.every = [...document.querySelectorAll('a, summary, [tabindex]')]")
    reached = []
    for _ in range(500):
        page.keyboard.press("Tab")
        where = page.evaluate("every.indexOf(document.activeElement)")
        if where < 0 or where in reached:
            break
        reached.append(where)
    wanted = page.evaluate(
        "every.filter(one => one.checkVisibility({contentVisibilityAuto: true}) &&"
        " !one.closest('details:not([open]) > :not(summary)') && one.className !== 'skip')"
        ".map(one => every.indexOf(one))"
    )
    assert len(wanted) > 50
    assert reached == wanted  # all of them, in the order in which they are read


def test_enter_opens_a_finding_and_the_focus_can_be_seen(show):
    page = show()
    finding = page.locator("details:not([open])").first
    finding.locator("summary").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    outline = finding.locator("summary").evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
    name = finding.get_attribute("id")
    page.keyboard.press("Enter")
    assert page.locator(f"#{name}").get_attribute("open") is not None
    assert page.locator(f"#{name} table").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_to_object_to(show, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = show(width, scheme)
    open_everything(page)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    result = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    found = {
        one["id"]: [node["html"][:120] for node in one["nodes"][:3]]
        for one in result.response["violations"]
    }
    assert found == {}
    asked = {one["id"] for one in result.response["passes"]}
    assert {"color-contrast", "landmark-one-main", "heading-order", "td-headers-attr"} & asked


def test_on_paper_nothing_is_cut_and_what_is_folded_is_open(show):
    page = show(width=700)
    page.emulate_media(media="print", color_scheme="light")
    # A4 less the margins of the page's own rule.
    page.set_viewport_size({"width": 673, "height": 1000})
    wide = page.evaluate(
        "[...document.querySelectorAll('table, svg, figure')].filter(one =>"
        " one.getBoundingClientRect().right > 674).map(one => one.outerHTML.slice(0, 80))"
    )
    assert wide == []
    broken = page.evaluate(
        "[...document.querySelectorAll('tr, figure, .sign')].filter(one =>"
        " getComputedStyle(one).breakInside !== 'avoid').length"
    )
    assert broken == 0
    shut = page.locator("details:not([open]) table").first
    assert shut.evaluate("one => one.getBoundingClientRect().height") > 20
    printed = page.pdf(prefer_css_page_size=True)
    n_pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 8 <= n_pages <= 40
    size = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", printed)
    assert [round(float(part)) for part in size.groups()] == [595, 842]


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "light"), (1280, "dark")])
def test_it_looks_as_it_was_kept(show, width, scheme):
    """Coarsely: letters differ from machine to machine, the layout must not."""
    image = pytest.importorskip("PIL.Image")
    page = show(width, scheme)
    name = KEPT / f"{width}-{scheme}.png"
    drawn = page.screenshot(clip={"x": 0, "y": 0, "width": width, "height": 1800}, full_page=True)
    seen = _coarse(image, drawn)
    if os.environ.get("AUDITOR_SCREENSHOTS") == "renew":
        KEPT.mkdir(exist_ok=True)
        seen.save(name, optimize=True)
    kept = np.asarray(image.open(name).convert("L"), dtype=float)
    now = np.asarray(seen, dtype=float)
    assert now.shape == kept.shape
    # Rows of a narrow band, so that a line that wraps elsewhere is no other page.
    assert np.abs(_bands(now) - _bands(kept)).mean() < 8


def _coarse(image, drawn):
    from io import BytesIO

    whole = image.open(BytesIO(drawn)).convert("L")
    return whole.resize((whole.width // 4, whole.height // 4), image.Resampling.BOX)


def _bands(grey):
    height, width = grey.shape
    return (
        grey[: height // 15 * 15, : width // 10 * 10].reshape(-1, 15, 10, width // 10).mean((1, 3))
    )
