"""Who is in a folder, whose each record is, and what cannot be used and why."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from releases import write_release

from auditor.core.errors import ConfigError, DataError
from auditor.data.catalog import catalogue, describe, write_descriptor
from auditor.data.dataset import inspection, open_dataset
from auditor.data.fetch import fetch, verify
from auditor.engine import engine


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


def test_every_catalogue_entry_says_what_it_is_and_how_it_is_recognised():
    for one in catalogue():
        assert one.title, one.name
        assert one.licence, one.name
        assert one.citation, one.name
        assert one.marker, one.name
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
        ("challenge-2021", "cpsc2018", 39, 39, 0),
    ],
)
def test_real_folders_are_recognised_and_counted(
    data, folder, name, people, records, with_sessions
):
    dataset = opened(data / folder)
    sessions = dataset.manifest.groupby("subject")["session"].nunique()
    assert dataset.name == name
    assert len(dataset.quarantine) == 0
    assert (len(sessions), len(dataset.manifest)) == (people, records)
    assert int((sessions > 1).sum()) == with_sessions


@pytest.mark.data
def test_a_persons_first_record_is_the_earliest_and_then_the_lowest_number(data):
    manifest = opened(data / "ecgiddb").manifest
    first = manifest.drop_duplicates("subject").set_index("subject")
    for subject, rows in manifest.groupby("subject"):
        assert rows["taken_at"].is_monotonic_increasing
        same_day = rows[rows["taken_at"] == first.loc[subject, "taken_at"]]
        numbers = same_day["record"].str.extract(r"(\d+)$")[0].astype(int)
        assert numbers.is_monotonic_increasing


@pytest.mark.data
def test_ptbxl_people_ages_and_sexes_come_from_its_table(data):
    dataset = opened(data / "ptb-xl")
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
