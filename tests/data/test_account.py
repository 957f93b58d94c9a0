"""Every file of a folder is read, or known, or said to be not understood."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from auditor.core.unread import by_kind, in_words
from auditor.data.catalog import describe
from auditor.data.dataset import Dataset, open_dataset
from auditor.engine import engine
from tests.releases import write_release

LICENCE = "MIT License\n\nPermission is hereby granted, free of charge, to any person\n"
NAMES = "key,first_name,surname\np01,Ingeborg,Müller\np02,René,Gonçalves\n"


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("clean")
    return write_release(root, identity=1, seed=0, n_subjects=2, n_records=1)


@pytest.fixture
def release(clean, tmp_path) -> Path:
    return shutil.copytree(clean, tmp_path / "release")


def opened(root: Path) -> Dataset:
    with engine() as workers:
        return open_dataset(root, describe(root), engine=workers)


def unread(root: Path) -> dict[str, int]:
    return by_kind(opened(root).unread)


def say(root: Path, **keys) -> None:
    path = root / "auditor.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))


def zipped(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, one in members.items():
            archive.writestr(name, one)
    return content.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, one in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(one)
            archive.addfile(entry, io.BytesIO(one))
    return content.getvalue()


def test_of_a_clean_release_nothing_is_left_unread(release):
    dataset = opened(release)
    assert dataset.unread == ()
    assert dataset.account.files == {"recording": 8, "settings": 1, "ignored": 1}


STRAYS = [
    ("patients.csv", NAMES.encode("cp1252"), "table"),
    ("participants.tsv", NAMES.replace(",", "\t").encode(), "table"),
    ("meta/deep/patients.csv", NAMES.encode(), "table"),
    (".hidden/patients.txt", NAMES.replace(",", ";").encode("utf-16"), "table"),
    ("patients.json", b'[{"name": "Ingeborg"}]', "table"),
    ("README.md", b"# Data\nWritten by the ward.\n", "text"),
    ("notes", "Müller, Ingeborg was here".encode(), "text"),
    ("LICENSE", NAMES.encode(), "table"),
    ("LICENSE.txt", b"Ingeborg lives here.", "text"),
    ("SHA256SUMS", b"Ingeborg\n", "text"),
    ("RECORDS2", b"Ingeborg\n", "text"),
    ("SHA256SUMS", b"0" * 64 + b"  a.dat\nIngeborg was here\n", "text"),
    ("MD5SUMS", (b"0" * 32 + b"  a.dat\n") * 3000 + b"Ingeborg was here\n", "text"),
    ("p0001/s1_r1.txt", b"Ingeborg was here\n", "text"),
    ("p0001/s1_r1.pdf", b"%PDF-1.4\n\x00\x01\x02" + bytes(range(256)), "file"),
    ("scan.pdf", b"%PDF-1.4\n\x00\x01\x02\xff\xfe" + bytes(range(256)), "file"),
    (".DS_Store", b"\x00\x00\x00\x01Bud1" + bytes(64), "file"),
    ("broken.zip", b"PK\x03\x04 no archive", "archive"),
    ("all.zip", zipped({"a/patients.csv": NAMES.encode()}), "table"),
    ("all.tar.gz", tarred({"patients.csv": NAMES.encode(), "x.bin": b"\x00\x01" * 99}), "file"),
    ("patients.csv.gz", gzip.compress(NAMES.encode()), "table"),
]


@pytest.mark.parametrize(("name", "content", "kind"), STRAYS, ids=[name for name, *_ in STRAYS])
def test_what_nobody_has_spoken_of_is_counted(release, name, content, kind):
    path = release / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert unread(release).get(kind) == 1


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("LICENSE", LICENCE.encode(), "a licence"),
        ("SHA256SUMS.txt", b"0" * 64 + b"  p0001/s1_r1.dat\n", "checksums"),
        ("empty.log", b"", "empty"),
        ("MD5SUMS", (b"0" * 32 + b"  a.dat\n") * 3000, "checksums"),
    ],
)
def test_what_tells_of_nobody_by_its_content_is_ignored_with_a_reason(release, name, content, why):
    (release / name).write_bytes(content)
    dataset = opened(release)
    assert dataset.unread == ()
    assert dataset.account.ignored[why] == 1


def test_a_steward_may_speak_of_a_file(release):
    (release / "meta").mkdir()
    (release / "meta" / "patients.csv").write_text(NAMES)
    (release / "README.md").write_text("# Data\n")
    say(release, reviewed=["README.md"], excluded=["meta"])
    dataset = opened(release)
    assert dataset.unread == ()
    assert (dataset.account.files["excluded"], dataset.account.reviewed) == (1, 1)
    say(release, reviewed=["*.md"], excluded=["meta/*.csv"])
    assert opened(release).unread == ()


def test_links_are_said_and_not_followed(release, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "patients.csv").write_text(NAMES)
    os.symlink(secret, release / "folder")
    os.symlink(secret / "patients.csv", release / "file.csv")
    os.symlink(release / "itself", release / "itself")
    os.symlink(release / "RECORDS", release / "again")
    dataset = opened(release)
    assert by_kind(dataset.unread) == {"file": 3}
    assert dataset.account.ignored["a link to another file of the folder"] == 1
    assert not list(dataset.stray_tables())


def test_the_account_adds_up_to_the_files_on_disk(release):
    for name, content in {
        "a.csv": NAMES.encode(), "b.tsv": b"a\tb\n1\t2\n", "c/d.json": b"[1]", "e.md": b"# e",
        "f.pdf": bytes(range(256)), ".g": b"g is a letter", "LICENSE": LICENCE.encode(),
    }.items():  # fmt: skip
        (release / name).parent.mkdir(exist_ok=True)
        (release / name).write_bytes(content)
    n_files = sum(len(files) for _, _, files in os.walk(release))
    assert sum(opened(release).account.files.values()) == n_files


def test_files_of_an_archive_count_beside_the_archive(release):
    (release / "x.zip").write_bytes(zipped({"a.csv": NAMES.encode(), "b.md": b"# b", "c": b""}))
    before = sum(opened(release).account.files.values())
    (release / "x.zip").unlink()
    assert before - sum(opened(release).account.files.values()) == 4


def test_an_archive_that_unpacks_to_far_more_is_bounded(release):
    (release / "bomb.zip").write_bytes(zipped({"a.csv": b"a,b\n" + b"1,2\n" * 100}) + b"")
    with zipfile.ZipFile(release / "large.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(80 << 20))
    assert unread(release)["file"] == 1


def test_what_was_not_understood_is_told_in_words():
    assert in_words({"file": 2, "age": 24}) == "2 files and 24 ages"
    assert in_words({"text": 1}) == "1 text that nobody has read"


def test_a_model_that_is_audited_too_is_known(release):
    (release / "model").mkdir()
    for name in ("m.json", "model/encoder.json"):
        (release / name).write_bytes(b"{}")
    assert unread(release) == {"table": 2}
    models = [release / "m.json", release / "model"]
    with engine() as workers:
        dataset = open_dataset(release, describe(release), engine=workers, models=models)
    assert dataset.unread == ()
    assert dataset.account.files["model"] == 2
    with engine() as workers:
        same = open_dataset(release, describe(release), engine=workers, models=[release])
    assert by_kind(same.unread) == {"table": 2}


def test_what_a_model_yaml_names_is_known(release):
    (release / "model.yaml").write_text("task: af\nfile: m.json\nmembers: rows.csv\n")
    (release / "m.json").write_text("{}")
    (release / "rows.csv").write_text(NAMES)
    dataset = opened(release)
    assert dataset.unread == ()
    assert dataset.account.files["model"] == 2
