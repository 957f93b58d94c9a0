"""What people read beside the code: short where that was promised, and no link leads nowhere."""

from __future__ import annotations

import ast
import inspect
import os
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import auditor
from auditor.config import load_preset
from auditor.policy import words
from tests.manual import LOG, PAGES, ROOT, blocks, settings

README = ROOT / "README.md"
DOCUMENTS = [
    *PAGES,
    LOG,
    *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "DECISIONS", "MEASUREMENTS")),
]
DATED = re.compile(r"(\d{4}-\d{2}-\d{2}) · \S.*")
LINES, COLUMNS = 6, 100
CHECKS = re.compile(r"(<!-- checks -->\n)(.*?)(\n<!-- /checks -->)", re.DOTALL)
SUBJECTS = {"recordings": "recordings", "model": "models", "attack": "attacks"}
#: How a machine was come by is nobody's business; what was not measured is said to be so.
HAD = re.compile(r"\b(lent|lend|lending|lends|loan\w*|borrow\w*|leas(?:e|ed|ing)|rent(?:ed|al))\b")


def sections(text: str, level: int) -> list[tuple[str, str]]:
    """The headings of a level, each with what stands below it."""
    mark = "#" * level
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def wrong_decisions(text: str) -> list[str]:
    """What a reader of decisions was promised and does not get."""
    found = []
    for group, body in sections(text, 2):
        before, *_ = body.split("\n### ")
        if before.strip():
            found.append(f"{group}: stands above its first entry: {before.strip():.40}")
        entries = sections(body, 3)
        for heading, told in entries:
            lines = [line for line in told.splitlines() if line.strip()]
            if not DATED.fullmatch(heading):
                found.append(f"{heading}: has no date")
            if not 0 < len(lines) <= LINES:
                found.append(f"{heading}: {len(lines)} lines")
            if longest := [line for line in (heading, *lines) if len(line) > COLUMNS]:
                found.append(f"{heading}: {len(longest[0])} characters in a line")
        days = [heading[:10] for heading, _ in entries]
        found += [f"{group}: {b} stands below {a}" for a, b in pairwise(days) if b > a]
    return found


def slug(heading: str) -> str:
    """What a heading is called in a link, as GitHub and MyST do."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def without_code(text: str) -> str:
    fences = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", fences.sub("", text))


def headings(text: str) -> set[str]:
    fences = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    return {slug(one) for one in re.findall(r"^#+ (.+)$", fences.sub("", text), re.MULTILINE)}


def links(text: str) -> list[str]:
    """Where the links and pictures of a page lead, those into the web left out."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(text))
    return [link for link in found if "://" not in link]


def leads(link: str, page: Path, root: Path) -> bool:
    """Whether a link of a page leads to a file below the root, and to a heading in it."""
    name, _, heading = link.partition("#")
    target = (page.parent / name).resolve() if name else page.resolve()
    if not target.is_file() or not target.is_relative_to(root.resolve()):
        return False
    return not heading or heading in headings(target.read_text("utf-8"))


def broken(page: Path, root: Path = ROOT) -> list[str]:
    return [link for link in links(page.read_text("utf-8")) if not leads(link, page, root)]


def test_a_decision_is_dated_short_and_stands_above_older_ones():
    text = (ROOT / "DECISIONS.md").read_text("utf-8")
    groups = sections(text, 2)
    assert sum(len(sections(body, 3)) for _, body in groups) > 70
    assert not wrong_decisions(text)


@pytest.mark.parametrize(
    "entry",
    [
        "### A choice\n\nMade.\n",
        "### 2026-11-21 · A choice\n\n" + "A line.\n" * 7,
        "### 2026-11-21 · A choice\n\n" + "x" * 101,
        "### 2026-11-21 · A choice\n",
        "Words.\n\n### 2026-11-21 · A choice\n\nMade.\n",
        "### 2026-11-20 · A choice\n\nMade.\n\n### 2026-11-21 · Another\n\nMade.\n",
    ],
    ids=["undated", "long", "wide", "empty", "outside", "older first"],
)
def test_a_decision_that_breaks_the_form_is_seen(entry):
    assert len(wrong_decisions(f"# Decisions\n\n## Room\n\n{entry}")) == 1
    sound = "### 2026-11-21 · A choice\n\nMade.\n"
    assert not wrong_decisions(f"# Decisions\n\n## Room\n\n{sound}")


def test_the_log_is_dated_and_stands_newest_first():
    entries = [heading for heading, _ in sections(LOG.read_text("utf-8"), 2)]
    assert len(entries) > 15
    assert all(DATED.fullmatch(heading) for heading in entries)
    days = [heading[:10] for heading in entries]
    assert days == sorted(days, reverse=True)


def test_the_readme_is_short_and_shows_one_picture_of_simulated_people():
    text = README.read_text("utf-8")
    assert len(text.encode()) <= 6_000
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert (ROOT / picture).stat().st_size < 200_000
    assert "simulated hospital" in text


def table_of_checks() -> str:
    """Every check in its own words, as README shows them."""
    rows = ["| Of | What is looked at | Check |", "|---|---|---|"]
    for subject, told in SUBJECTS.items():
        some = [one for one in words.checks().values() if one.subject == subject]
        for first, one in zip([f" {told}", *[""] * len(some)], some, strict=False):
            rows.append(f"|{first} | {one.title} | `{one.id}` |")
    return "\n".join(rows)


def with_table(text: str) -> str:
    """A page whose table of checks, between its marks, is the right one."""
    return CHECKS.sub(lambda found: f"{found[1]}{table_of_checks()}{found[3]}", text)


def test_the_readme_s_table_of_checks_is_drawn_from_their_words():
    text = README.read_text("utf-8")
    assert len(CHECKS.findall(text)) == 1
    if "UPDATE" in os.environ:
        README.write_text(with_table(text), "utf-8")
    table = CHECKS.search(README.read_text("utf-8"))
    assert table[2] == table_of_checks(), "draw it again: UPDATE=1 pytest tests/test_documents.py"
    assert set(re.findall(r"`([a-z-]+)`", table[2])) == set(words.checks())


def test_a_table_of_checks_that_is_not_right_is_seen():
    stale = "a\n<!-- checks -->\n| `linkage` |\n<!-- /checks -->\nb"
    assert with_table(stale) == f"a\n<!-- checks -->\n{table_of_checks()}\n<!-- /checks -->\nb"


def test_the_index_leads_to_every_page():
    index = ROOT / "docs" / "index.md"
    found = {link for link in links(index.read_text("utf-8")) if "/" not in link}
    assert found == {page.name for page in index.parent.glob("*.md")} - {"index.md"}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page):
    assert not broken(page)


def test_a_link_that_leads_nowhere_is_seen(tmp_path):
    assert links("`[a](b.md)` ![c](d.png) [e](https://f.org) [g](h.md#i)") == ["d.png", "h.md#i"]
    assert slug("2026-11-21 · A pass needs `adapted`") == "2026-11-21--a-pass-needs-adapted"
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("# Here\n\n[a](#here) [b](#there) [c](gone.md) [d](../../page.md) [e](page.md)")
    (tmp_path.parent / "page.md").write_text("outside")
    assert broken(page, tmp_path) == ["#there", "gone.md", "../../page.md"]


def test_the_source_distribution_holds_what_the_readme_leads_to():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    held = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {link.split("/")[0] for link in links(README.read_text("utf-8"))} <= set(held)


@pytest.mark.parametrize(
    "page",
    [*DOCUMENTS, *sorted((ROOT / "auditor").rglob("*.md"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_no_document_tells_how_machines_were_had(page):
    text = page.read_text("utf-8")
    assert not [found[0] for found in HAD.finditer(text.lower())]


def test_words_about_how_machines_were_had_are_seen():
    assert HAD.search("no gpu was lent")
    assert HAD.search("on a borrowed machine")
    assert not HAD.search("a release of a different, excellent patient is current")


def test_the_preset_of_the_manual_is_read(tmp_path):
    (told,) = settings("linkage_views")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(told))
    assert load_preset(str(tmp_path / "own.yaml")).checks == tuple(told["checks"])


def test_the_python_of_the_manual_calls_what_there_is():
    calls = [
        node
        for block in blocks("python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Call)
    ]
    assert calls
    named = set(inspect.signature(auditor.scan).parameters)
    described = {"subject_pattern"}  # what `auditor.yaml` would say is given by name, too
    for call in calls:
        assert ast.unparse(call.func) == "auditor.scan"
        assert {keyword.arg for keyword in call.keywords} <= named | described


def test_ci_is_told_of_in_full():
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    job = yaml.safe_load((ROOT / "auditor.gitlab-ci.yml").read_text("utf-8"))
    for name in (*action["inputs"], *action["outputs"], *job["auditor"]["variables"]):
        assert f"`{name}`" in page, name
