"""Does anything that travels with the signals name people outright?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.core.evidence import MIN_PEOPLE, Counts
from auditor.data.dataset import Dataset
from auditor.data.identifiers import AGE_OVER_89, FREE_TEXT, classes_in, column, hits
from auditor.data.identifiers.classes import DATE
from auditor.data.moved import is_yet_to_come
from auditor.data.values import is_missing
from auditor.engine import shards
from auditor.stats.small_cells import shares_of_people
from auditor.targets.context import Context

#: Comment keys that say no more than the manifest does.
_ORDINARY = re.compile(
    r"\W*(?:age|sex|gender|dx|rx|hx|sx|label|diagnos[ei]s)\W*[:>]", re.IGNORECASE
)
_POSITIONAL = re.compile(r"\W*-?\d+ [MF-]\S* .*")
#: Text shorter than this is a code, not prose.
_PROSE = 3


@dataclass(frozen=True)
class Place:
    """One class of identifier at one kind of place."""

    kind: str
    where: str


def plan(settings: Settings) -> list[OnRecordings]:
    """One question, whatever the preset."""
    del settings
    return [Identifiers()]


@dataclass(frozen=True)
class Identifiers(OnRecordings):
    """A reader of headers, annotations, file names and tables looks for what names a person."""

    id: ClassVar[str] = "identifiers"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if context.dataset.manifest["subject"].nunique() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Counts:
        """For each person, how often each class was met at each kind of place."""
        del rng
        dataset = context.dataset
        jobs = [dataset.part(np.asarray(rows)) for rows in shards(range(len(dataset.manifest)))]
        found = [
            (subject, place)
            for part in context.engine.map(_hits_in_texts, jobs)
            for subject, place in part
        ]
        found += _hits_in_tables(dataset)
        found += _old_ages(dataset.manifest)
        hits = pd.DataFrame(
            {"subject": [s for s, _ in found], "name": [f"{p.kind}/{p.where}" for _, p in found]},
            dtype=str,
        )
        people = np.unique(dataset.manifest["subject"].astype(str))
        table = pd.crosstab(hits["subject"], hits["name"]).reindex(people, fill_value=0)
        return Counts(tuple(map(str, table.columns)), table.to_numpy(dtype=np.int64))

    def estimate(self, evidence: Counts, level: float, draw: Draw) -> Measured:
        """The share of people with a direct identifier, with free text, and with an age over 89.

        Also, as parameters, which class was met at which kind of place, for how many people;
        numbers under `MIN_PEOPLE` are not told. One to nine people are no share: as a parameter it
        is told that there are some.
        """
        del draw
        kinds = np.array([name.partition("/")[0] for name in evidence.names])
        has = evidence.values > 0
        hits = []
        for place, name in enumerate(evidence.names):
            kind, _, where = name.partition("/")
            n = int(has[:, place].sum())
            told: int | str = n if n >= MIN_PEOPLE else f"fewer than {MIN_PEOPLE}"
            hits.append({"class": kind, "where": where, "people": told})
        chosen = {
            "direct": ~np.isin(kinds, [AGE_OVER_89, FREE_TEXT]),
            "ages_over_89": kinds == AGE_OVER_89,
            "free_text": kinds == FREE_TEXT,
        }
        shares = {name: np.asarray(has[:, columns].any(axis=1)) for name, columns in chosen.items()}
        found, few = shares_of_people(shares, level, 0.0)
        return Measured(found, params={"hits": hits} | few)


def _hits_in_texts(dataset: Dataset) -> list[tuple[str, Place]]:
    hits = []
    subjects = dataset.manifest["subject"].astype(str)
    for record, subject in zip(dataset.manifest["record"], subjects, strict=True):
        for where, text in dataset.texts(record):
            kinds = _kinds(text, where, dataset.descriptor.shifted)
            written = where in ("header comment", "annotation note") and _is_prose(text)
            if written and not classes_in(text, where):
                kinds = {FREE_TEXT}
            hits += [(subject, Place(kind, where)) for kind in kinds]
    return hits


def _kinds(text: str, where: str, shifted: bool) -> set[str]:
    """The classes of identifier that a text surely holds.

    Parameters
    ----------
    shifted : whether each person's dates were moved into years to come, as somebody says: one that
        does lie there is no recording's own
    """
    return {
        one.kind
        for one in hits(text, where)
        if one.sure
        and not (shifted and one.kind == DATE and is_yet_to_come(text[one.start : one.stop]))
    }


def _is_prose(text: str) -> bool:
    ordinary = _ORDINARY.match(text) or _POSITIONAL.match(text)
    return not ordinary and sum(map(str.isalpha, text)) > _PROSE and " " in text.strip()


def _hits_in_tables(dataset: Dataset) -> Iterator[tuple[str, Place]]:
    manifest = dataset.manifest
    for table in dataset.tables():
        subjects = table.pop("subject").astype(str)
        known = [*manifest["record"].astype(str), *manifest["subject"].astype(str)]
        for row, kind in _hits_in(table, known, dataset.descriptor.shifted):
            yield subjects.iloc[row], Place(kind, "table")
    everybody = manifest["subject"].astype(str).unique()
    for table in dataset.stray_tables():
        # Whom a row is about is not known, so what it tells is counted for everybody.
        for kind in {kind for _, kind in _hits_in(table, (), shifted=False)}:
            yield from ((who, Place(kind, "table without a rule")) for who in everybody)


def _hits_in(table: pd.DataFrame, known: Sequence[str], shifted: bool) -> Iterator[tuple[int, str]]:
    """The rows of a table that hold a class: by a column as a whole, or by what a cell says.

    Parameters
    ----------
    known : the names of records and subjects, which a column may repeat
    shifted : as in `_kinds`
    """
    for name in table.columns:
        cells = table[name].astype(str).str.strip()
        found = column(str(name), cells.tolist(), known)
        # Of ages some are over 89, and of dates that were moved none may be a day that was.
        apart = (AGE_OVER_89, DATE) if shifted else (AGE_OVER_89,)
        whole = found and found.sure and found.kind not in apart
        for row in np.flatnonzero(~cells.map(is_missing)):
            if whole and found:
                yield int(row), found.kind
            else:
                kinds = _kinds(cells.iloc[row], str(name) if found else "", shifted)
                yield from ((int(row), kind) for kind in kinds)


def _old_ages(manifest: pd.DataFrame) -> Iterator[tuple[str, Place]]:
    pooled = manifest["age_pooled"].astype(bool)
    old = manifest.loc[(manifest["age"] > 89) & ~pooled, "subject"].astype(str)
    yield from ((who, Place(AGE_OVER_89, "header or table")) for who in old)
