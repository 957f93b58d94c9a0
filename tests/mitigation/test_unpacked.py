"""Archives are cleaned as the folders they were, and none that is hostile is unpacked."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.cli import main
from auditor.mitigation.unpacked import unpacked
from tests.data import writers
from tests.data.test_devices import COUNTS
from tests.mitigation.cleaned import everything, identifiers, opened, table


@pytest.fixture
def export(tmp_path) -> Path:
    """Three people, two of them in archives, with a table and a rule about all."""
    root = tmp_path / "export"
    (root / "p1").mkdir(parents=True)
    writers.ishne(root / "p1" / "a.ecg", COUNTS)
    writers.ishne(tmp_path / "b.ecg", COUNTS + 1)
    writers.ishne(tmp_path / "c.ecg", COUNTS + 2)
    with zipfile.ZipFile(root / "2019.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "b.ecg", "p2/b.ecg")
        archive.writestr("p2/notes.txt", "Agatha Christie slept badly.")
    with tarfile.open(root / "2020.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "c.ecg", "p3/c.ecg")
    for one in ("b.ecg", "c.ecg"):
        os.remove(tmp_path / one)
    (root / "people.csv").write_text("file,age\na.ecg,91\nb.ecg,40\nc.ecg,50\n")
    (root / "auditor.yaml").write_text(
        "subject: {path: '(p\\d)/'}\ntable: {file: people.csv, record: [file], age: age}\n"
    )
    return root


def test_recordings_of_archives_are_cleaned_too(export, tmp_path):
    done = CliRunner().invoke(main, ["clean", str(export), str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "3 records of 3 people" in done.output
    assert opened(tmp_path / "out").manifest["subject"].nunique() == 3
    assert sorted(table(tmp_path / "out")["age"]) == ["40", "50", ">89"]
    assert identifiers(tmp_path / "out") == {}
    whole = everything(tmp_path / "out")
    assert not [one for one in (b"2019", b"2020", b"Christie", b"notes") if one in whole]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export", "out", "out.key"]


def test_a_folder_without_archives_is_taken_as_it_is(tmp_path):
    with unpacked(tmp_path, tmp_path / "out") as root:
        assert root == tmp_path


def test_an_archive_that_is_excluded_stays_one(export, tmp_path):
    with (export / "auditor.yaml").open("a") as described:
        described.write("excluded: ['*.zip']\n")
    with unpacked(export, tmp_path / "out") as root:
        assert (root / "2019.zip").is_file()
        assert (root / "2020.tar.gz" / "p3" / "c.ecg").is_file()
    assert not root.exists()


def link(archive: tarfile.TarFile) -> None:
    one = tarfile.TarInfo("inner")
    one.type, one.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive.addfile(one)


def above(archive: tarfile.TarFile) -> None:
    one = tarfile.TarInfo("../../above.txt")
    one.size = 4
    archive.addfile(one, io.BytesIO(b"here"))


def bomb(archive: tarfile.TarFile) -> None:
    one = tarfile.TarInfo("zeros")
    one.size = 1 << 26
    archive.addfile(one, io.BytesIO(bytes(1 << 26)))


def twice(archive: tarfile.TarFile) -> None:
    for text in (b"one", b"two"):
        one = tarfile.TarInfo("same")
        one.size = 3
        archive.addfile(one, io.BytesIO(text))


@pytest.mark.parametrize("fill", [link, above, bomb, twice])
def test_a_hostile_archive_is_not_unpacked(tmp_path, fill):
    root = tmp_path / "export"
    root.mkdir()
    with tarfile.open(root / "one.tar.gz", "w:gz") as archive:
        fill(archive)
    with unpacked(root, tmp_path / "out") as place:
        assert [one.name for one in place.rglob("*")] == ["one.tar.gz"]
        assert (place / "one.tar.gz").is_file()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export"]


def test_a_broken_archive_stays_one(export, tmp_path):
    whole = (export / "2019.zip").read_bytes()
    (export / "2019.zip").write_bytes(whole[: len(whole) // 2])
    shutil.copy(export / "people.csv", export / "people.tar")
    with unpacked(export, tmp_path / "out") as root:
        assert (root / "2019.zip").is_file()
        assert (root / "people.tar").is_file()
