"""Could the attack have found anything? It is put to what leaks on purpose, and to what holds
nothing.

A check of recordings is put to the release's own beats, into which a known leak was planted in a
few doses (`signal.spikes`); a check of a model to twins of the model.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from auditor.attackers.oracle import ORACLE
from auditor.checks.base import Check, OnModel, OnRecordings
from auditor.checks.run import not_begun, run_check, since
from auditor.core.finding import Estimate, Finding
from auditor.policy import words
from auditor.signal.spikes import Planted, spiked
from auditor.stats.estimators import rounded
from auditor.stats.power import Dose, smallest_found
from auditor.targets.context import Context

ID = "competence"
#: Strengths at which something may be planted; an intruder who knows how finds about one in a
#: hundred at the lowest, nearly all at the uppermost.
STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85)


def prove(
    check: Check,
    context: Context,
    limits: Mapping[str, float],
    *,
    level: float,
    smallest_cell: int,
) -> Finding:
    """How small a leak a check finds, and whether it stays silent where there is none.

    Parameters
    ----------
    limits : the numbers that have to be shown, and the limits that rules set them
    """
    started = time.perf_counter()
    threat = words.checks()[ID].threat_of(None, "model" if isinstance(check, OnModel) else "")
    finding = replace(not_begun(check, context), check=ID, threat=threat)
    if isinstance(check, OnRecordings):
        shown = _Doses(check, context, limits, level, smallest_cell).shown()
    else:
        assert isinstance(check, OnModel)
        shown = _by_twins(check, context, limits, level, smallest_cell)
    if isinstance(shown, str):
        return replace(finding, reason=shown)
    estimates, curves = shown
    return replace(
        finding,
        status="measured",
        reason=None,
        estimates=estimates,
        curves=curves,
        seconds=since(started),
    )


Shown = tuple[dict[str, Estimate], dict[str, dict[str, list[Any]]]]


def _by_twins(
    check: OnModel, context: Context, limits: Mapping[str, float], level: float, smallest_cell: int
) -> Shown | str:
    """What a check finds in twins of a model; why there is nothing to show."""
    estimates: dict[str, Estimate] = {}
    for name, planted in (("planted", True), ("null", False)):
        twin = check.twin(planted, context.seed)
        if twin is None:
            return "no model of its kind can be trained here to be caught"
        seen = run_check(twin, context, level=level, smallest_cell=smallest_cell)
        if seen.status != "measured":
            return f"on its simulated twin: {seen.reason}"
        estimates |= {f"{name}_{key}": one for key, one in seen.estimates.items() if key in limits}
    return estimates, {}


class _Doses:
    """A check of recordings, put to a release's own beats in which something is planted."""

    def __init__(
        self,
        check: OnRecordings,
        context: Context,
        limits: Mapping[str, float],
        level: float,
        smallest_cell: int,
    ) -> None:
        self.check, self.context, self.limits = check, context, limits
        self.level, self.smallest_cell = level, smallest_cell

    def shown(self) -> Shown | str:
        """The smallest leak that the check finds, and each dose; why there is nothing to show."""
        if self.check.protocol == "random-segment":
            return "the halves of one recording are alike, whatever is planted in it"
        null = self._seen(self.check, 0.0)
        if null.status != "measured":
            return f"where its records were dealt out anew: {null.reason}"
        strengths = self._strengths()
        truth, found = (
            {strength: see(strength) for strength in strengths}
            for see in (self._truth, partial(self._seen, self.check))
        )
        for one in (*truth.values(), *found.values()):
            if one.status != "measured":
                return f"where something was planted in its records: {one.reason}"
        estimates: dict[str, Estimate] = {}
        curves: dict[str, dict[str, list[Any]]] = {}
        for name in self.limits:
            if any(name not in one.estimates for one in (null, *truth.values(), *found.values())):
                continue
            doses = {
                strength: Dose(truth[strength].estimates[name], found[strength].estimates[name])
                for strength in strengths
            }
            estimates[f"null_{name}"] = null.estimates[name]
            rate = words.metric(self.check.id, name).unit == "percent"
            smallest = smallest_found(
                list(doses.values()), _nothing(null.estimates[name]), rate=rate
            )
            if smallest is not None:
                estimates[f"smallest_{name}"] = smallest
            curves[f"doses_{name}"] = _curve(doses)
        return estimates, curves

    def _strengths(self) -> list[float]:
        """Those between which an intruder who knows what was planted finds as much as a rule
        allows, for each rule.
        """
        chosen: set[float] = set()
        unmet = dict(self.limits)
        for below, strength in pairwise((0.0, *STRENGTHS)):
            told = self._truth(strength).estimates
            for name, limit in list(unmet.items()):
                last = strength == STRENGTHS[-1]
                if last or name not in told or told[name].value > limit:
                    chosen |= {below, strength}
                    del unmet[name]
            if not unmet:
                break
        return sorted(chosen - {0.0})

    def _truth(self, strength: float) -> Finding:
        """What an intruder finds who knows what was planted; for whatever attack it is asked."""
        knowing = replace(self.check, view=ORACLE)
        key = "who knows finds", knowing, strength
        if key not in self.context.memo:
            self.context.memo[key] = self._seen(knowing, strength)
        known: Finding = self.context.memo[key]
        return known

    def _seen(self, check: OnRecordings, strength: float) -> Finding:
        planted = _planted(self.context, check.planted, strength)
        return run_check(check, planted, level=self.level, smallest_cell=self.smallest_cell)


def _planted(context: Context, what: Planted, strength: float) -> Context:
    """The release with as much planted in its beats, the same for all attacks on it."""
    key = "planted", what, strength
    if key not in context.memo:
        basis = "planted", what
        if basis not in context.memo:
            context.memo[basis] = spiked(context.prepared, what, context.seed)
        prepared = context.memo[basis].at(strength)
        release = context.release.prepared_as(prepared, f"{what} at {strength:g}")
        context.memo[key] = replace(context, release=release, memo={})
    known: Context = context.memo[key]
    return known


def _nothing(null: Estimate) -> float:
    """What an attack gets where there is nothing: as guessing does, if no more."""
    if null.chance is None or null.low > null.chance:
        return null.value
    return null.chance


def _curve(doses: Mapping[float, Dose]) -> dict[str, list[Any]]:
    """The dose-response: what was there, and what was found of it."""
    columns: dict[str, list[Any]] = {"strength": list(doses)}
    for side in ("truth", "found"):
        every = [getattr(dose, side) for dose in doses.values()]
        columns[side] = rounded(one.value for one in every)
        columns[f"{side} from"] = rounded(one.low for one in every)
        columns[f"{side} to"] = rounded(one.high for one in every)
    return columns
