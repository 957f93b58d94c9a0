"""Matchers against the formula they claim."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers.matchers import cosine, standardised


@pytest.fixture
def views():
    rng = np.random.default_rng(0)
    return tuple(rng.normal(3, 2, (n, 5)).astype(np.float32) for n in (30, 4))


def test_cosine_is_the_angle_between_two_rows(views):
    gallery, probe = views
    rows = cosine(gallery, probe)
    lengths = np.outer(np.linalg.norm(probe, axis=1), np.linalg.norm(gallery, axis=1))
    assert rows[1] @ rows[0].T == pytest.approx(probe @ gallery.T / lengths, abs=1e-5)


def test_cosine_ignores_the_gain_of_a_record(views):
    gallery, probe = views
    assert cosine(gallery, 7 * probe)[1] == pytest.approx(cosine(gallery, probe)[1], abs=1e-6)


def test_standardised_is_the_negative_squared_distance_of_z_scores(views):
    gallery, probe = views
    middle = np.median(gallery, axis=0)
    scale = np.subtract(*np.percentile(gallery, [75, 25], axis=0)) / 1.349
    x, y = (np.clip((values - middle) / scale, -4, 4) for values in views)
    wanted = -((y[:, None] - x[None]) ** 2).sum(axis=2)
    rows = standardised(gallery, probe)
    assert rows[1] @ rows[0].T == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("matcher", [cosine, standardised])
def test_a_missing_value_counts_as_the_median_of_the_gallery(matcher, views):
    gallery, probe = (values.copy() for values in views)
    probe[0, 2] = np.nan
    filled = probe.copy()
    filled[0, 2] = np.median(gallery[:, 2])
    assert matcher(gallery, probe)[1] == pytest.approx(matcher(gallery, filled)[1])


@pytest.mark.parametrize("matcher", [cosine, standardised])
def test_a_column_nobody_has_says_nothing(matcher, views):
    gallery, probe = (values.copy() for values in views)
    gallery[:, 1] = probe[:, 1] = np.nan
    rows = matcher(gallery, probe)
    assert np.isfinite(rows[0]).all()
    assert np.isfinite(rows[1]).all()
