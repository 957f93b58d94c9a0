"""A table of people becomes a cohort, and one that cannot be right is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditor.core.errors import DataError
from auditor.systems.dianet.cohort import CRF, ECG, DiabetesCohort, read_cohort

FOLLOWED = ["hba1c_percent", "fasting_glucose_mg_dl", "diagnosed", "medicated"]
HEALTHY_ECG, HEALTHY_CRF = [95.0, 400, 420, 160, 900, 40], [50, 0.5, 28, 90, 120, 75]


def table(n: int = 8) -> pd.DataFrame:
    """Healthy people as the file has them; the last two are of the longitudinal cohort."""
    cohort = ["development"] * (n - 2) + ["longitudinal"] * 2
    values = {"person": [f"q{number}" for number in range(n)], "cohort": cohort}
    values |= {name: [value] * n for name, value in zip(CRF, HEALTHY_CRF, strict=True)}
    values |= {"sex": ["M", "F"] * (n // 2)}
    values |= {name: [value] * n for name, value in zip(ECG, HEALTHY_ECG * 3, strict=True)}
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
    written.loc[3, FOLLOWED] = followed
    cohort = read(written)
    if event is None:
        assert "q3" not in cohort.person
        assert cohort.n_unknown == 1
    else:
        assert cohort.event.tolist() == [number == 3 and event for number in range(8)]


def visits() -> pd.DataFrame:
    """The same people, of whom two came twice, one of them in the other order."""
    written = table().assign(visit=1)
    again = written.loc[[3, 6]].assign(visit=2, rr_ms_1=1000)
    return pd.concat([again[1:], written, again[:1]], ignore_index=True)


def test_people_may_come_several_times_and_what_one_visit_tells_is_true_of_all(read):
    written = visits()
    written.loc[written["person"] == "q6", "diagnosed"] = [0, 1]
    written.loc[written["person"] == "q3", FOLLOWED] = ""
    cohort = read(written)
    assert cohort.n_unknown == 1
    assert cohort.person.tolist() == ["q6", "q0", "q1", "q2", "q4", "q5", "q6", "q7"]
    assert cohort.record.tolist()[0] == "q6 visit 2"
    assert cohort.event.tolist() == [one == "q6" for one in cohort.person]
    assert cohort.is_first.tolist() == [False] + [True] * 7
    assert cohort.first_visit.tolist() == [6, 1, 2, 3, 4, 5, 6, 7]
    assert cohort.ecg[0, ECG.index("rr_ms_1")] == 1000
    once = read(table())
    assert once.record.tolist() == once.person.tolist()
    assert once.is_first.all()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("visit", 1, "line 11 is of a person who was there before"),
        ("visit", "", "line 11, visit is no number"),
        ("visit", "0", "line 11, visit is no number"),
        ("visit", "second", "line 11, visit is no number"),
        ("cohort", "longitudinal", "line 11 is of a person who was in another cohort"),
    ],
)
def test_visits_that_cannot_be_are_refused_in_one_line(read, column, value, said):
    written = visits().astype(object)
    written.loc[9, column] = value
    with pytest.raises(DataError, match=said) as refusal:
        read(written)
    assert "\n" not in str(refusal.value)


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
    person, there = np.array(["a", "b"]), np.array([True, False])
    ecg, crf = np.zeros((2, len(ECG))), np.zeros((2, len(CRF)))
    DiabetesCohort(person, there, ecg, crf, there)
    with pytest.raises(ValueError, match="ecg"):
        DiabetesCohort(person, there, ecg[:, :6], crf, there)
