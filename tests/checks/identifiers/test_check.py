"""What names a person is met wherever it stands, and what is ordinary is left in peace."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from auditor.checks.identifiers.check import Identifiers
from auditor.core.evidence import Counts
from auditor.data.identifiers import classes_in
from auditor.engine import engine
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.releases import write_release


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ECG date: 07.12.2004", "date"),
        ("ECG date: 01/10/1990", "date"),
        ("Infarction date (acute): 29-Sep-90", "date"),
        ("10:44:18.529 04/05/2704", "date"),
        ("12-May-2020 12:33:59", "date"),
        ("taken 2019-03-04", "date"),
        ("admitted March 3, 2011", "date"),
        ("p000878-2137-10-26-16-57", "date"),
        ("Patient name: Anna Miller", "name"),
        ("seen by Dr. Miller", "name"),
        ("Physician: Miller", "name"),
        ("mail anna@example.org", "mail"),
        ("call 555-123-4567", "phone"),
        ("SSN 123-45-6789", "national number"),
        ("MRN: 00123456", "record number"),
        ("device serial: X1234", "device"),
        ("cart id 5501", "device"),
        ("Ward: 7B", "place"),
        ("postcode 8001", "place"),
    ],
)
def test_each_class_is_met(text, kind):
    assert kind in classes_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "PR is 160 ms. In lead V5: R is 1.2 mV",
        "QRS 96 ms and QT 400 ms",
        "Age: 25", "Sex: male", "69 M 1085 1629 x1", "Dx: 164934002,426783006",
        "Rhythm: Sinus bradycardia.", "Electric axis of the heart: left axis deviation.",
        "Digoxin, Hydrochlorthiazide, Inderal, KCl", "Peripheral blood Pressure: 140/80 mmHg",
        "Person_01/rec_2", "records100/00000/00001_lr", "data/150", "Rx: Unknown",
        "Produced by xform from record 100, beginning at 7:00.000", "Name: unknown",
        "Undefined ischemia/scar/supp.NSTEMI: lateral wall.", "RIVA 70% proximal",
    ],
)  # fmt: skip
def test_what_is_ordinary_is_no_identifier(text):
    assert classes_in(text) == set()


def counted(root: Path) -> dict[str, int]:
    """People per class and place."""
    with engine() as workers:
        context = Context(Release.open(root, workers), "cpu", 0, None)
        counts = Identifiers().attack(context, np.random.default_rng(0))
    return dict(zip(counts.names, (counts.values > 0).sum(axis=0).tolist(), strict=True))


@pytest.fixture
def release(tmp_path) -> Path:
    return write_release(tmp_path, identity=1, seed=0, n_subjects=12, n_records=1, leads=("I",))


def test_the_simulators_headers_hold_dates_and_nothing_else(release):
    assert counted(release) == {"date/header comment": 12}


def test_planted_identifiers_are_counted_by_person(release):
    headers = sorted(release.rglob("*.hea"))
    for header in headers:
        lines = [line for line in header.read_text().splitlines() if "date" not in line]
        header.write_text("\n".join(lines) + "\n")
    assert counted(release) == {}
    for header in headers[:4]:  # two sessions of two people
        header.write_text(header.read_text() + "# Patient name: Anna Miller\n")
    with headers[6].open("a") as file:
        file.write("# the patient felt dizzy that morning\n")
    assert counted(release) == {"name/header comment": 2, "free text/header comment": 1}


def test_a_table_is_read_by_the_names_of_its_columns_and_by_its_cells(release):
    records = [path.relative_to(release).with_suffix("") for path in release.rglob("*.hea")]
    table = pd.DataFrame({"file": records, "nurse": "MM", "remark": "ok", "height": 170})
    table.loc[0, "remark"] = "call 555-123-4567"
    table.to_csv(release / "people.csv", index=False)
    descriptor = yaml.safe_load((release / "auditor.yaml").read_text())
    descriptor["table"] = {"file": "people.csv", "record": ["file"]}
    (release / "auditor.yaml").write_text(yaml.safe_dump(descriptor))
    found = counted(release)
    assert found["name/table"] == 12
    assert found["phone/table"] == 1


def test_a_table_that_no_rule_describes_counts_for_everybody(release):
    pd.DataFrame({"key": ["a"], "surname": ["Miller"]}).to_csv(release / "key.csv", index=False)
    (release / "broken.csv").write_bytes(b"\x00\xff")
    assert counted(release)["name/table without a rule"] == 12


@pytest.mark.data
def test_ecgiddb_gives_every_person_away_by_a_date(data):
    assert counted(data / "ecgiddb")["date/header comment"] == 90


@pytest.mark.data
def test_ludb_holds_one_age_over_89_and_no_direct_identifier(data):
    found = counted(data / "ludb")
    assert found.pop("age over 89/header or table") == 1
    assert found.pop("age over 89/header comment") == 1
    assert {name.partition("/")[0] for name in found} <= {"free text"}


def test_identifiers_are_told_by_class_and_place_and_never_for_fewer_than_ten_people():
    values = np.zeros((50, 3), dtype=np.int64)
    values[:, 0], values[:4, 1], values[:12, 2] = 1, 2, 1
    names = ("date/header comment", "age over 89/header or table", "free text/header comment")
    seen = Identifiers().estimate(Counts(names, values), 0.95, np.random.default_rng)
    found, params = seen.estimates, seen.params
    assert found["direct"].value == 1
    assert found["free_text"].value == pytest.approx(0.24)
    assert "ages_over_89" not in found  # times 50 it would tell that there are four
    assert params["ages_over_89"] == "1 to 9 people"
    assert [hit["people"] for hit in params["hits"]] == [50, "fewer than 10", 12]


def test_no_hit_at_all_is_no_direct_identifier():
    nothing = Counts((), np.zeros((30, 0), dtype=np.int64))
    seen = Identifiers().estimate(nothing, 0.95, np.random.default_rng)
    found, params = seen.estimates, seen.params
    assert found["direct"].value == 0
    assert params["hits"] == []


def test_dates_that_were_moved_into_years_to_come_are_no_identifiers_where_somebody_says_so(
    release,
):
    headers = sorted(release.rglob("*.hea"))
    for header in headers[1:]:
        moved = re.sub(r"(ECG date: \d\d\.\d\d\.)\d{4}", r"\g<1>2189", header.read_text())
        header.write_text(moved)
    assert counted(release) == {"date/header comment": 12}
    with (release / "auditor.yaml").open("a") as described:
        described.write("\nshifted: true\n")
    assert counted(release) == {"date/header comment": 1}
