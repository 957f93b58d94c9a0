"""An audit as lines: the verdict, then a line a rule."""

from __future__ import annotations

from auditor.core.finding import Audit

FORMATS = {"lines": "audit.txt"}


def render(audit: Audit) -> str:
    """The file's text."""
    rules = "".join(f"{one.outcome} {one.id}\n" for one in audit.verdict.rules)
    return f"{audit.verdict.outcome}\n{rules}"
