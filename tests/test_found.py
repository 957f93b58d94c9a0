"""Among how many people, holding and knowing what, and how surely an intruder names somebody: each
as the gate answers it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from auditor.core.finding import Estimate
from auditor.report import json as report
from auditor.simulate.population import TRAITS, Population

VIEW = "template"
PRESET = {
    "title": "one attacker", "max_seconds": 30, "linkage_views": [VIEW], "attribute_views": [],
    "protocols": ["cross-session"], "training": None, "checks": ["linkage"],
}  # fmt: skip


def written(root: Path, *, moved: bool = True, **settings) -> Path:
    """A simulated release of one lead; its dates are said to be moved, as they look, or are not."""
    Population(**{"leads": ("I",), "n_records": 1} | settings).write(root)
    if moved:
        with (root / "auditor.yaml").open("a", encoding="utf-8") as file:
            file.write("shifted: true\n")
    return root


def scanned(root: Path, **limits: float) -> tuple[int, dict[str, Estimate], dict[str, str]]:
    """The exit status of a scan, what was measured, and what became of the rule on each number."""
    rules = [
        {
            "id": name, "check": "linkage", "protocol": "cross-session", "estimate": name,
            "limit": limit, "basis": "our default: a test", "rungs": [VIEW],
        }
        for name, limit in limits.items()
    ]  # fmt: skip
    said = {"title": "one attacker", "context": "for a test", "population": 1000, "rules": rules}
    for name, one in (("profile", said), ("preset", PRESET)):
        (root.parent / f"{name}.yaml").write_text(yaml.safe_dump(one))
    done = CliRunner().invoke(
        main,
        [
            *("scan", str(root), "--quiet", "--out", str(root.parent / "out")),
            *("--profile", str(root.parent / "profile.yaml")),
            *("--preset", str(root.parent / "preset.yaml")),
        ],
    )
    audit = report.read(root.parent / "out" / "audit.json")
    verdict = json.loads((root.parent / "out" / "audit.json").read_text())["verdict"]
    found = dict(audit[f"linkage/{VIEW}/cross-session"].estimates)
    return done.exit_code, found, {one["id"]: one["outcome"] for one in verdict["rules"]}


@pytest.mark.slow
def test_what_ten_records_of_a_pseudonym_give_away_together_fails(tmp_path):
    """One record finds few enough for the limit, and all of them do not."""
    root = written(tmp_path / "release", n_subjects=60, n_records=5, identity=0.08, seed=1)
    status, found, outcomes = scanned(root, rank1=0.28, everything_rank1=0.28)
    assert found["rank1"].high <= 0.28
    assert found["everything_rank1"].low > 0.28
    assert outcomes["everything_rank1"] == "fail"
    assert status == 1


@pytest.mark.slow
def test_a_release_in_which_sex_and_age_leave_few_is_judged_by_what_is_known(tmp_path):
    root = written(tmp_path / "release", n_subjects=100, identity=0.06, seed=2)
    status, found, outcomes = scanned(root, rank1=0.15, found_among_100=0.15)
    assert found["rank1"].high <= 0.15
    assert found["found_among_100"].low > 0.15
    assert outcomes["found_among_100"] == "fail"
    assert status == 1


def test_one_and_the_same_release_is_judged_among_as_many_people_as_the_profile_says(tmp_path):
    """Nobody differs: sex and age alone leave few of a hundred, and many of ten thousand."""
    root = written(tmp_path / "release", n_subjects=100, identity=0, seed=0)
    status, found, outcomes = scanned(root, found_among_10=0.11, found_among_10000=0.11)
    assert found["found_among_10"].value > 5 * found["found_among_10000"].value
    assert (outcomes["found_among_10"], status) == ("fail", 1)
    assert found["found_among_10000"].high <= 0.11
    assert outcomes["found_among_10000"] != "fail"


@pytest.mark.parametrize("moved", [True, False])
def test_dates_that_were_not_moved_tell_who_it_is(tmp_path, moved):
    root = written(tmp_path / "release", n_subjects=60, identity=0, seed=0, moved=moved)
    status, found, outcomes = scanned(root, found_among_60=0.4)
    finding = report.read(tmp_path / "out" / "audit.json")[f"linkage/{VIEW}/cross-session"]
    assert ("day of recording" in finding.params["intruder"]) == (not moved)
    assert (outcomes["found_among_60"] == "fail") == (not moved)
    assert (status == 1) == (not moved)
    assert found["rank1"].high < 0.2


@pytest.mark.slow
def test_eighteen_of_three_hundred_who_can_be_named_for_certain_do_not_pass(tmp_path):
    """All others are alike, so that the first pick is seldom right on average."""
    n = 300
    rng = np.random.default_rng(0)
    burden = np.zeros((n, len(TRAITS)))
    some = rng.choice(n, 18, replace=False)
    burden[some] = rng.choice([-2.5, 2.5], (18, len(TRAITS)))
    root = written(tmp_path / "release", n_subjects=n, identity=0, burden=burden, seed=0)
    status, found, outcomes = scanned(root, found_among_1000=0.11, named=0.06)
    assert found["found_among_1000"].high <= 0.11
    assert 0.04 < found["named"].value < 0.07
    assert outcomes == {"found_among_1000": "pass", "named": "inconclusive"}
    assert status == 3


@pytest.mark.slow
def test_a_hundred_people_who_are_all_alike_pass(tmp_path):
    root = written(tmp_path / "release", n_subjects=100, identity=0, seed=4)
    status, found, outcomes = scanned(root, found_among_1000=0.11, named=0.06, most_exposed=0.09)
    assert outcomes == {
        "found_among_1000": "pass", "named": "pass", "most_exposed": "pass",
    }, found  # fmt: skip
    assert status == 0
