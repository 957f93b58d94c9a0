"""What laws and standards ask, row by row: measured, not measured, or beyond this tool.

A row says *measured* only where a finding of the audit answers it, and then shows its number. The
texts are ours; they say what a provision asks, and are no legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import yaml

from auditor.core import formatting
from auditor.core.finding import Audit, Finding
from auditor.policy import words
from auditor.resources import resource

Status = Literal["measured", "not measured", "outside"]
#: How a status is told.
STATUSES: Mapping[Status, str] = {
    "measured": "Measured",
    "not measured": "Not measured",
    "outside": "Outside what this tool can measure",
}


@dataclass(frozen=True)
class Number:
    """A finding that answers a row, and what it says."""

    finding: Finding
    says: str


@dataclass(frozen=True)
class Row:
    """One thing that is asked, and the answer.

    Attributes
    ----------
    clause, asks : where it is asked, and what, in our words
    status : measured only where `numbers` holds a finding
    says : why nothing was measured, or what the reader has to add
    """

    clause: str
    asks: str
    status: Status
    numbers: tuple[Number, ...]
    says: str


@dataclass(frozen=True)
class Annex:
    """A law or a standard, and what this audit has to say to it."""

    key: str
    title: str
    about: str
    rows: tuple[Row, ...]

    def count(self, status: Status) -> int:
        """How many rows have a status."""
        return sum(row.status == status for row in self.rows)


@dataclass(frozen=True)
class Evidence:
    """The measurement that answers: a check, under a protocol, by the first metric there is.

    `kinds` are kinds of identifier: what was met of them answers, not a share.
    """

    check: str
    metrics: Sequence[str] = ()
    protocol: str | None = None
    kinds: Sequence[str] = ()


@dataclass(frozen=True)
class Asked:
    """One thing that is asked: where, what, which measurements answer, else what to add."""

    clause: str
    asks: str
    by: tuple[Evidence, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Regulation:
    """A law or a standard, as its file in `configs/regulations/` tells it."""

    key: str
    order: int
    title: str
    about: str
    rows: tuple[Asked, ...]


@cache
def regulations() -> tuple[Regulation, ...]:
    """Every law and standard that is known, in order."""
    found = []
    for path in resource("configs/regulations").glob("*.yaml"):
        raw = yaml.CSafeLoader(path.read_text("utf-8")).get_single_data()
        rows = (
            Asked(**row | {"by": tuple(Evidence(**one) for one in row.get("by", ()))})
            for row in raw["rows"]
        )
        found.append(Regulation(key=path.stem, **raw | {"rows": tuple(rows)}))
    return tuple(sorted(found, key=lambda one: one.order))


def annexes(audit: Audit) -> list[Annex]:
    """What laws and standards ask, and what this audit answers."""
    return [
        Annex(one.key, one.title, one.about, tuple(_row(audit, row) for row in one.rows))
        for one in regulations()
    ]


def _row(audit: Audit, asked: Asked) -> Row:
    if not asked.by:
        return Row(asked.clause, asked.asks, "outside", (), asked.note)
    numbers = tuple(one for by in asked.by if (one := _number(audit, by)))
    if numbers:
        return Row(asked.clause, asked.asks, "measured", numbers, "")
    return Row(asked.clause, asked.asks, "not measured", (), _why_not(audit, asked.by))


def _number(audit: Iterable[Finding], by: Evidence) -> Number | None:
    """The strongest measurement that answers."""
    fitting = [one for one in audit if _fits(one, by) and one.status == "measured"]
    if by.kinds:
        return (
            Number(fitting[0], _met(fitting[0].params.get("hits"), by.kinds)) if fitting else None
        )
    for name in by.metrics:
        having = [one for one in fitting if name in one.estimates]
        if not having:
            continue
        metric = words.metric(by.check, name)
        if metric.worse == "lower":
            worst = min(having, key=lambda one: one.estimates[name].high)
        else:
            worst = max(having, key=lambda one: one.estimates[name].low)
        estimate = worst.estimates[name]
        value, low, high = formatting.interval(estimate, metric.unit)
        says = f"{metric.title}: {value} ({low} to {high})"
        if estimate.chance is not None:
            says += f", guessing {formatting.amount(estimate.chance, metric.unit)}"
        return Number(worst, f"{says}; {estimate.n_subjects:,} people")
    return None


def _fits(finding: Finding, by: Evidence) -> bool:
    fits = finding.check == by.check and by.protocol in (None, finding.protocol)
    return fits and finding.released


def _met(hits: Any, kinds: Sequence[str]) -> str:
    """Where identifiers of some kinds were met, and with how many people."""
    rows = [one for one in hits if isinstance(one, Mapping)] if isinstance(hits, list) else []
    told = []
    for one in rows:
        if one.get("class") in kinds:
            people = one.get("people")
            count = f"{people:,}" if isinstance(people, int) else str(people)
            told.append(f"{one['class']} in {one.get('where', 'the files')} ({count} people)")
    looked = " and ".join(kinds)
    return f"Found: {'; '.join(told)}" if told else f"Looked for ({looked}); none was found"


def _why_not(audit: Audit, every: Sequence[Evidence]) -> str:
    for by in every:
        for one in audit:
            if _fits(one, by) and one.reason:
                return f"{words.about(one.check).title}: {one.reason}"
    titles = dict.fromkeys(words.about(by.check).title for by in every)
    return f"Not part of this audit, or too few people: {', '.join(titles)}"
