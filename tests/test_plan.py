"""What a scan can settle is said before it, and what it takes."""

from __future__ import annotations

import resource

import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from tests.releases import interrupted, write_release
from tests.test_lead_sets import PRESET, profile


def said(*command: str) -> str:
    done = CliRunner().invoke(main, [*command])
    assert done.exit_code == 0, done.stderr
    return done.output


def test_a_plan_says_which_rules_can_pass_and_what_a_scan_takes(tmp_path):
    root = write_release(tmp_path / "release", identity=1, seed=0, n_records=1)
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump(PRESET))
    strict = {**profile(0.01), "title": "strict"}
    for name, one in (("strict", strict), ("loose", profile(0.45))):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(one))
    with_preset = (str(root), "--quiet", "--preset", f"{tmp_path}/preset.yaml", "--profile")
    # Wilson's interval of none among n ends at 0.01 from z² · 99 = 268 people on.
    found = said("plan", *with_preset, f"{tmp_path}/strict.yaml")
    assert "found: cannot pass with 24 people to search for; 268 are needed" in found
    assert "as 24 of 48 recordings took:" in found
    for word in ("time: about", "memory: ", "disk: about"):
        assert word in found
    found = said("plan", *with_preset, f"{tmp_path}/loose.yaml")
    assert "found: can pass with 24 people" in found


def test_a_preset_that_leaves_out_an_attack_cannot_pass_and_says_so(tmp_path):
    root = write_release(tmp_path / "release", identity=1, seed=0, n_records=1)
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump(PRESET))
    found = said("plan", str(root), "--quiet", "--preset", f"{tmp_path}/preset.yaml")
    assert "cannot pass under the preset preset: it leaves out fiducials" in found


def test_an_inspection_says_what_a_release_of_this_size_can_come_to(tmp_path):
    root = write_release(tmp_path / "one", identity=1, seed=0, n_sessions=1, n_records=1)
    found = said("inspect", str(root), "--quiet")
    assert "nobody has recordings of two occasions; scan --probes" in found


def test_a_plan_that_is_interrupted_while_it_rehearses_says_so_in_one_line(tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("auditor.audit.rehearse", interrupt)
    root = write_release(tmp_path / "release", identity=1, seed=0, n_records=1)
    stopped = CliRunner().invoke(main, ["plan", str(root), "--quiet", "--preset", "quick"])
    assert stopped.exit_code == 2
    assert stopped.stderr.splitlines()[-1] == "Interrupted; nothing was written."
    assert "Traceback" not in stopped.output


@pytest.mark.slow
def test_an_interrupted_plan_says_so_in_one_line_and_leaves_nothing_half_written(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    root = write_release(tmp_path / "release", identity=1, seed=0, n_records=1)
    before = sorted(root.rglob("*"))
    status, rest = interrupted("plan", root, "--preset", "quick", at="Under the profile")
    assert status == 2
    assert rest.splitlines()[-1] == "Interrupted; nothing was written."
    assert "Traceback" not in rest
    assert sorted(root.rglob("*")) == before
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_full_disk_is_one_clear_line_of_a_plan(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    root = write_release(tmp_path / "release", identity=1, seed=0, n_records=1)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most[1]))
    try:
        done = CliRunner().invoke(main, ["plan", str(root), "--quiet"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert "AUDITOR_CACHE" in line
    assert "None" not in line
    assert not list((tmp_path / "cache").rglob("*.part"))
