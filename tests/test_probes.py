"""A release of one record a person is judged by recordings of the same people that are kept."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from tests.releases import interrupted, write_release
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


def unstated(*folders: Path) -> None:
    """Headers that state neither sex nor age."""
    for folder in folders:
        for header in folder.rglob("*.hea"):
            lines = header.read_text().splitlines()
            kept = [one for one in lines if not one.startswith(("# Sex", "# Age"))]
            header.write_text("\n".join(kept) + "\n")


def misnamed(kept: Path, share: float = 1.0) -> None:
    """Some of the kept recordings under one another's names."""
    people = sorted(kept.glob("p*"))
    some = people[: round(share * len(people))]
    for one in some:
        one.rename(kept / f"q{one.name}")
    for one, other in zip(some, [*some[1:], *some[:1]], strict=True):
        (kept / f"q{one.name}").rename(kept / other.name)


def names_of(audit: dict) -> dict:
    """What is said of the names of what is kept."""
    found = [one for one in audit["findings"] if one["id"] == "duplicates/signal/cross-release"]
    assert found == audit["findings"][:1]  # before any attack
    return found[0]


def test_other_people_who_are_called_the_same_pass_nothing_where_no_sex_is_stated(tmp_path):
    release, kept = parted(tmp_path, 1)
    unstated(release, kept)
    status, audit, _ = scanned(release, "--probes", kept)
    names = names_of(audit)
    assert (status, names["params"]) == (1, {"names shown by": "hearts"})
    assert names["estimates"]["kept_misnamed"]["value"] == 0
    misnamed(kept)
    status, audit, _ = scanned(release, "--probes", kept)
    ruling = audit["verdict"]["rules"][1]
    assert (status, ruling["outcome"]) == (3, "not assessed")
    assert "of kept recordings look like a stranger's in the release" in ruling["reason"]
    assert "correct subject in the auditor.yaml of what is kept" in ruling["reason"]


def test_names_that_are_half_wrong_pass_nothing_and_what_is_found_all_the_same_fails(tmp_path):
    release, kept = parted(tmp_path, 1, 40)
    unstated(release, kept)
    misnamed(kept, 0.5)
    status, audit, _ = scanned(release, "--probes", kept, limit=0.9)
    assert (status, audit["verdict"]["rules"][1]["outcome"]) == (3, "not assessed")
    status, audit, _ = scanned(release, "--probes", kept, limit=0.1)
    assert (status, audit["verdict"]["rules"][1]["outcome"]) == (1, "fail")


@pytest.mark.slow
def test_where_nobody_is_like_themselves_names_make_no_difference(tmp_path):
    release, kept = parted(tmp_path, 0, 90)
    unstated(release, kept)
    misnamed(kept)
    status, audit, _ = scanned(release, "--probes", kept)
    assert status == 0, audit["verdict"]
    assert "kept_misnamed" not in names_of(audit)["estimates"]
    assert "not even the halves" in names_of(audit)["params"]["names shown by"]


@pytest.mark.slow
def test_an_interrupted_search_by_what_is_kept_leaves_no_report(tmp_path):
    release, kept = parted(tmp_path, 1)
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump(PRESET))
    asked = ("scan", release, "--probes", kept, "--preset", tmp_path / "preset.yaml")
    status, rest = interrupted(
        *asked, "--out", tmp_path / "out", at="duplicates/signal/cross-release"
    )
    assert status == 2
    assert rest.splitlines()[-1] == "Interrupted; nothing was written."
    assert "Traceback" not in rest
    assert not list((tmp_path / "out").iterdir())


def test_a_full_disk_is_one_clear_line_of_a_search_by_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    release, kept = parted(tmp_path, 1)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most[1]))
    try:
        asked = ("scan", release, "--quiet", "--probes", kept, "--out", tmp_path / "out")
        done = CliRunner().invoke(main, [str(one) for one in asked])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert "AUDITOR_CACHE" in line
    assert not list((tmp_path / "out").iterdir())
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_other_people_who_are_called_the_same_are_told_by_their_age(tmp_path):
    release, kept = parted(tmp_path, 0, 40)
    headers = sorted(kept.rglob("*.hea"))
    ages = [one.read_text().split("# Age: ")[1].split()[0] for one in headers]
    for header, age, other in zip(headers, ages, [*ages[7:], *ages[:7]], strict=True):
        text = header.read_text().replace(f"# Age: {age}", f"# Age: {other}")
        header.write_text("\n".join(one for one in text.splitlines() if "Sex" not in one) + "\n")
    status, _, said = scanned(release, "--probes", kept)
    assert status == 2
    assert "are farther in age from themselves in the release than from most others" in said
