"""A release of one record a person: what an intruder with an ECG of another day would find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from tests.releases import write_release
from tests.test_lead_sets import PRESET, profile


def asked(limit: float) -> dict:
    """A profile with one rule on being found."""
    rules = profile(limit)
    rules["rules"][1]["rungs"] = ["subspace"]
    return rules


def scanned(release: Path, limit: float) -> tuple[int, dict]:
    """The exit status and the audit, by one attacker that learns nothing from repeats."""
    root = release.parent
    preset = PRESET | {"linkage_views": ["subspace"]}
    for name, said in (("profile", asked(limit)), ("preset", preset)):
        (root / f"{name}.yaml").write_text(yaml.safe_dump(said))
    settings = ("--profile", root / "profile.yaml", "--preset", root / "preset.yaml")
    command = ("scan", release, "--quiet", *settings, "--out", root / "out")
    done = CliRunner().invoke(main, [str(one) for one in command])
    return done.exit_code, json.loads((root / "out" / "audit.json").read_text())


@pytest.fixture(scope="module", params=[1.0, 0.0], ids=["told apart", "all alike"])
def release(request, tmp_path_factory):
    """Thirty people with a record each, who are plainly told apart, or all alike."""
    root = tmp_path_factory.mktemp("single") / "release"
    return request.param, write_release(
        root, identity=request.param, seed=2, n_subjects=30, n_sessions=1, n_records=1
    )


def test_a_release_of_one_record_a_person_fails_by_what_is_foretold_and_passes_by_nothing(release):
    identity, root = release
    status, audit = scanned(root, limit=0.1)
    ruling = audit["verdict"]["rules"][1]
    found = {one["id"]: one for one in audit["findings"]}
    foretold = found["linkage/subspace/foretold"]
    assert found["linkage/subspace/cross-session"]["status"] == "skipped"
    rank1 = foretold["estimates"]["rank1"]
    page = (root.parent / "out" / "report.html").read_text()
    assert "Foretold for another occasion" in page
    if identity:
        assert (status, ruling["outcome"]) == (1, "fail")
        assert ruling["finding"] == foretold["id"]
        assert ruling["reason"].startswith("foretold, and not measured")
        assert rank1["low"] > 0.1
    else:
        assert (status, ruling["outcome"]) == (3, "not assessed")
        assert "one usable record per person" in ruling["reason"]
        assert "what is foretold passes no rule" in ruling["reason"]
        assert rank1["low"] < 0.1
        # Nor does the widest limit open the gate.
        wide = root.parent / "wide.yaml"
        wide.write_text(yaml.safe_dump(asked(limit=0.99)))
        asked_again = ("gate", root.parent / "out" / "audit.json", "--profile", wide)
        done = CliRunner().invoke(main, [str(one) for one in asked_again])
        assert done.exit_code == 3
    assert "reference sets, 3 of them of real people" in foretold["params"]["foretold from"]


def test_where_another_day_is_measured_nothing_is_foretold(tmp_path):
    root = write_release(tmp_path / "release", identity=1, seed=2, n_records=1)
    _, audit = scanned(root, limit=0.1)
    assert {one["protocol"] for one in audit["findings"] if one["check"] == "linkage"} == {
        "cross-session"
    }
