"""What an audit did not understand, or could not measure, is no pass: as a gate sees it."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from tests.data.test_devices import FORMATS
from tests.releases import write_release

PEOPLE = [("Ingeborg", "Müller-Lindqvist"), ("Aoife", "O'Dwyer"), ("René", "Gonçalves")] * 4
PROFILE = {
    "title": "what travels beside the signals",
    "context": "for a test",
    "population": 1000,
    "rules": [
        {"id": "coverage", "check": "coverage", "estimate": "records_left_out", "limit": 0.05,
         "basis": "our default: a test"},
        {"id": "names", "check": "identifiers", "estimate": "direct", "limit": 0,
         "basis": "our default: a test"},
        {"id": "old", "check": "identifiers", "estimate": "ages_over_89", "limit": 0,
         "basis": "our default: a test"},
    ],
}  # fmt: skip
PRESET = {
    "title": "counted alone", "max_seconds": 30, "linkage_views": [], "attribute_views": [],
    "protocols": ["cross-session"], "training": None, "checks": ["identifiers"],
}  # fmt: skip


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """Twelve people whose headers say nothing of them."""
    root = write_release(
        tmp_path_factory.mktemp("clean"), identity=1, seed=0, n_subjects=12, n_records=1,
        leads=("II",),
    )  # fmt: skip
    for header in root.rglob("*.hea"):
        lines = header.read_text().splitlines()
        header.write_text("\n".join(line for line in lines if not line.startswith("#")) + "\n")
    return root


@pytest.fixture
def release(clean, tmp_path) -> Path:
    return shutil.copytree(clean, tmp_path / "release")


def scan(root: Path, profile: dict = PROFILE) -> tuple[int, dict]:
    for name, said in (("profile", profile), ("preset", PRESET)):
        (root.parent / f"{name}.yaml").write_text(yaml.safe_dump(said))
    out = root.parent / "out"
    done = CliRunner().invoke(
        main,
        [
            *("scan", str(root), "--profile", str(root.parent / "profile.yaml"), "--quiet"),
            *("--preset", str(root.parent / "preset.yaml"), "--out", str(out)),
        ],
    )
    return done.exit_code, json.loads((out / "audit.json").read_text("utf-8"))


def outcomes(audit: dict) -> dict[str, str]:
    return {rule["id"]: rule["outcome"] for rule in audit["verdict"]["rules"]}


def listed(mark: str = ",", remark: str = "well") -> str:
    head = mark.join(("key", "first_name", "surname", "mail", "mrn", "remark"))
    rows = [
        mark.join((f"p{n:02d}", first, last, f"{first}@example.org".lower(), f"008{n:04d}", remark))
        for n, (first, last) in enumerate(PEOPLE)
    ]
    return "\n".join([head, *rows]) + "\n"


def test_a_release_that_is_understood_passes(release):
    status, audit = scan(release)
    assert status == 0, audit["verdict"]
    assert audit["release"]["unread"] == {}
    assert audit["release"]["files"] == {"recording": 48, "settings": 1, "ignored": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("patients.csv", listed().encode()),
        ("patients.csv", listed().encode("cp1252")),
        ("patients.csv", listed(";").encode("utf-16")),
        ("patients.csv", listed().replace("0080002,well", "0080002,well, since May").encode()),
        ("participants.tsv", listed("\t").encode()),
        ("meta/.lists/patients.csv", listed().encode()),
        ("patients.txt", listed("|").encode("cp1252")),
    ],
    ids=["utf-8", "cp1252", "utf-16", "ragged", "tsv", "hidden folder", "bars"],
)
def test_a_list_of_patients_fails_in_whatever_form_a_table_has(release, name, content):
    (release / name).parent.mkdir(parents=True, exist_ok=True)
    (release / name).write_bytes(content)
    status, audit = scan(release)
    assert status == 1
    assert outcomes(audit)["names"] == "fail"
    assert "Lindqvist" not in json.dumps(audit, ensure_ascii=False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("patients.docx", b"PK\x03\x04 Ingeborg" + bytes(99)),
        ("patients.rtf", rb"{\rtf1 Ingeborg M\'fcller}"),
        ("patients.txt", "\n".join(" ".join(one) for one in PEOPLE).encode()),
        ("patients.xlsx", b"no workbook at all"),
        ("scan.tif", b"II*\x00" + bytes(range(256))),
        ("README.md", b"# Written by somebody\n"),
    ],
)
def test_what_nobody_has_spoken_of_is_no_pass(release, name, content):
    (release / name).write_bytes(content)
    status, audit = scan(release)
    assert status == 3
    assert outcomes(audit)["names"] == "not assessed"
    assert sum(audit["release"]["unread"].values()) == 1
    assert name not in json.dumps(audit)


def test_what_somebody_has_spoken_of_passes_and_the_audit_says_so(release):
    (release / "README.md").write_text("# Written by somebody\n")
    (release / "scan.tif").write_bytes(b"II*\x00" + bytes(range(256)))
    said = yaml.safe_load((release / "auditor.yaml").read_text())
    said |= {"reviewed": ["README.md"], "excluded": ["*.tif"]}
    (release / "auditor.yaml").write_text(yaml.safe_dump(said))
    status, audit = scan(release)
    assert status == 0
    assert audit["release"]["n_reviewed"] == 1
    assert audit["release"]["files"]["excluded"] == 1
    page = (release.parent / "out" / "report.html").read_text("utf-8")
    assert "1 file is not part of the release and 1 file was read and tells of nobody" in page


@pytest.mark.parametrize(
    ("written", "status"),
    [
        *(("Age: 91 years", 1), ("Age: 091Y", 1), ("Age: 91+", 1), ("Age: 91,0", 1)),
        *(("Age (years): 91", 1), ("Patient age: 91", 1), ("Age at recording: ~91", 1)),
        *(("Age: old", 3), ("Age: ninety-one", 3), ("Age: >89", 0), ("Age: 7 months", 0)),
    ],
)
def test_an_age_over_89_fails_in_whatever_form_it_is_written(release, written, status):
    for header in sorted(release.rglob("*.hea")):
        with header.open("a") as file:
            file.write(f"# {written}\n")
    seen, audit = scan(release)
    assert seen == status, audit["verdict"]
    if status == 3:
        assert outcomes(audit)["old"] == "not assessed"


def test_a_release_most_of_which_cannot_be_read_does_not_pass(release):
    signals = sorted(release.rglob("*.dat"))
    for signal in signals[: len(signals) * 4 // 5]:
        signal.write_bytes(signal.read_bytes()[:100])
    status, audit = scan(release)
    assert outcomes(audit)["coverage"] == "fail"
    assert status == 1


def test_a_header_of_a_recording_that_cannot_be_read_may_name_somebody(release):
    signal = min(release.rglob("*.dat"))
    signal.write_bytes(signal.read_bytes()[:100])
    said = yaml.safe_load(yaml.safe_dump(PROFILE))
    said["rules"][0]["limit"] = 0.5
    status, audit = scan(release, said)
    assert audit["release"]["unread"] == {"recording": 1}
    assert outcomes(audit)["coverage"] == "pass"
    assert outcomes(audit)["names"] == "not assessed"
    assert status == 3


def test_an_inspection_for_machines_says_what_one_for_people_says(release):
    (release / "scan.tif").write_bytes(b"II*\x00" + bytes(range(256)))
    file = release.parent / "seen.json"
    done = CliRunner().invoke(main, ["inspect", str(release), "--json", str(file), "--quiet"])
    seen = json.loads(file.read_text("utf-8"))
    assert (seen["people"], seen["records"], seen["formats"]) == (12, 24, {"wfdb": 24})
    assert seen["files"]["not understood"] == seen["unread"]["file"] == 1
    assert seen["not_understood"][0]["where"] == "scan.tif"
    assert "scan.tif" in done.output
    assert "excluded" in done.output


def test_a_mixed_folder_is_accounted_for_file_by_file(release):
    for name, (write, _) in FORMATS.items():
        write(release / f"device_{name}.bin")
    tables = {
        "a.csv": listed().encode("cp1252"),
        "b.tsv": listed("\t").encode(),
        "deep/c.json": b'[{"key": 1}]',
        "d.csv.gz": gzip.compress(listed().encode()),
    }
    strays = {
        **{name: b"%PDF-1.4\x00\x01\xff" + bytes(range(256)) for name in ("e.pdf", "f.docx")},
        **dict.fromkeys(("g.png", ".DS_Store"), b"\x89PNG\r\n\x1a\n\x00\x01"),
        **dict.fromkeys(("README.md", "i.html", "j.log", ".notes"), b"somebody wrote this\n"),
    }
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("in/a.csv", listed())
        archive.writestr("in/b.md", "somebody wrote this")
    with tarfile.open(fileobj=tarred, mode="w:gz") as packed:
        entry = tarfile.TarInfo("scan.tif")
        entry.size = 300
        packed.addfile(entry, io.BytesIO(b"II*\x00\x01" + bytes(295)))
    archives = {"x.zip": zipped.getvalue(), "y.tar.gz": tarred.getvalue()}
    for name, content in {**tables, **strays, **archives}.items():
        (release / name).parent.mkdir(exist_ok=True)
        (release / name).write_bytes(content)
    said = yaml.safe_load((release / "auditor.yaml").read_text())
    del said["reader"]  # every format is looked for
    (release / "auditor.yaml").write_text(yaml.safe_dump(said))
    on_disk = sum(len(files) for _, _, files in os.walk(release))
    status, audit = scan(release)
    files, unread = audit["release"]["files"], audit["release"]["unread"]
    assert sum(files.values()) == on_disk + 3  # those of the archives
    assert files["recording"] == 48 + len(FORMATS)
    assert unread == {"file": 5, "table": 5, "text": 5}
    assert status == 1
    assert outcomes(audit)["names"] == "fail"
    said |= {"excluded": [*tables, "*.pdf", "*.docx", "*.png", ".DS_Store", "y.tar.gz//*"]}
    said |= {"reviewed": ["*.md", "i.html", "j.log", ".notes", "x.zip"]}
    (release / "auditor.yaml").write_text(yaml.safe_dump(said))
    _, audit = scan(release)
    assert audit["release"]["unread"] == {}
    assert audit["release"]["n_reviewed"] == 6
    assert sum(audit["release"]["files"].values()) == on_disk + 3
