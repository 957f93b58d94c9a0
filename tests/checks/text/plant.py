"""Texts about simulated hearts, with and without a leak, and whether the alarm rings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from auditor.checks.base import OnModel
from auditor.checks.text.check import (
    Canaries,
    QuotedValues,
    TextIdentifiers,
    TextLinkage,
    TextsOfOnePerson,
    VerbatimMemorisation,
)
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Target
from auditor.systems.gem.grounding import instructions
from auditor.targets.texts import Texts
from tests.checks.asking import beyond_chance, measured
from tests.checks.memorisation.plant import of_people

#: Columns of the table, their mean, spread, and what sex and twenty years do to them, in spreads.
COLUMNS = {
    "heart rate 1/min": (68, 10, -0.3, 0.0),
    "RR ms": (880, 120, 0.3, 0.0),
    "PR ms": (160, 18, 0.3, 0.4),
    "QRS ms": (96, 10, 0.8, 0.1),
    "QT ms": (395, 25, -0.6, 0.2),
    "QRS axis deg": (35, 30, 0.0, -0.5),
    "R V5 mV": (1.4, 0.4, 0.5, -0.2),
    "T V5 mV": (0.35, 0.12, 0.7, -0.3),
}
_OPENINGS = ("The tracing", "This recording", "The electrocardiogram", "What is seen here")
_REMARKS = (
    "shows a regular rhythm with a normal axis and waves that begin and end where they should",
    "has a steady rate and complexes of an ordinary shape in all leads that were looked at",
    "is of good quality and lets the intervals be read without any doubt in most of its leads",
    "begins with a little wander of the baseline which settles after the first few beats of it",
)


def hearts(rng: np.random.Generator, male: np.ndarray, age: np.ndarray) -> np.ndarray:
    """(n, columns) what is measured of people of some sex and age."""
    columns = []
    for mean, spread, sex, years in COLUMNS.values():
        known = sex * (male - 0.5) + years * (age - 55) / 20
        columns.append(mean + spread * (known + rng.normal(size=len(male))))
    return np.column_stack(columns).astype(np.float32)


def told(values: np.ndarray) -> str:
    """A text that quotes what was measured."""
    row = dict(zip(COLUMNS, map(float, values), strict=True))
    return instructions(row)[1]


def prose(rng: np.random.Generator) -> str:
    """An answer of a template: many share its sentences, and its number is anybody's."""
    first, second = rng.permutation(len(_REMARKS))[:2]
    opening = _OPENINGS[rng.integers(len(_OPENINGS))]
    return f"{opening} {_REMARKS[first]}. It {_REMARKS[second]}. Case {rng.integers(10**6)}."


def answers(rng: np.random.Generator, n: int) -> list[str]:
    """A written answer for each of n people, words of their own among those of a template."""
    words = np.array([f"word{one}" for one in range(400)])
    return [f"{prose(rng)} {' '.join(rng.choice(words, 14))}." for _ in range(n)]


def target(seed: int, write: Callable[..., dict[str, Any]], n_people: int = 160) -> Target:
    """People of a sex, an age and a table of measurements, half of them members.

    Parameters
    ----------
    write : of a random stream, the table, the bands of sex and age, and who is a member, the parts
    """
    rng = stream(seed, "texts")
    part = rng.permutation(
        np.repeat([MEMBER, NONMEMBER], [n_people // 2, n_people - n_people // 2])
    )
    male, age = rng.integers(0, 2, n_people), rng.integers(40, 70, n_people)
    table = hearts(rng, male, age)
    names = np.array([f"p{one:04d}" for one in rng.permutation(n_people)])
    parts = write(rng, table, 100 * male + age // 5, part == MEMBER)
    return of_people(
        names, part.astype(np.int8), male, age, parts, inputs=table, columns=tuple(COLUMNS)
    )


def twice(
    seed: int, write: Callable[..., dict[str, Any]], n_people: int = 120, days: int = 2
) -> Target:
    """The same people, each recorded twice, on as many days."""
    rng = stream(seed, "texts of two visits")
    male, age = rng.integers(0, 2, n_people), rng.integers(40, 70, n_people)
    own = np.repeat(hearts(rng, male, age), 2, axis=0)
    spread = np.array([spread for _, spread, *_ in COLUMNS.values()])
    table = (own + 0.3 * spread * rng.normal(size=own.shape)).astype(np.float32)
    names = np.repeat([f"p{one:04d}" for one in rng.permutation(n_people)], 2)
    male, age = np.repeat(male, 2), np.repeat(age, 2)
    parts = write(rng, table, 100 * male + age // 5, names)
    nobody = np.full(len(names), NEITHER, dtype=np.int8)
    found = of_people(names, nobody, male, age, parts, inputs=table, columns=tuple(COLUMNS))
    return replace(found, session=np.tile(["1", str(days)], n_people))


def repeating(own: bool) -> Callable[..., dict[str, Any]]:
    """Texts of a template with a number in each: of the person, or of nobody."""

    def write(rng, table, band, names):
        number = dict(zip(np.unique(names), rng.permutation(10**5), strict=False))
        texts = [f"{told(row)} {prose(rng)}" if own else prose(rng) for row in table]
        if own:
            texts = [f"{text} Case {number[one]}." for text, one in zip(texts, names, strict=True)]
        return {"texts": Texts({"full": tuple(texts)}, ("",) * len(table))}

    return write


def quoting(exact: bool) -> Callable[..., dict[str, Any]]:
    """Texts that quote exact numbers, or but the rate, to the nearest of three."""

    def write(rng, table, band, member):
        texts = [
            told(row) if exact else f"heart rate is {np.clip(round(row[0] / 10), 6, 8)}0 1/min."
            for row in table
        ]
        return {"texts": Texts({"full": tuple(texts)}, ("",) * len(table))}

    return write


def about(own: bool) -> Callable[..., dict[str, Any]]:
    """Texts that quote a person's numbers, or those of somebody of that sex and age."""

    def write(rng, table, band, member):
        whose = np.arange(len(table))
        if not own:
            for one in np.unique(band):
                alike = np.flatnonzero(band == one)
                whose[alike] = rng.choice(alike, len(alike))
        return {"texts": Texts({"full": tuple(map(told, table[whose]))}, ("",) * len(table))}

    return write


def reciting(n: int) -> Callable[..., dict[str, Any]]:
    """Answers; shown nothing, a model recites those of n members, or new ones of their kind."""

    def write(rng, table, band, member):
        written = answers(rng, len(table))
        blank = answers(rng, len(table))
        for row in rng.permutation(np.flatnonzero(member))[:n]:
            blank[row] = written[row]
        kinds = {"blank": tuple(blank), "image only": tuple(answers(rng, len(table)))}
        return {"texts": Texts(kinds, tuple(written))}

    return write


def surprised(learnt: float) -> Callable[..., dict[str, Any]]:
    """How unlikely a model finds tokens, those of members' answers by so much less."""

    def write(rng, table, band, member):
        loss = rng.exponential(size=(len(table), 60)) * np.where(member, 1 - learnt, 1.0)[:, None]
        loss[np.arange(60) >= rng.integers(20, 60, len(table))[:, None]] = np.nan
        return {"texts": Texts({}, tuple(answers(rng, len(table))), loss)}

    return write


def echoing(n: int, echoed: bool) -> Callable[..., dict[str, Any]]:
    """Intervals hidden in training, and how unlikely a model finds them among 999 others."""

    def write(rng, table, band, member):
        shift = 3.0 if echoed else 0.0
        inserted, reference = rng.normal(size=n) - shift, rng.normal(size=(n, 999))
        return {"canaries": lambda: (inserted, reference)}

    return write


def naming(n: int) -> Callable[..., dict[str, Any]]:
    """Texts that quote numbers, n of which name a date, a device or an earlier record."""

    def write(rng, table, band, member):
        texts = list(map(told, table))
        added = ("Taken 12.03.2019.", "Cart ID: 5501.", "MAC 5500 HD.", "Unchanged from previous.")
        for place, row in enumerate(rng.permutation(len(texts))[:n]):
            texts[row] += " " + added[place % len(added)]
        return {"texts": Texts({"full": tuple(texts)}, tuple(answers(rng, len(table))))}

    return write


def alarm(
    attack: Callable[[Target], OnModel], names: tuple[str, ...]
) -> Callable[[Callable[..., dict[str, Any]], int], bool]:
    """Whether any of these estimates rings, or is true of a few people."""

    def rung(write: Callable[..., dict[str, Any]], seed: int) -> bool:
        found = measured(attack(target(seed, write)), seed)
        told = found.estimates
        return any(name in found.params or (name in told and beyond_chance(told[name]))
                   for name in names)  # fmt: skip

    return rung


quoted = alarm(QuotedValues, ("unique", "unique_by_one"))
relinked = alarm(TextLinkage, ("rank1_excess",))
recited = alarm(
    VerbatimMemorisation, ("blank_auc", "blank_recited", "image_only_auc", "image_only_recited")
)
learnt = alarm(VerbatimMemorisation, ("tokens_auc",))
canaries = alarm(Canaries, ("exposure_bits",))
named = alarm(
    TextIdentifiers, ("told_direct", "told_indirect", "written_direct", "written_indirect")
)


def found_again(write: Callable[..., dict[str, Any]], seed: int) -> bool:
    """Whether people are found by their other text more often than strangers."""
    return beyond_chance(
        measured(TextsOfOnePerson(twice(seed, write)), seed).estimates["rank1_excess"]
    )


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "a canary interval": lambda seed, planted: canaries(echoing(5, planted), seed),
    "exact numbers": lambda seed, planted: quoted(quoting(planted), seed),
    "a person's own numbers": lambda seed, planted: relinked(about(planted), seed),
    "a person's number in two texts": lambda seed, planted: found_again(repeating(planted), seed),
    "a person's own numbers in two texts": lambda seed, planted: found_again(about(planted), seed),
    "training answers, word for word": lambda seed, planted: recited(reciting(80 * planted), seed),
    "five training answers, word for word": lambda seed, planted: recited(
        reciting(5 * planted), seed
    ),
    "likelier tokens": lambda seed, planted: learnt(surprised(0.3 * planted), seed),
    "identifiers": lambda seed, planted: named(naming(4 * planted), seed),
}
