"""Findings that rules are judged by."""

from __future__ import annotations

from auditor.core.finding import Estimate, Finding
from auditor.policy.profile import Profile, Rule

LINKAGE = Rule(
    id="linkage", check="linkage", protocol="cross-session", estimate="rank1", limit=0.09,
    basis="precedent: x", rungs=("vit",),
)  # fmt: skip
PLAIN = Rule(id="identifiers", check="identifiers", estimate="direct", limit=0, basis="law: x")
MEMBERSHIP = Rule(
    id="m", check="membership", estimate="auc", limit=0.6, basis="our default", models=True
)
COPIES = Rule(
    id="copies", check="memorisation", protocol="copies", estimate="copied", limit=0,
    basis="our default", models=True,
)  # fmt: skip

LOW, WIDE, HIGH = (0.01, 0.03, 0.06), (0.04, 0.08, 0.15), (0.4, 0.5, 0.6)


def profile(*rules: Rule, **more) -> Profile:
    return Profile(name="p", title="t", context="c", population=1000, rules=rules, **more)


def finding(view: str | None, low: float, value: float, high: float, **more) -> Finding:
    settings = {"check": "linkage", "protocol": "cross-session", "estimate": "rank1"} | more
    estimate = Estimate(value, low, high, 0.95, 400, settings.pop("chance", 0.01))
    name = settings.pop("estimate")
    return Finding(
        settings["check"], view, settings["protocol"], "threat", "measured",
        estimates={name: estimate},
    )  # fmt: skip


def competence(smallest: float = 0.03, null: float = 0.01, view: str = "vit") -> Finding:
    estimates = {
        name: Estimate(value, max(value - 0.05, 0), min(value + 0.05, 1), 0.95, 200, 0.01)
        for name, value in (("smallest_rank1", smallest), ("null_rank1", null))
    }
    return Finding(
        "competence", view, "cross-session", "threat", "measured",
        estimates=estimates, proves="linkage",
    )  # fmt: skip


def skipped(view: str) -> Finding:
    return Finding("linkage", view, "cross-session", "t", "skipped", reason="one record each")


def failed(view: str) -> Finding:
    return Finding("linkage", view, "cross-session", "t", "failed", reason="it broke")


def model(name: str, value: float, spread: float = 0.02) -> Finding:
    one = Estimate(value, value - spread, value + spread, 0.95, 400, 0.5)
    return Finding("membership", name, None, "t", "measured", estimates={"auc": one})


def proof(name: str, planted: float = 0.95, null: float = 0.5) -> Finding:
    estimates = {
        key: Estimate(value, value - 0.02, value + 0.02, 0.95, 400, 0.5)
        for key, value in (("planted_auc", planted), ("null_auc", null))
    }
    return Finding(
        "competence", name, None, "t", "measured", estimates=estimates, proves="membership"
    )
