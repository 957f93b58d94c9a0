"""Who adds a check, an attacker, a format, a reader or a network adds one file or one folder.

Each is put into a scratch copy of the package, and nothing else is changed there. (A system also
has its settings, in `configs/tasks/`.)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wfdb
import yaml

from auditor.simulate.population import Population

ROOT = Path(__file__).parent.parent
EXTENSIONS = Path(__file__).parent / "extensions"
#: What is added → where it goes.
ADDED = {
    "heart_rate": "auditor/checks/heart_rate",
    "first_beat.py": "auditor/attackers/first_beat.py",
    "plain.py": "auditor/data/readers/plain.py",
    "lines.py": "auditor/report/lines.py",
    "averages": "auditor/systems/averages",
    "averages.yaml": "configs/tasks/averages.yaml",
}
MAIN = "import sys; sys.argv[0] = 'auditor'; from auditor.cli import main; main()"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A copy of the package with all of them, and a release in the new format."""
    folder = tmp_path_factory.mktemp("scratch")
    for name in ("auditor", "configs", "reports"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "datasets.yaml", folder)
    for name, place in ADDED.items():
        one = EXTENSIONS / name
        (shutil.copytree if one.is_dir() else shutil.copy)(one, folder / place)
    preset = {
        "title": "what is new",
        "max_seconds": 30,
        "linkage_views": ["first-beat"],
        "protocols": ["same-session", "cross-session"],
        "attribute_views": [],
        "training": None,
        "checks": ["linkage", "heart-rate"],
    }
    (folder / "preset.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    profile = {
        "title": "what is new",
        "context": "for a test",
        "population": 1000,
        "rules": [
            {"id": "pulse", "check": "heart-rate", "estimate": "alone", "limit": 0,
             "basis": "our default: a test"},
            {"id": "found", "check": "linkage", "protocol": "cross-session", "estimate": "rank1",
             "limit": 0.09, "basis": "our default: a test", "rungs": ["first-beat"]},
        ],
    }  # fmt: skip
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    Population(n_subjects=12, n_sessions=2, n_records=2, leads=("I", "II"), fs=250.0).write(
        folder / "wfdb"
    )
    for header in (folder / "wfdb").rglob("*.hea"):
        seen = wfdb.rdrecord(str(header.with_suffix("")))
        path = folder / "release" / header.relative_to(folder / "wfdb").with_suffix(".ecg")
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "\n".join(" ".join(f"{x:.3f}" for x in row) for row in seen.p_signal)
        path.write_text(f"{' '.join(seen.sig_name)}\n{seen.fs:g}\n{rows}\n", encoding="utf-8")
    shutil.rmtree(folder / "wfdb")
    return folder


def auditor(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder), "AUDITOR_CACHE": str(folder / "cache")}
    command = [sys.executable, "-c", MAIN, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


RELEASE = (
    *("release", "--reader", "plain"),
    *("--subject-pattern", r"^(p\d+)", "--session-pattern", r"(s\d+)_"),
)


@pytest.fixture(scope="module")
def scanned(scratch):
    trained = auditor(scratch, "train", "averages", "--data", *RELEASE, "--out", "model", "--quiet")
    assert trained.returncode == 0, trained.stderr
    done = auditor(
        scratch, "scan", *RELEASE, "--model", "model", "--preset", "preset.yaml",
        "--profile", "profile.yaml", "--out", "out", "--quiet",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return json.loads((scratch / "out" / "audit.json").read_text("utf-8"))


def test_each_is_one_file_or_one_folder_and_a_system_has_its_settings():
    found = {path.name for path in EXTENSIONS.iterdir()} - {"__pycache__"}
    assert found == set(ADDED)
    systems = [one for one in ADDED.values() if one.startswith("configs/")]
    assert systems == ["configs/tasks/averages.yaml"]


def test_a_format_is_read(scanned):
    assert (scanned["release"]["n_subjects"], scanned["release"]["n_records"]) == (12, 48)
    assert scanned["release"]["n_sessions"] == 24


def test_a_check_is_carried_out_and_judged_and_told(scanned, scratch):
    (finding,) = (one for one in scanned["findings"] if one["check"] == "heart-rate")
    assert finding["status"] == "measured"
    assert finding["params"]["people"] == 12
    assert finding["params"]["alone"].startswith("1 to ")  # no share, for it would tell how many
    (rule,) = (one for one in scanned["verdict"]["rules"] if one["id"] == "pulse")
    assert (rule["finding"], rule["outcome"]) == ("heart-rate", "fail")
    assert "people have a heart rate of their own" in rule["reason"]
    page = (scratch / "out" / "report.html").read_text("utf-8")
    assert "A heart rate of one" in page
    told = auditor(scratch, "explain", "heart-rate").stdout
    assert "to the whole beat a minute" in told


def test_an_attacker_climbs_the_ladder(scanned, scratch):
    (finding,) = (
        one for one in scanned["findings"] if one["id"] == "linkage/first-beat/cross-session"
    )
    assert finding["estimates"]["rank1"]["low"] > finding["estimates"]["rank1"]["chance"]
    assert "First beat" in (scratch / "out" / "report.html").read_text("utf-8")


def test_a_network_is_trained_and_asked(scanned):
    (model,) = scanned["release"]["models"]
    assert (model["name"], model["gives"]) == ("averages", ["embedding"])
    asked = {one["id"]: one["status"] for one in scanned["findings"]}
    assert asked["output-linkage/averages.embedding/cross-session"] == "measured"


def test_an_audit_is_drawn_in_a_new_form(scanned, scratch):
    done = auditor(scratch, "report", "out/audit.json", "--format", "lines", "--out", "drawn")
    assert done.returncode == 0, done.stderr
    (file,) = (scratch / "drawn").rglob("audit.txt") if (scratch / "drawn").is_dir() else [
        scratch / "drawn"
    ]  # fmt: skip
    assert file.read_text("utf-8").splitlines()[0] == scanned["verdict"]["outcome"]
