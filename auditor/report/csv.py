"""The estimates as a table: one row each, for a spreadsheet or a notebook."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace

from auditor.core.finding import Audit, Estimate, Ruling
from auditor.core.formatting import finest

FORMATS = {"csv": "estimates.csv"}

COLUMNS = (
    *("finding", "check", "view", "protocol", "estimate"),
    *("value", "low", "high", "level", "n_subjects", "chance"),
    *("rule", "limit", "outcome"),
)

#: What a spreadsheet takes for the beginning of a formula, in the wide forms of East Asia too.
_FORMULA = tuple("=+-@＝＋－＠\t\r\n")
#: Where a reader of another separator than the comma, or one that heeds no quotes, may see a cell
#: begin; each run of such marks and spaces is looked at once.
_CELLS = ";\t\r\n"
_WITHIN = re.compile(r"(?<![\s;])([\s;]++)(?=[=+\-@＝＋－＠])")
#: What begins as one and is a number.
_NEGATIVE = re.compile(r"-\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


def render(audit: Audit) -> str:
    """A row for each estimate, rounded, with the rule that was judged by it; empty where none."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    judged = {(rule.finding, rule.estimate): rule for rule in audit.verdict.rules}
    for finding in audit:
        names = (finding.id, finding.check, finding.view or "", finding.protocol or "")
        for name, estimate in finding.estimates.items():
            rule = judged.get((finding.id, name))
            rows.writerow([*map(inert, (*names, name)), *_numbers(estimate), *_judged(rule)])
    return text.getvalue()


def supported(estimate: Estimate) -> Estimate:
    """An estimate in as many digits as its interval supports.

    What guessing scores is not measured, and keeps two digits of its own.
    """
    width = estimate.high - estimate.low
    # Without a width the value is a count of people, and is as fine as one of them.
    width = width if width > 0 else 1 / max(estimate.n_subjects, 1)
    digits = finest(width) if math.isfinite(width) else 3
    chance = estimate.chance
    if chance and math.isfinite(chance):
        chance = round(chance, max(digits, 1 - math.floor(math.log10(abs(chance)))))
    return replace(
        estimate,
        value=_rounded(estimate.value, digits),
        low=_rounded(estimate.low, digits),
        high=_rounded(estimate.high, digits),
        chance=chance,
    )


def _rounded(value: float, digits: int) -> float:
    # + 0.0 makes of -0.0 what it is.
    return round(value, digits) + 0.0 if math.isfinite(value) else value


def _numbers(estimate: Estimate) -> list[str]:
    one = supported(estimate)
    numbers = (one.value, one.low, one.high, one.level, one.n_subjects, one.chance)
    return [_number(number) for number in numbers]


def _judged(rule: Ruling | None) -> list[str]:
    return ["", "", ""] if rule is None else [inert(rule.id), _number(rule.limit), rule.outcome]


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.12g}"


def inert(text: str) -> str:
    """Text that no spreadsheet runs, whatever it takes for the end of a cell; a number below 0
    stays one.
    """
    text = _WITHIN.sub(lambda run: run[0] + "'" * any(one in _CELLS for one in run[0]), text)
    runs = any(one.startswith(_FORMULA) for one in (text, text.lstrip()))
    return f"'{text}" if runs and not _NEGATIVE.fullmatch(text) else text
