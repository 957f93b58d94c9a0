"""What names a person is met wherever it stands, and what is ordinary is left in peace."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from auditor.checks.identifiers.check import Identifiers, Sightings
from auditor.checks.identifiers.places import in_tables
from auditor.checks.run import run_check
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
        return met(Release.open(root, workers))


def met(release: Release) -> dict[str, int]:
    seen = Identifiers().attack(Context(release, "cpu", 0, None), np.random.default_rng(0))
    names = [f"{kind}/{where}{'' if sure else '?'}" for kind, where, sure in seen.places]
    return dict(zip(names, seen.met.sum(axis=0).tolist(), strict=True))


def measured(root: Path):
    with engine() as workers:
        context = Context(Release.open(root, workers), "cpu", 0, None)
        return run_check(Identifiers(), context, level=0.95, smallest_cell=10)


def described(root: Path, **more) -> None:
    """Says more of a release."""
    said = yaml.safe_load((root / "auditor.yaml").read_text())
    (root / "auditor.yaml").write_text(yaml.safe_dump(said | more))


def without_dates(root: Path) -> list[Path]:
    """The headers of a release, each without what it says of its day."""
    headers = sorted(root.rglob("*.hea"))
    for header in headers:
        lines = [line for line in header.read_text().splitlines() if "date" not in line]
        header.write_text("\n".join(lines) + "\n")
    return headers


@pytest.fixture
def release(tmp_path) -> Path:
    return write_release(tmp_path, identity=1, seed=0, n_subjects=12, n_records=1, leads=("I",))


def test_the_simulators_headers_hold_dates_and_nothing_else(release):
    assert counted(release) == {"date/header comment": 12}


def test_planted_identifiers_are_counted_by_person(release):
    headers = without_dates(release)
    assert counted(release) == {}
    for header in headers[:4]:  # two sessions of two people
        header.write_text(header.read_text() + "# Patient name: Anna Miller\n")
    with headers[6].open("a") as file:
        file.write("# the patient felt dizzy that morning\n")
    assert counted(release) == {"name/header comment": 2, "free text/header comment?": 1}


def test_a_table_is_read_by_the_names_of_its_columns_and_by_its_cells(release):
    records = [path.relative_to(release).with_suffix("") for path in release.rglob("*.hea")]
    table = pd.DataFrame({"file": records, "nurse": "MM", "remark": "ok", "height": 170})
    table.loc[0, "remark"] = "call 555-123-4567"
    table.to_csv(release / "people.csv", index=False)
    described(release, table={"file": "people.csv", "record": ["file"]})
    found = counted(release)
    assert found["name/table"] == 12
    assert found["phone/table"] == 1


def test_codes_of_their_own_are_told_in_a_column_of_any_name_until_somebody_speaks(release):
    headers = without_dates(release)
    records = [path.relative_to(release).with_suffix("") for path in headers]
    drawn = [f"K{7919 * (at // 2 + 13) % 10**5}Z" for at in range(len(records))]
    table = pd.DataFrame({"file": records, "xq": drawn})
    table["arm"], table["again"] = "A7", [f"{one}.dat" for one in records]
    table["xq"] = table["xq"].where(table.index % 2 == 0, "")
    table.to_csv(release / "people.csv", index=False)
    described(release, table={"file": "people.csv", "record": ["file"]})
    assert counted(release) == {"code, another for each person/table?": 12}
    assert measured(release).estimates["possible"].high == 1
    described(release, cleared={"table column xq": "drawn for this release; no list is kept"})
    assert counted(release) == {}


def test_names_of_signals_and_of_files_beside_are_read_those_of_archives_too(release):
    headers = without_dates(release)
    headers[0].write_text(
        re.sub(r" I$", " recorded by Dr. Miller", headers[0].read_text(), flags=re.M)
    )
    (release / "Patient Lindqvist, Ingeborg.pdf").write_bytes(b"%PDF-1.4\x00\xff")
    with zipfile.ZipFile(release / "old.zip", "w") as packed:
        packed.writestr("MRN_00812345.tif", b"II*\x00\xff\xfe")
    assert counted(release) == {
        "name/signal description": 1,
        "name/name of a file beside": 12,
        "record number/name of a file beside": 12,
    }


def test_a_table_that_no_rule_describes_counts_for_everybody(release):
    pd.DataFrame({"key": ["a"], "surname": ["Miller"]}).to_csv(release / "key.csv", index=False)
    (release / "broken.csv").write_bytes(b"\x00\xff")
    assert counted(release)["name/table without a rule"] == 12


@pytest.mark.data
def test_ecgiddb_gives_every_person_away_by_a_date(real):
    assert met(real("ecgiddb"))["date/header comment"] == 90


@pytest.mark.data
def test_ludb_holds_one_age_over_89_and_no_direct_identifier(real):
    found = met(real("ludb"))
    assert found.pop("age over 89/header or table") == 1
    assert found.pop("age over 89/header comment") == 1
    # "Other states" is a column of diagnoses, and may be one of states.
    assert set(found) == {"free text/header comment?", "free text/table?", "place/table?"}


@pytest.mark.data
def test_of_the_columns_of_ptb_xl_those_that_may_identify_are_met_and_no_others(real):
    """`patient_id` is the pseudonym that the descriptor names; the rest says what was measured."""
    dataset = real("ptb-xl").dataset
    found = {(one.at.rpartition(" ")[2], one.sure) for one in in_tables(dataset)
             if one.where == "table"}  # fmt: skip
    assert {name for name, sure in found if sure} == {"recording_date", "age"}
    assert {name for name, sure in found if not sure} == {"nurse", "site", "validated_by", "report"}


def test_what_may_identify_reaches_from_nobody_to_all_who_have_it(release):
    for number, header in enumerate(without_dates(release)):
        header.write_text(header.read_text() + f"# the patient felt {number} times dizzy\n")
    found = measured(release).estimates["possible"]
    assert (found.value, found.low, found.high) == (1.0, 0.0, 1.0)


def test_a_text_that_ten_people_have_in_common_tells_of_none_of_them(release):
    headers = without_dates(release)
    for header in headers:
        header.write_text(header.read_text() + "# recorded lying down after ten minutes of rest\n")
    assert measured(release).estimates["possible"].value == 0
    for header in headers[20:]:
        header.write_text(header.read_text().replace("lying down", "standing"))
    assert counted(release) == {"free text/header comment?": 2}


def test_an_age_that_is_understood_is_no_free_text(release):
    for number, header in enumerate(without_dates(release)):
        header.write_text(header.read_text() + f"# Patient age: {30 + number} years\n")
    assert counted(release) == {}


def test_somebody_may_say_of_a_place_that_nothing_there_identifies_and_of_nothing_sure(release):
    for header in without_dates(release):
        header.write_text(header.read_text() + f"# felt dizzy on the way to {header.stem}\n")
    described(release, cleared={"header comment": "read by the steward; nobody is named"})
    seen = measured(release)
    assert seen.estimates["possible"].value == 0
    assert seen.params["places_cleared_by_somebody"] == 1
    header = min(release.rglob("*.hea"))
    header.write_text(header.read_text() + "# Patient name: Anna Miller\n")
    assert counted(release) == {"name/header comment": 1}


@pytest.mark.parametrize(
    ("days", "direct"),
    [
        (lambda person: 37 * person, 0.0),
        (lambda person: person % 3, 1.0),
        (lambda person: 7 * 9 * person, 1.0),
    ],
    ids=["shifted", "all in one week", "on working days alone"],
)
def test_shifted_days_are_no_identifiers_where_they_look_shifted(tmp_path, days, direct):
    root = write_release(
        tmp_path, identity=1, seed=0, n_subjects=40, n_sessions=1, n_records=1, leads=("I",)
    )
    for person, header in enumerate(without_dates(root)):
        day = pd.Timestamp("2003-03-03") + pd.Timedelta(days=days(person))
        lines = header.read_text().splitlines()
        lines[0] += f" 09:00:00 {day:%d/%m/%Y}"
        header.write_text("\n".join(lines) + "\n")
    described(root, dates="day-first", session={"header": "date"})
    assert measured(root).estimates["direct"].value == 1
    described(root, shifted=True)
    assert measured(root).estimates["direct"].value == direct


def test_identifiers_are_told_by_class_and_place_and_never_for_fewer_than_ten_people():
    met = np.zeros((50, 3), dtype=np.bool_)
    met[:, 0], met[:4, 1], met[:12, 2] = True, True, True
    places = (
        ("date", "header comment", True),
        ("age over 89", "header or table", True),
        ("free text", "header comment", False),
    )
    seen = Identifiers().estimate(Sightings(places, met), 0.95, np.random.default_rng)
    found, params = seen.estimates, seen.params
    assert found["direct"].value == 1
    assert found["free_text"].value == found["possible"].value == pytest.approx(0.24)
    assert "ages_over_89" not in found  # times 50 it would tell that there are four
    assert params["ages_over_89"] == "1 to 9 people"
    assert [hit["people"] for hit in params["hits"]] == [50, "fewer than 10", 12]


def test_no_hit_at_all_is_no_identifier():
    nothing = Sightings((), np.zeros((30, 0), dtype=np.bool_))
    seen = Identifiers().estimate(nothing, 0.95, np.random.default_rng)
    assert seen.estimates["direct"].value == seen.estimates["possible"].value == 0
    assert seen.params == {"hits": []}


def test_few_people_with_what_may_identify_are_said_and_not_counted():
    few = np.zeros((90, 1), dtype=np.bool_)
    few[:2] = True
    evidence = Sightings((("name", "file name", False),), few)
    seen = Identifiers().estimate(evidence, 0.95, np.random.default_rng)
    assert seen.estimates["possible"].high == 0.1
    assert seen.params["people_to_look_at"] == "1 to 9 people"


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
