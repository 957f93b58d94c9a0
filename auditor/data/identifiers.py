"""Kinds of direct identifier, and how they are told in a text."""

from __future__ import annotations

import re

#: Classes that identify by themselves; the others are shown beside them.
DIRECT = ("date", "name", "contact", "number", "device", "place")


AGE_OVER_89, FREE_TEXT = "age over 89", "free text"


_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"


_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "date",
            r"(?<!\d)(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|2\d)?\d\d(?!\d)",
        ),
        ("date", r"(?<!\d)(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/(?:19|2\d)?\d\d(?!\d)"),
        (
            "date",
            r"(?<!\d)(?:19|2\d)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?!\d)",
        ),
        ("date", rf"(?<![a-z\d])\d{{1,2}}[ -]{_MONTH}[ -](?:19|2\d)?\d\d(?!\d)"),
        ("date", rf"\b{_MONTH} \d{{1,2}},? (?:19|2\d)\d\d(?!\d)"),
        ("contact", r"[\w.+-]+@[\w-]+\.[a-z]{2,}"),
        ("contact", r"\bhttps?://\S+"),
        ("contact", r"(?<![\w.])(?:\+\d{1,3}[ -]?)?\(?\d{3}\)?[ -]\d{3}[ -]\d{4}(?!\d)"),
        (
            "contact",
            r"(?<!\d)(?:\d{1,3}\.){3}\d{1,3}(?!\d)(?=.*\bip\b)|\b(?:tel|phone|fax)\b\W*\d{4,}",
        ),
        ("number", r"(?<![\d.-])\d{3}-\d{2}-\d{4}(?![\d.-])"),
        (
            "number",
            r"\b(?:mrn|ssn|nhs|(?:patient|case) ?(?:id|no|number)|insurance)\b\W*\w*\d",
        ),
        ("device", r"\b(?:serial|s/n|cart(?: ?id)?|device ?(?:id|no))\b\W*\w*\d"),
        ("place", r"\b(?:zip|postcode|postal code|ward|room|street|address)\b\W*\w+"),
        (
            "name",
            r"\b(?:(?:patient|full|first|last|family|given)[ _]?names?|name|surname|physician|"
            r"doctor|nurse|technician|referred by|operator)\b\s*[:=]\s*(?!unknown\b|n/?a\b|none\b)"
            r"\w{2,}",
        ),
        # "96 ms. In lead V5" and "ms and" name nobody.
        ("name", r"(?<!\d )\b(?:dr|mr|mrs|ms|prof)\.? (?-i:[A-Z])[\w'-]+"),
    )
)


#: Texts are searched in pieces, for what a pattern costs may grow with the square of a piece; no
#: identifier is longer than what two pieces share.
_PIECE, _SHARED = 512, 128


def classes_in(text: str) -> set[str]:
    """The classes of identifier that a text holds, by pattern."""
    found: set[str] = set()
    for start in range(0, max(len(text) - _SHARED, 1), _PIECE - _SHARED):
        piece = text[start : start + _PIECE]
        found |= {name for name, pattern in _PATTERNS if pattern.search(piece)}
    return found
