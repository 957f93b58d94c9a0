"""What an intruder finds who knows how simulated people were made: the truth beside a verdict.

A record tells its traits through its beats. About the mean traits the average beat is linear in
them, so that what the best reader of a record gets is the traits with an error that noise and
number of beats give (generalised least squares); and the best search ranks people by the ratio of
the likelihoods that two readings are of one person or of two. Both are Gaussian and in closed
form. Rates are then drawn: of people, days and errors, never of signals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.simulate import population as simulated
from auditor.simulate.population import TRAITS, Population

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_FS, _BEFORE_S, _AFTER_S = 250.0, 0.26, 0.44
_STEP = 0.01


@dataclass(frozen=True)
class Intruder:
    """Who searches for people of a population by everything of their other days.

    Attributes
    ----------
    error : (n_traits, n_traits) covariance of one record's reading, SD of traits between people
    """

    population: Population
    error: Floats

    @classmethod
    def of(cls, population: Population) -> Intruder:
        """Somebody who knows how this population was made."""
        middle = np.zeros(len(TRAITS))
        slopes = np.stack(
            [
                (_beat(population, middle + _STEP * one) - _beat(population, middle - _STEP * one))
                / (2 * _STEP)
                for one in np.eye(len(TRAITS))
            ],
            axis=1,
        )
        n_beats = population.seconds / TRAITS[0].mean
        told = slopes.T @ slopes * n_beats / population.noise_mv**2
        # The times between beats tell the rate and how much it varies, the others nothing of it.
        jitter = TRAITS[1].mean
        told[0, 0] += n_beats * (TRAITS[0].sd / jitter) ** 2
        told[1, 1] += 2 * n_beats * TRAITS[1].sd ** 2
        # A trait that no lead shows is known no better than to ten times its spread.
        error = np.linalg.inv(told + 0.01 * np.eye(len(TRAITS)))
        return cls(population, (error + error.T) / 2)

    def rates(self, n: int, rng: np.random.Generator) -> tuple[float, float]:
        """Of n people enrolled by all records of their first day, who are searched for by all of
        their others and by sex and age: how many are found first, and how many score higher than
        all but one in a hundred of those who are not enrolled.
        """
        gallery, probe = self.rows(n, rng)
        score = (probe @ gallery.T).astype(np.float64)
        male, age = rng.random(n) < 0.5, rng.integers(18, 89, n)
        alike = (male[:, None] == male) & (np.abs(age[:, None] - age) <= 5)
        score += 1e-9 * rng.standard_normal(score.shape)  # breaks ties
        score[~alike] = -np.inf
        mated = np.diag(score).copy()
        np.fill_diagonal(score, -np.inf)
        best = score.max(axis=1)
        first = mated > best
        sure = mated > np.sort(best)[::-1][max(int(0.01 * (n + 1)) - 1, 0)]
        return float(first.mean()), float((first & sure).mean())

    def rows(self, n: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """(n, k) of n people by their first day, and by all others, whose dot products are the log
        ratios of likelihoods, but for a constant.
        """
        one, other = self._read(n, 1, rng), self._read(n, self.population.n_sessions - 1, rng)
        nature = rng.standard_normal((n, len(TRAITS))) * self.population.identity
        a, b, cross = self._weights()
        gallery, probe = nature + one, nature + other
        alone, asked = (
            -0.5 * np.einsum("ij,jk,ik->i", x, m, x)[:, None] for x, m in ((gallery, a), (probe, b))
        )
        ones = np.ones((n, 1))
        sides = np.hstack([gallery, alone, ones]), np.hstack([-probe @ cross, ones, asked])
        return sides[0].astype(np.float32), sides[1].astype(np.float32)

    def _read(self, n: int, days: int, rng: np.random.Generator) -> Floats:
        """(n, n_traits) by how much the mean reading of some days is off a person's nature."""
        who = self.population
        shift = who.identity * who.drift * rng.standard_normal((n, days, len(TRAITS)))
        records = (n, days, who.n_records, len(TRAITS))
        own = who.identity * simulated._RECORD_DRIFT * rng.standard_normal(records)
        noise = rng.standard_normal(records) @ np.linalg.cholesky(self.error).T
        return np.asarray((shift[:, :, None] + own + noise).mean(axis=(1, 2)))

    def _weights(self) -> tuple[Floats, Floats, Floats]:
        """What the log ratio of the likelihoods that two readings are of one person or of two is
        made of: −½ (g A g + p B p + 2 p C g), but for a constant.
        """
        who = self.population
        between = who.identity**2 * np.eye(len(TRAITS))
        own = who.identity**2 * simulated._RECORD_DRIFT**2 * np.eye(len(TRAITS)) + self.error
        day = who.identity**2 * who.drift**2 * np.eye(len(TRAITS))
        one, other = (
            between + (day + own / who.n_records) / days for days in (1, who.n_sessions - 1)
        )
        together = np.linalg.inv(np.block([[one, between], [between, other]]))
        k = len(TRAITS)
        a, b = together[:k, :k] - np.linalg.inv(one), together[k:, k:] - np.linalg.inv(other)
        return a, b, together[k:, :k]


def _beat(population: Population, deviation: Floats) -> Floats:
    """(n,) mV of the beat of somebody whose traits deviate so, all leads one after the other."""
    heart = simulated._named(simulated._traits(deviation))
    at = np.arange(-_BEFORE_S, _AFTER_S, 1 / _FS)
    rr = TRAITS[0].mean
    dipole = simulated._dipole(heart, at, np.array([-rr, 0.0, rr]))
    leads = simulated._mixing(population.leads) @ simulated._DOWER @ dipole
    return np.asarray(leads).ravel()
