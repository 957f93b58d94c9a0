"""The clinical systems that anybody can train on a release, and why one could not be trained."""

from __future__ import annotations

from auditor.checks.base import OnModel
from auditor.core.finding import Finding
from auditor.core.target import Target
from auditor.policy import words

ID = "training"


def plan(target: Target) -> list[OnModel]:
    """No question: a system that was trained is put to the other checks."""
    del target
    return []


def untrained(system: str, reason: str) -> Finding:
    """That a system could not be trained, so that nothing was asked of it."""
    threat = words.checks()[ID].threat_of(None)
    return Finding(ID, system, None, threat, "skipped", reason=reason)
