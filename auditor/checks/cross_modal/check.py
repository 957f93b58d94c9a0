"""Does a model of two kinds of input lead from a person's ECG to that person's image?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.demographics import Demographics, target_records
from auditor.attackers.enrolment import CrossFittedMatch, Enrolment, Places, Trained
from auditor.attackers.matchers import Rows, cosine, in_spreads
from auditor.attackers.output_features import (
    MIN_MATED_OUTPUTS,
    membership_groups,
    polynomial_features,
    residualise,
    standardise_output,
)
from auditor.attackers.recogniser import Recogniser
from auditor.checks.base import ModelAttack, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Evidence, SearchResult
from auditor.core.target import Floats, Target
from auditor.targets.context import Case

#: The two sides' outputs.
ASKED, SEARCHED = "embedding", "other"
#: Of each side's scatter, this much is taken to be alike in all directions.
_SHRINKAGE = 0.1
#: No two directions are believed to agree more closely.
_SUREST = 0.99


@dataclass(frozen=True, eq=False)
class Retrieved(OnModel):
    """An intruder who holds somebody's ECG looks for that person's image among those of many."""

    check: ClassVar[str] = "cross-modal"
    protocol: ClassVar[str] = "same-session"

    @property
    def threat(self) -> str:
        """Who does what with the model, in one sentence."""
        return (
            "An intruder who holds a person's ECG and the model picks that person's image, of the "
            "same visit, out of many without names."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        table = target_records(self.target)
        paired = self._known(table, ASKED) & self._known(table, SEARCHED)
        if table["subject"][paired].nunique() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people with an ECG and an image; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The searches of a gallery of one image each, by the ECG of the same visit."""
        return dict(self.searches(rng))

    def searches(self, rng: np.random.Generator) -> dict[str, SearchResult]:
        """Of people whom the model never saw, or of everybody where those are not known or too few:

        - unnamed, by the cosine; `untrained`, the same with random weights;
        - `taught`, along directions in which other people's pairs agree;
        - `alike`, by the cosine, where who is known by sex and age is known by what is true of them
          too, and `beyond`, taught, of what age, sex and that do not foretell of either side;
        - `label/…`, among people of whom that is true;
        - `person`, by an ECG of another visit, and `encounter`, the same people by that same one.

        And, unnamed and `taught`, of `members`, where there are enough of both.

        Raises
        ------
        EvidenceError
            Too few people have both.
        """
        target, table = self.target, target_records(self.target)
        asked, searched = self._known(table, ASKED), self._known(table, SEARCHED)
        pairs = np.flatnonzero(asked & searched)
        enrolled = pairs[~table["subject"].iloc[pairs].duplicated().to_numpy()]
        if len(enrolled) < MIN_PEOPLE:
            raise EvidenceError(f"needs {MIN_PEOPLE} people with an ECG and an image")
        enrolment = Enrolment.of_outputs(table, enrolled, enrolled, rng)
        images = enrolment.gallery.row
        sides = target.view(SEARCHED).values, target.view(ASKED).values
        plain = Recogniser.of_outputs(enrolment, *sides, cosine)
        searches = {"": plain}
        alike = replace(enrolment, demographics=self._alike(enrolment))
        within = {"alike": plain}
        if len(enrolled) >= MIN_MATED_OUTPUTS:
            both = standardise_output(SEARCHED, sides[0]), standardise_output(ASKED, sides[1])
            known = self._foretells()
            rest = residualise(both[0], known, images), residualise(both[1], known, images)
            searches["taught"] = _by_agreement(enrolment, *both, rng)
            within["beyond"] = _by_agreement(enrolment, *rest, rng)
        groups = {
            name: np.intersect1d(one, enrolment.gallery_subject)
            for name, one in membership_groups(target).items()
        }
        people, members = np.unique(enrolment.gallery_subject), None
        if groups and len(groups["nonmembers"]) >= MIN_PEOPLE:
            people, members = groups["nonmembers"], groups["members"]
        found = {
            name: replace(one, enrolment=alike).search(rng, people) for name, one in within.items()
        }
        for name, one in searches.items():
            found[name] = one.search(rng, people)
            if members is not None and len(members) >= MIN_PEOPLE:
                found[f"{name} members".strip()] = one.search(rng, members)
        if {ASKED, SEARCHED} <= target.controls.keys():
            twins = (target.view(one, control=True).values for one in (SEARCHED, ASKED))
            twin = Recogniser.of_outputs(enrolment, *twins, cosine)
            found["untrained"] = twin.search(rng, people)
        true = target.truth[images] == 1
        for place, label in enumerate(target.tells):
            those = np.intersect1d(enrolment.gallery_subject[true[:, place]], people)
            if len(those) >= MIN_PEOPLE:
                found[f"label/{label}"] = plain.search(rng, those)
        return found | self._elsewhere(table, enrolled, asked, sides, people, rng)

    def _known(self, table: pd.DataFrame, output: str) -> NDArray[np.bool_]:
        values = self.target.view(output).values[table["row"].to_numpy()]
        return np.asarray(~np.isnan(values).any(axis=1))

    def _alike(self, who: Enrolment) -> dict[str, Demographics]:
        """Of each person sex and what is true of them, as one, and age."""
        truth = self.target.truth[who.gallery.row]
        known = [who.demographics[person] for person in who.gallery_subject.tolist()]
        return {
            person: Demographics(f"{one.sex}{row.tolist()}", one.age)
            for person, one, row in zip(who.gallery_subject.tolist(), known, truth, strict=True)
        }

    def _foretells(self) -> Rows:
        """(n, k) what lines may foretell both sides of each record by."""
        truth = self.target.truth.astype(np.float32)
        return np.hstack(
            [polynomial_features(self.target.age, self.target.male), in_spreads(truth, truth)]
        )

    def _elsewhere(
        self,
        table: pd.DataFrame,
        enrolled: NDArray[np.int64],
        asked: NDArray[np.bool_],
        sides: tuple[Rows, Rows],
        people: NDArray[np.str_],
        rng: np.random.Generator,
    ) -> dict[str, SearchResult]:
        """By ECGs of visits other than that of the enrolled image."""
        subject, session = (table[name].to_numpy().astype(str) for name in ("subject", "session"))
        enrolled = enrolled[np.isin(subject[enrolled], people)]
        # `enrolled` is in the order of its people.
        of_person = np.searchsorted(subject[enrolled], subject) % len(enrolled)
        same_visit = session[enrolled][of_person] == session
        probes = np.flatnonzero(asked & np.isin(subject, people) & ~same_visit)
        several = np.isin(subject[enrolled], subject[probes])
        if several.sum() < MIN_PEOPLE:
            return {}
        found = {}
        for name, rows in (("person", probes), ("encounter", enrolled[several])):
            enrolment = Enrolment.of_outputs(table, enrolled, rows, rng)
            found[name] = Recogniser.of_outputs(enrolment, *sides, cosine).search(rng)
        return found


def _by_agreement(
    enrolment: Enrolment, searched: Rows, asked: Rows, rng: np.random.Generator
) -> Recogniser:
    """The two sides along the directions in which other people's pairs agree (Hotelling 1936,
    Biometrika 28:321), more closely than the same sides do when they are dealt anew.
    """
    images, ecgs = (
        side[items.row].astype(np.float64)
        for side, items in ((searched, enrolment.gallery), (asked, enrolment.pool))
    )

    def train(named: Places, pairs: Places, whose: NDArray[np.str_]) -> Trained:
        return _Agreement.of(images[named], ecgs[pairs], rng).rows

    return Recogniser.of_outputs(enrolment, searched, asked, CrossFittedMatch(enrolment, train))


@dataclass(frozen=True, eq=False)
class _Agreement:
    """Directions of two sides along which pairs agree, and how closely, `share` in [0, 1)."""

    centres: tuple[Floats, Floats]
    directions: tuple[Floats, Floats]
    share: Floats

    @classmethod
    def of(cls, one: Floats, other: Floats, rng: np.random.Generator) -> _Agreement:
        """From pairs, (n, k) and (n, m)."""
        centres = one.mean(axis=0), other.mean(axis=0)
        roots = tuple(_whitened(side - c) for side, c in zip((one, other), centres, strict=True))
        x, y = (one - centres[0]) @ roots[0], (other - centres[1]) @ roots[1]
        first, agreed, second = np.linalg.svd(x.T @ y / len(x), full_matrices=False)
        luck = np.linalg.svd(x.T @ y[rng.permutation(len(y))] / len(x), compute_uv=False)[0]
        share = np.clip((agreed**2 - luck**2) / max(1 - luck**2, 1e-3), 0, _SUREST)
        directions = roots[0] @ first, roots[1] @ second.T
        return cls(centres, directions, np.sqrt(share))

    def rows(self, gallery: Rows, probe: Rows) -> tuple[Floats, Floats]:
        """Rows whose dot product is the log-likelihood ratio of a pair to two people.

        With ρ along a direction it is ρ/(1 − ρ²) · xy − ρ²/(1 − ρ²)/2 · (x² + y²), and a constant.
        """
        x, y = (
            (side - centre) @ directions
            for side, centre, directions in zip(
                (gallery, probe), self.centres, self.directions, strict=True
            )
        )
        spare = 1 - self.share**2
        cross, own = self.share / spare, -(self.share**2) / spare / 2
        one_x, one_y = np.ones((len(x), 1)), np.ones((len(y), 1))
        return (
            np.hstack([x * cross, (x**2) @ own[:, None], one_x]),
            np.hstack([y, one_y, (y**2) @ own[:, None]]),
        )


def _whitened(centred: Floats) -> Floats:
    """(k, k) what gives centred rows unit scatter, but for what is taken to be alike."""
    scatter = centred.T @ centred / len(centred)
    size = np.trace(scatter) / len(scatter) + 1e-12
    values, vectors = np.linalg.eigh(
        (1 - _SHRINKAGE) * scatter + _SHRINKAGE * size * np.eye(len(scatter))
    )
    return np.asarray(vectors / np.sqrt(values) @ vectors.T)


def attacks(target: Target) -> list[ModelAttack]:
    """Whether ECGs lead to images, where the model knows both."""
    return [Retrieved(target)] if {ASKED, SEARCHED} <= target.outputs.keys() else []
