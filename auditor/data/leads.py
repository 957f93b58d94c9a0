"""Which leads of a release are looked at, and which are there and are not."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from auditor.core.record import STANDARD_LEADS

#: The leads that hold everything: III, aVR, aVL and aVF are sums of I and II.
_INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
#: A lead is used when at least this share of the records has it.
_COMMON = 0.95


def common_leads(leads: pd.Series) -> tuple[str, ...]:
    """The leads nearly all records have, without those that are sums of others.

    When no lead is common, the one that most records have.
    """
    having = Counter(lead for one in leads for lead in str(one).split())
    common = [lead for lead, n in having.items() if n >= _COMMON * len(leads)]
    independent = [lead for lead in common if lead in _INDEPENDENT]
    if {"I", "II"} <= set(independent):
        common = [lead for lead in common if lead in _INDEPENDENT or lead not in STANDARD_LEADS]
    if not common:
        common = [max(having, key=lambda lead: (having[lead], lead))]
    order = {lead: place for place, lead in enumerate(STANDARD_LEADS)}
    return tuple(sorted(common, key=lambda lead: (order.get(lead, len(order)), lead)))


def without_their_leads(leads: pd.Series) -> int:
    """How many records hold a lead that is no sum of others, and is not looked at.

    Parameters
    ----------
    leads : of each record the names, with spaces between
    """
    looked_at = set(common_leads(leads))
    held = leads.astype(str).map(_independent)
    return int(held.map(lambda names: not names <= looked_at).sum())


def _independent(leads: str) -> frozenset[str]:
    """Of the leads of one record those that are no sums of others."""
    names = leads.split()
    if not {"I", "II"} <= set(names):
        return frozenset(names)
    return frozenset(one for one in names if one in _INDEPENDENT or one not in STANDARD_LEADS)
