"""Small splits with somebody on both sides, and the same without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from auditor.checks.base import OnModel
from auditor.checks.split.check import NearDuplicates, SubjectOverlap, TwoNames
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Target
from tests.checks.asking import measured
from tests.checks.structure.plant import population


def alarms(check: OnModel) -> list[str]:
    return measured(check).params["alarms"]


def both_sides(seed: int, planted: bool) -> bool:
    """One person whose last record is on the other side."""
    target = population(stream(seed, "both sides"))
    if planted:
        target.split[np.flatnonzero(target.split == MEMBER)[-1]] = NONMEMBER
    return bool(alarms(SubjectOverlap(target)))


def recorded(rng: np.random.Generator) -> Target:
    """People whose values are rounded as a cart rounds them, one of them a yes or no, a tenth
    unknown.
    """
    target = population(rng, 200, 3)
    x = (target.inputs * 10).round()
    x[:, 0] = x[:, 0] > 0
    x[rng.random(x.shape) < 0.1] = np.nan
    more = rng.normal(size=(len(x), 4)).astype(np.float32)
    columns = (*target.columns, "x6", "x7", "x8", "x9")
    return replace(target, inputs=np.hstack([x, more + x[:, 1:2] * 0]), columns=columns)


def with_copies(target: Target, rng: np.random.Generator, n: int, noise: float) -> Target:
    """The same with so many records of people who are no members in the place of members'."""
    x = target.inputs.copy()
    mine, others = (
        rng.choice(np.flatnonzero(target.split == part), n, replace=False)
        for part in (MEMBER, NONMEMBER)
    )
    spread = np.nanstd(x, axis=0)
    x[others] = x[mine] + (noise * spread * rng.normal(size=(n, x.shape[1]))).astype(np.float32)
    return replace(target, inputs=x)


def copied(seed: int, planted: bool) -> bool:
    """A record that is on both sides under two names."""
    rng = stream(seed, "copied")
    target = recorded(rng)
    target = with_copies(target, rng, 1, 0.0) if planted else target
    return bool(alarms(NearDuplicates(target, "inputs")))


def nearly_copied(seed: int, planted: bool) -> bool:
    """Three records on both sides, measured twice with one per cent of the spread between."""
    rng = stream(seed, "nearly copied")
    target = recorded(rng)
    target = with_copies(target, rng, 3, 0.01) if planted else target
    return bool(alarms(NearDuplicates(target, "inputs")))


def under_two_names(target: Target, rng: np.random.Generator, n: int, noise: float) -> Target:
    """The same with so many records of members in the place of other members' records."""
    x = target.inputs.copy()
    mine = np.flatnonzero(target.split == MEMBER)
    half = np.unique(target.subject[mine])[::2]
    first = np.isin(target.subject[mine], half)
    one, other = (rng.choice(mine[side], n, replace=False) for side in (first, ~first))
    spread = np.nanstd(x, axis=0)
    x[other] = x[one] + (noise * spread * rng.normal(size=(n, x.shape[1]))).astype(np.float32)
    return replace(target, inputs=x)


def two_names(seed: int, planted: bool) -> bool:
    """One record that two members stand for."""
    rng = stream(seed, "two names")
    target = recorded(rng)
    target = under_two_names(target, rng, 1, 0.0) if planted else target
    return bool(alarms(TwoNames(target)))


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "a person on both sides": both_sides,
    "a record under two names": copied,
    "nearly a record under two names": nearly_copied,
    "a member's record under another member's name": two_names,
}
