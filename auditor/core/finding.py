"""What was measured, and what it amounts to: estimates, findings, a verdict, an audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Literal

Status = Literal["measured", "skipped", "failed"]
Outcome = Literal["pass", "fail", "inconclusive", "not assessed"]

#: 0 every required rule passed; 1 a rule failed; 3 a required rule is not settled. (2, "not
#: completed", never has an audit.)
EXIT_STATUS: Mapping[Outcome, int] = {"pass": 0, "fail": 1, "inconclusive": 3, "not assessed": 3}


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and what guessing would score.

    Attributes
    ----------
    value, low, high : fractions, or the unit that the name ends in (`_years`)
    level : coverage of the interval
    n_subjects : people behind it
    chance : what guessing scores, None where guessing has no meaning
    """

    value: float
    low: float
    high: float
    level: float
    n_subjects: int
    chance: float | None


@dataclass(frozen=True)
class Finding:
    """One attack on one view under one protocol.

    Attributes
    ----------
    inapplicable : numbers that what was asked cannot have, and why; what broke, or was not
        looked at, is none of them
    leads : of the records that were attacked by other leads than all are, such as "I+II"
    proves : where an attack was put to the proof, the check whose attack it is
    rounded_to, stopped_at : of a model as it could be released instead, with scores of so many
        decimals, or after so many rounds or steps of training
    """

    check: str
    view: str | None
    protocol: str | None
    threat: str
    status: Status
    reason: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    #: name → columns of equal length, e.g. {"cmc": {"rank": [...], "rate": [...]}}
    curves: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict)
    inapplicable: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    leads: str | None = None
    proves: str | None = None
    rounded_to: int | None = None
    stopped_at: int | None = None

    def __post_init__(self) -> None:
        if (self.status == "measured") != (self.reason is None):
            raise ValueError(f"{self.id}: a reason is owed exactly where nothing was measured")
        if both := self.inapplicable.keys() & (self.estimates.keys() | self.params.keys()):
            raise ValueError(f"{self.id}: cannot have {min(both)!r}, and tells it")

    @property
    def id(self) -> str:
        """`check/proves/view/protocol/leads/variant`, without the parts that do not apply."""
        rounded = None if self.rounded_to is None else f"{self.rounded_to}-decimals"
        stopped = None if self.stopped_at is None else f"stopped-at-{self.stopped_at}"
        parts = (self.check, self.proves, self.view, self.protocol, self.leads, rounded, stopped)
        return "/".join(part for part in parts if part)

    @property
    def released(self) -> bool:
        """Whether it is about what is released: no rule judges what could be instead."""
        return self.rounded_to is None and self.stopped_at is None

    @property
    def output(self) -> str:
        """What of a model was looked at; "" the model as a whole, or recordings."""
        view = self.view or ""
        return view.rpartition(".")[2] if "." in view else ""


@dataclass(frozen=True)
class Waiver:
    """Somebody's word that a rule may fail by one finding, until a day.

    Attributes
    ----------
    rule, finding : which failure is accepted
    owner : who answers for it, by role or name
    expires : the last day on which it holds
    """

    rule: str
    finding: str
    owner: str
    reason: str
    expires: date


@dataclass(frozen=True)
class Ruling:
    """What one rule of a profile says about an audit.

    Attributes
    ----------
    waived : the waivers that put failing findings of this rule aside
    known : whether it failed no better in the baseline that the audit was held against
    """

    id: str
    outcome: Outcome
    reason: str
    required: bool
    limit: float
    basis: str
    finding: str | None = None
    estimate: str | None = None
    waived: tuple[Waiver, ...] = ()
    known: bool = False

    @property
    def accepted(self) -> bool:
        """Whether it failed, and by nothing that was not waived or known."""
        waived = self.finding in {one.finding for one in self.waived}
        return self.outcome == "fail" and (waived or self.known)

    @property
    def counts(self) -> bool:
        """Whether the verdict heeds it."""
        return self.required and not self.accepted


@dataclass(frozen=True)
class Verdict:
    """What a profile says about an audit: its worst rule that counts."""

    outcome: Outcome
    rules: tuple[Ruling, ...]

    @property
    def exit_status(self) -> int:
        """0 passed, 1 a rule failed, 3 a required rule is not settled."""
        return EXIT_STATUS[self.outcome]


@dataclass(frozen=True)
class Audit:
    """A finished audit; `report.json` writes it and reads it back."""

    auditor: Mapping[str, Any]
    release: Mapping[str, Any]
    profile: Mapping[str, Any]
    verdict: Verdict
    findings: tuple[Finding, ...]
    #: How a notebook shows an audit; `auditor.report` sets it, of which this layer knows nothing.
    shown: ClassVar[Callable[[Audit], str] | None] = None

    def _repr_html_(self) -> str | None:
        return Audit.shown(self) if Audit.shown else None

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __getitem__(self, finding: str) -> Finding:
        """The finding with this id."""
        for one in self.findings:
            if one.id == finding:
                return one
        raise KeyError(finding)
