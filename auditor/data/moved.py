"""Dates that were moved, as `shifted` of a descriptor says of them."""

from __future__ import annotations

import re
from datetime import date

#: A year of four digits, by itself or at the head of a date without separators.
_YEAR = re.compile(r"(?<!\d)(\d{4})(?=(?:\d{4}(?:\d{2}){0,3})?(?!\d))")


def is_yet_to_come(text: str) -> bool:
    """Whether a date lies in years to come, so that it is no recording's own: it was moved."""
    years = [int(one) for one in _YEAR.findall(text)]
    return bool(years) and min(years) > date.today().year
