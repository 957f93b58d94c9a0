"""A release of one record a person is judged by recordings of the same people that are kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from tests.releases import write_release
from tests.test_lead_sets import PRESET, profile


def parted(root: Path, identity: float, people: int = 24) -> tuple[Path, Path]:
    """A release of the first session of some people, and a folder of their second."""
    whole = write_release(root / "release", identity=identity, seed=0, n_subjects=people,
                          n_records=1)  # fmt: skip
    kept = root / "kept"
    for second in sorted(whole.glob("*/s2*")):
        place = kept / second.relative_to(whole)
        place.parent.mkdir(parents=True, exist_ok=True)
        second.rename(place)
    for name in ("auditor.yaml", "RECORDS"):
        (whole / name).unlink()
    for folder in (whole, kept):
        (folder / "auditor.yaml").write_text(r"subject: {path: '^(\w+)/'}")
    return whole, kept


def scanned(release: Path, *flags: str | Path, limit: float = 0.45) -> tuple[int, dict, str]:
    root = release.parent
    for name, said in (("profile", profile(limit)), ("preset", PRESET)):
        (root / f"{name}.yaml").write_text(yaml.safe_dump(said))
    settings = ("--profile", root / "profile.yaml", "--preset", root / "preset.yaml")
    asked = ("scan", release, "--quiet", *settings, "--out", root / "out", *flags)
    done = CliRunner().invoke(main, [str(one) for one in asked])
    if done.exit_code == 2:
        return 2, {}, done.stderr
    return done.exit_code, json.loads((root / "out" / "audit.json").read_text()), done.output


@pytest.mark.parametrize(("identity", "people", "status"), [(1, 24, 1), (0, 90, 0)])
def test_what_is_kept_settles_a_release_of_one_record_a_person(tmp_path, identity, people, status):
    release, kept = parted(tmp_path, identity, people)
    exit_status, audit, _ = scanned(release)
    assert exit_status == 3
    assert "one usable record per person" in audit["verdict"]["rules"][1]["reason"]
    exit_status, audit, _ = scanned(release, "--probes", kept)
    assert exit_status == status, audit["verdict"]
    ruling = audit["verdict"]["rules"][1]
    assert ruling["finding"] == "linkage/template/cross-release"
    assert audit["release"]["probes"] == {"n_records": people, "n_subjects": people}
    # The page says by what it was measured.
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{people} recordings of {people} people that are kept" in page


def test_people_that_are_kept_and_not_released_are_left_out(tmp_path):
    release, kept = parted(tmp_path, 1)
    for one in sorted(release.glob("p*"))[:6]:
        shutil.rmtree(one)
    _, audit, _ = scanned(release, "--probes", kept)
    assert audit["release"]["probes"] == {"n_records": 18, "n_subjects": 18}
    rank1 = next(one for one in audit["findings"] if one["id"] == "linkage/template/cross-release")
    assert rank1["estimates"]["rank1"]["chance"] == pytest.approx(1 / 18)


def test_recordings_that_are_released_too_are_no_probes(tmp_path):
    release, kept = parted(tmp_path, 0)
    for one in sorted(release.glob("p*"))[:9]:
        shutil.copytree(one, kept / one.name, dirs_exist_ok=True)
    _, audit, _ = scanned(release, "--probes", kept)
    assert audit["release"]["probes"] == {"n_records": 24, "n_subjects": 24}
    shutil.rmtree(kept)
    shutil.copytree(release, kept)
    for name in kept.rglob("*.hea"):  # another day, and the same signal
        text = name.read_text()
        name.write_text("\n".join(one for one in text.splitlines() if not one.startswith("#")))
    status, _, said = scanned(release, "--probes", kept)
    assert (status, "copies" in said) == (2, True)


def test_recordings_of_others_are_refused_with_the_cure(tmp_path):
    release, kept = parted(tmp_path, 0)
    for one in sorted(kept.glob("p*")):
        one.rename(kept / one.name.replace("p", "q"))
    status, _, said = scanned(release, "--probes", kept)
    assert status == 2
    assert "of 24 recordings, those of 0 people of the release" in said
    assert "auditor.yaml" in said


def test_other_people_who_are_called_the_same_are_told_by_their_sex(tmp_path):
    release, kept = parted(tmp_path, 1)
    other = {"male": "female", "female": "male"}
    for place, header in enumerate(sorted(kept.rglob("*.hea"))):
        if place % 2:
            text = header.read_text()
            said = next(one for one in other if f"Sex: {one}" in text)
            header.write_text(text.replace(f"Sex: {said}", f"Sex: {other[said]}"))
    status, _, said = scanned(release, "--probes", kept)
    assert status == 2
    assert "12 are of another" in said
