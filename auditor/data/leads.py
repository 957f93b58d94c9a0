"""Which records of a release are attacked together, and by which leads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.evidence import MIN_PEOPLE
from auditor.core.record import STANDARD_LEADS

#: The leads that hold everything: III, aVR, aVL and aVF are sums of I and II.
_INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
#: A lead is common when at least this share of the records has it.
_COMMON = 0.95
#: So many records, as a share, may lack a common lead without a search of their own.
_FEW = 0.05
#: Searches of the whole release for what few records hold: each may cost as much as the first.
_MOST_SHARED = 4


@dataclass(frozen=True, eq=False)
class LeadSet:
    """Records that are attacked together.

    Attributes
    ----------
    leads : that they are attacked by
    rows : (n,) where they stand in the manifest
    """

    leads: tuple[str, ...]
    rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """What findings about it are called by: `I+II`."""
        return "+".join(self.leads)


def common_leads(leads: pd.Series) -> tuple[str, ...]:
    """The leads nearly all records have, without those that are sums of others.

    When no lead is common, those that nearly all records have that hold the commonest lead.
    """
    counts: Counter[frozenset[str]] = Counter()
    for one, n in leads.astype(str).value_counts().items():
        counts[frozenset(str(one).split())] += int(n)
    if not (common := _held_by_nearly_all(counts)):
        having = _having(counts)
        commonest = max(_in_order(having), key=lambda lead: having[lead])
        common = _held_by_nearly_all(
            Counter({held: n for held, n in counts.items() if commonest in held})
        )
    return _in_order(_independent(common))


def _having(counts: Counter[frozenset[str]]) -> Counter[str]:
    """Of how many records each lead is."""
    having: Counter[str] = Counter()
    for held, n in counts.items():
        having.update(dict.fromkeys(held, n))
    return having


def _held_by_nearly_all(counts: Counter[frozenset[str]]) -> list[str]:
    return [lead for lead, n in _having(counts).items() if n >= _COMMON * counts.total()]


def lead_sets(manifest: pd.DataFrame, fewest: int = MIN_PEOPLE) -> list[LeadSet]:
    """What is attacked beside the whole release by its common leads.

    Records that hold more than the common leads, or lack one of them, are attacked by all of their
    leads, each set of leads by itself. A set of fewer people is looked for by the common leads; or,
    where it lacks one, in all records that hold the lead it shares with most people.

    Parameters
    ----------
    manifest : columns `leads`, names with spaces between, and `subject`
    fewest : people of whom numbers are told
    """
    return _sets(manifest, fewest)[0]


def not_attacked(manifest: pd.DataFrame, fewest: int = MIN_PEOPLE) -> int:
    """How many records neither hold the common leads nor are in one of `lead_sets`; 0 where they
    are so few that the numbers of the others stand for them.
    """
    n = len(_sets(manifest, fewest)[1])
    return n if n > _FEW * len(manifest) else 0


def _sets(manifest: pd.DataFrame, fewest: int) -> tuple[list[LeadSet], NDArray[np.int64]]:
    """The sets, and the rows of the records that nothing attacks."""
    leads = manifest["leads"].astype(str)
    subject = pd.factorize(manifest["subject"].astype(str))[0]
    codes, written = pd.factorize(leads)
    held = [frozenset(str(one).split()) for one in written]
    common = frozenset(common_leads(leads))
    # Records of one set of independent leads together, most records first.
    of_set: dict[frozenset[str], list[int]] = {}
    for code, names in enumerate(held):
        of_set.setdefault(frozenset(_independent(names)), []).append(code)
    rows = {names: np.flatnonzero(np.isin(codes, some)) for names, some in of_set.items()}

    def people(where: NDArray[np.int64]) -> int:
        return len(np.unique(subject[where]))

    def holding(lead: str) -> NDArray[np.int64]:
        return np.flatnonzero(np.array([lead in names for names in held])[codes])

    def by_most(names: frozenset[str]) -> tuple[int, list[str]]:
        return -len(rows[names]), sorted(names)

    found, left = [], []
    for names in sorted(rows, key=by_most):
        lacking = not all(common <= held[code] for code in of_set[names])
        if not lacking and names <= common:
            continue
        if people(rows[names]) >= fewest:
            found.append(LeadSet(_in_order(names), rows[names]))
        elif lacking:
            left.append(names)
    for _ in range(_MOST_SHARED):
        if sum(len(rows[names]) for names in left) <= _FEW * len(manifest):
            break
        most = {lead: holding(lead) for lead in _in_order(left[0])}
        lead = max(most, key=lambda one: people(most[one]))
        if people(most[lead]) < fewest:
            break
        shared = frozenset.intersection(*(held[code] for code in np.unique(codes[most[lead]])))
        found.append(LeadSet(_in_order(_independent(shared)), most[lead]))
        left = [names for names in left if lead not in names]
    return found, np.concatenate([rows[names] for names in left] or [np.empty(0, np.int64)])


def _independent(leads: Iterable[str]) -> list[str]:
    """Of some leads those that are no sums of others of them."""
    names = list(leads)
    if not {"I", "II"} <= set(names):
        return names
    return [one for one in names if one in _INDEPENDENT or one not in STANDARD_LEADS]


def _in_order(leads: Iterable[str]) -> tuple[str, ...]:
    order = {lead: place for place, lead in enumerate(STANDARD_LEADS)}
    return tuple(sorted(leads, key=lambda lead: (order.get(lead, len(order)), lead)))
