"""What is there in a release and was not understood: counted by kind, it never passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: Kinds of what may be there and not be understood → what one of them, and several, are called.
KINDS: Mapping[str, tuple[str, str]] = {
    "file": ("file", "files"),
    "recording": ("recording that cannot be read", "recordings that cannot be read"),
    "archive": ("archive", "archives"),
    "table": ("table that nothing describes", "tables that nothing describes"),
    "text": ("text that nobody has read", "texts that nobody has read"),
    "age": ("age", "ages"),
    "sex": ("sex", "sexes"),
    "date": ("date", "dates"),
    "session": ("session", "sessions"),
    "person": (
        "person who is not known for certain",
        "people who are not known for certain",
    ),
    "lead": (
        "recording whose leads were not attacked",
        "recordings whose leads were not attacked",
    ),
    "model text": (
        "text of a model about a record that is not here",
        "texts of a model about records that are not here",
    ),
    "model output": (
        "output of a model that was not attacked",
        "outputs of a model that were not attacked",
    ),
    "unit": ("signal in a unit that is not known", "signals in units that are not known"),
}

#: Of what a model gives out: kinds → what settles them, which an inspection of recordings cannot.
CURES: Mapping[str, str] = {
    "model text": "give the records that texts are about, or leave their rows out",
    "model output": "name in model.yaml what is given out of the model, as outputs: [...]",
}


@dataclass(frozen=True)
class Unread:
    """Something that is there and was not understood.

    Attributes
    ----------
    kind : a key of `KINDS`
    where : in which file, column or header line; for the steward alone
    n : how often
    cure : what makes it understood, or says that it need not be
    """

    kind: str
    where: str
    n: int
    cure: str


def by_kind(unread: Iterable[Unread]) -> dict[str, int]:
    """How often each kind was met."""
    counts: Counter[str] = Counter()
    for one in unread:
        counts[one.kind] += one.n
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


def cures(counts: Mapping[str, int]) -> str:
    """What is to be done about what was not understood, by kind."""
    told = [cure for kind, cure in CURES.items() if counts.get(kind)]
    if any(counts.get(kind) for kind in KINDS.keys() - CURES.keys()):
        told.insert(0, "`auditor inspect` names them, and what to do")
    return "; ".join(told)


def in_words(counts: Mapping[str, int]) -> str:
    """Counts by kind as a list: "2 files and 24 ages"."""
    parts = [f"{n:,} {KINDS.get(kind, (kind, kind))[n != 1]}" for kind, n in counts.items() if n]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
