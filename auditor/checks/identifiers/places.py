"""Where in a release something stands that identifies, or may."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain

import pandas as pd

from auditor.checks.identifiers import pseudonyms, recorders, times
from auditor.checks.identifiers.recorders import Constants
from auditor.checks.identifiers.sighting import Sighting
from auditor.core.evidence import MIN_PEOPLE
from auditor.data.catalog import Descriptor
from auditor.data.dataset import Dataset
from auditor.data.identifiers import AGE_OVER_89, FREE_TEXT, Rows, codes, column, hits
from auditor.data.identifiers.classes import DATE
from auditor.data.moved import is_yet_to_come
from auditor.data.readers.comments import facts
from auditor.data.values import is_missing

#: Comment keys that say no more than the manifest does.
_ORDINARY = re.compile(
    r"\W*(?:age|sex|gender|dx|rx|hx|sx|label|diagnos[ei]s)\W*[:>]", re.IGNORECASE
)
_POSITIONAL = re.compile(r"\W*-?\d+ [MF-]\S* .*")
#: A word of prose, and so many make a text.
_WORD = re.compile(r"[^\W\d_]*[^\W\d_A-Z][^\W\d_]{2,}")
_WORDS = 2
#: A line no longer than this that tells an age or a sex tells no more.
_FACT = 40
#: Where a file system, or an archive, keeps when a file was written.
TIMES = "time of a file"
#: Where somebody may have written freely.
_WRITTEN = ("header comment", "annotation note", "table")


def in_texts(dataset: Dataset) -> Iterator[Sighting]:
    """What texts that travel with the records hold."""
    subjects = dataset.manifest["subject"].astype(str)
    for record, subject in zip(dataset.manifest["record"], subjects, strict=True):
        for where, text in dataset.texts(record):
            yield from _in_text(subject, text, where, where, where)
            yield from recorders.in_text(subject, text, where)


def in_names(dataset: Dataset) -> Iterator[Sighting]:
    """What the names of files tell that are no recordings, and nobody has spoken of; files of
    archives too. Of whom, nothing says: it is counted for everybody.
    """
    everybody = dataset.manifest["subject"].astype(str).unique().tolist()
    where = "name of a file beside"
    for one in dataset.account.unread:
        for seen in _in_text("", one.where, where, where, ""):
            yield from (seen._replace(subject=who) for who in everybody)


def in_tables(dataset: Dataset) -> Iterator[Sighting]:
    """What tables hold; of a table that nothing describes, of everybody."""
    manifest = dataset.manifest
    known = [*manifest["record"].astype(str), *manifest["subject"].astype(str)]
    if companion := dataset.companion():
        table, about = companion
        subjects = about["subject"].astype(str).tolist()
        yield from _in_table(table, subjects, "table", known)
        yield from _in_codes(table, about, dataset.descriptor)
    everybody = manifest["subject"].astype(str).unique().tolist()
    for table in dataset.stray_tables():
        # Whom a row is about is not known: what any says is counted for everybody.
        rows = ["" for _ in range(len(table))]
        seen = {one.place: one for one in _in_table(table, rows, "table without a rule", ())}
        yield from (one._replace(subject=who) for one in seen.values() for who in everybody)


def in_times(dataset: Dataset) -> Iterator[Sighting]:
    """What the times of files tell; those of files of archives are counted for everybody."""
    if told := times.telling(dataset):
        rule, written = told
        for who, time in written.items():
            yield Sighting(str(who), DATE, TIMES, TIMES, rule, False, f"{time:%Y-%m-%d %H:%M}")
    everybody = dataset.manifest["subject"].astype(str).unique().tolist()
    for archive, time in times.packed(dataset):
        rule, at = "files of an archive, written on many days", f"{TIMES} of {archive}"
        for who in everybody:
            yield Sighting(who, DATE, TIMES, at, rule, False, f"{time:%Y-%m-%d %H:%M}")


def beside(dataset: Dataset) -> Iterator[Sighting]:
    """What stands beside the records and their texts."""
    yield from in_tables(dataset)
    yield from in_names(dataset)
    yield from in_times(dataset)
    yield from recorders.of_recordings(dataset)
    yield from of_people(dataset)


def of_people(dataset: Dataset) -> Iterator[Sighting]:
    """What is known of people as a whole: ages over 89, and pseudonyms that tell of them."""
    manifest = dataset.manifest
    old = manifest[(manifest["age"] > 89) & ~manifest["age_pooled"].astype(bool)]
    for subject, age in zip(old["subject"].astype(str), old["age"], strict=True):
        where = "header or table"
        yield Sighting(subject, AGE_OVER_89, where, where, "an age over 89", True, f"{age:g}")
    yield from (
        Sighting(subject, hit.kind, "pseudonym", "pseudonym", hit.rule, hit.sure, subject)
        for hit, subjects in pseudonyms.derived(manifest)
        for subject in subjects
    )


def listed(dataset: Dataset) -> Iterator[str]:
    """What was met and where, line by line, each with an example; for the steward's own screen."""
    people: defaultdict[tuple[bool, str, str, str], dict[str, str]] = defaultdict(dict)
    seen = Constants().settled(chain(in_texts(dataset), beside(dataset)))
    for one in judged(seen, dataset.descriptor):
        people[not one.sure, one.kind, one.at, one.rule][one.subject] = one.value
    for (unsure, kind, at, rule), values in sorted(people.items()):
        example = " ".join(next(iter(values.values())).split())
        what = "possible" if unsure else "identifier"
        n = f"{len(values):,} {'person' if len(values) == 1 else 'people'}"
        yield f"{what:<12} {kind}, {at}: {n}, e.g. {example:.60}; {rule}"
    if not people:
        yield "identifiers  none was found"
    elif any(unsure for unsure, *_ in people):
        yield "cure         take it out, or say under cleared in auditor.yaml why it names nobody"


def judged(seen: Iterable[Sighting], descriptor: Descriptor) -> Iterator[Sighting]:
    """Those that count: not what somebody has cleared, no date in years to come where somebody says
    that dates were moved, and no text that ten people have in common, which tells of none of them.
    """
    written: defaultdict[str, set[str]] = defaultdict(set)
    waiting = []
    for one in seen:
        if not one.sure and any(fnmatchcase(one.at, place) for place in descriptor.cleared):
            continue
        if one.kind == DATE and descriptor.shifted and is_yet_to_come(one.value):
            continue
        if one.kind != FREE_TEXT:
            yield one
            continue
        if len(written[one.value]) < MIN_PEOPLE:
            written[one.value].add(one.subject)
        waiting.append(one)
    yield from (one for one in waiting if len(written[one.value]) < MIN_PEOPLE)


def _in_text(subject: str, text: str, where: str, at: str, said: str) -> Iterator[Sighting]:
    """What one text holds.

    Parameters
    ----------
    said : what the place promises, as the recognisers read it
    """
    found = hits(text, said)
    for hit in found:
        value = text[hit.start : hit.stop]
        yield Sighting(subject, hit.kind, where, at, hit.rule, hit.sure, value)
    if not found and where in _WRITTEN and _is_prose(text):
        yield Sighting(subject, FREE_TEXT, where, at, "text that nothing explains", False, text)


def _in_table(
    table: pd.DataFrame, subjects: Sequence[str], where: str, known: Sequence[str]
) -> Iterator[Sighting]:
    """What the columns of a table hold as a whole, or their cells one by one.

    Parameters
    ----------
    known : the names of records and subjects, which a column may repeat
    """
    for place, name in enumerate(map(str, table.columns)):
        cells = table.iloc[:, place].astype(str).str.strip()
        at = f"{where} column {name}"
        whole = column(name, cells.tolist(), known)
        rows = defaultdict(list)
        for row, cell in enumerate(cells):
            rows[cell].append(row)
        for cell, those in rows.items():
            if is_missing(cell):
                continue
            if whole and whole.kind != AGE_OVER_89:  # of ages some are over 89
                found = [Sighting("", whole.kind, where, at, whole.rule, whole.sure, cell)]
            else:
                found = list(_in_text("", cell, where, at, name if whole else ""))
            for one in found:
                people = dict.fromkeys(subjects[row] for row in those)
                yield from (one._replace(subject=who) for who in people)


def _in_codes(
    table: pd.DataFrame, about: pd.DataFrame, descriptor: Descriptor
) -> Iterator[Sighting]:
    """Codes, of which each person has one of their own, in columns that no word explains.

    Not in those whose meaning the descriptor tells.

    Parameters
    ----------
    about : the manifest's rows of the table's rows
    """
    rule = descriptor.table
    assert rule is not None
    explained = {*rule.record, rule.age, rule.sex, rule.date, rule.labels} | {
        one.column for one in (descriptor.subject, descriptor.session) if one
    }
    subjects = about["subject"].astype(str).tolist()
    names = about[["record", "subject", "session"]].astype(str).agg(" ".join, axis=1)
    day = pd.Timedelta(days=1)
    days = (about["taken_at"] - about["taken_at"].min()) / day
    rows = Rows(subjects, names.tolist(), days.to_numpy(dtype=float))
    known = [*about["record"].astype(str), *subjects]
    for place, name in enumerate(map(str, table.columns)):
        cells = table.iloc[:, place].astype(str).str.strip().tolist()
        if name in explained or column(name, cells, known):
            continue
        if whole := codes(name, cells, rows):
            at = f"table column {name}"
            for cell, who in dict.fromkeys(zip(cells, subjects, strict=True)):
                if not is_missing(cell) and not hits(cell):
                    yield Sighting(who, whole.kind, "table", at, whole.rule, whole.sure, cell)


def _is_prose(text: str) -> bool:
    """Whether a text is words, and says more than the manifest does."""
    ordinary = _ORDINARY.match(text) or _POSITIONAL.match(text)
    if ordinary or sum(map(bool, map(_WORD.search, text[:4096].split()))) < _WORDS:
        return False
    return len(text) > _FACT or not {"age", "sex"} & set(facts([text]).attributes)
