"""A simulated hospital has the published layouts, and tells what was planted and nothing else."""

from __future__ import annotations

import gzip
import hashlib
from ast import literal_eval
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auditor.core.errors import ConfigError
from auditor.simulate.hospital import CONDITIONS, Hospital
from auditor.simulate.hospital.mimic import MISSING
from auditor.simulate.hospital.write import LAYOUT
from auditor.simulate.population import TRAIT_INDEX

HOSPITAL = Hospital(1600, seed=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("hospital")
    HOSPITAL.write(root)
    return root


def table(root: Path, name: str) -> pd.DataFrame:
    (path,) = (one for one in LAYOUT if one.endswith(name))
    return pd.read_csv(root / path, low_memory=False, keep_default_na=name != "d_labitems.csv.gz")


@pytest.fixture(scope="module")
def machine(root) -> pd.DataFrame:
    return table(root, "machine_measurements.csv")


@pytest.fixture(scope="module")
def diagnosed(root) -> pd.DataFrame:
    return table(root, "records_w_diag_icd10.csv")


@pytest.fixture(scope="module")
def inputs(machine, diagnosed) -> np.ndarray:
    """(n, 11) sex, age, RR, PR, QRS, QT, QTc, three axes, the median where missing; and no P."""
    seen = machine.loc[:, "rr_interval":"t_axis"].astype(float).replace(MISSING, np.nan)
    qt = seen["t_end"] - seen["qrs_onset"]
    columns = [
        diagnosed["gender"] == "M", diagnosed["age"], seen["rr_interval"],
        seen["qrs_onset"] - seen["p_onset"], seen["qrs_end"] - seen["qrs_onset"], qt,
        qt / np.sqrt(seen["rr_interval"] / 1000), seen["p_axis"], seen["qrs_axis"], seen["t_axis"],
        seen["p_onset"].isna(),
    ]  # fmt: skip
    found = np.column_stack([column.astype(float) for column in columns])
    return np.where(np.isnan(found), np.nanmedian(found, axis=0), found)


def test_every_table_has_the_columns_of_the_published_one(root):
    written = {str(path.relative_to(root)) for path in root.rglob("*.csv*")}
    assert written == set(LAYOUT)
    for name, columns in LAYOUT.items():
        assert tuple(pd.read_csv(root / name, nrows=5).columns) == columns


def test_known_headers_are_those_on_the_landing_pages(root):
    header = (root / "ecg-view-ii/Electrocardiogram.csv").read_text().partition("\n")[0]
    assert header == (
        "personid,ecgdate,RR,PR,QRS,QT,QTc,P_wave_axis,QRS_axis,T_wave_axis,ACCI,dept,source"
    )
    with gzip.open(root / "mimic-iv/hosp/labevents.csv.gz", "rt") as file:
        assert file.readline().startswith("labevent_id,subject_id,hadm_id,specimen_id,itemid,")
    assert len(LAYOUT["mimic-iv-ecg/machine_measurements.csv"]) == 33
    assert len(LAYOUT["cxr-lt-2024/cxr_lt_labels.csv"]) == 3 + 45


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    def digest(root: Path, seed: int) -> dict[str, str]:
        Hospital(60, seed).write(root)
        return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in LAYOUT}

    first, again, other = (
        digest(tmp_path / folder, seed) for folder, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again
    same = {name for name in LAYOUT if first[name] == other[name]}
    assert same == {"mimic-iv/hosp/d_labitems.csv.gz", "ecg-view-ii/DiagnosisCodeMaster.csv"}


def test_progress_counts_the_tables(tmp_path):
    heard = []
    Hospital(40).write(tmp_path, lambda done, total: heard.append((done, total)))
    assert heard == [(done + 1, len(LAYOUT)) for done in range(len(LAYOUT))]


def test_people_have_one_to_five_ecgs_on_different_days_of_their_own_era(machine):
    taken = pd.to_datetime(machine["ecg_time"])
    people = machine.groupby("subject_id")
    assert people.size().between(1, 5).all()
    assert machine["study_id"].is_unique
    assert people.ngroups == HOSPITAL.n_subjects
    assert people.size().mean() == pytest.approx(2.5, abs=0.15)
    assert not pd.DataFrame({"s": machine["subject_id"], "d": taken.dt.date}).duplicated().any()
    assert taken.dt.year.between(2110, 2201).all()
    spans = taken.groupby(machine["subject_id"]).agg(lambda one: (one.max() - one.min()).days)
    assert spans.max() < 12 * 366


def test_measurements_are_those_of_the_population_whose_waveforms_may_be_made(machine):
    rr = machine["rr_interval"].to_numpy()
    true = 1000 * HOSPITAL.patients.population.traits()[:, TRAIT_INDEX["rr_s"]]
    seen = rr != MISSING
    assert np.abs(rr[seen] - true[seen]).max() < 25
    record = next(HOSPITAL.patients.population.records())
    assert record.signal.shape == (12, 5000)


def test_fiducials_are_missing_as_29999_and_p_mostly_begins_at_40(machine):
    onset = machine["p_onset"][machine["p_onset"] != MISSING]
    assert 0.7 < (onset == 40).mean() < 0.95
    assert onset.between(20, 70).all()
    whole = machine.loc[:, "rr_interval":"t_axis"]
    assert (whole.dtypes == np.int64).all()
    assert 0.001 < (whole == MISSING).all(axis=1).mean() < 0.02
    good = machine[(whole != MISSING).all(axis=1)]
    order = good[["p_onset", "p_end", "qrs_onset", "qrs_end", "t_end"]]
    assert (order.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    assert good[["p_axis", "qrs_axis", "t_axis"]].abs().le(180).all(axis=None)


def test_a_fibrillating_heart_has_no_p_wave(machine, diagnosed):
    fibrillates = diagnosed["all_diag_all"].str.contains("I48")
    assert (machine.loc[fibrillates, ["p_onset", "p_end", "p_axis"]] == MISSING).all(axis=None)
    assert (machine.loc[~fibrillates, "p_onset"] == MISSING).mean() < 0.1


def test_codes_stand_where_the_stay_was(diagnosed):
    lists = diagnosed.loc[:, "ed_diag_ed":"all_diag_all"].map(literal_eval)
    outside = ~diagnosed["ecg_taken_in_ed_or_hosp"]
    assert 0.05 < outside.mean() < 0.15
    assert (lists.loc[outside].map(len) == 0).all(axis=None)
    assert (
        diagnosed.loc[outside, ["ed_stay_id", "ed_hadm_id", "hosp_hadm_id"]].isna().all(axis=None)
    )
    hospital, room = lists["all_diag_hosp"], lists["ed_diag_ed"]
    assert (lists["all_diag_all"] == hospital.where(hospital.map(len) > 0, room)).all()
    assert diagnosed["ed_stay_id"].notna().equals(diagnosed["ecg_taken_in_ed"])
    codes = lists["all_diag_all"].explode().dropna()
    assert not codes.str.contains(".", regex=False).any()
    assert {"S52501A", "T380X5A", "K7030", "C61"} <= set(codes)


def test_folds_keep_people_whole_and_share_out_every_condition(diagnosed):
    folds = diagnosed.groupby("subject_id")["strat_fold"]
    assert folds.min().equals(folds.max())
    assert set(diagnosed["strat_fold"]) == set(range(20))
    sizes = diagnosed.groupby("strat_fold")["subject_id"].nunique()
    assert sizes.max() - sizes.min() < 25
    for condition in CONDITIONS:
        has = diagnosed["all_diag_all"].map(
            lambda text, codes=condition.codes: bool(codes.keys() & literal_eval(text))
        )
        shares = has.groupby(diagnosed["strat_fold"]).sum() / has.sum()
        assert shares.between(0.02, 0.1).all(), condition.name


def test_conditions_are_as_common_as_told_and_keep_to_their_sex():
    people = HOSPITAL.patients
    for condition, has in zip(CONDITIONS, people.conditions.T, strict=True):
        can = np.ones(len(people), bool)
        if condition.only:
            can = people.male == (condition.only == "male")
            assert not has[~can].any()
        se = np.sqrt(condition.prevalence / can.sum())
        assert has[can].mean() == pytest.approx(condition.prevalence, abs=4 * se), condition.name


def test_conditions_are_read_from_the_ten_inputs_and_null_conditions_are_not(inputs, diagnosed):
    fold = diagnosed["strat_fold"].to_numpy()
    lists = diagnosed["all_diag_all"].map(literal_eval)
    read = {}
    for condition in CONDITIONS:
        event = lists.map(
            lambda codes, own=condition.codes: bool(own.keys() & set(codes))
        ).to_numpy()
        use = np.ones(len(event), bool)
        if condition.only:
            use = (inputs[:, 0] == 1) == (condition.only == "male")
        learned, asked = use & (fold < 10), use & (fold >= 10)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(inputs[learned], event[learned])
        score = model.predict_proba(inputs[asked])[:, 1]
        read[condition.name] = roc_auc_score(event[asked], score)
    nulls = {condition.name for condition in CONDITIONS if condition.is_null}
    assert len(nulls) >= 5
    for name, auroc in read.items():
        if name in nulls:
            assert 0.35 < auroc < 0.65, name
        else:
            assert auroc > 0.75, name
    assert np.mean([read[name] for name in nulls]) == pytest.approx(0.5, abs=0.05)


def test_everything_refers_to_people_and_stays_that_there_are(root, diagnosed):
    patients = table(root, "patients.csv.gz")
    assert patients["subject_id"].is_unique
    for name in (
        "admissions.csv.gz", "labevents.csv.gz", "omr.csv.gz", "vitalsign.csv.gz",
        "metadata.csv.gz", "chexpert.csv.gz", "cxr_lt_labels.csv", "record_list.csv",
    ):  # fmt: skip
        assert table(root, name)["subject_id"].isin(patients["subject_id"]).all()
    admissions = table(root, "admissions.csv.gz")
    stays = pd.concat([diagnosed["ed_hadm_id"], diagnosed["hosp_hadm_id"]]).dropna()
    assert set(stays) == set(admissions["hadm_id"])
    assert set(table(root, "labevents.csv.gz")["hadm_id"].dropna()) <= set(admissions["hadm_id"])
    assert set(table(root, "vitalsign.csv.gz")["stay_id"]) == set(diagnosed["ed_stay_id"].dropna())
    assert (admissions["admittime"] < admissions["dischtime"]).all()
    merged = diagnosed.merge(patients, on="subject_id", suffixes=("", "_of"))
    assert merged["gender"].equals(merged["gender_of"])
    died = merged[merged["dod_of"].notna()]
    assert 0.05 < patients["dod"].notna().mean() < 0.5
    assert (died["ecg_time"].str[:10] <= died["dod_of"]).all()


def test_laboratory_values_come_as_messy_as_the_published_ones(root, machine):
    labs = table(root, "labevents.csv.gz").merge(table(root, "d_labitems.csv.gz"), on="itemid")
    assert {"H", "I", "L"} <= set(labs["label"])
    assert labs["valuenum"].isna().any()
    assert labs["ref_range_lower"].isna().any()
    assert ((labs["ref_range_lower"] == 0) & (labs["ref_range_upper"] == 0)).any()
    assert set(labs.loc[labs["label"] == "Glucose", "fluid"]) == {"Blood", "Urine"}
    assert set(labs.loc[labs["label"] == "C-Reactive Protein", "valueuom"]) == {"mg/L", "mg/dL"}
    assert set(labs.loc[labs["label"] == "D-Dimer", "valueuom"]) == {"ng/mL", "ug/mL"}
    assert labs.loc[labs["label"] == "Hemoglobin", "ref_range_lower"].nunique() == 2
    measured = labs.loc[labs["label"] == "Sodium", "subject_id"].nunique()
    assert 0.6 < measured / HOSPITAL.n_subjects < 1
    # Each within an hour before some ECG of the person, or two hours after it.
    near = labs[["subject_id", "charttime"]].merge(machine[["subject_id", "ecg_time"]])
    delay = pd.to_datetime(near["charttime"]) - pd.to_datetime(near["ecg_time"])
    minutes = delay.dt.total_seconds() / 60
    assert minutes.between(-61, 121).groupby([near["subject_id"], near["charttime"]]).any().all()


@pytest.mark.parametrize("itemid", [51222, 50862, 50912, 50971])
def test_both_tails_of_a_laboratory_value_that_follows_the_heart_are_filled(root, itemid):
    labs = table(root, "labevents.csv.gz").query("itemid == @itemid")
    for tail in (
        labs["valuenum"] < labs["ref_range_lower"],
        labs["valuenum"] > labs["ref_range_upper"],
    ):
        assert 0.06 < tail.mean() < 0.35


def test_potassium_follows_the_heart_and_sodium_does_not(root, machine):
    machine = machine[(machine.loc[:, "rr_interval":"t_axis"] != MISSING).all(axis=1)]
    qt = machine.assign(qt=machine["t_end"] - machine["qrs_onset"])
    qt = qt.groupby("subject_id")["qt"].mean()
    labs = table(root, "labevents.csv.gz")

    def tie(itemid: int) -> float:
        value = labs[labs["itemid"] == itemid].groupby("subject_id")["valuenum"].mean()
        return abs(pd.concat([qt, value], axis=1).corr().iloc[0, 1])

    assert tie(50971) > 0.25
    assert tie(50983) < 0.1


def test_half_of_the_people_have_a_radiograph_within_a_day_after_an_ecg(root, machine):
    images = table(root, "metadata.csv.gz")
    assert set(images["ViewPosition"]) == {"PA", "AP", "LATERAL"}
    assert images["dicom_id"].is_unique
    clock = images["StudyTime"].map("{:010.3f}".format)
    images["taken"] = pd.to_datetime(
        images["StudyDate"].astype(str) + clock, format="%Y%m%d%H%M%S.%f"
    )
    pairs = images.merge(machine[["subject_id", "ecg_time"]], on="subject_id")
    hours = (pairs["taken"] - pd.to_datetime(pairs["ecg_time"])).dt.total_seconds() / 3600
    paired = set(pairs.loc[hours.between(0, 24), "subject_id"])
    assert len(paired) / HOSPITAL.n_subjects == pytest.approx(0.5, abs=0.06)
    assert len(set(images["subject_id"]) - paired) > 20
    # Several have one after each of several ECGs.
    frontal = pairs[hours.between(0, 24) & (pairs["ViewPosition"] != "LATERAL")]
    several = frontal.drop_duplicates(["subject_id", "ecg_time"])["subject_id"].value_counts() > 1
    assert 0.2 < several.mean() < 0.6
    labels = table(root, "cxr_lt_labels.csv")
    assert list(labels["dicom_id"]) == list(images["dicom_id"])
    findings = labels.iloc[:, 3:]
    assert set(np.unique(findings)) == {0, 1}
    assert (findings.sum() < 100).sum() > 15
    aged = labels.merge(table(root, "patients.csv.gz"), on="subject_id")
    assert roc_auc_score(aged["Osteopenia"], aged["anchor_age"]) > 0.75
    assert roc_auc_score(aged["Support Devices"], aged["anchor_age"]) == pytest.approx(0.5, abs=0.1)
    chexpert = table(root, "chexpert.csv.gz").iloc[:, 2:].to_numpy()
    assert set(np.unique(chexpert[~np.isnan(chexpert)])) == {-1.0, 0.0, 1.0}


def test_the_people_of_ecg_view_are_others_under_the_same_laws(root):
    person, ecg = table(root, "Person.csv"), table(root, "Electrocardiogram.csv")
    diagnosis = table(root, "Diagnosis.csv")
    assert len(person) == HOSPITAL.n_subjects // 2
    assert set(person["sex"]) == {"M", "F"}
    first, last = (person["Birthyeargroup"].str.split("-").str[i].astype(int) for i in (0, 1))
    assert (last - first == 4).all()
    assert (first % 5 == 0).all()
    assert ecg["ecgdate"].str[:4].astype(int).between(1993, 2014).all()
    assert ecg["PR"].isna().any()
    assert ecg["QTc"].median() == pytest.approx(
        (ecg["QT"] / np.sqrt(ecg["RR"] / 1000)).median(), abs=2
    )
    near = diagnosis.merge(ecg[["personid", "ecgdate"]], on="personid")
    days = (pd.to_datetime(near["diagdate"]) - pd.to_datetime(near["ecgdate"])).dt.days.abs()
    closest = days.groupby([near["personid"], near["diagdate"]]).min()
    assert 0.8 < (closest <= 90).mean() < 0.99
    assert set(diagnosis["diagcode"]) <= set(table(root, "DiagnosisCodeMaster.csv")["diagcode"])
    patients, others = HOSPITAL.patients, HOSPITAL.ecg_view_people
    assert not np.isin(patients.traits[:, 0], others.traits[:, 0]).any()


def test_the_heart_adds_to_clinical_risk_of_diabetes(root):
    people = table(root, "t2dm.csv")
    visits, people = people, people[people["visit"] == 1]
    sizes = people["cohort"].value_counts()
    assert sizes["development"] / len(people) == pytest.approx(2043 / 2438, abs=0.001)
    event = (
        (people["hba1c_percent"] >= 6.5)
        | (people["fasting_glucose_mg_dl"] >= 126)
        | (people[["diagnosed", "medicated"]] == 1).any(axis=1)
    )
    assert event.mean() == pytest.approx(0.12, abs=0.03)
    clinical = people[["age_years", "bmi_kg_m2", "waist_cm", "sbp_mmhg", "dbp_mmhg"]].to_numpy(
        float
    )
    replicates = people.loc[:, "qrs_ms_1":"t_axis_deg_3"].to_numpy(float).reshape(-1, 3, 6)
    heart = np.nanmean(replicates, axis=1)
    half = np.arange(len(people)) % 2 == 0

    def auroc(inputs: np.ndarray) -> float:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000))
        model.fit(inputs[half], event[half])
        return roc_auc_score(event[~half], model.predict_proba(inputs[~half])[:, 1])

    assert 0.72 < auroc(clinical) < 0.88
    assert auroc(np.hstack([clinical, heart])) > auroc(clinical) + 0.01
    # The replicates are one heart's: nearer to each other than people are.
    rr = replicates[:, :, 4]
    within = np.nanmedian(np.abs([rr[:, a] - rr[:, b] for a, b in pairwise(range(3))]))
    assert within < 0.3 * np.nanstd(rr)
    # Some came again, years later, with another ECG and the same follow-up.
    assert not visits.duplicated(["person", "visit"]).any()
    again = visits[visits["visit"] == 2].merge(people, on="person", suffixes=("", " before"))
    assert len(again) / len(people) == pytest.approx(0.4, abs=0.06)
    assert (again["age_years"] == again["age_years before"] + 2).all()
    for name in ("sex", "cohort", "hba1c_percent", "diagnosed"):
        assert again[name].equals(again[f"{name} before"])
    for name in ("bmi_kg_m2", "rr_ms_1"):
        both = again[[name, f"{name} before"]].dropna().to_numpy()
        assert 0.5 < np.corrcoef(both.T)[0, 1] < 0.99


@pytest.mark.parametrize("wrong", [{"n_subjects": 39}, {"n_subjects": 100, "seed": -1}])
def test_wrong_settings_are_one_clear_line(wrong):
    with pytest.raises(ConfigError) as error:
        Hospital(**wrong)
    assert "\n" not in str(error.value)
