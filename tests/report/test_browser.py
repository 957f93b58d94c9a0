"""The page in a browser: nothing fetched, nothing cut, nothing out of reach, all in its place.

Where things stand is measured on the page itself, in letters that are brought along: what is
installed on a machine decides nothing. `layout.js` says what is wrong.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from auditor.report import html
from tests.report.test_heartbeat import attribution

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--font-render-hinting=none"]  # fmt: skip
#: A machine may have other work; what hangs ends all the same.
PATIENCE_MS = 180_000

SECTIONS = [
    *("verdict", "intruder", "ladder", "heartbeat", "rules", "missing", "next", "findings"),
    *("annexes", "safe-harbor", "expert", "wp29", "edpb", "ema", "iso27559", "nist", "dpia"),
    *("method", "sign"),
]
#: From top to bottom.
REGIONS = [
    *("header", "verdict", "intruder", "ladder", "heartbeat", "rules", "missing", "next", "nav"),
    *("findings", "annexes", "method", "sign", "footer"),
]
#: Of the smallest telephone, of others, on both sides of where the layout changes, of screens.
WIDTHS = [320, 360, 640, 641, 768, 1280, 1920]

FAULTS_OF = (Path(__file__).parent / "layout.js").read_text(encoding="utf-8")
#: Wider than most, so that what has room in them has room in others; matplotlib carries them.
LETTERS = {
    ("sans", "400 normal"): "DejaVuSans",
    ("sans", "400 oblique"): "DejaVuSans-Oblique",
    ("sans", "700 normal"): "DejaVuSans-Bold",
    ("serif", "400 normal"): "DejaVuSerif",
    ("serif", "700 normal"): "DejaVuSerif-Bold",
    ("mono", "400 normal"): "DejaVuSansMono",
}


def hindrance(*command: str) -> str | None:
    """What keeps a program from starting; None where nothing does."""
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    said = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()
    return f"status {done.returncode}, {said[-1]}"


@pytest.fixture(scope="module")
def browser():
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is here")
    for name, command in (
        ("Playwright's driver", (sys.executable, "-m", "playwright")),
        (chromium, (chromium,)),
    ):
        if (why := hindrance(*command)) is not None:
            pytest.skip(f"{name} cannot start: {why}")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=FLAGS, timeout=PATIENCE_MS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def addresses(audit, passing, unassessed, unsettled, tmp_path_factory):
    """Where each page is: of everything that a page can hold, and of other audits."""
    endless = "Aufnahmen" * 40
    audits = {
        "everything": replace(audit, findings=(*audit.findings, attribution(leads=("I", "II")))),
        "passing": passing,
        "unassessed": unassessed,
        "unsettled": unsettled,
        "endless": replace(audit, release={**audit.release, "name": endless}),
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, one in audits.items():
        html.write(one, folder / f"{name}.html")
    return {name: (folder / f"{name}.html").as_uri() for name in audits}


@pytest.fixture
def show(browser, addresses):
    """Opens the page at a width; what it asked for and complained of is kept with it."""
    opened = []

    def open_(width=1280, scheme="light", **more):
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce",
            **more,
        )  # fmt: skip
        page.set_default_timeout(PATIENCE_MS)
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(addresses["everything"])
        opened.append(page)
        return page

    yield open_
    for page in opened:
        page.close()


@pytest.fixture(scope="module")
def lay_out(browser, addresses):
    """Shows a page at a width, all of it unfolded, in the letters that are brought along."""
    opened = {}

    def at(width, of="everything"):
        if of not in opened:
            page = opened[of] = browser.new_page(bypass_csp=True, reduced_motion="reduce")
            page.set_default_timeout(PATIENCE_MS)
            page.goto(addresses[of])
            open_everything(page)
            bring_letters(page)
        opened[of].set_viewport_size({"width": width, "height": 900})
        return opened[of]

    yield at
    for page in opened.values():
        page.close()


def bring_letters(page):
    """Has a page, opened without its policy (which refuses all letters), drawn in `LETTERS`."""
    files = Path(matplotlib.get_data_path(), "fonts", "ttf")
    style = ""
    for (family, look), name in LETTERS.items():
        weight, slant = look.split()
        letters = b64encode((files / f"{name}.ttf").read_bytes()).decode()
        style += (
            f"@font-face {{ font-family: brought-{family}; font-weight: {weight};"
            f" font-style: {slant}; src: url(data:font/ttf;base64,{letters}) }}\n"
            f":root {{ --{family}: brought-{family} !important }}\n"
        )
    page.add_style_tag(content=style)
    page.evaluate("Promise.all([...document.fonts].map(one => one.load())).then(() => 0)")


def open_everything(page):
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


def boxes(page, query):
    """The boxes of what a query finds, in the order of reading."""
    return page.evaluate(
        "query => [...document.querySelectorAll(query)].map(one => {"
        " const {left, top, right, bottom} = one.getBoundingClientRect();"
        " const name = one.getAttribute('aria-labelledby') ?? one.localName;"
        " return {name, left, top, right, bottom} })",
        query,
    )


def test_what_keeps_a_program_from_starting_is_told(tmp_path):
    broken = tmp_path / "node"
    broken.write_text("#!/bin/sh\necho 'libatomic.so.1: cannot open' >&2\nexit 127\n")
    broken.chmod(0o755)
    assert hindrance(str(broken)) == "status 127, libatomic.so.1: cannot open"
    assert hindrance(sys.executable) is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fetches_nothing_and_complains_of_nothing(show, scheme):
    page = show(scheme=scheme)
    open_everything(page)
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


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
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
    page = show(width=700, bypass_csp=True)
    bring_letters(page)
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


def test_letters_are_those_that_were_brought_along(lay_out):
    page = lay_out(1280)
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    session.send("DOM.getDocument")
    with_words = session.send(
        "DOM.performSearch", {"query": "//body//*[text()[normalize-space()]]"}
    )
    part = {
        "searchId": with_words["searchId"],
        "fromIndex": 0,
        "toIndex": with_words["resultCount"],
    }
    drawn = [
        font
        for node in session.send("DOM.getSearchResults", part)["nodeIds"]
        for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    ]
    assert {font["postScriptName"] for font in drawn} == set(LETTERS.values())
    assert all(font["isCustomFont"] for font in drawn)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overlaps_leaves_its_box_or_scrolls_sideways(lay_out, width):
    assert lay_out(width).evaluate(FAULTS_OF) == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("of", ["passing", "unassessed", "unsettled", "endless"])
def test_so_it_is_with_other_audits(lay_out, of, width):
    assert lay_out(width, of).evaluate(FAULTS_OF) == []


@pytest.mark.parametrize(
    ("width", "style", "fault"),
    [
        (1280, "[aria-labelledby=rules] { margin-top: -9rem }", "section rules overlaps"),
        (1280, ".sign dl { width: 70rem }", "the page scrolls sideways"),
        (1280, ".sign dl { margin-left: -30rem }", "dl leaves section sign"),
        (360, ".scroll { overflow: visible }", "the page scrolls sideways"),
        (360, ".scroll { max-height: 9rem }", "div scroll is cut or scrolls downwards"),
        (360, ".lead { white-space: nowrap; overflow: hidden }", "leaves p lead"),
        (360, ".verdict .why { height: 1rem }", "leaves p why"),
        (
            360,
            ".kicker { position: absolute; top: 1.5rem }",
            "“ecgiddb” and “ECG privacy audit” overlap",
        ),
        (360, "figure svg { max-width: none; width: 40rem }", "svg leaves"),
        (1280, "td.number { position: relative; left: -4rem }", "overlaps th"),
        (1280, ".ladder text { font-size: 24px }", "leaves svg"),
        (360, ".ladder text { font-size: 26px }", "” overlap"),
        (1280, "main { overflow-wrap: normal } .why { width: 4rem }", "leaves p why"),
    ],
)
def test_a_broken_layout_is_objected_to(lay_out, width, style, fault):
    page = lay_out(width)
    tag = page.add_style_tag(content=style)
    found = page.evaluate(FAULTS_OF)
    tag.evaluate("one => one.remove()")
    assert any(fault in one for one in found), found
    assert page.evaluate(FAULTS_OF) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_regions_stand_below_each_other_in_one_column(lay_out, width):
    regions = boxes(lay_out(width), "body > header, main > *, body > footer")
    assert [one["name"] for one in regions] == REGIONS
    for above, below in pairwise(regions):
        assert below["top"] >= above["bottom"] - 1, below["name"]
    column, padding = min(width, 800), 16 if width <= 640 else 20
    for one in regions:
        assert one["left"] == pytest.approx((width - column) / 2 + padding, abs=1), one["name"]
        assert one["right"] == pytest.approx((width + column) / 2 - padding, abs=1), one["name"]


@pytest.mark.parametrize("width", [320, 1280])
def test_the_verdict_is_what_one_sees_first(lay_out, width):
    page = lay_out(width)
    for one in boxes(page, "#verdict, .verdict .why"):
        assert 0 <= one["top"] < one["bottom"] <= 900
    sizes = page.evaluate(
        "[...document.querySelectorAll('body :not(svg *)')].map(one =>"
        " [one.closest('#verdict') !== null, parseFloat(getComputedStyle(one).fontSize)])"
    )
    of_others = [size for of_verdict, size in sizes if not of_verdict]
    assert max(size for of_verdict, size in sizes if of_verdict) > 1.4 * max(of_others)
    assert min(of_others) >= 11


@pytest.mark.parametrize(("width", "wide"), [(320, False), (640, False), (641, True), (1280, True)])
def test_there_is_one_layout_for_telephones_and_one_for_screens(lay_out, width, wide):
    page = lay_out(width)
    assert page.locator(".ladder .wide").is_visible() == wide
    assert page.locator(".ladder .narrow").is_visible() != wide
    words, meanings = (
        boxes(page, f":is(.missing, .words, .sign dl) > div > {name}") for name in ("dt", "dd")
    )
    assert len(words) > 20
    for word, meaning in zip(words, meanings, strict=True):
        assert (meaning["left"] >= word["right"]) == wide
        assert (meaning["top"] >= word["bottom"]) != wide
    columns = {round(one["left"]) for one in boxes(page, "nav li")}
    assert len(columns) == (2 if wide else 1)


def test_a_table_scrolls_in_its_own_box_and_only_where_it_must(lay_out):
    wider = (
        "[...document.querySelectorAll('.scroll')].filter(one =>"
        " one.scrollWidth > one.clientWidth + 1).map(one => one.tabIndex)"
    )
    assert lay_out(1280).evaluate(wider) == []
    on_a_telephone = lay_out(360).evaluate(wider)
    assert len(on_a_telephone) > 5
    assert set(on_a_telephone) == {0}  # the keyboard reaches what is beside


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_in_pictures_stand_out_from_the_paper(show, scheme):
    page = show(scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    inks = page.evaluate(
        "[...new Set([...document.querySelectorAll('svg text')].map(one =>"
        " getComputedStyle(one).fill))]"
    )
    assert len(inks) >= 3
    for ink in inks:
        bright, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, ink  # as WCAG asks of text


def luminance(colour):
    """Relative luminance of an opaque sRGB colour, as WCAG 2 defines it."""
    parts = np.array([int(part) for part in re.findall(r"\d+", colour)]) / 255
    assert len(parts) == 3, colour
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]
