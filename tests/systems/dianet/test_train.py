"""The diabetes study: a table becomes a cohort, and what the ECG adds is found if it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from auditor.core.errors import DataError
from auditor.core.streams import stream
from auditor.stats.reclassification import added
from auditor.systems.dianet.network import DiaNetTraining, predict
from auditor.systems.dianet.train import (
    CRF,
    ECG,
    FOLDS,
    MODELS,
    NETWORKS,
    Diabetes,
    DiabetesCohort,
    read_cohort,
    study,
)

SHORT = DiaNetTraining(epochs=25, batch=32, learning_rate=5e-3, patience=8)
CENTRE_ECG = np.tile([95.0, 400, 420, 160, 900, 40], 3)
SPREAD_ECG = np.tile([10.0, 25, 20, 20, 120, 25], 3)
CENTRE_CRF, SPREAD_CRF = np.array([50, 0.5, 28, 90, 120, 75]), np.array([12, 0.5, 4, 11, 14, 9])


def drawn(heart_matters: float, n: int = 600, n_test: int = 200, seed: int = 0) -> DiabetesCohort:
    """People whose heart (T axis and RR) and body (age, BMI) make diabetes likelier."""
    rng = stream(seed, "cohort")
    heart, body = rng.standard_normal((2, n, 6))
    likely = heart_matters * (heart[:, 5] - heart[:, 4]) + body[:, 0] + body[:, 2] - 1.5
    event = rng.random(n) < expit(likely)
    replicates = [heart + 0.3 * rng.standard_normal((n, 6)) for _ in range(3)]
    ecg = CENTRE_ECG + SPREAD_ECG * np.hstack(replicates)
    crf = CENTRE_CRF + SPREAD_CRF * body
    crf[:, 1] = body[:, 1] > 0
    for values in (ecg, crf):
        values[rng.random(values.shape) < 0.03] = np.nan
    person = np.array([f"p{number}" for number in range(n)])
    return DiabetesCohort(person, np.arange(n) >= n_test, ecg, crf, event)


def what_the_ecg_adds(found: Diabetes):
    tested = ~found.cohort.development
    old, new = found.risk["clinical only"], found.risk["ECG-DiaNet"]
    return added(
        found.cohort.event[tested], old[tested], new[tested], old[~tested], new[~tested],
        level=0.95, rng=stream(0, "added"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Diabetes:
    return study(drawn(heart_matters=1.5), seed=0, training=SHORT)


def test_an_ecg_that_matters_makes_the_model_better(found):
    estimates, params = what_the_ecg_adds(found)
    assert estimates["auroc_gain"].value > 0.05
    assert params["p"]["auroc_gain"] < 0.05
    assert estimates["idi"].low > 0


def test_an_ecg_of_noise_adds_nothing():
    found = study(drawn(heart_matters=0), seed=0, training=SHORT)
    estimates, _ = what_the_ecg_adds(found)
    assert estimates["auroc_gain"].low <= 0 <= estimates["auroc_gain"].high
    # Out of fold, too: who stops a training is not who is scored.
    assert 0.4 < auroc(found, "ECG only", found.cohort.development) < 0.6
    assert 0.4 < auroc(found, "ECG only", ~found.cohort.development) < 0.6


def auroc(found: Diabetes, model: str, rows: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(found.cohort.event[rows], found.risk[model][rows])


def test_every_model_finds_something_in_people_it_was_not_made_of(found):
    assert set(found.risk) == set(MODELS)
    for model in MODELS:
        for rows in (found.cohort.development, ~found.cohort.development):
            assert auroc(found, model, rows) > 0.65
        assert ((found.risk[model] >= 0) & (found.risk[model] <= 1)).all()


def test_folds_hold_the_development_people_and_as_many_events_each(found):
    assert ((found.fold >= 0) == found.cohort.development).all()
    events = [found.cohort.event[found.fold == number].sum() for number in range(FOLDS)]
    people = [(found.fold == number).sum() for number in range(FOLDS)]
    assert np.ptp(events) <= 1
    assert np.ptp(people) <= 1


def test_a_risk_is_of_the_fold_that_did_not_see_the_person_or_the_mean_of_all(found):
    cohort = found.cohort
    for name in NETWORKS:
        said = [predict(network, cohort.ecg, cohort.crf) for network in found.networks[name]]
        assert len(said) == FOLDS
        tested = ~cohort.development
        assert found.risk[name][tested] == pytest.approx(np.mean(said, axis=0)[tested], abs=1e-6)
        for number in range(FOLDS):
            mine = found.fold == number
            assert found.risk[name][mine] == pytest.approx(said[number][mine], abs=1e-6)


def test_who_is_scored_or_tested_is_not_learned_from(found):
    """Other outcomes of the tested change nothing; gaps are filled by three folds of five."""
    cohort = found.cohort
    other = cohort.event.copy()
    other[~cohort.development] = False
    changed = study(
        DiabetesCohort(cohort.person, cohort.development, cohort.ecg, cohort.crf, other),
        seed=0,
        training=DiaNetTraining(epochs=1),
    )
    same = study(cohort, seed=0, training=DiaNetTraining(epochs=1))
    for model in MODELS:
        assert changed.risk[model].tolist() == same.risk[model].tolist()
    network = found.networks["clinical only"][0]
    assert network.crf is not None
    taught = (found.fold >= 0) & ~np.isin(found.fold, (0, 1))
    assert network.crf.median.tolist() == pytest.approx(np.nanmedian(cohort.crf[taught], axis=0))


def test_the_same_seed_gives_the_same_risks_and_another_does_not(found):
    quick = DiaNetTraining(epochs=1)
    one, again, other = (study(found.cohort, seed, training=quick) for seed in (0, 0, 1))
    for model in MODELS:
        assert one.risk[model].tolist() == again.risk[model].tolist()
        assert one.risk[model].tolist() != other.risk[model].tolist()


def test_progress_counts_models(found):
    told = []
    cohort = drawn(heart_matters=1, n=120, n_test=20)
    study(cohort, 0, progress=lambda *done: told.append(done), training=DiaNetTraining(epochs=1))
    assert told == [(done, 25) for done in range(1, 26)]


@pytest.mark.parametrize(("kind", "said"), [(True, "with diabetes"), (False, "without diabetes")])
def test_a_fold_without_people_of_one_kind_is_refused(kind, said):
    cohort = drawn(heart_matters=1, n=120, n_test=20)
    event = np.where(cohort.development, np.arange(120) < 24, True) == kind
    with pytest.raises(DataError, match=said) as refusal:
        study(DiabetesCohort(cohort.person, cohort.development, cohort.ecg, cohort.crf, event), 0)
    assert "\n" not in str(refusal.value)


def table(n: int = 8) -> pd.DataFrame:
    """Healthy people as the file has them; the last two are of the longitudinal cohort."""
    cohort = ["development"] * (n - 2) + ["longitudinal"] * 2
    values = {"person": [f"q{number}" for number in range(n)], "cohort": cohort}
    values |= {name: [value] * n for name, value in zip(CRF, CENTRE_CRF, strict=True)}
    values |= {"sex": ["M", "F"] * (n // 2)}
    values |= {name: [value] * n for name, value in zip(ECG, CENTRE_ECG, strict=True)}
    values |= {"hba1c_percent": [5.4] * n, "fasting_glucose_mg_dl": [90] * n}
    return pd.DataFrame(values | {"diagnosed": [0] * n, "medicated": [0] * n}).astype(object)


@pytest.fixture
def read(tmp_path: Path):
    def read(changed: pd.DataFrame) -> DiabetesCohort:
        changed.to_csv(tmp_path / "t2dm.csv", index=False)
        return read_cohort(tmp_path / "t2dm.csv")

    return read


def test_a_table_is_read_as_it_stands(read):
    written = table()
    written.loc[1, ["waist_cm", "pr_ms_2", "sex"]] = ""
    written.loc[2, "rr_ms_3"] = 1234.5
    cohort = read(written[sorted(written.columns)])
    assert cohort.person.tolist() == [f"q{number}" for number in range(8)]
    assert cohort.development.tolist() == [True] * 6 + [False] * 2
    assert cohort.crf[:2, CRF.index("sex")] == pytest.approx([1, np.nan], nan_ok=True)
    assert cohort.crf[3, CRF.index("sex")] == 0
    assert np.argwhere(np.isnan(cohort.ecg)).tolist() == [[1, ECG.index("pr_ms_2")]]
    assert np.isnan(cohort.crf[1, CRF.index("waist_cm")])
    assert cohort.ecg[2, ECG.index("rr_ms_3")] == 1234.5
    assert not cohort.event.any()
    assert cohort.n_unknown == 0


@pytest.mark.parametrize(
    ("followed", "event"),
    [
        ((6.5, 90, 0, 0), True),
        ((6.4, 90, 0, 0), False),
        ((5.0, 126, 0, 0), True),
        ((5.0, 125, 0, 0), False),
        ((5.0, 90, 1, 0), True),
        ((5.0, 90, 0, 1), True),
        (("", "", "", 1), True),
        (("", 90, "", ""), False),
        (("NA", "", "", 0), False),
        (("", "", "", ""), None),
    ],
)
def test_any_one_sign_makes_diabetes_and_none_at_all_leaves_a_person_out(read, followed, event):
    written = table()
    names = ["hba1c_percent", "fasting_glucose_mg_dl", "diagnosed", "medicated"]
    written.loc[3, names] = followed
    cohort = read(written)
    if event is None:
        assert "q3" not in cohort.person
        assert cohort.n_unknown == 1
    else:
        assert cohort.event.tolist() == [number == 3 and event for number in range(8)]


def every(column: str, value: object):
    return lambda written: written.assign(**{column: value})


def cell(column: str, value: object):
    def change(written: pd.DataFrame) -> pd.DataFrame:
        written.loc[4, column] = value
        return written

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (every("rr_ms_2", 0.9), "rr_ms_2 is 0.9.*ms"),
        (every("fasting_glucose_mg_dl", 5.2), "fasting_glucose_mg_dl is 5.2.*mg/dL"),
        (every("hba1c_percent", 38), "hba1c_percent is 38"),
        (every("waist_cm", 36), "waist_cm is 36.*cm"),
        (every("sbp_mmhg", 16), "sbp_mmhg is 16"),
        (every("age_years", 600), "age_years is 600"),
        (every("qt_ms_1", 0.4), "qt_ms_1 is 0.4"),
        (lambda written: written.drop(columns=["bmi_kg_m2", "pr_ms_3"]), "bmi_kg_m2, pr_ms_3"),
        (cell("person", "q0"), "line 6 .* there before"),
        (cell("person", " q7 "), "line 6|line 9"),
        (cell("cohort", "test"), "line 6, cohort is 'test'"),
        (cell("cohort", ""), "line 6 has no cohort"),
        (cell("sex", "male"), "line 6, sex is 'male'; wanted F or M"),
        (cell("diagnosed", "yes"), "line 6, diagnosed is 'yes'; wanted 0 or 1"),
        (cell("qrs_ms_1", "wide"), "line 6, qrs_ms_1 is no number"),
        (cell("qrs_ms_1", "inf"), "line 6, qrs_ms_1 is no number"),
        (every("cohort", "development"), "nobody in cohort longitudinal"),
        (lambda written: written[:0], "nobody in cohort development"),
    ],
)
def test_a_table_that_cannot_be_is_refused_in_one_line(read, change, said):
    with pytest.raises(DataError, match=said) as refusal:
        read(change(table()))
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path):
    for content in (b"", b"\xff\xfe\x00\x01", None):
        path = tmp_path / "t2dm.csv"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match="cannot be read as CSV"):
            read_cohort(path)


def test_a_cohort_whose_columns_disagree_is_a_mistake_of_ours():
    cohort = drawn(heart_matters=1, n=20, n_test=5)
    with pytest.raises(ValueError, match="ecg"):
        DiabetesCohort(
            cohort.person, cohort.development, cohort.ecg[:, :6], cohort.crf, cohort.event
        )
