"""Each set of leads of a release is attacked by all of its leads, and the worst counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from tests.releases import write_release

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
ALL = "+".join(LEADS)


def profile(limit: float) -> dict:
    basis = "our default: a test"
    return {
        "title": "one attacker", "context": "for a test", "population": 1000,
        "rules": [
            {"id": "coverage", "check": "coverage", "estimate": "records_left_out", "limit": 0.05,
             "basis": basis},
            {"id": "found", "check": "linkage", "protocol": "cross-session", "estimate": "rank1",
             "limit": limit, "basis": basis, "rungs": ["template"]},
        ],
    }  # fmt: skip


PRESET = {
    "title": "one attacker", "max_seconds": 30, "linkage_views": ["template"],
    "attribute_views": [], "protocols": ["cross-session"], "training": None,
    "checks": ["linkage"],
}  # fmt: skip


def mixed(root: Path, identity: float, few: tuple[str, ...], n_few: int = 12) -> Path:
    """Twenty-four people of eight leads, and some others, who all are alike, of fewer."""
    whole = write_release(root, identity=identity, seed=0, n_records=1, leads=LEADS)
    others = write_release(
        root.parent / "others", identity=0, seed=1, n_subjects=n_few, n_records=1, leads=few
    )
    for one in sorted(path for path in others.iterdir() if path.is_dir()):
        one.rename(whole / f"q{one.name[1:]}")
    for name in ("auditor.yaml", "RECORDS"):
        (whole / name).unlink()
    return whole


def scanned(root: Path, limit: float = 0.45) -> tuple[int, dict]:
    for name, said in (("profile", profile(limit)), ("preset", PRESET)):
        (root.parent / f"{name}.yaml").write_text(yaml.safe_dump(said))
    done = CliRunner().invoke(
        main,
        [
            *("scan", str(root), "--subject-pattern", r"^(\w+)/", "--quiet"),
            *("--profile", str(root.parent / "profile.yaml")),
            *("--preset", str(root.parent / "preset.yaml"), "--out", str(root.parent / "out")),
        ],
    )
    return done.exit_code, json.loads((root.parent / "out" / "audit.json").read_text("utf-8"))


def findings(audit: dict) -> dict[str, dict]:
    return {one["id"]: one for one in audit["findings"]}


@pytest.fixture(scope="module")
def singles(tmp_path_factory) -> tuple[int, dict]:
    return scanned(mixed(tmp_path_factory.mktemp("singles") / "release", 1, ("II",)))


def test_a_few_records_of_one_lead_do_not_hide_that_the_others_are_found_by_eight(singles):
    status, audit = singles
    by_one = findings(audit)["linkage/template/cross-session"]["estimates"]["rank1"]
    by_eight = findings(audit)[f"linkage/template/cross-session/{ALL}"]
    assert by_one["low"] < 0.45, "by the lead that all have nothing is shown"
    assert by_eight["leads"] == ALL
    assert by_eight["estimates"]["rank1"]["low"] > 0.45
    found = next(one for one in audit["verdict"]["rules"] if one["id"] == "found")
    assert (found["outcome"], found["finding"]) == ("fail", by_eight["id"])
    assert f"by leads {', '.join(LEADS)}" in found["reason"]
    assert status == 1


def test_the_page_and_the_counts_say_which_leads_were_attacked(singles):
    _, audit = singles
    assert audit["release"]["leads"] == ["II"]
    assert audit["release"]["lead_sets"] == [ALL]
    assert audit["release"]["n_quarantined"] == 0
    assert audit["release"]["unread"] == {}
    assert findings(audit)["coverage"]["estimates"]["records_left_out"]["value"] == 0


def test_a_set_that_holds_none_of_the_others_leads_is_measured_and_covered(tmp_path):
    _, audit = scanned(mixed(tmp_path / "release", 0, ("III",)))
    assert audit["release"]["lead_sets"] == ["III"]
    assert findings(audit)["coverage"]["estimates"]["records_left_out"]["value"] == 0
    assert findings(audit)["linkage/template/cross-session/III"]["status"] == "measured"


def test_a_set_of_too_few_people_that_shares_no_lead_is_no_pass(tmp_path):
    status, audit = scanned(mixed(tmp_path / "release", 0, ("III",), n_few=6))
    assert audit["release"]["unread"] == {"lead": 12}
    assert findings(audit)["coverage"]["estimates"]["records_left_out"]["value"] > 0.05
    assert status == 1


def test_each_set_needs_the_proof_that_its_attack_is_able(tmp_path):
    _, audit = scanned(mixed(tmp_path / "release", 0, ("II",)), limit=0.9)
    proofs = {one.get("leads") for one in audit["findings"] if one["check"] == "competence"}
    assert proofs == {None, ALL}
