"""Generators that were taught on people, with and without a leak, and whether the alarm rings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from auditor.checks.base import OnModel
from auditor.checks.memorisation.check import Copies, Extraction, Retrieval
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Target
from tests.checks.asking import beyond_chance, measured

HEART, SHAPE = 16, (2, 6, 6)
_PIXELS = int(np.prod(SHAPE))


@dataclass(frozen=True, eq=False)
class Simulated:
    """Pictures of hearts, of which the ECG that is the condition tells some traits.

    Attributes
    ----------
    real : (n, *SHAPE) the picture of each record
    told, left : (n, HEART), (HEART,) the traits of a heart that its condition tells, and how far
        those go that are drawn beside them
    copied : (n,) whose own picture is what is drawn for them, and for nobody every other time
    noise : of a copy, in units of the spread of pictures
    """

    real: np.ndarray
    told: np.ndarray
    left: np.ndarray
    copied: np.ndarray
    noise: float
    seed: int

    def drawn(self, seed, rows):
        pictures = np.empty((len(rows), *SHAPE), dtype=np.float32)
        for place, row in enumerate(rows):
            rng = np.random.default_rng([self.seed, seed, int(row)])
            if self.copied[row]:
                pictures[place] = self.real[row] + self.noise * rng.normal(size=SHAPE)
            else:
                pictures[place] = painted(self.told[row] + self.left * rng.normal(size=HEART), rng)
        return pictures

    def unconditional(self, seed, n):
        rng = np.random.default_rng([self.seed, seed, 2])
        pictures = painted(rng.normal(size=(n, HEART)), rng)
        rows = np.flatnonzero(self.copied)
        again = np.flatnonzero(rng.random(n) < 0.5) if len(rows) else []
        for place in again:
            row = rng.choice(rows)
            pictures[place] = self.real[row] + self.noise * rng.normal(size=SHAPE)
        return pictures

    def encode(self, images):
        flat = images.reshape(len(images), _PIXELS).astype(np.float64)
        return (flat @ _BASIS.T).astype(np.float32)


_BASIS = np.linalg.qr(np.random.default_rng(7).normal(size=(_PIXELS, HEART)))[0].T


def painted(hearts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures (…, *SHAPE) of hearts (…, HEART), and a little noise."""
    seen = hearts @ _BASIS + 0.1 * rng.normal(size=(*hearts.shape[:-1], _PIXELS))
    return seen.reshape(*hearts.shape[:-1], *SHAPE).astype(np.float32)


def target(
    seed: int,
    n_people: int = 200,
    *,
    copied: float | int = 0,
    noise: float = 0.02,
    told: float = 0.5,
    everybody: bool = False,
    members: float = 0.5,
) -> Target:
    """People with a sex, an age and a picture each, and a generator.

    Parameters
    ----------
    copied : how many members, or which share of them, whose pictures are drawn again
    told : how much of each trait the condition tells, 0 to 1; 0 tells sex and age
    everybody : whether pictures of those who are no members are drawn just as well
    """
    rng = stream(seed, "generator")
    part = np.where(np.arange(n_people) < round(members * n_people), MEMBER, NONMEMBER)
    part = rng.permutation(part).astype(np.int8)
    male, age = rng.integers(0, 2, n_people), rng.integers(40, 70, n_people)
    known = np.zeros((n_people, HEART))
    known[:, 0], known[:, 1] = 0.8 * (2 * male - 1), 0.8 * (age - 54.5) / 8.7
    spread = np.where(np.arange(HEART) < 2, 0.6, 1.0)
    hearts = known + spread * rng.normal(size=known.shape)
    those = np.arange(n_people) if everybody else np.flatnonzero(part == MEMBER)
    n = copied if isinstance(copied, int) else round(copied * len(those))
    again = np.zeros(n_people, dtype=bool)
    again[rng.permutation(those)[:n]] = True
    names = np.array([f"p{one:04d}" for one in rng.permutation(n_people)])
    shown, left = (told * hearts, np.full(HEART, np.sqrt(1 - told**2))) if told else (known, spread)
    generator = Simulated(painted(hearts, rng), shown, left, again, noise, seed)
    return of_people(names, part, male, age, {"generator": generator})


def of_people(
    subject: np.ndarray,
    part: np.ndarray,
    male: np.ndarray,
    age: np.ndarray,
    parts: Mapping[str, Any],
    **others: Any,
) -> Target:
    """A target about which nothing is known but this."""
    n = len(subject)
    empty = Target(
        name="simulated",
        title="a simulated model",
        record=np.array([f"r{one}" for one in range(n)]),
        subject=subject,
        session=np.full(n, ""),
        split=part,
        membership_unknown="",
        male=male.astype(float),
        age=age.astype(float),
        labels=(),
        y_true=np.zeros((n, 0)),
        outputs={},
        membership_signal=None,
        inputs=np.zeros((n, 0), dtype=np.float32),
        columns=(),
        **parts,
    )
    return replace(empty, **others)


def alarm(
    attack: Callable[[Target], OnModel], told: tuple[str, ...]
) -> Callable[[Target, int], bool]:
    """Whether any of these estimates rings, or is true of a few people."""

    def rung(target: Target, seed: int) -> bool:
        found = measured(attack(target), seed)
        return any(name in found.params or beyond_chance(found.estimates[name]) for name in told)

    return rung


copies = alarm(Copies, ("ratio_auc", "copied"))
extraction = alarm(Extraction, ("unasked_auc", "extracted"))
retrieval = alarm(Retrieval, ("rank1_excess", "member_gap"))

PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "five members' pictures, asked for": lambda seed, planted: copies(
        target(seed, copied=5 * planted), seed
    ),
    "five members' pictures, drawn for nobody": lambda seed, planted: extraction(
        target(seed, copied=5 * planted), seed
    ),
    "members' pictures with noise": lambda seed, planted: copies(
        target(seed, copied=float(planted), noise=0.5), seed
    ),
    "a drawn picture finds the real one": lambda seed, planted: retrieval(
        target(seed, copied=float(planted), noise=0.3, everybody=True, told=0.0), seed
    ),
    "a drawn picture finds a member's real one": lambda seed, planted: retrieval(
        target(seed, copied=float(planted), noise=0.3, told=0.0), seed
    ),
}
