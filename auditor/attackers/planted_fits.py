"""A known leak in how well a model fits people: others are called members, and fitted better.

As `planted` does with what a model gives out. Those who are called members are every so many-th in
the order of the fit, so that they are fitted as others are; then the fit of each is raised, in all
that the model tells of them, by so many of the spreads that it has among people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from auditor.attackers.membership import Subjects, mean_of_known, standardised
from auditor.core.target import Floats

#: (p, m) how well a model fits people → (p, m) that beside what is expected.
Hold = Callable[[Floats], Floats]
#: A fit that varies by less, beside how large it is, varies by rounding alone.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class PlantedFits:
    """How well a model fits people, of whom as many as were in its training are called members.

    Attributes
    ----------
    subjects : those people, called members or not
    told, held : (p, m) how well it fits each, and that beside what is expected
    spread : (m,) of what is held so among people; 0 where there is none
    raised : (p, m) by how much the fit of each was raised
    """

    subjects: Subjects
    told: Floats
    held: Floats
    spread: Floats
    raised: Floats

    @classmethod
    def of(
        cls, subjects: Subjects, told: Floats, hold: Hold, strength: float, rng: np.random.Generator
    ) -> PlantedFits:
        """The people of a model, of whom others are called members.

        Parameters
        ----------
        told : (p, m) how well it fits each
        strength : how much of a member's fit is planted: nothing at 0, nothing else at 1
        """
        held = hold(told)
        order = np.argsort(mean_of_known(standardised(held)), kind="stable")
        called = _every_so_many(subjects.member, rng)
        member = np.empty_like(called)
        member[order] = called
        subjects = replace(subjects, member=member)
        spread = np.nanstd(held, axis=0)
        least = _ROUNDING * np.maximum(np.nanmax(np.abs(told), axis=0), 1)
        spread = np.where(spread > least, spread, 0.0)
        raised = strength / (1 - strength) * spread * subjects.member[:, None]
        return cls(subjects, told, held, spread, raised)

    @property
    def own(self) -> Floats:
        """(p, m) the fit with what was planted."""
        return self.told + self.raised

    def likelihood_ratio(self) -> Floats:
        """(p,) how likely a member is to be fitted so, beside others: to somebody who knows what
        was planted of what is told, and how its fits go together, as normal ones do.
        """
        scale = np.where(self.spread > 0, self.spread, np.inf)
        apart = self.held / scale
        known = np.isfinite(apart)
        covariance = LedoitWolf().fit(np.where(known, apart, 0.0)).covariance_
        each = np.where(known, apart + self.raised / scale, 0.0)
        ratio = each @ np.linalg.pinv(covariance) @ np.where(self.spread > 0, 1.0, 0.0)
        return np.where(known.any(axis=1), ratio, np.nan)


def _every_so_many(member: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """(p,) of so many members as there are, every so many-th, from a place drawn by lot."""
    n = int(member.sum())
    found = np.zeros(len(member), dtype=bool)
    found[((np.arange(n) + rng.random()) * len(member) / n).astype(np.int64)] = True
    return found
