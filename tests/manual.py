"""The manual, README and the pages of docs/, as tests of what it says read it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
#: The log tells of what was tried, which may be gone; it is no part of the manual.
LOG = ROOT / "docs" / "log.md"
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {LOG})]


def blocks(language: str) -> list[str]:
    """Every fenced block of the manual in a language."""
    pattern = re.compile(rf"^```{language}\n(.+?)^```", re.DOTALL | re.MULTILINE)
    return [block for page in PAGES for block in pattern.findall(page.read_text("utf-8"))]


def settings(*keys: str) -> list[dict]:
    """Every YAML file that the manual shows and that has these keys at its top."""
    read = (yaml.safe_load(block) for block in blocks("yaml"))
    return [one for one in read if isinstance(one, dict) and set(keys) <= one.keys()]


def command_lines() -> list[list[str]]:
    """Every `auditor …` that a block of shell shows, as words after `auditor`."""
    lines = [line for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    words = (shlex.split(line, comments=True) for line in lines)
    return [one[1:] for one in words if one[:1] == ["auditor"]]


def prose() -> str:
    """The manual without its blocks of shell."""
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    return re.sub(r"^```sh\n.+?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def flags() -> set[str]:
    """Every flag that the manual names in words."""
    return set(re.findall(r"(?<!-)(--[a-z][a-z-]+)", prose()))
