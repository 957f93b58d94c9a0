"""Which findings stand worse to a rule's limit than in an earlier audit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from auditor.core.finding import Estimate, Finding
from auditor.policy.profile import Rule
from auditor.policy.standing import Standing, answer, asked, standing


@dataclass(frozen=True)
class Change:
    """One number of one finding, then and now.

    `moved` is 1 where all of the interval now lies above that of then, -1 where below, else 0.
    """

    finding: str
    name: str
    then: Estimate
    now: Estimate

    @property
    def moved(self) -> int:
        """Which way the number went beyond the intervals."""
        return int(self.now.low > self.then.high) - int(self.now.high < self.then.low)


def changes(now: Sequence[Finding], then: Sequence[Finding]) -> list[Change]:
    """The numbers that two audits share."""
    before = {one.id: one for one in then}
    return [
        Change(one.id, name, before[one.id].estimates[name], estimate)
        for one in now
        if one.id in before
        for name, estimate in one.estimates.items()
        if name in before[one.id].estimates
    ]


def worsened(
    rule: Rule,
    now: Sequence[Finding],
    then: Sequence[Finding],
    but: Collection[str] = (),
) -> list[str]:
    """In words, what stands worse to a rule's limit than in an earlier audit of the release.

    A finding does that goes beyond the limit, or further beyond than intervals explain; that was
    within and no longer is; that was measured and no longer is; or that is new and not settled.

    Parameters
    ----------
    but : ids of findings that are not looked at
    """
    new, old = ({one.id: one for one in asked(rule, some)} for some in (now, then))
    worse = []
    for name in dict.fromkeys([*new, *old]):
        why = None if name in but else _worse(rule, new.get(name), old.get(name))
        if why:
            worse.append(f"{name} {why}")
    return worse


def _worse(rule: Rule, now: Finding | None, then: Finding | None) -> str | None:
    new, old = (standing(rule, one) if one else None for one in (now, then))
    if new in (None, Standing.UNMEASURED):
        if old not in (None, Standing.UNMEASURED):
            return "was measured in the baseline, and is not any more"
        return "is new, and was not measured" if rule.models and old is None else None
    if new is Standing.ACROSS:
        if old is Standing.WITHIN:
            return "was within the limit in the baseline, and is not surely any more"
        return "is new, and not settled" if old is None else None
    if new is Standing.WITHIN:
        return None
    if old is not Standing.BEYOND:
        return "did not fail in the baseline"
    assert now is not None
    assert then is not None
    one, other = answer(rule, now), answer(rule, then)
    further = one is not None and (other is None or not one.low <= other.high)
    return "is worse than in the baseline, beyond its interval" if further else None
