"""As much as is planted in the fit is there to be found, and without it nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from auditor.attackers.membership import OfWhomTheSameIsTrue, Subjects, mean_of_known
from auditor.attackers.planted_fits import PlantedFits
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NEITHER, Target
from auditor.stats.metrics import auc
from tests.checks.membership.fits import FINDINGS, fitted


def planted(target: Target, strength: float, seed: int) -> PlantedFits:
    subjects = Subjects.of(target)
    own = subjects.pooled(target.membership_signal())
    return PlantedFits.of(subjects, own, beside(target).held, strength, stream(seed, "lot"))


def beside(target: Target) -> OfWhomTheSameIsTrue:
    return OfWhomTheSameIsTrue(Subjects.of(target).pooled(target.y_true))


def right(fits: PlantedFits, score: np.ndarray) -> float:
    return auc(score, fits.subjects.member)


def test_as_many_are_called_members_as_were_and_they_are_others():
    target = fitted(0, 400)
    fits = planted(target, 0.0, 0)
    was = Subjects.of(target).member
    assert fits.subjects.member.sum() == was.sum() == 200
    assert 60 < (fits.subjects.member & was).sum() < 140


@pytest.mark.parametrize("n_members", [20, 130, 270, 380])
def test_of_any_share_as_many_are_called(n_members):
    target = fitted(0, 400)
    person = target.subject.astype(int)
    target = replace(target, split=np.where(person < n_members, MEMBER, 0).astype(np.int8))
    assert planted(target, 0.0, 0).subjects.member.sum() == n_members


def test_where_nothing_is_planted_there_is_nothing_even_of_a_model_that_leaks():
    for seed in range(5):
        target = fitted(seed, 400, 3.0)
        fits = planted(target, 0.0, seed)
        each = beside(target).held(fits.own)
        assert right(fits, mean_of_known(each)) == pytest.approx(0.5, abs=0.03)
        assert right(fits, fits.likelihood_ratio()) == pytest.approx(0.5, abs=0.03)


def test_who_knows_how_it_was_planted_finds_what_two_normals_of_that_distance_show():
    found = []
    for seed in range(5):
        fits = planted(fitted(seed, 2000), 0.4, seed)
        found.append(right(fits, fits.likelihood_ratio()))
    # Of three fits with a common part as large as their own: d'² = 1ᵀ Σ⁻¹ 1, by correlation.
    alike = 1 / (2 + 0.5**2 / 2)
    apart = (0.4 / 0.6) * np.sqrt(FINDINGS / (1 + (FINDINGS - 1) * alike))
    assert np.mean(found) == pytest.approx(norm.cdf(apart / np.sqrt(2)), abs=0.01)


def test_who_knows_finds_more_than_a_mean_where_findings_are_not_fitted_alike():
    gains = []
    for seed in range(5):
        target = fitted(seed, 2000)
        noise = 10 * np.random.default_rng(seed).normal(size=(len(target.record), 1))
        # Two share an error, and lead the mean; one has none.
        fit = target.membership_signal() + noise * [1, 1, 0]
        fits = planted(replace(target, membership_signal=lambda fit=fit: fit), 0.4, seed)
        mean = (beside(target).held(fits.own) / fits.spread).mean(axis=1)
        gains.append(right(fits, fits.likelihood_ratio()) - right(fits, mean))
    assert min(gains) > 0.003


def test_in_a_fit_that_is_the_same_of_everybody_nothing_is_planted():
    target = fitted(0, 100)
    same = np.full(target.y_true.shape, 0.1 + 0.2)
    fits = planted(replace(target, membership_signal=lambda: same), 0.8, 0)
    assert not fits.raised.any()
    assert np.isnan(fits.likelihood_ratio()).all() or not fits.likelihood_ratio().any()


def test_people_who_are_neither_and_fits_that_are_not_known_are_left_out():
    target = fitted(0, 100)
    person = target.subject.astype(int)
    split = np.where(person < 10, NEITHER, target.split).astype(np.int8)
    fit = np.where((person == 20)[:, None], np.nan, target.membership_signal())
    fits = planted(replace(target, split=split, membership_signal=lambda: fit), 0.5, 0)
    assert len(fits.subjects.people) == 90
    assert fits.subjects.people[np.isnan(fits.likelihood_ratio())].tolist() == ["20"]
