"""What a user gets: a wheel of this checkout, alone in an empty environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("ecg_auditor-*.whl")
    return wheel


def test_the_wheel_holds_all_that_the_package_reads(wheel: Path):
    held = set(zipfile.ZipFile(wheel).namelist())
    expected = {"datasets.yaml": "auditor/_resources/datasets.yaml"}
    for folder in ("configs", "reports/templates"):
        for file in (ROOT / folder).rglob("*.*"):
            name = file.relative_to(ROOT).as_posix()
            expected[name] = f"auditor/_resources/{name}"
    for file in (ROOT / "auditor").rglob("*.*"):
        if file.is_file() and "__pycache__" not in file.parts:
            name = file.relative_to(ROOT).as_posix()
            expected[name] = name
    assert "configs/presets/quick.yaml" in expected
    assert "auditor/report/audit.schema.json" in expected
    assert not set(expected.values()) - held
    assert not {name for name in held if name.startswith(("tests/", "configs/", "reports/"))}


@pytest.mark.slow
def test_the_wheel_runs_the_demo_in_an_empty_environment(wheel: Path, tmp_path: Path):
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv or not Path(uv).exists():
        pytest.skip("no uv to make an environment with: run me through make")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    env["AUDITOR_CACHE"] = str(tmp_path / "cache")

    def run(*command: object) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    # The lock decides versions and hashes; what is installed is what the wheel asks for, no more.
    run(uv, "venv", "--python", sys.executable, "empty")
    run(uv, "pip", "install", "--python", "empty", "--constraints", LOCK, "--no-build", wheel)
    installed = run(uv, "pip", "freeze", "--python", "empty")
    assert "torch==" in installed
    assert "pytest==" not in installed

    out = tmp_path / "report"
    auditor = tmp_path / "empty" / "bin" / "auditor"
    assert "report.html" in run(auditor, "demo", "--out", out)
    assert (out / "report.html").read_text(encoding="utf-8").lstrip().startswith("<!")
    assert json.loads((out / "audit.json").read_text(encoding="utf-8"))["findings"]


def test_the_lock_names_versions_and_hashes_and_no_addresses():
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    for block in re.split(r"\n(?=\S)", text):
        if not block.startswith("#"):
            assert re.match(r"[a-z0-9-]+==\S+ ", block), block
            assert "--hash=sha256:" in block, block


def test_the_lock_holds_all_that_is_asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    locked = re.findall(r"^([a-z0-9-]+)==([^\s;]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        versions = [version for held, version in locked if held == name]
        assert versions, f"{name} is not in requirements.lock: make lock"
        assert all(version in requirement.specifier for version in versions), name
