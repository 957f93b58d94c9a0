"""What a clinical model's scores amount to, against scikit-learn, a pencil and simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

from auditor.core.errors import ConfigError, EvidenceError
from auditor.core.evidence import MIN_PEOPLE, ClinicalPredictions
from auditor.core.streams import stream
from auditor.stats import clinical
from auditor.stats.clinical import FAULTS, performance
from auditor.stats.delong import delong
from auditor.stats.intervals import percentile, person_replicates


def clinic(
    rng: np.random.Generator,
    *,
    n_people: int = 400,
    records: int = 1,
    heart: float = 1.0,
    overconfident: float = 1.0,
) -> ClinicalPredictions:
    """People whose age and heart make them likelier to have the finding, by known logits."""
    n = n_people * records
    person = np.repeat(np.arange(n_people), records)
    age = rng.uniform(20, 90, n_people)[person]
    by_age = 0.05 * (age - 55)
    logit = by_age + heart * rng.normal(size=n)
    event = rng.random(n) < 1 / (1 + np.exp(-logit))
    score = 1 / (1 + np.exp(-overconfident * logit))
    return ClinicalPredictions(
        score=score,
        event=event,
        subject=np.char.add("p", person.astype(str)),
        baseline=1 / (1 + np.exp(-by_age)),
        groups={"sex": np.where(rng.random(n_people) < 0.5, "female", "male")[person]},
        age=age,
        tuned_score=score,
        tuned_event=event,
    )


@pytest.fixture(scope="module")
def rough() -> ClinicalPredictions:
    """Several records of each person, and scores of so few digits that many are tied."""
    seen = clinic(stream(0, "rough"), n_people=150, records=3)
    return replace(seen, score=np.round(seen.score, 1))


@pytest.mark.parametrize("seed", range(3))
def test_weighted_areas_are_those_of_scikit_learn_on_repeated_people(rough, seed):
    _, person = np.unique(rough.subject, return_inverse=True)
    weights = np.random.default_rng(seed).poisson(1, (2, 150)).astype(float)
    area = clinical._auroc(rough.score, rough.event, person)(weights)
    precision = clinical._average_precision(rough.score, rough.event, person)(weights)
    for row in range(2):
        again = np.repeat(np.arange(len(person)), weights[row, person].astype(int))
        event, score = rough.event[again], rough.score[again]
        assert area[row] == pytest.approx(roc_auc_score(event, score), abs=1e-12)
        assert precision[row] == pytest.approx(average_precision_score(event, score), abs=1e-12)


def test_the_areas_told_are_those_of_all_records(rough):
    found, _, _ = performance(rough, stream(0, "draws"))
    assert found["auroc"].value == pytest.approx(roc_auc_score(rough.event, rough.score))
    assert found["auprc"].value == pytest.approx(average_precision_score(rough.event, rough.score))
    assert found["auprc"].chance == pytest.approx(rough.event.mean())
    alone = roc_auc_score(rough.event, rough.baseline)
    assert found["age_sex_auroc"].value == pytest.approx(alone)
    assert found["gain_over_age_sex"].value == pytest.approx(found["auroc"].value - alone)
    female = rough.groups["sex"] == "female"
    expected = roc_auc_score(rough.event[female], rough.score[female])
    assert found["auroc_sex_female"].value == pytest.approx(expected)
    for one in found.values():
        assert one.low <= one.value <= one.high
        assert one.n_subjects <= 150
        assert one.level == 0.95


def test_with_one_record_of_each_person_the_interval_is_close_to_delongs():
    seen = clinic(stream(1, "delong"), n_people=4000)
    found, _, _ = performance(seen, stream(1, "draws"))
    auc, covariance = delong(seen.event, seen.score, seen.baseline)
    gain = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    for name, value, se in (
        ("auroc", auc[0], np.sqrt(covariance[0, 0])),
        ("gain_over_age_sex", auc[0] - auc[1], gain),
    ):
        assert found[name].low == pytest.approx(value - 1.96 * se, abs=0.25 * se)
        assert found[name].high == pytest.approx(value + 1.96 * se, abs=0.25 * se)


def test_intervals_over_people_cover_the_truth_and_those_over_records_do_not():
    # Ten records of a person differ little: score and finding are the person's. A finding and a
    # score with d' = 1 between them have an AUC of Φ(1 / √2).
    truth, n_people, rng = 0.7602499, 60, stream(2, "coverage")
    missed = {"people": 0, "records": 0}
    for _ in range(120):
        event = np.repeat(np.arange(n_people) % 3 == 0, 10)
        score = np.repeat(rng.normal(size=n_people), 10) + event + 1e-3 * rng.normal(size=600)
        person = np.repeat(np.arange(n_people), 10)
        for unit, code in (("people", person), ("records", np.arange(600))):
            area = clinical._auroc(score, event, code)
            low, high = percentile(person_replicates(area, int(code.max()) + 1, rng), 0.95)
            missed[unit] += not low <= truth <= high
    assert missed["people"] <= 15
    assert missed["records"] >= 48


def test_published_intervals_are_about_31_times_too_narrow():
    seen = clinic(stream(3, "narrow"), n_people=1000)
    right, _, _ = performance(seen, stream(3, "draws"))
    wrong, _, params = performance(seen, stream(3, "draws"), faults=frozenset({"narrow-intervals"}))
    names = ["auroc", "auprc", "age_sex_auroc", "within_age_auroc", "auroc_sex_male"]
    wide, narrow = (np.array([x[n].high - x[n].low for n in names]) for x in (right, wrong))
    assert 25 <= wide.sum() / narrow.sum() <= 40
    assert wrong["auroc"].value == right["auroc"].value
    # It is not passed off as the 95 % interval that it is printed as.
    assert wrong["auroc"].level == 0.05
    assert params["faults"] == {"narrow-intervals": FAULTS["narrow-intervals"]}


def test_a_score_of_the_age_band_alone_tells_nothing_within_bands():
    seen = clinic(stream(4, "band"), n_people=800, heart=0)
    band = np.floor(seen.age / 5)
    found, _, _ = performance(replace(seen, score=band / 20), stream(4, "draws"))
    assert found["auroc"].low > 0.6
    assert found["within_age_auroc"].value == 0.5
    assert found["within_age_auroc"].chance == 0.5


def test_what_the_heart_adds_is_seen_within_bands_and_over_age_and_sex():
    nothing, _, _ = performance(clinic(stream(5, "none"), heart=0), stream(5, "draws"))
    assert nothing["gain_over_age_sex"].value == pytest.approx(0, abs=1e-12)
    seen, _, _ = performance(clinic(stream(5, "heart"), heart=2), stream(5, "draws"))
    assert seen["gain_over_age_sex"].low > 0
    assert seen["within_age_auroc"].low > 0.5


def test_pairs_within_bands_are_counted_as_by_hand(rough):
    found, _, _ = performance(rough, stream(6, "draws"))
    band = np.floor(rough.age / 5)
    right = pairs = 0.0
    for one in np.unique(band):
        events = rough.score[(band == one) & rough.event]
        others = rough.score[(band == one) & ~rough.event]
        right += (events[:, None] > others).sum() + (events[:, None] == others).sum() / 2
        pairs += len(events) * len(others)
    assert found["within_age_auroc"].value == pytest.approx(right / pairs)


def test_unknown_ages_leave_no_pairs_within_bands(rough):
    unknown = replace(rough, age=np.full(len(rough.age), np.nan))
    found, _, params = performance(unknown, stream(6, "draws"))
    assert "within_age_auroc" not in found
    assert "within_age_auroc" in params["left out"]


def test_isotonic_regression_mends_an_overconfident_model():
    rng = stream(7, "calibration")
    seen, tuned = (clinic(rng, n_people=3000, overconfident=3) for _ in range(2))
    seen = replace(seen, tuned_score=tuned.score, tuned_event=tuned.event)
    found, _, _ = performance(seen, rng)
    assert found["ece"].low > 0.08
    assert found["ece_calibrated"].value < 0.04
    # The truth is within the interval: 3 × the logit was given.
    logit = np.log(seen.score / (1 - seen.score)) / 3
    gap = seen.score - 1 / (1 + np.exp(-logit))
    place = np.argsort(np.argsort(seen.score)) * 10 // len(gap)
    truth = np.abs(np.bincount(place, gap)).sum() / len(gap)
    assert found["ece"].low <= truth <= found["ece"].high


def test_the_calibration_error_is_that_of_quantile_bins_and_the_fault_mixes_them():
    seen = clinic(stream(8, "bins"), n_people=1000, overconfident=2)
    observed, predicted = calibration_curve(seen.event, seen.score, n_bins=10, strategy="quantile")
    cuts = np.quantile(seen.score, np.arange(1, 10) / 10)
    equal = np.bincount(np.searchsorted(cuts, seen.score)) / len(seen.score)
    width = np.histogram(seen.score, bins=10, range=(0, 1))[0] / len(seen.score)
    right, _, _ = performance(seen, stream(8, "draws"))
    wrong, _, _ = performance(seen, stream(8, "draws"), faults=frozenset({"mixed-bins"}))
    gap = np.abs(observed - predicted)
    assert right["ece"].value == pytest.approx(float(gap @ equal))
    assert wrong["ece"].value == pytest.approx(float(gap @ width))
    assert abs(wrong["ece"].value - right["ece"].value) > 0.005


def test_the_threshold_is_set_on_the_records_tuned_on():
    seen = clinic(stream(9, "threshold"), n_people=500)
    tuned_event = np.arange(40) < 20
    tuned = np.concatenate([np.arange(1, 21) / 40, np.linspace(0, 0.2, 20)])
    seen = replace(seen, tuned_score=tuned, tuned_event=tuned_event)
    # Of the events at 1/40 … 20/40, 16 of 20 are at or above 5/40; 14 at or above 7/40.
    for faults, threshold in ((frozenset(), 5 / 40), (frozenset({"sensitivity-70"}), 7 / 40)):
        found, _, _ = performance(seen, stream(9, "draws"), faults=faults)
        called = seen.score >= threshold
        specificity, reached = (
            found[name] for name in ("specificity_at_sensitivity", "sensitivity_at_threshold")
        )
        assert specificity.value == pytest.approx((~called[~seen.event]).mean())
        assert specificity.chance == pytest.approx(0.2)
        assert reached.value == pytest.approx(called[seen.event].mean())
        assert reached.chance == pytest.approx(0.8)


def test_too_few_records_to_tune_on_set_no_threshold(rough):
    few = replace(rough, tuned_score=rough.score[:9], tuned_event=np.ones(9, dtype=bool))
    found, _, params = performance(few, stream(10, "draws"))
    for name in ("specificity_at_sensitivity", "sensitivity_at_threshold", "ece_calibrated"):
        assert name not in found
        assert name in params["left out"]


def test_a_perfect_model_has_an_interval_too(rough):
    perfect = np.where(rough.event, 0.9, 0.1)
    found, _, _ = performance(replace(rough, score=perfect), stream(11, "draws"))
    for name in ("auroc", "auprc", "specificity_at_sensitivity", "sensitivity_at_threshold"):
        assert found[name].value == found[name].high == 1
        assert 0.9 < found[name].low < 1
    backwards, _, _ = performance(replace(rough, score=1 - perfect), stream(11, "draws"))
    assert backwards["auroc"].value == backwards["auroc"].low == 0
    assert 0 < backwards["auroc"].high < 0.1


def test_net_benefit_is_that_worked_by_hand():
    # 100 people, 40 with the finding. At 0.20: 30 true and 20 false positives of 100.
    score = np.repeat([0.4, 0.1, 0.4, 0.1], [30, 10, 20, 40])
    event = np.arange(100) < 40
    same = {"subject": np.arange(100).astype(str), "age": np.full(100, 50.0), "groups": {}}
    seen = ClinicalPredictions(
        score, event, baseline=score, tuned_score=score, tuned_event=event, **same
    )
    _, curves, _ = performance(seen, stream(12, "draws"))
    curve = curves["net_benefit"]
    # Every threshold between the two scores calls the same people: one of them is told.
    (threshold,) = curve["threshold"]
    assert 0.1 < threshold <= 0.4
    odds = threshold / (1 - threshold)
    assert curve["model"] == [pytest.approx(0.3 - 0.2 * odds, abs=1e-4)]
    assert curve["treat_all"] == [pytest.approx(0.4 - 0.6 * odds, abs=1e-4)]
    assert curve["treat_none"] == [0]


def test_curves_are_close_to_those_of_all_records():
    seen = clinic(stream(13, "curves"), n_people=5000)
    _, curves, _ = performance(seen, stream(13, "draws"))
    roc = curves["roc"]
    assert roc["fpr"] == pytest.approx(np.linspace(0, 1, 21))
    assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(
        roc_auc_score(seen.event, seen.score), abs=0.01
    )
    assert np.diff(roc["tpr"]).min() >= 0
    calibration = curves["calibration"]
    assert len(calibration["people"]) == 10
    assert sum(calibration["people"]) == 5000
    assert calibration["observed"] == pytest.approx(calibration["predicted"], abs=0.08)


@pytest.mark.parametrize("n_people", [60, 150, 400])
@pytest.mark.parametrize("records", [1, 3])
def test_no_part_of_a_curve_speaks_of_fewer_than_ten_people(n_people, records):
    seen = clinic(stream(14, f"{n_people} {records}"), n_people=n_people, records=records)
    _, person = np.unique(seen.subject, return_inverse=True)
    for cuts in (clinical._THRESHOLDS, np.sort(seen.score), clinical._quantiles(seen.score)):
        told = clinical._told(cuts, seen.score, seen.event, person)
        assert len(told) or n_people == 60
        assert np.isin(told, cuts).all()
        part = np.searchsorted(told, seen.score, side="right")
        for one in range(len(told) + 1):
            for kind in (seen.event, ~seen.event):
                assert len(set(person[(part == one) & kind])) >= MIN_PEOPLE
    _, curves, _ = performance(seen, stream(14, "draws"))
    assert min(curves["calibration"]["people"]) >= MIN_PEOPLE


def test_a_few_people_with_the_finding_draw_no_roc():
    seen = clinic(stream(15, "few"), n_people=90)
    event = np.zeros(90, dtype=bool)
    event[np.argsort(seen.score)[-49:]] = True
    _, curves, params = performance(replace(seen, event=event), stream(15, "draws"))
    assert "roc" not in curves
    assert "roc" in params["left out"]


def test_a_group_with_few_of_either_kind_is_left_out(rough):
    _, person = np.unique(rough.subject, return_inverse=True)
    site = np.where(person < 12, "small", np.where(person < 80, "middle", "large"))
    event = rough.event & ~(person < 3)
    found, _, params = performance(
        replace(rough, event=event, groups={"site": site}), stream(16, "draws")
    )
    assert "auroc_site_large" in found
    assert "auroc_site_small" not in found
    assert params["left out"] == ["auroc_site_small"]


@pytest.mark.parametrize("few", [1, 9])
def test_no_difference_of_counts_tells_of_a_few(rough, few):
    _, person = np.unique(rough.subject, return_inverse=True)
    site = np.where(person < few, "few", np.where(person < 60, "some", "many"))
    age = np.where(person < few, np.nan, rough.age)
    found, _, _ = performance(replace(rough, groups={"site": site}, age=age), stream(17, "draws"))
    sites = [found[name].n_subjects for name in found if name.startswith("auroc_site")]
    assert 150 - sum(sites) >= MIN_PEOPLE
    for one in found.values():
        assert one.n_subjects == 150 or 150 - one.n_subjects >= MIN_PEOPLE


@pytest.mark.parametrize("kind", ["with", "without"])
def test_fewer_than_ten_people_of_a_kind_are_refused(rough, kind):
    _, person = np.unique(rough.subject, return_inverse=True)
    rare = person < 9
    event = rare if kind == "with" else ~rare
    with pytest.raises(EvidenceError, match=f"10 people {kind} the finding; found fewer"):
        performance(replace(rough, event=event), stream(18, "draws"))
    performance(replace(rough, event=event ^ (person == 9)), stream(18, "draws"))


def test_an_unknown_fault_is_refused_by_name(rough):
    with pytest.raises(ConfigError, match="'sensitivity-60' is not known, wanted some of narrow"):
        performance(rough, stream(19, "draws"), faults=frozenset({"sensitivity-60"}))


def test_the_same_seed_gives_the_same_numbers(rough):
    first, again = (performance(rough, stream(20, "draws")) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event": np.zeros(3, dtype=bool)}, "event is"),
        ({"groups": {"sex": np.array(["male"])}}, "sex is"),
        ({"tuned_event": np.zeros(3, dtype=bool)}, "tuned_score and tuned_event"),
        ({"baseline": np.full(450, 1.5)}, "baseline is not a probability"),
        ({"score": np.full(450, np.nan)}, "score is not a probability"),
    ],
)
def test_scores_of_the_wrong_shape_are_refused(rough, change, said):
    with pytest.raises(ValueError, match=said):
        replace(rough, **change)
