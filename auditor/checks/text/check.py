"""Do texts about ECGs quote whose they are, or recite what their writer was taught?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, hypergeom, rankdata

from auditor.attackers.demographics import demographics, target_records
from auditor.attackers.membership import banded_trials
from auditor.attackers.output_features import membership_groups
from auditor.attackers.search import search_gallery
from auditor.checks.base import Draw, Measured, OnModel
from auditor.checks.text.texts import (
    CLASSES,
    INDIRECT,
    agreement,
    claimed,
    class_sizes,
    features_of,
    hardest,
    identifying,
    no_numbers,
    numbers_of,
    of_several,
    overlap,
    rarity,
    runs_of,
    words_of,
)
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Counts, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.core.target import MEMBER, Target, WrittenTexts
from auditor.stats.among import found_among
from auditor.stats.estimators import Curves, identification_rate, measure
from auditor.stats.input_use import InputUse, input_use, shown_use
from auditor.stats.metrics import person_trials
from auditor.stats.searches import LUCK, against_twins, beside_strangers, beyond_luck
from auditor.stats.small_cells import SMALL_CLASS, shares_of_people
from auditor.systems.gem.grounding import instructions
from auditor.targets.context import Context
from auditor.targets.texts import FULL, Texts

#: So many people's texts are searched for, so many texts at once: each brings its own columns.
ASKED, _AT_ONCE = 2000, 32
#: Alternatives without which a canary's rank says little.
MIN_REFERENCES = 99
#: Names that are planted; and what is ordinary of a heart, and how it spreads.
_NAMES = ("Anna Miller", "Thomas Weber", "Maria Rossi", "James Brown", "Julie Martin")
_ORDINARY = {
    "heart rate 1/min": (70.0, 10.0),
    "PR ms": (160.0, 18.0),
    "QRS ms": (96.0, 10.0),
    "QT ms": (395.0, 25.0),
    "QRS axis deg": (35.0, 30.0),
}
#: A text is recited when half of it stands in the answer that was taught.
_RECITED = 0.5


def plan(target: Target) -> list[OnModel]:
    """What can be asked of the texts of a model; nothing where it writes none."""
    found: list[OnModel] = []
    if target.texts is not None:
        every = (QuotedValues, TextLinkage, VerbatimMemorisation, TextIdentifiers)
        found += [one(target) for one in every]
        if len(np.unique(target.subject)) < len(target.subject):
            found.append(TextsOfOnePerson(target))
    if target.canaries is not None:
        found.append(Canaries(target))
    return found


@dataclass(frozen=True, eq=False)
class _Read(OnModel):
    """A question to the texts of a target."""

    id: ClassVar[str] = "text"

    @property
    def texts(self) -> WrittenTexts:
        """What is read."""
        assert self.target.texts is not None
        return self.target.texts

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        n = len(np.unique(self.target.subject))
        return None if n >= MIN_PEOPLE else f"needs at least {MIN_PEOPLE} people"


@dataclass(frozen=True, eq=False)
class QuotedValues(_Read):
    """How many people share the numbers that a text quotes?"""

    protocol: str = "quoted"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        return super().unmet(context) or no_numbers(self.texts)

    def attack(self, context: Context, rng: np.random.Generator) -> Counts:
        """For each person, how many people have a text with the rarest number of one of theirs,
        and how many one with all the numbers of one of theirs: everybody, where none is quoted.
        """
        del context, rng
        _, person = np.unique(self.target.subject, return_inverse=True)
        quoted = [numbers_of(text) for text in self.texts.told[FULL]]
        return Counts(("one number", "all numbers"), class_sizes(quoted, person))

    def estimate(self, evidence: Counts, level: float, draw: Draw) -> Measured:
        """The shares of people one of whose texts quotes a number that is nobody else's
        (`unique_by_one`); all of whose numbers are together nobody else's (`unique`); or are shared
        with fewer than ten others (`below_11`). One to nine people are told in words.
        """
        del draw
        one, together = evidence.values.T
        people = {
            "unique_by_one": one == 1,
            "unique": together == 1,
            "below_11": together < SMALL_CLASS,
        }
        found, few = shares_of_people(people, level, 0.0)
        return Measured(found, params=few)


@dataclass(frozen=True, eq=False)
class TextSearch:
    """A search by texts, and whether they depend on the records that they are about.

    Attributes
    ----------
    use : None where too few people have a text, or nothing is known of their records
    """

    search: SearchResult
    use: InputUse | None


@dataclass(frozen=True, eq=False)
class _Search(_Read):
    """A search by texts."""

    def estimate(self, evidence: TextSearch, level: float, draw: Draw) -> Measured:
        """How often a text leads to its person, among so many people too, `rank1_excess`, how much
        more often than to a stranger of the same sex and age band, and `uses_input`, how often a
        record is told from another person's by its text.
        """
        seen = evidence.search
        found, curves = measure("", seen, level=level, rng=draw())
        found |= beside_strangers(seen, level)
        among, foretold = found_among(seen, self.galleries, level)
        found |= {f"found_among_{n}": one for n, one in among.items()}
        curves |= foretold
        if seen.n_gallery > 10:
            found["rank10"] = identification_rate(seen, 10, level)
        if evidence.use is not None:
            found["uses_input"] = shown_use(evidence.use, level)
        return Measured(found, curves)

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """Records with a text, by person, session and name."""
        order = target_records(self.target)["row"].to_numpy()
        said = np.array([bool(text.strip()) for text in self.texts.told[FULL]])
        return np.asarray(order[said[order]])

    def _use(self, rng: np.random.Generator) -> InputUse | None:
        rows = self._rows
        first = rows[np.unique(self.target.subject[rows], return_index=True)[1]]
        told = features_of([self.texts.told[FULL][row] for row in first])
        try:
            return input_use(self.target.inputs[first].astype(np.float64), told, rng)
        except EvidenceError:
            return None

    def _dealt(self, rng: np.random.Generator) -> list[str]:
        """The texts, each about somebody else's record."""
        rows = rng.permutation(self._rows)
        dealt = list(self.texts.told[FULL])
        for row, other in zip(rows, np.roll(rows, 1), strict=True):
            dealt[row] = self.texts.told[FULL][other]
        return dealt

    def _twin(self, planted: bool, seed: int, leak: Callable[[int, str], str]) -> OnModel:
        """The same of a model whose texts were dealt out anew; where it is planted, with a leak in
        those of every second person.

        Parameters
        ----------
        leak : of a row and a text, one that leads to its person
        """
        rng = stream(seed, f"text/{self.target.name}/{self.protocol}/twin")
        dealt = self._dealt(rng)
        people = rng.permutation(np.unique(self.target.subject[self._rows]))
        some = people[: max(len(people) // 2, MIN_PEOPLE)]
        if planted:
            for row in self._rows[np.isin(self.target.subject[self._rows], some)]:
                dealt[row] = leak(int(row), dealt[row])
        twin = Texts({FULL: tuple(dealt)}, self.texts.written)
        return replace(self, target=replace(self.target, texts=twin))


@dataclass(frozen=True, eq=False)
class TextLinkage(_Search):
    """Is the record that a text is about found by the numbers it quotes?"""

    protocol: str = "re-linking"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if why := super().unmet(context) or no_numbers(self.texts):
            return why
        quoted = {one.column for text in self.texts.told[FULL] for one in numbers_of(text)}
        if not quoted & set(self.target.columns):
            return "nothing that the texts quote is in the table of what was measured"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> TextSearch:
        """Texts against every record; a quoted number counts where it is within tolerance of
        what was measured, and once more where it is its rounding.
        """
        del context
        target, n = self.target, len(self.target.record)
        rows_told = np.sort(self._rows)
        people = rng.permutation(np.unique(target.subject[rows_told]))[:ASKED]
        probe = rows_told[np.isin(target.subject[rows_told], people)]
        quoted = [numbers_of(self.texts.told[FULL][row]) for row in probe]
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
        own = target.subject[probe]
        search = search_gallery(rows, target.subject, own, known, rng, block)
        return TextSearch(search, self._use(rng))

    def twin(self, planted: bool, seed: int) -> OnModel | None:
        """The same question about a model that states of every second person what was measured;
        or whose texts are about other people.
        """
        columns = self.target.columns

        def stated(row: int, text: str) -> str:
            return instructions(dict(zip(columns, self.target.inputs[row].tolist(), strict=True)))[
                1
            ]

        return self._twin(planted, seed, stated)


@dataclass(frozen=True, eq=False)
class TextsOfOnePerson(_Search):
    """Are a person's other texts found by one of them?"""

    @property
    def protocol(self) -> str:
        """`cross-session` where enough people have texts of two sessions."""
        moved = self._probes("cross-session")
        enough = len(np.unique(self.target.subject[moved])) >= MIN_PEOPLE
        return "cross-session" if enough else "same-session"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        n = len(np.unique(self.target.subject[self._probes(self.protocol)]))
        if FULL not in self.texts.told:
            return "it is not known what the model writes when it is shown all"
        return None if n >= MIN_PEOPLE else f"needs at least {MIN_PEOPLE} people with two texts"

    def attack(self, context: Context, rng: np.random.Generator) -> TextSearch:
        """A person's later texts against everybody's first: by the words that both hold and the
        numbers in which both agree, the rarer the more.
        """
        del context
        target, told = self.target, self.texts.told[FULL]
        rows = self._rows
        first = rows[np.sort(np.unique(target.subject[rows], return_index=True)[1])]
        probe = self._probes(self.protocol)
        people = rng.permutation(np.unique(target.subject[probe]))[:ASKED]
        probe = probe[np.isin(target.subject[probe], people)]
        texts = [told[row] for row in (*first, *probe)]
        words, (columns, values) = words_of(texts), claimed(texts)
        weight = rarity(words.sum(axis=0), len(texts))
        enrolled, asked = words[: len(first)].tocsc(), words[len(first) :]
        known = {one: values[: len(first), at] for at, one in enumerate(columns)}

        def fold(block: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            some = slice(block * _AT_ONCE, (block + 1) * _AT_ONCE)
            shared = np.unique(asked[some].indices)
            quoted = [numbers_of(text) for text in texts[len(first) :][some]]
            every = sorted({one for numbers in quoted for one in numbers})
            agree = [agreement(one, known[one.column]) > 0 for one in every]
            says = [rarity(held.sum(), len(first)) for held in agree]
            holds = np.array([[one in said for one in every] for said in quoted], dtype=float)
            gallery = np.column_stack([enrolled[:, shared].toarray(), *agree])
            probes = np.hstack(
                [asked[some][:, shared].toarray() * weight[shared], holds * np.array(says)]
            )
            return gallery.astype(np.float32), probes.astype(np.float32)

        alike, block = demographics(target_records(target)), np.arange(len(probe)) // _AT_ONCE
        subject = target.subject
        search = search_gallery(fold, subject[first], subject[probe], alike, rng, block)
        return TextSearch(search, self._use(rng))

    def twin(self, planted: bool, seed: int) -> OnModel | None:
        """The same question about a model that writes a number of their own into the texts of every
        second person; or whose texts are about other people.
        """
        person = np.unique(self.target.subject, return_inverse=True)[1]
        return self._twin(planted, seed, lambda row, text: f"{text} Case {10_000 + person[row]}.")

    def _probes(self, protocol: str) -> NDArray[np.int64]:
        """Records with a text that are not a person's first, of its session or of another."""
        rows = self._rows
        _, first, person = np.unique(
            self.target.subject[rows], return_index=True, return_inverse=True
        )
        moved = self.target.session[rows] != self.target.session[rows][first[person]]
        later = np.arange(len(rows)) != first[person]
        return np.asarray(rows[later & (moved == (protocol == "cross-session"))])


@dataclass(frozen=True, eq=False)
class Recital:
    """How much of their own answers people are told, within bands of sex and age.

    Attributes
    ----------
    prompts : by prompt, which share of a text's runs of eight words stands in the own answer,
        without those that stand in two people's
    tokens : how likely the model finds the hardest fifth of that answer's tokens; None where that
        is not known
    """

    prompts: Mapping[str, Trials]
    tokens: Trials | None


@dataclass(frozen=True, eq=False)
class VerbatimMemorisation(_Read):
    """Does a model recite the answers it was taught, to those who show it little or nothing?"""

    protocol: str = "verbatim"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        if self.target.membership_unknown:
            return self.target.membership_unknown
        rows = self._rows
        member = self.target.split[rows] == MEMBER
        people = (len(np.unique(self.target.subject[rows[those]])) for those in (member, ~member))
        if min(people) < MIN_PEOPLE:
            return (
                f"needs {MIN_PEOPLE} members with an answer and {MIN_PEOPLE} others; found fewer; "
                "scan the folder that it was trained on, with people who were held back"
            )
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Recital:
        """Prompt by prompt, and token by token."""
        del context, rng
        rows, texts = self._rows, self.texts
        own = [runs_of(texts.written[row]) for row in rows]
        ordinary = of_several(own, self.target.subject[rows])
        prompts = {}
        for name, told in texts.told.items():
            runs = (np.setdiff1d(runs_of(told[row]), ordinary) for row in rows)
            shares = [overlap(some, answer) for some, answer in zip(runs, own, strict=True)]
            prompts[name] = banded_trials(self.target, rows, np.array(shares))
        if texts.loss is None:
            return Recital(prompts, None)
        score = -hardest(texts.loss[rows])
        known = ~np.isnan(score)
        return Recital(prompts, banded_trials(self.target, rows[known], score[known]))

    def estimate(self, evidence: Recital, level: float, draw: Draw) -> Measured:
        """`blank_auc`, `blank_recited` and so on for each prompt: how well members are told from
        others by how much of their own answer is told word for word, and the share of members to
        whom more is told than could be; `tokens_auc`: how well by how likely the answer's tokens
        are.
        """
        del draw
        found: dict[str, Estimate] = {}
        curves: Curves = {}
        params: dict[str, str] = {}
        # As many prompts, as many chances to be wrong: together they hold at the level.
        each = 1 - (1 - level) / max(len(evidence.prompts), 1)
        for name, one in evidence.prompts.items():
            key = name.replace(" ", "_")
            auc, curves[f"{key}_roc"] = against_twins(one, each)
            found[f"{key}_auc"] = replace(auc, level=level)
            people = _reciters(one)
            more, few = shares_of_people({f"{key}_recited": people}, level, LUCK / len(people))
            found, params = found | more, params | few
        if evidence.tokens is not None:
            found["tokens_auc"], curves["tokens_roc"] = against_twins(evidence.tokens, level)
        return Measured(found, curves, params)

    def twin(self, planted: bool, seed: int) -> VerbatimMemorisation:
        """The same question about a model that tells every second member their own answer, whatever
        it is shown; or that tells members what it tells people it never saw.
        """
        rows, subject = self._rows, self.target.subject
        member = self.target.split[rows] == MEMBER
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
        return replace(self, target=replace(self.target, texts=twin))

    @property
    def _rows(self) -> NDArray[np.int64]:
        """Records with an answer, of people who are members with all of theirs, or with none."""
        answered = np.array([bool(text.strip()) for text in self.texts.written])
        known = np.concatenate([*membership_groups(self.target).values()])
        return np.flatnonzero(answered & np.isin(self.target.subject, known))


def _reciters(seen: Trials) -> NDArray[np.bool_]:
    """(n_members,) whose answers are recited, more than any would be of people never seen: one by
    one, or all whose answer is, where nobody else's is and that is no luck.
    """
    score, member, _ = person_trials(seen)
    found, over = beyond_luck(seen, _RECITED), score > _RECITED
    luck = hypergeom.sf(over.sum() - 1, len(score), int(member.sum()), int(over.sum()))
    return found | over[member] if luck <= LUCK and not over[~member].any() else found


@dataclass(frozen=True, eq=False)
class Canaries(_Read):
    """Does a model find what was hidden in its training likelier than what was not?

    `target.canaries()` is how unlikely it finds each canary (c,), and each of as many
    alternatives of the same form, (m,), or each canary's own, (c, m).
    """

    protocol: str = "canaries"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Trials:
        """How likely each canary and each of its alternatives is, canary by canary."""
        del context, rng
        assert self.target.canaries is not None
        inserted, reference = self.target.canaries()
        n = len(inserted)
        if not n or reference.shape[-1] < MIN_REFERENCES:
            raise EvidenceError(f"needs a canary and {MIN_REFERENCES} alternatives; found fewer")
        among = np.column_stack([inserted, np.broadcast_to(reference, (n, reference.shape[-1]))])
        turn, place = np.indices(among.shape)
        names = np.char.add(np.char.add(turn.ravel().astype(str), "/"), place.ravel().astype(str))
        return Trials(-among.ravel(), place.ravel() == 0, names, turn.ravel())

    def estimate(self, evidence: Trials, level: float, draw: Draw) -> Measured:
        """`exposure_bits`: how much less than by guessing must be tried to find what was hidden in
        training.
        """
        del draw
        return Measured({"exposure_bits": exposure(evidence, level)})


def exposure(seen: Trials, level: float) -> Estimate:
    """The mean of log2(alternatives / rank) over canaries, in bits (Carlini et al., "The Secret
    Sharer", USENIX Security 2019); a canary is among its alternatives, and ties share their ranks.

    Where nothing was learnt, exposures are exponential with a mean of log2(e): the interval is
    that of such a mean, and holds for one canary too.

    Raises
    ------
    EvidenceError
        There is no canary.
    """
    bits, chance, most = [], [], 0.0
    for one in np.unique(seen.stratum):
        inside = seen.stratum == one
        n = int(inside.sum())
        rank = rankdata(-seen.score[inside])[seen.positive[inside]]
        bits += np.log2(n / rank).tolist()
        chance.append(float(np.log2(n / np.arange(1, n + 1)).mean()))
        most = max(most, float(np.log2(n)))
    n = len(bits)
    if not n:
        raise EvidenceError("needs a canary; found none")
    mean, tail = float(np.mean(bits)), (1 - level) / 2
    low, high = 2 * n * mean / chi2.ppf([1 - tail, tail], 2 * n)
    return Estimate(
        mean, min(float(low), mean), min(float(high), most), level, n, float(np.mean(chance))
    )


@dataclass(frozen=True, eq=False)
class Identifying:
    """For each person, in how many texts each class of identifier was met; None without texts.

    Attributes
    ----------
    told, written : in what the model writes, and in what it was taught with, by `CLASSES`
    """

    told: Counts | None
    written: Counts | None


@dataclass(frozen=True, eq=False)
class TextIdentifiers(_Read):
    """Does anything in the texts name people outright?"""

    protocol: str = "identifiers"

    def attack(self, context: Context, rng: np.random.Generator) -> Identifying:
        """Every text, told or written.

        Raises
        ------
        EvidenceError
            There is no text.
        """
        del context, rng
        texts = self.texts
        people, person = np.unique(self.target.subject, return_inverse=True)

        def met(every: Sequence[Sequence[str]]) -> Counts | None:
            values = np.zeros((len(people), len(CLASSES)), dtype=np.int64)
            for those in every:
                for one, text in zip(person, those, strict=True):
                    for kind in identifying(text):
                        values[one, CLASSES.index(kind)] += 1
            return Counts(CLASSES, values) if every else None

        told = met(list(texts.told.values()))
        written = met([texts.written] if any(texts.written) else [])
        if told is None and written is None:
            raise EvidenceError("needs a text; found none")
        return Identifying(told, written)

    def estimate(self, evidence: Identifying, level: float, draw: Draw) -> Measured:
        """`told_direct`, `told_indirect`, `written_direct`, `written_indirect`: the share of people
        in whose texts a class of identifier is met; the classes, by how many people, are
        parameters. One to nine people are told in words.
        """
        del draw
        indirect = np.isin(CLASSES, INDIRECT)
        people, hits = {}, []
        for where, counts in vars(evidence).items():
            if counts is None:
                continue
            has = counts.values > 0
            people[f"{where}_direct"] = has[:, ~indirect].any(axis=1)
            people[f"{where}_indirect"] = has[:, indirect].any(axis=1)
            for kind, n in zip(CLASSES, has.sum(axis=0).tolist(), strict=True):
                if n:
                    told = n if n >= MIN_PEOPLE else "fewer than 10"
                    hits.append({"class": kind, "where": where, "people": told})
        found, few = shares_of_people(people, level, 0.0)
        return Measured(found, params=few | {"hits": hits})

    def twin(self, planted: bool, seed: int) -> OnModel:
        """The same question about a model that tells an ordinary heart's numbers, which are
        nobody's, and names every second person; or nobody.
        """
        rng = stream(seed, f"text/{self.target.name}/{self.protocol}/twin")
        person = np.unique(self.target.subject, return_inverse=True)[1]
        usual, spread = np.array(list(_ORDINARY.values())).T
        told = {}
        for prompt in self.texts.told:
            texts = []
            for one in person:
                drawn = usual + spread * rng.normal(size=len(usual))
                text = instructions(dict(zip(_ORDINARY, drawn.tolist(), strict=True)))[1]
                if planted and one % 2 == 0:
                    text = f"{text} Patient name: {_NAMES[one % len(_NAMES)]}."
                texts.append(text)
            told[prompt] = tuple(texts)
        return replace(self, target=replace(self.target, texts=Texts(told, self.texts.written)))
