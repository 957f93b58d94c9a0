"""Whose a record is, and of which day, as a table says; what it cannot say is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auditor.core.errors import DataError
from auditor.core.unread import by_kind
from auditor.data.catalog import describe
from auditor.data.dataset import Dataset, open_dataset
from auditor.data.inspection import inspection
from auditor.engine import engine
from tests.data.test_sheets import workbook

COLUMNS = {"record_column": "record", "subject_column": "patient"}


def written(root: Path, table: str, n: int = 6, encoding: str = "utf-8") -> Path:
    """Records r0, r1, … of one lead, and a table beside them."""
    wave = (300 * np.sin(np.arange(2000) / 9)).astype("<i2")
    root.mkdir(exist_ok=True)
    for number in range(n):
        (wave + number).astype("<i2").tofile(root / f"r{number}.dat")
        (root / f"r{number}.hea").write_text(
            f"r{number} 1 250 2000\nr{number}.dat 16 1000/mV 16 0 0 0 0 II\n"
        )
    (root / "people.csv").write_bytes(table.encode(encoding))
    return root


def opened(root: Path, **flags) -> Dataset:
    with engine() as workers:
        known = COLUMNS | flags
        return open_dataset(root, describe(root, table="people.csv", **known), engine=workers)


def table(*rows: str, head: str = "record,patient") -> str:
    return "\n".join([head, *(f"r{n},{row}" for n, row in enumerate(rows))]) + "\n"


@pytest.mark.parametrize("word", ["", "nan", "NA", "None", "<NA>", "NULL", "unknown", "-", "n/a"])
def test_words_for_nobody_make_no_person(tmp_path, word):
    dataset = opened(written(tmp_path, table("1.0", "1.0", word, word, word, "2")))
    assert dataset.manifest["subject"].nunique() == 5
    assert (~dataset.manifest["subject_known"]).sum() == 3


def test_numbers_in_which_digits_are_lost_are_refused(tmp_path):
    root = written(tmp_path, table("1.2E+10", "1.2E+10", "1.3E+10", "4", "5", "6"))
    with pytest.raises(DataError, match="digits are lost"):
        opened(root)


def test_a_number_with_zeros_and_without_is_refused_until_somebody_says_which(tmp_path):
    root = written(tmp_path, table("0007", "7", "8", "9", "10", "11"))
    with pytest.raises(DataError, match=r"same in auditor\.yaml"):
        opened(root)
    (root / "auditor.yaml").write_text(
        "subject: {column: patient, same: {'0007': '7'}}\n"
        "table: {file: people.csv, record: record}\n"
    )
    with engine() as workers:
        dataset = open_dataset(root, describe(root), engine=workers)
    assert dataset.manifest["subject"].nunique() == 5


DAYS = {
    "days": ["2019-03-01"] * 2 + ["2019-03-02"] * 4,
    "times": ["2019-03-01 09:01:00", "2019-03-01 09:09:00"] + ["2019-03-02T09:11"] * 4,
    "european": ["01.03.2019 09:10", "1.3.2019"] + ["02.03.2019"] * 4,
    "american": ["03/01/2019", "3/1/2019"] + ["3/2/2019"] * 3 + ["3/25/2019"],
    "spreadsheet": ["43525.38", "43525.42"] + ["43526.5"] * 4,
}  # fmt: skip


@pytest.mark.parametrize("form", DAYS)
def test_times_of_a_session_column_are_their_days(tmp_path, form):
    rows = [f"p,{day}" for day in DAYS[form]]
    root = written(tmp_path, table(*rows, head="record,patient,taken"))
    dataset = opened(root, session_column="taken")
    wanted = {"2019-03-01", "2019-03-02"} | ({"2019-03-25"} if form == "american" else set())
    assert set(dataset.manifest["session"]) == wanted
    assert dataset.unread == ()


def test_names_of_visits_stay_and_times_of_day_are_no_sessions(tmp_path):
    visits = opened(
        written(tmp_path / "a", table(*["p,v1"] * 3, *["p,v2"] * 3, head="record,patient,visit")),
        session_column="visit",
    )
    assert set(visits.manifest["session"]) == {"v1", "v2"}
    hours = opened(
        written(tmp_path / "b", table(*[f"p,09:1{n}" for n in range(6)], head="record,patient,at")),
        session_column="at",
    )
    assert not hours.manifest["session_known"].any()
    assert by_kind(hours.unread) == {"session": 6}


def test_days_that_could_be_two_join_and_part_no_sessions(tmp_path):
    rows = [f"p,{day}" for day in ("2019-03-04", "04.03.2019", "3/4/2019", "3/5/2019")]
    root = written(tmp_path, table(*rows, head="record,patient,taken"), 4)
    dataset = opened(root, session_column="taken")
    assert not dataset.manifest["session_known"].any()
    assert by_kind(dataset.unread) == {"session": 2}


def test_rows_that_end_in_the_separator_say_what_they_say(tmp_path):
    rows = [f"P{n // 2},{40 + n},F," for n in range(6)]
    root = written(tmp_path, table(*rows, head="record,patient,age,sex"))
    dataset = opened(root, age_column="age", sex_column="sex")
    assert sorted(set(dataset.manifest["subject"])) == ["P0", "P1", "P2"]
    assert dataset.manifest["age"].between(40, 45).all()


def test_a_row_longer_than_the_header_is_refused_by_its_line(tmp_path):
    with pytest.raises(DataError, match="line 4 has more cells"):
        opened(written(tmp_path, table("a", "b", "c,since May", "d", "e", "f")))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_table_in_any_encoding_is_read(tmp_path, encoding):
    rows = ["Müller"] * 3 + ["Gonçalves"] * 3
    dataset = opened(written(tmp_path, table(*rows), encoding=encoding))
    assert set(dataset.manifest["subject"]) == {"Müller", "Gonçalves"}


def test_what_a_column_holds_and_is_not_understood_is_counted_and_shown(tmp_path):
    rows = [f"p{n},{age},{n % 2}" for n, age in enumerate(["44", "old", "091Y", ">65", "", "7 m"])]
    root = written(tmp_path, table(*rows, head="record,patient,age,sex"))
    dataset = opened(root, age_column="age", sex_column="sex")
    assert by_kind(dataset.unread) == {"age": 1, "sex": 6}
    shown = "\n".join(inspection(dataset))
    assert "it holds 0, 1; name them under table: sexes" in shown


def test_two_rows_of_one_record_that_disagree_are_said(tmp_path):
    root = written(tmp_path, table("a", "b", "c", "d", "e", "f") + "r0,z\n")
    assert by_kind(opened(root).unread) == {"person": 1}
    agreeing = written(tmp_path / "b", table("a", "b", "c", "d", "e", "f") + "r0,a\n")
    assert opened(agreeing).unread == ()


def test_people_who_cannot_be_one_are_said(tmp_path):
    rows = ["a,30,F", "a,31,M", "b,20,F", "b,75,F", "c,50,F", "c,51,F"]
    root = written(tmp_path, table(*rows, head="record,patient,age,sex"))
    assert by_kind(opened(root, age_column="age", sex_column="sex").unread) == {"person": 2}


def test_ages_of_a_person_who_grew_older_are_no_contradiction(tmp_path):
    rows = [f"a,{30 + n},{2000 + n}-05-01" for n in range(0, 60, 10)]
    root = written(tmp_path, table(*rows, head="record,patient,age,day"))
    (root / "auditor.yaml").write_text(
        "subject: {column: patient}\nsession: {header: date}\n"
        "table: {file: people.csv, record: record, age: age, date: day}\n"
    )
    with engine() as workers:
        dataset = open_dataset(root, describe(root), engine=workers)
    assert dataset.unread == ()
    assert dataset.manifest["session"].nunique() == 6


def test_pages_beside_the_one_that_is_described_are_searched_and_said(tmp_path):
    root = written(tmp_path, "")
    (root / "people.csv").unlink()
    names = [["patient", "surname"], ["p1", "Lindqvist"], ["p2", "Gonçalves"]]
    workbook(
        root / "people.xlsx", names, [["record", "patient"], *([f"r{n}", "p"] for n in "012345")]
    )
    with engine() as workers:
        described = describe(root, table="people.xlsx", **COLUMNS)
        dataset = open_dataset(root, described, engine=workers)
    assert dataset.manifest["subject"].nunique() == 1
    assert by_kind(dataset.unread) == {"table": 1}
    (page,) = dataset.stray_tables()
    assert page["surname"].tolist() == ["Lindqvist", "Gonçalves"]
