"""Can somebody who holds one ECG of a person find that person's other records?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.demographics import dated, groups_of
from auditor.attackers.fusion import FUSION
from auditor.attackers.pooled import pooled
from auditor.attackers.recogniser import MIN_MATED, RECOGNISERS
from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.checks.linkage.attacker import ByAttacker
from auditor.checks.linkage.foretold import Foretold
from auditor.core.evidence import SearchResult
from auditor.data.moved import look_moved
from auditor.data.protocols import LINKAGE_PROTOCOLS, later, unmet
from auditor.stats.estimators import by_gallery, identification_rate, measure
from auditor.stats.searches import above_alike
from auditor.targets.context import Context

#: What the intruder holds of people where it is not their recordings from other days.
_HELD = {
    "random-segment": "half of each recording of people",
    "same-session": "all other recordings of people from the released day",
    "cross-release": "recordings of people from other occasions, which are not released",
}
#: Sizes of galleries that all attackers together are told at, beside those that a profile names.
_GALLERIES = (100, 1000, 10_000)


def plan(settings: Settings) -> list[OnRecordings]:
    """Every attacker under every protocol."""
    return [
        Foretold(view, protocol, _galleries(view, settings))
        if protocol == Foretold.protocol
        else Linkage(view, protocol, _galleries(view, settings))
        for view in settings.linkage_views
        for protocol in settings.protocols
    ]


def _galleries(view: str, settings: Settings) -> tuple[int, ...]:
    more = (*_GALLERIES, settings.population) if view == FUSION else ()
    return tuple(sorted({*settings.galleries, *more}))


@dataclass(frozen=True, eq=False)
class Searches:
    """A gallery that was searched, by the attacker and by its untrained control, if it has one.

    Attributes
    ----------
    found : by one record of each person, for one record
    session : by all records of another session of theirs, for all of the enrolled one; None within
        one session
    everything : the same by all of their other records; knows what is released beside the signal
    knows : what that is
    groups : of the people who are looked for, in the order of their names, who are in a group
    """

    found: SearchResult
    session: SearchResult | None
    everything: SearchResult
    knows: tuple[str, ...]
    groups: Mapping[str, NDArray[np.bool_]]
    untrained: SearchResult | None = None


@dataclass(frozen=True)
class Linkage(ByAttacker):
    """An intruder holds named recordings of each person and the release without names, and wants
    to know whose each record is.
    """

    def __post_init__(self) -> None:
        _ = RECOGNISERS[self.view]  # a wrong name is answered with the nearest right one
        if self.protocol not in LINKAGE_PROTOCOLS:
            raise ValueError(f"no linkage protocol is named {self.protocol!r}")

    def unmet(self, context: Context) -> str | None:
        """Why the recordings do not allow the attack; None when they do."""
        if why := unmet(context.records, self.protocol):
            return why
        n = context.records["subject"].iloc[later(context.records)].nunique()
        on_pairs = RECOGNISERS[self.view].trained_on_pairs and self.protocol != "random-segment"
        if on_pairs and n < MIN_MATED:
            return f"needs {MIN_MATED} people with several records to learn from; found fewer"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Searches:
        """The search of the gallery, by what an intruder may hold and know of a person; for a
        network also by its untrained twin, the control.
        """
        records = context.records
        seen = self.enrolled(context, self.protocol)
        found = seen.search(rng)
        when = records["session"].to_numpy().astype(str)
        by_session, by_all = (pooled(seen, when, held) for held in ("session", "everything"))
        session = found if by_session is seen else by_session.search(rng)
        knows = _released_beside(context)
        if "date" in knows:
            days = dated(by_all.enrolment.demographics, records)
            knowing = replace(by_all.enrolment, demographics=days)
            everything = replace(by_all, enrolment=knowing).search(rng)
        elif len(by_all.pool) < len(by_session.pool):
            everything = by_all.search(rng)
        else:  # nobody has records of more than one other session
            everything = session
        names, row = np.unique(records["subject"].to_numpy().astype(str), return_index=True)
        row = row[np.searchsorted(names, np.unique(everything.subject))]
        groups = {
            name: chosen[row]
            for kind in groups_of(records).values()
            for name, chosen in kind.items()
        }
        untrained = RECOGNISERS[self.view].untrained
        control = untrained(context, seen.enrolment).search(rng) if untrained else None
        within = self.protocol in ("random-segment", "same-session")
        return Searches(found, None if within else session, everything, knows, groups, control)

    def estimate(self, evidence: Searches, level: float, draw: Draw) -> Measured:
        """How often the right person is named first by one record, by a session, by everything;
        among so many people, and for certain, by everything and what is known beside it; and how
        often by the control.
        """
        found, curves = measure("", evidence.found, level=level, rng=draw(""))
        if evidence.untrained is not None:
            found |= measure("untrained", evidence.untrained, level=level, rng=draw("untrained"))[0]
        pooled_by = {"session": evidence.session, "everything": evidence.everything}
        for name, seen in pooled_by.items():
            if seen is not None and self.protocol != "random-segment":
                found[f"{name}_rank1"] = identification_rate(seen, 1, level)
        named = self.named(evidence.everything, evidence.groups, level, draw)
        found |= named.found
        # Without the date, which leaves nobody alike to be told from.
        if apart := above_alike(evidence.session or evidence.found, level):
            found["told_apart"] = apart
        params: dict[str, Any] = {"intruder": self._intruder(evidence.knows)}
        if named.most_exposed is not None:
            params["most_exposed_group"] = named.most_exposed
        curves |= named.curves | {"gallery": by_gallery(evidence.everything.among_alike)}
        return Measured(found | named.certain, curves, params)

    def _intruder(self, knows: Sequence[str]) -> str:
        """What somebody holds and knows of people, by which they are searched for."""
        held = _HELD.get(self.protocol, "all recordings of people from other days")
        known = ["day of recording" if name == "date" else name for name in knows]
        return f"holds {held} and knows their {_listed(known)}" if known else f"holds {held}"


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _released_beside(context: Context) -> tuple[str, ...]:
    """What is released of a person beside the signal: sex, age, and the date of a record, unless
    dates were moved, as somebody says and as they look.
    """
    dataset, records = context.dataset, context.records
    told = [name for name in ("sex", "age") if records[name].notna().any()]
    moved = dataset.descriptor.shifted and look_moved(dataset.manifest)
    if records["taken_at"].notna().any() and not moved:
        told.append("date")
    return tuple(told)
