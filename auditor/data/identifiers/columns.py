"""What a column of a table holds, by the words of its name and by its values.

A name promises a class, and the values must not speak against it: yes and no, small counts, or
the record's own name are nobody's. Without such a name a column of nothing but people's names is
one all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.data.identifiers import names
from auditor.data.identifiers.classes import (
    AGE_OVER_89,
    BIOMETRIC,
    DATE,
    NAME,
    PHOTO,
    PLACE,
    Column,
    Hit,
)
from auditor.data.identifiers.judge import judge
from auditor.data.identifiers.vocabulary import Meaning, is_person, listed, meanings, plain
from auditor.data.values import dates as dates_of
from auditor.data.values import is_missing

#: So many distinct values are looked at, and a share of them must be what the name promises.
_LOOKED_AT, _SHARE = 300, 0.5
#: Codes below this are counts or categories.
_SMALL = 1000
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?")
#: A column of people's names under another name holds so many of them.
_NAMES, _FEWEST_NAMES = 0.8, 5


@dataclass(frozen=True)
class _Values:
    """What a column holds, each once, as far as it is looked at."""

    said: tuple[str, ...]

    @property
    def are_truths(self) -> bool:
        return all(plain(one) in listed("truths") for one in self.said)

    @property
    def are_small(self) -> bool:
        """Whether they are counts, or codes of a few categories."""
        plainly = [_NUMBER.fullmatch(one) for one in self.said]
        whole = all(plainly) and not any(re.match(r"[+-]?0\d", one) for one in self.said)
        return whole and all(abs(float(one)) < _SMALL for one in self.said)

    @property
    def are_measured(self) -> bool:
        """Whether they are numbers with decimals."""
        return all(_NUMBER.fullmatch(one) for one in self.said) and any(
            "." in one and float(one) % 1 for one in self.said
        )


def column(name: str, values: Sequence[str], records: Iterable[str] = ()) -> Column | None:
    """The class of identifier that a column holds; None where it holds none as a whole.

    Parameters
    ----------
    values : its cells
    records : what is known of each row by another way, such as the names of records and of
        subjects: a column that repeats them tells nothing new
    """
    known = dict.fromkeys(str(one).strip() for one in values)
    said = [one for one in known if not is_missing(one)]
    if not said or _repeats(said, records):
        return None
    seen = _Values(tuple(said[:: max(len(said) // _LOOKED_AT, 1)][:_LOOKED_AT]))
    if seen.are_truths:
        return None
    if meant := meanings(name):
        return next(filter(None, (_promised(one, seen) for one in meant)), None)
    return _of_names(seen)


def _promised(meant: Meaning, seen: _Values) -> Column | None:
    rule = f"a column whose name says {' '.join(sorted(meant.words))}"
    if meant.kind == DATE:
        return _of_dates(meant, seen, rule)
    if seen.are_measured and meant.kind != AGE_OVER_89:
        return None
    if seen.are_small and meant.kind not in (AGE_OVER_89, PHOTO, BIOMETRIC):
        coded = meant.kind in (NAME, PLACE)
        return Column(meant.kind, f"codes in {rule}", sure=False) if coded else None
    hits = [judge([meant], one) for one in seen.said]
    found = [one for one in hits if one is not None]
    if meant.kind == AGE_OVER_89:
        return Column(AGE_OVER_89, rule) if found else None
    if len(found) < _SHARE * len(seen.said):
        return None
    kind = _commonest(found)
    sure = sum(one.sure for one in found) >= _SHARE * len(found)
    if is_person(meant) and kind != NAME:
        sure = all(sum(map(str.isdigit, one)) >= 5 for one in seen.said)
    return Column(kind, rule, sure)


def _of_dates(meant: Meaning, seen: _Values, rule: str) -> Column | None:
    found = [judge([meant], one) for one in seen.said]
    if sum(one is not None for one in found) >= _SHARE * len(seen.said):
        return Column(DATE, rule)
    if meant.words <= listed("times"):
        return None  # what counts from a start is no day of a spreadsheet
    days, unread = dates_of(seen.said)
    known = sum(one is not None for one in days)
    return Column(DATE, rule) if known > _SHARE * len(seen.said) and known > unread else None


def _of_names(seen: _Values) -> Column | None:
    """A column of people's names, whatever it is called."""
    if len(seen.said) < _FEWEST_NAMES:
        return None
    found = sum(
        all(word[:1].isupper() for word in one.split()) and names.looks_like(one)
        for one in seen.said
    )
    return Column(NAME, "a column of people's names") if found >= _NAMES * len(seen.said) else None


def _repeats(said: Sequence[str], records: Iterable[str]) -> bool:
    """Whether nearly all values are known of their rows already, as the names of files are."""
    known = {_bare(one) for one in records}
    if not known:
        return False
    stems = known | {one.rpartition("/")[2] for one in known}
    own = sum(_bare(one) in stems or _bare(one).rpartition("/")[2] in stems for one in said)
    return own >= 0.9 * len(said)


def _bare(name: str) -> str:
    """A record's name without what a table's way of writing adds to it."""
    name = re.sub(r"\.(?:hea|dat|mat|dcm|xml|edf|csv|hdf5|h5|npy)$", "", str(name).strip())
    return re.sub(r"^0+(?=\d)", "", re.sub(r"(?<=\d)\.0+$", "", name))


def _commonest(found: Sequence[Hit]) -> str:
    kinds = [one.kind for one in found]
    return max(dict.fromkeys(kinds), key=kinds.count)
