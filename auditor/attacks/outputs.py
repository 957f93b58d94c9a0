"""Does what a model gives out of a record name its person, or give back what it was asked with?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV
from sklearn.utils.extmath import randomized_svd

from auditor.attacks.attribute import FOLDS, dealt, even
from auditor.attacks.case import Case, ModelAttack, OnModel
from auditor.attacks.compare import Traits, compare
from auditor.attacks.linkage import traits
from auditor.attacks.matchers import MATCHERS, Rows, in_spreads
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Comparison, Evidence, Predictions
from auditor.core.target import MEMBER, NONMEMBER, Floats, Target
from auditor.data.protocol import later, subject_folds
from auditor.models.subspace import Plda, scatter_of_repeats

#: Of the mean scatter of an output, what is next to no scatter in one direction.
_NEXT_TO_NONE = 0.01
#: People with repeats from whom a match can be taught: two of five folds are left out each time.
MIN_TEACHERS = 20
#: How far one person scatters where no repeat says, as a share of how far people do.
_UNSEEN_SCATTER = 0.2
#: Columns of an output beyond which it is looked at along its largest directions, and rows they
#: are found from; leaves, over all trees, beyond which some trees stand for all.
_WIDE, _SAMPLE, _MANY_LEAVES = 256, 4000, 4096
#: No risk is told further from 0 and 1 than so.
_SURE = 1e-6
#: Records that an intruder learns from to rebuild inputs: leaves are thousands of columns wide.
_REBUILT_FROM = 2000
#: Columns up to which trees are grown on what a line leaves over, and how strict they are.
_NARROW = 64
_TREES = {"n_estimators": 60, "min_samples_leaf": 10, "max_features": 0.5, "n_jobs": 1}
_PENALTIES = np.geomspace(0.1, 10_000, 11)

#: Of a fold, the gallery (n, k) and that fold's probes: the dot product of two rows is the score.
Match = Callable[[int], tuple[Rows, Rows]]
#: (n_people,) who may teach → how a gallery and probes are then matched.
Teach = Callable[[NDArray[np.bool_]], Callable[[Floats, Floats], tuple[Floats, Floats]]]


def records(target: Target) -> pd.DataFrame:
    """A row per record, by person, session and name, however the target's are ordered.

    Columns `row` (of the target), `subject`, `session`, `sex` and `age`.
    """
    order = np.lexsort((target.record, target.session, target.subject))
    sex = pd.Series(target.male[order]).map({1.0: "male", 0.0: "female"})
    return pd.DataFrame(
        {
            "row": order,
            "subject": target.subject[order],
            "session": target.session[order],
            "sex": sex,
            "age": target.age[order],
        }
    )


def answered(records: pd.DataFrame, values: Rows) -> pd.DataFrame:
    """Those of a table of records of which an output, a row for each of the target's, says
    something.
    """
    known: NDArray[np.bool_] = ~np.isnan(values[records["row"].to_numpy()]).all(axis=1)
    return records.iloc[np.flatnonzero(known)].reset_index(drop=True)


def kinds(target: Target) -> dict[str, NDArray[np.str_]]:
    """The people whose every record the model was trained on, and those whose none was."""
    if target.unknown:
        return {}
    people, code = np.unique(target.subject, return_inverse=True)
    n = np.bincount(code)
    return {
        name: people[np.bincount(code, target.part == part) == n]
        for name, part in (("members", MEMBER), ("nonmembers", NONMEMBER))
    }


def coordinates(output: str, values: Rows) -> Rows:
    """(n, k) an output as an attacker lays it out, every column known.

    Risks become log-odds, leaves a column for each, as long together as there are trees; all else
    is in units of its spread, along its largest directions where it is wide.
    """
    if output == "leaves":
        return _one_hot(values)
    if output == "scores":
        share = np.clip(values.astype(np.float64), _SURE, 1 - _SURE)
        values = np.log(share / (1 - share)).astype(np.float32)
    found = in_spreads(values, values)
    if found.shape[1] > _WIDE:
        some = found[:: -(-len(found) // _SAMPLE)]
        middle = some.mean(axis=0)
        directions = randomized_svd(some - middle, _WIDE, random_state=0)[2]
        found = (found - middle) @ directions.T
    return np.asarray(found, dtype=np.float32)


def bent(*traits: Floats) -> Rows:
    """(n, k) what may be known of people, so that lines follow where the first of them bends, and
    bends otherwise by each of the others: its powers, the others, and their products. What is not
    known counts as the median.
    """
    table = np.stack(traits, axis=1).astype(np.float32)
    first, others = np.split(in_spreads(table, table), [1], axis=1)
    powers = np.hstack([first, first**2, first**3])
    both = [other * powers for other in others.T[:, :, None]]
    return np.hstack([powers, others, *both])


def beyond(values: Rows, known: Rows, rows: NDArray[np.int64]) -> Rows:
    """(n, k) what values say that lines through what is known, (n, m), in some rows do not
    foretell.
    """
    known = np.hstack([known, np.ones((len(known), 1), dtype=np.float32)])
    lines = np.linalg.lstsq(known[rows], values[rows], rcond=None)[0]
    return np.asarray(values - known @ lines)


def _one_hot(leaves: Rows) -> Rows:
    codes = [np.unique(column, return_inverse=True) for column in leaves.T]
    some = codes[:: -(-sum(len(names) for names, _ in codes) // _MANY_LEAVES)]
    columns = [np.eye(len(names), dtype=np.float32)[code.ravel()] for names, code in some]
    return np.hstack(columns) / np.sqrt(np.float32(len(some)))


@dataclass(frozen=True, eq=False)
class Enrolment:
    """Whose records are named and whose are to be.

    Attributes
    ----------
    gallery, probe : rows of the target
    enrolled, asked : whose they are; everybody who is asked about is enrolled
    gallery_fold, fold : the fold of the row's person, by whom nobody of that fold is taught
    """

    gallery: NDArray[np.int64]
    probe: NDArray[np.int64]
    enrolled: NDArray[np.str_]
    asked: NDArray[np.str_]
    gallery_fold: NDArray[np.int64]
    fold: NDArray[np.int64]
    traits: Mapping[str, Traits]

    @classmethod
    def of(
        cls,
        records: pd.DataFrame,
        gallery: NDArray[np.int64],
        probe: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Enrolment:
        """Of places in a table of records."""
        row, subject = records["row"].to_numpy(), records["subject"].to_numpy().astype(str)
        people, code = np.unique(subject, return_inverse=True)
        fold = np.empty(len(people), dtype=np.int64)
        for one, members in enumerate(subject_folds(np.zeros(len(people), np.int64), FOLDS, rng)):
            fold[members] = one
        sides = [(row[places], subject[places], fold[code[places]]) for places in (gallery, probe)]
        (rows, enrolled, gallery_fold), (probes, asked, probe_fold) = sides
        known = traits(records)
        return cls(rows, probes, enrolled, asked, gallery_fold, probe_fold, known)

    def met(
        self, match: Match, rng: np.random.Generator, people: NDArray[np.str_] | None = None
    ) -> Comparison:
        """Every probe against everybody enrolled; of some people alone where they are given."""
        everybody = np.unique(self.enrolled) if people is None else people
        named, asked = np.isin(self.enrolled, everybody), np.isin(self.asked, everybody)

        def rows(fold: int) -> tuple[Rows, Rows]:
            gallery, probe = match(fold)
            return gallery[named], probe[asked[self.fold == fold]]

        fold = self.fold[asked]
        return compare(rows, self.enrolled[named], self.asked[asked], self.traits, rng, fold)

    def plainly(self, matcher: str, gallery: Rows, probe: Rows) -> Match:
        """By a registered matcher, which learns nothing of what one person does.

        Parameters
        ----------
        gallery, probe : (n, d) of the target's records, as each side is seen
        """
        rows, probes = MATCHERS[matcher](gallery[self.gallery], probe[self.probe])
        return lambda fold: (rows, probes[self.fold == fold])

    def taught(self, teach: Teach, gallery: Rows, probe: Rows) -> Match:
        """By matches that others teach.

        A probe is met by as many matches as there are folds, each for the gallery's people of one
        fold: neither the probe's person nor the one it is held against has taught it anything.
        """
        taught: dict[frozenset[int], Callable[[Floats, Floats], tuple[Floats, Floats]]] = {}
        named, probes = (
            side[rows].astype(np.float64)
            for side, rows in ((gallery, self.gallery), (probe, self.probe))
        )

        def rows(fold: int) -> tuple[Rows, Rows]:
            sides: tuple[list[Floats], list[Floats]] = [], []
            for other in range(FOLDS):
                # Where the two are one, the next stands in for it, so that as many are left.
                left_out = frozenset((fold, other if other != fold else (fold + 1) % FOLDS))
                if left_out not in taught:
                    may = ~np.isin(self.gallery_fold, list(left_out))
                    taught[left_out] = teach(np.isin(self.enrolled, self.enrolled[may]))
                one, two = taught[left_out](named, probes[self.fold == fold])
                sides[0].append(one * (self.gallery_fold == other)[:, None])
                sides[1].append(two)
            return np.hstack(sides[0]).astype(np.float32), np.hstack(sides[1]).astype(np.float32)

        return rows


@dataclass(frozen=True, eq=False)
class Linked(OnModel):
    """An intruder who was given what a model gave out of one record of each person, with names,
    looks for those people in what it gave out of other records.
    """

    check: ClassVar[str] = "output-linkage"

    @property
    def protocol(self) -> str:
        """`cross-session` where enough people have records of two sessions."""
        return _protocol(records(self.target))

    @property
    def threat(self) -> str:
        """Who does what with what the model gives out, in one sentence."""
        return (
            f"An intruder holds the {self.output} that a model gave out of one record of every "
            "person, and finds those people in what it gave out of other records."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        table = records(self.target)
        n = table["subject"].iloc[_probes(table, _protocol(table))].nunique()
        if n < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people with two records; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The search by what the model gives out, by what it was asked with (`inputs`) and by what
        random weights give out (`untrained`); of the first two also among members and nonmembers.

        The match is taught by other people's repeats, where there are enough; of leaves it is the
        share that are equal. `beyond` looks at what is left of the output when what age and sex
        foretell is taken off. Three more look at all of it: `whitened`, taught with every direction
        counting the same, and `standardised` and `cosine`, which learn nothing.
        """
        target, table = self.target, records(self.target)
        protocol = _protocol(table)
        values = target.view(self.output).values
        table = answered(table, values)
        first = np.flatnonzero(~table["subject"].duplicated())
        field = Enrolment.of(table, first, _probes(table, protocol), rng)
        if len(np.unique(field.asked)) < MIN_PEOPLE:
            raise EvidenceError(f"needs {MIN_PEOPLE} people of whom it says something twice")

        can_learn = len(np.unique(field.asked)) >= MIN_TEACHERS

        def best(output: str, seen: Rows) -> Match:
            if output == "leaves":
                return field.plainly("cosine", seen, seen)
            if not can_learn:
                return field.plainly("standardised", seen, seen)
            return field.taught(_repeats(field, seen), seen, seen)

        seen = coordinates(self.output, values)
        searches = {
            "": best(self.output, seen),
            "beyond": best(
                self.output, beyond(seen, bent(target.age, target.male), table["row"].to_numpy())
            ),
        }
        if self.output != "leaves":
            if can_learn:
                searches["whitened"] = best(self.output, _whitened(seen))
            for name in ("standardised", "cosine"):
                searches[name] = field.plainly(name, seen, seen)
        if target.columns:
            searches["inputs"] = best("inputs", coordinates("inputs", target.inputs))
        if self.output in target.controls:
            twin = coordinates(self.output, target.view(self.output, control=True).values)
            searches["untrained"] = best(self.output, twin)
        found = {name: field.met(match, rng) for name, match in searches.items()}
        groups = kinds(target)
        asked = np.unique(field.asked)
        if groups and min(np.isin(asked, one).sum() for one in groups.values()) >= MIN_PEOPLE:
            for name in searches.keys() & {"", "inputs"}:
                for kind, people in groups.items():
                    found[f"{name} {kind}".strip()] = field.met(searches[name], rng, people)
        return found


def _protocol(records: pd.DataFrame) -> str:
    across = records["subject"].iloc[_probes(records, "cross-session")].nunique()
    return "cross-session" if across >= MIN_PEOPLE else "same-session"


def _probes(records: pd.DataFrame, protocol: str) -> NDArray[np.int64]:
    """Places of the later records that a protocol asks about."""
    first = records.groupby("subject")["session"].transform("first")
    moved = (records["session"] != first).to_numpy()
    places = later(records)
    return places[moved[places] == (protocol == "cross-session")]


def _whitened(seen: Rows) -> Rows:
    """The same along its directions, each in units of its spread, but for what is next to none."""
    centred = (seen - seen.mean(axis=0)).astype(np.float64)
    size, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    spread = np.sqrt(np.maximum(size, 0) + _NEXT_TO_NONE * size.mean() + 1e-12)
    return np.asarray(centred @ directions / spread, dtype=np.float32)


def _repeats(field: Enrolment, seen: Rows) -> Teach:
    """A match that has learned how other people's records scatter from one to the next."""
    values = seen.astype(np.float64)
    people, again = values[field.gallery], values[field.probe]
    alike = people.var(axis=0).mean() * _UNSEEN_SCATTER * np.eye(people.shape[1])
    repeating = np.isin(field.enrolled, field.asked)

    def teach(may: NDArray[np.bool_]) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
        named = may & repeating
        asked = np.isin(field.asked, field.enrolled[named])
        items = np.concatenate([people[named], again[asked]])
        whose = np.concatenate([field.enrolled[named], field.asked[asked]])
        scatter = scatter_of_repeats(items, np.unique(whose, return_inverse=True)[1])
        return Plda.of(people, scatter + alike).rows

    return teach


@dataclass(frozen=True, eq=False)
class Rebuilt(OnModel):
    """An intruder who has learnt from other people's records what a model makes of its inputs
    rebuilds the inputs from what it gives out.
    """

    check: ClassVar[str] = "inversion"
    protocol: ClassVar[str] = "subject-disjoint"

    @property
    def threat(self) -> str:
        """Who does what with what the model gives out, in one sentence."""
        return (
            "An intruder who has learnt from other people what a model makes of its inputs "
            f"rebuilds the inputs from its {self.output}."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if len(np.unique(self.target.subject)) < 2 * MIN_PEOPLE:
            return f"needs at least {2 * MIN_PEOPLE} people to learn from; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """By column, what is rebuilt of it beside what it is, and beside its mean."""
        target, table = self.target, records(self.target)
        seen = coordinates(self.output, target.view(self.output).values)[table["row"]]
        truth = target.inputs[table["row"]].astype(np.float64)
        subject = table["subject"].to_numpy().astype(str)
        person = np.unique(subject, return_inverse=True)[1]
        prior, value = np.zeros_like(truth), np.zeros_like(truth)
        for train, test in dealt(person, np.zeros(person.max() + 1, dtype=np.int64), rng):
            weight = even(subject[train])
            known = ~np.isnan(truth[train])
            heavy = (known * weight[:, None]).sum(axis=0)
            total = (np.where(known, truth[train], 0) * weight[:, None]).sum(axis=0)
            mean = total / np.where(heavy > 0, heavy, 1)
            wanted = np.where(known, truth[train] - mean, 0)
            prior[test] = mean
            some = np.sort(rng.permutation(len(train))[:_REBUILT_FROM])
            value[test] = mean + _rebuilt(
                seen[train[some]], wanted[some], weight[some], seen[test], rng
            )
        found: dict[str, Evidence] = {}
        for place, column in enumerate(target.columns):
            known = ~np.isnan(truth[:, place])
            people = len(np.unique(subject[known]))
            if people >= 2 * MIN_PEOPLE and np.ptp(truth[known, place]) > 0:
                one = value[known, place], truth[known, place], prior[known, place]
                found[column] = Predictions(*one, subject[known])
        return found


def _rebuilt(
    seen: Rows, wanted: Floats, weight: Floats, asked: Rows, rng: np.random.Generator
) -> Floats:
    """(n_asked, m) what lines say of some columns and, where little is seen, trees of the rest."""
    size = np.maximum(wanted.std(axis=0), 1e-12)
    share = weight / weight.mean()
    line = RidgeCV(_PENALTIES).fit(seen, wanted / size, share)
    told = line.predict(asked).reshape(len(asked), -1)
    if seen.shape[1] <= _NARROW:
        left = wanted / size - line.predict(seen).reshape(len(seen), -1)
        trees = ExtraTreesRegressor(**_TREES, random_state=int(rng.integers(2**31)))
        told = told + trees.fit(seen, left, share).predict(asked).reshape(len(asked), -1)
    return np.asarray(told * size)


def attacks(target: Target) -> list[ModelAttack]:
    """Whether each thing that a model gives out names people, and gives back its inputs."""
    found: list[ModelAttack] = [Linked(target, output) for output in target.outputs]
    if target.columns:
        found += [Rebuilt(target, output) for output in target.outputs]
    return found
