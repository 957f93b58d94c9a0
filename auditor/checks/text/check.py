"""Do texts about ECGs quote whose they are, or recite what their writer was taught?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.demographics import age_and_sex_bands, demographics, target_records
from auditor.attackers.output_features import membership_groups
from auditor.attackers.search import search_gallery
from auditor.checks.base import ModelAttack, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Counts, Evidence, Trials
from auditor.core.streams import stream
from auditor.core.target import MEMBER, Floats, Target
from auditor.data.identifiers import AGE_OVER_89, DIRECT, classes_in
from auditor.systems.gem.grounding import TOLERANCES, Claim, claims
from auditor.targets.context import Case

Runs = NDArray[np.int64]

#: The prompt that shows a model all there is; its answers are what is released.
FULL = "full"
#: So many words in a row that stand in two texts are one text that was copied.
WORDS = 8
#: The share of a text's tokens that are looked at, those the model found hardest (Shi et al.,
#: "Detecting Pretraining Data from Large Language Models", ICLR 2024).
_HARDEST = 0.2
#: How far a number may be from what was measured and be its rounding.
_ROUNDED = {"ms": 0.5, "deg": 0.5, "1/min": 0.5, "mV": 0.005}
#: How far it may be where `TOLERANCES` are silent: mV, or as a share of what was measured.
_HEIGHT_MV, _SHARE = 0.025, 0.05
#: So many people's texts are searched for, so many texts at once: each brings its own columns.
ASKED, _AT_ONCE = 2000, 32
#: Alternatives without which a canary's rank says little.
MIN_REFERENCES = 99

_YEARS = r"(?:years?|yrs?|y)[ -](?:old|of age)\b"
#: What says of a text's person what no measurement does, beside `identifiers.classes_in`.
_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "device",
            r"\b(?:philips|pagewriter|marquette|mac ?(?:\d{3,4}|vu)|schiller|cardiovit|mortara|"
            r"burdick|nihon ?kohden|cardiofax|fukuda|edan|bionet|welch allyn|hellige)\b",
        ),
        (
            "earlier record",
            r"\b(?:unchanged|no (?:\w+ )?changes?|(?:as )?compared|similar|in comparison)\b"
            r"[^.;\n]{0,40}\b(?:previous|prior|last|earlier|before)\b"
            r"|\bsince (?:the )?(?:previous|prior|last|earlier)\b",
        ),
        ("age", rf"\b\d{{1,3}}[ -]?{_YEARS}|\baged?\W{{1,2}}\d{{2,3}}\b"),
        (AGE_OVER_89, rf"\b(?:9\d|1[01]\d)[ -]?{_YEARS}|\baged?\W{{1,2}}(?:9\d|1[01]\d)\b"),
    )
)
INDIRECT = ("age", AGE_OVER_89, "earlier record")
CLASSES = (*DIRECT, *INDIRECT)
#: Numbers with their units name nobody, and "ms. In" is no lady.
_QUANTITY = re.compile(r"[-−]?\d+(?:\.\d+)? ?(?:ms|mV|µV|uV|deg|°|1/min|bpm|mm/s|Hz)(?!\w)")


@dataclass(frozen=True, eq=False)
class Texts:
    """What a model writes, and what it was taught to: `target.parts["texts"]`.

    Attributes
    ----------
    told : by prompt ("full", "blank", "image only", "signal only"), what is written for each record
    written : the answer that belongs to each record, which members' were taught; "" where none
    loss : (n, k) how unlikely the model finds each token of that answer, −log p, NaN past its end;
        None where not known
    """

    told: Mapping[str, tuple[str, ...]]
    written: tuple[str, ...]
    loss: Floats | None = None

    def __post_init__(self) -> None:
        for name, texts in self.told.items():
            if len(texts) != len(self.written):
                raise ValueError(f"{len(texts)} texts are {name}, wanted {len(self.written)}")
        if self.loss is not None and len(self.loss) != len(self.written):
            raise ValueError(f"loss has {len(self.loss)} rows, wanted {len(self.written)}")


@dataclass(frozen=True, eq=False)
class _Read(OnModel):
    """A question to the texts of a target."""

    check: ClassVar[str] = "text"

    @property
    def texts(self) -> Texts:
        """What is read."""
        found: Texts = self.target.parts["texts"]
        return found

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del case
        n = len(np.unique(self.target.subject))
        return None if n >= MIN_PEOPLE else f"needs at least {MIN_PEOPLE} people"


@dataclass(frozen=True, eq=False)
class Quoted(_Read):
    """How many people share the numbers that a text quotes?"""

    protocol: ClassVar[str] = "quoted"

    @property
    def threat(self) -> str:
        """Who does what with the texts, in one sentence."""
        return (
            "Somebody who knows what was measured of a person looks for the only text that quotes "
            "those numbers."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        return super().unmet(case) or _no_numbers(self.texts)

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """For each person, how many people have a text with the rarest number of one of theirs,
        and how many one with all the numbers of one of theirs: everybody, where none is quoted.
        """
        del case, rng
        _, person = np.unique(self.target.subject, return_inverse=True)
        quoted = [_numbers(text) for text in self.texts.told[FULL]]
        return {"quoted": Counts(("one number", "all numbers"), _classes(quoted, person))}


@dataclass(frozen=True, eq=False)
class Relinked(_Read):
    """Is the record that a text is about found by the numbers it quotes?"""

    protocol: ClassVar[str] = "re-linking"

    @property
    def threat(self) -> str:
        """Who does what with the texts, in one sentence."""
        return (
            "Somebody who holds measurements of many named people finds whose a text is by the "
            "numbers that it quotes."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if why := super().unmet(case) or _no_numbers(self.texts):
            return why
        quoted = {one.column for text in self.texts.told[FULL] for one in claims(text)}
        if not quoted & set(self.target.columns):
            return "nothing that the texts quote is in the table of what was measured"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """Texts against every record; a quoted number counts where it is within tolerance of
        what was measured, and once more where it is its rounding.
        """
        del case
        target, n = self.target, len(self.target.record)
        people = rng.permutation(np.unique(target.subject))[:ASKED]
        probe = np.flatnonzero(np.isin(target.subject, people))
        quoted = [_numbers(self.texts.told[FULL][row]) for row in probe]
        place = {column: at for at, column in enumerate(target.columns)}

        def rows(block: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            some = quoted[block * _AT_ONCE : (block + 1) * _AT_ONCE]
            known = sorted({one for numbers in some for one in numbers if one.column in place})
            gallery = np.zeros((n, max(len(known), 1)), dtype=np.float32)
            for at, one in enumerate(known):
                measured = target.inputs[:, place[one.column]]
                gallery[:, at] = agreement(one, measured.astype(np.float64))
            holds = np.array([[one in numbers for one in known] or [False] for numbers in some])
            return gallery, holds.astype(np.float32)

        known, block = demographics(target_records(target)), np.arange(len(probe)) // _AT_ONCE
        return {"": search_gallery(rows, target.subject, target.subject[probe], known, rng, block)}


@dataclass(frozen=True, eq=False)
class Recited(_Read):
    """Does a model recite the answers it was taught, to those who show it little or nothing?"""

    protocol: ClassVar[str] = "verbatim"

    @property
    def threat(self) -> str:
        """Who does what with the texts, in one sentence."""
        return (
            "Somebody who shows the model a part of a record, or nothing, is told the answer that "
            "it was taught about a person, word for word."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del case
        if self.target.unknown:
            return self.target.unknown
        rows = self._rows
        member = self.target.part[rows] == MEMBER
        people = (len(np.unique(self.target.subject[rows[those]])) for those in (member, ~member))
        if min(people) < MIN_PEOPLE:
            return f"needs {MIN_PEOPLE} members with an answer and {MIN_PEOPLE} others; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """By prompt, which share of a text's runs of eight words stands in the own answer, without
        those that stand in two people's; and `tokens`, how likely the model finds the hardest fifth
        of that answer's tokens.
        """
        del case, rng
        rows, texts = self._rows, self.texts
        own = [_runs(texts.written[row]) for row in rows]
        ordinary = _of_several(own, self.target.subject[rows])
        scores = {
            f"prompt {name}": np.array(
                [
                    overlap(np.setdiff1d(_runs(told[row]), ordinary), one)
                    for row, one in zip(rows, own, strict=True)
                ]
            )
            for name, told in texts.told.items()
        }
        if texts.loss is not None:
            scores["tokens"] = -_hardest(texts.loss[rows])
        return {
            name: self._trials(rows[~np.isnan(score)], score[~np.isnan(score)])
            for name, score in scores.items()
        }

    def twin(self, planted: bool, seed: int) -> Recited:
        """The same question about a model that tells every second member their own answer, whatever
        it is shown; or that tells members what it tells people it never saw.
        """
        rows, subject = self._rows, self.target.subject
        member = self.target.part[rows] == MEMBER
        rng = stream(seed, f"text/{self.target.name}/twin")
        people = rng.permutation(np.unique(subject[rows[member]]))
        some = people[: max(len(people) // 2, MIN_PEOPLE)]
        others = rng.choice(rows[~member], int(member.sum()))
        told = {name: list(texts) for name, texts in self.texts.told.items()}
        for row, other in zip(rows[member], others, strict=True):
            own = planted and subject[row] in some
            for name, said in self.texts.told.items():
                told[name][row] = self.texts.written[row] if own else said[other]
        twin = Texts({name: tuple(one) for name, one in told.items()}, self.texts.written)
        return replace(self, target=replace(self.target, parts={"texts": twin}))

    @property
    def _rows(self) -> NDArray[np.int64]:
        """Records with an answer, of people who are members with all of theirs, or with none."""
        answered = np.array([bool(text.strip()) for text in self.texts.written])
        known = np.concatenate([*membership_groups(self.target).values()])
        return np.flatnonzero(answered & np.isin(self.target.subject, known))

    def _trials(self, rows: NDArray[np.int64], score: Floats) -> Trials:
        target = self.target
        return Trials(
            score,
            target.part[rows] == MEMBER,
            target.subject[rows],
            age_and_sex_bands(target)[rows],
        )


@dataclass(frozen=True, eq=False)
class Canaries(_Read):
    """Does a model find what was hidden in its training likelier than what was not?

    `target.parts["canaries"]()` is how unlikely it finds each canary (c,), and each of as many
    alternatives of the same form, (m,), or each canary's own, (c, m).
    """

    protocol: ClassVar[str] = "canaries"

    @property
    def threat(self) -> str:
        """Who does what with the model, in one sentence."""
        return (
            "Somebody who can ask how likely the model finds a text ranks all that could stand in "
            "a place, such as an interval, and reads what it was taught off the top."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del case
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """How likely each canary and each of its alternatives is, canary by canary."""
        del case, rng
        inserted, reference = self.target.parts["canaries"]()
        n = len(inserted)
        if not n or reference.shape[-1] < MIN_REFERENCES:
            raise EvidenceError(f"needs a canary and {MIN_REFERENCES} alternatives; found fewer")
        among = np.column_stack([inserted, np.broadcast_to(reference, (n, reference.shape[-1]))])
        turn, place = np.indices(among.shape)
        names = np.char.add(np.char.add(turn.ravel().astype(str), "/"), place.ravel().astype(str))
        return {"canaries": Trials(-among.ravel(), place.ravel() == 0, names, turn.ravel())}


@dataclass(frozen=True, eq=False)
class Named(_Read):
    """Does anything in the texts name people outright?"""

    protocol: ClassVar[str] = "identifiers"

    @property
    def threat(self) -> str:
        """Who does what with the texts, in one sentence."""
        return (
            "Anybody who reads the texts that the model writes, or those it was taught, meets "
            "names, dates, devices, ages or words about an earlier visit."
        )

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """For each person, in how many texts each class was met: told or written."""
        del case, rng
        texts = self.texts
        places = [("told", one) for one in texts.told.values()]
        if any(texts.written):
            places.append(("written", texts.written))
        people, person = np.unique(self.target.subject, return_inverse=True)
        names = [f"{kind}/{where}" for where in dict(places) for kind in CLASSES]
        values = np.zeros((len(people), len(names)), dtype=np.int64)
        for where, those in places:
            for one, text in zip(person, those, strict=True):
                for kind in identifying(text):
                    values[one, names.index(f"{kind}/{where}")] += 1
        return {"identifiers": Counts(tuple(names), values)}


def attacks(target: Target) -> list[ModelAttack]:
    """What can be asked of the texts of a model; nothing where it writes none."""
    found: list[ModelAttack] = []
    if "texts" in target.parts:
        found += [Quoted(target), Relinked(target), Recited(target), Named(target)]
    if "canaries" in target.parts:
        found.append(Canaries(target))
    return found


def identifying(text: str) -> set[str]:
    """The classes of identifier that a text holds, by pattern."""
    bare = _QUANTITY.sub("", text)
    return classes_in(bare) | {name for name, pattern in _CLASSES if pattern.search(bare)}


def agreement(one: Claim, measured: Floats) -> NDArray[np.int64]:
    """(n,) 1 where a claim is within tolerance of what was measured (n,), 2 where it is its
    rounding, else 0.
    """
    apart = np.abs(one.value - measured)
    reach = np.maximum(_HEIGHT_MV if one.unit == "mV" else 0.0, _SHARE * np.abs(measured))
    if one.unit == "deg":
        apart = np.abs((one.value - measured + 180) % 360 - 180)
    if one.column in TOLERANCES:
        reach = np.full(len(measured), TOLERANCES[one.column])
    # What is compared was kept in single precision.
    rounded = apart <= _ROUNDED[one.unit] * 1.01
    return ((apart <= reach) | rounded).astype(np.int64) + rounded


def overlap(told: Runs, own: Runs) -> float:
    """The share of some runs of words that are among others; 0 where there are none."""
    return float(np.isin(told, own).mean()) if len(told) else 0.0


def _runs(text: str) -> Runs:
    """Every run of eight words of a text, once, as its hash in this process."""
    words = re.findall(r"\w+(?:\.\d+)?", text.lower())
    starts = range(len(words) - WORDS + 1)
    return np.unique([hash(tuple(words[at : at + WORDS])) for at in starts]).astype(np.int64)


def _of_several(texts: list[Runs], subject: NDArray[np.str_]) -> Runs:
    """The runs that stand in texts of two people: what their kind of text says of anybody."""
    _, person = np.unique(subject, return_inverse=True)
    pairs = np.column_stack([np.concatenate(texts), np.repeat(person, list(map(len, texts)))])
    run, n = np.unique(np.unique(pairs, axis=0)[:, 0], return_counts=True)
    return run[n > 1]


def _hardest(loss: Floats) -> Floats:
    """(n,) the mean of the largest fifth of each row's values; NaN where it has none."""
    count = (~np.isnan(loss)).sum(axis=1)
    taken = np.maximum(np.ceil(_HARDEST * count).astype(int), 1)
    total = np.nancumsum(-np.sort(-loss, axis=1), axis=1)  # NaN is sorted to the end
    found = np.take_along_axis(total, taken[:, None] - 1, axis=1)[:, 0] / taken
    return np.where(count > 0, found, np.nan)


def _no_numbers(texts: Texts) -> str | None:
    if FULL not in texts.told:
        return "it is not known what the model writes when it is shown all"
    return None if any(map(claims, texts.told[FULL])) else "the texts quote no numbers"


def _numbers(text: str) -> frozenset[Claim]:
    return frozenset(claims(text))


def _classes(quoted: Sequence[frozenset[Claim]], person: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_people, 2) for each person, the fewest people who share a number of a text of theirs, and
    who have a text with all of its numbers.
    """
    having: dict[Claim, set[int]] = {}
    for row, numbers in enumerate(quoted):
        for one in numbers:
            having.setdefault(one, set()).add(row)

    def people(rows: Iterable[int]) -> int:
        return len(np.unique(person[list(rows)]))

    n_people = int(person.max()) + 1
    alone = {one: people(rows) for one, rows in having.items()}
    together: dict[frozenset[Claim], int] = {frozenset(): n_people}
    for numbers in set(quoted) - together.keys():
        together[numbers] = people(set.intersection(*_rarest_first(numbers, having)))
    found = np.full((n_people, 2), n_people)
    for one, numbers in zip(person, quoted, strict=True):
        sizes = min((alone[number] for number in numbers), default=n_people), together[numbers]
        found[one] = np.minimum(found[one], sizes)
    return found


def _rarest_first(numbers: Iterable[Claim], having: Mapping[Claim, set[int]]) -> Iterator[set[int]]:
    yield from sorted((having[one] for one in numbers), key=len)
