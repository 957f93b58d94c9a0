"""Ages over 89 in running text; what stands beside a key is read by `values.age_of`.

45 CFR 164.514(b)(2)(i)(C) lets one class of everybody from 90 on stand: `>89` and `90+` are that
class, `91` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.data.identifiers.classes import AGE_OVER_89, Hit
from auditor.data.identifiers.vocabulary import listed, plain
from auditor.data.values import NotUnderstoodError, age_of

_AGE = r"(?<![\d.,/<>≥+~-])(0?9\d|1[0-2]\d)(?:[.,]\d{1,2})?"
_UNITS = (
    r"(?:years?|yrs?\.?|y\.?\s?o\.?|y/o|jahre?n?|ans|años|anos|anni|jaar|år|ars|vuotta|vuotias|"
    r"wiosen|y)"
)
_OLD = (
    r"(?:old|of age|alt|de edad|d['’]âge|oud|gammal|gammel|de idade|di età|vanha|gamle?|"
    r"jährige?[rsn]?|jaehrige?[rsn]?|jarige?|årig|anziano)"
)
#: `91 years old`, `91-year-old`, `91 Jahre alt`, `91jährig`, `âgée de 91 ans`, `aged 91`, `091Y`.
_WRITTEN = (
    (re.compile(rf"{_AGE}[\s-]{{0,2}}{_UNITS}[\s-]{{1,2}}{_OLD}(?![^\W\d_])", re.I), True),
    (re.compile(rf"{_AGE}[\s-]?{_OLD}(?![^\W\d_])", re.I), True),
    (re.compile(r"(?<![^\W_])(09\d|1[0-2]\d)Y(?![^\W_])"), True),
    (re.compile(rf"{_AGE}\s?(?:yo|y/o|y\.o\.?)(?![^\W\d_])", re.I), True),
    (
        re.compile(
            r"\b(?:aged?|(?:im )?alter(?: von)?|âge|âgée? de|edad(?: de)?|età(?: di)?|"
            r"leeftijd(?: van)?|(?:i en )?alder(?: af)?|ålder|ikä|idade(?: de)?)"
            rf"\W{{1,3}}{_AGE}(?![\d.,%]|\s?(?:\+|%|(?:years?\s)?(?:and|or)\s|months?|mo|weeks?|"
            r"days?|ms|mm|hz))",
            re.I,
        ),
        True,
    ),
    (
        re.compile(rf"{_AGE}[\s-]?{_UNITS}[\s-]?(?:male|female|man|woman|m|f|lady)\b", re.I),
        True,
    ),
    (re.compile(r"(?<![\d.,/<>-])(9\d|1[0-2]\d)\s?[/-]?[MF](?![^\W_])"), False),
)  # fmt: skip
_OLD_ENOUGH = re.compile(r"(?<!\d)(?:0?9\d|1[0-2]\d)(?!\d)")
#: A number of years is an age, where it is no time that went by.
_YEARS = re.compile(
    rf"(\b[^\W\d_]{{1,12}}\s)?(?:(?:the|last|past|les|los|den|letzten)\s)?"
    rf"{_AGE}\s(?:years|yrs|jahre|ans|años|anos|anni|jaar|år|vuotta)(?![^\W\d_])"
    r"(?!\s(?:of|ago|after|before|later|follow|experience|nach|vor|später|après|después|dopo|na|efter))",
    re.IGNORECASE,
)
#: MIT-BIH's way: `91 M 1085 1629 x1`.
_POSITIONAL = re.compile(r"\W{0,3}(9\d|1[0-2]\d) [MF] -?\d{1,5} -?\d{1,5}")
_RULE = "an age over 89"


def find(text: str) -> Iterator[Hit]:
    """Every age over 89 that a text states."""
    if not _OLD_ENOUGH.search(text):
        return
    for pattern, sure in _WRITTEN:
        for one in pattern.finditer(text):
            yield Hit(AGE_OVER_89, one.start(), one.end(), _RULE, sure)
    for one in _YEARS.finditer(text):
        before = plain((one[1] or "").strip())
        yield Hit(AGE_OVER_89, one.start(2), one.end(), _RULE, before not in listed("passed"))
    if first := _POSITIONAL.match(text):
        yield Hit(AGE_OVER_89, first.start(1), first.end(1), _RULE)


def is_over_89(value: str, key: frozenset[str]) -> bool:
    """Whether a value is an age over 89, given beside a key with some words, and no band."""
    months = bool(key & {"months", "month", "monate", "mois", "meses", "mesi", "maanden"})
    days = bool(key & {"days", "tage", "jours", "dias", "giorni"})
    try:
        age = age_of(value, "months" if months else "days" if days else "")
    except NotUnderstoodError:
        return False
    return age is not None and age.years >= 90 and not age.pooled
