"""What a model adds, against a pencil, a plain bootstrap and what was planted; and what is kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from auditor.core.errors import EvidenceError
from auditor.core.streams import stream
from auditor.stats.delong import reclassified
from auditor.stats.intervals import wilson
from auditor.stats.reclassification import added


def drawn(n: int, gain: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events, and risks under a model that knows half of the matter and one that knows more."""
    rng = stream(seed, "drawn")
    known, more = rng.standard_normal(n), rng.standard_normal(n)
    event = rng.random(n) < expit(known + gain * more - 1)
    return event, expit(known - 1), expit(known + gain * more - 1)


def judged(event, old, new, seed=0):
    half = len(event) // 2
    return added(
        event[half:], old[half:], new[half:], old[:half], new[:half],
        level=0.95, rng=stream(seed, "judged"),
    )  # fmt: skip


def test_a_planted_gain_is_found_by_every_measure():
    estimates, params = judged(*drawn(2000, gain=1.5))
    for name in ("auroc_gain", "nri_thirds", "nri_10_30", "nri_continuous", "idi"):
        assert estimates[name].low > 0
        assert params["p"][name] < 0.001
    assert estimates["ppv_high_new"].low > estimates["ppv_high_old"].value


def test_a_model_adds_nothing_to_itself_and_the_interval_says_how_sure_that_is():
    event, old, _ = drawn(600, gain=0)
    estimates, params = judged(event, old, old)
    for name in ("nri_thirds", "nri_10_30", "nri_continuous", "idi"):
        assert estimates[name].value == 0
        assert estimates[name].low < 0 < estimates[name].high
        assert params["p"][name] == 1
    assert estimates["auroc_gain"].value == 0
    assert estimates["auroc_old"] == estimates["auroc_new"]


def test_noise_on_top_adds_nothing_to_the_order():
    covered = 0
    for seed in range(40):
        event, old, _ = drawn(800, gain=0, seed=seed)
        noisy = old + 1e-3 * stream(seed, "noise").standard_normal(len(old))
        gain = judged(event, old, noisy)[0]["auroc_gain"]
        covered += gain.low <= 0 <= gain.high
    assert covered >= 34  # of 40 at 95 %: fewer once in two thousand


def test_the_numbers_are_those_of_a_pencil():
    event = np.repeat([True, False], 10)
    old = np.r_[np.full(10, 0.2), np.full(10, 0.2)]
    new = np.r_[np.full(6, 0.4), np.full(1, 0.05), np.full(3, 0.2)]  # six up, one down
    new = np.r_[new, np.full(4, 0.05), np.full(1, 0.4), np.full(5, 0.2)]  # four down, one up
    development = np.linspace(0, 1, 301)
    estimates, params = added(
        event, old, new, development, development, level=0.95, rng=stream(0, "")
    )
    assert estimates["nri_10_30_events"].value == pytest.approx(0.5)
    assert estimates["nri_10_30_others"].value == pytest.approx(0.3)
    assert estimates["nri_10_30"].value == pytest.approx(0.8)
    assert estimates["nri_thirds_events"].value == pytest.approx(0.6)
    assert estimates["nri_thirds_others"].value == pytest.approx(-0.1)
    assert estimates["idi_events"].value == pytest.approx((6 * 0.2 - 0.15) / 10)
    assert estimates["idi_others"].value == pytest.approx((4 * 0.15 - 0.2) / 10)
    assert params["cuts"]["old"] == pytest.approx([1 / 3, 2 / 3], abs=1e-3)


def test_the_values_are_those_of_the_comparison_and_of_scikit_learn():
    event, old, new = (one[:500] for one in drawn(1000, gain=1))
    thirds = np.quantile(old, (1 / 3, 2 / 3))
    estimates, _ = added(event, old, new, old, old, level=0.95, rng=stream(0, ""))
    assert estimates["auroc_new"].value == pytest.approx(roc_auc_score(event, new))
    assert estimates["auroc_old"].value == pytest.approx(roc_auc_score(event, old))
    for name, cuts in (("nri_thirds", thirds.round(3)), ("nri_continuous", ())):
        moved = reclassified(event, old, new, cuts)
        assert estimates[f"{name}_events"].value == pytest.approx(moved.event_part, abs=0.02)
        assert estimates[f"{name}_others"].value == pytest.approx(moved.other_part, abs=0.02)


def test_the_joined_interval_is_that_of_resampling_everybody():
    event, old, new = drawn(1200, gain=1)
    estimates, _ = judged(event, old, new)
    event, gain = event[600:], (new - old)[600:]
    rng, draws = stream(0, "plain"), []
    for _ in range(2000):
        who = rng.integers(len(event), size=len(event))
        draws.append(gain[who][event[who]].mean() - gain[who][~event[who]].mean())
    plain = np.quantile(draws, (0.025, 0.975))
    assert [estimates["idi"].low, estimates["idi"].high] == pytest.approx(plain, abs=0.006)


def test_a_perfect_model_is_not_perfectly_sure():
    event = np.repeat([True, False], 15)
    perfect, other = event * 0.8 + 0.1, np.linspace(0.1, 0.9, 30)
    found, _ = added(event, other, perfect, other, other, level=0.95, rng=stream(0, ""))
    assert found["auroc_new"].value == found["auroc_new"].high == 1
    assert 0.7 < found["auroc_new"].low < 0.95


def test_the_same_stream_gives_the_same_numbers():
    people = drawn(400, gain=1)
    assert judged(*people) == judged(*people)


def test_strata_are_thirds_of_the_people_a_model_was_made_of():
    event, old, new = drawn(6000, gain=1)
    estimates, params = judged(event, old, new)
    for model in ("old", "new"):
        rows = params["strata"][model]
        assert [row["stratum"] for row in rows] == ["low", "medium", "high"]
        assert [row["people"] for row in rows] == pytest.approx([1000] * 3, abs=100)
        assert sum(row["people_with"] for row in rows) == event[3000:].sum()
        for row in rows:
            ppv = estimates[f"ppv_{row['stratum']}_{model}"]
            n, k = row["people"], row["people_with"]
            assert (ppv.value, ppv.n_subjects) == (k / n, n)
            assert (ppv.low, ppv.high) == wilson(k, n, 0.95)
            assert ppv.chance == pytest.approx(event[3000:].mean())


def strata(people: list[int], having: list[int]):
    """The old model's strata, told of that many people and events."""
    event = np.concatenate([np.arange(n) < k for n, k in zip(people, having, strict=True)])
    risk = np.repeat([0.1, 0.5, 0.9], people)
    development = np.linspace(0, 1, 300)
    found, params = added(
        event, risk, risk, development, development, level=0.95, rng=stream(0, "")
    )
    return params["strata"]["old"], {name for name in found if name.startswith("ppv")}


@pytest.mark.parametrize(
    ("people", "having", "told_people", "told_with"),
    [
        ([50, 50, 50], [12, 20, 30], [50, 50, 50], [12, 20, 30]),
        ([50, 50, 50], [3, 20, 31], [50, 50, 50], ["fewer than 10", "withheld", 31]),
        ([50, 50, 50], [12, 3, 31], [50, 50, 50], ["withheld", "fewer than 10", 31]),
        ([50, 50, 50], [0, 12, 30], [50, 50, 50], ["fewer than 10", "withheld", 30]),
        ([50, 50, 50], [12, 20, 45], [50, 50, 50], [12, "withheld", "withheld"]),
        ([5, 50, 60], [3, 20, 30], ["fewer than 10", "withheld", 60], None),
        ([0, 50, 60], [0, 20, 30], ["fewer than 10", "withheld", 60], None),
    ],
)
def test_a_small_cell_is_withheld_and_cannot_be_told_from_the_others(
    people, having, told_people, told_with
):
    rows, ppv = strata(people, having)
    assert [row["people"] for row in rows] == told_people
    if told_with is not None:
        assert [row["people_with"] for row in rows] == told_with
    for row in rows:
        told = isinstance(row["people"], int) and isinstance(row["people_with"], int)
        assert (f"ppv_{row['stratum']}_old" in ppv) == told
        if not isinstance(row["people"], int):
            assert not isinstance(row["people_with"], int)
    hidden = [row for row in rows if not isinstance(row["people_with"], int)]
    assert len(hidden) != 1


@pytest.mark.parametrize("n_events", [0, 9, 291, 300])
def test_too_few_of_a_kind_are_refused(n_events):
    event = np.arange(300) < n_events
    risk = np.linspace(0, 1, 300)
    with pytest.raises(EvidenceError, match="needs 10 people with the finding and 10 without"):
        added(event, risk, risk, risk, risk, level=0.95, rng=stream(0, ""))
