"""Towns whose every sex and age is counted, and samples of them.

Made otherwise than the estimator thinks: births rise and fall with a boom and a dearth, young
people move in or out, mortality has a part that no age changes, levels off at a rate of its own and
was worse for those who were born earlier.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from auditor.stats.age_pyramid import OLDEST, SEXES

AGES = np.arange(OLDEST + 1)
N = 100_000


def town(rng: np.random.Generator, people: int = N) -> np.ndarray:
    """(2, n_ages) people of each sex and age, women first."""
    a = AGES + 0.5
    logs = -rng.uniform(-0.006, 0.018) * a
    for _ in range(3):
        period, phase = rng.uniform(20, 70), rng.uniform(0, 2 * np.pi)
        logs += rng.normal(0, 0.12) * np.cos(2 * np.pi * a / period + phase)
    logs += rng.uniform(0, 0.3) * np.exp(-(((a - rng.uniform(45, 75)) / 8) ** 2) / 2)
    logs -= rng.uniform(0, 0.3) * np.exp(-(((a - rng.uniform(70, 85)) / 3) ** 2) / 2)
    logs += rng.uniform(-0.2, 0.4) * np.exp(-(((a - 32) / 10) ** 2) / 2)
    later, mode = rng.uniform(2.5, 8), rng.uniform(75, 86.5)
    shares = []
    for sex in SEXES:
        slope, progress = rng.uniform(0.09, 0.125), rng.uniform(0, 0.15)
        own = mode + (later if sex == "female" else 0)
        alive = np.empty(len(AGES))
        for age in AGES:
            years = np.arange(age) + 0.5
            force = slope * np.exp(slope * (years - own + progress * (age - 80)))
            alive[age] = np.exp(-(force / (1 + 0.6 * force) + 0.0004).sum())
        shares.append(np.exp(logs) * alive * (1.05 if sex == "male" else 1))
    share = np.array(shares) / np.sum(shares)
    return rng.multinomial(people, share.ravel()).reshape(share.shape)


def odd(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same town with three times as many people from 65 on, or five times as many of 18 to 27,
    or births that grow by 2 % a year more.
    """
    weight = [
        np.where(AGES >= 65, 3.0, 1.0),
        np.where((AGES >= 18) & (AGES < 28), 5.0, 1.0),
        np.exp(-0.02 * AGES),
    ][rng.integers(3)]
    share = counts * weight
    return rng.multinomial(counts.sum(), (share / share.sum()).ravel()).reshape(counts.shape)


def sample(
    counts: np.ndarray, n: int, rng: np.random.Generator, *, hospital: bool = False
) -> np.ndarray:
    """(2, n_ages) of n people: anybody as likely as anybody, or as a hospital sees them, the old
    more often and children hardly.
    """
    weight = np.ones(counts.shape)
    if hospital:
        rise, bend, fall = rng.uniform(0.015, 0.05), rng.uniform(78, 95), rng.uniform(0, 0.05)
        logs = rise * np.minimum(AGES, bend) - fall * np.maximum(AGES - bend, 0)
        weight *= np.exp(logs)
        weight[:, :18] *= 0.05
        weight[1] *= rng.uniform(0.7, 1.5)
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    # The n largest of weights raised by Gumbel noise: a sample without replacement.
    chosen = np.argsort(-np.log(weight.ravel()[cell]) - rng.gumbel(size=len(cell)))[:n]
    return np.bincount(cell[chosen], minlength=counts.size).reshape(counts.shape)


def manifest(counts: np.ndarray, *, pooled: bool = False) -> pd.DataFrame:
    """People of these sexes and ages, a record each, as a release tells of them."""
    sex, age = np.unravel_index(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape)
    old = pooled & (age >= 90)
    return pd.DataFrame(
        {
            "subject": [f"p{place:06d}" for place in range(len(sex))],
            "sex": np.array(SEXES)[sex],
            "age": np.where(old, 90, age).astype(float),
            "age_pooled": old,
            "taken_at": pd.NaT,
        }
    )


def most_exposed(counts: np.ndarray, seen: np.ndarray, *, pooled: bool = False) -> float:
    """The highest 1/F of anybody in a sample of a town that is known."""
    if pooled:
        counts, seen = (
            np.concatenate([one[:, :90], one[:, 90:].sum(axis=1, keepdims=True)], axis=1)
            for one in (counts, seen)
        )
    return float((1 / counts[seen > 0]).max())
