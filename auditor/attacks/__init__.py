"""One question to a release per file; each returns evidence, never a verdict."""

from __future__ import annotations

from auditor.attacks import attribute, identifiers, linkage, uniqueness
from auditor.attacks.case import ATTACKS, Attack, Case

__all__ = ["ATTACKS", "Attack", "Case", "attribute", "identifiers", "linkage", "uniqueness"]
