"""A question put to a model, without a run around it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from auditor.checks.base import Measured, OnModel
from auditor.core.finding import Estimate
from auditor.core.streams import stream

LEVEL = 0.95


def context(seed: int = 0) -> Any:
    """All that a question to a model uses of what is around it; nobody watches."""
    around = {"memo": {}, "lead_set": None, "prepared": None}
    return SimpleNamespace(seed=seed, progress=lambda *_: None, **around)


def attacked(check: OnModel, seed: int = 0) -> Any:
    """What the attack saw, which can be carried out."""
    assert check.unmet(context(seed)) is None
    return check.attack(context(seed), stream(seed, "attack"))


def estimated(check: OnModel, evidence: Any, seed: int = 0) -> Measured:
    """What some evidence amounts to."""
    return check.estimate(evidence, LEVEL, lambda *_: stream(seed, "interval"))


def measured(check: OnModel, seed: int = 0) -> Measured:
    """What the attack saw, and what that amounts to."""
    return estimated(check, attacked(check, seed), seed)


def beyond_chance(one: Estimate) -> bool:
    """Whether an estimate is above what guessing would score, for all that is known."""
    assert one.chance is not None
    return one.low > one.chance
