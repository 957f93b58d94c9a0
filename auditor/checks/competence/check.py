"""Could the attack have found anything? It is put to what leaks on purpose, and to what holds
nothing.

A check of recordings is put to the release's own beats, into which a known leak was planted in a
few doses (`signal.spikes`); a check of a model to twins of the model.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

from auditor.attackers.oracle import ORACLE
from auditor.checks.base import Check, OnModel, OnRecordings
from auditor.checks.run import not_begun, run_check, since
from auditor.core.finding import Estimate, Finding
from auditor.policy import words
from auditor.signal.spikes import Planted, spiked
from auditor.stats.estimators import rounded
from auditor.stats.power import Dose, smallest_told
from auditor.targets.context import Context

ID = "competence"
#: Strengths at which something may be planted; an intruder who knows how finds about one in a
#: hundred at the lowest, nearly all at the uppermost.
STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85)


def prove(
    check: Check,
    context: Context,
    found: Finding,
    limits: Mapping[str, float],
    *,
    level: float,
    smallest_cell: int,
) -> Finding:
    """How small a leak a check would have told from what it found, and whether it stays silent
    where there is none.

    Parameters
    ----------
    found : what it found
    limits : the numbers that have to be shown, and the limits that rules set them
    """
    started = time.perf_counter()
    threat = words.checks()[ID].threat_of(None, "model" if isinstance(check, OnModel) else "")
    finding = replace(not_begun(check, context), check=ID, proves=check.id, threat=threat)
    shown: Shown | str
    if isinstance(check, OnRecordings):
        shown = _InBeats(check, context, found, limits, level, smallest_cell).shown()
    else:
        assert isinstance(check, OnModel)
        if unused := check.unused_input:
            shown = unused
        elif check.dealt_anew(0.0, False, context.seed) is not None:
            shown = _InOutputs(check, context, found, limits, level, smallest_cell).shown()
        else:
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


Asked = TypeVar("Asked", bound=Check)
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


class _Doses(ABC, Generic[Asked]):
    """A check, put to what is audited, dealt out anew, in which a known leak is planted."""

    strengths: ClassVar[tuple[float, ...]] = STRENGTHS

    def __init__(
        self,
        check: Asked,
        context: Context,
        found: Finding,
        limits: Mapping[str, float],
        level: float,
        smallest_cell: int,
    ) -> None:
        self.check, self.context, self.found, self.limits = check, context, found, limits
        self.level, self.smallest_cell = level, smallest_cell

    @abstractmethod
    def read(self, strength: float) -> Finding:
        """What the check finds where so much is planted."""

    @abstractmethod
    def truth(self, strength: float) -> Finding:
        """What an intruder finds who knows what was planted."""

    def shown(self) -> Shown | str:
        """The smallest leak that the check finds, and each dose; why there is nothing to show."""
        null = self.read(0.0)
        if null.status != "measured":
            return f"where its records were dealt out anew: {null.reason}"
        strengths = self._strengths()
        truth, found = (
            {strength: see(strength) for strength in strengths} for see in (self.truth, self.read)
        )
        for one in (*truth.values(), *found.values()):
            if one.status != "measured":
                return f"where something was planted in its records: {one.reason}"
        estimates: dict[str, Estimate] = {}
        curves: dict[str, dict[str, list[Any]]] = {}
        for name in self.limits:
            by = words.metric(self.check.id, name).read_by or name
            every = (null, *truth.values(), *found.values())
            if any(name not in one.estimates for one in every) or by not in self.found.estimates:
                continue
            nothing = null.estimates[name]
            doses = {0.0: Dose(_guessed(nothing), null.estimates[by])} | {
                strength: Dose(truth[strength].estimates[name], found[strength].estimates[by])
                for strength in strengths
            }
            estimates[f"null_{name}"] = nothing
            smallest = smallest_told(list(doses.values()), self.found.estimates[by])
            if smallest is not None:
                estimates[f"smallest_{name}"] = smallest
            curves[f"doses_{name}"] = _curve(doses)
        return estimates, curves

    def _strengths(self) -> list[float]:
        """Those between which an intruder who knows what was planted finds as much as a rule
        allows, for each rule; looked for by halves, for more is found where more is planted.
        """
        every = (0.0, *self.strengths)
        chosen: set[float] = set()
        for name, limit in self.limits.items():
            below, above = 0, len(every) - 1
            while above - below > 1:
                middle = (below + above) // 2
                told = self.truth(every[middle]).estimates
                if name not in told or told[name].value > limit:
                    above = middle
                else:
                    below = middle
            chosen |= {every[below], every[above]}
        return sorted(chosen - {0.0})

    def _seen(self, check: Check, context: Context) -> Finding:
        return run_check(check, context, level=self.level, smallest_cell=self.smallest_cell)


class _InBeats(_Doses[OnRecordings]):
    """A check of recordings, put to a release's own beats in which something is planted."""

    def shown(self) -> Shown | str:
        """The same; halves of one recording show nothing."""
        if self.check.protocol == "random-segment":
            return "the halves of one recording are alike, whatever is planted in it"
        return super().shown()

    def read(self, strength: float) -> Finding:
        """What the check finds where so much is planted."""
        return self._seen(self.check, _planted(self.context, self.check.planted, strength))

    def truth(self, strength: float) -> Finding:
        """What an intruder finds who knows what was planted; for whatever attack it is asked."""
        knowing = replace(self.check, view=ORACLE)
        key = "who knows finds", knowing, strength
        if key not in self.context.memo:
            planted = _planted(self.context, self.check.planted, strength)
            self.context.memo[key] = self._seen(knowing, planted)
        known: Finding = self.context.memo[key]
        return known


class _InOutputs(_Doses[OnModel]):
    """A check of a model, put to its own outputs in which something is planted."""

    #: Many columns, such as the leaves of many trees, tell of less together.
    strengths = (0.003, 0.006, 0.0125, 0.025, 0.05, 0.1, *STRENGTHS)

    def read(self, strength: float) -> Finding:
        """What the check finds where so much is planted."""
        return self._asked(strength, knowing=False)

    def truth(self, strength: float) -> Finding:
        """What an intruder finds who knows what was planted."""
        return self._asked(strength, knowing=True)

    def _asked(self, strength: float, *, knowing: bool) -> Finding:
        key = "outputs dealt anew", self.check, strength, knowing
        if key not in self.context.memo:
            dealt = self.check.dealt_anew(strength, knowing, self.context.seed)
            assert dealt is not None
            self.context.memo[key] = self._seen(dealt, self.context)
        found: Finding = self.context.memo[key]
        return found


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


def _guessed(null: Estimate) -> Estimate:
    """What there is to be found where nothing is planted: what guessing finds."""
    guessed = null.value if null.chance is None else null.chance
    return replace(null, value=guessed, low=guessed, high=guessed)


def _curve(doses: Mapping[float, Dose]) -> dict[str, list[Any]]:
    """The dose-response: what was there, and what was found of it."""
    columns: dict[str, list[Any]] = {"strength": list(doses)}
    for side in ("truth", "read"):
        every = [getattr(dose, side) for dose in doses.values()]
        columns[side] = rounded(one.value for one in every)
        columns[f"{side} from"] = rounded(one.low for one in every)
        columns[f"{side} to"] = rounded(one.high for one in every)
    return columns
