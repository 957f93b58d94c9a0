"""People of one group: demographics, conditions, and what the cart measured in their ECGs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auditor.core.streams import stream
from auditor.simulate.hospital.columns import Ints, Times, categories
from auditor.simulate.hospital.conditions import AGE_BETA, AGE_RANGE, CONDITIONS
from auditor.simulate.population import (
    TRAIT_INDEX,
    Bools,
    Floats,
    Heart,
    Population,
    fiducials_and_axes,
    loadings,
)

#: How many ECGs people have, and how many people have so many.
_N_ECGS, _SHARES = np.arange(1, 6), np.array([0.30, 0.25, 0.20, 0.15, 0.10])


@dataclass(frozen=True, eq=False)
class People:
    """People, their conditions and the traits of their ECGs.

    Attributes
    ----------
    population : the same people, for their waveforms
    male : (n_people,)
    conditions : (n_people, n_conditions) who has which of `CONDITIONS`
    """

    population: Population
    male: Bools
    conditions: Bools

    def __len__(self) -> int:
        return len(self.male)

    @property
    def sex(self) -> NDArray[np.str_]:
        """(n_people,) M or F."""
        return np.where(self.male, "M", "F")

    @property
    def age(self) -> Floats:
        """(n_people,) years at the first ECG."""
        assert self.population.people is not None
        return np.array([age for _, age in self.population.people], dtype=np.float64)

    @property
    def person(self) -> Ints:
        """(n_ecgs,) the row of the person of each ECG."""
        assert self.population.sizes is not None
        return np.repeat(np.arange(len(self)), [sum(sizes) for sizes in self.population.sizes])

    @property
    def taken_at(self) -> Times:
        """(n_ecgs,) when each ECG was taken, by the population's calendar."""
        return np.array([heart.taken_at for heart in self._hearts], dtype="datetime64[s]")

    @cached_property
    def traits(self) -> Floats:
        """(n_ecgs, n_traits) of each ECG."""
        return np.stack([heart.traits for heart in self._hearts])

    @cached_property
    def _hearts(self) -> list[Heart]:
        return list(self.population.hearts())

    def codes(self, rng: np.random.Generator) -> list[list[str]]:
        """The ICD-10 codes of each person: one for each condition, the same at every ECG."""
        codes: list[list[str]] = [[] for _ in self.male]
        for condition, has in zip(CONDITIONS, self.conditions.T, strict=True):
            people = np.flatnonzero(has)
            drawn = categories(rng, condition.codes, len(people))
            for person, code in zip(people, drawn, strict=True):
                codes[person].append(str(code))
        return codes

    def measured(self, rng: np.random.Generator) -> Floats:
        """(n_ecgs, 9) rr, p_on, p_off, qrs_on, qrs_off, t_off in ms, from R; three axes in degrees.

        To even ms and whole degrees, with a machine's error; NaN where it found no wave.
        """
        true = fiducials_and_axes(self.traits)
        rr = self.traits[:, TRAIT_INDEX["rr_s"]]
        times = np.stack([rr, *(true[k] for k in ("p_on", "p_off", "qrs_on", "qrs_off", "t_off"))])
        axes = np.stack([true[k] for k in ("p_axis", "qrs_axis", "t_axis")])
        n = len(rr)
        measured = np.concatenate([1000 * times, axes]).T + rng.standard_normal((n, 9)) * 4
        measured[:, :6] = 2 * np.round(measured[:, :6] / 2)
        measured[:, 6:] = (np.round(measured[:, 6:]) + 180) % 360 - 180
        fibrillation = [condition.name for condition in CONDITIONS].index("Atrial fibrillation")
        no_p = self.conditions[self.person, fibrillation] | (rng.random(n) < 0.02)
        no_t = rng.random(n) < 0.005
        for column, missing in ((1, no_p), (2, no_p), (6, no_p), (5, no_t), (8, no_t)):
            measured[missing, column] = np.nan
        measured[rng.random(n) < 0.005] = np.nan
        return measured


def draw_people(seed: int, group: str, n: int) -> People:
    """People who have one to five ECGs each; those of another group are others."""
    rng = stream(seed, f"hospital/{group}/people")
    male = rng.random(n) < 0.5
    low, high = AGE_RANGE
    age = np.floor(low + (high + 1 - low) * rng.beta(*AGE_BETA, n))
    sizes = rng.choice(_N_ECGS, n, p=_SHARES)
    has = np.stack([rng.random(n) < one.probability(age, male) for one in CONDITIONS], axis=1)
    population = Population(
        n_subjects=n,
        fs=500.0,
        demographics=1.0,
        seed=int(rng.integers(2**31)),
        sizes=tuple((1,) * int(size) for size in sizes),
        people=sex_and_age(male, age),
        burden=has.astype(np.float64) @ np.stack([loadings(one.effects) for one in CONDITIONS]),
    )
    return People(population, male, has)


def sex_and_age(male: Iterable[bool], age: Iterable[float]) -> tuple[tuple[str, float], ...]:
    """What a `Population` takes as `people`."""
    return tuple(
        ("male" if man else "female", float(years)) for man, years in zip(male, age, strict=True)
    )
