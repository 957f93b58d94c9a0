"""What laws and standards ask, row by row: measured, not measured, or beyond this tool.

A row says *measured* only where a finding of the audit answers it, and then shows its number. The
texts are ours; they say what a provision asks, and are no legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from auditor.core import formatting
from auditor.core.finding import Audit, Finding
from auditor.report import labels, words

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
class _By:
    """The measurement that answers: a check, under a protocol, by the first estimate there is.

    `kinds` are kinds of identifier: what was met of them answers, not a share.
    """

    check: str
    estimates: tuple[str, ...] = ()
    protocol: str | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    clause: str
    asks: str
    by: tuple[_By, ...] = ()
    note: str = ""


_LINKED = _By("linkage", ("rank1",), "cross-session")
_OPEN_SET = _By("linkage", ("tpir_at_fpir_1pct", "tpir_at_fpir_10pct"), "cross-session")
_TOLD_APART = _By("linkage", ("eer",), "cross-session")
_BETWEEN_RELEASES = _By("linkage", ("rank1",), "cross-release")
_MOST_EXPOSED = _By("uniqueness", ("max_risk",))
_ON_AVERAGE = _By("uniqueness", ("mean_risk",))
_SMALL_GROUPS = _By("uniqueness", ("below_11",))
_DIRECT = _By("identifiers", ("direct",))
_SEX = _By("attribute", ("sex_auc",))
_AGE = _By("attribute", ("age_gain_years",))
_MEMBERS = _By("membership", ("tpr_at_fpr_1pct", "auc"))
_SINGLED = _By("membership", ("singled_out",))
_COPIES = _By("memorisation", ("copied", "extracted"))
_RECITED = _By("text", ("full_recited", "unique", "unique_by_one"))
_BY_OUTPUT = _By("output-linkage", ("rank1",))
_REBUILT = _By("inversion", ("r2_best",))
_FROM_OUTPUT = _By("output-attribute", ("sex_auc",))
_COMPETENT = _By("competence", ("planted_rank1", "planted_tpr_at_fpr_1pct", "planted_auc"))
_FILE = _By("structure", ("leaf_alone", "path_alone", "isolated", "rebuilt"))

_NO_RULE = "No pattern of this tool looks for it; somebody has to look."
_YOURS = "For the steward to write."


def _kinds(*kinds: str) -> tuple[_By, ...]:
    return (_By("identifiers", kinds=kinds),)


_ASKED: Sequence[tuple[str, str, str, Sequence[_Asked]]] = (
    (
        "safe-harbor",
        "HIPAA Safe Harbor, 45 CFR 164.514(b)(2)",
        "Eighteen kinds of identifier have to be gone, and nobody may know that what is left "
        "identifies. Where hearts can be linked, this tool cannot certify Safe Harbor: the way "
        "left is Expert Determination.",
        (
            _Asked("(A)", "Names", _kinds("name")),
            _Asked("(B)", "Places smaller than a state", _kinds("place")),
            _Asked(
                "(C)", "Dates finer than a year, and ages over 89", _kinds("date", "age over 89")
            ),
            _Asked("(D)", "Telephone numbers", _kinds("contact")),
            _Asked("(E)", "Fax numbers", _kinds("contact")),
            _Asked("(F)", "E-mail addresses", _kinds("contact")),
            _Asked("(G)", "Social security numbers", _kinds("number")),
            _Asked("(H)", "Medical record numbers", _kinds("number")),
            _Asked("(I)", "Numbers of a health plan", _kinds("number")),
            _Asked("(J)", "Account numbers", note=_NO_RULE),
            _Asked("(K)", "Numbers of certificates and licences", note=_NO_RULE),
            _Asked("(L)", "Vehicles and number plates", note=_NO_RULE),
            _Asked("(M)", "Devices and their serial numbers", _kinds("device")),
            _Asked("(N)", "Web addresses", _kinds("contact")),
            _Asked("(O)", "Internet addresses", _kinds("contact")),
            _Asked("(P)", "Biometric identifiers", (_LINKED, _TOLD_APART)),
            _Asked("(Q)", "Photographs of a face", note="Pictures are not looked at."),
            _Asked(
                "(R)", "Anything else that is unique to a person", (_MOST_EXPOSED, _SMALL_GROUPS)
            ),
            _Asked(
                "(ii)",
                "No actual knowledge that what is left identifies somebody",
                note="A statement of the holder; the findings of this page are such knowledge.",
            ),
        ),
    ),
    (
        "expert",
        "HIPAA Expert Determination, 45 CFR 164.514(b)(1)",
        "An expert finds the risk very small, and writes down how. The law names no number.",
        (
            _Asked(
                "(i)",
                "The risk that the recipient identifies a person, alone or with what else can be "
                "had, is very small",
                (_LINKED, _MOST_EXPOSED, _DIRECT),
            ),
            _Asked("(i)", "The same for a model that is released", (_MEMBERS, _BY_OUTPUT)),
            _Asked(
                "(i)", "The attack itself was able: what was planted was found", (_COMPETENT,)
            ),
            _Asked("(ii)", "Methods and results are documented", note="This page and audit.json."),
            _Asked("(1)", "A person with knowledge and experience decides", note="See Sign-off."),
        ),
    ),
    (
        "wp29",
        "GDPR Recital 26, and the three criteria of WP29 Opinion 05/2014",
        "Data are anonymous when nobody is identifiable by any means reasonably likely to be used, "
        "by the controller or another. No number is in the law.",
        (
            _Asked(
                "Recital 26",
                "Means reasonably likely to be used: the strongest attacker measured",
                (_LINKED, _OPEN_SET),
            ),
            _Asked(
                "Recital 26",
                "Costs, time and technology of an attack, now and to come",
                note="Settings, versions and time of each attack stand under Method.",
            ),
            _Asked(
                "Singling out", "A person's records can be isolated", (_MOST_EXPOSED, _SMALL_GROUPS)
            ),
            _Asked(
                "Linkability",
                "Two records of one person can be joined",
                (_LINKED, _BETWEEN_RELEASES),
            ),
            _Asked("Inference", "What was withheld can be deduced", (_SEX, _AGE)),
            _Asked(
                "Art. 9",
                "Fit to identify a person uniquely, as biometric data are",
                (_TOLD_APART,),
            ),
        ),
    ),
    (
        "edpb",
        "EDPB Opinion 28/2024, for models",
        "A model is anonymous where it is very unlikely that people are identified from it, or "
        "their data drawn out by questions; case by case, and documented.",
        (
            _Asked("Membership", "Telling who was trained on", (_MEMBERS, _SINGLED)),
            _Asked("Extraction", "Drawing training data out of the model", (_COPIES, _RECITED)),
            _Asked("Inversion", "Rebuilding what went in", (_REBUILT,)),
            _Asked("The file", "What the parameters tell whoever holds the file", (_FILE,)),
            _Asked("Answers", "Linking a person by what the model gives out", (_BY_OUTPUT,)),
            _Asked("Inference", "Learning what was withheld from the answers", (_FROM_OUTPUT,)),
            _Asked(
                "Lawfulness",
                "Whether the data could lawfully be used for the training",
                note="A question of law.",
            ),
        ),
    ),
    (
        "ema",
        "EMA Policy 0070 and Health Canada PRCI",
        "Guidance recommends a risk of at most 0.09 for each person, and a report that names the "
        "variables, the measure, the threshold and what is left. A precedent, not a law.",
        (
            _Asked("Risk", "The highest risk of a person, not the mean", (_MOST_EXPOSED,)),
            _Asked("Risk", "The mean, for comparison", (_ON_AVERAGE,)),
            _Asked("Direct identifiers", "Removed or replaced", (_DIRECT,)),
            _Asked("Attack", "An intruder who holds a recording", (_LINKED,)),
            _Asked("Residual risk", "What an intruder could still infer", (_SEX, _AGE)),
            _Asked(
                "Utility",
                "What the data are still good for after the remedies",
                note="No remedy was tried in this audit.",
            ),
        ),
    ),
    (
        "iso27559",
        "ISO/IEC 27559:2022, clause by clause",
        "A framework: context, data, identifiability, governance. Evidence is looked for in every "
        "clause.",
        (
            _Asked(
                "6 Context",
                "Who receives it, what they hold beside it, how it is guarded",
                note="The profile states whom it was judged for; the steward confirms it.",
            ),
            _Asked("6 Context", "Threats: what an attacker would try", (_LINKED, _MEMBERS)),
            _Asked("7 Data", "Direct identifiers in the data", (_DIRECT,)),
            _Asked("7 Data", "Attributes that single out together", (_SMALL_GROUPS,)),
            _Asked("8 Identifiability", "Quantified: the highest risk", (_MOST_EXPOSED,)),
            _Asked("8 Identifiability", "Quantified: the mean risk", (_ON_AVERAGE,)),
            _Asked("8 Identifiability", "Tested by attack", (_LINKED, _MEMBERS, _BY_OUTPUT)),
            _Asked("8 Identifiability", "The test could have found something", (_COMPETENT,)),
            _Asked(
                "8 Mitigation",
                "Identifiability lowered until it is within the limit",
                note="No remedy was tried in this audit.",
            ),
            _Asked("9 Governance", "Roles, training, agreements, incidents", note=_YOURS),
            _Asked(
                "9 Governance",
                "Assessed again as data and attacks change",
                note="Scan again before each release; `auditor compare` tells what changed.",
            ),
        ),
    ),
    (
        "nist",
        "NIST SP 800-188 (2023)",
        "De-identification of government data sets: a board that reviews, a standard that can be "
        "measured, and studies of re-identification.",
        (
            _Asked("Goals", "A standard that can be measured: the rules of the profile",
                   (_LINKED, _MOST_EXPOSED, _DIRECT, _MEMBERS)),
            _Asked("Study", "A re-identification study on these data", (_LINKED, _OPEN_SET)),
            _Asked("Study", "On models trained on these data", (_MEMBERS,)),
            _Asked("Board", "Reviewed by a disclosure review board", note="See Sign-off."),
            _Asked("Model of release", "Open, under agreement, or in an enclave",
                   note="The profile states it; the steward confirms it."),
            _Asked("Life", "Watched and reviewed after release", note=_YOURS),
        ),
    ),
    (
        "dpia",
        "For a data protection impact assessment, GDPR Art. 35(7)",
        "What an assessment has to contain, and which part of it this audit supplies.",
        (
            _Asked("(a)", "The processing and its purposes, described", note=_YOURS),
            _Asked("(b)", "Whether it is necessary and proportionate", note=_YOURS),
            _Asked("(c)", "Risks to people: being found", (_LINKED, _MOST_EXPOSED, _DIRECT)),
            _Asked("(c)", "Risks to people: what is learnt about them", (_SEX, _AGE)),
            _Asked("(c)", "Risks to people: by models", (_MEMBERS, _COPIES, _RECITED, _BY_OUTPUT)),
            _Asked(
                "(d)",
                "Measures against these risks, and what they achieve",
                note="No remedy was tried in this audit. What can be done stands under What to do "
                "next.",
            ),
        ),
    ),
)  # fmt: skip


def annexes(audit: Audit) -> list[Annex]:
    """What laws and standards ask, and what this audit answers."""
    return [
        Annex(key, title, about, tuple(_row(audit, one) for one in asked))
        for key, title, about, asked in _ASKED
    ]


def _row(audit: Audit, asked: _Asked) -> Row:
    if not asked.by:
        return Row(asked.clause, asked.asks, "outside", (), asked.note)
    numbers = tuple(one for by in asked.by if (one := _number(audit, by)))
    if numbers:
        return Row(asked.clause, asked.asks, "measured", numbers, "")
    return Row(asked.clause, asked.asks, "not measured", (), _why_not(audit, asked.by))


def _number(audit: Iterable[Finding], by: _By) -> Number | None:
    """The strongest measurement that answers."""
    fitting = [one for one in audit if _fits(one, by) and one.status == "measured"]
    if by.kinds:
        return (
            Number(fitting[0], _met(fitting[0].params.get("hits"), by.kinds)) if fitting else None
        )
    for name in by.estimates:
        label = labels.estimate_label(name)
        having = [one for one in fitting if name in one.estimates]
        if not having:
            continue
        if label.lower_is_worse:
            worst = min(having, key=lambda one: one.estimates[name].high)
        else:
            worst = max(having, key=lambda one: one.estimates[name].low)
        estimate = worst.estimates[name]
        value, low, high = formatting.interval(estimate, label.unit)
        says = f"{label.title}: {value} ({low} to {high})"
        if estimate.chance is not None:
            says += f", guessing {formatting.amount(estimate.chance, label.unit)}"
        return Number(worst, f"{says}; {estimate.n_subjects:,} people")
    return None


def _fits(finding: Finding, by: _By) -> bool:
    return finding.check == by.check and by.protocol in (None, finding.protocol)


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


def _why_not(audit: Audit, every: Sequence[_By]) -> str:
    for by in every:
        for one in audit:
            if _fits(one, by) and one.reason:
                return f"{words.check_title(one.check)}: {one.reason}"
    titles = dict.fromkeys(words.check_title(by.check) for by in every)
    return f"Not part of this audit, or too few people: {', '.join(titles)}"
