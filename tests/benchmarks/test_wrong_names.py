"""Real people whose recordings change names: how surely that is seen, and right names let be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from auditor.attackers.embedding import directions
from auditor.attackers.tables import KeptRows
from auditor.checks.duplicates.check import Duplicates
from auditor.checks.duplicates.kept import NamesOfKept
from auditor.checks.run import run_check
from auditor.core.finding import Finding
from auditor.data.dataset import Dataset
from auditor.data.kept import Joined
from auditor.data.protocols import N_HALVES, Items, later
from auditor.engine import engine
from auditor.stats.intervals import wilson
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.benchmarks.test_speed import say
from tests.releases import prepared_as, write_release

FOLDERS = {"ecgiddb": "ECG-ID", "heartprint-dev": "Heartprint, 95 people"}
#: Drawings of people and of names.
SEEDS = 100


@pytest.mark.parametrize("folder", FOLDERS)
def test_shuffled_names_are_seen_and_right_ones_are_not_doubted(data, folder, measured):
    """The later recordings of some people are given each other's names."""
    flags = {"subject_pattern": r"^(\d+)/"} if folder == "heartprint-dev" else {}
    with engine() as workers:
        context = Context(
            Release.open(data / folder, workers, max_seconds=30, flags=flags), "cpu", 0, None
        )
        for percent in (0, 50, 100):
            records, rng = context.prepared.records.copy(), np.random.default_rng(0)
            rows = later(records)
            some = rows[rng.random(len(rows)) < percent / 100]
            records.loc[some, "subject"] = rng.permutation(records["subject"].to_numpy()[some])
            shuffled = prepared_as(context, replace(context.prepared, records=records))
            finding = run_check(Duplicates(), shuffled, level=0.95, smallest_cell=10)
            found = finding.estimates["misnamed"]
            say(f"{folder}, {percent} % of names shuffled: {found.value:.3f}")
            measured(
                f"shortcuts/misnamed-{folder}-{percent}",
                f"Recordings like a stranger's, {percent} % of later names shuffled",
                found.value, interval=[found.low, found.high], room="shortcuts",
                data=FOLDERS[folder], n=f"{found.n_subjects} people",
                wanted="low > 0.1" if percent else "high <= 0.1",
                note="linkage is not assessed where the lower end is above 0.1",
            )  # fmt: skip
            assert (found.low > 0.1) == (percent > 0)


@pytest.fixture(scope="module", params=[*FOLDERS, "identity 1", "identity 0"])
def whole(request, tmp_path_factory) -> Iterator[tuple[str, Context]]:
    """All recordings of some people, each read once: whole, and in halves."""
    name, flags = request.param, {}
    if name in FOLDERS:
        folder: Path = request.getfixturevalue("data") / name
        flags = {"subject_pattern": r"^(\d+)/"} if name == "heartprint-dev" else {}
    else:
        folder = tmp_path_factory.mktemp("simulated") / "release"
        write_release(folder, identity=float(name[-1]), seed=0, n_subjects=100, n_records=1)
    with engine() as workers:
        context = Context(
            Release.open(folder, workers, max_seconds=30, flags=flags), "cpu", 0, None
        )
        every = np.arange(len(context.records))
        for half in range(N_HALVES):
            enough = every if not half else every[context.records["n_beats"] >= 6]
            directions(context, Items(enough, np.full(len(enough), half)))
        yield name, context


def kept_of(context: Context, rng: np.random.Generator, share: float) -> Finding:
    """What is said of the names of later recordings that are kept, of seven in ten people; a share
    of those people's names are shuffled.
    """
    subject = context.records["subject"].to_numpy().astype(str)
    people = np.unique(subject)
    people = rng.choice(people, round(0.7 * len(people)), replace=False)
    first = ~context.records["subject"].duplicated().to_numpy()
    held = np.isin(subject, people)
    rows = np.concatenate([np.flatnonzero(held & first), np.flatnonzero(held & ~first)])
    records = context.records.iloc[rows].reset_index(drop=True)
    records["kept"] = np.arange(len(rows)) >= len(people)
    some = rng.permutation(people)[: round(share * len(people))]
    other = dict(zip(some, np.roll(some, 1), strict=True))
    records.loc[records["kept"], "subject"] = records["subject"].replace(other)
    of = {one.name: getattr(context.dataset, one.name) for one in fields(Dataset)}
    part = replace(context.prepared.part(rows), records=records)
    joined = prepared_as(context, part)
    joined = replace(
        joined,
        release=replace(joined.release, dataset=Joined(**of, kept=context.dataset)),
    )
    vars(joined.release)["prepared"] = part
    # What is read of a recording depends on no name.
    known: KeptRows = context.memo["rows", "embedding"]
    place = known.place.reshape(-1, N_HALVES)[rows].ravel()
    joined.memo["rows", "embedding"] = KeptRows(place, known.rows)
    return run_check(NamesOfKept(), joined, level=0.9, smallest_cell=10)


@pytest.mark.parametrize("percent", [0, 25, 50, 100])
def test_kept_recordings_under_wrong_names_are_seen_and_right_ones_let_be(whole, percent, measured):
    """Whether a release could pass by what is kept of its people, or of others so called."""
    name, context = whole
    seen = [kept_of(context, np.random.default_rng(seed), percent / 100) for seed in range(SEEDS)]
    likely = [one.estimates.get("kept_misnamed") for one in seen]
    stopped = sum(
        found.low > 0.1 if found else one.status != "measured"
        for one, found in zip(seen, likely, strict=True)
    )
    shares = [one.value for one in likely if one]
    say(
        f"{name}, {percent} % of people's kept names shuffled: stopped in {stopped} of {SEEDS}; "
        + (f"like strangers {min(shares):.3f} to {max(shares):.3f}" if shares else "nobody known")
    )
    # Where hearts cannot be told apart names hide nothing, and are to be let be.
    wanted = {0: "<= 0.05", 25: None, 50: ">= 0.95", 100: ">= 0.95"}[percent]
    figure = measured(
        f"shortcuts/kept-{name.replace(' ', '-')}-{percent}",
        f"Drawings in which nothing passes by what is kept, {percent} % of its people under one "
        "another's names",
        stopped / SEEDS, interval=wilson(stopped, SEEDS, 0.95), room="shortcuts",
        data=FOLDERS.get(name, f"simulated, {name}"),
        n=f"{SEEDS} drawings of {round(0.7 * context.records['subject'].nunique())} people",
        wanted="<= 0.05" if name == "identity 0" else wanted,
        note="later recordings are kept, of the same day too; sex and age are not looked at",
    )  # fmt: skip
    # Among few people of whom nothing is stated, halves do not always show that surely.
    assert figure.met is not False or name == "identity 0"
