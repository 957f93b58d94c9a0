"""Does a model of two kinds of input lead from a person's ECG to that person's image?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from auditor.attackers.planted import Planted, of_people, pairs_told, planted
from auditor.attackers.recogniser import Recogniser
from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, SearchResult
from auditor.core.finding import Estimate
from auditor.core.target import Floats, Target
from auditor.stats.among import found_among
from auditor.stats.estimators import identification_rate, measure
from auditor.stats.naming import naming
from auditor.stats.searches import above_alike, measure_search, paired_gain, rate_gap
from auditor.targets.context import Context
from auditor.targets.vacuity import constant

#: The two sides' outputs.
ASKED, SEARCHED = "embedding", "other"
#: Of each side's scatter, this much is taken to be alike in all directions.
_SHRINKAGE = 0.1
#: No two directions are believed to agree more closely.
_SUREST = 0.99


def plan(target: Target) -> list[OnModel]:
    """Whether ECGs lead to images, where the model knows both."""
    return [CrossModalRetrieval(target)] if {ASKED, SEARCHED} <= target.outputs.keys() else []


@dataclass(frozen=True, eq=False)
class Retrieved:
    """Searches of a gallery of one image each, by the ECG of the same visit: of people whom the
    model never saw, or of everybody where those are not known or too few.

    Attributes
    ----------
    cosine, taught : by the cosine; along directions in which other people's pairs agree
    members, taught_members : the same of people the model was trained on
    alike : by the cosine, where who is known by sex and age is known by what is true of them too
    beyond : taught, of what age, sex and that do not foretell of either side
    untrained : by the cosine of what random weights give out
    labels : by the cosine, among people of whom a label is true
    elsewhere : by ECGs of other visits
    """

    cosine: SearchResult
    members: SearchResult | None
    taught: SearchResult | None
    taught_members: SearchResult | None
    alike: SearchResult
    beyond: SearchResult | None
    untrained: SearchResult | None
    labels: Mapping[str, SearchResult]
    elsewhere: Elsewhere | None


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """A search by an ECG of another visit than the image's, `person`, and of the same people by
    that of the very visit, `encounter`.
    """

    person: SearchResult
    encounter: SearchResult


@dataclass(frozen=True, eq=False)
class CrossModalRetrieval(OnModel):
    """An intruder who holds somebody's ECG looks for that person's image among those of many."""

    protocol: str = "same-session"
    id: ClassVar[str] = "cross-modal"

    @property
    def unused_input(self) -> str | None:
        """Why either side says nothing of what it was made of; None where both do."""
        return constant(self.target, ASKED) or constant(self.target, SEARCHED)

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        table = target_records(self.target)
        paired = self._known(table, ASKED) & self._known(table, SEARCHED)
        if table["subject"][paired].nunique() < MIN_PEOPLE:
            return (
                f"needs at least {MIN_PEOPLE} people with an ECG and an image; found fewer; scan a "
                "folder that pairs more of them"
            )
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Retrieved:
        """Every search that there are people enough for.

        Raises
        ------
        EvidenceError
            Too few people have both.
        """
        del context
        target, table = self.target, target_records(self.target)
        asked = self._known(table, ASKED)
        enrolled, enrolment = self._enrolled(table, rng)
        sides = target.view(SEARCHED).values, target.view(ASKED).values
        plain = Recogniser.of_outputs(enrolment, *sides, cosine)
        taught, rest = self._taught(enrolment, sides, rng)
        people, members = _groups(target, enrolment)
        alike = replace(enrolment, demographics=self._alike(enrolment))

        def met(seen: Recogniser | None, those: NDArray[np.str_] | None) -> SearchResult | None:
            return None if seen is None or those is None else seen.search(rng, those)

        def untrained() -> SearchResult | None:
            if not {ASKED, SEARCHED} <= target.controls.keys():
                return None
            twins = [target.view(one, control=True).values for one in (SEARCHED, ASKED)]
            return met(Recogniser.of_outputs(enrolment, twins[0], twins[1], cosine), people)

        def labels() -> Iterator[tuple[str, SearchResult]]:
            true = target.y_true[enrolment.gallery.row] == 1
            for place, label in enumerate(target.labels):
                those = np.intersect1d(enrolment.gallery_subject[true[:, place]], people)
                if len(those) >= MIN_PEOPLE:
                    yield label, plain.search(rng, those)

        return Retrieved(
            alike=replace(plain, enrolment=alike).search(rng, people),
            beyond=None if rest is None else replace(rest, enrolment=alike).search(rng, people),
            cosine=plain.search(rng, people),
            members=met(plain, members),
            taught=met(taught, people),
            taught_members=met(taught, members),
            untrained=untrained(),
            labels=dict(labels()),
            elsewhere=_elsewhere(table, enrolled, asked, sides, people, rng),
        )

    def _enrolled(
        self, table: pd.DataFrame, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], Enrolment]:
        """Places of the first record of each person that has both sides, by which they are known.

        Raises
        ------
        EvidenceError
            Too few people have both.
        """
        pairs = np.flatnonzero(self._known(table, ASKED) & self._known(table, SEARCHED))
        enrolled = pairs[~table["subject"].iloc[pairs].duplicated().to_numpy()]
        if len(enrolled) < MIN_PEOPLE:
            raise EvidenceError(f"needs {MIN_PEOPLE} people with an ECG and an image")
        return enrolled, Enrolment.of_outputs(table, enrolled, enrolled, rng)

    def dealt_anew(self, strength: float, knowing: bool, seed: int) -> CrossModalRetrieval | None:
        """The same question where both sides share with each other what was planted."""
        sides = [self.target.view(one).values for one in (ASKED, SEARCHED)]
        if sides[0].shape[1] != sides[1].shape[1]:
            return None
        paired = np.asarray(~np.isnan(np.hstack(sides)).any(axis=1))
        people = self.target.subject
        one = planted(self.target, ASKED, of_people(people), seed, paired)
        if one is None:
            return None
        shared = one.signatures - one.signatures.mean(axis=0)
        # Each kind of input has a place of its own in the space (the modality gap).
        other = planted(
            self.target, SEARCHED, lambda rows, *_: shared + rows.mean(axis=0), seed, paired
        )
        assert other is not None
        one, other = one.at(strength), other.at(strength)
        both = {**one.target.outputs, **other.target.outputs}
        target = replace(one.target, outputs=both, _cache={})
        known = (one, other) if knowing else None
        return _Dealt(target, galleries=self.galleries, known=known)

    def estimate(self, evidence: Retrieved, level: float, draw: Draw) -> Measured:
        """How often an ECG leads to its person's image.

        Recall@k is `rankk`. Of the search by the cosine and of the `taught` one: `rank1`, `rank10`,
        `auc_known` (see `above_alike`), those of `members`, and how many more of them are found
        first in a gallery as large (`member_gap`: memorised pairs). `alike_auc_known`, among people
        of whom the same is true too, and `beyond_auc_known`, by what that does not foretell;
        `label_…_rank1`; `person_rank1` and `encounter_rank1`, and by how much an ECG of the very
        visit finds more (`encounter_gap`).
        """
        rng = draw()
        found, curves = measure_search(evidence.cosine, level, rng)

        def tell_known(key: str, one: SearchResult | None) -> None:
            if one is not None and (alike := above_alike(one, level)):
                found[f"{key}auc_known"] = alike

        def tell_members(key: str, one: SearchResult, members: SearchResult | None) -> None:
            if members is not None:
                found.update(_recall(f"{key}members_", members, level))
                found[f"{key}member_gap"] = rate_gap(members, one, level)

        judged = [one for one in (evidence.cosine, evidence.taught) if one is not None]
        found |= _judged(judged, self.galleries, level, draw("named"))
        found |= _recall("", evidence.cosine, level)
        tell_members("", evidence.cosine, evidence.members)
        if evidence.taught is not None:
            found |= _recall("taught_", evidence.taught, level)
            tell_known("taught_", evidence.taught)
            tell_members("taught_", evidence.taught, evidence.taught_members)
        tell_known("alike_", evidence.alike)
        tell_known("beyond_", evidence.beyond)
        if evidence.untrained is not None:
            found |= measure("untrained", evidence.untrained, level=level, rng=rng)[0]
            gain = paired_gain(evidence.cosine, evidence.untrained, level)
            found["gain_over_untrained"] = gain
        for label, one in evidence.labels.items():
            found |= _recall(f"label_{label}_", one, level)
            tell_known(f"label_{label}_", one)
        if (other := evidence.elsewhere) is not None:
            found |= _recall("person_", other.person, level)
            found |= _recall("encounter_", other.encounter, level)
            tell_known("person_", other.person)
            found["encounter_gap"] = paired_gain(other.encounter, other.person, level)
        return Measured(found, curves)

    def _taught(
        self, enrolment: Enrolment, sides: tuple[Rows, Rows], rng: np.random.Generator
    ) -> tuple[Recogniser | None, Recogniser | None]:
        """By what other people's pairs teach of both sides, and of what is not foretold of them."""
        if enrolment.n_mated < MIN_MATED_OUTPUTS:
            return None, None
        both = standardise_output(SEARCHED, sides[0]), standardise_output(ASKED, sides[1])
        known, images = self._foretells(), enrolment.gallery.row
        rest = residualise(both[0], known, images), residualise(both[1], known, images)
        whole, left = (_by_agreement(enrolment, *one, rng) for one in (both, rest))
        return whole, left

    def _known(self, table: pd.DataFrame, output: str) -> NDArray[np.bool_]:
        values = self.target.view(output).values[table["row"].to_numpy()]
        return np.asarray(~np.isnan(values).any(axis=1))

    def _alike(self, who: Enrolment) -> dict[str, Demographics]:
        """Of each person sex and what is true of them, as one, and age."""
        truth = self.target.y_true[who.gallery.row]
        known = [who.demographics[person] for person in who.gallery_subject.tolist()]
        return {
            person: Demographics(f"{one.sex}{row.tolist()}", one.age)
            for person, one, row in zip(who.gallery_subject.tolist(), known, truth, strict=True)
        }

    def _foretells(self) -> Rows:
        """(n, k) what lines may foretell both sides of each record by."""
        truth = self.target.y_true.astype(np.float32)
        return np.hstack(
            [polynomial_features(self.target.age, self.target.male), in_spreads(truth, truth)]
        )


@dataclass(frozen=True, eq=False)
class _Dealt(CrossModalRetrieval):
    """The same of outputs that were dealt out anew, and beside them nothing else.

    Attributes
    ----------
    known : what was planted in both sides, where the intruder knows
    """

    known: tuple[Planted, Planted] | None = None

    def attack(self, context: Context, rng: np.random.Generator) -> Retrieved:
        """The searches that are judged."""
        del context
        table = target_records(self.target)
        _, enrolment = self._enrolled(table, rng)
        taught = None
        if self.known is not None:
            seen = pairs_told(*self.known, enrolment).search(rng)
        else:
            sides = self.target.view(SEARCHED).values, self.target.view(ASKED).values
            seen = Recogniser.of_outputs(enrolment, *sides, cosine).search(rng)
            by_pairs, _ = self._taught(enrolment, sides, rng)
            taught = None if by_pairs is None else by_pairs.search(rng)
        return Retrieved(seen, None, taught, None, seen, None, None, {}, None)

    def estimate(self, evidence: Retrieved, level: float, draw: Draw) -> Measured:
        """What rules are about, and what the least of it shows by."""
        judged = [one for one in (evidence.cosine, evidence.taught) if one is not None]
        found = _judged(judged, self.galleries, level, draw("named"))
        if alike := above_alike(evidence.cosine, level):
            found["auc_known"] = alike
        return Measured(found)


def _judged(
    searches: Sequence[SearchResult],
    galleries: Sequence[int],
    level: float,
    rng: np.random.Generator,
) -> dict[str, Estimate]:
    """Who is found among so many people, and who is named for certain, by the search that finds
    most, with intervals that hold for all of them at once.
    """
    together = 1 - (1 - level) / len(searches)
    each = []
    for seen in searches:
        among = found_among(seen, galleries, together)[0]
        told = {f"found_among_{n}": one for n, one in among.items()}
        each.append(told | naming(seen, {}, together, rng)[0])
    found = {}
    for name in each[0]:
        every = [one[name] for one in each]
        value, low, high = (
            max(getattr(one, end) for one in every) for end in ("value", "low", "high")
        )
        found[name] = replace(every[0], value=value, low=low, high=high, level=level)
    return found


def _groups(target: Target, who: Enrolment) -> tuple[NDArray[np.str_], NDArray[np.str_] | None]:
    """Who is searched for: people whom the model never saw, where they are known and enough, else
    everybody; and beside them its members, where they are enough.
    """
    everybody = np.unique(who.gallery_subject)
    groups = {
        name: np.intersect1d(one, everybody) for name, one in membership_groups(target).items()
    }
    if not groups or len(groups["nonmembers"]) < MIN_PEOPLE:
        return everybody, None
    members = groups["members"]
    return groups["nonmembers"], members if len(members) >= MIN_PEOPLE else None


def _elsewhere(
    table: pd.DataFrame,
    enrolled: NDArray[np.int64],
    asked: NDArray[np.bool_],
    sides: tuple[Rows, Rows],
    people: NDArray[np.str_],
    rng: np.random.Generator,
) -> Elsewhere | None:
    """By ECGs of visits other than that of the enrolled image; None of too few people."""
    subject, session = (table[name].to_numpy().astype(str) for name in ("subject", "session"))
    enrolled = enrolled[np.isin(subject[enrolled], people)]
    # `enrolled` is in the order of its people.
    of_person = np.searchsorted(subject[enrolled], subject) % len(enrolled)
    same_visit = session[enrolled][of_person] == session
    probes = np.flatnonzero(asked & np.isin(subject, people) & ~same_visit)
    several = np.isin(subject[enrolled], subject[probes])
    if several.sum() < MIN_PEOPLE:
        return None
    found = []
    for rows in (probes, enrolled[several]):
        enrolment = Enrolment.of_outputs(table, enrolled, rows, rng)
        found.append(Recogniser.of_outputs(enrolment, *sides, cosine).search(rng))
    return Elsewhere(*found)


def _by_agreement(
    enrolment: Enrolment, searched: Rows, asked: Rows, rng: np.random.Generator
) -> Recogniser:
    """Along the directions in which other people's pairs agree (Hotelling 1936, Biometrika 28:321),
    more closely than the same sides do when they are dealt anew.
    """
    images, ecgs = (
        side[items.row].astype(np.float64)
        for side, items in ((searched, enrolment.gallery), (asked, enrolment.pool))
    )

    def train(named: Places, pairs: Places, whose: NDArray[np.str_]) -> Trained:
        return _Agreement.of(images[named], ecgs[pairs], rng).rows

    match = CrossFittedMatch(enrolment, train)
    return Recogniser.of_outputs(enrolment, searched, asked, match)


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


def _recall(key: str, seen: SearchResult, level: float) -> dict[str, Estimate]:
    """Recall@1 and, where there are more people than ten, recall@10."""
    ranks = [k for k in (1, 10) if k == 1 or k < seen.n_gallery]
    return {f"{key}rank{k}": identification_rate(seen, k, level) for k in ranks}
