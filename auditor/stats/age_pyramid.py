"""How many people of a sex and an age there are in a population of which no table is at hand.

What is known of every human population narrows it: births change slowly from year to year, and the
force of mortality of adults grows exponentially with age and levels off after 80 (Gompertz 1825;
Thatcher, Kannisto and Vaupel 1998, "The force of mortality at ages 80 to 120"). So the number of
people of age a is

    births at that time · exp(−r a) · exp(−∫₀ᵃ μ),   μ(x) = g/(1 + g),  g = b · exp(b (x − M))

with M, the modal age at death, in place of Gompertz's first parameter (Missov, Lenart, Nemeth,
Canudas-Romo and Vaupel 2015, Demographic Research 32:1031). Its parameters are drawn from wide
ranges, and those draws are kept that explain the ages of the people at hand: of those from 70 on,
among whom the pyramid only falls. A hospital sees the old more often than the young: how much more
often with each year of age is a parameter too, so that the level never comes from the sample.

The draws are made by sequential Monte Carlo with tempered likelihoods (Del Moral, Doucet and Jasra
2006, JRSS B 68:411). Everything is told as a range over draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import NotFittedError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Sexes as rows of a table; ages are columns, from 0 to `OLDEST`.
SEXES = ("female", "male")
OLDEST = 122
#: From here on all ages may stand as one (45 CFR 164.514(b)(2)(i)(C)).
POOLED_FROM = 90
_AGES = np.arange(OLDEST + 1) + 0.5
#: The ages of people older than this tell of mortality, and of little else.
_FALLING_FROM = 70
#: Draws that are kept.
_DRAWS = 1000
#: How often each draw may move at one temperature, and temperatures at most.
_MOVES, _STEPS = 6, 200
#: Moves that are accepted, as a share: what is aimed at, and below what nothing was explored.
_WANTED_ACCEPTED, _LEAST_ACCEPTED = 0.25, 0.02
#: So many ages of a sample are taken to be slips: one of them must not move all others.
_SLIPS = 1e-4
#: Births rise and fall with these periods, years.
_PERIODS = (60.0, 35.0, 22.0)
_WAVE = 0.1
#: Mean and SD of each other parameter before anything is seen. Our choice, wider than countries
#: with vital statistics differ: modal age at death of men, how much later women's is, b (the SD of
#: its logarithm), growth of births a year, and growth with age of the chance to be recorded.
_PRIOR = {
    "mode_male": (80.0, 3.0),
    "later_female": (5.0, 1.5),
    "slope": (0.107, 0.12),
    "growth": (0.008, 0.010),
    "tilt": (0.005, 0.015),
}
_N_PARAMETERS = len(_PRIOR) + 2 * len(_PERIODS)


@dataclass(frozen=True, eq=False)
class Pyramid:
    """How many people there are of each sex and age.

    Attributes
    ----------
    counted : (2, n_ages) int64, those that a table counts
    expected : (n_draws, 2, n_ages), those that must be reckoned, one draw after the other
    sampled : (n_draws, 2, n_ages), how many of these are expected in the sample
    """

    counted: Ints
    expected: Floats
    sampled: Floats

    def __post_init__(self) -> None:
        shape = (len(SEXES), OLDEST + 1)
        if not self.counted.shape == self.expected.shape[1:] == self.sampled.shape[1:] == shape:
            raise ValueError(f"a pyramid is of {self.counted.shape}, wanted {shape}")

    def sizes(self, cells: Cells, seen: Ints, rng: np.random.Generator) -> Ints:
        """(n_draws, n_cells) how many people of the population fall in each cell.

        Those in the sample are there; the others are a Poisson number, as is the rest of a Poisson
        process once some of its points are known.

        Parameters
        ----------
        seen : (n_cells,) people of the sample in each
        """
        counted = cells.sums(self.counted[None])[0]
        expected, sampled = cells.sums(self.expected), cells.sums(self.sampled)
        inside = np.minimum(sampled / np.maximum(expected, 1e-300), 1)
        others = rng.poisson(expected * (1 - inside))
        return np.asarray(np.maximum(seen, np.round(counted)).astype(np.int64) + others)


@dataclass(frozen=True, eq=False)
class Cells:
    """What is known of people's sex and age.

    Attributes
    ----------
    sex : (n,) int64 row of a table, −1 where it is not known
    low, high : (n,) int64 first and last age that it may be
    """

    sex: Ints
    low: Ints
    high: Ints

    def sums(self, tables: NDArray[np.generic]) -> Floats:
        """(n_tables, n) how many people of each table fall in each cell."""
        ends = np.zeros((*tables.shape[:2], tables.shape[2] + 1))
        np.cumsum(tables, axis=2, out=ends[:, :, 1:])
        both = np.concatenate([ends, ends.sum(axis=1, keepdims=True)], axis=1)
        return np.asarray(both[:, self.sex, self.high + 1] - both[:, self.sex, self.low])


def from_sample(ages: Ints, pooled: Ints, population: int, rng: np.random.Generator) -> Pyramid:
    """What the ages of a sample, and what is known of every population, say of it.

    Parameters
    ----------
    ages : (2, n_ages) people of the sample of each sex and age
    pooled : (2,) people of whom it says that they are 90 or older
    population : how many people there are

    Raises
    ------
    NotFittedError
        The draws could not follow what was seen.
    """
    draws = _draws(ages, pooled, rng)
    shares, falling = _pyramids(draws)
    expected = population * shares
    n_people = ages.sum() + pooled.sum()
    sampled = expected * min(n_people / population, 1)
    old = (ages[:, _FALLING_FROM:].sum(axis=1) + pooled)[:, None]
    sampled[:, :, _FALLING_FROM:] = falling * old
    return Pyramid(np.zeros(ages.shape, dtype=np.int64), expected, sampled)


def from_table(
    table: PopulationTable, ages: Ints, pooled: Ints, rng: np.random.Generator
) -> Pyramid:
    """What a table counts; the people of its open group are spread as a sample's would be."""
    spread = from_sample(ages, pooled, table.people, rng)
    expected = np.zeros_like(spread.expected)
    if table.open_from <= OLDEST:
        tail = spread.expected[:, :, table.open_from :]
        share = tail / tail.sum(axis=2, keepdims=True)
        expected[:, :, table.open_from :] = table.beyond[:, None] * share
    return Pyramid(table.counts, expected, np.minimum(spread.sampled, expected))


@dataclass(frozen=True, eq=False)
class PopulationTable:
    """How many people of each sex and age live in a place, as somebody counted.

    Attributes
    ----------
    counts : (2, n_ages) int64 of single years; 0 from `open_from` on
    open_from : the first age of the group that has no upper end; beyond `OLDEST` where none has
    beyond : (2,) int64 people of that group
    """

    counts: Ints
    open_from: int
    beyond: Ints

    @property
    def people(self) -> int:
        """All of them."""
        return int(self.counts.sum() + self.beyond.sum())


def _pyramids(draws: Floats) -> tuple[Floats, Floats]:
    """By draw, the share of the population of each sex and age; and, of each sex, the share of each
    age from 70 on among those of the sample who are as old.
    """
    scaled = {
        name: mean * np.exp(sd * z) if name == "slope" else mean + sd * z
        for (name, (mean, sd)), z in zip(_PRIOR.items(), draws.T, strict=False)
    }
    births = -scaled["growth"][:, None] * _AGES
    for place, period in enumerate(_PERIODS):
        turn = 2 * np.pi * _AGES / period
        cosine, sine = draws.T[len(_PRIOR) + 2 * place :][:2, :, None]
        births = births + _WAVE * (cosine * np.cos(turn) + sine * np.sin(turn))
    b = scaled["slope"][:, None]
    logs = []
    for later in (scaled["later_female"], 0.0):
        mode = (scaled["mode_male"] + later)[:, None]
        # The integral of g/(1 + g) over age is log(1 + g)/b.
        start, now = b * np.exp(-b * mode), b * np.exp(b * (_AGES - mode))
        logs.append(births - (np.log1p(now) - np.log1p(start)) / b)
    alive = np.stack(logs, axis=1)
    shares = np.exp(alive - alive.max(axis=(1, 2), keepdims=True))
    shares /= shares.sum(axis=(1, 2), keepdims=True)
    tilt = scaled["tilt"][:, None, None] * (_AGES[_FALLING_FROM:] - _FALLING_FROM)
    falling = alive[:, :, _FALLING_FROM:] + tilt
    old = np.exp(falling - falling.max(axis=2, keepdims=True))
    old /= old.sum(axis=2, keepdims=True)
    return shares, (1 - _SLIPS) * old + _SLIPS / old.shape[2]


def _likelihood(draws: Floats, ages: Ints, pooled: Ints) -> Floats:
    """(n_draws,) log-likelihood of the ages of those who are 70 and older, given how many."""
    _, falling = _pyramids(draws)
    single = (np.log(falling) * ages[:, _FALLING_FROM:]).sum(axis=(1, 2))
    if not pooled.any():
        return np.asarray(single)
    group = np.log(falling[:, :, POOLED_FROM - _FALLING_FROM :].sum(axis=2))
    return np.asarray(single + (group * pooled).sum(axis=1))


def _draws(ages: Ints, pooled: Ints, rng: np.random.Generator) -> Floats:
    """(n_draws, n_parameters) in units of their SD before anything was seen."""
    draws = rng.standard_normal((_DRAWS, _N_PARAMETERS))
    fit = _likelihood(draws, ages, pooled)
    temperature, step = 0.0, 0.5
    for _ in range(_STEPS):
        if temperature == 1:
            return draws
        rise = _rise(fit, 1 - temperature)
        temperature = min(temperature + rise, 1.0)
        weight = np.exp((fit - fit.max()) * rise).cumsum()
        places = (np.arange(_DRAWS) + rng.random()) / _DRAWS * weight[-1]
        chosen = np.searchsorted(weight, places).clip(max=_DRAWS - 1)
        draws, fit = draws[chosen], fit[chosen]
        spread = np.linalg.cholesky(np.cov(draws.T) + 1e-9 * np.eye(_N_PARAMETERS))
        accepted = np.zeros(_DRAWS, dtype=bool)
        for _ in range(_MOVES):
            tried = draws + step * rng.standard_normal(draws.shape) @ spread.T
            as_good = _likelihood(tried, ages, pooled)
            prior = ((tried**2).sum(axis=1) - (draws**2).sum(axis=1)) / 2
            odds = temperature * (as_good - fit) - prior
            accepted = np.log(rng.random(_DRAWS)) < odds
            draws[accepted], fit[accepted] = tried[accepted], as_good[accepted]
            step *= np.exp((accepted.mean() - _WANTED_ACCEPTED) / 2)
        if accepted.mean() < _LEAST_ACCEPTED:
            break
    raise NotFittedError("the ages of the release fit no population that is known of")


def _rise(fit: Floats, most: float) -> float:
    """By how much the temperature may rise with half of the draws still counting."""

    def counting(rise: float) -> float:
        weight = np.exp((fit - fit.max()) * rise)
        return float(weight.sum() ** 2 / (weight**2).sum())

    if counting(most) >= _DRAWS / 2:
        return most
    low, high = 0.0, most
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if counting(middle) > _DRAWS / 2 else (low, middle)
    return low
