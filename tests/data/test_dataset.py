"""Who is in a folder, whose each record is, and what cannot be used and why."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from auditor.core.errors import ConfigError, DataError
from auditor.core.unread import by_kind
from auditor.data.catalog import catalogue, describe, write_descriptor
from auditor.data.dataset import open_dataset
from auditor.data.fetch import fetch, verify
from auditor.data.inspection import inspection, proposed
from auditor.data.readers import READERS
from auditor.data.readers.base import matches
from auditor.engine import engine
from tests.data import writers
from tests.manual import settings
from tests.releases import write_release


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    return write_release(
        tmp_path_factory.mktemp("release"), identity=1, seed=0, n_subjects=4, n_records=1
    )


def opened(root: Path, **flags):
    with engine() as workers:
        return open_dataset(root, describe(root, **flags), engine=workers)


def test_a_described_folder_is_read_as_it_says(release):
    dataset = opened(release)
    assert len(dataset.manifest) == 8
    assert dataset.manifest["subject"].nunique() == 4
    assert (dataset.manifest.groupby("subject")["session"].nunique() == 2).all()
    assert dataset.manifest[["age", "sex", "taken_at"]].notna().all(axis=None)
    record = dataset.read(dataset.manifest["record"][0])
    assert record.leads == ("I", "II")
    assert record.subject == dataset.manifest["subject"][0]


def test_a_folder_nobody_describes_counts_each_record_as_a_person_and_says_so(release, tmp_path):
    bare = shutil.copytree(release, tmp_path / "bare")
    (bare / "auditor.yaml").unlink()
    dataset = opened(bare)
    assert not dataset.manifest["subject_known"].any()
    assert dataset.manifest["subject"].is_unique
    assert any("NOT KNOWN" in line for line in inspection(dataset))
    told = opened(bare, subject_pattern=r"p(\d+)/", session_pattern=r"s(\d+)_")
    assert told.manifest["subject"].nunique() == 4
    assert set(told.manifest["session"]) == {"1", "2"}


def test_a_table_says_whose_records_are(release, tmp_path):
    bare = shutil.copytree(release, tmp_path / "bare")
    (bare / "auditor.yaml").unlink()
    records = opened(release).manifest["record"]
    table = pd.DataFrame({"file": records, "who": [f"{n // 2}.0" for n in range(8)], "age": 44})
    table.to_csv(bare / "people.csv", index=False)
    flags = {"table": "people.csv", "record_column": "file", "subject_column": "who"}
    dataset = opened(bare, **flags, age_column="age")
    assert sorted(set(dataset.manifest["subject"])) == ["0", "1", "2", "3"]
    assert (dataset.manifest["age"] == 44).all()
    with pytest.raises(DataError, match="no column 'nobody'"):
        opened(bare, **flags | {"subject_column": "nobody"})
    with pytest.raises(DataError, match="no such table"):
        opened(bare, **flags | {"table": "nothing.csv"})
    with pytest.raises(DataError, match="outside"):
        opened(bare, **flags | {"table": "../people.csv"})


def test_the_fingerprint_is_of_the_contents_and_not_of_the_place(release, tmp_path):
    copy = shutil.copytree(release, tmp_path / "elsewhere")
    assert opened(copy).fingerprint == opened(release).fingerprint
    signal = sorted(copy.rglob("*.dat"))[0]
    samples = bytearray(signal.read_bytes())
    samples[100] ^= 1
    signal.write_bytes(samples)
    assert opened(copy).fingerprint != opened(release).fingerprint


def test_what_cannot_be_used_is_in_quarantine_with_its_reason(release, tmp_path):
    copy = shutil.copytree(release, tmp_path / "copy")
    truncated, flat, missing = sorted(copy.rglob("*.dat"))[:3]
    size = flat.stat().st_size // 2
    truncated.write_bytes(truncated.read_bytes()[:100])
    np.full(size, 7, dtype="<i2").tofile(flat)
    np.full(size, -32768, dtype="<i2").tofile(missing)
    dataset = opened(copy)
    assert len(dataset.manifest) == 5
    reasons = " ".join(dataset.quarantine["reason"])
    for word in ("truncated", "flat", "missing"):
        assert word in reasons


def bare(root: Path, **comments: str) -> Path:
    """Records of one lead without a descriptor, by name; `__` stands for a folder."""
    wave = (300 * np.sin(np.arange(2000) / 9)).astype("<i2")
    for number, (name, comment) in enumerate(comments.items()):
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        (wave + number).astype("<i2").tofile(path.with_suffix(".dat"))
        path.with_suffix(".hea").write_text(
            f"{path.name} 1 250 2000\n{path.name}.dat 16 1000/mV 16 0 0 0 0 II\n{comment}"
        )
    return root


def test_a_file_name_that_several_people_share_is_nobodys(tmp_path):
    root = bare(tmp_path, a__r="", b__r="", c__r="", d__only="")
    flags = {"table": "people.csv", "subject_column": "who"}
    (root / "people.csv").write_text("record,who\nx/a/r,A\nb/r,B\nr,nobody\nonly,D\n")
    people = opened(root, **flags).manifest.set_index("record")["subject"]
    assert people.to_dict() == {"a/r": "A", "b/r": "B", "c/r": "record c/r", "d/only": "D"}


def test_the_fingerprint_is_not_of_the_folders_name(tmp_path):
    root = bare(tmp_path / "here", r="")
    there = shutil.copytree(root, tmp_path / "there")
    assert opened(root).fingerprint == opened(there).fingerprint
    assert opened(root).fingerprint != opened(root, subject_pattern="(r)").fingerprint


def test_a_person_with_one_undated_record_counts_as_one_session(tmp_path):
    root = bare(tmp_path, p1_a="# ECG date: 01.02.2003\n", p1_b="", p2_a="# ECG date: 01.02.2003\n")
    manifest = opened(root, subject_pattern=r"p(\d)").manifest
    assert manifest["session"].tolist() == ["1", "1", "2003-02-01"]
    assert manifest["session_known"].tolist() == [False, False, True]


def test_dates_that_were_shifted_centuries_ahead_still_part_sessions(tmp_path):
    root = bare(tmp_path, p_a="# ECG date: 04.05.2704\n", p_b="# ECG date: 03.05.2704\n")
    manifest = opened(root, subject_pattern="(p)").manifest
    assert manifest["record"].tolist() == ["p_b", "p_a"]
    assert manifest["session"].tolist() == ["2704-05-03", "2704-05-04"]
    assert manifest["taken_at"].isna().all()


def test_an_age_that_the_header_gives_in_full_is_not_taken_for_pooled(tmp_path):
    root = bare(tmp_path, old="# Age: 93\n", pooled="")
    (root / "t.csv").write_text("record,age\nold,>89\npooled,>89\n")
    manifest = opened(root, table="t.csv", age_column="age").manifest
    assert manifest["age"].tolist() == [93, 90]
    assert manifest["age_pooled"].tolist() == [False, True]


def test_numbered_files_of_a_hospital_are_not_taken_for_a_public_set(tmp_path):
    dataset = opened(bare(tmp_path / "ward", **{"16001": "", "16265": ""}))
    assert dataset.name == "ward"
    assert not dataset.manifest["subject_known"].any()
    assert opened(bare(tmp_path / "b", **{"16265": "", "19088": ""})).name == "nsrdb"


def test_dates_of_a_conversion_are_not_dates_of_a_recording(tmp_path):
    root = bare(tmp_path, A0001="", A0002="")
    for path in root.glob("*.hea"):
        path.write_text(path.read_text().replace("2000\n", "2000 12-May-2020 12:33:59\n", 1))
    dataset = opened(root)
    assert dataset.name == "cpsc2018"
    assert dataset.manifest["taken_at"].isna().all()


def test_a_reader_that_breaks_on_one_record_does_not_stop_the_scan(tmp_path, monkeypatch):
    reader = READERS["wfdb"]

    def read(root: Path, record: str):
        if record == "b":
            raise RuntimeError("Smith")
        return type(reader).read(reader, root, record)

    monkeypatch.setattr(reader, "read", read)
    dataset = opened(bare(tmp_path, a="", b=""))
    assert dataset.manifest["record"].tolist() == ["a"]
    assert dataset.quarantine["reason"].tolist() == ["cannot be understood (RuntimeError)"]


def device_files(root: Path, people: list[str]) -> Path:
    """Recorders' files of two formats in turn, each stating a person."""
    root.mkdir(exist_ok=True)
    for number, person in enumerate(people):
        counts = writers.counts(seed=number)
        path = root / f"{number}.bin"
        if number % 2:
            writers.dicom(path, [{"counts": counts, "leads": (1, 2)}], PatientID=person)
        else:
            writers.scp(path, counts, tags={2: person.encode() + b"\x00"})
    return root


def test_a_persons_records_are_those_whose_files_state_them(tmp_path):
    root = device_files(tmp_path / "export", ["PX-7", "PX-7", "PX-8", "PX-9"])
    (root / "auditor.yaml").write_text("subject: {header: id, same: {PX-9: PX-8}}")
    dataset = opened(root)
    by_record = dict(zip(dataset.manifest["record"], dataset.manifest["subject"], strict=True))
    assert by_record == {"0.bin": "PX-7", "1.bin": "PX-7", "2.bin": "PX-8", "3.bin": "PX-8"}
    assert dataset.manifest["subject_known"].all()
    assert dataset.unread == ()
    assert "person" not in dataset.manifest


def test_a_file_that_states_nobody_is_counted(tmp_path):
    root = device_files(tmp_path / "export", ["PX-7", "PX-7", "", "unknown", "PX-8"])
    (root / "auditor.yaml").write_text("subject: {header: id}")
    dataset = opened(root)
    assert by_kind(dataset.unread) == {"person": 2}
    assert dataset.manifest["subject"].nunique() == 4
    assert (~dataset.manifest["subject_known"]).sum() == 2


def test_numbers_that_may_be_one_persons_are_refused_in_files_too(tmp_path):
    root = device_files(tmp_path / "export", ["0007", "7"])
    (root / "auditor.yaml").write_text("subject: {header: id}")
    with pytest.raises(DataError, match="zeros before their number") as refused:
        opened(root)
    assert "0007" not in str(refused.value).replace("as 0007 and 7", "")


def test_inspect_proposes_the_people_that_all_files_state_and_reads_them_back(tmp_path):
    root = device_files(tmp_path / "export", ["PX-7", "PX-7", "PX-8"])
    dataset = opened(root)
    assert not dataset.manifest["subject_known"].any()
    assert any("subject: {header: id}" in line for line in inspection(dataset))
    write_descriptor(proposed(dataset), root / "auditor.yaml")
    assert opened(root).manifest["subject"].nunique() == 2
    shown = "\n".join(inspection(dataset))
    assert "PX-7" not in shown


@pytest.mark.parametrize("people", [["PX-7", "PX-7"], ["PX-7", "", "PX-8"]])
def test_inspect_proposes_no_rule_that_would_be_wrong(tmp_path, people):
    dataset = opened(device_files(tmp_path / "export", people))
    assert proposed(dataset) == dataset.descriptor


@pytest.mark.parametrize("pattern", ["p0001/", "p0001", "p0001/*", "*/s1_*", "p0001/s1_r1.hea"])
def test_recordings_that_are_excluded_are_not_of_the_release(release, tmp_path, pattern):
    whole = opened(release)
    copy = shutil.copytree(release, tmp_path / "copy")
    hidden = [one for one in whole.manifest["record"] if matches(one, (pattern,))]
    hidden = hidden or [pattern.removesuffix(".hea")]
    said = yaml.safe_load((copy / "auditor.yaml").read_text())
    (copy / "auditor.yaml").write_text(yaml.safe_dump({**said, "excluded": [pattern]}))
    dataset = opened(copy)
    assert set(dataset.manifest["record"]) == set(whole.manifest["record"]) - set(hidden)
    assert dataset.n_left_out == 0
    assert dataset.fingerprint != whole.fingerprint
    n_files = 1 if pattern.endswith(".hea") else 2
    assert dataset.account.files["excluded"] == n_files * len(hidden)
    # What is left of a record whose header alone is excluded is nobody's recording.
    assert dataset.account.files.get("not understood", 0) == (2 - n_files) * len(hidden)


def test_a_record_of_which_only_the_signal_is_excluded_is_in_quarantine(release, tmp_path):
    copy = shutil.copytree(release, tmp_path / "copy")
    said = yaml.safe_load((copy / "auditor.yaml").read_text())
    (copy / "auditor.yaml").write_text(yaml.safe_dump({**said, "excluded": ["p0001/s1_*.dat"]}))
    assert list(opened(copy).quarantine["reason"]) == [
        "only some of its files are under excluded: name all of them there"
    ]


def test_a_release_of_which_all_is_excluded_is_one_clear_line(release, tmp_path):
    copy = shutil.copytree(release, tmp_path / "copy")
    (copy / "auditor.yaml").write_text("excluded: '*'")
    with pytest.raises(DataError, match=r"excluded in auditor\.yaml names every recording"):
        opened(copy)


def test_tables_that_no_rule_describes_are_named_by_inspect(tmp_path):
    root = bare(tmp_path, a="")
    (root / "patients.csv").write_text("name\nAnna\n")
    assert any("patients.csv" in line for line in inspection(opened(root)))


@pytest.mark.parametrize("make", ["absent", "empty", "no ECG"])
def test_a_folder_that_holds_nothing_is_one_clear_line(tmp_path, make):
    root = tmp_path / "release"
    if make != "absent":
        root.mkdir()
    if make == "no ECG":
        (root / "notes.txt").write_text("")
    with pytest.raises(DataError, match=str(root)):
        opened(root)


@pytest.mark.parametrize(
    "text",
    ["subject: {path: '('}", "subjekt: {path: p}", "- a list", "subject: {}", "a: [", "reader: 7"],
)
def test_a_wrong_descriptor_is_one_clear_line(release, tmp_path, text):
    copy = shutil.copytree(release, tmp_path / "copy")
    (copy / "auditor.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        opened(copy)
    assert "\n" not in str(error.value)


def test_a_written_descriptor_is_read_back(release, tmp_path):
    dataset = opened(release)
    write_descriptor(dataset.descriptor, tmp_path / "auditor.yaml")
    copy = shutil.copytree(release, tmp_path / "copy")
    shutil.copy(tmp_path / "auditor.yaml", copy / "auditor.yaml")
    assert describe(copy) == dataset.descriptor


def test_the_descriptor_of_the_manual_is_read_as_it_stands(tmp_path):
    (told,) = settings("reader")
    (tmp_path / "auditor.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    seen = describe(tmp_path)
    assert seen.name == tmp_path.name
    kept = seen.model_dump(exclude_defaults=True, exclude={"name"}, mode="json")
    assert kept | {"reader": seen.reader} == told


def test_every_catalogue_entry_says_what_it_is_and_how_it_is_recognised():
    for one in catalogue():
        assert one.title, one.name
        assert one.licence, one.name
        assert one.citation, one.name
        assert one.marker or one.names, one.name
    names = {one.name for one in catalogue()}
    assert {"ecgiddb", "mitdb", "nsrdb", "ptbdb", "ptb-xl", "ludb", "qtdb"} <= names
    assert {"mimic-iv-ecg", "code-15"} <= names


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "name", "people", "records", "with_sessions"),
    [
        ("ecgiddb", "ecgiddb", 90, 310, 20),
        ("ludb", "ludb", 150, 150, 0),
        ("mitdb", "mitdb", 18, 19, 0),
        ("qtdb", "qtdb", 14, 14, 0),
        ("ptb-xl", "ptb-xl", 466, 500, 19),
        ("cpsc2021", "cpsc2021", 6, 18, 0),
        ("challenge-2021", "challenge-2021", 39, 39, 0),
    ],
)
def test_real_folders_are_recognised_and_counted(
    real, folder, name, people, records, with_sessions
):
    dataset = real(folder).dataset
    sessions = dataset.manifest.groupby("subject")["session"].nunique()
    assert dataset.name == name
    assert len(dataset.quarantine) == 0
    assert (len(sessions), len(dataset.manifest)) == (people, records)
    assert int((sessions > 1).sum()) == with_sessions


@pytest.mark.data
def test_heartprint_is_recognised_without_a_word_and_its_third_session_is_of_both_hands(
    data, tmp_path
):
    root = tmp_path / "copy"
    shutil.copytree(
        data / "heartprint-dev", root, ignore=shutil.ignore_patterns("*.yaml", "SHA256SUMS")
    )
    dataset = opened(root)
    by_person = dataset.manifest.groupby("subject")
    assert dataset.name == "heartprint"
    assert dataset.manifest[["subject_known", "session_known"]].all(axis=None)
    assert (by_person.ngroups, len(dataset.manifest), len(dataset.quarantine)) == (95, 673, 0)
    # Counted from the names of the files: 95 people have s1, s2, and s3R or s3L.
    names = [(one.parent.name, one.name[:2]) for one in root.rglob("*.hea")]
    assert by_person["session"].nunique().sum() == len(set(names)) == 241
    assert set(dataset.manifest["session"]) == {"s1", "s2", "s3"}
    assert set(dataset.manifest["leads"]) == {"I"}
    assert set(dataset.manifest["fs"]) == {250.0}
    assert dataset.unread == ()


def test_uk_biobanks_bulk_files_are_recognised_by_their_names(tmp_path):
    for name in ("1000012_20205_2_0", "1000012_20205_3_0", "1000034_20205_2_0"):
        writers.cardiosoft(tmp_path / f"{name}.xml", writers.counts())
    dataset = opened(tmp_path)
    assert dataset.name == "uk-biobank-ecg"
    seen = dict(dataset.manifest.groupby("subject")["session"].nunique())
    assert seen == {"1000012": 2, "1000034": 1}


@pytest.mark.data
def test_a_persons_first_record_is_the_earliest_and_then_the_lowest_number(real):
    manifest = real("ecgiddb").dataset.manifest
    first = manifest.drop_duplicates("subject").set_index("subject")
    for subject, rows in manifest.groupby("subject"):
        assert rows["taken_at"].is_monotonic_increasing
        same_day = rows[rows["taken_at"] == first.loc[subject, "taken_at"]]
        numbers = same_day["record"].str.extract(r"(\d+)$")[0].astype(int)
        assert numbers.is_monotonic_increasing


@pytest.mark.data
def test_ptbxl_people_ages_and_sexes_come_from_its_table(data, real):
    dataset = real("ptb-xl").dataset
    table = pd.read_csv(data / "ptb-xl" / "ptbxl_database.csv")
    manifest = dataset.manifest.set_index("record")
    for row in table.sample(25, random_state=0).itertuples():
        ours = manifest.loc[row.filename_lr]
        assert ours["subject"] == str(int(row.patient_id))
        assert ours["sex"] == ("female" if row.sex else "male")
        assert np.isnan(ours["age"]) if np.isnan(row.age) else ours["age"] == row.age
        assert str(ours["session"]) == row.recording_date[:10]


@pytest.mark.data
def test_files_are_verified_against_their_publishers_list(data, tmp_path):
    copy = shutil.copytree(data / "cpsc2021", tmp_path / "copy")
    listed = (copy / "SHA256SUMS").read_text()
    assert verify(copy) == []
    (copy / "data_8_2.hea").write_text("other")
    (copy / "data_8_3.dat").unlink()
    assert sorted(verify(copy)) == [("data_8_2.hea", "differs"), ("data_8_3.dat", "absent")]
    assert listed


def test_a_download_resumes_and_refuses_what_disagrees(tmp_path, release):
    from hashlib import sha256

    source = {"a.hea": b"one", "d/b.dat": b"two"}
    sums = "".join(f"{sha256(body).hexdigest()} {name}\n" for name, body in source.items())
    asked = []

    def download(place: str, root: Path, file: str) -> None:
        asked.append(file)
        (root / file).write_bytes(sums.encode() if "SHA256" in file else source[file])

    one = next(one for one in catalogue() if one.name == "ecgiddb")
    fetch(one, tmp_path, lambda done, total: None, download)
    assert verify(tmp_path) == []
    (tmp_path / "a.hea").write_bytes(b"half")
    asked.clear()
    fetch(one, tmp_path, lambda done, total: None, download)
    assert asked == ["SHA256SUMS.txt", "a.hea"]
    source["a.hea"] = b"tampered"
    (tmp_path / "a.hea").unlink()
    with pytest.raises(DataError, match="SHA-256"):
        fetch(one, tmp_path, lambda done, total: None, download)
    assert not (tmp_path / "a.hea").exists()


def test_a_download_that_fails_says_how_to_go_on(tmp_path):
    def download(place: str, root: Path, file: str) -> None:
        raise ConnectionError("no network")

    one = next(one for one in catalogue() if one.name == "ecgiddb")
    with pytest.raises(DataError, match="fetch again"):
        fetch(one, tmp_path, lambda done, total: None, download)


@pytest.mark.data
def test_records_that_stand_at_another_rate_are_left_out_and_said(real):
    dataset = real("ptb-xl").dataset
    assert dataset.n_left_out == 59
    assert any("59 records" in line for line in inspection(dataset))


@pytest.mark.data
def test_ludb_ages_are_those_of_its_headers_and_of_its_table(real):
    dataset = real("ludb").dataset
    old = dataset.manifest.set_index("record").loc["data/34"]
    assert (old["age"], old["age_pooled"]) == (90, False)
    companion = dataset.companion()
    assert companion is not None
    assert len(companion.table) == len(companion.manifest) == 150


@pytest.mark.data
def test_odd_records_are_read_or_refused_each_for_its_reason(real):
    dataset = real("wfdb-samples").dataset
    kept = set(dataset.manifest["record"])
    assert {"a103l-no-len", "mixedsignals", "s0010_re"} <= kept
    why = dataset.quarantine.set_index("record")["reason"]
    assert "absent" in why["multi-segment/p000878/p000878-2137-10-26-16-57"]
    assert "flat" in why["flac_3_constant"]
