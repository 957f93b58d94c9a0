"""The verdict as a page of Markdown: for the summary of a CI job, or a comment on a change."""

from __future__ import annotations

import re

from auditor.core import formatting
from auditor.core.finding import Audit, Ruling
from auditor.policy import words
from auditor.report import summary, terms

FORMATS = {"markdown": "summary.md"}

_REASONS = 20
_MARKUP = re.compile(r"([\\`*_\[\]|~$])")
#: What makes a heading, a list or a rule of a line that begins with it.
_BEGINNING = re.compile(r"^(\d*)([#+=.)-])")
#: After which a word joiner keeps a hub from making a mention, a reference or a link of a word.
_LINKS = re.compile(r"(@|#(?=\d)|:(?=//)|www(?=\.)|[Gg][Hh](?=-\d))")


def render(audit: Audit) -> str:
    """Verdict, rules, strongest numbers, and what was not assessed."""
    verdict = audit.verdict
    word, mark = summary.verdict_word(verdict), terms.OUTCOMES[verdict.outcome][1]
    lines = [
        f"## {mark} {word}: privacy audit of {escape(audit.release['name'])}",
        "",
        f"**{escape(summary.headline(verdict, audit.profile['name']))}**",
        "",
        *(f"- {escape(reason)}" for reason in summary.reasons(verdict)),
        "",
        *([escape(told), ""] if (told := summary.cleared(audit)) else []),
        *_rules(audit),
        *_accepted(audit),
        *_strongest(audit),
        *_missing(audit),
        f"{audit.release['n_subjects']:,} people, {audit.release['n_records']:,} recordings "
        f"({escape(audit.release['fingerprint'] or 'no fingerprint')}); "
        f"auditor {escape(audit.auditor['version'])}, preset "
        f"{escape(audit.auditor['preset'] or 'of your own')}, seed {audit.auditor['seed']}.",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that stays text in Markdown, also in a table, and calls nobody."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _LINKS.sub("\\1\u2060", text)
    return _BEGINNING.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", text))


def strongest(audit: Audit) -> list[str]:
    """What an intruder could do, as the page tells it."""
    told = []
    for one in summary.intruder(audit):
        finding = one.finding
        bound = "an upper bound" if finding.protocol in terms.UPPER_BOUNDS else ""
        about = ", ".join(filter(None, (terms.view_title(finding), terms.setting(finding), bound)))
        question = words.about(finding.check).title + (f" ({about})" if about else "")
        told.append(f"{question}. {one.sentence}")
    return told


def acceptance(rule: Ruling) -> str:
    """Who answers for a failure that does not count; "" where it counts, or nothing failed."""
    if not rule.accepted:
        return ""
    told = [
        f"waived by {one.owner} until {one.expires.isoformat()}: {one.reason}"
        for one in rule.waived
    ]
    if rule.known:
        told.append("known: the baseline failed by it too, and no better")
    return "; ".join(told)


def missing(audit: Audit) -> list[str]:
    """What was asked and not measured, under the reason why; views of one question come once."""
    asked: dict[str, dict[str, None]] = {}
    for finding in audit:
        if finding.status == "measured" or not finding.released:
            continue
        setting = terms.setting(finding)
        question = words.about(finding.check).title + (f" ({setting})" if setting else "")
        asked.setdefault(finding.reason or "", {})[question] = None
    told = [f"{'; '.join(questions)}: {reason}" for reason, questions in asked.items()]
    more = len(told) - _REASONS
    return [*told[:_REASONS], f"and {more:,} more reasons"] if more > 0 else told


def _rules(audit: Audit) -> list[str]:
    rows = [
        _row(rule.id + ("" if rule.required else " (not required)"), *_told(rule, audit))
        for rule in audit.verdict.rules
    ]
    return _table(("Rule", "Outcome", "Measured", "Guessing", "Limit", "Limit from"), rows)


def _told(rule: Ruling, audit: Audit) -> tuple[str, ...]:
    word, mark, _ = terms.OUTCOMES[rule.outcome]
    asked = summary.asked_of(audit, rule)
    unit = asked[1].unit if asked else "number"
    measured = chance = "–"
    if estimate := summary.measured_by(audit, rule):
        value, low, high = formatting.interval(estimate, unit)
        measured = f"{value} ({low} to {high})"
        chance = formatting.amount(estimate.chance, unit)
    if rule.accepted:
        word += ", accepted"
    return f"{mark} {word}", measured, chance, formatting.amount(rule.limit, unit), rule.basis


def _accepted(audit: Audit) -> list[str]:
    rows = [
        f"- {escape(rule.id)}: {escape(told)}"
        for rule in audit.verdict.rules
        if (told := acceptance(rule))
    ]
    return ["### Failures that somebody accepts", "", *rows, ""] if rows else []


def _strongest(audit: Audit) -> list[str]:
    rows = [f"- {escape(one)}" for one in strongest(audit)]
    return ["### What an intruder could do", "", *rows, ""] if rows else []


def _missing(audit: Audit) -> list[str]:
    rows = [f"- {escape(one)}" for one in missing(audit)]
    return ["### What was not measured", "", *rows, ""] if rows else []


def _table(columns: tuple[str, ...], rows: list[str]) -> list[str]:
    ruled = "|" + " --- |" * len(columns)
    return [_row(*columns), ruled, *rows, ""]


def _row(*cells: str) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
