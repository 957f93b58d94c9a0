"""Times of files are told where they tell days, and not where one copy wrote them all."""

from __future__ import annotations

import os
import random
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.checks.identifiers.places import TIMES, in_times
from auditor.data.dataset import Dataset
from auditor.engine import engine
from auditor.targets.release import Release
from tests.releases import write_release

PEOPLE = 24
EPOCH = datetime(2011, 5, 2, 9, tzinfo=UTC)


@pytest.fixture
def release(tmp_path) -> Path:
    """People whose names are in no order of their days."""
    root = write_release(
        tmp_path, identity=1, seed=0, n_subjects=PEOPLE, n_sessions=1, n_records=1, leads=("I",)
    )
    days = random.Random(0).sample(range(900), PEOPLE)
    for day, header in zip(days, sorted(root.rglob("*.hea")), strict=True):
        lines = [line for line in header.read_text().splitlines() if "date" not in line]
        taken = EPOCH + timedelta(days=day)
        header.write_text("\n".join([*lines, f"# ECG date: {taken:%Y-%m-%d}"]) + "\n")
    return root


def taken(header: Path) -> datetime:
    last = header.read_text().splitlines()[-1]
    return datetime.fromisoformat(f"{last.rpartition(' ')[2]}T09:00:00+00:00")


def write_times(root: Path, kind: str, time_of) -> None:
    for place, header in enumerate(sorted(root.rglob("*.hea"))):
        file = header.with_suffix(kind)
        moment = time_of(place, taken(header)).timestamp()
        os.utime(file, (moment, moment))


def opened(root: Path) -> Dataset:
    with engine() as workers:
        return Release.open(root, workers).dataset


def told(root: Path) -> set[str]:
    seen = list(in_times(opened(root)))
    assert all(not one.sure for one in seen)
    assert len({one.subject for one in seen}) in (0, PEOPLE)
    return {one.rule for one in seen}


ONE_COPY = datetime(2026, 11, 30, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "time_of",
    [
        lambda place, day: ONE_COPY,
        lambda place, day: ONE_COPY + timedelta(seconds=7 * place),
        lambda place, day: ONE_COPY + timedelta(seconds=(day - EPOCH).days),
        lambda place, day: ONE_COPY + timedelta(days=place // 8),
        lambda place, day: ONE_COPY + timedelta(days=hash((place, 5)) % 300),
    ],
    ids=["one time", "by name", "by day within minutes", "three days", "any days"],
)
def test_files_that_one_copy_wrote_say_nothing(release, time_of):
    for kind in (".hea", ".dat"):
        write_times(release, kind, time_of)
    assert told(release) == set()


@pytest.mark.parametrize(
    ("time_of", "rule"),
    [
        (lambda place, day: day + timedelta(hours=5), "on the days"),
        (lambda place, day: day + timedelta(days=40 + place % 5), "in the order of the recordings"),
        (lambda place, day: EPOCH + timedelta(days=9 * place), "in the order of people's names"),
    ],
    ids=["same days", "later days", "by name over months"],
)
def test_times_of_signals_tell_days_though_headers_were_written_anew(release, time_of, rule):
    write_times(release, ".hea", lambda place, day: ONE_COPY)
    write_times(release, ".dat", time_of)
    (found,) = told(release)
    assert rule in found


def test_times_as_far_apart_as_moved_recordings_tell_the_days_before_they_were_moved(tmp_path):
    root = write_release(
        tmp_path, identity=1, seed=0, n_subjects=PEOPLE, n_sessions=2, n_records=1, leads=("I",)
    )
    draw = random.Random(1)
    for folder in sorted({header.parent for header in root.rglob("*.hea")}):
        start, moved = draw.randrange(900), draw.randrange(40_000, 70_000)
        gap = 20 + draw.randrange(200)
        for at, header in enumerate(sorted(folder.glob("*.hea"))):
            lines = [line for line in header.read_text().splitlines() if "date" not in line]
            day = EPOCH + timedelta(days=start + gap * at)
            shown = day + timedelta(days=moved)
            header.write_text("\n".join([*lines, f"# ECG date: {shown:%Y-%m-%d}"]) + "\n")
            os.utime(header.with_suffix(".dat"), (day.timestamp(), day.timestamp()))
    with (root / "auditor.yaml").open("a") as described:
        described.write("\nshifted: true\n")
    assert told(root) == {"files written as far apart as the recordings"}


def test_times_in_an_archive_are_told_where_they_are_of_many_days(release):
    def pack(days: int) -> set[str]:
        with zipfile.ZipFile(release / "more.zip", "w") as archive:
            for at in range(20):
                day = EPOCH + timedelta(days=days * at)
                archive.writestr(zipfile.ZipInfo(f"r{at}.dat", day.timetuple()[:6]), b"\0\1\2")
        return {one.at for one in in_times(opened(release))}

    assert pack(0) == set()
    assert pack(11) == {f"{TIMES} of more.zip"}
