"""What is handed to other systems: an action, a GitLab job, a hook, a container."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from auditor.cli import main

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((ROOT / "auditor.gitlab-ci.yml").read_text("utf-8"))["auditor"]
SCAN = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "scan")
GATE = ACTION["runs"]["steps"][-1]
SETTINGS = {
    "DATASET": "my data",
    "MODELS": "a model.json\nencoder\n",
    "PROFILE": "registered",
    "PRESET": "quick",
    "WAIVERS": "",
    "BASELINE": "old.json",
    "FAIL_ON": "fail",
    "OUT": "out",
}
#: `auditor` that writes down how it was called, and does what the test says.
FAKE = """#!/bin/sh
for one in "$@"; do printf '%s\\n' "$one"; done > "calls-$1"
if [ "$1" = scan ]; then
  if [ -n "$AUDIT" ]; then mkdir -p out; echo '{}' > out/audit.json; fi
  exit "$STATUS"
fi
echo summary > out/summary.md
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "auditor").write_text(FAKE)
    (tmp_path / "auditor").chmod(0o755)
    return tmp_path


def shell(place: Path, program: str, script: str, **settings: str) -> int:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not on this machine")
    told = {
        "PATH": f"{place}:{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(place / "outputs"),
        "GITHUB_STEP_SUMMARY": str(place / "summary"),
        **settings,
    }
    # As both systems run it: the first failure ends it.
    done = subprocess.run([found, "-e", "-c", script], cwd=place, env=told, capture_output=True)
    return done.returncode


def call(place: Path, command: str) -> list[str]:
    return (place / f"calls-{command}").read_text().splitlines()


def gitlab() -> tuple[str, dict[str, str]]:
    names = {f"AUDITOR_{name}": value for name, value in SETTINGS.items()}
    assert names.keys() <= GITLAB["variables"].keys()
    return "\n".join(GITLAB["script"]), names


@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_the_action_ends_as_the_scan_did_and_keeps_what_it_found(place, status):
    ended = shell(place, "bash", SCAN["run"], **SETTINGS, AUDIT="yes", STATUS=str(status))
    assert ended == 0  # the page is kept before the gate shuts
    assert (place / "outputs").read_text() == f"status={status}\n"
    assert (place / "summary").read_text() == "summary\n"
    assert shell(place, "bash", GATE["run"], STATUS=str(status)) == status
    assert GATE["env"] == {"STATUS": "${{ steps.scan.outputs.status }}"}


def test_without_an_audit_nothing_passes(place):
    (place / "out").mkdir()
    (place / "out" / "audit.json").write_text("of an earlier run")
    assert shell(place, "bash", SCAN["run"], **SETTINGS, AUDIT="", STATUS="0") == 2
    assert shell(place, "bash", GATE["run"], STATUS="") == 2
    script, names = gitlab()
    assert shell(place, "sh", script, **names, AUDIT="", STATUS="0") == 2


@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_the_gitlab_job_ends_as_the_scan_did(place, status):
    script, names = gitlab()
    assert shell(place, "sh", script, **names, AUDIT="yes", STATUS=str(status)) == status


@pytest.mark.parametrize("system", ["action", "gitlab"])
def test_settings_become_flags_that_exist_whatever_is_in_them(place, system):
    script, names = gitlab() if system == "gitlab" else (SCAN["run"], SETTINGS)
    shell(place, "sh" if system == "gitlab" else "bash", script, **names, AUDIT="yes", STATUS="0")
    scanned = call(place, "scan")
    assert scanned[:2] == ["scan", "my data"]
    assert [scanned[at + 1] for at, one in enumerate(scanned) if one == "--model"] == [
        "a model.json",
        "encoder",
    ]
    assert "--waivers" not in scanned
    assert scanned[scanned.index("--baseline") + 1] == "old.json"
    for command in ("scan", "report"):
        known = {name for one in main.commands[command].params for name in one.opts}
        assert {one for one in call(place, command) if one.startswith("--")} <= known
    drawn = call(place, "report")
    formats = [drawn[at + 1] for at, one in enumerate(drawn) if one == "--format"]
    assert {"sarif", "junit", "markdown"} <= set(formats)
    (kind,) = (one for one in main.commands["report"].params if "--format" in one.opts)
    assert isinstance(kind.type, click.Choice)
    assert set(formats) <= set(kind.type.choices)


def test_no_setting_is_pasted_into_a_script():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_hook_calls_a_command_that_exists():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    program, command = hook["entry"].split()
    assert program == "auditor"
    known = {name for one in main.commands[command].params for name in one.opts}
    *args, last = hook["args"]
    assert {one for one in args if one.startswith("--")} <= known
    assert last == "--"  # what follows is files, whatever they are called


def test_the_container_installs_what_the_lock_names_and_is_nobody():
    said = (ROOT / "Containerfile").read_text("utf-8")
    assert "--constraints requirements.lock" in said
    assert re.search(r"^USER \d+$", said, re.MULTILINE)
    assert 'ENTRYPOINT ["auditor"]' in said
